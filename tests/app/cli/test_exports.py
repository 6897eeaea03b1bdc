"""Exports on the command line: looked at, replayed, and what was refused is said."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.cli.main import main
from contracts.records import Records
from lab.data import recording

pytestmark = pytest.mark.slow

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


def test_an_explanation_of_readings_that_were_mostly_refused_fails_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = export(tmp_path / "a.csv", ["12 %", "13 %", "14"])
    columns = tmp_path / "c.yaml"
    columns.write_text('exports:\n  - files: "*.csv"\n    holes: ["12 %", "13 %"]\n')
    command = ["explain", FEED, "2026-03-02T00:00:00Z", "--telemetry", str(path)]
    assert main(command) == 1
    said = capsys.readouterr().out
    assert f"2 not_finite, as {path}:2:3: '12 %'" in said
    assert "most readings were refused" in said
    assert main([*command, "--columns", str(columns)]) == 0
    assert "refused" not in capsys.readouterr().out


def test_a_look_at_a_recording_reads_its_messages(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = {"channel": FEED, "time": "2026-03-01T00:00:00Z", "value": 1.5}
    payloads = [
        json.dumps([one, {**one, "time": "2026-03-01T01:00:00Z", "value": None}]).encode(),
        json.dumps({**one, "time": "2026-03-01T02:00:00Z"}).encode(),
        b"no reading",
    ]
    path = tmp_path / "march.parquet"
    rows: list[tuple[int, int, bytes | None]] = [
        (offset, 1_772_323_200_000, payload) for offset, payload in enumerate(payloads)
    ]
    recording.write(path, "water", [(2, Records.of(rows))])
    assert main(["look", str(path)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "3 readings in 1 file",
        f"channels  1: {FEED}",
        "times     2026-03-01T00:00:00 to 2026-03-01T02:00:00, UTC",
        "period    3600 s, median",
        "numbers   2",
        f"words     1, as {path}: offset 0 of lane 2, {FEED}",
        "holes     0 cells without a reading",
        f"refused   1 messages, as {path}: lane 2: readings@2: expected JSON or an Arrow IPC "
        "stream, got bytes that begin with 6e 6f 20 72 65 61 64 69; check the gateway's "
        "output format",
        "quality   3 good, 0 uncertain, 0 bad",
    ]


def test_lines_in_disorder_are_said_to_be_late(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.jsonl"
    times = [(BEGIN + timedelta(hours=hour)).isoformat() for hour in (3, 2, 1, 0)]
    rows = ({"channel": FEED, "time": time, "value": 100.0} for time in times)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    assert main(["replay", str(path)]) == 0
    said = capsys.readouterr()
    assert "4 received = 1 scored" in said.out
    assert "replay: not judged 3 of 4 readings" in said.err
    assert "3 late: older than the channel's newest; sort the file by time" in said.err
