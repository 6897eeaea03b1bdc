"""The README's four commands, as a stranger types them, over a copy of the packs."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.installation import HOME

ROOT = HOME
ROOMS = ("configs", "data", "docs")
PACK = "water"  # the commands are about its feed; tests of all packs run in a test of their own
HERE = {"check": "", "replay": "--configs ", "explain": "--configs "}  # kernels stay compiled


def commands() -> list[str]:
    """The commands under the heading, told where the copy of the packs is."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = text.split("### Four commands from a rule to its alarm")[1].split("```sh")[1]
    lines = [re.sub(r"\s+# .*", "", line) for line in block.split("```")[0].strip().splitlines()]
    return [
        re.sub(r"tocsin (\w+)", lambda m: f"{m[0]} {HERE[m[1]]}configs", line) for line in lines
    ]


@pytest.mark.long
@pytest.mark.slow
def test_four_commands_lead_from_a_rule_to_its_alarm(tmp_path: Path) -> None:
    for room in ROOMS:
        shutil.copytree(ROOT / room, tmp_path / room)
    for tests in (tmp_path / "configs").glob("*/*.test.yaml"):
        if tests.parent.name != PACK:
            tests.unlink()
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": path}
    said = []
    for command in commands():
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert done.returncode == 0, (command, done.stderr)
        said.append(done.stdout)
    _, checked, replayed, explained = said
    assert "rules limit, unusual, silent, invalid, rise" in checked
    assert "rule tests passed" in checked
    rang = "rose by 79.2 L/s in 3 h, now 95.7 L/s"
    assert rang in replayed
    assert rang in explained
    assert "configs/water/flow_hourly.yaml" in explained
