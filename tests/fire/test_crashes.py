"""A worker that dies at any named point, again and again, changes nothing that anybody can see."""

import random
import signal
from pathlib import Path

import pytest

from contracts.failpoints import Point
from tests.fire.drill import Flow, Site, Verdict, under_fire
from tests.fire.soak import rounds_left
from tests.kafka.broker import Cluster

ORDERS = 3
PER_SECOND = 1_500.0
DEATH_S_MAX = 60.0
# How often a point is passed before it strikes, at most: recovery passes some once for each lane,
# a lane writes a snapshot each second, and everything else happens many times a second.
ONCE_A_LANE = {Point.FENCE, Point.RESTORE}
OFTEN = {Point.FETCH, Point.DECODE, Point.SCORE, Point.JOURNAL, Point.PRODUCE, Point.ACK}


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


@pytest.mark.broker
@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_crash_at_every_point_leaves_the_alarms_of_a_calm_replay(tmp_path: Path) -> None:
    await crash_at_each(tmp_path, order=1)


@pytest.mark.broker
@pytest.mark.soak
@pytest.mark.timeout(0)
async def test_a_crash_at_every_point_in_three_orders_changes_nothing_either(
    tmp_path: Path,
) -> None:
    for order in rounds_left("crash orders", 2, 1 + ORDERS):
        await crash_at_each(tmp_path / str(order), order)


async def crash_at_each(folder: Path, order: int) -> Verdict:
    """One worker dies at one point after the other, each in a life of its own."""
    with Cluster() as kafka:
        site = Site(kafka.bootstrap, folder)
        worker = site.hire()

        async def crash() -> int:
            blows = plan(order)
            for worker.failpoint in blows:
                worker.start()
                assert await worker.died(DEATH_S_MAX) == -signal.SIGKILL, worker.failpoint
            worker.failpoint = ""
            worker.start()
            return len(blows)

        verdict = await under_fire(site, Flow(20_000, PER_SECOND, order), crash)
    assert verdict.rounds == len(Point)
    verdict.assert_equal(least=300)
    return verdict
