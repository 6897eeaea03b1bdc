"""What metrics cost a lane: its loop as it is, and one that notes nothing for Prometheus, in pairs.

The whole loop of a lane runs on its scoring thread over records, broker and journal in memory, once
as it is and once without what is there for metrics alone: what it copies behind each batch, the
latency of its records, the clocks of its rules. Both take the same records turn by turn in this
process, and what is compared is the processor time of each turn. What remains in both are some
twenty additions to integers a batch. A scrape is measured by itself and added as its share of the
time between two. The smaller batches are, the more weighs what is done for each: beside full polls,
each poll holds one message of 500 readings, as where a lane keeps up.
"""

import asyncio
import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

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
from pipeline.lane.lane import Lane
from pipeline.snapshot.copy_buffer import SnapshotSlot
from pipeline.snapshot.snapshots import Snapshots
from pipeline.snapshot.store import SnapshotStore
from pipeline.worker.broker_contact import BrokerContacts
from pipeline.worker.lane_context import Deployment, LaneContext, LaneMemory, LanePorts, Pace
from pipeline.worker.lane_loop import LaneLoop
from runtime.queues import OneThread
from sinks.http.lane_groups import LANES_MAX
from sinks.http.metrics import registry
from tests.testkit import city
from tests.testkit.memory_broker import MemoryBroker
from tests.testkit.memory_ports import MemoryCommands, MemoryLog, MemoryTelemetry, WoundClock

GROUPS: Final = 10_000  # of two channels each
READINGS: Final = 200_000
POLL: Final = 40  # messages
ROUNDS: Final = 15
SCRAPE_S: Final = 15.0  # between two, as deployed
SCRAPES: Final = 20
GOAL: Final = 0.02
LOOK_S: Final = 0.0005
NEVER_S: Final = 1e9
HEAD: Final = ["of the time of a lane", "lower quartile", "median", "upper quartile", "µs a batch"]


class BareLoop(LaneLoop):
    """A lane at work whose numbers nobody reads."""

    def _observe(self) -> None:
        """Nothing is copied for Prometheus."""

    def _note_latency(self) -> None:
        """No latency is counted."""
        self._untold = (0, 0)

    async def _listen(self) -> None:
        """No channel is counted."""


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


class Polls(MemoryTelemetry):
    """Records that have come already, a poll at a time; at their end it is noted when that was.

    Parameters
    ----------
    polls : list of Records
    lane : Lane
        Which takes them.
    """

    def __init__(self, polls: list[Records], lane: Lane) -> None:
        super().__init__({})
        self._polls, self._lane = iter(polls), lane
        self._end = polls[-1].next_offset
        self.over = asyncio.Event()
        self.ended_s = 0.0

    async def fetch(self, lane: int, timeout_s: float) -> Records | None:
        """The next poll; waits behind the last one."""
        if (records := next(self._polls, None)) is not None:
            return records
        while self._lane.position < self._end:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(LOOK_S)
        self.ended_s = time.process_time()
        self.over.set()
        await asyncio.sleep(NEVER_S)
        return None

    def view(self, lane: int) -> LogView:
        """All of it is there."""
        return LogView(1, self._end, self._end)

    async def end_offset(self, lane: int) -> int:
        """Behind the last record."""
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

    def context(self, telemetry: Polls, log: MemoryLog) -> LaneContext:
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


async def turn(site: Site, polls: list[Records], *, bare: bool) -> tuple[float, LaneStatus]:
    """Processor seconds of a newborn lane over all polls, and its numbers."""
    parts = site.plan.parts(0)
    if bare:
        parts.scorer.time_by = unclocked  # type: ignore[method-assign]
    lane = Lane(site.plan.name(0), parts, lambda _: parts)
    telemetry, log = Polls(polls, lane), MemoryLog(site.plan.name(0), MemoryBroker())
    await log.fence()
    memory = LaneMemory(LaneStatus(str(lane.name)))
    loop_of = BareLoop if bare else LaneLoop
    life = loop_of(site.context(telemetry, log), lane, log, await log.past(), memory)
    stopping = asyncio.Event()
    await life.replay(None, stopping)
    gc.collect()
    began_s = time.process_time()
    tasks = [asyncio.create_task(work) for work in (life.pump(), life.run(stopping))]
    await telemetry.over.wait()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await life.close()
    assert lane.accounts.balanced()
    return telemetry.ended_s - began_s, memory.status


def gathered(channels: list[str], what: Format, poll: int) -> list[Records]:
    """Polls of so many messages each."""
    sent = messages(channels, 1, replace(what, readings=READINGS))
    rows = [(at, stamp_ms, body) for at, (_, stamp_ms, _, body) in enumerate(sent)]
    return [Records.of(list(rows[at : at + poll])) for at in range(0, len(rows), poll)]


class Cost(NamedTuple):
    """What metrics took of a lane's time, of each pair; and of how many batches."""

    shares: list[float]
    seconds: list[float]
    batches: int
    status: LaneStatus

    def row(self, name: str) -> list[str]:
        """Cells of the table."""
        cells = [f"{share:+.2%}" for share in quantiles(self.shares, n=4)]
        return [name, *cells, f"{1e6 * median(self.seconds) / self.batches:+.1f}"]


async def measured(site: Site, polls: list[Records]) -> Cost:
    """Pairs of turns, in each other order."""
    site.clock.time_ms = int(polls[-1].timestamp_ms[-1]) + 1
    shares, seconds = [], []
    _, status = await turn(site, polls, bare=False)  # compiles
    for pair in range(ROUNDS):
        took = {}
        for bare in (True, False) if pair % 2 else (False, True):
            took[bare], told = await turn(site, polls, bare=bare)
            status = status if bare else told
        shares.append(took[False] / took[True] - 1)
        seconds.append(took[False] - took[True])
    return Cost(shares, seconds, len(polls), status)


def scrape_s(status: LaneStatus) -> float:
    """Median seconds that a worker of as many lanes as have series of their own takes to answer."""
    lanes = [replace(status, name=f"water-{number}") for number in range(LANES_MAX)]
    numbers, took = registry(Fleet(lanes), "benchmark"), []
    for _ in range(SCRAPES):
        began_s = time.process_time()
        generate_latest(numbers)
        took.append(time.process_time() - began_s)
    return median(took)


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
    rows = [cost.row(name) for name, cost in found.items()]
    share = scrape_s(next(iter(found.values())).status) / SCRAPE_S
    print(f"{ROUNDS} pairs of {READINGS:,} readings to one lane of {2 * GROUPS:,} channels\n")
    print_table(HEAD, rows)
    print(f"\na scrape of {LANES_MAX} lanes every {SCRAPE_S:.0f} s takes {share:.3%} of a core")
    if writes():
        write_rows(page_of("dashboards"), "cost", HEAD, rows)
    print_claims(
        [
            Claim(f"metrics, {name}", median(cost.shares) + share, GOAL, "of the time", "at most")
            for name, cost in found.items()
        ]
    )


if __name__ == "__main__":
    main()
