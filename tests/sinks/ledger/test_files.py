"""A ledger in a folder, and in an object store that speaks S3."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from contracts.errors import ConfigError, RetryableError
from runtime import failpoints
from runtime.durable_file import OPEN_AT_ONCE, write_all_durably
from runtime.failpoints import Point
from sinks.ledger.files import StoredFiles
from sinks.ledger.ledger import Ledger
from sinks.ledger.prove import Prover
from sinks.ledger.verify import verify
from tests.testkit.ledger.store import SIGNER, behind, records

TOLD = records(300)


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


def kept_at(location: str) -> StoredFiles:
    """A ledger at a location, written by two processes one after the other."""
    files = StoredFiles(location)
    files.begin()
    for begin, end in ((0, 120), (120, 290), (290, 300)):
        ledger = Ledger(StoredFiles(location), SIGNER)
        positions = ledger.positions()
        assert positions == (behind(TOLD[:begin]) if begin else {})
        ledger.apply(TOLD[begin:end], behind(TOLD[begin:end]))
    return files


def is_sound(files: StoredFiles) -> bool:
    head = Prover(files, SIGNER.verifier).head
    return head.size == len(TOLD) and list(verify(files, SIGNER.verifier)) == []


def test_a_folder_holds_a_ledger_for_one_user_alone(tmp_path: Path) -> None:
    place = tmp_path / "made" / "ledger"
    files = kept_at(str(place))
    assert is_sound(files)
    assert files.names("checkpoints") == ["120"]
    assert all(path.stat().st_mode & 0o077 == 0 for path in [place, *place.rglob("*")])
    assert not list(place.rglob(".*"))
    (place / "tile" / "entries" / "000").unlink()
    assert list(verify(files, SIGNER.verifier)) == [
        "tile/entries/000: expected 256 entries, got no file"
    ]


@pytest.mark.slow
def test_an_object_store_holds_a_ledger(server: ThreadedMotoServer) -> None:
    host, port = server.get_host_and_port()
    files = kept_at(
        f"s3://key:secret@tocsin/ledger?endpoint_override={host}:{port}"
        "&scheme=http&region=us-east-1&allow_bucket_creation=true"
    )
    assert is_sound(files)
    files.put("tile/0/000", bytes(256 * 32))
    findings = list(verify(files, SIGNER.verifier))
    assert findings[0].startswith("tile/0/000: hash 0 at byte 0: expected")


# Two are renamed, the checkpoint and the one before: others mean nothing until it names them.
@pytest.mark.parametrize(
    ("point", "passings"), [(Point.SNAPSHOT_WRITE, 8), (Point.FSYNC, 8), (Point.RENAME, 2)]
)
def test_a_disk_that_fails_at_any_write_takes_nothing_that_counts(
    point: Point, passings: int, tmp_path: Path
) -> None:
    for number in itertools.count(1):
        files = StoredFiles(str(tmp_path / str(number)))
        files.begin()
        Ledger(files, SIGNER).apply(TOLD[:250], behind(TOLD[:250]))
        failpoints.arm(f"{point}:{number}:error")
        ledger, failed = Ledger(files, SIGNER), False
        try:
            ledger.apply(TOLD[250:], behind(TOLD[250:]))
        except RetryableError:
            failed = True
        finally:
            failpoints.arm(None)
        # What was signed last is there, of before or of now: never nothing.
        size = Prover(files, SIGNER.verifier).head.size
        assert size in {250, 300}, number
        assert list(verify(files, SIGNER.verifier)) == [], number
        if not failed:
            assert number > passings, "the writes of a step"
            return
        assert ledger.positions() == behind(TOLD[:size])
        ledger.apply(TOLD[size:], behind(TOLD))
        assert is_sound(files), number


def test_what_a_death_left_half_written_is_written_anew(tmp_path: Path) -> None:
    """A file has its name before all of it is on the disk, and counts once it is signed."""
    files, whole = StoredFiles(str(tmp_path / "torn")), StoredFiles(str(tmp_path / "whole"))
    for place in (files, whole):
        place.begin()
        Ledger(place, SIGNER).apply(TOLD[:250], behind(TOLD[:250]))
    Ledger(whole, SIGNER).apply(TOLD[250:], behind(TOLD))
    before = tree_of(files)
    # A checkpoint of before counts by itself, so it is renamed when it is whole.
    ahead = {
        name: data
        for name, data in tree_of(whole).items()
        if name not in before and not name.startswith("checkpoints/")
    }
    assert {"tile/entries/000", "tile/0/000", "tile/1/000.p/1"} <= set(ahead)
    for name, data in ahead.items():
        files.put(name, data[: len(data) // 2] + b"torn" * len(data))
    assert list(verify(files, SIGNER.verifier)) == []
    ledger = Ledger(files, SIGNER)
    assert ledger.positions() == behind(TOLD[:250])
    ledger.apply(TOLD[250:], behind(TOLD))
    assert is_sound(files)
    assert tree_of(files) == tree_of(whole)


def test_a_draft_that_a_death_left_behind_is_no_finding_and_goes_with_the_next_start(
    tmp_path: Path,
) -> None:
    files = kept_at(str(tmp_path))
    left = [tmp_path / ".checkpoint.0123abcd", tmp_path / "checkpoints" / ".290.0123abcd"]
    for path in left:
        path.write_bytes((tmp_path / "checkpoint").read_bytes()[:40])
    assert is_sound(files)
    files.begin()
    assert [path.exists() for path in left] == [False, False]
    assert is_sound(files)


def tree_of(files: StoredFiles) -> dict[str, bytes]:
    root = Path(files.root)
    return {
        str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def test_more_files_than_may_be_open_are_all_written(tmp_path: Path) -> None:
    made = {tmp_path / str(i % 3) / str(i): b"%d" % i for i in range(3 * OPEN_AT_ONCE)}
    write_all_durably(made.items())
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == made


def test_a_place_that_does_not_answer_is_tried_again(tmp_path: Path) -> None:
    place = tmp_path / "ledger"
    files = StoredFiles(str(place))
    files.begin()
    ledger = Ledger(files, SIGNER)
    ledger.apply(TOLD[:10], behind(TOLD[:10]))
    (place / "tile" / "0").rename(place / "tile" / "away")
    (place / "tile" / "0").write_bytes(b"")  # a file where a folder should be
    with pytest.raises(RetryableError, match=r"ledger: expected a store that answers, got .*Error"):
        ledger.apply(TOLD[10:20], behind(TOLD[10:20]))
    (place / "tile" / "0").unlink()
    (place / "tile" / "away").rename(place / "tile" / "0")
    assert ledger.positions() == behind(TOLD[:10])
    ledger.apply(TOLD[10:20], behind(TOLD[10:20]))
    assert list(verify(files, SIGNER.verifier)) == []


def test_an_address_that_means_nothing_is_refused_without_its_secrets() -> None:
    with pytest.raises(ConfigError, match=r"correct `ledger\.store`") as error:
        StoredFiles("gopher://key:hunter2@bucket/ledger")
    assert "hunter2" not in str(error.value)
