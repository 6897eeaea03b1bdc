"""A kind of rule from another package: its twin and the laws, and the door by entry point."""

import json
import math
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from configuration.rule_kinds import ENTRY_POINTS, FIRST_SLOT, SLOTS_MAX, kinds
from contracts.errors import ConfigError
from detectors.registry import KINDS
from runtime.installation import HOME
from tests.configuration.foreign.tocsin_jump import JUMP, Jump
from tests.testkit.config_folder import PACK, folder_with
from tests.testkit.kind_case import Case, Reading, Seen, equals_twin, keeps_the_laws, roster

pytestmark = pytest.mark.slow

ROOT = HOME
FOREIGN = Path(__file__).parent / "foreign"
ENTRIES = tomllib.loads((FOREIGN / "pyproject.toml").read_text())["project"]["entry-points"]
RULE = """
jump:
  by: 0.2
  duty:
    cause: a valve that slams
    consequence: burst pipes
    respond: {procedure: W-8, first: [ask who turned it]}
    owner: {level: district, role: water bureau, within: 30 min, then: city}
    say: {en: "{name}: jumped by {score} to {observed}", zh: "{name}：{observed}"}
    source: "[E]"
"""


class JumpTwin:
    """The rule in plain Python."""

    before = math.nan

    def __init__(self, rule: Jump, period_ns: int) -> None:
        del period_ns
        self.rule = rule

    def see(self, time_ns: int, value: float) -> Seen:
        del time_ns
        score, self.before = abs(value - self.before), value
        colour = 2 if score > self.rule.by else 0
        return Seen(score, colour, colour)

    def learn(self, time_ns: int, value: float) -> None:
        """Nothing: `see` keeps the value."""


def case(seed: int = 0) -> Case:
    """Two channels that jump now and then."""
    steps = np.random.default_rng(seed).choice([0.0, 0.05, 0.4, -0.4], 300, p=[0.5, 0.3, 0.1, 0.1])
    readings = [Reading(i % 2, 60.0 * i, v) for i, v in enumerate(np.cumsum(steps).tolist())]
    return Case(JUMP, {"water.p": Jump(by=0.2)}, roster({"water.p": 2}), readings)


@pytest.mark.parametrize("seed", range(3))
def test_the_example_equals_its_twin_and_keeps_the_laws(seed: int) -> None:
    equals_twin(case(seed), JumpTwin)
    keeps_the_laws(case(seed))


def installed(site: Path, module: str, entries: dict[str, str], name: str = "tocsin_jump") -> Path:
    """A folder of packages, as pip leaves it behind, with this module and its entry points."""
    info = site / f"{name}-0.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1\n")
    lines = [f"[{ENTRY_POINTS}]", *(f"{key} = {value}" for key, value in entries.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    (site / f"{name}.py").write_text(module)
    return site


def tocsin(site: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command in a new interpreter that has these packages."""
    paths = os.pathsep.join([str(site), str(ROOT)])
    return subprocess.run(
        [sys.executable, "-c", "from app.cli.main import main; raise SystemExit(main())", *words],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_installed_kind_rings_in_a_replay(tmp_path: Path) -> None:
    module = (FOREIGN / "tocsin_jump.py").read_text()
    site = installed(tmp_path / "site", module, ENTRIES[ENTRY_POINTS])
    folder = folder_with(tmp_path / "city", {"water/pressure.yaml": PACK + RULE})
    values = [0.3] * 5 + [0.6] * 5
    lines = [
        {"channel": "water.a.p", "time": f"2026-03-01T08:{minute:02}:00Z", "value": value}
        for minute, value in enumerate(values)
    ]
    feed = tmp_path / "feed.jsonl"
    feed.write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = tocsin(site, "replay", "--configs", str(folder), str(feed))
    assert done.returncode == 0, done.stderr
    said = [line.partition("water.a.p: ")[2] for line in done.stdout.splitlines()[:2]]
    assert said == [
        "jumped by 0.3 to 0.6",
        "cleared (jump), lasted 1 min; value 0.6 MPa now.",
    ]


def test_words_of_an_installed_kind_are_judged_like_all_others(tmp_path: Path) -> None:
    site = installed(
        tmp_path / "site", (FOREIGN / "tocsin_jump.py").read_text(), ENTRIES[ENTRY_POINTS]
    )
    broken = RULE.replace("by: 0.2", "bye: 0.2")
    folder = folder_with(tmp_path / "city", {"water/pressure.yaml": PACK + broken})
    done = tocsin(site, "check", str(folder))
    assert done.returncode == 2
    assert "jump: unknown key 'bye'; nearest is 'by'" in done.stderr


def test_the_kind_comes_after_those_of_tocsin_that_do_not_listen_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (FOREIGN / "tocsin_jump.py").read_text()
    site = installed(tmp_path, text, {"jump": "tocsin_late_jump:JUMP"}, "tocsin_late_jump")
    monkeypatch.syspath_prepend(str(site))
    found = kinds.__wrapped__()
    own = [kind.name for kind in KINDS if kind.name != "joint"]
    assert list(found) == [*own, "jump", "joint"]


@pytest.mark.parametrize(
    ("name", "module", "text"),
    [
        ("t_imports", "import nowhere_to_be_found", "got ModuleNotFoundError: No module named"),
        ("t_empty", "", "got AttributeError: "),
        ("t_other", "JUMP = 7", "expected a detectors.base.kind.Kind, got 7; fix the package"),
        (
            "t_taken",
            "from detectors.registry import KINDS\nJUMP = KINDS[0]",
            "expected a name of its own, got 'balance' again; rename it",
        ),
        (
            "t_unit",
            "from dataclasses import replace\nfrom detectors.registry import KINDS\n"
            "JUMP = replace(KINDS[0], name='unit')",
            "expected a name of its own, got 'unit' again; rename it",
        ),
        (
            "t_name",
            "from dataclasses import replace\nfrom detectors.registry import KINDS\n"
            "JUMP = replace(KINDS[0], name='My Rule')",
            "expected a name such as 'jump', got 'My Rule'; rename it",
        ),
    ],
)
def test_a_broken_package_is_named_with_what_is_wrong(
    name: str, module: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = installed(tmp_path, module, {"jump": f"{name}:JUMP"}, name)
    monkeypatch.syspath_prepend(str(site))
    with pytest.raises(ConfigError, match="entry point group") as caught:
        kinds.__wrapped__()
    assert text in str(caught.value)


def test_more_kinds_than_a_level_change_can_name_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"jump_{number}" for number in range(SLOTS_MAX)]
    module = (FOREIGN / "tocsin_jump.py").read_text() + (
        "\nfrom dataclasses import replace\n"
        f"globals().update({{name: replace(JUMP, name=name) for name in {names}}})\n"
    )
    site = installed(tmp_path, module, {name: f"t_many:{name}" for name in names}, "t_many")
    monkeypatch.syspath_prepend(str(site))
    most = SLOTS_MAX - FIRST_SLOT
    with pytest.raises(ConfigError, match=rf"expected {most} kinds at most, got 'jump_.*' too"):
        kinds.__wrapped__()


def test_a_broken_package_is_one_line_at_the_command(tmp_path: Path) -> None:
    site = installed(tmp_path, "import nowhere_to_be_found", {"jump": "t_cli:JUMP"}, "t_cli")
    done = tocsin(site, "check")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "jump = t_cli:JUMP: expected a kind, got ModuleNotFoundError" in done.stderr


def test_the_tutorial_shows_the_example_as_it_is() -> None:
    page = (ROOT / "docs/detector-tutorial.md").read_text()
    assert len(page.splitlines()) < 60
    files = [FOREIGN / "tocsin_jump.py", FOREIGN / "pyproject.toml", Path(__file__)]
    lines = {line.strip() for file in files for line in file.read_text().splitlines()}
    blocks = [block.partition("\n")[2] for block in page.split("```")[1::2]]
    shown = [line.strip() for block in blocks for line in block.splitlines()]
    assert len(shown) > 15
    assert [line for line in shown if line not in lines] == []
