"""A worker that dies at any named point, again and again, changes nothing that anybody can see."""

from pathlib import Path

import pytest

from runtime.failpoints import Point
from tests.testkit.faults.deaths import crashed_at_each_point
from tests.testkit.soak import rounds_left

ORDERS = 3


@pytest.mark.broker
@pytest.mark.slow
@pytest.mark.timeout(600)
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


async def crash_at_each(folder: Path, order: int) -> None:
    verdict = await crashed_at_each_point(folder, order)
    assert verdict.rounds == len(Point)
    verdict.assert_equal(least=300)
