"""Snapshot files on a disk that is full, and what sweeping leaves of a lane's files."""

import errno
import os
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent
from typing import Any

import msgspec
import pytest

from contracts.errors import FatalError
from contracts.ports.lane_log import Manifest, Past
from pipeline.lane.lane import Lane
from pipeline.snapshot.copy_buffer import SnapshotSlot
from pipeline.snapshot.lane_state import freeze, thaw
from pipeline.snapshot.snapshots import Snapshots
from pipeline.snapshot.store import SnapshotStore
from runtime.queues import OneThread
from tests.testkit.world import World

FULL = """\
    import resource, signal, sys
    from pipeline.snapshot.store import SnapshotStore
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    store = SnapshotStore(sys.argv[1])
    for write in (lambda: store.write("water-0", bytes(5000)),
                  lambda: store.put_bundle("b", bytes(5000))):
        try:
            write()
        except OSError as error:
            print(error.errno)
    store.write("water-1", bytes(4096))
    """


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_full_disk_leaves_no_file_under_the_name(tmp_path: Path) -> None:
    command = [sys.executable, "-c", dedent(FULL), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == [str(errno.EFBIG)] * 2
    (left,) = files(tmp_path)
    assert left.parent.name == "water-1"


@pytest.mark.parametrize("call", [1, 2])
def test_a_disk_that_cannot_sync_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    store = SnapshotStore(str(tmp_path))
    sync, calls = os.fsync, []

    def fail(file: int) -> None:
        calls.append(file)
        if len(calls) == call:
            raise OSError(errno.EIO, "Input/output error")
        sync(file)

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output error"):
        store.write("water-0", b"state")
    assert files(tmp_path) == []


def snapshots(world: World, filing: OneThread) -> Snapshots:
    return Snapshots(SnapshotStore(str(world.state)), world.plans.parts_for, SnapshotSlot(filing))


def names(world: World) -> set[str]:
    return {str(path.relative_to(world.state)) for path in files(world.state)}


async def test_an_orphan_of_a_crash_before_the_manifest_is_swept(world: World) -> None:
    with OneThread("snapshot_file") as filing:
        dead = snapshots(world, filing)
        lane = dead.newborn(world.name(), world.plans.first.configuration.hash, 0)
        first = await dead.file(lane.name, freeze(lane), 0)
        await dead.sweep(lane.name, first)
        orphan = await dead.file(lane.name, freeze(lane), 0)  # its manifest is never published
        draft = world.state / "water-0" / ".x.snap.00ff"
        draft.write_bytes(b"half")

        heir = snapshots(world, filing)
        lane = await restored(heir, world, first)
        assert orphan.snapshot in names(world)
        second = await heir.file(lane.name, freeze(lane), 0)
        assert len(names(world)) == 4
        await heir.sweep(lane.name, second)
        assert names(world) == {first.snapshot, second.snapshot}
        third = await heir.file(lane.name, freeze(lane), 0)
        await heir.sweep(lane.name, third)
        assert names(world) == {second.snapshot, third.snapshot}


async def restored(heir: Snapshots, world: World, manifest: Manifest) -> Lane:
    lane = await heir.restore(world.name(), Past(manifest, None, [], None, 0, 0))
    assert lane is not None
    return lane


async def test_a_lane_that_takes_longer_to_build_than_a_disk_may_is_built(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with OneThread("snapshot_file") as filing:
        at = snapshots(world, filing)
        lane = at.newborn(world.name(), world.plans.first.configuration.hash, 0)
        manifest = await at.file(lane.name, freeze(lane), 0)

        def slowly(*parts: Any) -> Lane:
            time.sleep(1.2)  # holds the thread, as millions of channels do
            return thaw(*parts)

        monkeypatch.setattr("pipeline.snapshot.snapshots.FILE_S", 1.0)
        monkeypatch.setattr("pipeline.snapshot.snapshots.thaw", slowly)
        assert (await restored(at, world, manifest)).position == lane.position


async def test_a_sweep_that_comes_late_spares_what_a_successor_wrote(world: World) -> None:
    with OneThread("snapshot_file") as filing:
        slow, heir = snapshots(world, filing), snapshots(world, filing)
        lane = slow.newborn(world.name(), world.plans.first.configuration.hash, 0)
        first = await slow.file(lane.name, freeze(lane), 0)
        lane = await restored(heir, world, first)
        second = await heir.file(lane.name, freeze(lane), 0)
        await heir.sweep(lane.name, second)
        await slow.sweep(lane.name, first)
        assert names(world) == {first.snapshot, second.snapshot}


async def test_another_lanes_snapshot_is_refused(world: World) -> None:
    with OneThread("snapshot_file") as filing:
        at = snapshots(world, filing)
        lane = at.newborn(world.name(1), world.plans.first.configuration.hash, 0)
        manifest = await at.file(lane.name, freeze(lane), 0)
        with pytest.raises(FatalError, match="snapshot: expected lane water-0, got 'water-1'"):
            await restored(at, world, manifest)


async def test_a_snapshot_at_another_position_is_refused(world: World) -> None:
    with OneThread("snapshot_file") as filing:
        at = snapshots(world, filing)
        lane = at.newborn(world.name(), world.plans.first.configuration.hash, 7)
        manifest = await at.file(lane.name, freeze(lane), 0)
        mixed = msgspec.structs.replace(manifest, telemetry=8)
        with pytest.raises(FatalError, match=r"water-0: expected position 8 in water-0/.*, got 7"):
            await restored(at, world, mixed)
