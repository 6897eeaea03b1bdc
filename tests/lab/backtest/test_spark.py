"""On Spark a backtest writes, byte for byte, what it writes on one machine."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from app.cli.main import main
from configuration.configuration import Configuration
from contracts.errors import ConfigError, FatalError
from lab.backtest.column_decoder import Window
from lab.backtest.lanes import BacktestRun
from lab.backtest.processes import Job
from lab.backtest.spark import ORDER, read, replay, trial_of, tried_on
from lab.data import export_files, recording
from lab.data.open_data import open_data
from tests.lab.backtest.test_lanes import CHANNELS, FILES, lines, readings
from tests.testkit.config_folder import folder_with

TOCSIN = str(Path(sys.executable).with_name("tocsin"))
QUIET = "--conf spark.ui.enabled=false --conf spark.driver.bindAddress=127.0.0.1 pyspark-shell"


def place(folder: Path) -> list[str]:
    """Lines, a long export in no order, a wide one in local time and kPa, and a stranger."""
    folder_with(folder / "c", FILES)
    data = folder / "data"
    data.mkdir()
    lines(data / "a.jsonl")
    path = data / "b.parquet"
    rows = [(time, name, value) for time, name, value in readings() if name == CHANNELS[1]]
    late = [(time + 18_000_000, name, value) for time, name, value in reversed(rows)]
    late.append((late[0][0], "water.x.p", 1.0))
    keys = ("time", "channel", "value")
    pq.write_table(pa.Table.from_pylist([dict(zip(keys, row, strict=True)) for row in late]), path)
    wide = [f"2026-03-02 18:{m:02}:00,{130 if m > 20 else 300}\n" for m in range(60)]
    (data / "c.csv").write_text("TS,PT\n" + "".join(wide))
    sheet = "exports:\n- files: c.csv\n  time: {column: TS, zone: Asia/Shanghai}\n"
    (data / "columns.yaml").write_text(sheet + "  wide: {PT: {channel: water.c.p, unit: kPa}}\n")
    event = {"name": "burst", "from": "2026-03-02T03:20:00Z", "to": "2026-03-02T04:20:00Z"}
    known = {"events": [{**event, "channel": CHANNELS[0]}]}
    (folder / "known.yaml").write_text(json.dumps(known))
    words = ["backtest", str(folder / "c"), str(data), "--labels", str(folder / "known.yaml")]
    return [*words, "--report"]


def job_of(folder: Path) -> tuple[BacktestRun, Job]:
    words = place(folder)
    windows = [Window(frozenset(CHANNELS), 0, 2 * 10**18)]
    run = BacktestRun(Configuration.load(Path(words[1]), {}), open_data(Path(words[2])), windows)
    return run, Job.of(run)


@pytest.mark.parametrize("size", [64, 1 << 18])
def test_executors_tell_what_one_machine_tells_whatever_their_blocks(
    tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_files, "SIZES", export_files.Sizes(block=size))
    run, job = job_of(tmp_path)
    alone = run.run(lambda count, time_ns: None)
    points = dict(run.windows[0].points)
    files = [{"file": i, "path": str(path)} for i, path in enumerate(run.data.files)]
    found = pa.Table.from_batches(read(job, [pa.RecordBatch.from_pylist(files)]))
    in_order = found.take(pc.sort_indices(found, [(name, "ascending") for name in ORDER]))
    said = pa.Table.from_batches(replay(job, in_order.combine_chunks().to_batches(3)))
    run.windows[0].points.clear()
    together = trial_of(run, said)
    assert (together.alarms, together.spans) == (alone.alarms, alone.spans)
    assert (together.accounting, together.unknown_ids) == (alone.accounting, 1)
    assert run.windows[0].points == points


def test_blocks_in_no_order_are_refused_on_an_executor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_files, "SIZES", export_files.Sizes(block=64))
    run, job = job_of(tmp_path)
    files = [{"file": 0, "path": str(run.data.files[0])}]
    found = pa.Table.from_batches(read(job, [pa.RecordBatch.from_pylist(files)]))
    backwards = found.sort_by([("seat", "ascending"), ("begin_ns", "descending")])
    with pytest.raises(FatalError, match="expected its blocks by arrival"):
        list(replay(job, backwards.combine_chunks().to_batches()))


def test_recordings_are_refused_before_spark_begins(tmp_path: Path) -> None:
    words = place(tmp_path)
    recording.write(tmp_path / "data/r.parquet", "water", [])
    run = BacktestRun(Configuration.load(Path(words[1]), {}), open_data(Path(words[2])))
    with pytest.raises(ConfigError, match=r"expected exports and lines, got .*r\.par"):
        tried_on("local", run)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java")
# Spark leaves a pipe open when it does not begin.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_master_that_is_none_is_refused(tmp_path: Path) -> None:
    run, _ = job_of(tmp_path)
    with pytest.raises(ConfigError, match=r"--spark: expected a master that begins, got 'moon'"):
        tried_on("moon", run)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java")
def test_spark_writes_what_one_machine_writes(tmp_path: Path) -> None:
    words = place(tmp_path)
    assert main([*words, str(tmp_path / "one")]) == 0
    line = [TOCSIN, *words, str(tmp_path / "many"), "--spark", "local[2]"]
    environment = {**os.environ, "PYSPARK_SUBMIT_ARGS": QUIET, "SPARK_LOCAL_IP": "127.0.0.1"}
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "one/backtest.json").read_text())
    assert figures["whole"]["alarms"] > 5
    assert figures["strangers"] == 1
    for name in ("index.html", "backtest.json"):
        assert (tmp_path / "many" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()
