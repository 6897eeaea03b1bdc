"""A ledger in a folder, and in an object store that speaks S3."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from contracts.errors import ConfigError, RetryableError
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
