"""Tables of an export to readings, a column at a time."""

import json
import re
from collections.abc import Collection, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from contracts.batch import Quality
from contracts.errors import ConfigError
from lab.data.cells import Cells, shown
from lab.data.export_sheet import Long, Named, Sheet
from lab.data.export_times import TimeReader
from lab.data.export_values import BrokenCell, ValueReader, Values, no_number
from lab.data.readings import Names, Readings

_FIELD: Final = re.compile(r"\{([^{}:]+)(:lower)?\}")
_QUALITY: Final = {quality.name.lower(): int(quality) for quality in Quality}
_QUALITY_NUMBERS: Final = {str(int(quality)): int(quality) for quality in Quality}
_NOT_ONE: Final = 255


class ExportTable:
    """Reads tables of one file.

    Parameters
    ----------
    cells : Cells
        Its name and columns.
    sheet : Sheet
    names : Names

    Attributes
    ----------
    long : Long or None
        Columns of a long file, None when the file is wide.
    wide : dict of str to Named
        Channel of each column of a wide file.
    """

    def __init__(self, cells: Cells, sheet: Sheet, names: Names) -> None:
        self._cells = cells
        self._sheet = sheet
        self._names = names
        self._values = ValueReader(sheet)
        self._times = TimeReader(sheet.time, cells)
        self._qualities = {**_QUALITY, **({} if sheet.qualities else _QUALITY_NUMBERS)}
        self._qualities |= {k.strip().lower(): _QUALITY[v] for k, v in sheet.qualities.items()}
        self._coded: tuple[pa.Array, NDArray[np.int32]] | None = None
        columns, plain = cells.columns, Long()
        is_long = sheet.long is not None or (
            sheet.wide is None and {plain.channel, plain.value} <= set(columns)
        )
        self.long = (sheet.long or plain) if is_long else None
        self.wide = {} if is_long else (sheet.wide or _every(columns, sheet.time.column))
        self._check()

    def _check(self) -> None:
        """Every wanted column is there, once, and no two are of one channel."""
        if self._sheet.long and self._sheet.wide:
            msg = f"{self._cells.file}: expected `long` or `wide` to be declared, got both"
            raise ConfigError(msg)
        columns = list(self._cells.columns)
        keys = {key for named in self.wide.values() for key in _fields(named)}
        wanted = [self.long.channel, self.long.value] if self.long else list(self.wide)
        for column in (self._sheet.time.column, *wanted, *sorted(keys)):
            if column not in columns:
                msg = f"{self._cells.file}: expected a column `{column}`, got {', '.join(columns)}"
                raise ConfigError(msg + _which(columns, self._cells.delimiter))
        for column in self.wanted:
            if columns.count(column) > 1:
                places = " and ".join(
                    str(i + 1) for i, name in enumerate(columns) if name == column
                )
                msg = f"{self._cells.file}: expected the column `{column}` once, got it as {places}"
                raise ConfigError(msg + "; export one of them, or give them names of their own")
        of: dict[str, str] = {}
        for column, named in self.wide.items():
            other = of.setdefault(named.channel, column)
            if other != column:
                msg = f"{self._cells.file}: expected one column of {named.channel}, got `{other}`"
                raise ConfigError(msg + f" and `{column}`; leave one out in columns.yaml")

    @property
    def time_column(self) -> str:
        """Column of the event time."""
        return self._sheet.time.column

    def begin_ns(self, least: pa.Array | None) -> int:
        """Earliest event time that the smallest value of the time column stands for, else -1."""
        if least is None:
            return -1
        times = TimeReader(self._sheet.time, self._cells)
        return int(times.read(pa.chunked_array([least]), np.zeros(1, np.int32), 0)[0])

    @property
    def notes(self) -> list[str]:
        """What a person should know of the columns, and of the times that were read last."""
        return [*self._unnamed(), *self._times.notes.values()]

    def _unnamed(self) -> list[str]:
        """That columns without a name are left out of a file which declares none."""
        places = [str(i + 1) for i, name in enumerate(self._cells.columns) if not name.strip()]
        if not places or self.long or self._sheet.wide:
            return []
        text = f"{self._cells.file}:1: no name over {len(places)} of the columns"
        return [f"{text} ({', '.join(places)}), which are left out"]

    @property
    def wanted(self) -> list[str]:
        """Columns to be read."""
        if self.long is not None:
            some = [self._sheet.time.column, self.long.channel, self.long.value, self.long.quality]
            return [name for name in some if name in self._cells.columns]
        keys = [key for named in self.wide.values() for key in _fields(named)]
        return list(dict.fromkeys([self._sheet.time.column, *keys, *self.wide]))

    def templated(self) -> bool:
        """Whether cells of other columns name the channels of a wide file."""
        return any(_fields(named) for named in self.wide.values())

    def readings(self, table: pa.Table, first_row: int = 0) -> Readings:
        """Readings of some rows, in their order there; a wide row has its columns in turn.

        Parameters
        ----------
        table : Table
        first_row : int
            Place of the first row in the file; 0 begins to read it anew.
        """
        return self._read(table, first_row)[0]

    def find(
        self, table: pa.Table, first_row: int, what: tuple[int, int], *, finite: bool
    ) -> str | None:
        """Where a reading stands, and what there; None when it is in other rows.

        Parameters
        ----------
        table, first_row
            As `readings` takes them.
        what : (int, int)
            Number of the channel, and the event time in ns.
        finite : bool
            Whether it has a number.
        """
        readings, place = self._read(table, first_row)
        same = (readings.code == what[0]) & (readings.time_ns == what[1])
        same &= np.isfinite(readings.value) == finite
        if not same.any():
            return None
        columns = [self.long.value] if self.long else list(self.wide)
        row, column = divmod(int(place[int(np.argmax(same))]), len(columns))
        cell = table.column(columns[column])[row].as_py()
        text = f"{self._cells.at(first_row + row, columns[column])}: {shown(cell)}"
        advice = no_number(str(cell), self._sheet.decimal) if not finite and cell else ""
        return f"{text} ({advice})" if advice else text

    def _read(self, table: pa.Table, first_row: int) -> tuple[Readings, NDArray[np.int64]]:
        """Readings, and for each the place of its cell, row after row."""
        if first_row == 0:
            self._times = TimeReader(self._sheet.time, self._cells)
        if self.long is None:
            code, values = self._wide(table, first_row)
            streams = code[:, 0] if self.templated() else np.zeros(len(code), np.int32)
        else:
            code = self._channels(table.column(self.long.channel), first_row)[:, None]
            values, streams = [self._numbers(table, self.long.value, first_row)], code[:, 0]
        time_ns = self._times.read(table.column(self.time_column), streams, first_row)
        place = self._there(values)
        row = place // len(values)
        number = np.column_stack([one.number for one in values]).ravel()
        quality = np.zeros(len(place), np.uint8)
        if self.long is not None and self.long.quality in table.column_names:
            quality = self._quality_of(table.column(self.long.quality), first_row)[row]
        time_ns = time_ns[row]
        return Readings(code.ravel()[place], time_ns, number[place], quality, time_ns), place

    def _there(self, values: Sequence[Values]) -> NDArray[np.int64]:
        """Places of the cells that have a reading: an empty one of a long file has, with none."""
        count = len(values[0].number) * len(values)
        holes = [one.hole for one in values]
        if self.long is not None and not self._sheet.holes:
            holes = [None]
        if all(hole is None for hole in holes):
            return np.arange(count)
        full = np.zeros(len(values[0].number), np.bool_)
        return np.flatnonzero(~np.column_stack([full if h is None else h for h in holes]).ravel())

    def _channels(self, column: pa.ChunkedArray, first_row: int) -> NDArray[np.int32]:
        """Numbers of the channels of a long file."""
        if column.null_count:
            row = first_row + int(np.argmax(column.is_null().to_numpy()))
            place = self._cells.at(row, self.long.channel if self.long else "")
            msg = f"{place}: expected a channel, got none; leave such rows out of the export"
            raise ConfigError(msg)
        parts = [np.empty(0, np.int32)]
        for chunk in column.chunks:
            coded = chunk if pa.types.is_dictionary(chunk.type) else chunk.dictionary_encode()
            parts.append(self.codes(coded.dictionary)[coded.indices.to_numpy()])
        return np.concatenate(parts)

    def codes(self, names: pa.Array) -> NDArray[np.int32]:
        """Numbers of the channels behind names of a long file."""
        if self._coded is not None and self._coded[0].equals(names):
            return self._coded[1]  # batch after batch has the same dictionary
        texts = [_text(name) for name in names.to_pylist()]
        found = [self._sheet.channels.get(text) or Named(text.strip()) for text in texts]
        codes = self._numbered([named.channel for named in found], [n.unit for n in found])
        self._coded = (names, codes)
        return codes

    def column_codes(self, columns: Collection[str]) -> NDArray[np.int32]:
        """Numbers of the channels of some columns of a wide file."""
        found = [named for column, named in self.wide.items() if column in columns]
        return self._numbered([named.channel for named in found], [n.unit for n in found])

    def _numbered(self, ids: Sequence[str], units: Sequence[str]) -> NDArray[np.int32]:
        self._names.units.update({i: unit for i, unit in zip(ids, units, strict=True) if unit})
        return self._names.codes(ids)

    def _wide(self, table: pa.Table, first_row: int) -> tuple[NDArray[np.int32], list[Values]]:
        """Numbers of channels, shape (rows, columns), and values of a wide file by column."""
        code = [self._column_codes(table, named, first_row) for named in self.wide.values()]
        values = [self._numbers(table, column, first_row) for column in self.wide]
        return np.column_stack(code), values

    def _column_codes(self, table: pa.Table, named: Named, first_row: int) -> NDArray[np.int32]:
        keys, n = _fields(named), table.num_rows
        if not keys:
            return np.full(n, self._numbered([named.channel], [named.unit])[0], np.int32)
        texts = []
        for key in keys:
            column = table.column(key)
            if column.null_count:
                row = first_row + int(np.argmax(column.is_null().to_numpy()))
                msg = f"{self._cells.at(row, key)}: expected a part of a channel id, got none"
                raise ConfigError(msg + "; leave such rows out of the export")
            texts.append(column.cast(pa.string()).to_pylist())
        rows = list(zip(*texts, strict=True))
        of = {row: self._filled(named, dict(zip(keys, row, strict=True))) for row in set(rows)}
        return self._numbered([of[row] for row in rows], [named.unit] * n)

    def _filled(self, named: Named, cell: dict[str, str]) -> str:
        """The id that a template gives with the cells of a row."""

        def part(field: re.Match[str]) -> str:
            text = cell[field[1]].strip()
            text = self._sheet.names.get(field[1], {}).get(text, text)
            return text.lower() if field[2] else text

        return _FIELD.sub(part, named.channel)

    def _numbers(self, table: pa.Table, column: str, first_row: int) -> Values:
        try:
            return self._values.read(table.column(column))
        except TypeError as error:
            msg = f"{self._cells.file}: column `{column}`: expected numbers or words, got {error}"
            raise ConfigError(msg) from error
        except BrokenCell as error:
            place = self._cells.at(first_row + error.row, column)
            msg = f"{place}: expected a number or a word on one line, got {shown(error.text)}"
            raise ConfigError(msg + "; is a quote not closed?") from error

    def _quality_of(self, column: pa.ChunkedArray, first_row: int) -> NDArray[np.uint8]:
        """Quality of each row, good where none is said."""
        texts = pc.utf8_trim_whitespace(column.cast(pa.string()))
        words = pc.utf8_lower(texts).combine_chunks().dictionary_encode()
        known = {**self._qualities, "": int(Quality.GOOD)}
        code = [known.get(word, _NOT_ONE) for word in words.dictionary.to_pylist()]
        indices = words.indices.fill_null(len(code)).to_numpy()
        quality: NDArray[np.uint8] = np.array([*code, int(Quality.GOOD)], np.uint8)[indices]
        if (wrong := quality == _NOT_ONE).any():
            row = int(np.argmax(wrong))
            place = self._cells.at(first_row + row, self.long.quality if self.long else "")
            got = shown(column[row].as_py())
            msg = f"{place}: expected the qualities good, uncertain or bad, got {got}"
            raise ConfigError(msg + "; declare `qualities:` in columns.yaml")
        return quality


def _every(columns: Sequence[str], time: str) -> dict[str, Named]:
    """Each column that has a name, but the time, as the channel of its name."""
    return {name: Named(name) for name in columns if name != time and name.strip()}


def _text(name: str | bytes | float) -> str:
    """Name of a channel, as Parquet may have it; one of bytes that are no text is told by them."""
    return name.decode(errors="backslashreplace") if isinstance(name, bytes) else str(name)


def _which(columns: Sequence[str], delimiter: str) -> str:
    """What to declare when columns are not as expected."""
    head = "".join(columns)
    other = next((sign for sign in ";\t|," if sign != delimiter and sign in head), None)
    if len(columns) == 1 and other is not None:
        return f"; declare `delimiter: {json.dumps(other)}` in columns.yaml"
    return "; say in columns.yaml which is which"


def _fields(named: Named) -> list[str]:
    """Columns in braces of a template."""
    return [field for field, _ in _FIELD.findall(named.channel)]
