"""The tutorial from an own sensor to a tuned rule, typed as it stands there."""

import shutil
from pathlib import Path

import pytest

from runtime.installation import HOME
from tests.operate.test_own_data import Terminal, steps

pytestmark = [pytest.mark.slow, pytest.mark.long]

PAGE = HOME / "docs" / "guide" / "own-sensor.md"
COMMANDS = ("look", "new class", "check", "backtest", "tune", "explain", "check mine --class")


@pytest.mark.timeout(600)
def test_the_tutorial_leads_from_an_own_sensor_to_a_tuned_rule(tmp_path: Path) -> None:
    shutil.copytree(HOME / "docs" / "examples", tmp_path / "docs" / "examples")
    typed = steps(PAGE)
    assert all(f"tocsin {word}" in "".join(step.typed for step in typed) for word in COMMANDS)
    assert sum(bool(step.shown) for step in typed) == 8
    terminal = Terminal(tmp_path, "127.0.0.1:9", 9108)
    for step in typed:
        said = terminal.run(step.typed).splitlines()
        assert [line for line in step.shown if line not in said] == [], "\n".join(said)
