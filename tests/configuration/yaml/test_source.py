"""What stands where a file of the configuration should be is named; nothing is waited for."""

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from configuration.checks.folder import check
from configuration.yaml.findings import Findings
from configuration.yaml.source import read_regular, source_of
from tests.testkit.config_folder import findings_of

FILES = (
    "tocsin.yaml",
    "calendar.yaml",
    "duties.yaml",
    "answers.yaml",
    "districts.geojson",
    "water/pressure.yaml",
    "water/catalogue.csv",
    "desks/city.yaml",
    "notices/city.yaml",
    "topology/nodes.csv",
    "topology/edges.yaml",
)
WAIT_S = 60.0


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as own:
        own.bind(os.path.relpath(path))  # its whole name may be too long


ODD: dict[str, Callable[[Path], None]] = {
    "pipe": os.mkfifo,
    "folder": Path.mkdir,
    "device without end": lambda path: path.symlink_to("/dev/zero"),
    "link in a circle": lambda path: path.symlink_to(path),
    "link to nothing": lambda path: path.symlink_to(path.with_name("nothing")),
    "socket": a_socket,
}


@pytest.mark.parametrize("kind", ODD)
def test_only_a_regular_file_is_read(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    ODD[kind](path)
    with pytest.raises(OSError, match=r".") as refused:
        read_regular(path)
    assert refused.value.strerror
    findings = Findings()
    assert source_of(path, "f.yaml", findings) is None
    (line,) = findings.lines()
    assert line == f"f.yaml: expected a file, got an error: {refused.value.strerror}; " + (
        "make it readable"
    )


def test_a_file_is_read_one_byte_beyond_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # of which no block is there
    assert read_regular(path, 10) == bytes(11)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kind", ["pipe", "folder", "device without end"])
def test_whatever_has_the_name_of_a_file_is_a_finding(name: str, kind: str, tmp_path: Path) -> None:
    """In a thread: a pipe that is waited for would hold the test until its time is up."""
    findings_of(tmp_path / "configs", {})
    path = tmp_path / "configs" / name
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    ODD[kind](path)
    found: list[str] = []

    def look() -> None:
        found.extend(check(tmp_path / "configs", {}))

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    looking.join(WAIT_S)
    assert not looking.is_alive(), "it waits for the other end of a pipe"
    assert any(f"/{name}: expected" in line and "got an error" in line for line in found), found
