"""Stored inputs and seeds pass every target, and so does a short run of new ones."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.fuzz.harness import INPUT_BYTES, TARGETS, compiled_modules, stored, target
from tests.testkit.soak import allowed_s, rounds_left
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
# In endurance, and as often as makes ten million together; what was reached is kept in between.
MORE = 20
ROUNDS = -(-10_000_000 // (MORE * sum(RUNS.values())))
ROUND_S = 1_200  # of all targets, on a slow machine
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


def fuzz(name: str, runs: int, kept: Path, seed: int = 1) -> None:
    """Feed a target with so many inputs, in a process of its own."""
    limits = ["--runs", str(runs), "--seed", str(seed)]
    command = [sys.executable, "-m", "tests.fuzz", name, *limits, "--kept", str(kept)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4_000:]
    assert f"stat::number_of_executed_units: {runs}" in done.stderr


on_linux = pytest.mark.skipif(
    find_spec("atheris") is None, reason="atheris is for Linux on x86-64 alone"
)


@pytest.mark.slow
@on_linux
@pytest.mark.parametrize("name", TARGETS)
def test_new_inputs_pass(name: str, tmp_path: Path) -> None:
    fuzz(name, RUNS[name], tmp_path)


@pytest.mark.long
@on_linux
def test_nothing_is_found_within_a_minute(tmp_path: Path) -> None:
    """All targets together, from their seeds on; what counts is that none stops before its time."""
    limits = ["--seconds", str(-(-60 // len(TARGETS))), "--seed", "2", "--kept", str(tmp_path)]
    command = [sys.executable, "-m", "tests.fuzz", "all", *limits]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert done.stdout.endswith("findings: none\n")


@pytest.mark.soak
@pytest.mark.timeout(allowed_s() + ROUND_S)
@on_linux
def test_ten_million_inputs_pass() -> None:
    """As many rounds as there is time for; the next run goes on behind them."""
    for number in rounds_left("fuzz", 1, ROUNDS):
        for name in TARGETS:
            fuzz(name, MORE * RUNS[name], ROOT / "build" / "fuzz", seed=number)


def test_kernels_are_left_as_they_are() -> None:
    assert "ingest.json.scan" in compiled_modules()
    assert "contracts.journal" not in compiled_modules()
