"""How long a lane of many channels is away: killed and restarted, taken over, held by snapshots."""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.city_load.workers import Feed, configured, one_of_each
from benchmarks.support.claims import Claim, print_claims, print_table, write_rows
from benchmarks.support.traffic import as_json
from benchmarks.support.waiting import until
from broker.topics import TopicPlan, ensure, needed
from configuration.configuration import Configuration
from configuration.lane_plan import plan_of
from contracts.records import Records
from contracts.topics import TopicNames
from pipeline.lane.lane import Lane
from pipeline.snapshot.copy_buffer import CopyBuffer
from pipeline.snapshot.lane_state import freeze, thaw
from pipeline.snapshot.store import pack, unpack
from runtime.installation import HOME
from tests.testkit.kafka.broker import Cluster, missing
from tests.testkit.kafka.ports import free_ports
from tests.testkit.worker_process import WorkerProcess

PAGE = HOME / "docs" / "reliability.md"
SESSION_S = 6
POLL_RECORDS = 5_000  # what a worker takes at once, at most
ROUNDS = 5
STATIC_S = {100_000: 10.0, 1_000_000: 20.0}
RESTORE_S = 3.0
HEAD = ["channels", "load s", "tables s", "restore s", "bytes/channel", "hold ms", "poll ms"]
HEAD += ["restart s", "takeover s"]


@dataclass(slots=True)
class Figures:
    """What was measured with some number of channels; times in s."""

    channels: int
    load: float = 0.0
    tables: float = 0.0
    restore: float = 0.0
    snapshot_bytes: int = 0
    hold: float = 0.0
    poll: float = 0.0
    restart: float = 0.0
    takeover: float = 0.0

    def row(self) -> list[str]:
        """Cells of the table."""
        times = [f"{self.load:.1f}", f"{self.tables:.1f}", f"{self.restore:.2f}"]
        size = f"{self.snapshot_bytes / self.channels:.0f}"
        held = [f"{self.hold * 1000:.0f}", f"{self.poll * 1000:.0f}"]
        return [
            f"{self.channels:,}",
            *times,
            size,
            *held,
            f"{self.restart:.1f}",
            f"{self.takeover:.1f}",
        ]

    def claims(self) -> list[Claim]:
        """Goals of the issue that asked for them."""
        many = f"{self.channels:,} channels"
        goal = STATIC_S.get(self.channels, max(STATIC_S.values()))
        later = self.takeover - SESSION_S
        return [
            Claim(f"{many}, kill to first new score, static", self.restart, goal, "s", "at most"),
            Claim(f"{many}, takeover less the session timeout", later, goal, "s", "at most"),
            Claim(f"{many}, restore of all rows", self.restore, RESTORE_S, "s", "at most"),
            Claim(f"{many}, snapshot holds the lane", self.hold, self.poll, "s", "at most"),
        ]


def seconds(work: Callable[[], object]) -> float:
    """How long something takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def measure_lane(folder: Path, channels: list[str]) -> Figures:
    """Load, tables, copy and restore of a lane in this process."""
    found = Figures(len(channels))
    began = time.perf_counter()
    plan = plan_of(Configuration.load(folder / "configs"), "water")
    found.load = time.perf_counter() - began
    began = time.perf_counter()
    parts = plan.parts(0)
    found.tables = time.perf_counter() - began
    lane = Lane(plan.name(0), parts, lambda _: parts)
    now_ms = int(time.time() * 1000)
    bodies = enumerate(one_of_each(channels))
    lane.feed(Records.of([(place, now_ms, body) for place, body in bodies]))
    assert lane.accounts.counts()["scored"] == len(channels), lane.accounts.counts()
    found.poll = statistics.median(polls(lane, channels, now_ms))
    room = CopyBuffer()
    freeze(lane, room)  # the first copy of a worker's life fetches the memory
    found.hold = max(seconds(lambda: freeze(lane, room)) for _ in range(ROUNDS))
    data = pack(freeze(lane))
    found.snapshot_bytes = len(data)
    parts = plan.parts(0)
    found.restore = seconds(lambda: thaw(lane.name, unpack(data), lambda _: parts))
    return found


def polls(lane: Lane, channels: list[str], now_ms: int) -> list[float]:
    """Time of each of some full polls of single readings in JSON."""
    found = []
    for turn in range(1, ROUNDS + 1):
        some = channels[:: max(1, len(channels) // POLL_RECORDS)][:POLL_RECORDS]
        bodies = [as_json([name], now_ms // 1000 + turn, np.array([5.0])) for name in some]
        first = lane.position
        at_ms = now_ms + turn * 1000
        rows: list[tuple[int, int, bytes | None]] = [
            (first + n, at_ms, body) for n, body in enumerate(bodies)
        ]
        found.append(seconds(partial(lane.feed, Records.of(rows))))
    return found


def position(worker: WorkerProcess) -> float:
    """Where a worker's lane stands; -1 when it has none."""
    return worker.metric("tocsin_lane_position").get("water-0", -1.0)


async def measure_workers(folder: Path, channels: list[str], found: Figures) -> None:
    """Kill the lane's worker twice: it comes back, and another one takes over."""
    with Cluster() as kafka:
        topics = needed({"water": 1}, TopicNames(), TopicPlan(replication=1))
        await ensure(topics, kafka.bootstrap)
        place = ["--configs", str(folder / "configs"), "--bootstrap", kafka.bootstrap]
        one, other = (
            WorkerProcess(place, port, folder / f"{name}.log", name)
            for name, port in zip(("one", "other"), free_ports(2), strict=True)
        )
        feed = Feed(kafka.bootstrap, channels)
        feed.preload()
        going = asyncio.create_task(feed.go_on())
        try:
            one.start()
            await until(lambda: position(one) >= feed.end - 1, "a lane that has caught up")
            before = sum(one.metric("tocsin_snapshots_total").values())
            await until(
                lambda: sum(one.metric("tocsin_snapshots_total").values()) > before + 1,
                "a snapshot",
            )
            found.restart = await away(one, one, feed)
            other.start()
            await until(lambda: other.get("/readyz") is not None, "a worker that stands by")
            found.takeover = await away(one, other, feed)
        finally:
            going.cancel()
            for worker in (one, other):
                worker.bury()


async def away(victim: WorkerProcess, heir: WorkerProcess, feed: Feed) -> float:
    """Time from a SIGKILL to the first score of a reading that came later."""
    end = feed.end
    victim.kill()
    if heir is victim:
        victim.start()
    return await until(lambda: position(heir) > end, "a new score")


def main() -> None:
    """Kill, restore, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("channels", nargs="*", type=int, help="default: 100000")
    parser.add_argument("--write", action="store_true", help="write the table into the page")
    wanted = parser.parse_args()
    if (lacking := missing()) is not None:
        sys.exit(f"recovery: expected a Kafka to recover from, got none: {lacking}")
    measured = []
    for count in wanted.channels or [100_000]:
        with TemporaryDirectory(prefix="tocsin-recovery-") as folder:
            channels = configured(Path(folder), count, SESSION_S)
            measured.append(measure_lane(Path(folder), channels))
            asyncio.run(measure_workers(Path(folder), channels, measured[-1]))
    print_table(HEAD, [figures.row() for figures in measured])
    print_claims([claim for figures in measured for claim in figures.claims()])
    if wanted.write:
        write_rows(PAGE, "recovery", HEAD, [figures.row() for figures in measured])


if __name__ == "__main__":
    main()
