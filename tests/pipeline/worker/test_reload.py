"""A lane that runs takes another configuration over at a position of its own, and back."""

import pytest

from contracts.journal import Swap
from tests.testkit.day import Day
from tests.testkit.planned_faults import Step
from tests.testkit.world import World, holding

BLOWS = [(Step.BETWEEN, 4), (Step.COMMIT, 5), (Step.ANSWER, 3), (Step.PUBLISHED, 2)]


async def _reloaded(world: World, day: Day) -> int:
    """A day on which the configuration changes twice; recoveries."""
    plans = world.plans
    wanted: list[str] = []
    with world.context() as context:
        async with holding(world, context) as crew:
            day.readings()
            await day.caught_up(crew)
            for plan in (plans.second, plans.first):
                context.deployed.config = plan.configuration.hash
                wanted.append(plan.configuration.hash)
                await crew.until(lambda: swaps(world) == wanted)
                day.readings()
                await day.caught_up(crew)
            await day.pass_by(crew)
            await crew.drain()
    return crew.runner.status.recoveries


def swaps(world: World) -> list[str]:
    changes = [entry.change for _, entry in world.journal()]
    return [change.config for change in changes if isinstance(change, Swap)]


async def test_each_change_is_one_entry_and_the_day_equals_its_replay(world: World) -> None:
    day = Day(world)
    assert await _reloaded(world, day) == 1
    day.judge()


@pytest.mark.parametrize(("step", "on"), BLOWS)
async def test_a_crash_at_any_step_changes_nothing_that_is_told(
    world: World, step: Step, on: int
) -> None:
    world.faults.fail(step, on)
    world.faults.fail(step, 3 * on)
    day = Day(world, filing=True)
    assert await _reloaded(world, day) > 1
    day.judge()
    assert step in world.faults.fallen
