"""Stored inputs and seeds pass every target, and so does a short run of new ones."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.fuzz.harness import INPUT_BYTES, TARGETS, compiled_modules, stored, target
from tests.tidy import ROOT

# So many that each takes a second or two beside its start.
RUNS = {
    "json_messages": 1_000,
    "arrow_messages": 1_000,
    "record_batches": 2_000,
    "journal_entries": 5_000,
    "commands": 5_000,
    "snapshots": 5_000,
    "yaml_files": 300,
    "catalogues": 500,
    "lanes": 100,
}
KNOWN = [
    *(pytest.param(name, body, id=f"{name}-{seed}")
      for name in TARGETS for seed, body in target(name).seeds().items()),
    *(pytest.param(name, path.read_bytes(), id=f"{name}-{path.name}")
      for name in TARGETS for path in stored(name)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "body"), KNOWN)
def test_a_known_input_passes(name: str, body: bytes) -> None:
    assert len(body) <= INPUT_BYTES
    target(name).check(body)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("atheris") is None, reason="atheris is for Linux on x86-64 alone")
@pytest.mark.parametrize("name", TARGETS)
def test_new_inputs_pass(name: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fuzz", name, "--runs", str(RUNS[name])]
    done = subprocess.run(
        [*command, "--kept", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-4_000:]
    assert f"stat::number_of_executed_units: {RUNS[name]}" in done.stderr


def test_kernels_are_left_as_they_are() -> None:
    assert "ingest.json.scan" in compiled_modules()
    assert "contracts.journal" not in compiled_modules()
