"""What is allowed and hardly meant gets one warning; the files in `doubtful` carry theirs first."""

import json
from pathlib import Path

import pytest

from app.cli.main import main
from configuration.checks.folder import judged
from tests.testkit.config_folder import PACK, folder_with

DOUBTFUL = Path(__file__).parent / "doubtful"
NAMES = sorted(path.stem for path in DOUBTFUL.glob("*.yaml"))
CATALOGUE = """\
id,class,asset,group
water.a.p,water.pressure,a,water.a
water.a.f,water.flow,a,water.a
water.b.f,water.flow,b,water.b
"""
FLOW = PACK.replace("water.pressure", "water.flow")


def folder_of(place: Path, name: str) -> Path:
    text = (DOUBTFUL / f"{name}.yaml").read_text(encoding="utf-8")
    files: dict[str, str | bytes] = {"water/flow.yaml": FLOW, "water/catalogue.csv": CATALOGUE}
    there = "water/flow.yaml" if "class: water.flow" in text else "water/other.yaml"
    return folder_with(place, {**files, there: text})


@pytest.mark.parametrize("name", NAMES)
def test_a_doubtful_pack_gets_exactly_the_warning_in_its_first_line(
    name: str, tmp_path: Path
) -> None:
    text = (DOUBTFUL / f"{name}.yaml").read_text(encoding="utf-8")
    findings, warnings = judged(folder_of(tmp_path, name), {})
    assert findings == []
    told = [line.split(".yaml:", 1)[1] for line in warnings]
    assert told == [text.split("\n", 1)[0].removeprefix("# ")]


def test_a_folder_that_is_meant_gets_none(tmp_path: Path) -> None:
    assert judged(folder_with(tmp_path, {}), {}) == ([], [])


def test_a_group_in_two_lifelines_is_named_in_the_later_one(tmp_path: Path) -> None:
    settings = (
        'kafka: {bootstrap: "127.0.0.1:9092"}\n'
        "lifelines: {power: {partitions: 4}, water: {partitions: 4}}\n"
    )
    files: dict[str, str | bytes] = {
        "tocsin.yaml": settings,
        "power/load.yaml": PACK.replace("water.pressure", "power.load"),
        "power/catalogue.csv": "id,class,asset,group\npower.a.l,power.load,a,water.a\n",
    }
    (warning,) = judged(folder_with(tmp_path, files), {})[1]
    assert warning.replace(f"{tmp_path.as_posix()}/", "") == (
        "water/catalogue.csv:2: group: expected a group of one lifeline, got 'water.a' of "
        "power/catalogue.csv too; its channels live in lanes of both and never meet, rename one"
    )


def test_warnings_go_to_standard_error_and_the_folder_stays_good(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(folder_of(tmp_path, "class_without_channel"))
    assert main(["check", folder]) == 0
    captured = capsys.readouterr()
    assert captured.err.startswith("warning: ")
    assert "configuration " in captured.out
    assert main(["check", "--json", folder]) == 0
    body = json.loads(capsys.readouterr().out)
    assert (body["good"], body["findings"], len(body["warnings"])) == (True, [], 1)


def test_a_balance_of_its_own_class_alone_is_meant(tmp_path: Path) -> None:
    text = (DOUBTFUL / "group_that_is_too_small.yaml").read_text(encoding="utf-8")
    before, _, after = text.partition("multivariate:\n")
    duty = after[after.index("  duty:") :]
    words = ["equation: all", "where: {all: water.flow}", "tolerance: 0.1", "by: {blue: 1}"]
    balance = "".join(f"  {word}\n" for word in words)
    files: dict[str, str | bytes] = {
        "water/flow.yaml": f"{before}balance:\n{balance}{duty}",
        "water/catalogue.csv": CATALOGUE,
    }
    assert judged(folder_with(tmp_path, files), {}) == ([], [])
