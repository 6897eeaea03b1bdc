"""A state location that hangs is said, and costs nothing but time."""

import threading
from collections.abc import Iterator

import pytest

from pipeline.snapshot.store import SnapshotStore
from pipeline.worker import lane_runner
from tests.testkit.day import Day
from tests.testkit.world import World, holding


@pytest.fixture
def hung(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """The second file hangs until the event is set."""
    go_on, write, count = threading.Event(), SnapshotStore.write, 0

    def hang(self: SnapshotStore, lane: str, *pieces: bytes | memoryview) -> tuple[str, str]:
        nonlocal count
        count += 1
        if count == 2:
            go_on.wait(20)
        return write(self, lane, *pieces)

    monkeypatch.setattr(SnapshotStore, "write", hang)
    monkeypatch.setattr("pipeline.snapshot.snapshots.FILE_S", 0.1)
    monkeypatch.setattr(lane_runner, "RETRY_S", 0.01)
    monkeypatch.setattr(lane_runner, "RETRY_S_MAX", 0.05)
    yield go_on
    go_on.set()


async def test_a_lane_says_that_its_state_location_hangs_and_goes_on_when_it_answers(
    world: World, hung: threading.Event
) -> None:
    day = Day(world)
    with world.context() as context:
        async with holding(world, context) as crew:
            for _ in range(3):
                day.readings()
            await crew.until(lambda: crew.runner.status.recoveries > 2)
            assert crew.runner.status.phase == "recovering"
            said = f"{world.location}: expected an answer within 0.1 s, got none; look at it"
            assert crew.runner.status.trouble == said
            hung.set()
            await day.pass_by(crew)
            await crew.drain()
    day.judge()
    assert world.manifests()[-1].telemetry == world.streams[0].end
