"""Lanes that begin with what a replay of history learned."""

from contracts.journal import Warm
from contracts.ports.lane_parts import Parts
from pipeline.lane.lane import Lane
from pipeline.lane.replay import replay
from pipeline.snapshot.lane_state import learned
from pipeline.snapshot.store import SnapshotStore
from pipeline.worker.lane_context import LaneContext
from tests.testkit.day import Day
from tests.testkit.memory_ports import MemoryStream
from tests.testkit.world import World, holding


def _no_swap(config: str) -> Parts:
    raise AssertionError(config)


def learn(world: World, day: Day) -> str:
    """Let a lane learn some history and keep it; its hash."""
    name = world.name()
    config = world.plans.first.configuration.hash
    lane = Lane(name, world.plans.parts_for(config, name), _no_swap)
    day.readings(400)
    told = list(replay(lane, [world.streams[0].records()], []))
    assert told, "an idle history"
    world.streams[0] = MemoryStream()
    return SnapshotStore(str(world.state)).put_warm(str(name), learned(lane))


async def test_a_newborn_lane_begins_warm_once_and_says_so_in_its_journal(world: World) -> None:
    day = Day(world)
    kept = learn(world, day)
    with world.context() as context:
        async with holding(world, context) as crew:
            day.readings(50)
            await day.caught_up(crew)
            await crew.kill()  # before any snapshot: its next life begins warm by the journal
    with world.context() as context:
        async with holding(world, context) as crew:
            await day.pass_by(crew)
            await crew.drain()
    day.judge()
    warm = [(o, e) for o, e in world.journal() if isinstance(e.change, Warm)]
    assert [(offset, entry.at, entry.change) for offset, entry in warm] == [(0, 0, Warm(kept))]


async def test_what_a_lane_began_with_makes_a_difference(world: World) -> None:
    day = Day(world)
    learn(world, day)
    with world.context() as context:
        told = await _lived(world, day, context)
    cold = World(world.plans, world.state / "cold")
    other = Day(cold)
    other.readings(400)
    cold.streams[0] = MemoryStream()
    with cold.context() as context:
        assert await _lived(cold, other, context) != told


async def _lived(world: World, day: Day, context: LaneContext) -> list[bytes]:
    async with holding(world, context) as crew:
        day.readings()
        await day.caught_up(crew)
        await crew.drain()
    return [message.body for message in world.told()["alarm"]]
