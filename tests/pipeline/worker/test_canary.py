"""A worker lets each lane's canary ring, and counts those that did not."""

from dataclasses import replace

from contracts.lane import LaneName
from contracts.ports.lane_log import Message
from contracts.ports.lane_parts import Parts
from pipeline.lane.canary import KIND
from tests.testkit.day import Day
from tests.testkit.world import PACE, World, holding


def canaries(world: World) -> list[Message]:
    """Committed alarms of canaries."""
    return [message for message in world.whispered() if message.kind == KIND]


async def test_canaries_ring_on_an_idle_lane_and_a_busy_one_and_no_replay_misses_them(
    world: World,
) -> None:
    with world.context(pace=replace(PACE, canary_s=0.0)) as context:
        async with holding(world, context) as crew:
            day, status = Day(world), crew.runner.status
            await crew.until(lambda: len(canaries(world)) > 5)
            day.readings()
            await day.caught_up(crew)
            heard = len(canaries(world))
            await crew.until(lambda: len(canaries(world)) > heard)
            await crew.until(lambda: status.canaries_missed == 0)
            count = status.canaries
            assert 0 <= count.judged - count.told <= 1  # the newest may be on its way
            assert 2 * count.told >= heard  # one rings and clears
            await crew.kill()  # a successor repeats what was told, and goes on
            there = len(canaries(world))
            crew.hire(context)
            assert crew.runner.status.canaries is count  # of the lifeline: what falls would mislead
            await crew.until(lambda: len(canaries(world)) > there)
            await crew.drain()
    golden = world.golden()
    assert not [message for message in golden if message.kind == KIND]
    assert world.marks()[-1].sequence == len(golden)
    told = world.told()["alarm"]
    assert told == [m for m in golden if m.kind == "alarm"]
    assert told


async def test_canaries_whose_alarm_does_not_come_are_counted(world: World) -> None:
    asked = 0

    def silent() -> Parts:
        nonlocal asked
        asked += 1
        raise RuntimeError

    def blind(config: str, name: LaneName) -> Parts:
        return replace(world.plans.parts_for(config, name), canary=silent)

    with world.context(parts_for=blind, pace=replace(PACE, canary_s=0.0)) as context:
        async with holding(world, context) as crew:
            status = crew.runner.status
            await crew.until(lambda: status.canaries_missed > 5)
            assert asked >= 5  # the newest counts from when it is due
            assert status.canaries.judged > 5
            assert status.canaries.told == 0
    assert canaries(world) == []
