"""A snapshot goes on only over the log that it was made of."""

from collections.abc import Callable

import pytest

from tests.testkit.day import Day
from tests.testkit.memory_ports import MemoryStream
from tests.testkit.world import World, holding

Harm = Callable[[MemoryStream], None]


def other_time(stream: MemoryStream) -> None:
    offset, time_ms, payload = stream.rows[-1]
    stream.rows[-1] = (offset, time_ms + 1, payload)


def other_payload(stream: MemoryStream) -> None:
    offset, time_ms, payload = stream.rows[-1]
    stream.rows[-1] = (offset, time_ms, (payload or b"") + b" ")


def shifted(stream: MemoryStream) -> None:
    """A mirror has the same records under other offsets."""
    stream.rows = [(offset + 3, time_ms, payload) for offset, time_ms, payload in stream.rows]
    stream.end += 3


def made_anew(stream: MemoryStream) -> None:
    stream.rows, stream.end = stream.rows[:5], 6


async def lived(world: World, day: Day) -> None:
    with world.context() as context:
        async with holding(world, context) as crew:
            day.readings()
            await day.caught_up(crew)
            await crew.drain()


@pytest.mark.parametrize("harm", [other_time, other_payload, shifted, made_anew])
async def test_another_log_stops_the_lane_for_good_and_says_why(
    world: World, harm: Harm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.worker.log_identity.SETTLE_S", 0.0)
    day = Day(world)
    await lived(world, day)
    told, manifests = world.told(), len(world.manifests())
    harm(world.streams[0])
    with world.context() as context:
        async with holding(world, context) as crew:
            await crew.task
    status = crew.runner.status
    assert status.phase == "failed"
    assert "water-0: expected the record 17" in status.trouble
    assert "another cluster, or the topic was made anew" in status.trouble
    assert (world.told(), len(world.manifests())) == (told, manifests)


async def test_a_record_that_retention_has_passed_needs_no_look(world: World) -> None:
    day = Day(world)
    await lived(world, day)
    stream = world.streams[0]
    stream.begin, stream.rows = stream.end, []
    with world.context() as context:
        async with holding(world, context) as crew:
            day.readings()
            await day.caught_up(crew)
            await crew.drain()
    assert crew.runner.status.recoveries == 1
