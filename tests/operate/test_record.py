"""`tocsin record`: a range of a topic as a file rings what the same readings ring as lines."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from confluent_kafka import Producer

from app.cli.main import main
from configuration.configuration import Configuration
from ingest.partitioner import home_lane
from lab.backtest.lanes import BacktestRun
from lab.data import recording
from lab.data.open_data import open_data
from tests.lab.backtest.test_lanes import BEGIN_MS, FILES, readings, replayed, told
from tests.testkit.config_folder import folder_with
from tests.testkit.kafka.broker import Cluster

MINUTE_MS = 60_000
LANES = 4
FIRST, BEHIND = 150, 480  # minutes of the range


def payload(kind: int, rows: list[tuple[int, str, float]]) -> bytes:
    """Readings as one message: JSON, a JSON array, or an Arrow stream."""
    keys = ("time", "channel", "value")
    whole = [dict(zip(keys, row, strict=True)) for row in rows]
    if kind < 2:
        return json.dumps(whole if kind else whole[0]).encode()
    time, channel, value = map(list, zip(*rows, strict=True))
    columns = {"channel": channel, "time": pa.array(time, pa.timestamp("ms", "UTC"))}
    table = pa.table({**columns, "value": value})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue())


def produce(kafka: Cluster, topic: str) -> None:
    """All readings, each in the partition of its group, stamped with its event time."""
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "acks": "all"})
    for i, (time, channel, value) in enumerate(sorted(readings())):
        body, lane = payload(i % 3, [(time, channel, value)]), home_lane(channel[:-2], LANES)
        producer.produce(topic, body, partition=lane, timestamp=time)
    assert producer.flush(30) == 0


def stamp(minute: int) -> str:
    moment = (BEGIN_MS + minute * MINUTE_MS) // 1000
    return f"{pa.scalar(moment, pa.timestamp('s')).as_py():%Y-%m-%dT%H:%M:%S}Z"


def test_a_recorded_range_rings_what_a_replay_of_its_readings_rings(
    kafka: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app = kafka.unique("record")
    settings = f'app: {app}\nkafka: {{bootstrap: "{kafka.bootstrap}"}}\n'
    settings += f"lifelines: {{water: {{partitions: {LANES}}}}}\n"
    folder = folder_with(tmp_path / "c", {**FILES, "tocsin.yaml": settings})
    produce(kafka, kafka.create_topic(f"{app}.telemetry.water", partitions=LANES))
    out = tmp_path / "range.parquet"
    words = ["record", "--configs", str(folder), "--from", stamp(FIRST), "--to", stamp(BEHIND)]
    assert main([*words, str(out)]) == 0
    configuration = Configuration.load(folder, {})
    rows = [
        row
        for row in sorted(readings())
        if FIRST * MINUTE_MS <= row[0] - BEGIN_MS < BEHIND * MINUTE_MS
    ]
    assert recording.count(out) == len(rows)
    assert f"{len(rows)} records of 4 lanes in {out}; offsets " in capsys.readouterr().out
    path = tmp_path / "range.jsonl"
    keys = ("time", "channel", "value")
    path.write_text("".join(json.dumps(dict(zip(keys, r, strict=True))) + "\n" for r in rows))
    wanted = told(replayed(configuration, path))
    assert told(replayed(configuration, out)) == wanted
    trial = BacktestRun(configuration, open_data(out)).run(lambda count, time_ns: None)
    assert told(trial.alarms) == wanted
    assert {alarm.rule.name for alarm in trial.alarms} == {"limit", "unusual", "silent"}
    whole = tmp_path / "whole.parquet"
    assert main(["record", "--configs", str(folder), str(whole)]) == 0
    assert recording.count(whole) == len(readings())


@pytest.mark.parametrize("option", ["--from", "--to"])
def test_a_time_without_a_zone_is_refused(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["record", option, "2026-03-01T00:00", str(tmp_path / "a.parquet")]) == 2
    assert f"{option}: expected an RFC 3339 time with its zone" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("days", "name", "message"),
    [
        ("02 01", "a.parquet", "--to: expected a time behind --from (2026-03-02T00:00Z), got"),
        ("01 01", "a.parquet", "--to: expected a time behind --from"),
        ("01 02", "a.csv", "a.csv: expected a name that ends in .parquet"),
        ("01 02", "none/a.parquet", "none/a.parquet: expected a folder to write into, got none"),
    ],
)
def test_a_range_that_cannot_be_recorded_is_refused_before_a_broker_is_asked(
    days: str, name: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begin, end = (f"2026-03-{day}T00:00Z" for day in days.split())
    span = ["--from", begin, "--to", end]
    assert main(["record", *span, "--bootstrap", "127.0.0.1:1", str(tmp_path / name)]) == 2
    assert message in capsys.readouterr().err
