"""A lane that has more to tell than a transaction holds: in slices, each once, crashes or not."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.journal import Tick
from pipeline.lane.outbox import TransactionBound
from runtime.failpoints import arm
from tests.pipeline.worker.recovery.test_recovery import live_through
from tests.testkit.day import Day
from tests.testkit.planned_faults import Step
from tests.testkit.world import ALARMS, Plans, World, holding

pytestmark = pytest.mark.slow

OUTPUTS = 2
MANY = [Step.BEGIN, Step.BETWEEN, Step.COMMIT, Step.ANSWER, Step.SCORE, Step.FILED, Step.PUBLISHED]


@pytest.fixture
def storm(world: World) -> World:
    """A world in which three outputs are a storm."""
    world.transaction = TransactionBound(OUTPUTS)
    return world


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    arm(None)


def slices(world: World) -> list[int]:
    """Alarms of a lane's transactions, in order."""
    told, _ = world.broker.committed(ALARMS.format(0))
    counts = Counter(id(written.transaction) for written in told if written.kind == "alarm")
    return list(counts.values())


async def test_a_storm_is_told_in_many_bounded_transactions_with_a_mark_each(storm: World) -> None:
    day = Day(storm)
    assert await live_through(storm, day) == 1
    day.judge()
    assert max(slices(storm)) == OUTPUTS
    marks = [(m.telemetry, m.journal, m.sequence) for m in storm.marks()]
    assert marks == sorted(set(marks)), "each mark is further than the one before"
    of_a_step = Counter((telemetry, journal) for telemetry, journal, _ in marks)
    assert max(of_a_step.values()) >= 3, "no step was ever told in slices"


async def test_an_entry_is_journalled_by_the_first_slice_of_its_effect(storm: World) -> None:
    await live_through(storm, Day(storm))
    ticks = [(o, e.at) for o, e in storm.journal() if isinstance(e.change, Tick)]
    within = [mark for mark in storm.marks() if (mark.journal - 1, mark.telemetry) in ticks]
    assert len(within) >= 2 * len({mark.journal for mark in within}) > 0


@pytest.mark.parametrize("on", [1, 2, 3, 5, 8, 13])
async def test_a_crash_between_two_slices_loses_and_doubles_nothing(storm: World, on: int) -> None:
    arm(f"slice:{on}:error")
    day = Day(storm)
    assert await live_through(storm, day) == 2
    day.judge()


@pytest.mark.parametrize("on", [2, 5, 9, 14])
@pytest.mark.parametrize("step", MANY)
async def test_a_crash_at_any_step_of_a_storm_changes_nothing_that_is_told(
    storm: World, step: Step, on: int
) -> None:
    storm.faults.fail(step, on if step in MANY[:4] else 2)
    day = Day(storm, filing=True)
    assert await live_through(storm, day) == 2
    day.judge()
    assert storm.faults.fallen == [step]


@pytest.mark.parametrize("later", range(1, 5))
async def test_a_second_crash_while_the_rest_of_a_storm_is_told_changes_nothing(
    storm: World, later: int
) -> None:
    arm(f"slice:4:error,slice:{4 + later}:error")
    day = Day(storm)
    assert await live_through(storm, day) == 3
    day.judge()


@pytest.mark.parametrize("outputs", [1, 7, 2_000])
async def test_what_is_told_does_not_depend_on_the_bound(
    plans: Plans, tmp_path: Path, outputs: int
) -> None:
    worlds = [World(plans, tmp_path / name) for name in ("one", "other")]
    worlds[0].transaction = TransactionBound(outputs)
    worlds[1].transaction = TransactionBound(1_000_000, size=900)
    for one in worlds:
        day = Day(one)
        await live_through(one, day)
        day.judge()
    assert max(slices(worlds[1])) == 1, "an alarm alone has more bytes than the bound"
    assert worlds[0].told()["alarm"] == worlds[1].told()["alarm"]


async def test_a_build_that_tells_something_else_is_found_before_it_tells_the_rest(
    storm: World, plans: Plans
) -> None:
    arm("slice:2:error")
    day = Day(storm)
    with storm.context() as context:
        async with holding(storm, context) as crew:
            day.readings()
            await crew.until(lambda: crew.runner.status.recoveries == 2)
    told = storm.told()
    with storm.context(parts_for=plans.changed) as context:
        async with holding(storm, context) as crew:
            await crew.until(lambda: crew.runner.status.phase == "failed")
    assert storm.told() == told
    (alarm,) = storm.stopped_alarm()
    assert alarm.rule.name == "diverged"
