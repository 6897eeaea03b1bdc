"""A backtest on Spark: the same lanes as on one machine, each on any executor that has room.

Executors read a file each, as one machine would, and hand blocks of readings to the partitions of
their lanes; there Spark sorts the blocks, on disk where it must, and the lane takes one after
another. Spark carries a row a block, not one a reading.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa

from contracts.errors import ConfigError, FatalError
from lab.backtest.lanes import NOWHERE, BacktestRun, LaneFeeds, Places, lanes
from lab.backtest.processes import Job
from lab.backtest.result import BacktestResult, ResultBuilder, Sum
from lab.data.open_data import open_data
from lab.data.readings import Readings, joined

ROWS: Final = 4  # blocks of some MB that an executor is handed at once
# Revisions of a lane look alike: packed together they are a tenth.
PACKED: Final = pa.Codec("zstd")
TOLD, SUM = "told", "sum"
ORDER: Final = ("seat", "begin_ns", "file", "place")
READ: Final = pa.schema(
    {
        "seat": pa.int32(),
        "begin_ns": pa.int64(),  # arrival of the first reading
        "file": pa.int32(),
        "place": pa.int64(),  # of the block in the file
        "count": pa.int64(),
        "readings": pa.binary(),
    }
)
COLUMNS: Final = pa.schema(
    {
        "code": pa.int32(),
        "time_ns": pa.int64(),
        "value": pa.float64(),
        "quality": pa.uint8(),
        "arrival_ns": pa.int64(),
    }
)
SAID: Final = pa.schema(
    {"seat": pa.int32(), "place": pa.int64(), "kind": pa.string(), "body": pa.binary()}
)


def tried_on(master: str, run: BacktestRun) -> BacktestResult:
    """Everything through the lanes, on the executors of a Spark master.

    Parameters
    ----------
    master : str
        `local[2]`, `spark://host:7077`, `yarn`, …; executors have Tocsin, and the readings at the
        same path.
    run : BacktestRun

    Raises
    ------
    ConfigError
        Without pyspark, with a master that does not start, or for recordings.
    """
    if run.data.recordings:
        msg = f"--spark: expected exports and lines, got the recording {run.data.recordings[0]}"
        msg += "; leave --spark out to play it"
        raise ConfigError(msg)
    spark = _begun(master)
    try:
        return trial_of(run, _said(spark, run))
    finally:
        spark.stop()


def _begun(master: str) -> Any:
    """A session of Spark."""
    try:
        from py4j.protocol import Py4JError  # type: ignore[import-untyped]  # noqa: PLC0415
        from pyspark.errors import PySparkException  # noqa: PLC0415 - only who asks has it
        from pyspark.sql import SparkSession  # noqa: PLC0415 - as above
    except ModuleNotFoundError as error:
        msg = "--spark: expected the package `pyspark`, 4.1 or newer, got none; install it "
        msg += "beside Tocsin"
        raise ConfigError(msg) from error
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.master(master).appName("tocsin backtest")
    builder = builder.config("spark.sql.execution.arrow.maxRecordsPerBatch", ROWS)
    try:
        return builder.getOrCreate()
    except (PySparkException, Py4JError) as error:
        why = str(error).splitlines()[0]
        msg = f"--spark: expected a master that begins, got {master!r}; Spark says {why}"
        raise ConfigError(msg) from error


def _said(spark: Any, run: BacktestRun) -> pa.Table:
    """What all lanes say, in the order in which each did."""
    job, files = Job.of(run), [(i, str(path)) for i, path in enumerate(run.data.files)]
    listed = spark.sparkContext.parallelize(files, len(files))
    named = spark.createDataFrame(listed, "file int, path string")
    readings = named.mapInArrow(partial(read, job), _ddl(READ))
    by_lane = readings.repartitionById(len(lanes(run.configuration)), "seat")
    said = by_lane.sortWithinPartitions(*ORDER).mapInArrow(partial(replay, job), _ddl(SAID))
    return said.toArrow().sort_by([("seat", "ascending"), ("place", "ascending")])


def _ddl(schema: pa.Schema) -> str:
    """A schema as Spark writes it."""
    names = {"int32": "int", "int64": "bigint", "string": "string", "binary": "binary"}
    return ", ".join(f"{field.name} {names[str(field.type)]}" for field in schema)


def trial_of(run: BacktestRun, said: pa.Table) -> BacktestResult:
    """Everything that lanes said, put together."""
    told, sums = ResultBuilder(), list[Sum]()
    for row in said.to_pylist():
        if row["kind"] == TOLD:
            told.add(row["seat"], _unpacked(row["body"]))
        else:
            sums.append(msgspec.json.decode(row["body"], type=Sum))
    return told.trial(run.configuration, sums, run.windows)


def read(job: Job, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Blocks of the files that an executor is given, shared out to the lanes."""
    places = Places(job.configuration(), job.names())
    for batch in batches:
        for named in batch.to_pylist():
            data = open_data(Path(named["path"]), job.opened[1], names=job.names())
            for place, block in enumerate(data.blocks()):
                at = places.seat_of[block.code]
                rows = []
                for feed in np.unique(at).tolist():
                    mine = block.take(np.flatnonzero(at == feed))
                    row = {"seat": feed, "begin_ns": int(mine.arrival_ns[0]), "place": place}
                    body = b"" if feed == NOWHERE else _written(mine)
                    rows.append(
                        {**row, "file": named["file"], "count": len(mine), "readings": body}
                    )
                yield pa.RecordBatch.from_pylist(rows, schema=READ)


def _written(readings: Readings) -> bytes:
    columns = [pa.array(getattr(readings, name)) for name in COLUMNS.names]
    data: bytes = pa.RecordBatch.from_arrays(columns, schema=COLUMNS).serialize().to_pybytes()
    return data


def _read_again(data: bytes) -> Readings:
    batch = pa.ipc.read_record_batch(pa.py_buffer(data), COLUMNS)
    return Readings(*(np.array(column.to_numpy()) for column in batch.columns))


def replay(job: Job, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """What the lanes of a partition say to their blocks, which come lane by lane and in order."""
    lane: _Lane | None = None
    for batch in batches:
        for row in batch.to_pylist():
            if lane is None or lane.feed != row["seat"]:
                if lane is not None:
                    yield from lane.end()
                lane = _Lane(job, row["seat"])
            yield from lane.take(row)
    if lane is not None:
        yield from lane.end()


class _Lane:
    """One lane on an executor; strangers are counted as if they had one."""

    def __init__(self, job: Job, feed: int) -> None:
        self.feed = feed
        self._feeds: LaneFeeds | None = None
        if feed != NOWHERE:
            self._feeds = job.feeds((feed, len(lanes(job.configuration()))))
        self._unknown_ids = self._said = 0
        self._begin_ns = 0
        self._waiting: list[tuple[int, Readings]] = []  # by file

    def take(self, row: dict[str, Any]) -> Iterator[pa.RecordBatch]:
        """Take a block: nothing that comes later arrives before it, so what does is fed."""
        if self._feeds is None:
            self._unknown_ids += row["count"]
            return
        if row["begin_ns"] < self._begin_ns:
            msg = f"lane {self.feed}: expected its blocks by arrival, got them unsorted by Spark"
            raise FatalError(msg)
        self._begin_ns = row["begin_ns"]
        yield from self._feed(self._begin_ns)
        self._waiting.append((row["file"], _read_again(row["readings"])))
        self._waiting.sort(key=lambda one: one[0])

    def _feed(self, until_ns: int) -> Iterator[pa.RecordBatch]:
        """Feed what arrives before a moment: by arrival, then by file, then as it stands there."""
        ready, left = [], []
        for file, block in self._waiting:
            cut = int(np.searchsorted(block.arrival_ns, until_ns))
            ready += [block.cut(0, cut)] if cut else []
            left += [(file, block.cut(cut, len(block)))] if cut < len(block) else []
        self._waiting = left
        if ready and self._feeds is not None:
            bodies = self._feeds.feed(self.feed, joined(ready))
            if bodies:
                yield self._row(TOLD, _packed(bodies))

    def end(self) -> Iterator[pa.RecordBatch]:
        """Feed what is left; what the lane says at its end."""
        yield from self._feed(np.iinfo(np.int64).max)
        found = Sum({}, self._unknown_ids, {}, {})
        if self._feeds is not None:
            found = self._feeds.sum_up(0)
        yield self._row(SUM, msgspec.json.encode(found))

    def _row(self, kind: str, body: bytes) -> pa.RecordBatch:
        self._said += 1
        row = {"seat": self.feed, "place": self._said, "kind": kind, "body": body}
        return pa.RecordBatch.from_pylist([row], schema=SAID)


def _packed(bodies: Iterable[bytes]) -> bytes:
    text = b"\n".join(bodies)
    packed: bytes = PACKED.compress(text, asbytes=True)
    return len(text).to_bytes(8, "little") + packed


def _unpacked(data: bytes) -> list[bytes]:
    size = int.from_bytes(data[:8], "little")
    text: bytes = PACKED.decompress(data[8:], size, asbytes=True)
    return text.split(b"\n")
