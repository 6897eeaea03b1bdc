"""Tests beside packs: those that come with Tocsin pass, wrong ones say what came instead."""

from pathlib import Path

import pytest

from app.cli.main import main
from configuration.configuration import Configuration
from lab.explain.rule_tests import run_tests, values
from runtime.installation import CONFIGS
from tests.testkit.config_folder import PACK, folder_with

TEST = """\
tests:
  - name: a fall
    every: 60 s
    series: {{water.a.p: "{series}"}}
    expect: [{expect}]
"""


def failures(place: Path, series: str, expect: str = "") -> list[str]:
    text = TEST.format(series=series, expect=expect)
    folder = folder_with(place, {"water/pressure.test.yaml": text})
    _, found = run_tests(folder, Configuration.load(folder, {}))
    return [line.removeprefix(f"{folder.as_posix()}/water/pressure.test.yaml:") for line in found]


@pytest.mark.long
@pytest.mark.slow
def test_the_tests_that_come_with_tocsin_pass() -> None:
    count, failed = run_tests(CONFIGS, Configuration.load(CONFIGS))
    assert failed == []
    assert count >= 4


def test_what_came_and_what_did_not_is_told(tmp_path: Path) -> None:
    found = failures(tmp_path, "0.30x10 0.12x10", "{at: 11 min, rule: limit, colour: red}")
    assert found == [
        "2:5: tests[0]: a fall: expected limit red at 11 min on water.a.p, it did not come",
        "2:5: tests[0]: a fall: got limit orange at 15 min on water.a.p, which was not expected",
    ]


@pytest.mark.parametrize(
    ("series", "expect", "message"),
    [
        ("0.3y2", "", "expected a value such as `0.3`, `0.3x5`, `0.3..0.1x5` or `_`, got '0.3y2'"),
        ("0.3x200000", "", "expected at most 100000 readings a channel; shorten water.a.p"),
        ("0.3", "{at: 1 min, rule: limit}", "expected the key 'colour', got none; add it"),
    ],
)
def test_a_test_that_cannot_be_run_is_named(
    series: str, expect: str, message: str, tmp_path: Path
) -> None:
    (found,) = failures(tmp_path, series, expect)
    assert found.endswith(message)


def test_a_failed_test_gives_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = TEST.format(series="0.30x10 0.12x10", expect="")
    folder = folder_with(tmp_path, {"water/pressure.test.yaml": text})
    assert main(["check", "--test", str(folder)]) == 1
    assert "which was not expected" in capsys.readouterr().err
    assert main(["check", str(folder)]) == 0


def test_the_tests_of_one_class_run_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = TEST.format(series="0.30x10", expect="")
    bad = TEST.format(series="0.30x10 0.12x10", expect="").replace("water.a.p", "water.a.f")
    flow = PACK.replace("class: water.pressure", "class: water.flow")
    rows = "water.a.p,water.pressure,a,water.a\nwater.a.f,water.flow,a,water.a\n"
    files: dict[str, str | bytes] = {
        "water/catalogue.csv": "id,class,asset,group\n" + rows,
        "water/flow.yaml": flow,
        "water/pressure.test.yaml": good,
        "water/flow.test.yaml": bad,
    }
    folder = str(folder_with(tmp_path, files))
    assert main(["check", folder, "--class", "water.pressure"]) == 0
    assert "1 rule tests passed" in capsys.readouterr().out
    assert main(["check", folder, "--class", "water.flow"]) == 1
    assert main(["check", folder, "--test"]) == 1
    capsys.readouterr()
    assert main(["check", folder, "--class", "water.flwo"]) == 2
    assert "nearest is 'water.flow'" in capsys.readouterr().err
    (tmp_path / "water/flow.test.yaml").unlink()
    assert main(["check", folder, "--class", "water.flow"]) == 2
    assert "flow.test.yaml: expected the tests of water.flow" in capsys.readouterr().err


def test_series_are_read_as_written() -> None:
    assert list(values("-1 2e1x2 _x2 0..1x3")) == [-1.0, 20.0, 20.0, None, None, 0.0, 0.5, 1.0]
