"""Exports on the command line: looked at, replayed, and what was refused is said."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.cli.main import main

FEED = "water.feed-01.flow"
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


def export(path: Path, cells: list[str], channel: str = FEED) -> Path:
    """Hourly readings of a channel as a long CSV."""
    rows = [
        f"{channel},{BEGIN + timedelta(hours=hour):%Y-%m-%dT%H:%M:%SZ},{cell}\n"
        for hour, cell in enumerate(cells)
    ]
    path.write_text("channel,time,value\n" + "".join(rows))
    return path


def test_a_look_says_what_was_understood(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = export(tmp_path / "a.csv", ["1", "2", "Bad", "4"])
    assert main(["look", str(path)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "4 readings in 1 file",
        f"channels  1: {FEED}",
        "times     2026-03-01T00:00:00 to 2026-03-01T03:00:00, UTC",
        "period    3600 s, median",
        "numbers   3",
        f"words     1, as {path}:4:3: 'Bad' (declare `values: {{Bad: number}}` if it stands for "
        "one)",
        "holes     0 cells without a reading",
        "quality   4 good, 0 uncertain, 0 bad",
    ]
    export(path, ["0.31 MPa", "1"])
    path.write_text(path.read_text() + "x,2026-03-01T00:00:00Z,1 %\n")
    assert main(["look", str(path), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["readings"], found["words"]) == (3, 2)
    assert f"{path}:2:3: '0.31 MPa' ('MPa' stands behind the number" in found["example"]


def test_an_export_is_replayed_on_the_lifeline_of_its_channels_and_nobody_else_is_silent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = export(tmp_path / "a.csv", ["100.0"] * 200 + ["Bad"] + ["20.0"] * 3)
    out = tmp_path / "alarms.jsonl"
    assert main(["replay", str(path), "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert "204 received = 203 scored" in said.out
    assert {json.loads(line)["channel"] for line in out.read_text().splitlines()} == {FEED}
    assert "replay: refused 1 of 204 readings\n" in said.err
    assert f"  1 not_finite, as {path}:202:3: 'Bad'" in said.err


def test_a_run_that_refused_most_fails_and_says_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = export(tmp_path / "a.csv", ["12 %", "13 %", "14"])
    report = str(tmp_path / "report")
    assert main(["backtest", "configs", str(path), "--report", report]) == 1
    said = capsys.readouterr().err
    assert "backtest: refused 2 of 3 readings\n" in said
    assert f"2 not_finite, as {path}:2:3: '12 %' ('%' stands behind the number" in said
    assert "most readings were refused" in said
    strange = tmp_path / "strange.jsonl"
    line = {"channel": "nobody.knows.this", "time": BEGIN.isoformat(), "value": 1}
    strange.write_text(json.dumps(line) + "\n")
    assert main(["replay", str(strange)]) == 1
    assert f"1 unknown_channel, as {strange}:1: " in capsys.readouterr().err
