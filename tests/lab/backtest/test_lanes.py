"""The lanes of a backtest: columns ring what payloads ring, whatever file they come from."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from configuration.configuration import Configuration
from contracts.alarm import Alarm, decode_alarm
from contracts.errors import ConfigError
from contracts.records import Records
from lab.backtest.lanes import BacktestRun
from lab.backtest.result import BacktestResult
from lab.data import recording
from lab.data.open_data import open_data
from lab.explain.replay import ReplayLanes
from pipeline.lane.replay import replay
from tests.testkit.config_folder import loaded

pytestmark = pytest.mark.slow

CHANNELS = ["water.a.p", "water.b.p", "water.c.p"]
BEGIN_MS = 1_772_409_600_000
FILES: dict[str, str | bytes] = {
    "water/catalogue.csv": "id,class,asset,group\n"
    + "".join(f"{name},water.pressure,a,{name[:-2]}\n" for name in CHANNELS)
}


def readings() -> list[tuple[int, str, float]]:
    """Minutes of three channels: bursts, a gap, a wild value, some readings out of order."""
    chance = np.random.default_rng(7)
    found = []
    for minute in range(600):
        for place, channel in enumerate(CHANNELS):
            low = 0.12 if 200 + 40 * place < minute < 260 + 40 * place else 0.3
            if channel == "water.b.p" and 400 < minute < 460:
                continue
            value = 9.0 if minute == 500 else low + chance.normal(0, 0.001)
            found.append((BEGIN_MS + 60_000 * minute, channel, float(value)))
    found[300], found[312] = found[312], found[300]
    return found


def lines(path: Path) -> Path:
    keys = ("time", "channel", "value")
    rows = (dict(zip(keys, row, strict=True)) for row in readings())
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def told(alarms: list[Alarm]) -> list[dict[str, Any]]:
    """Alarms without where in the log their readings lie."""
    found = [json.loads(json.dumps(_plain(alarm))) for alarm in alarms]
    return sorted(found, key=lambda a: (a["detected"], a["id"], a["revision"]))


def _plain(alarm: Alarm) -> dict[str, Any]:
    names = [name for name in alarm.__struct_fields__ if name != "evidence"]
    return {name: str(getattr(alarm, name)) for name in names}


def replayed(configuration: Configuration, path: Path) -> list[Alarm]:
    bench = ReplayLanes(configuration, "water", None)
    return [
        decode_alarm(message.body)
        for number in range(bench.plan.partitions)
        for message in replay(bench.lane(number), bench.telemetry(path, number), [])
        if message.kind == "alarm"
    ]


def tried(configuration: Configuration, place: Path) -> BacktestResult:
    return BacktestRun(configuration, open_data(place)).run(lambda count, time_ns: None)


def test_lines_ring_what_a_replay_of_them_rings(tmp_path: Path) -> None:
    configuration = loaded(tmp_path / "c", FILES)
    path = lines(tmp_path / "a.jsonl")
    trial = tried(configuration, path)
    assert told(trial.alarms) == told(replayed(configuration, path))
    assert {alarm.rule.name for alarm in trial.alarms} == {"limit", "unusual", "silent"}
    assert trial.accounting["quarantined"] == 3
    assert trial.accounting["received"] == sum(span[0] for span in trial.spans.values())


def test_csv_and_parquet_in_any_order_ring_what_sorted_lines_ring(tmp_path: Path) -> None:
    configuration = loaded(tmp_path / "c", FILES)
    rows = sorted(readings())
    keys = ("time", "channel", "value")
    (tmp_path / "a.jsonl").write_text(
        "".join(json.dumps(dict(zip(keys, row, strict=True))) + "\n" for row in rows)
    )
    wanted = told(replayed(configuration, tmp_path / "a.jsonl"))
    by_channel = sorted(rows, key=lambda row: row[1])
    columns = dict(zip(keys, map(list, zip(*by_channel, strict=True)), strict=True))
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    pyarrow.csv.write_csv(pa.table(columns), tmp_path / "a.csv")
    for suffix in ("parquet", "csv"):
        assert told(tried(configuration, tmp_path / f"a.{suffix}").alarms) == wanted
    parts = tmp_path / "parts"
    parts.mkdir()
    for channel in CHANNELS:
        mine = [row for row in rows if row[1] == channel]
        columns = {"time": [row[0] for row in mine], channel: [row[2] for row in mine]}
        pq.write_table(pa.table(columns), parts / f"{channel}.parquet")
    assert told(tried(configuration, parts).alarms) == wanted


def test_a_recording_rings_what_a_replay_of_it_rings(tmp_path: Path) -> None:
    configuration = loaded(tmp_path / "c", FILES)
    path = tmp_path / "a.parquet"
    bench = ReplayLanes(configuration, "water", None)
    source = lines(tmp_path / "a.jsonl")

    def chunks() -> Iterator[tuple[int, Records]]:
        for number in range(bench.plan.partitions):
            for records in bench.telemetry(source, number):
                yield number, records

    recording.write(path, "water", chunks())
    trial = tried(configuration, path)
    assert told(trial.alarms) == told(replayed(configuration, path))
    assert trial.alarms


def test_declared_units_become_those_of_the_class(tmp_path: Path) -> None:
    configuration = loaded(tmp_path / "c", FILES)
    rows = [(time, value * 1000) for time, channel, value in sorted(readings()) if "a.p" in channel]
    text = "".join(f"{time},{value}\n" for time, value in rows)
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.csv").write_text("TS,PT\n" + text)
    sheet = "exports:\n- files: '*.csv'\n  time: {column: TS}\n"
    (folder / "columns.yaml").write_text(sheet + "  wide: {PT: {channel: water.a.p, unit: kPa}}\n")
    trial = tried(configuration, folder)
    assert trial.accounting["scored"] > 500
    assert min(alarm.observed or 1.0 for alarm in trial.alarms) < 0.2
    (folder / "columns.yaml").write_text(sheet + "  wide: {PT: {channel: water.a.p, unit: A}}\n")
    with pytest.raises(ConfigError, match="expected a unit that turns into MPa"):
        tried(configuration, folder)
    (folder / "columns.yaml").write_text("exports:\n- {long: {tag: a}}\n")
    with pytest.raises(ConfigError, match=r"columns\.yaml:2:11"):
        tried(configuration, folder)


def test_files_without_a_known_channel_are_refused_and_strangers_counted(tmp_path: Path) -> None:
    configuration = loaded(tmp_path / "c", FILES)
    path = tmp_path / "a.csv"
    path.write_text("time,nobody\n0,1\n")
    with pytest.raises(ConfigError, match="expected readings of channels of the catalogue"):
        tried(configuration, path)
    path.write_text("time,nobody,water.a.p\n0,1,0.3\n60000,1,0.3\n")
    assert tried(configuration, path).unknown_ids == 2
    with pytest.raises(ConfigError, match="expected readings in"):
        open_data(_empty(tmp_path))


def _empty(place: Path) -> Path:
    (place / "none").mkdir()
    return place / "none"
