"""A snapshot's file is written while the lane goes on."""

import asyncio
import errno
import threading
from collections.abc import Mapping
from typing import Any

import pytest
from numpy.typing import NDArray

from pipeline.snapshot.copy_buffer import CopyBuffer
from pipeline.snapshot.store import SnapshotStore
from tests.testkit.day import Day
from tests.testkit.world import World, holding


@pytest.fixture
def slow_disk(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Files after the first one wait until the event is set."""
    go_on, write, count = threading.Event(), SnapshotStore.write, 0

    def wait(self: SnapshotStore, lane: str, *pieces: bytes | memoryview) -> tuple[str, str]:
        nonlocal count
        count += 1
        if count > 1:
            assert go_on.wait(20)
        return write(self, lane, *pieces)

    monkeypatch.setattr(SnapshotStore, "write", wait)
    return go_on


async def test_alarms_are_told_while_a_file_is_being_written(
    world: World, slow_disk: threading.Event
) -> None:
    day = Day(world)
    with world.context() as context:
        async with holding(world, context) as crew:
            for _ in range(5):
                day.readings()
                await day.caught_up(crew)
            assert len(world.manifests()) == 1  # of the newborn
            during = world.told()["alarm"]
            assert during == [m for m in world.golden() if m.kind == "alarm"]
            slow_disk.set()
            await crew.until(lambda: len(world.manifests()) > 1)
            second = world.manifests()[1]
            assert 0 < second.telemetry < world.streams[0].end
            await day.pass_by(crew)
            await crew.drain()
    day.judge()
    assert len(during) > 10


async def test_a_death_while_a_file_is_being_written_leaves_no_trace(
    world: World, slow_disk: threading.Event
) -> None:
    day = Day(world)
    with world.context() as context:
        async with holding(world, context) as crew:
            day.readings()
            day.readings()
            await day.caught_up(crew)
            await crew.kill()
            slow_disk.set()
    with world.context() as context:
        async with holding(world, context) as crew:
            await day.pass_by(crew)
            await crew.drain()
    day.judge()
    files = {f"water-0/{path.name}" for path in (world.state / "water-0").iterdir()}
    assert files == {m.snapshot for m in world.manifests()[-2:]}


async def test_snapshots_that_a_full_disk_fails_are_counted_until_one_is_written(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    full, write = threading.Event(), SnapshotStore.write

    def fail(self: SnapshotStore, lane: str, *pieces: bytes | memoryview) -> tuple[str, str]:
        if full.is_set():
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(self, lane, *pieces)

    monkeypatch.setattr(SnapshotStore, "write", fail)
    day = Day(world)
    with world.context() as context:
        async with holding(world, context) as crew:
            day.readings()
            await day.caught_up(crew)
            full.set()
            status = crew.runner.status
            while status.snapshots_in_vain < 2:
                day.readings()
                await day.caught_up(crew)
            full.clear()
            while status.snapshots_in_vain:
                day.readings()
                await day.caught_up(crew)
            await day.pass_by(crew)
            await crew.drain()
    day.judge()


class SlowBuffer(CopyBuffer):
    """Copies once it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.copying, self.go_on = threading.Event(), threading.Event()

    def copies(self, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        self.copying.set()
        assert self.go_on.wait(20)
        return super().copies(arrays)


async def test_the_buffer_is_taken_until_the_copy_is_there_although_nobody_waits_for_it(
    world: World,
) -> None:
    """Another lifeline's lane, on a thread of its own, would lay its copy over this one."""
    with world.context() as context:
        slot = context.snapshots.slot
        slot.room = slow = SlowBuffer()
        async with holding(world, context) as crew:
            await crew.until(slow.copying.is_set)
            await crew.kill()
            assert slot.copying.locked()
            slow.go_on.set()
            async with asyncio.timeout(20), slot.copying:
                pass
