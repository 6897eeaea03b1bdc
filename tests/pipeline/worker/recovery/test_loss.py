"""What is lost is said aloud, and a damaged snapshot is not the end."""

import errno
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contracts.errors import Damaged
from contracts.ports.lane_log import Manifest
from pipeline.snapshot.store import SnapshotStore
from tests.pipeline.worker.recovery.test_recovery import live_through
from tests.testkit.day import Day
from tests.testkit.memory_ports import MemoryStream
from tests.testkit.world import ALARMS, JOURNAL, World, holding

pytestmark = pytest.mark.slow

FLIPS = 1_000


async def stands(world: World) -> str:
    """Trouble of a lane that stops for good, once it has told so."""
    with world.context() as context:
        async with holding(world, context) as crew:
            await crew.task
    assert crew.runner.status.phase == "failed"
    return crew.runner.status.trouble


def file_of(world: World, manifest: Manifest) -> Path:
    return world.state / manifest.snapshot


def flip(path: Path, chance: random.Random) -> None:
    data = bytearray(path.read_bytes())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)


async def test_no_bit_of_a_snapshot_flips_unseen(world: World) -> None:
    await live_through(world, Day(world))
    manifest = world.manifests()[-1]
    store, path, chance = SnapshotStore(world.location), file_of(world, manifest), random.Random(1)
    whole = path.read_bytes()
    for _ in range(FLIPS):
        flip(path, chance)
        with pytest.raises(Damaged, match="the file is damaged"):
            store.read(manifest.snapshot, manifest.checksum)
        path.write_bytes(whole)
    assert store.read(manifest.snapshot, manifest.checksum) == whole


@pytest.mark.parametrize("harm", ["flip", "cut", "gone"])
async def test_from_a_damaged_snapshot_a_lane_goes_back_to_the_one_before(
    world: World, harm: str
) -> None:
    day = Day(world)
    await live_through(world, day)
    newest, before = world.manifests()[-1], world.manifests()[-2]
    path = file_of(world, newest)
    if harm == "flip":
        flip(path, random.Random(2))
    elif harm == "cut":
        path.write_bytes(path.read_bytes()[:100])
    else:
        path.unlink()
    with world.context() as context:
        async with holding(world, context) as crew:
            day.readings()
            await day.caught_up(crew)
            await crew.drain()
    assert crew.runner.status.damaged_snapshots == 1
    assert crew.runner.status.recoveries == 1
    day.judge()
    assert world.stopped_alarm() == []
    kept = {m.snapshot for m in world.manifests()[-2:]}
    assert {f"water-0/{p.name}" for p in (world.state / "water-0").iterdir()} == kept
    assert before.snapshot not in kept


def put_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def put_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def put_device(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def put_loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def grow(path: Path) -> None:
    os.truncate(path, 1 << 40)  # sparse: a terabyte that takes no room


HARMS = [put_folder, put_pipe, put_device, put_loop, grow]


async def recovered(world: World, day: Day) -> int:
    """Damaged snapshots that a lane has met before it went on."""
    with world.context() as context:
        async with holding(world, context) as crew:
            day.readings()
            await day.caught_up(crew)
            await crew.drain()
    assert crew.runner.status.recoveries == 1
    day.judge()
    assert world.stopped_alarm() == []
    return crew.runner.status.damaged_snapshots


@pytest.mark.parametrize("harm", HARMS)
async def test_whatever_stands_in_place_of_a_snapshot_a_lane_goes_back_to_the_one_before(
    world: World, harm: Callable[[Path], None]
) -> None:
    day = Day(world)
    await live_through(world, day)
    harm(file_of(world, world.manifests()[-1]))
    assert await recovered(world, day) == 1


REFUSALS = [OSError(errno.EIO, "disk"), OSError(errno.EACCES, "not yours"), MemoryError()]


@pytest.mark.parametrize("refusal", REFUSALS, ids=repr)
async def test_from_a_snapshot_that_cannot_be_read_a_lane_goes_back_to_the_one_before(
    world: World, monkeypatch: pytest.MonkeyPatch, refusal: Exception
) -> None:
    day = Day(world)
    await live_through(world, day)
    newest, read = world.manifests()[-1].snapshot, SnapshotStore.read

    def fail(store: SnapshotStore, name: str, *known: Any) -> bytes:
        if name == newest:
            raise refusal
        return read(store, name, *known)

    monkeypatch.setattr(SnapshotStore, "read", fail)
    assert await recovered(world, day) == 1


async def test_a_disk_that_gives_nothing_for_a_while_is_no_loss(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = Day(world)
    await live_through(world, day)
    read, left = SnapshotStore.read, [2]

    def fail(store: SnapshotStore, name: str, *known: Any) -> bytes:
        if left[0]:
            left[0] -= 1
            raise OSError(errno.EIO, "disk")
        return read(store, name, *known)

    monkeypatch.setattr(SnapshotStore, "read", fail)
    with world.context() as context:
        async with holding(world, context) as crew:
            day.readings()
            await day.caught_up(crew)
            await crew.drain()
    assert crew.runner.status.recoveries == 2
    day.judge()
    assert world.stopped_alarm() == []


@pytest.mark.parametrize("seed", range(10))
async def test_a_flip_anywhere_in_either_file_leaves_the_alarms_of_a_calm_replay(
    world: World, seed: int
) -> None:
    day, chance = Day(world), random.Random(seed)
    await live_through(world, day)
    place = chance.choice([-1, -2])
    flip(file_of(world, world.manifests()[place]), chance)
    with world.context() as context:
        async with holding(world, context) as crew:
            day.readings()
            await day.caught_up(crew)
            await crew.drain()
    assert crew.runner.status.damaged_snapshots == (place == -1)
    day.judge()
    assert world.stopped_alarm() == []


async def test_when_no_snapshot_can_be_read_the_lane_stands_and_says_so_once(world: World) -> None:
    day = Day(world)
    await live_through(world, day)
    told, manifest = world.told(), world.manifests()[-1]
    for listed in world.manifests()[-2:]:
        flip(file_of(world, listed), random.Random(3))
    day.readings(50)
    for _ in range(2):
        assert "the file is damaged, restore it; readings" in await stands(world)
    (alarm,) = world.stopped_alarm()
    assert (alarm.rule.name, alarm.colour, alarm.channel) == ("data_loss", "red", "tocsin.water-0")
    (proof,) = alarm.evidence
    assert (proof.topic, proof.partition) == ("tocsin.telemetry.water", 0)
    assert (proof.first, proof.last) == (manifest.telemetry, world.streams[0].end - 1)
    assert f"readings {proof.first} to {proof.last} are lost" in alarm.say["en"]
    assert world.told() == told


async def test_restored_files_let_a_standing_lane_go_on(world: World) -> None:
    day = Day(world)
    await live_through(world, day)
    whole = {file_of(world, m): file_of(world, m).read_bytes() for m in world.manifests()[-2:]}
    for path in whole:
        path.write_bytes(b"")
    await stands(world)
    for path, data in whole.items():
        path.write_bytes(data)
    with world.context() as context:
        async with holding(world, context) as crew:
            day.readings()
            await day.caught_up(crew)
            await crew.drain()
    day.judge()
    assert len(world.stopped_alarm()) == 1


async def test_retention_past_the_position_rings_with_exact_offsets(world: World) -> None:
    day = Day(world)
    await live_through(world, day)
    position = world.manifests()[-1].telemetry
    day.readings(50)
    stream = world.streams[0]
    stream.begin = position + 20
    stream.rows = [row for row in stream.rows if row[0] >= stream.begin]
    for _ in range(2):
        assert f"readings {position}..{position + 19} are lost" in await stands(world)
    (alarm,) = world.stopped_alarm()
    assert [(p.first, p.last) for p in alarm.evidence] == [(position, position + 19)]
    assert alarm.rule.name == "data_loss"


async def test_a_journal_that_lost_entries_names_them_for_what_they_are(world: World) -> None:
    day = Day(world)
    await live_through(world, day)
    place = JOURNAL.format(0)
    end = world.broker.committed(place)[1]
    world.broker.forget(place, end + 2)
    trouble = await stands(world)
    first = world.manifests()[-1].journal
    assert f"journal entries {first}..{end + 1} are lost" in trouble
    assert "readings" not in trouble
    (alarm,) = world.stopped_alarm()
    assert alarm.say["en"].startswith(f"Lane water-0 stands: journal entries {first} to {end + 1}")
    assert alarm.say["zh"].startswith(
        f"处理通道 water-0 已停止：日志条目（偏移量 {first} 至 {end + 1}）"
    )
    (proof,) = alarm.evidence
    assert (proof.topic, proof.partition) == ("tocsin.journal.water", 0)


@pytest.mark.parametrize(("place", "what"), [(JOURNAL, "journal entries"), (ALARMS, "alarms")])
async def test_a_topic_of_its_own_that_was_made_anew_rings(
    world: World, place: str, what: str
) -> None:
    await live_through(world, Day(world))
    manifest = world.manifests()[-1]
    end = manifest.journal if place == JOURNAL else manifest.alarms
    assert end > 0, "an idle day"
    world.broker.make_anew(place.format(0))
    assert f"{what} 0..{end - 1} are lost" in await stands(world)
    assert f"{what} " in await stands(world)  # by now the lane's own alarm lies there
    (alarm,) = world.stopped_alarm()
    (proof,) = alarm.evidence
    assert (f"{proof.topic}[0]", proof.first, proof.last) == (place.format(0), 0, end - 1)


async def test_telemetry_that_was_made_anew_rings(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.worker.log_identity.SETTLE_S", 0.0)
    await live_through(world, Day(world))
    last = world.streams[0].rows[-1][0]
    world.streams[0] = MemoryStream()
    for _ in range(2):
        assert f"readings 0..{last} are lost" in await stands(world)
    (alarm,) = world.stopped_alarm()
    assert (alarm.rule.name, alarm.colour) == ("data_loss", "red")
    assert [(p.topic, p.first, p.last) for p in alarm.evidence] == [
        ("tocsin.telemetry.water", 0, last)
    ]


async def test_a_lane_that_told_something_else_rings_too(world: World) -> None:
    day = Day(world)
    with world.context() as context:
        async with holding(world, context) as crew:
            await day.pass_by(crew)
    with world.context(parts_for=world.plans.changed) as context:
        async with holding(world, context) as crew:
            await crew.task
    (alarm,) = world.stopped_alarm()
    assert (alarm.rule.name, alarm.evidence) == ("diverged", [])


async def test_who_is_no_member_any_more_tells_nothing(world: World) -> None:
    day = Day(world)
    await live_through(world, day)
    world.streams[0].begin = world.streams[0].end + 5
    world.streams[0].end += 10
    with world.context() as context:
        world.telemetry.member = False
        async with holding(world, context) as crew:
            await crew.until(lambda: crew.runner.status.recoveries > 2)
            await crew.drain()
    assert world.stopped_alarm() == []
