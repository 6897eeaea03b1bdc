"""What metrics cost a lane: its loop as it is, and one that notes nothing for Prometheus, in pairs.

Two lanes take the same records from memory, turn by turn in this process, with their whole loops,
the scoring thread, journal and transactions included: one as it is, one without what is there for
metrics alone, that is what is copied behind each batch, the latency of its records, the clocks of
its rules. What is compared is the processor time of each batch. What remains in both are some
twenty additions to integers a batch. What comes by the clock, a scrape and the count of channels
that are heard, is measured by itself and added as its share of the time between two.

The smaller batches are, the more weighs what is done for each: one message of 500 readings is what
a lane takes at a time that keeps up with 100,000 readings a second.

Whoever takes a batch first finds it in no cache, so the lanes take turns in being first, and what
is compared are means of two batches in a row, one in which either was: half of all single
differences would be the cache's.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

import numpy as np
from prometheus_client.exposition import generate_latest

from benchmarks.support.claims import Claim, page_of, print_claims, print_table, write_rows, writes
from benchmarks.support.traffic import FORMATS, Format, messages
from configuration.configuration import Configuration
from configuration.lane_plan import Plan, stopped_alarm
from contracts.lane import LaneName
from contracts.ports.lane_parts import Parts
from contracts.ports.source import LogView
from contracts.ports.status import LaneStatus, ProcessStatus
from contracts.records import Records
from contracts.topics import TopicNames
from ingest.limits import DecodeLimits
from pipeline.lane.accounting import hearing_of
from pipeline.lane.lane import Lane
from pipeline.snapshot.copy_buffer import SnapshotSlot
from pipeline.snapshot.snapshots import Snapshots
from pipeline.snapshot.store import SnapshotStore
from pipeline.worker.broker_contact import BrokerContacts
from pipeline.worker.lane_context import Deployment, LaneContext, LaneMemory, LanePorts, Pace
from pipeline.worker.lane_loop import LISTEN_S, LaneLoop
from runtime.queues import OneThread
from sinks.http.lane_groups import LANES_MAX
from sinks.http.metrics import registry
from tests.testkit import city
from tests.testkit.memory_broker import MemoryBroker
from tests.testkit.memory_ports import MemoryCommands, MemoryLog, MemoryTelemetry, WoundClock

GROUPS: Final = 10_000  # of two channels each
BATCHES: Final = 2_000  # of each kind
POLL: Final = 10  # messages
PARTS: Final = 15
SCRAPE_S: Final = 15.0  # between two, as deployed
TRIES: Final = 20
GOAL: Final = 0.02
NEVER_S: Final = 1e9
HEAD: Final = ["of the time of a lane", "lower quartile", "median", "upper quartile", "µs a batch"]


class NotedLoop(LaneLoop):
    """A lane at work as it is, between two counts of its channels."""

    def arm(self) -> asyncio.Event:
        """What is set when the next batch is done."""
        self.done = asyncio.Event()
        return self.done

    def _observe(self) -> None:
        """Tell that a batch is done; comes last."""
        super()._observe()
        self.done.set()

    def copy(self) -> None:
        """Copy all numbers now."""
        self._copy()

    async def _listen(self) -> None:
        """Not now."""


class BareLoop(NotedLoop):
    """A lane at work whose numbers nobody reads."""

    def _observe(self) -> None:
        """Nothing is copied for Prometheus."""
        self.done.set()

    def _note_latency(self) -> None:
        """No latency is counted."""
        self._untold = (0, 0)


def unclocked(clock: Callable[[], float]) -> None:
    """Take no clock: rules are not timed."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """A worker that owns so many lanes."""

    owned: list[LaneStatus]

    def lanes(self) -> list[LaneStatus]:
        """Every one of them."""
        return self.owned

    def alive(self) -> bool:
        """It is."""
        return True

    def ready(self) -> bool:
        """It is."""
        return True

    def process_status(self) -> ProcessStatus:
        """Nothing to say."""
        return ProcessStatus()


class Given(MemoryTelemetry):
    """Records of a lane that come when they are given."""

    def __init__(self) -> None:
        super().__init__({})
        self.given: asyncio.Queue[Records] = asyncio.Queue()
        self._end = 0

    async def fetch(self, lane: int, timeout_s: float) -> Records | None:
        """What is given next."""
        records = await self.given.get()
        self._end = records.next_offset
        return records

    def view(self, lane: int) -> LogView:
        """Nothing else is there."""
        return LogView(1, self._end, self._end)

    async def end_offset(self, lane: int) -> int:
        """Behind what was given."""
        return self._end


@dataclass(frozen=True, slots=True)
class Site:
    """Where lanes are run.

    Parameters
    ----------
    plan : Plan
    folder : Path
    scoring, filing : OneThread
    clock : WoundClock
    """

    plan: Plan
    folder: Path
    scoring: OneThread
    filing: OneThread
    clock: WoundClock

    def context(self, telemetry: Given, log: MemoryLog) -> LaneContext:
        """What a lane needs, with all of it in memory and nothing that comes by time."""
        ports = LanePorts(telemetry, MemoryCommands(), lambda _: log, self.clock, self.scoring)
        store = SnapshotStore(str(self.folder / "state"))
        return LaneContext(
            ports,
            Snapshots(store, self._parts, SnapshotSlot(self.filing)),
            Deployment(self.plan.configuration.hash),
            Pace(snapshot_s=NEVER_S, snapshot_readings=1 << 60, canary_s=NEVER_S),
            partial(stopped_alarm, self.plan.configuration.civil_time),
            BrokerContacts(self.clock, NEVER_S),
        )

    def _parts(self, _: str, name: LaneName) -> Parts:
        return self.plan.parts(name.number)


@contextmanager
def site(folder: Path) -> Iterator[tuple[Site, list[str]]]:
    """A lane's configuration and threads, and its channels."""
    channels = city.configure(folder / "configs", GROUPS, 1, folder)
    configuration = Configuration.load(folder / "configs")
    plan = Plan(configuration, "water", TopicNames(), DecodeLimits())
    with OneThread("scoring") as scoring, OneThread("snapshot_file") as filing:
        yield Site(plan, folder, scoring, filing, WoundClock()), channels


@asynccontextmanager
async def running(site: Site, *, bare: bool) -> AsyncIterator["Arm"]:
    """A newborn lane at work."""
    parts = site.plan.parts(0)
    if bare:
        parts.scorer.time_by = unclocked  # type: ignore[method-assign]
    lane, telemetry = Lane(site.plan.name(0), parts, lambda _: parts), Given()
    log = MemoryLog(lane.name, MemoryBroker())
    await log.fence()
    memory = LaneMemory(LaneStatus(str(lane.name)))
    loop_of = BareLoop if bare else NotedLoop
    life = loop_of(site.context(telemetry, log), lane, log, await log.past(), memory)
    life.arm()
    await life.replay(None, asyncio.Event())
    tasks = [asyncio.create_task(work) for work in (life.pump(), life.run(asyncio.Event()))]
    try:
        yield Arm(life, telemetry, memory.status, [])
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await life.close()
    assert lane.accounts.balanced()


class Arm(NamedTuple):
    """A lane, who gives it records, its numbers, and processor seconds of each batch."""

    life: NotedLoop
    telemetry: Given
    status: LaneStatus
    took: list[float]

    async def take(self, records: Records) -> None:
        """Let the lane take a batch with all that it does for it."""
        began_s = time.process_time()
        self.telemetry.given.put_nowait(records)
        await self.life.arm().wait()
        self.took.append(time.process_time() - began_s)


def gathered(channels: list[str], what: Format, poll: int) -> Iterator[Records]:
    """Polls of so many messages each, made when they are asked for."""
    readings = BATCHES * poll * what.per_message
    rows: list[tuple[int, int, bytes | None]] = []
    sent = messages(channels, 1, replace(what, readings=readings))
    for at, (_, stamp_ms, _, body) in enumerate(sent):
        rows.append((at, stamp_ms, body))
        if len(rows) == poll:
            yield Records.of(rows)
            rows = []


class Cost(NamedTuple):
    """What metrics took of a lane's time, and seconds a batch, in each part of the run.

    What a copy of all numbers takes is no part of these, as few batches have one.
    """

    shares: list[float]
    seconds: list[float]
    copy_s: float
    status: LaneStatus

    def row(self, name: str) -> list[str]:
        """Cells of the table."""
        cells = [f"{share:+.2%}" for share in quantiles(self.shares, n=4)]
        return [name, *cells, f"{1e6 * median(self.seconds):+.1f}"]


async def measured(site: Site, polls: Iterator[Records]) -> Cost:
    """Each poll to both lanes, to another one first each time."""
    async with running(site, bare=False) as noted, running(site, bare=True) as bare:
        for turn, records in enumerate(polls):
            site.clock.time_ms = int(records.timestamp_ms[-1]) + 1
            for arm in (noted, bare) if turn % 2 else (bare, noted):
                await arm.take(records)
        copy_s = spent_s(noted.life.copy)
    with_s, without_s = (
        np.array(arm.took[:BATCHES]).reshape(-1, 2).mean(axis=1) for arm in (noted, bare)
    )
    parts = np.array_split(np.arange(len(with_s)), PARTS + 1)[1:]  # the first part compiles
    without = [float(np.median(without_s[part])) for part in parts]
    seconds = [float(np.median(with_s[part] - without_s[part])) for part in parts]
    shares = [more / base for more, base in zip(seconds, without, strict=True)]
    return Cost(shares, seconds, copy_s, noted.status)


def spent_s(work: Callable[[], object]) -> float:
    """Median processor seconds of something that comes by the clock."""
    took = []
    for _ in range(TRIES):
        began_s = time.process_time()
        work()
        took.append(time.process_time() - began_s)
    return median(took)


def by_the_clock(site: Site, cost: Cost) -> tuple[float, float, float]:
    """Shares of a core that a scrape, a count of channels and copies take.

    The scrape is the largest worker's.
    """
    lanes = [replace(cost.status, name=f"water-{number}") for number in range(LANES_MAX)]
    numbers = registry(Fleet(lanes), "benchmark")
    scrape_s = spent_s(lambda: generate_latest(numbers))
    count_s = spent_s(partial(hearing_of, site.plan.parts(0)))
    return scrape_s / SCRAPE_S, count_s / LISTEN_S, cost.copy_s / Pace().copy_s


def main() -> None:
    """Measure, tell."""
    found: dict[str, Cost] = {}
    with (
        TemporaryDirectory(prefix="tocsin-bench-") as folder,
        site(Path(folder)) as (here, sensors),
    ):
        for what in FORMATS[1:]:
            for poll in (1, POLL):
                name = f"{what.name}, {poll} in a batch"
                found[name] = asyncio.run(measured(here, gathered(sensors, what, poll)))
        scrape, count, copies = by_the_clock(here, next(iter(found.values())))
    rows = [cost.row(name) for name, cost in found.items()]
    print(f"{BATCHES:,} batches of each kind to two lanes of {2 * GROUPS:,} channels\n")
    print_table(HEAD, rows)
    print(f"\na scrape of {LANES_MAX} lanes every {SCRAPE_S:.0f} s takes {scrape:.3%} of a core,")
    print(f"a count of the channels of one every {LISTEN_S:.0f} s {count:.3%},")
    print(f"copies of its numbers every {Pace().copy_s} s {copies:.3%}")
    if writes():
        write_rows(page_of("dashboards"), "cost", HEAD, rows)
    print_claims(
        [
            Claim(
                f"metrics, {name}",
                median(cost.shares) + scrape + count + copies,
                GOAL,
                "of the time",
                "at most",
            )
            for name, cost in found.items()
        ]
    )


if __name__ == "__main__":
    main()
