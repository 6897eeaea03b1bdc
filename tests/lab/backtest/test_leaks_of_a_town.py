"""The class files that find leaks by a town's inlets and its tank, on a town made by hand."""

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from configuration.configuration import Configuration
from contracts.alarm import Alarm
from lab.backtest.lanes import BacktestRun
from lab.data.open_data import open_data
from tests.tidy import ROOT

PACK = ROOT / "benchmarks" / "quality_data" / "battledim"
BEGIN = datetime(2019, 1, 1, tzinfo=UTC)
DAY = 288  # readings
AREA_M2 = 201.06
LEAK_M3H = 25.0


def town(path: Path, days: int, leak_from: int, repaired: int) -> None:
    """Inlets, tank and pump: two inlets serve what is used and lost, and fill the tank by turns."""
    chance = np.random.default_rng(1)
    step = np.arange(days * DAY)
    hour = step % DAY / 12
    used = 150 - 50 * np.cos(hour * math.pi / 12) + chance.normal(0, 4, len(step))
    used += LEAK_M3H * ((step >= leak_from * DAY) & (step < repaired * DAY))
    runs = step // 60 % 2
    pump = runs * (44.0 + chance.normal(0, 0.02, len(step)))
    filling = pump - 22.0
    level = 3.0 + np.cumsum(filling) / 12 / AREA_M2
    inflow = used + filling
    time = [BEGIN + timedelta(minutes=5) * int(i) for i in step]
    table = {
        "Timestamp": [at.replace(tzinfo=None) for at in time],
        "p227": inflow * 0.6,
        "p235": inflow * 0.4,
        "PUMP_1": pump,
        "T1": np.round(level, 2),
    }
    pq.write_table(pa.table(table), path)


def rung(path: Path) -> list[Alarm]:
    """First revisions of the alarms, by time."""
    data = open_data(path, PACK / "columns.yaml")
    alarms = BacktestRun(Configuration.load(PACK), data).run(lambda taken, reached_ns: None).alarms
    return [alarm for alarm in alarms if alarm.revision == 1]


def test_a_leak_rings_within_two_days_once_and_its_repair_does_not(tmp_path: Path) -> None:
    town(tmp_path / "town.parquet", days=36, leak_from=22, repaired=30)
    alarms = rung(tmp_path / "town.parquet")
    assert [alarm.rule.name for alarm in alarms] == ["departure"]
    late = datetime.fromisoformat(alarms[0].detected) - (BEGIN + timedelta(days=22))
    assert timedelta(0) < late < timedelta(days=2)
    assert alarms[0].observed is not None
    assert alarms[0].expected is not None
    assert 6 <= alarms[0].observed - alarms[0].expected < LEAK_M3H
