"""Snapshots in an object store that speaks S3: a real server, on loopback."""

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from contracts.errors import FatalError
from pipeline.snapshot.store import SnapshotStore
from tests.pipeline.worker.recovery.test_recovery import live_through
from tests.testkit.day import Day
from tests.testkit.planned_faults import Step
from tests.testkit.world import Plans, World, holding

AWAY_S = 30.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreadedMotoServer]:
    """A server that holds everything in this process's memory."""
    with pytest.MonkeyPatch.context() as patch:
        nowhere = str(tmp_path_factory.mktemp("aws") / "none")
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            patch.setenv(name, nowhere)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        running.start()
        yield running
        running.stop()


def address(server: ThreadedMotoServer, name: str) -> str:
    host, port = server.get_host_and_port()
    return (
        f"s3://key:secret@tocsin/{name}?endpoint_override={host}:{port}"
        "&scheme=http&region=us-east-1&allow_bucket_creation=true"
    )


@pytest.fixture
def location(server: ThreadedMotoServer, request: pytest.FixtureRequest) -> str:
    return address(server, hashlib.sha256(request.node.name.encode()).hexdigest()[:16])


@pytest.mark.slow
def test_what_is_written_comes_back_and_nothing_else_is_taken_for_it(location: str) -> None:
    store = SnapshotStore(location)
    data = bytes(range(256)) * 40_000  # more than one part of an upload
    name, check = store.write("water-0", data)
    assert store.read(name, check) == data
    assert SnapshotStore(location).read(name, check) == data
    with pytest.raises(FatalError, match=f"{name}: expected checksum {'0' * 32}, got {check}"):
        store.read(name, "0" * 32)
    with pytest.raises(FatalError, match=r"water-0/x\.snap: expected a file, got none"):
        store.read("water-0/x.snap", check)


def test_a_lanes_files_are_listed_and_swept(location: str) -> None:
    store = SnapshotStore(location)
    mine = sorted(store.write("water-1", b"a")[0] for _ in range(3))
    store.write("water-10", b"another lane's")
    assert store.unlisted("water-1", {mine[1]}) == [mine[0], mine[2]]
    assert store.unlisted("water-2", set()) == []
    store.delete(mine[0])
    store.delete(mine[0])
    assert store.unlisted("water-1", set()) == mine[1:]


def test_bundles_and_what_was_learned_are_kept_under_their_hash(location: str) -> None:
    store = SnapshotStore(location)
    name = store.put_warm("water-0", b"learned")
    assert (store.warm("water-0"), store.warm("water-1")) == (name, None)
    assert store.bundle(name) == b"learned"
    with pytest.raises(FatalError, match="expected a file, got none"):
        store.bundle("0" * 16)


@pytest.mark.slow
@pytest.mark.parametrize("step", [Step.FILE, Step.FILED, Step.PUBLISH, Step.COMMIT])
async def test_a_day_with_a_crash_around_a_snapshot_equals_its_replay(
    plans: Plans, world: World, location: str, step: Step
) -> None:
    stored = World(plans, world.state, store=location)
    stored.faults.fail(step, 2)
    day = Day(stored)
    await live_through(stored, day)
    with stored.context() as context:  # the first one may have died while it was drained
        async with holding(stored, context) as crew:
            await day.caught_up(crew)
            await crew.drain()
    day.judge()
    assert stored.faults.fallen == [step]
    store = SnapshotStore(location)
    kept = {m.snapshot for m in stored.manifests()[-2:]}
    assert kept <= set(store.unlisted(str(stored.name()), set()))


@pytest.mark.slow
def test_a_server_that_is_away_is_an_error_in_bounded_time_and_then_over(tmp_path: Path) -> None:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    place = address(server, "away")
    store = SnapshotStore(place)
    first = store.write("water-0", b"before")
    _, port = server.get_host_and_port()
    server.stop()
    began = time.monotonic()
    with pytest.raises(OSError, match="NETWORK_CONNECTION"):
        store.write("water-0", b"while away")
    assert time.monotonic() - began < AWAY_S
    again = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    again.start()
    try:
        second = store.write("water-0", b"after")
        assert [store.read(*written) for written in (first, second)] == [b"before", b"after"]
        assert store.unlisted("water-0", {first[0], second[0]}) == []
    finally:
        again.stop()
