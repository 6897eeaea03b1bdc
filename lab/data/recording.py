"""Recorded telemetry as files: the records of a lifeline's lanes, to be read again as they came."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from contracts.errors import ConfigError
from contracts.records import TOMBSTONE, Records

SCHEMA = pa.schema(
    [
        pa.field("lane", pa.int32(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("timestamp_ms", pa.int64(), nullable=False),
        pa.field("payload", pa.binary()),
    ]
)
_LIFELINE = b"tocsin.lifeline"
ROWS_PER_BATCH = 16_384


def write(path: Path, lifeline: str, records: Iterable[tuple[int, Records]]) -> int:
    """Write a recording, as a whole or not at all; the number of records in it.

    Parameters
    ----------
    path : Path
        Parquet file to make; an old one is replaced.
    lifeline : str
        Kept in the file's metadata.
    records : iterable of (int, Records)
        Lane and records, in any order of lanes, in offset order within each.

    Raises
    ------
    ConfigError
        When a lane's offsets do not rise; the file is not made then.
    """
    count = 0
    with writing(path, lifeline) as add:
        for lane, chunk in records:
            add(lane, chunk)
            count += len(chunk)
    return count


@contextmanager
def writing(path: Path, lifeline: str) -> Iterator[Callable[[int, Records], None]]:
    """A recording in the making: call what is given with lane after lane's records, as `write`."""
    schema = SCHEMA.with_metadata({_LIFELINE: lifeline.encode()})
    part = path.with_name(f".{path.name}.part")
    following: dict[int, int] = {}
    try:
        with pq.ParquetWriter(part, schema, compression="zstd") as writer:

            def add(lane: int, chunk: Records) -> None:
                _check_order(path, lane, chunk, following)
                writer.write_table(_table(lane, chunk, schema))

            yield add
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _check_order(path: Path, lane: int, chunk: Records, following: dict[int, int]) -> None:
    offsets = np.concatenate([[following.get(lane, 0) - 1], chunk.offset])
    if (np.diff(offsets) < 1).any():
        msg = f"{path}: lane {lane}: expected rising offsets, got {chunk.offset[:3].tolist()}…"
        raise ConfigError(msg)
    following[lane] = int(offsets[-1]) + 1


def _table(lane: int, chunk: Records, schema: pa.Schema) -> pa.Table:
    payloads = [chunk.payload(i) for i in range(len(chunk))]
    columns = [np.full(len(chunk), lane, np.int32), chunk.offset, chunk.timestamp_ms, payloads]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def lifeline_of(path: Path) -> str:
    """Lifeline that a recording is of; `ConfigError` when the file is no recording."""
    with _open(path) as recording:
        return _lifeline(recording)


def lanes_of(path: Path) -> list[int]:
    """Lanes that a recording holds, rising."""
    lanes: set[int] = set()
    with _open(path) as recording:
        for batch in recording.iter_batches(ROWS_PER_BATCH, columns=["lane"]):
            lanes.update(np.unique(batch.column("lane").to_numpy()).tolist())
    return sorted(lanes)


def count(path: Path) -> int:
    """How many records a recording holds; `ConfigError` when the file is none."""
    with _open(path) as recording:
        records: int = recording.metadata.num_rows
        return records


def read(path: Path, lane: int, rows_per_batch: int = ROWS_PER_BATCH) -> Iterator[Records]:
    """Records of one lane in offset order, in batches of bounded size.

    Parameters
    ----------
    path : Path
        Recording.
    lane : int
        Lane to read; one that the recording does not have gives nothing.
    rows_per_batch : int
        Most records a batch.

    Raises
    ------
    ConfigError
        When the file is no recording.
    """
    with _open(path) as recording:
        for batch in recording.iter_batches(rows_per_batch):
            mine = batch.filter(pa.array(batch.column("lane").to_numpy() == lane))
            if mine.num_rows:
                yield _records(mine)


def chunks(path: Path) -> Iterator[list[tuple[int, Records]]]:
    """All records, in batches of bounded size: of each those of every lane that it has, rising.

    Raises
    ------
    ConfigError
        When the file is no recording.
    """
    with _open(path) as recording:
        for batch in recording.iter_batches(ROWS_PER_BATCH):
            lane = batch.column("lane").to_numpy()
            yield [
                (number, _records(batch.filter(pa.array(lane == number))))
                for number in np.unique(lane).tolist()
            ]


def _open(path: Path) -> pq.ParquetFile:
    """A recording, checked to be one."""
    try:
        recording = pq.ParquetFile(path)
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:  # names are bytes
        msg = f"{path}: expected a recording, got {type(error).__name__}; record it again"
        raise ConfigError(msg) from error
    found = recording.schema_arrow.remove_metadata()
    if not found.equals(SCHEMA) or _LIFELINE not in (recording.schema_arrow.metadata or {}):
        recording.close()
        names = ", ".join(SCHEMA.names)
        msg = f"{path}: expected a recording ({names}), got {found.names}; record it again"
        raise ConfigError(msg)
    return recording


def _lifeline(recording: pq.ParquetFile) -> str:
    metadata: dict[bytes, bytes] = recording.schema_arrow.metadata
    return metadata[_LIFELINE].decode()


def _records(batch: pa.RecordBatch) -> Records:
    """Columns of Arrow as `Records`, payloads in one buffer."""
    payload = batch.column("payload")
    ends: NDArray[np.int64] = np.frombuffer(payload.buffers()[1], np.int32).astype(np.int64)
    ends = ends[payload.offset : payload.offset + len(payload) + 1]
    data = payload.buffers()[2]
    buffer = b"" if data is None else bytes(data.slice(ends[0], ends[-1] - ends[0]))
    length = np.diff(ends)
    length[payload.is_null().to_numpy(zero_copy_only=False)] = TOMBSTONE
    offset: NDArray[np.int64] = batch.column("offset").to_numpy()
    timestamp_ms: NDArray[np.int64] = batch.column("timestamp_ms").to_numpy()
    return Records(offset, timestamp_ms, ends[:-1] - ends[0], length, buffer, int(offset[-1]) + 1)
