"""A lane that dies anywhere tells the world the same, once."""

import asyncio
import random

import pytest

from contracts.errors import RetryableError
from pipeline.worker.lane_context import LaneContext
from tests.testkit.day import Day
from tests.testkit.memory_ports import MemoryTelemetry
from tests.testkit.planned_faults import Step
from tests.testkit.world import FULL, Crew, World, holding

pytestmark = pytest.mark.slow

ONCE = [Step.MEMBERSHIP, Step.FENCE, Step.PAST, Step.SEEK]
OFTEN = [step for step in Step if step not in ONCE]
CRASHES = [(step, 1) for step in ONCE] + [(step, on) for step in OFTEN for on in (1, 2)]
# A zombie is a worker that stands still where something can be awaited, and then goes on.
STANDING = [step for step in Step if step not in {Step.SCORE, Step.FILE, Step.FILED}]
ZOMBIES = [(step, 1 if step in ONCE else 2) for step in STANDING]
NATURAL: dict[Step, Exception] = {
    Step.FETCH: RetryableError("broker away", 0.001),
    Step.SCORE: ZeroDivisionError("a bug in a kernel"),
    Step.FILE: FULL,
}


async def live_through(world: World, day: Day) -> int:
    """One worker's whole day, drained; how often the lane recovered."""
    with world.context() as context:
        async with holding(world, context) as crew:
            await day.pass_by(crew)
            await crew.drain()
    return crew.runner.status.recoveries


async def test_a_calm_day_equals_its_replay(world: World) -> None:
    day = Day(world, filing=True)
    assert await live_through(world, day) == 1
    day.judge()
    assert set(world.faults.reached) == set(Step)
    assert len(world.manifests()) > 3


@pytest.mark.parametrize(("step", "on"), CRASHES)
async def test_a_crash_at_any_step_changes_nothing_that_is_told(
    world: World, step: Step, on: int
) -> None:
    world.faults.fail(step, on, NATURAL.get(step))
    day = Day(world, filing=True)
    assert await live_through(world, day) == 2
    day.judge()
    assert world.faults.fallen == [step]


@pytest.mark.parametrize("step", [Step.FETCH, Step.COMMANDS, Step.END_OFFSET, Step.FILED])
async def test_an_error_that_nobody_foresaw_is_a_crash_like_any_other(
    world: World, step: Step
) -> None:
    world.faults.fail(step, 2, KeyError("a bug"))
    day = Day(world, filing=True)
    assert await live_through(world, day) == 2
    day.judge()


@pytest.mark.parametrize("seed", range(6))
async def test_many_crashes_change_nothing_either(world: World, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(24):
        step = chance.choice(list(Step))
        world.faults.fail(step, chance.randint(1, 6), NATURAL.get(step))
    day = Day(world)
    recoveries = await live_through(world, day)
    world.faults.calm()
    with world.context() as context:  # the last one may have died while it was drained
        async with holding(world, context) as crew:
            await day.caught_up(crew)
            await crew.drain()
    day.judge()
    assert 10 < recoveries <= 1 + len(world.faults.fallen)


@pytest.mark.parametrize(("step", "on"), ZOMBIES)
async def test_a_zombie_neither_tells_nor_deletes_anything_once_it_is_replaced(
    world: World, step: Step, on: int
) -> None:
    day, release = Day(world), world.faults.hang(step, on)
    with world.context() as stale:
        former = world.telemetry
        with world.context() as fresh:
            async with holding(world, stale) as crew:
                zombie = crew.runner, crew.task
                replacing = asyncio.create_task(replace_when_hung(crew, former, fresh))
                await day.pass_by(crew)
                await crew.drain()
                await replacing
                day.judge()
                release.set()
                await asyncio.sleep(0.02)
                zombie[0].stop()
                await zombie[1]
    day.judge()


async def replace_when_hung(crew: Crew, former: MemoryTelemetry, fresh: LaneContext) -> None:
    """Let another worker take the lane once the first one stands still."""
    await crew.world.faults.hanging.wait()
    former.member = False
    crew.hire(fresh)
