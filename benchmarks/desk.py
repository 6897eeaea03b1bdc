"""The desk stage with 100,000 alarms open: revisions a second on a core, and how long acks take."""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from msgspec import structs

from app.process.desk_worker import DeskParts, DeskWorker, city_desk
from app.process.worker_options import WorkerOptions
from benchmarks.support.claims import Claim, print_claims, print_table
from configuration.configuration import Configuration
from configuration.settings import Snapshot
from contracts.ports.status import DeskStatus
from contracts.quantities import Duration
from runtime.collector import seldom
from runtime.installation import CONFIGS
from runtime.queues import short_turns
from tests.testkit.desk.alarms import alarm, alarm_id
from tests.testkit.desk.city import LANES, DeskCity, desk_city
from tests.testkit.desk.process import PARTS
from tests.testkit.kafka.broker import Cluster, missing

OPEN, MORE, ACKS, MET, MET_MOST = 100_000, 40_000, 100, 400, 8_000
A_TRANSACTION = 1_000
A_SECOND = 100  # revisions in a second of lane time
COLOURS = ("orange", *["yellow"] * 4, *["blue"] * 15)
GOAL_PER_S, GOAL_MS = 2_000.0, 100.0
AGAIN = Duration("1 s")  # from one snapshot to the next, where acknowledgements meet them
WAIT_S, LOOK_S = 900.0, 0.02

PartsOf = Callable[[Configuration], DeskParts]


@dataclass
class Watch:
    """Who reads current alarms read-committed, as a console does."""

    city: DeskCity
    _waited_for: dict[bytes, asyncio.Future[float]] = field(default_factory=dict)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Hear what is told from now on, until it is left."""
        place = TopicPartition(self.city.topics.current, 0)
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.city.configuration.settings.kafka.bootstrap,
            isolation_level="read_committed",
        )
        await consumer.start()
        consumer.assign([place])
        await consumer.seek_to_end(place)
        task = asyncio.create_task(self._hear(consumer))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await consumer.stop()

    async def _hear(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            for records in (await consumer.getmany(timeout_ms=1_000)).values():
                at = time.perf_counter()
                for record in records:
                    if (waiter := self._waited_for.pop(record.key, None)) is not None:
                        waiter.set_result(at)

    def next_of(self, id_: str) -> asyncio.Future[float]:
        """When the next record of an alarm has come."""
        waiter: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._waited_for[id_.encode()] = waiter
        return waiter


async def ring(city: DeskCity, first: int, count: int, of: int, began_s: int) -> None:
    """Revisions of so many alarms in turn over all lanes; those of the second round revise."""
    for place in range(first, first + count, A_TRANSACTION):
        numbers = range(place, min(place + A_TRANSACTION, first + count))
        bodies = [
            alarm(
                n % of,
                began_s + n // A_SECOND,
                revision=1 + n // of,
                colour=COLOURS[n % len(COLOURS)],
            )
            for n in numbers
        ]
        await city.ring(place // A_TRANSACTION % LANES, *bodies)


@asynccontextmanager
async def stage(
    city: DeskCity, parts_of: PartsOf, every: Duration | None = None
) -> AsyncIterator[DeskStatus]:
    """The stage in this process, once it is recovered; with snapshots as shipped, or so often."""
    options, settings = WorkerOptions(lifeline="desk"), city.configuration.settings
    snapshot = Snapshot() if every is None else Snapshot(every=every)
    shipped = {"snapshot": snapshot, "session_timeout": Duration("30 s")}
    configuration = replace(city.configuration, settings=structs.replace(settings, **shipped))
    async with DeskWorker(configuration, options, parts_of(configuration)) as worker:
        await _until(lambda: worker.ready() and len(worker.lanes()) == 1)
        (status,) = worker.lanes()
        assert isinstance(status, DeskStatus)
        yield status


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not holds():  # noqa: ASYNC110 - a status tells nobody
            await asyncio.sleep(LOOK_S)


async def rates(status: DeskStatus, opened: int, behind: int) -> tuple[float, float]:
    """Revisions a second of wall time, and of this process's time on a processor."""
    began, cpu_began, before = time.perf_counter(), time.process_time(), status.position
    await _until(lambda: status.position >= behind and not status.waiting)
    count = behind - before
    assert count > (behind - opened) // 2, "too few were left to be measured"
    return count / (time.perf_counter() - began), count / (time.process_time() - cpu_began)


async def acknowledged(city: DeskCity, numbers: Iterable[int]) -> list[float]:
    """Milliseconds from each acknowledgement to its current alarm, read by another, sorted."""
    watch, found = Watch(city), []
    topic = city.topics.commands("desk")
    bootstrap = city.configuration.settings.kafka.bootstrap
    async with watch.listening(), AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        for number in numbers:
            body = {"kind": "acknowledge", "by": "li.wei", "target": alarm_id(number)}
            told, began = watch.next_of(alarm_id(number)), time.perf_counter()
            await producer.send_and_wait(topic, msgspec.json.encode(body), partition=0)
            async with asyncio.timeout(WAIT_S):
                found.append((await told - began) * 1000)
    return sorted(found)


async def met(city: DeskCity, status: DeskStatus, numbers: range) -> tuple[list[float], float]:
    """Delays of acknowledgements while snapshots are made, and the longest hold of one, in ms.

    A busy machine may not be done with one before some hundred are acknowledged.
    """
    before, delays = status.snapshots, list[float]()
    for first in range(numbers.start, numbers.stop, MET):
        delays += await acknowledged(city, numbers[first - numbers.start :][:MET])
        if status.snapshots > before:
            return sorted(delays), 1_000 * status.snapshot_hold_s
    msg = f"no snapshot was made while {len(delays):,} were acknowledged"
    raise AssertionError(msg)


def p99(delays: list[float]) -> float:
    """Of sorted figures."""
    return delays[-(-len(delays) * 99 // 100) - 1]


async def measure(parts_of: PartsOf, opened: int) -> None:
    """Open alarms, then measure what comes behind them with stages that start anew."""
    # They end now: alarms of another month would let months of clocks fire at once.
    behind = opened + min(MORE, opened)
    began_s = int(time.time()) - behind // A_SECOND
    with TemporaryDirectory(prefix="tocsin-desk-") as folder, Cluster() as kafka:
        async with desk_city(Path(folder), kafka.bootstrap, "desk") as city:
            await ring(city, 0, opened, opened, began_s)
            async with stage(city, parts_of) as status:
                await _until(lambda: status.position >= opened and not status.waiting)
            await ring(city, opened, behind - opened, opened, began_s)
            async with stage(city, parts_of) as status:
                per_s, per_core_s = await rates(status, opened, behind)
                assert status.open["alarms"] == opened
                calm = await acknowledged(city, range(ACKS))
            async with stage(city, parts_of, AGAIN) as status:
                meeting, hold_ms = await met(city, status, range(ACKS, min(opened, MET_MOST)))
    shown = [statistics.median(calm), p99(calm), statistics.median(meeting), p99(meeting), hold_ms]
    head = ["alarms open", "revisions/s", "a core's", "ack median ms", "p99 ms"]
    row = [f"{opened:,}", f"{per_s:,.0f}", f"{per_core_s:,.0f}", *(f"{ms:.1f}" for ms in shown)]
    print_table([*head, "beside a snapshot", "p99 ms", "its longest hold ms"], [row])
    what, told = f"desk stage with {opened:,} alarms open", "until an acknowledgement is told"
    beside = f"{what}: {told} while a snapshot is made"
    print_claims(
        [
            Claim(f"{what}: revisions through it", per_s, GOAL_PER_S, "/s", "at least"),
            Claim(f"{what}: {told}, p99", p99(calm), GOAL_MS, "ms", "at most"),
            Claim(f"{beside}, p99", p99(meeting), GOAL_MS, "ms", "at most"),
        ]
    )


def small(_: Configuration) -> DeskParts:
    """The small desk of tests: what the stage's machinery costs by itself."""
    return PARTS


def main() -> None:
    """Measure, if there is a Kafka."""
    if reason := missing():
        sys.exit(reason)
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--small", action="store_true", help="with the small desk of tests")
    options.add_argument("--open", type=int, default=OPEN, help="alarms, by default %(default)s")
    given = options.parse_args()
    shipped = partial(city_desk, CONFIGS)
    with seldom(), short_turns():  # as `tocsin run --desk` has it
        asyncio.run(measure(small if given.small else shipped, given.open))


if __name__ == "__main__":
    main()
