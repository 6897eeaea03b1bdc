"""What tests of the command share: one run of the demo."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

TOCSIN = str(Path(sys.executable).with_name("tocsin"))
DEMO_SECONDS = 20


@dataclass(frozen=True)
class Played:
    """A demo that ran to its end: where its report lies, and what a shell saw."""

    report: Path
    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The demo from a shell, on its embedded broker."""
    folder = tmp_path_factory.mktemp("demo")
    words = [TOCSIN, "demo", "--seconds", str(DEMO_SECONDS), "--report", str(folder / "report")]
    ended = subprocess.run(
        words, cwd=folder, capture_output=True, text=True, check=False, timeout=180
    )
    return Played(folder / "report", ended.returncode, ended.stdout, ended.stderr)
