"""Struck, killed or succeeded at any moment, the desk stage tells everything once."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager

import pytest

from contracts.errors import FatalError
from pipeline.lane.outbox import TransactionBound
from runtime import failpoints
from runtime.failpoints import Point
from tests.testkit.desk.day import DeskDay
from tests.testkit.desk.world import DeskCrew, DeskWorld, on_duty
from tests.testkit.planned_faults import Step

pytestmark = pytest.mark.slow

# Those that a thread reaches cannot hang; membership and the group are asked for once a life.
HANGING = [
    step
    for step in Step
    if step not in {Step.FILE, Step.FILED, Step.MEMBERSHIP, Step.END_OFFSET, Step.COMMANDS}
]
ONCE_A_LIFE = {Step.FENCE, Step.PAST, Step.SEEK}
IN_MEMORY = [
    point
    for point in Point
    # The others lie in Kafka's log, in the decoder and in the scorer.
    if point
    not in {Point.JOURNAL, Point.PRODUCE, Point.ACK, Point.MANIFEST, Point.DECODE, Point.SCORE}
]
STORM = TransactionBound(outputs=7)


@contextmanager
def armed(text: str) -> Iterator[None]:
    """Failpoints that are let go of."""
    failpoints.arm(text)
    try:
        yield
    finally:
        failpoints.arm(None)


@asynccontextmanager
async def heirs(world: DeskWorld, crew: DeskCrew, contexts: ExitStack) -> AsyncIterator[None]:
    """Whenever the stage hangs, another process takes over, and the first is killed."""

    async def succeed() -> None:
        while True:
            await world.faults.hanging.wait()
            world.faults.hanging.clear()
            former = crew.task
            crew.hire(contexts.enter_context(world.context()))
            former.cancel()

    task = asyncio.create_task(succeed())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def live(world: DeskWorld) -> DeskDay:
    """A whole day, and a drain behind it; whoever is on duty then."""
    day = DeskDay(world)
    with ExitStack() as contexts:
        context = contexts.enter_context(world.context())
        async with on_duty(world, context) as crew, heirs(world, crew, contexts):
            await day.pass_by(crew)
            world.faults.calm()
            await crew.drain()
    return day


@pytest.mark.parametrize("step", Step)
async def test_a_blow_at_any_step_changes_nothing(world: DeskWorld, step: Step) -> None:
    world.transaction = STORM
    if step in {Step.COMMANDS, Step.SCORE}:
        world.faults.fail(Step.BETWEEN, 2)  # commands come as records; slices are read in recovery
    for on in (1, 2) if step in ONCE_A_LIFE else (1, 4, 9):
        world.faults.fail(step, on)
    day = await live(world)
    if step is not Step.COMMANDS:
        assert step in world.faults.fallen
    day.assert_told_once()


@pytest.mark.parametrize("step", HANGING)
async def test_who_takes_over_at_any_step_changes_nothing(world: DeskWorld, step: Step) -> None:
    world.transaction = STORM
    if step is Step.SCORE:
        world.faults.fail(Step.BETWEEN, 2)
    for on in (1,) if step in ONCE_A_LIFE else (1, 4, 7):
        world.faults.hang(step, on)
    day = await live(world)
    assert step in world.faults.fallen
    assert world.processes > 1
    day.assert_told_once()


@pytest.mark.parametrize("point", IN_MEMORY)
async def test_an_error_at_any_failpoint_changes_nothing(world: DeskWorld, point: Point) -> None:
    world.transaction = STORM
    with armed(f"{point}:1:error,{point}:3:error"):
        day = await live(world)
        assert failpoints._passed[point] >= 1
    day.assert_told_once()


@pytest.mark.parametrize("seed", range(4))
async def test_a_dozen_deaths_in_a_day_change_nothing(world: DeskWorld, seed: int) -> None:
    chance = random.Random(seed)
    world.transaction = STORM
    steps = [step for step in HANGING if step not in ONCE_A_LIFE and step is not Step.SCORE]
    for step in chance.choices(steps, k=12):
        world.faults.hang(step, chance.randint(1, 12))
    day = await live(world)
    assert len(world.faults.fallen) >= 5
    day.assert_told_once()


async def test_a_stage_that_dies_in_every_slice_gets_further_by_each(world: DeskWorld) -> None:
    world.transaction = STORM
    for on in range(2, 60, 2):
        world.faults.fail(Step.BEGIN, on, FatalError("gone"))
    day = await live(world)
    assert world.faults.fallen.count(Step.BEGIN) > 10
    day.assert_told_once()
