"""A backtest on Spark: the same lanes as on one machine, each on any executor that has room.

Executors read a file each, as one machine would, and hand every reading to the partition of its
lane; there Spark sorts, on disk where it must, and the lane takes batch after batch.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa

from app.backtest_data import open_data
from app.backtest_lanes import NOWHERE, Hall, Places, Seats, lanes
from app.backtest_shares import Job
from app.backtest_told import Sum, Told, Trial
from contracts.errors import ConfigError, FatalError
from ingest.readings import Readings

BATCH: Final = 1 << 17
# Revisions of a lane look alike: packed together they are a tenth.
PACKED: Final = pa.Codec("zstd")
TOLD, SUM = "told", "sum"
ORDER: Final = ("seat", "arrival_ns", "file", "place")
READ: Final = pa.schema(
    {
        "seat": pa.int32(),
        "arrival_ns": pa.int64(),
        "file": pa.int32(),
        "place": pa.int64(),
        "code": pa.int32(),
        "time_ns": pa.int64(),
        "value": pa.float64(),
        "quality": pa.int8(),
    }
)
SAID: Final = pa.schema(
    {"seat": pa.int32(), "place": pa.int64(), "kind": pa.string(), "body": pa.binary()}
)


def tried_on(master: str, hall: Hall) -> Trial:
    """Everything through the lanes, on the executors of a Spark master.

    Parameters
    ----------
    master : str
        `local[2]`, `spark://host:7077`, `yarn`, …; executors have Tocsin, and the readings at the
        same path.
    hall : Hall

    Raises
    ------
    ConfigError
        Without pyspark, or for recordings.
    """
    if hall.data.recordings:
        msg = f"--spark: expected exports and lines, got the recording {hall.data.recordings[0]}"
        msg += "; leave --spark out to play it"
        raise ConfigError(msg)
    try:
        from pyspark.sql import SparkSession  # noqa: PLC0415 - only who asks for Spark has it
    except ModuleNotFoundError as error:
        msg = "--spark: expected the package `pyspark`, 4.1 or newer; install it beside Tocsin"
        raise ConfigError(msg) from error
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.master(master).appName("tocsin backtest")
    spark = builder.config("spark.sql.execution.arrow.maxRecordsPerBatch", BATCH).getOrCreate()
    try:
        return trial_of(hall, _said(spark, hall))
    finally:
        spark.stop()


def _said(spark: Any, hall: Hall) -> pa.Table:
    """What all lanes say, in the order in which each did."""
    job, files = Job.of(hall), [(i, str(path)) for i, path in enumerate(hall.data.files)]
    listed = spark.sparkContext.parallelize(files, len(files))
    named = spark.createDataFrame(listed, "file int, path string")
    readings = named.mapInArrow(partial(read, job), _ddl(READ))
    by_lane = readings.repartitionById(len(lanes(hall.configuration)), "seat")
    said = by_lane.sortWithinPartitions(*ORDER).mapInArrow(partial(replay, job), _ddl(SAID))
    return said.toArrow().sort_by([("seat", "ascending"), ("place", "ascending")])


def _ddl(schema: pa.Schema) -> str:
    """A schema as Spark writes it."""
    names = {"int8": "tinyint", "int32": "int", "int64": "bigint", "string": "string"}
    names |= {"double": "double", "binary": "binary"}
    return ", ".join(f"{field.name} {names[str(field.type)]}" for field in schema)


def trial_of(hall: Hall, said: pa.Table) -> Trial:
    """Everything that lanes said, put together."""
    told, sums = Told(), list[Sum]()
    for row in said.to_pylist():
        if row["kind"] == TOLD:
            told.add(row["seat"], _unpacked(row["body"]))
        else:
            sums.append(msgspec.json.decode(row["body"], type=Sum))
    return told.trial(hall.configuration, sums, hall.windows)


def read(job: Job, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Readings of the files that an executor is given, with the lane of each."""
    places = Places(job.configuration(), job.names())
    for batch in batches:
        for row in batch.to_pylist():
            data = open_data(Path(row["path"]), job.opened[1], names=job.names())
            first = 0
            for block in data.blocks():
                place = np.arange(first, first + len(block))
                first += len(block)
                columns = (
                    places.seat_of[block.code].astype(np.int32),
                    block.arrival_ns,
                    np.full(len(block), row["file"], np.int32),
                    place,
                    block.code,
                    block.time_ns,
                    block.value,
                    block.quality.astype(np.int8),
                )
                yield pa.RecordBatch.from_arrays(list(map(pa.array, columns)), schema=READ)


def replay(job: Job, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """What the lanes of a partition say to their readings, which come lane by lane and in order."""
    lane: _Lane | None = None
    for batch in batches:
        seat = batch.column("seat").to_numpy()
        edges = [0, *(np.flatnonzero(np.diff(seat)) + 1).tolist(), len(seat)]
        for first, last in pairwise(edges):
            if first == last:
                continue
            if lane is None or lane.seat != seat[first]:
                if lane is not None:
                    yield lane.end()
                lane = _Lane(job, int(seat[first]))
            yield from lane.take(batch.slice(first, last - first))
    if lane is not None:
        yield lane.end()


class _Lane:
    """One lane on an executor; strangers are counted as if they had one."""

    def __init__(self, job: Job, seat: int) -> None:
        self.seat = seat
        self._seats: Seats | None = None
        if seat != NOWHERE:
            count = len(lanes(job.configuration()))
            self._seats = job.seats((seat, count))
        self._strangers = self._said = 0
        self._last_ns = 0

    def take(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Feed readings; what they ring."""
        if self._seats is None:
            self._strangers += batch.num_rows
            return
        columns = {name: batch.column(name).to_numpy() for name in batch.schema.names}
        arrival_ns = columns["arrival_ns"]
        if arrival_ns[0] < self._last_ns or (np.diff(arrival_ns) < 0).any():
            msg = f"lane {self.seat}: expected its readings by arrival, got them unsorted by Spark"
            raise FatalError(msg)
        self._last_ns = int(arrival_ns[-1])
        quality = columns["quality"].astype(np.uint8)
        code, time_ns, value = (columns[name] for name in ("code", "time_ns", "value"))
        bodies = self._seats.feed(self.seat, Readings(code, time_ns, value, quality, arrival_ns))
        if bodies:
            yield self._row(TOLD, _packed(bodies))

    def end(self) -> pa.RecordBatch:
        """What it says at its end."""
        found = Sum({}, self._strangers, {}, {})
        if self._seats is not None:
            found = self._seats.sum_up(0)
        return self._row(SUM, msgspec.json.encode(found))

    def _row(self, kind: str, body: bytes) -> pa.RecordBatch:
        self._said += 1
        row = {"seat": self.seat, "place": self._said, "kind": kind, "body": body}
        return pa.RecordBatch.from_pylist([row], schema=SAID)


def _packed(bodies: Iterable[bytes]) -> bytes:
    text = b"\n".join(bodies)
    packed: bytes = PACKED.compress(text, asbytes=True)
    return len(text).to_bytes(8, "little") + packed


def _unpacked(data: bytes) -> list[bytes]:
    size = int.from_bytes(data[:8], "little")
    text: bytes = PACKED.decompress(data[8:], size, asbytes=True)
    return text.split(b"\n")
