"""Inputs of public bug reports through `tocsin backtest` and `replay`: counted, rung and said."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from app.cli.main import main
from runtime.installation import HOME

pytestmark = pytest.mark.slow

CASES: Final = HOME.parent / "shared" / "cases"
CHANNEL: Final = "water.dma-0401.pressure"
BURST: Final = [("limit", "red"), ("unusual", "yellow")]


@dataclass(frozen=True)
class Run:
    """A command over a case.

    Parameters
    ----------
    file : str
        Below the folder of cases.
    code : int
    counts : dict of str to int
        Dispositions of the readings that are not zero, besides those received.
    rang : list of (str, str)
        Rule and worst colour of each alarm of `CHANNEL`.
    said : str
        Part of what is said on standard error.
    columns : str
        Beside the file.
    """

    file: str
    code: int = 0
    counts: dict[str, int] = field(default_factory=lambda: {"scored": 135})
    rang: list[tuple[str, str]] = field(default_factory=lambda: BURST)
    said: str = ""
    columns: str = ""


ONE_REFUSED: Final = {"scored": 134, "quarantined": 1}
UNIT: Final = "36-unit-with-superscript/a.csv"
HALF_BLIND: Final = Run(
    "21-wide-word-or-hole/a.csv",
    1,
    {"scored": 50, "quarantined": 110},
    [("invalid", "blue")],
    "110 not_finite, as ",
)
RUNS: Final = (
    Run("01-decimal-comma-one-bad-input/a.csv", counts=ONE_REFUSED, said="a.csv:12:3: 'Bad Input'"),
    Run("01-decimal-comma-one-bad-input/clean/a.csv"),
    Run("02-exponent-with-bad/a.csv", counts=ONE_REFUSED, said="a.csv:12:3: 'Bad'"),
    Run("02-exponent-with-bad/b.csv", counts=ONE_REFUSED, said="b.csv:12:3: 'Bad'"),
    Run("04-format-fraction/a.csv"),
    Run("12-autumn-hour-twice/a.csv", counts={"scored": 360}, rang=[]),
    Run("14-big-integers/a.csv", counts=ONE_REFUSED, said="1 out_of_range, as "),
    Run("14-big-integers/b.csv", counts=ONE_REFUSED, said="1 out_of_range, as "),
    Run("14-big-integers/a.jsonl", counts=ONE_REFUSED, said="1 out_of_range, as "),
    Run("15-epochs/f/a.csv"),
    Run("15-epochs/s/a.csv", 1, {"scored": 1, "quarantined": 134}, [], "135 times lie before 1980"),
    Run("17-quality-cells/a.csv"),
    Run("18-numbers-with-more/b.csv", 1, {"quarantined": 135}, [("invalid", "blue")], "'0.31 MPa'"),
    HALF_BLIND,
    Run("21-wide-word-or-hole/long.csv", 1, HALF_BLIND.counts, HALF_BLIND.rang, HALF_BLIND.said),
    Run(
        "26-seconds-for-milliseconds/a.parquet",
        counts={"scored": 10, "back_filled": 50},
        rang=[("silent", "blue")],
        said="not judged 50 of 60 readings",
    ),
    Run(
        "27-bad-quality-forever/a.parquet",
        counts={"scored": 10, "held": 590},
        rang=[("invalid", "blue")],
        said="590 held: of bad quality",
    ),
    Run(
        "29-sentinel-forever/a.parquet",
        1,
        {"scored": 10, "quarantined": 590},
        [("invalid", "blue")],
        "590 out_of_range, as ",
    ),
    Run(
        "31-two-breaches-ten-hours-apart/a.parquet",
        counts={"scored": 41},
        rang=[("silent", "blue")],
    ),
    *(
        Run(UNIT, counts={"scored": 48}, rang=[], columns=f"36-unit-with-superscript/{name}.yaml")
        for name in ("plain", "sup", "kubik", "litre", "dot")
    ),
    Run("46-json-lines-from-windows/bom.jsonl"),
    Run("46-json-lines-from-windows/blank.jsonl"),
)
REFUSED: Final = {
    "08-format-with-zone-name/a.csv": (2, "a.csv:2:2: column `time`: expected a zone as +08:00"),
    "09-cp1252-header/a.csv": (2, "a.csv:1: expected UTF-8, got other bytes"),
    "17-quality-cells/b.csv": (2, "got '192'; declare `qualities:`"),
    "40-column-twice/a.csv": (2, "the column `water.dma-0401.pressure` once, got it as 2 and 3"),
    "40-column-twice/b.csv": (2, "the column `water.dma-0401.pressure` once, got it as 2 and 3"),
    "46-json-lines-from-windows/array.jsonl": (1, "array.jsonl:1: expected one JSON object a line"),
    "46-json-lines-from-windows/cr.jsonl": (1, "cr.jsonl:1: expected a line feed behind each"),
    "46-json-lines-from-windows/pretty.jsonl": (1, "pretty.jsonl:1: expected one JSON object"),
    "46-json-lines-from-windows/trailing.jsonl": (1, "or commas between them"),
    "46-json-lines-from-windows/utf16.jsonl": (1, "utf16.jsonl:1: expected UTF-8, got UTF-16"),
}
given = pytest.mark.skipif(not CASES.is_dir(), reason="the folder of cases is not beside this one")


def worst(alarms: Iterable[dict[str, str]]) -> list[tuple[str, str]]:
    """Rule and worst colour of each alarm of the channel, by rule."""
    colours = ["clear", "blue", "yellow", "orange", "red"]
    found: dict[str, tuple[str, int]] = {}
    for alarm in alarms:
        if alarm["channel"] == CHANNEL:
            rule, colour = alarm["rule"], colours.index(alarm["colour"])
            found[alarm["id"]] = rule, max(colour, found.get(alarm["id"], (rule, 0))[1])
    return sorted((rule, colours[colour]) for rule, colour in found.values())


def counted(line: str) -> dict[str, int]:
    """Dispositions of `135 received = 134 scored + 0 held + …` that are not zero."""
    parts = (part.split() for part in line.partition(" = ")[2].split(" + "))
    return {word: int(count) for count, word in parts if int(count)}


@given
@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.columns or run.file)
def test_a_case_is_counted_rung_and_said_as_is_right(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "alarms.jsonl"
    columns = ["--columns", str(CASES / run.columns)] if run.columns else []
    assert main(["replay", str(CASES / run.file), "--out", str(out), *columns]) == run.code
    said = capsys.readouterr()
    (sum_line,) = (line for line in said.out.splitlines() if " received = " in line)
    assert counted(sum_line) == run.counts
    alarms = (json.loads(line) for line in out.read_text(encoding="utf-8").splitlines())
    named = ({**alarm, "rule": alarm["rule"]["name"]} for alarm in alarms)
    assert worst(named) == run.rang
    assert run.said in said.err


@given
@pytest.mark.parametrize("file", REFUSED)
def test_a_case_that_cannot_be_read_is_refused_in_one_line(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = REFUSED[file]
    report = str(tmp_path / "report")
    for command in (["replay"], ["backtest", "configs", "--report", report]):
        assert main([*command, str(CASES / file)]) == code
        (line,) = capsys.readouterr().err.splitlines()
        assert said in line


@given
def test_a_word_is_heard_and_a_hole_is_silent_in_wide_and_long_alike(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = CASES / "21-wide-word-or-hole"
    for file in ("a.csv", "long.csv"):
        options = ["--labels", str(folder / "l.yaml"), "--report", str(tmp_path / file)]
        assert main(["backtest", "configs", str(folder / file), *options]) == 1
        said = capsys.readouterr().out
        assert "0401 silent: MISSED" in said
        assert "0402 silent: rang after 3 min" in said


@given
@pytest.mark.parametrize("option", [("--labels", "l.csv"), ("--columns", "c.yaml")])
def test_declarations_that_are_not_utf8_are_named(
    option: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = CASES / "45-labels-and-columns-gbk"
    command = ["backtest", "configs", str(folder / "a.csv"), "--report", str(tmp_path)]
    assert main([*command, option[0], str(folder / option[1])]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{option[1]}:" in line
    assert "expected UTF-8" in line
