"""Files of readings, opened: what they hold at all, and their readings in order."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from contracts.errors import ConfigError, DecodeError
from ingest.json.reading import decode_reading, time_fault
from ingest.timestamps import read_mixed_times
from lab.data.export_sheet import Sheet
from lab.data.export_table import ExportTable
from lab.data.readings import Names, Readings

CSV_BYTES_MAX: Final = 2 << 30
_QUALITY: Final = {"good": 0, "uncertain": 1, "bad": 2}


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

    def blocks(self) -> Iterator[Readings]:
        """Its readings by arrival; may be called again."""


@dataclass(frozen=True)
class Loaded:
    """A file that is held in memory."""

    readings: Readings

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
                if self._table.long is None and not self._table.text():
                    found = set(self._table.column_codes(_filled(file.metadata)).tolist())
                else:
                    found = set[int]().union(*self._seen(file))
            self._channels = frozenset(found)
        return self._channels

    def _seen(self, file: pq.ParquetFile) -> Iterator[set[int]]:
        """Numbers of the channels that batch after batch has."""
        long, size = self._table.long, (8 * self._sizes.block) // self._width + 1
        names = [long.channel] if long else self._table.wanted
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
                whole = self._table.readings(file.read(columns=self._table.wanted))
                yield from _cut(whole.in_order())
            else:
                yield from self._in_parts(file)

    def _in_parts(self, file: pq.ParquetFile) -> Iterator[Readings]:
        last = -1
        size = self._sizes.block // self._width + 1
        for batch in file.iter_batches(size, columns=self._table.wanted, use_threads=False):
            readings = self._table.readings(_table(batch)).in_order()
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
    place = metadata.schema.names.index(column)
    groups = [metadata.row_group(i).column(place) for i in range(metadata.num_row_groups)]
    known = [group.statistics for group in groups]
    if not known or not all(one is not None and one.has_min_max for one in known):
        return None
    return pa.array([min(one.min_raw for one in known)], pa.int64()).cast(kind)


def open_csv(path: Path, sheet: Sheet, names: Names) -> Source:
    """CSV with a head line, in any order."""
    size = path.stat().st_size
    if size > CSV_BYTES_MAX:
        msg = f"{path}: expected at most {CSV_BYTES_MAX:,} bytes of CSV, got {size:,}"
        msg += "; write Parquet by time"
        raise ConfigError(msg)
    parse = pyarrow.csv.ParseOptions(delimiter=sheet.delimiter)
    try:
        with pyarrow.csv.open_csv(path, parse_options=parse) as head:
            columns = head.schema.names
        table = ExportTable(str(path), sheet, columns, names)
        text = dict.fromkeys(table.text(), pa.string())
        if sheet.time.format:
            text[sheet.time.column] = pa.string()
        convert = pyarrow.csv.ConvertOptions(
            include_columns=table.wanted,
            column_types=text,
            decimal_point=sheet.decimal,
            timestamp_parsers=[_NO_FORMAT],
        )
        found = pyarrow.csv.read_csv(path, parse_options=parse, convert_options=convert)
    except pa.ArrowInvalid as error:
        msg = f"{path}: expected CSV with a head line, got {str(error).splitlines()[0][:160]!r}"
        raise ConfigError(msg) from error
    return Loaded(table.readings(found).in_order())


# No time looks like this: times are read by us, as the sheet says.
_NO_FORMAT: Final = "%Y never %m"


def open_parquet(path: Path, sheet: Sheet, names: Names, sizes: Sizes = SIZES) -> Source:
    """Parquet, long or wide, of which nothing is held before it is read."""
    with pq.ParquetFile(path) as head:
        columns = head.schema_arrow.names
    table = ExportTable(str(path), sheet, columns, names)
    return ParquetRows(path, table, sizes)


def open_lines(path: Path, names: Names) -> Source:
    """JSON readings, one a line, in the order of the file, as a replay takes them.

    Raises
    ------
    DecodeError
        For the first line that is no reading.
    """
    found = []
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                found.append((number, decode_reading(line.strip(), number)))
            except DecodeError as error:
                msg = f"{path}:{number}: {error.detail.partition(': ')[2]}"
                raise DecodeError(error.reason, msg) from None
    time_ns = read_mixed_times([reading.time for _, reading in found])
    wrong = np.flatnonzero(time_ns < 0)
    if len(wrong):
        number, reading = found[int(wrong[0])]
        raise ConfigError(time_fault(f"{path}:{number}", reading.time, int(time_ns[wrong[0]])))
    values = [reading.value for _, reading in found]
    return Loaded(
        Readings(
            names.codes(reading.channel for _, reading in found),
            time_ns,
            np.array(values, np.float64),
            np.array([_QUALITY[reading.quality] for _, reading in found], np.uint8),
            np.maximum.accumulate(time_ns),
        )
    )


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
