"""What a recovered lane may do when, and what stops it for good."""

import asyncio

import pytest

from contracts.journal import Entry, Swap, Tick
from pipeline.worker.lane_context import LaneContext, Pace
from tests.testkit.day import Day
from tests.testkit.planned_faults import Step
from tests.testkit.world import ALARMS, MANIFESTS, World, holding

pytestmark = pytest.mark.slow

NEVER = Pace(look_s=0.0005, snapshot_s=3600.0, snapshot_readings=10**9)
MOMENT_S = 0.02  # long enough for ten looks


async def die_without_a_snapshot(world: World) -> Day:
    """Live a day and leave without a goodbye: only the newborn's manifest is there."""
    day = Day(world)
    with world.context(pace=NEVER) as context:
        async with holding(world, context) as crew:
            await day.pass_by(crew)
    assert [manifest.sequence for manifest in world.manifests()] == [0]
    assert world.marks()[-1].sequence > 20
    return day


async def end_of(world: World, context: LaneContext) -> tuple[str, str]:
    """Phase and trouble of a lane that stops by itself."""
    async with holding(world, context) as crew, asyncio.timeout(5):
        await crew.task
    return crew.runner.status.phase, crew.runner.status.trouble


async def test_nothing_new_is_journalled_before_replay_has_passed_the_mark(world: World) -> None:
    day = await die_without_a_snapshot(world)
    journal, mark = world.journal(), world.marks()[-1]
    world.clock.time_ms += 60_000
    day.command({"kind": "shelve", "channel": day.channels[2], "seconds": 9})
    world.commands.asked.clear()
    with world.context() as context:
        release = world.faults.hang(Step.FETCH, 3)
        async with holding(world, context) as crew:
            await world.faults.hanging.wait()
            await asyncio.sleep(MOMENT_S)
            assert crew.runner.status.phase == "replaying"
            assert crew.runner.status.position < mark.telemetry
            assert world.journal() == journal
            assert world.commands.asked == []
            release.set()
            await day.caught_up(crew)
            await crew.drain()
    new = world.journal()[len(journal) :]
    assert [entry.command is None for _, entry in new] == [True, False]
    assert all(entry.at >= mark.telemetry for _, entry in new)
    day.judge()


@pytest.mark.parametrize("hour", ["quiet", "busy"])
async def test_a_lane_stopped_while_it_replays_does_not_hide_what_was_told(
    world: World, hour: str
) -> None:
    day = Day(world)
    day.readings()
    with world.context(pace=NEVER) as context:
        async with holding(world, context) as crew:
            await (day.caught_up if hour == "quiet" else day.pass_by)(crew)
    world.faults.hang(Step.FETCH, 2)
    with world.context() as context:
        async with holding(world, context) as crew:
            await world.faults.hanging.wait()
            await asyncio.sleep(MOMENT_S)
            assert crew.runner.status.phase == "replaying"
            await crew.drain()
    assert len(world.manifests()) == 1
    with world.context() as context:
        async with holding(world, context) as crew:
            await day.pass_by(crew)
            await crew.drain()
    day.judge()


async def test_commands_resume_after_the_last_one_taken(world: World) -> None:
    day = await die_without_a_snapshot(world)
    taken = len(world.commands.bodies[0])
    world.commands.asked.clear()
    day.command({"kind": "shelve", "channel": day.channels[2], "seconds": 9})
    with world.context() as context:
        async with holding(world, context) as crew:
            await day.caught_up(crew)
            await crew.drain()
    assert world.commands.asked[0] == min(world.commands.asked) == taken
    numbers = [entry.command for _, entry in world.journal() if entry.command is not None]
    assert numbers == list(range(1, taken + 2))
    day.judge()


async def test_a_build_that_tells_something_else_stops_the_lane(world: World) -> None:
    await die_without_a_snapshot(world)
    before = (world.told(), world.journal(), world.manifests(), world.marks())
    with world.context(parts_for=world.plans.changed) as context:
        phase, trouble = await end_of(world, context)
    assert phase == "failed"
    digest = world.marks()[-1].digest
    assert f"water-0: expected outputs up to {len(world.golden())} with hash {digest}" in trouble
    assert (world.told(), world.journal(), world.manifests(), world.marks()) == before


async def test_outputs_without_a_manifest_stop_the_lane(world: World) -> None:
    await die_without_a_snapshot(world)
    world.broker.forget(MANIFESTS.format(0), world.broker.committed(MANIFESTS.format(0))[1])
    before = world.told()
    with world.context() as context:
        phase, trouble = await end_of(world, context)
    assert phase == "failed"
    assert trouble.startswith("water-0: expected a manifest beside the outputs already told")
    assert (world.told(), world.manifests()) == (before, [])


async def test_readings_lost_to_retention_stop_the_lane(world: World) -> None:
    await die_without_a_snapshot(world)
    before = world.told()
    world.streams[0].begin = 300
    with world.context() as context:
        phase, trouble = await end_of(world, context)
    assert phase == "failed"
    assert "readings 0..299 are lost" in trouble
    assert world.told() == before


async def test_outputs_lost_to_retention_stop_the_lane(world: World) -> None:
    await die_without_a_snapshot(world)
    world.broker.forget(ALARMS.format(0), 5)
    with world.context() as context:
        phase, trouble = await end_of(world, context)
    assert phase == "failed"
    assert trouble.startswith("tocsin.alarms.water[0]: expected offset 0")


def swaps(world: World) -> list[Entry]:
    return [entry for _, entry in world.journal() if isinstance(entry.change, Swap)]


@pytest.mark.parametrize("step", [None, Step.COMMIT, Step.ANSWER, Step.FILED, Step.PUBLISHED])
async def test_another_configuration_is_a_swap_behind_the_mark(
    world: World, step: Step | None
) -> None:
    day = await die_without_a_snapshot(world)
    mark, second = world.marks()[-1], world.plans.second
    if step is not None:
        world.faults.fail(step)
    with world.context(second) as context:
        async with holding(world, context) as crew:
            await day.pass_by(crew)
            await crew.drain()
    assert crew.runner.status.recoveries == 1 + (step is not None)
    (swap,) = swaps(world)
    assert swap.change == Swap(second.configuration.hash)
    assert swap.at >= mark.telemetry
    assert {manifest.config for manifest in world.manifests()[-2:]} == {second.configuration.hash}
    day.judge()


async def test_a_tick_needs_an_end_that_was_fetched_after_it(world: World) -> None:
    day = Day(world)
    with world.context() as context:
        async with holding(world, context) as crew:
            day.readings()
            await day.caught_up(crew)
            release = world.faults.hang(Step.END_OFFSET)
            world.clock.time_ms += 10_000
            await world.faults.hanging.wait()
            day.readings()  # they come while the end is asked for
            release.set()
            await day.caught_up(crew)
            assert not world.journal()
            world.clock.time_ms += 10_000
            await day.ticked(crew)
    ((_, tick), *_) = world.journal()
    assert tick.at == world.streams[0].end


async def test_lag_is_not_silence(world: World) -> None:
    day = Day(world)
    with world.context() as context:
        async with holding(world, context) as crew:
            day.readings()
            await day.caught_up(crew)
            release = world.faults.hang(Step.FETCH)
            day.readings(1)
            await world.faults.hanging.wait()
            day.readings()
            world.clock.time_ms += 60_000
            await crew.until(lambda: world.faults.reached[Step.END_OFFSET] > 1)
            assert not world.journal()
            release.set()
            await day.ticked(crew)
    assert all(entry.at == world.streams[0].end for _, entry in world.journal())
    assert {type(entry.change) for _, entry in world.journal()} == {Tick}
