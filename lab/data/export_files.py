"""Files of readings, opened: what they hold at all, and their readings in order."""

import codecs
import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from contracts.errors import ConfigError
from ingest.json.reading import time_fault
from ingest.timestamps import read_mixed_times
from lab.data.cells import Cells, no_text, shown
from lab.data.export_sheet import Sheet
from lab.data.export_table import ExportTable
from lab.data.readings import Names, Readings
from lab.data.recorded_lines import numbered_readings, old_times

CSV_BYTES_MAX: Final = 2 << 30
_QUALITY: Final = {"good": 0, "uncertain": 1, "bad": 2}
# Encodings as Python calls them, by the byte order mark that a file begins with.
_MARKED: Final = {
    codecs.BOM_UTF8: ("utf-8", "utf-8-sig"),
    codecs.BOM_UTF16_LE: ("utf-16",),
    codecs.BOM_UTF16_BE: ("utf-16",),
}


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is held at once.

    Parameters
    ----------
    block : int
        Readings scored at once: their columns stay in the processor's cache.
    sorted_max : int
        Readings of a file that are put into order in memory; a larger one must be in order.
    """

    block: int = 1 << 18
    sorted_max: int = 30_000_000


SIZES: Final = Sizes()


class Source(Protocol):
    """A file of readings."""

    @property
    def count(self) -> int:
        """Readings in it, of a wide file places for one."""

    @property
    def begin_ns(self) -> int:
        """No reading arrives earlier; -1 where nobody knows before it is read."""

    def channels(self) -> frozenset[int]:
        """Numbers of the channels that it may have readings of."""

    @property
    def notes(self) -> list[str]:
        """What a person should know of the readings that were read."""

    def blocks(self) -> Iterator[Readings]:
        """Its readings by arrival; may be called again."""

    def find(self, code: int, time_ns: int, *, finite: bool) -> str | None:
        """Where a reading stands, with or without a number, and what there; the file is read."""


class Finder(Protocol):
    """Finds a reading in a file; see `Source.find`."""

    def __call__(self, code: int, time_ns: int, *, finite: bool) -> str | None:
        """Where it stands, None when it is not in the file."""


def _nowhere(code: int, time_ns: int, *, finite: bool) -> str | None:
    del code, time_ns, finite
    return None


@dataclass(frozen=True)
class Loaded:
    """A file that is held in memory.

    Parameters
    ----------
    readings : Readings
    find : Finder
        Without one, nothing is found: the readings are of no file.
    notes : list of str
        See `Source`.
    """

    readings: Readings
    find: Finder = _nowhere
    notes: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Readings in it."""
        return len(self.readings)

    @property
    def begin_ns(self) -> int:
        """Arrival of the first."""
        return int(self.readings.arrival_ns[0]) if self.count else -1

    def channels(self) -> frozenset[int]:
        """Numbers of its channels."""
        return frozenset(np.unique(self.readings.code).tolist())

    def blocks(self) -> Iterator[Readings]:
        """Its readings by arrival."""
        return _cut(self.readings)


class ParquetRows:
    """A Parquet file, read when its time has come.

    Parameters
    ----------
    path : Path
    table : ExportTable
    sizes : Sizes

    Attributes
    ----------
    count, begin_ns : int
        See `Source`.
    """

    def __init__(self, path: Path, table: ExportTable, sizes: Sizes) -> None:
        self._path = path
        self._sizes = sizes
        self._table = table
        self._wanted = table.wanted
        self._width = max(len(table.wide), 1)
        with self._opened() as file:
            self.count = int(file.metadata.num_rows) * self._width
            self.begin_ns = table.begin_ns(_least(file, table.time_column))
        self._channels: frozenset[int] = frozenset()

    def _opened(self) -> pq.ParquetFile:
        texts = [self._table.long.channel] if self._table.long else []
        return pq.ParquetFile(self._path, read_dictionary=texts, memory_map=True)

    def channels(self) -> frozenset[int]:
        """Numbers of its channels; of a long file the column is read, some ns a reading."""
        if not self._channels:
            with self._opened() as file:
                if self._table.long is None and not self._table.templated():
                    found = set(self._table.column_codes(_filled(file.metadata)).tolist())
                else:
                    found = set[int]().union(*self._seen(file))
            self._channels = frozenset(found)
        return self._channels

    def _seen(self, file: pq.ParquetFile) -> Iterator[set[int]]:
        """Numbers of the channels that batch after batch has."""
        long, size = self._table.long, (8 * self._sizes.block) // self._width + 1
        names = [long.channel] if long else self._wanted
        for batch in file.iter_batches(size, columns=names):
            if long:
                yield set(self._table.codes(_coded(batch.column(0)).dictionary).tolist())
            else:
                yield set(self._table.readings(_table(batch)).code.tolist())

    def blocks(self) -> Iterator[Readings]:
        """Its readings by time: put into order here when they are few.

        Raises
        ------
        ConfigError
            When a batch of many begins before the one before it ended.
        """
        with self._opened() as file:
            if self.count <= self._sizes.sorted_max:
                whole = self._table.readings(file.read(columns=self._wanted))
                yield from _cut(whole.in_order())
            else:
                yield from self._in_parts(file)

    @property
    def notes(self) -> list[str]:
        """What a person should know of the readings, once they were read."""
        return self._table.notes

    def find(self, code: int, time_ns: int, *, finite: bool) -> str | None:
        """Where a reading stands, and what there."""
        row, size = 0, self._sizes.block // self._width + 1
        with self._opened() as file:
            for batch in file.iter_batches(size, columns=self._wanted):
                found = self._table.find(_table(batch), row, (code, time_ns), finite=finite)
                if found is not None:
                    return found
                row += batch.num_rows
        return None

    def _in_parts(self, file: pq.ParquetFile) -> Iterator[Readings]:
        last, row = -1, 0
        size = self._sizes.block // self._width + 1
        for batch in file.iter_batches(size, columns=self._wanted, use_threads=False):
            readings = self._table.readings(_table(batch), row).in_order()
            row += batch.num_rows
            if not len(readings):
                continue
            if readings.arrival_ns[0] < last:
                msg = f"{self._path}: expected {self.count:,} readings by time, got them unsorted"
                msg += f"; more than {self._sizes.sorted_max:,} are not sorted here"
                raise ConfigError(msg)
            last = int(readings.arrival_ns[-1])
            yield readings


def _cut(readings: Readings) -> Iterator[Readings]:
    for first in range(0, len(readings), SIZES.block):
        yield readings.cut(first, first + SIZES.block)


def _least(file: pq.ParquetFile, column: str) -> pa.Array | None:
    """Smallest value of a column of whole numbers or timestamps, if the file says it."""
    metadata, kind = file.metadata, file.schema_arrow.field(column).type
    if not (pa.types.is_integer(kind) or pa.types.is_timestamp(kind)):
        return None
    paths = [metadata.schema.column(i).path for i in range(metadata.num_columns)]
    place = paths.index(column)
    groups = [metadata.row_group(i).column(place) for i in range(metadata.num_row_groups)]
    known = [group.statistics for group in groups]
    if not known or not all(one is not None and one.has_min_max for one in known):
        return None
    return pa.array([min(one.min_raw for one in known)], pa.int64()).cast(kind)


def open_csv(path: Path, sheet: Sheet, names: Names) -> Source:
    """CSV with a head line, in any order.

    Raises
    ------
    ConfigError
        When it is no CSV in the declared encoding, or a time or quality cannot be read.
    """
    size = path.stat().st_size
    if size > CSV_BYTES_MAX:
        msg = f"{path}: expected at most {CSV_BYTES_MAX:,} bytes of CSV, got {size:,}"
        msg += "; write Parquet by time"
        raise ConfigError(msg)
    _check_encoding(path, sheet.encoding)
    parse = pyarrow.csv.ParseOptions(delimiter=sheet.delimiter)
    code = pyarrow.csv.ReadOptions(encoding=sheet.encoding)
    try:
        with pyarrow.csv.open_csv(path, code, parse) as head:
            columns = head.schema.names
        table = ExportTable(Cells(path, columns, sheet.encoding, sheet.delimiter), sheet, names)

        def read() -> pa.Table:
            return pyarrow.csv.read_csv(path, code, parse, _as_text(table))

        rows = read()
        readings = table.readings(rows).in_order()
        notes = [*table.notes, *_quoted_lines(path, sheet.encoding, rows.num_rows)]
    except (pa.ArrowInvalid, UnicodeError) as error:
        raise ConfigError(_no_csv(path, sheet, error)) from error

    def find(code: int, time_ns: int, *, finite: bool) -> str | None:
        return table.find(read(), 0, (code, time_ns), finite=finite)

    return Loaded(readings, find, notes)


def _quoted_lines(path: Path, encoding: str, rows: int) -> list[str]:
    """Whether lines stand inside quotes: one that is not closed takes readings with it."""
    with path.open("rb") as file:
        if not any(b'"' in block for block in iter(lambda: file.read(1 << 20), b"")):
            return []
    with path.open(encoding=encoding) as text:
        inside = sum(bool(line.strip()) for line in text) - 1 - rows
    if inside <= 0:
        return []
    return [f"{path}: {inside:,} lines are inside quotes and no rows; is a quote not closed?"]


def _as_text(table: ExportTable) -> pyarrow.csv.ConvertOptions:
    """Every wanted column as text, so that no cell decides how others are read."""
    kinds: dict[str, pa.DataType] = dict.fromkeys(table.wanted, pa.string())
    if table.long is not None:
        kinds[table.long.channel] = pa.dictionary(pa.int32(), pa.string())
    return pyarrow.csv.ConvertOptions(
        include_columns=table.wanted,
        column_types=kinds,
        null_values=[""],
        strings_can_be_null=True,
    )


def _check_encoding(path: Path, encoding: str) -> None:
    """Refuse a file whose first bytes say that it is something else than what is declared."""
    try:
        declared = codecs.lookup(encoding).name
    except LookupError as error:
        msg = f"{path}: `encoding:`: expected one as utf-8, cp1252, gbk or utf-16, got {encoding!r}"
        raise ConfigError(msg) from error
    with path.open("rb") as file:
        if other := _other_than(declared, file.read(512)):
            msg = f"{path}:1: expected CSV with a head line in {encoding.upper()}, got {other}"
            raise ConfigError(msg)


def _other_than(declared: str, head: bytes) -> str:
    """What a file has that begins with these bytes, and what to do; empty when nothing is wrong."""
    if what := no_text(head):
        return f"{what}; unpack it, or export CSV"
    for mark, allowed in _MARKED.items():
        # UTF-8 itself refuses the bytes of other encodings, wherever they stand.
        if head.startswith(mark) and declared not in ("utf-8", *allowed):
            return f"the byte order mark of {allowed[0]}; declare `encoding: {allowed[0]}`"
    if 0 in head[:2] and not declared.startswith(("utf-16", "utf-32")):
        wide = "utf-16-be" if head[0] == 0 else "utf-16-le"
        return f"zero bytes; save the export as UTF-8, or declare `encoding: {wide}`"
    if head.removeprefix(codecs.BOM_UTF8).lower().startswith(b"sep="):
        return "the line `sep=` of a spreadsheet; delete it, and declare `delimiter:`"
    return ""


def _no_csv(path: Path, sheet: Sheet, error: Exception) -> str:
    """What is wrong with a file that cannot be read as CSV."""
    line, encoding = 0, sheet.encoding
    try:
        with path.open(encoding=encoding) as text:
            for _ in text:
                line += 1
    except UnicodeError:
        with path.open("rb") as file:
            wide = file.read(2) in (b"\xff\xfe", b"\xfe\xff")
        other = "utf-16" if wide else "cp1252"
        msg = f"{path}:{line + 1}: expected {encoding.upper()}, got other bytes; save the export"
        return f"{msg} as UTF-8, or declare `encoding: {other}` or whichever it has"
    return _ragged(path, sheet) or f"{path}: expected CSV with a head line, got {_said(error)!r}"


def _said(error: Exception) -> str:
    return str(error).splitlines()[0][:160]


def _ragged(path: Path, sheet: Sheet) -> str:
    """The first row that has more or fewer cells than the head line, empty when none has."""
    with path.open(encoding=sheet.encoding, newline="") as text:
        reader = csv.reader(text, delimiter=sheet.delimiter)
        head = next(filter(None, reader), [])
        for row in filter(None, reader):
            if len(row) != len(head):
                begin = shown(sheet.delimiter.join(head))
                msg = f"{path}:{reader.line_num}: expected as many cells as the head line {begin}"
                return (
                    f"{msg} has ({len(head)}), got {len(row)}; leave lines before the head line "
                    "and behind the readings out of the export"
                )
    return ""


def open_parquet(path: Path, sheet: Sheet, names: Names, sizes: Sizes = SIZES) -> Source:
    """Parquet, long or wide, of which nothing is held before it is read."""
    with pq.ParquetFile(path) as head:
        columns = head.schema_arrow.names
    table = ExportTable(Cells(path, columns), sheet, names)
    return ParquetRows(path, table, sizes)


def open_lines(path: Path, names: Names) -> Source:
    """JSON readings, one a line, in the order of the file, as a replay takes them.

    Raises
    ------
    DecodeError
        For the first line that is no reading.
    """
    found = list(numbered_readings(path))
    time_ns = read_mixed_times([reading.time for _, reading in found])
    wrong = np.flatnonzero(time_ns < 0)
    if len(wrong):
        number, reading = found[int(wrong[0])]
        raise ConfigError(time_fault(f"{path}:{number}", reading.time, int(time_ns[wrong[0]])))
    values = [reading.value for _, reading in found]
    readings = Readings(
        names.codes(reading.channel for _, reading in found),
        time_ns,
        np.array(values, np.float64),
        np.array([_QUALITY[reading.quality] for _, reading in found], np.uint8),
        np.maximum.accumulate(time_ns),
    )

    def find(code: int, time_ns: int, *, finite: bool) -> str | None:
        for number, reading in numbered_readings(path):
            same = names.ids[code] == reading.channel and (reading.value is not None) == finite
            if same and int(read_mixed_times([reading.time])[0]) == time_ns:
                return f"{path}:{number}: {shown(reading.value)}"
        return None

    return Loaded(readings, find, old_times(path, [number for number, _ in found], time_ns))


def _filled(metadata: pq.FileMetaData) -> frozenset[str]:
    """Columns that have a value somewhere, as far as the file says."""
    found = set()
    for i in range(metadata.num_row_groups):
        group = metadata.row_group(i)
        for place in range(group.num_columns):
            column = group.column(place)
            known = column.statistics
            if known is None or not known.has_null_count or known.null_count < group.num_rows:
                found.add(column.path_in_schema)
    return frozenset(found)


def _table(batch: pa.RecordBatch) -> pa.Table:
    return pa.Table.from_batches([batch])


def _coded(column: pa.Array) -> pa.DictionaryArray:
    return column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
