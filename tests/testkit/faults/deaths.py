"""Workers that die: at random, and at every named point of delivery."""

import asyncio
import random
import signal
from pathlib import Path

from runtime.failpoints import Point
from tests.testkit.faults.drill import Flow, Site, Verdict, under_fire
from tests.testkit.kafka.broker import Cluster

READINGS_A_DEATH = 10_000
SECONDS_A_DEATH = 4.5
PER_SECOND = 1_500.0
DEATH_S_MAX = 60.0
# How often a point is passed before it strikes, at most: recovery passes some once for each lane,
# a lane writes a snapshot each second, and everything else happens many times a second.
ONCE_A_LANE = {Point.FENCE, Point.RESTORE}
OFTEN = {Point.FETCH, Point.DECODE, Point.SCORE, Point.JOURNAL, Point.PRODUCE, Point.ACK}
OFTEN |= {Point.SLICE}
SLICED = "transaction_outputs: 2\n"  # so that usual traffic is told in slices


async def killed_at_random(folder: Path, seed: int, rounds: int) -> Verdict:
    """One worker is killed at random moments, about once in 10,000 readings."""
    with Cluster() as kafka:
        site = Site(kafka.bootstrap, folder)
        worker = site.hire()
        chance = random.Random(seed + 1)

        async def kill() -> int:
            worker.start()
            for _ in range(rounds):
                await asyncio.sleep(chance.uniform(0.3, 2 * SECONDS_A_DEATH - 1.5))
                await asyncio.to_thread(worker.kill)
                worker.start()
            return rounds

        flow = Flow(READINGS_A_DEATH * rounds, READINGS_A_DEATH / SECONDS_A_DEATH, seed)
        return await under_fire(site, flow, kill)


async def crashed_at_each_point(folder: Path, seed: int, rounds: int = len(Point)) -> Verdict:
    """One worker dies at one point after the other, each in a life of its own."""
    with Cluster() as kafka:
        site = Site(kafka.bootstrap, folder, SLICED)
        worker = site.hire()

        async def crash() -> int:
            for number in range(rounds):
                worker.failpoint = plan(seed + number // len(Point))[number % len(Point)]
                worker.start()
                assert await worker.died(DEATH_S_MAX) == -signal.SIGKILL, worker.failpoint
            worker.failpoint = ""
            worker.start()
            return rounds

        return await under_fire(site, Flow(20_000, PER_SECOND, seed), crash)


def plan(order: int) -> list[str]:
    """Every point once, in an order of its own, each at a passing of its own."""
    points = list(Point)
    random.Random(order).shuffle(points)
    return [f"{point}:1-{most(point)}@{order}:crash" for point in points]


def most(point: Point) -> int:
    """Highest passing at which a point may strike."""
    if point in ONCE_A_LANE:
        return 2
    return 6 if point in OFTEN else 2
