"""A backtest that is interrupted goes on where it was, and writes what it would have written."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.cli.main import main
from configuration.configuration import Configuration
from contracts.errors import DecodeError
from lab.backtest import processes
from lab.backtest.checkpoint import Timing
from lab.backtest.column_decoder import Window
from lab.backtest.lanes import BacktestRun
from lab.backtest.result import BacktestResult
from lab.data import export_files, recording
from lab.data.open_data import open_data
from lab.explain.replay import ReplayLanes
from tests.lab.backtest.test_lanes import CHANNELS, FILES, lines
from tests.testkit.config_folder import PACK, folder_with, loaded

pytestmark = pytest.mark.slow

TWO_LIFELINES = "lifelines: {water: {partitions: 4}, drain: {partitions: 2}}"
ALWAYS = Timing(0.0)


class StopError(Exception):
    """An interruption."""


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a few readings, so that a few minutes of data make many steps."""
    monkeypatch.setattr(export_files, "SIZES", export_files.Sizes(block=64))
    monkeypatch.setattr(recording, "ROWS_PER_BATCH", 64)


def place(folder: Path) -> Path:
    """The same readings twice: as lines, and as a recording of the same lifeline's lanes."""
    configuration = loaded(folder / "c", FILES)
    data = folder / "data"
    data.mkdir()
    lines(data / "a.jsonl")
    bench = ReplayLanes(configuration, "water", None)
    records = [
        (number, chunk)
        for number in range(bench.plan.partitions)
        for chunk in bench.telemetry(data / "a.jsonl", number)
    ]
    recording.write(data / "b.parquet", "water", records)
    return data


def windows() -> list[Window]:
    return [Window(frozenset(CHANNELS[:2]), 0, 2 * 10**18), Window(frozenset(), 0, 1)]


def told(trial: BacktestResult, pictured: list[Window]) -> tuple[object, ...]:
    """Everything that a report is made from."""
    points = [dict(sorted(window.points.items())) for window in pictured]
    return (trial.alarms, trial.accounting, trial.unknown_ids, trial.spans, points)


def play(run: BacktestRun, aside: Path, stop_at: int | None = None) -> BacktestResult:
    """Run until so many steps were made, and be interrupted then."""
    steps = 0

    def progress(taken: int, time_ns: int) -> None:
        nonlocal steps
        steps += 1
        if steps == stop_at:
            raise StopError

    return processes.tried(run, aside, progress, ALWAYS)


@pytest.mark.usefixtures("small")
def test_an_interrupted_backtest_ends_as_one_that_was_not(tmp_path: Path) -> None:
    data = place(tmp_path)
    configuration = Configuration.load(tmp_path / "c", {})
    pictured = windows()
    whole = BacktestRun(configuration, open_data(data), pictured).run(lambda taken, time_ns: None)
    wanted = told(whole, pictured)
    assert len(whole.alarms) > 10
    assert pictured[0].points
    chance = np.random.default_rng(11)
    for attempt in range(6):
        found, stops = None, 0
        while found is None:
            pictured = windows()
            run = BacktestRun(configuration, open_data(data), pictured)
            try:
                found = play(run, tmp_path / f"aside-{attempt}", int(chance.integers(2, 25)))
            except StopError:
                stops += 1
        assert told(found, pictured) == wanted
        assert stops


@pytest.mark.usefixtures("small")
def test_what_changed_meanwhile_is_named_and_everything_begins_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = place(tmp_path)

    def interrupted(change: Callable[[], object]) -> str:
        configuration = Configuration.load(tmp_path / "c", {})
        with pytest.raises(StopError):
            play(BacktestRun(configuration, open_data(data)), tmp_path / "aside", 9)
        capsys.readouterr()
        change()
        configuration = Configuration.load(tmp_path / "c", {})
        run = BacktestRun(configuration, open_data(data), windows())
        with pytest.raises(StopError):
            play(run, tmp_path / "aside", 2)
        return capsys.readouterr().err

    assert "but the labels changed since; it begins anew" in interrupted(lambda: None)
    louder = PACK.replace("blue: 0.20", "blue: 0.21")
    change = interrupted(lambda: folder_with(tmp_path / "c", {"water/pressure.yaml": louder}))
    assert "but the configuration and the labels changed since" in change
    assert "but the readings and the labels changed" in interrupted(
        lambda: os.utime(data / "a.jsonl")
    )
    (snapshot, *_) = (tmp_path / "aside/0-of-1").rglob("*.snap")
    snapshot.write_bytes(b"")
    play(
        BacktestRun(Configuration.load(tmp_path / "c", {}), open_data(data), windows()),
        tmp_path / "aside",
    )
    assert "the file is damaged, restore it; it begins anew" in capsys.readouterr().err


KILLED = """\
import signal
import sys
import time

from app.cli.main import main
from lab.backtest import backtest, checkpoint
from lab.data import export_files

assert backtest  # loaded before the clock is replaced

call, *words = sys.argv[1:]
calls = 0


def clock():
    global calls
    calls += 1
    if calls == int(call):
        signal.setitimer(signal.ITIMER_REAL, 0.0005 * (calls % 7) + 1e-6)
    return time.monotonic()


export_files.SIZES = export_files.Sizes(block=64)
often = checkpoint.Timing(0.0, clock)
checkpoint.Timing = lambda: often
code = main(words)
signal.setitimer(signal.ITIMER_REAL, 0)
sys.exit(code)
"""


def test_a_killed_command_goes_on_and_writes_the_same_bytes(tmp_path: Path) -> None:
    folder_with(tmp_path / "c", FILES)
    lines(tmp_path / "a.jsonl")
    event = {"name": "burst", "from": "2026-03-02T03:20:00Z", "to": "2026-03-02T04:20:00Z"}
    known = {"events": [{**event, "channel": CHANNELS[0]}]}
    (tmp_path / "known.yaml").write_text(json.dumps(known))
    words = ["backtest", str(tmp_path / "c"), str(tmp_path / "a.jsonl")]
    words += ["--labels", str(tmp_path / "known.yaml"), "--report"]
    assert main([*words, str(tmp_path / "whole")]) == 0
    report, codes, said = tmp_path / "report", [], ""
    for call in (6, 12, 17, 10**9):
        line = [sys.executable, "-c", KILLED, str(call), *words, str(report)]
        done = subprocess.run(line, check=False, capture_output=True, text=True)
        codes.append(done.returncode)
        said += done.stderr
    assert codes == [-signal.SIGALRM] * 3 + [0], said
    assert said.count("goes on behind") == 3
    for name in ("index.html", "backtest.json"):
        assert (report / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert not (report / "unfinished").exists()


def test_processes_with_a_share_of_the_lanes_each_tell_what_one_process_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = place(tmp_path)
    (data / "c.jsonl").write_text('{"channel": "water.x.p", "time": 1772409600000, "value": 1}\n')
    seconds = {"channel": ["water.x.p"], "time": [1_772_409_600], "value": [1.0]}
    pq.write_table(pa.table(seconds), data / "d.parquet")
    configuration = Configuration.load(tmp_path / "c", {})
    pictured = windows()
    whole = BacktestRun(configuration, open_data(data), pictured).run(lambda taken, time_ns: None)
    wanted = told(whole, pictured)
    assert whole.unknown_ids == 2
    monkeypatch.setattr(processes, "processes", lambda readings, lanes: 2)
    pictured = windows()
    run = BacktestRun(configuration, open_data(data), pictured)
    shared = play(run, tmp_path / "aside")
    assert told(shared, pictured) == wanted
    (note,) = shared.notes
    assert "d.parquet:1:2: 1 times lie before 1980" in note
    assert {path.name for path in (tmp_path / "aside").iterdir()} == {"0-of-2", "1-of-2"}
    monkeypatch.setattr(processes, "processes", lambda readings, lanes: 1)
    pictured = windows()
    run = BacktestRun(configuration, open_data(data), pictured)
    assert told(play(run, tmp_path / "aside"), pictured) == wanted
    assert "the number of processes changed since" in capsys.readouterr().err
    assert {path.name for path in (tmp_path / "aside").iterdir()} == {"0-of-1"}


def test_what_is_wrong_in_one_process_ends_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = place(tmp_path)
    configuration = Configuration.load(tmp_path / "c", {})
    run = BacktestRun(configuration, open_data(data))
    (data / "a.jsonl").write_text("no reading\n")
    monkeypatch.setattr(processes, "processes", lambda readings, lanes: 2)
    with pytest.raises(DecodeError, match=r"a\.jsonl:1"):
        play(run, tmp_path / "aside")


def test_files_of_somebody_else_stay_where_shares_were_put_aside(tmp_path: Path) -> None:
    (tmp_path / "0-of-2").mkdir()
    (tmp_path / "0-of-2" / "told.jsonl").write_text("")
    (tmp_path / "novel.txt").write_text("chapter one")
    processes.forget(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["novel.txt"]
