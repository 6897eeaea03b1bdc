"""Readings a second through a real Kafka: a whole worker against its client library alone."""

import asyncio
import gc
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from app.process.lifeline_worker import LifelineWorker
from app.process.worker_options import WorkerOptions
from benchmarks.support.claims import Claim, page_of, print_claims, print_table, write_rows, writes
from benchmarks.support.traffic import BEGIN_S, FORMATS, Format, messages, preload
from broker.topics import TopicPlan, ensure, needed
from configuration.configuration import Configuration
from contracts.topics import TopicNames
from ingest.kafka.raw_fetch import Answer, Reader, reader
from tests.testkit import city
from tests.testkit.kafka.broker import Cluster, missing

LANES = 2
GROUPS = 10_000  # of two channels each
ROUNDS = 3
DEADLINE_S = 60.0
LOOK_S = 0.002
LIFELINE = "water"
HEAD = ["format", "worker", "raw consume", "batches", "worker/raw", "worker/batches", "revisions"]


@dataclass(slots=True)
class Stopwatch:
    """Rate from the first readings taken, which only start the clock, to the last."""

    count: int = 0
    first: int = 0
    began: float = 0.0
    ended: float = 0.0

    def saw(self, count: int) -> None:
        """Note how many readings have been taken by now."""
        if count == self.count:
            return
        self.ended = time.perf_counter()
        if not self.count:
            self.first, self.began = count, self.ended
        self.count = count

    def per_second(self) -> float:
        """Readings a second."""
        return (self.count - self.first) / (self.ended - self.began)


class StillClock:
    """Stands where the telemetry begins: behind its end nobody is silent, nothing is ticked."""

    def now_ms(self) -> int:
        """Milliseconds since 1970 UTC."""
        return BEGIN_S * 1000


@dataclass(frozen=True, slots=True)
class Rates:
    """Readings a second in one round."""

    tocsin: float
    raw: float
    batches: float
    revisions: int


def configured(folder: Path, bootstrap: str, app: str) -> tuple[Configuration, list[str]]:
    """A small city's configuration under a name of its own, and its channels."""
    channels = city.configure(folder / app, GROUPS, LANES, folder / f"{app}-state")
    found = Configuration.load(folder / app)
    kafka = msgspec.structs.replace(found.settings.kafka, bootstrap=bootstrap)
    settings = msgspec.structs.replace(found.settings, kafka=kafka, app=app)
    return replace(found, settings=settings), channels


def unpacked(answer: Answer, most: int) -> int:
    """Records of an answer, parsed to columns and dropped."""
    return sum(iter(lambda: len(answer.take(most)), 0))


async def consume(
    configuration: Configuration, topic: str, sent: tuple[int, int], reader: Reader | None = None
) -> float:
    """Rate of `getmany` with the worker's own limits, every record dropped.

    `sent` is (messages, readings in them). With a reader, whole batches come, parsed to columns.
    """
    count, readings = sent
    most = configuration.settings.limits.poll_records
    settings = configuration.settings
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka.bootstrap,
        isolation_level="read_committed",
        enable_auto_commit=False,
        max_partition_fetch_bytes=max(
            settings.limits.message_bytes, settings.limits.poll_bytes // 8
        ),
        fetch_max_bytes=settings.limits.poll_bytes,
        **(reader.options() if reader is not None else {}),
    )
    consumer.assign([TopicPartition(topic, lane) for lane in range(LANES)])
    await consumer.start()
    watch = Stopwatch()
    try:
        await consumer.seek_to_beginning()
        taken = 0
        async with asyncio.timeout(DEADLINE_S):
            while taken < count:
                asked = most if reader is None else reader.ask(most)
                found = await consumer.getmany(timeout_ms=200, max_records=asked)
                for some in found.values():
                    taken += (
                        len(some) if reader is None else unpacked(reader.opened(some, 0, 0), most)
                    )
                watch.saw(taken)
    finally:
        await consumer.stop()
    return watch.per_second() * readings / count


async def watch_worker(configuration: Configuration, sent: tuple[int, int]) -> tuple[float, int]:
    """Rate of a whole worker over the topic, and how many alarm revisions it told.

    A record counts when all that it caused is committed: other numbers of a lane are copied to
    where they can be read a few times a second only.
    """
    watch = Stopwatch()
    count, total = sent
    way = WorkerOptions(LIFELINE, lanes=tuple(range(LANES)), clock=StillClock())
    async with LifelineWorker(configuration, way) as service:
        async with asyncio.timeout(DEADLINE_S):
            while watch.count < total:
                lanes = service.worker.lanes()
                committed = sum(lanes[0].latency.counts) if lanes else 0  # one for all lanes
                watch.saw(committed * total // count)
                trouble = [status.trouble for status in lanes if status.trouble]
                assert not trouble, trouble
                await asyncio.sleep(LOOK_S)
        lanes = service.worker.lanes()
    scored = sum(status.accounts["scored"] for status in lanes)
    assert scored == total, f"expected {total} readings scored, got {scored}"
    revisions = sum(status.revisions for status in lanes)
    assert revisions, "the worker was idle: it told no alarm"
    assert all(status.snapshots for status in lanes), "the worker wrote no snapshot"
    return watch.per_second(), revisions


async def measure(folder: Path, bootstrap: str, what: Format, app: str) -> Rates:
    """One round on topics of its own: client alone, batches alone, worker, and both once more."""
    configuration, channels = configured(folder, bootstrap, app)
    names = TopicNames(app)
    # The stamps lie in the past: kept for good, or the broker would delete while we read.
    plan = TopicPlan(replication=1, append_time=False, telemetry_days=36_500)
    await ensure(needed(configuration.partitions, names, plan), bootstrap)
    topic = names.telemetry(LIFELINE)
    sent = preload(bootstrap, topic, messages(channels, LANES, what))
    gc.collect()
    raw = [await consume(configuration, topic, sent)]
    batches = [await consume(configuration, topic, sent, reader())]
    tocsin, revisions = await watch_worker(configuration, sent)
    batches.append(await consume(configuration, topic, sent, reader()))
    raw.append(await consume(configuration, topic, sent))
    return Rates(tocsin, statistics.mean(raw), statistics.mean(batches), revisions)


async def measure_all(bootstrap: str) -> dict[str, list[Rates]]:
    """All formats in turn, round by round."""
    found: dict[str, list[Rates]] = {what.name: [] for what in FORMATS}
    with TemporaryDirectory(prefix="tocsin-bench-") as folder:
        for turn in range(ROUNDS):
            for place, what in enumerate(FORMATS):
                rates = await measure(Path(folder), bootstrap, what, f"bench-{turn}-{place}")
                found[what.name].append(rates)
    return found


def median(rounds: list[Rates], of: Callable[[Rates], float]) -> float:
    """Median over the rounds."""
    return statistics.median(map(of, rounds))


def claims(found: dict[str, list[Rates]]) -> list[Claim]:
    """Goals: single readings twice as fast as the client drops them, else millions a second."""
    goals = {
        "JSON, one reading a message": (400_000, 2.0),
        "JSON arrays of 500": (2_500_000, 0.3),
        "Arrow IPC, 500 readings": (4_000_000, 0.3),
    }
    said = []
    for name, (rate, share) in goals.items():
        rounds = found[name]
        tocsin = median(rounds, lambda r: r.tocsin)
        ratio = median(rounds, lambda r: r.tocsin / r.raw)
        said.append(Claim(f"worker, {name}", tocsin, rate, "readings/s", "at least"))
        said.append(Claim(f"worker over raw consume, {name}", ratio, share, "times", "at least"))
    single = found["JSON, one reading a message"]
    share = median(single, lambda r: r.tocsin / r.batches)
    what = "worker over raw batches parsed, JSON, one reading a message"
    return [*said, Claim(what, share, 0.6, "times", "at least")]


def row_of(name: str, rounds: list[Rates]) -> list[str]:
    """One format's line of the table."""
    rates = [
        median(rounds, of) for of in (lambda r: r.tocsin, lambda r: r.raw, lambda r: r.batches)
    ]
    to_raw = median(rounds, lambda r: r.tocsin / r.raw)
    to_batches = median(rounds, lambda r: r.tocsin / r.batches)
    revisions = f"{median(rounds, lambda r: r.revisions):.0f}"
    shares = [f"{to_raw:.2f}", f"{to_batches:.2f}", revisions]
    return [name, *(f"{rate:,.0f}" for rate in rates), *shares]


def main() -> None:
    """Start a broker, measure, tell."""
    if (lacking := missing()) is not None:
        sys.exit(f"end_to_end: expected a Kafka to measure with, got none: {lacking}")
    with Cluster() as cluster:
        found = asyncio.run(measure_all(cluster.bootstrap))
    print(
        f"readings/s, median of {ROUNDS} rounds; one worker process, {LANES} lanes of one lifeline,"
    )
    print(f"{2 * GROUPS:,} channels, a snapshot every second; broker on the same machine\n")
    rows = [row_of(name, rounds) for name, rounds in found.items()]
    print_table(HEAD, rows)
    if writes():
        write_rows(page_of("performance"), "whole", HEAD, rows)
    print_claims(claims(found))


if __name__ == "__main__":
    main()
