"""Tables of an export to readings, a column at a time."""

import re
from collections.abc import Collection, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from contracts.batch import Quality
from contracts.errors import ConfigError
from contracts.quantities import NS_PER_S
from ingest.timestamps import END_S
from lab.data.export_sheet import Long, Named, Sheet, TimeColumn
from lab.data.readings import Names, Readings

_FIELD: Final = re.compile(r"\{([^{}]+)\}")
_NUMBER: Final = r"^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$"
_QUALITY: Final = {quality.name.lower(): int(quality) for quality in Quality}


class ExportTable:
    """Reads tables of one file.

    Parameters
    ----------
    file : str
        Its name, for messages.
    sheet : Sheet
    columns : sequence of str
        That the file has.
    names : Names

    Attributes
    ----------
    long : Long or None
        Columns of a long file, None when the file is wide.
    wide : dict of str to Named
        Channel of each column of a wide file.
    """

    def __init__(self, file: str, sheet: Sheet, columns: Sequence[str], names: Names) -> None:
        self._file = file
        self._sheet = sheet
        self._names = names
        self._coded: tuple[pa.Array, NDArray[np.int32]] | None = None
        self._columns = columns
        plain = Long()
        is_long = sheet.long is not None or (
            sheet.wide is None and {plain.channel, plain.value} <= set(columns)
        )
        self.long = (sheet.long or plain) if is_long else None
        self.wide = {} if is_long else (sheet.wide or self._every(columns))
        wanted = [self.long.channel, self.long.value] if self.long else list(self.wide)
        keys = {key for named in self.wide.values() for key in _FIELD.findall(named.channel)}
        for column in (sheet.time.column, *wanted, *sorted(keys)):
            if column not in columns:
                msg = f"{file}: expected a column `{column}`, got {', '.join(columns)}"
                msg += "; say in columns.yaml which is which"
                raise ConfigError(msg)

    def _every(self, columns: Sequence[str]) -> dict[str, Named]:
        return {name: Named(name) for name in columns if name != self._sheet.time.column}

    @property
    def time_column(self) -> str:
        """Column of the event time."""
        return self._sheet.time.column

    def begin_ns(self, least: pa.Array | None) -> int:
        """Earliest event time that the smallest value of the time column stands for, else -1."""
        if least is None:
            return -1
        return int(self._times(pa.chunked_array([least]))[0])

    @property
    def wanted(self) -> list[str]:
        """Columns to be read."""
        if self.long is not None:
            some = [self._sheet.time.column, self.long.channel, self.long.value, self.long.quality]
            return [name for name in some if name in self._columns]
        keys = [key for named in self.wide.values() for key in _FIELD.findall(named.channel)]
        return list(dict.fromkeys([self._sheet.time.column, *keys, *self.wide]))

    def text(self) -> list[str]:
        """Columns that are text, whatever stands in them."""
        if self.long is not None:
            return [self.long.channel, self.long.quality]
        return [key for named in self.wide.values() for key in _FIELD.findall(named.channel)]

    def readings(self, table: pa.Table) -> Readings:
        """Readings of some rows, in their order there; a wide row has its columns in turn."""
        time_ns = self._times(table.column(self._sheet.time.column))
        if self.long is None:
            code, value = self._wide(table)
            time_ns = np.repeat(time_ns, code.shape[1])
            there = np.flatnonzero(~np.isnan(value.ravel()))  # a hole is no reading
            return _plain(code.ravel()[there], time_ns[there], value.ravel()[there])
        quality = None
        if self.long.quality in table.column_names:
            quality = self._qualities(table.column(self.long.quality))
        code = self._channels(table.column(self.long.channel))
        return _plain(code, time_ns, self._values(table, self.long.value), quality)

    def _channels(self, column: pa.ChunkedArray) -> NDArray[np.int32]:
        """Numbers of the channels of a long file."""
        if column.null_count:
            msg = f"{self._file}: expected a channel in every row, got rows without"
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
        texts = [str(name) for name in names.to_pylist()]
        found = [self._sheet.channels.get(text) or Named(text) for text in texts]
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

    def _wide(self, table: pa.Table) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Numbers of channels and values of a wide file, shape (rows, columns)."""
        n = table.num_rows
        code = [self._column_codes(table, named, n) for named in self.wide.values()]
        value = [self._values(table, column) for column in self.wide]
        return np.column_stack(code), np.column_stack(value)

    def _column_codes(self, table: pa.Table, named: Named, n: int) -> NDArray[np.int32]:
        keys = _FIELD.findall(named.channel)
        if not keys:
            return np.full(n, self._numbered([named.channel], [named.unit])[0], np.int32)
        texts = [table.column(key).cast(pa.string()).to_pylist() for key in keys]
        rows = list(zip(*texts, strict=True))
        cells = {row: dict(zip(keys, row, strict=True)) for row in rows}
        of = {row: named.channel.format(**cell) for row, cell in cells.items()}
        return self._numbered([of[row] for row in rows], [named.unit] * n)

    def _values(self, table: pa.Table, column: str) -> NDArray[np.float64]:
        """Values of a column; NaN where there is none or a word such as `Bad`."""
        found = table.column(column)
        if pa.types.is_string(found.type) or pa.types.is_large_string(found.type):
            text = pc.utf8_trim_whitespace(found)
            number = pc.match_substring_regex(
                text, r"^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[-+]?\d+)?$"
            )
            found = pc.if_else(number, text, None)
        return _numbers(found.cast(pa.float64()))

    def _qualities(self, column: pa.ChunkedArray) -> NDArray[np.uint8]:
        if pa.types.is_integer(column.type):
            return _checked(column.to_numpy(), self._file)
        words = column.combine_chunks().dictionary_encode()
        code = [_QUALITY.get(str(w).lower(), 255) for w in words.dictionary.to_pylist()]
        indices = words.indices.fill_null(len(code)).to_numpy()
        return _checked(np.array([*code, int(Quality.GOOD)], np.uint8)[indices], self._file)

    def _times(self, column: pa.ChunkedArray) -> NDArray[np.int64]:
        found = _instants(column, self._sheet.time, self._file)
        if found.null_count:
            msg = f"{self._file}: expected a time in every row, got rows without"
            raise ConfigError(msg)
        time_ns: NDArray[np.int64] = found.cast(pa.int64()).to_numpy()
        wrong = (time_ns < 0) | (time_ns >= END_S * NS_PER_S)
        if wrong.any():
            msg = f"{self._file}: expected times from 1970 to 2200, got another in row"
            msg += f" {int(np.argmax(wrong)) + 1} of those read together"
            raise ConfigError(msg)
        return time_ns


def _instants(column: pa.ChunkedArray, how: TimeColumn, file: str) -> Any:
    """Times as nanoseconds of UTC."""
    utc = pa.timestamp("ns", "UTC")
    try:
        if pa.types.is_integer(column.type):
            return column.cast(pa.timestamp(how.epoch, "UTC")).cast(utc)
        if how.format:
            column = pc.strptime(column, format=how.format, unit="us")
        elif pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            first = next((text for text in column[:1].to_pylist() if text), "")
            zoned = re.search(r"(Z|z|[-+]\d\d:?\d\d)$", first.strip()) is not None
            column = column.cast(utc if zoned else pa.timestamp("ns"))
        if pa.types.is_timestamp(column.type) and column.type.tz is not None:
            return column.cast(utc)
        if not how.zone:
            msg = f"{file}: expected times with a zone, got local ones"
            msg += "; declare `time: {zone: Asia/Shanghai}` in columns.yaml"
            raise ConfigError(msg)
        local = column.cast(pa.timestamp("ns"))
        return pc.assume_timezone(local, how.zone, ambiguous="earliest", nonexistent="latest")
    except (pa.ArrowException, ValueError) as error:
        text = str(error).splitlines()[0][:160]
        msg = f"{file}: column `{how.column}`: expected times, got {text!r}; declare their format"
        raise ConfigError(msg) from error


def _numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    found: NDArray[np.float64] = column.to_numpy()
    return found


def _checked(quality: NDArray[Any], file: str) -> NDArray[np.uint8]:
    if not np.isin(quality, list(Quality)).all():
        msg = f"{file}: expected the qualities good, uncertain or bad, got another"
        raise ConfigError(msg)
    return quality.astype(np.uint8)


def _plain(
    code: NDArray[np.int32],
    time_ns: NDArray[np.int64],
    value: NDArray[np.float64],
    quality: NDArray[np.uint8] | None = None,
) -> Readings:
    if quality is None:
        quality = np.zeros(len(code), np.uint8)
    return Readings(code, time_ns, value, quality, time_ns)
