"""The file for one machine, put to those who read such files: `docker compose`, or its library."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest
import yaml

from runtime.installation import HOME

pytestmark = pytest.mark.slow

FILE: Final = HOME / "deploy" / "compose" / "compose.yaml"
TEXT: Final = FILE.read_text()
SECRET: Final = "TOCSIN_HISTORY_PASSWORD"
CHECKER: Final = HOME / ".compose" / "compose-spec"


def _docker_compose() -> bool:
    if not shutil.which("docker"):
        return False
    asked = ["docker", "compose", "version"]
    return subprocess.run(asked, capture_output=True, timeout=60, check=False).returncode == 0


DOCKER_COMPOSE: Final = _docker_compose()
needs_a_reader = pytest.mark.skipif(
    not DOCKER_COMPOSE and not CHECKER.exists(),
    reason="neither docker compose nor its checker, which `make compose` builds where Go is",
)


def read(text: str, folder: Path, password: str = "x") -> subprocess.CompletedProcess[str]:
    """What comes of reading a file; nothing is pulled, built or started.

    The library's own program hands no environment to the file, so it is given the text with the
    password put in.
    """
    if password and not DOCKER_COMPOSE:
        text = text.replace(f"${{{SECRET}:?set a password}}", password)
    file = folder / "compose.yaml"
    file.write_text(text)
    command = [str(CHECKER), "-format", "json", str(file)]
    if DOCKER_COMPOSE:
        command = ["docker", "compose", "-f", str(file), "config", "--format", "json"]
    environment = {name: value for name, value in os.environ.items() if name != SECRET}
    if password:
        environment[SECRET] = password
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env=environment
    )


@needs_a_reader
def test_compose_takes_the_file_with_every_service(tmp_path: Path) -> None:
    done = read(TEXT, tmp_path)
    assert done.returncode == 0, done.stderr
    found = yaml.safe_load(done.stdout)["services"]
    assert set(found) == set(yaml.safe_load(TEXT)["services"])
    assert found["history"]["environment"] == {SECRET: "x"}


FAULTS: Final = {
    "a word that is none": ("healthcheck:", "healthchek:"),
    "a list for a word": ("restart: unless-stopped", "restart: [unless-stopped]"),
    "a condition that is none": ("service_healthy", "service_well"),
    "a flag that is a list": ("read_only: true", "read_only: [true]"),
    "a variable cut short": ("${TOCSIN", "${TOC SIN"),
}


@needs_a_reader
@pytest.mark.parametrize("fault", FAULTS)
def test_compose_refuses_a_file_with(fault: str, tmp_path: Path) -> None:
    good, bad = FAULTS[fault]
    assert good in TEXT
    assert read(TEXT.replace(good, bad), tmp_path).returncode != 0


@needs_a_reader
def test_nothing_starts_without_a_password(tmp_path: Path) -> None:
    done = read(TEXT, tmp_path, password="")
    assert done.returncode != 0
    assert "set a password" in done.stderr


def test_services_wait_for_services_that_there_are_and_that_say_when_they_are_ready() -> None:
    services = yaml.safe_load(TEXT)["services"]
    waits = [
        (name, other, wait["condition"])
        for name, service in services.items()
        for other, wait in service.get("depends_on", {}).items()
    ]
    assert len(waits) > 5
    for name, other, condition in waits:
        assert other in services, name
        assert condition != "service_healthy" or "healthcheck" in services[other], name
        ends = services[other].get("restart") == "no"
        assert (condition == "service_completed_successfully") == ends, (name, other)
