"""Readings a second of a backtest from Parquet: a slice of a year of 10,000 channels.

With `--year` the year itself is run, a billion readings in a file a month: 4 GB in the folder for
temporary files, and a quarter of an hour with the writing of them. Without, its time is
extrapolated from the slice, and said to be. Lanes, admission, fused rules, silence and alarm book
are those of a live worker. Behind it, what an engineer looks at most often: three channels for
long, with the rule `silent` and without, round by round in one run.
"""

import os
import resource
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.support.claims import Claim, print_claims, print_table
from configuration.configuration import Configuration
from configuration.warm_up import warm
from lab.backtest.lanes import BacktestRun
from lab.backtest.processes import processors, tried
from lab.backtest.score import episodes
from lab.data.open_data import open_data
from lab.reports.progress import Progress
from runtime import kernel_cache
from tests.testkit.city import DUTY

CHANNELS = 10_000
LANES = 4
PERIOD_S = 300
WHOLE = "--year" in sys.argv[1:]
DAYS = int(os.environ.get("BACKTEST_DAYS", "365" if WHOLE else "14"))
DAYS_A_FILE = 31
BEGIN_S = 1_767_225_600
PER_DAY = 86_400 // PERIOD_S
YEAR = 365 * PER_DAY * CHANNELS
ROUNDS = 3
GOAL_MIN = 10.0
DIPS_PER_DAY = CHANNELS // 30  # a channel rings about once a month, and is silent as often
STEPS_AT_ONCE = 100
FEW = 3  # channels of the second table, each with a reading a minute
FEW_STEPS = 200_000
SILENT_GOAL = 2.0  # times as long with `silent` as without

CLASS = f"""\
class: water.level
unit: m
period: {PERIOD_S} s
plausible: {{range: [0, 10], fastest: 1 per s, future: 5 min, back_fill: 1 h}}
limit:
  low: {{blue: 2.0, yellow: 1.6, orange: 1.2, red: 0.8}}
  high: {{orange: 8.0, red: 9.0}}
  on_delay: 10 min
  off_delay: 30 min
  hysteresis: 0.1
  duty:
{DUTY}unusual:
  model: ewma
  smoothing: 0.05
  band: 8 sigma
  floor: 0.05
  warm_up: 288
  at_most: yellow
  off_delay: 1 h
  relearn_after: 1 d
  duty:
{DUTY}silent:
  after: 3 periods
  colour: blue
  duty:
{DUTY.replace("{observed} {unit}", "silent for {lasted}")}"""


@dataclass(frozen=True, slots=True)
class Run:
    """One backtest over the slice."""

    seconds: float
    cpu_seconds: float
    peak_gib: float
    readings: int
    alarms: int

    def cells(self) -> list[str]:
        """A row of the table."""
        figures = [f"{self.seconds:.1f}", f"{self.cpu_seconds:.1f}", f"{self.peak_gib:.1f}"]
        figures.append(f"{self.alarms:,}")
        return [f"{self.readings:,}", *figures, f"{self.readings / self.seconds:,.0f}"]


def configure(folder: Path, text: str = CLASS, ids: int = CHANNELS) -> Configuration:
    """One class of channels, with the fused rules and silence unless said otherwise."""
    water = folder / "water"
    water.mkdir(parents=True)
    (water / "level.yaml").write_text(text)
    rows = [f"{name},water.level,t-{i},water.t-{i}" for i, name in enumerate(channels(ids))]
    (water / "catalogue.csv").write_text("id,class,asset,group\n" + "\n".join(rows) + "\n")
    (folder / "tocsin.yaml").write_text(
        f'kafka: {{bootstrap: "localhost:9092"}}\nlifelines: {{water: {{partitions: {LANES}}}}}\n'
    )
    return Configuration.load(folder, {})


def channels(ids: int = CHANNELS) -> list[str]:
    """Ids of the channels."""
    return [f"water.t-{i}.level" for i in range(ids)]


def tables() -> Iterator[pa.Table]:
    """The slice by time: a daily swing, noise, dips that ring, and channels that fall silent."""
    chance = np.random.default_rng(20260101)
    ids = pa.array(channels())
    phase = chance.uniform(0, 2 * np.pi, CHANNELS)
    dip = np.zeros(CHANNELS, np.int64)  # steps that are left of it
    quiet = np.zeros(CHANNELS, np.int64)
    for first in range(0, DAYS * PER_DAY, STEPS_AT_ONCE):
        code, stamp, value = [], [], []
        for step in range(first, min(first + STEPS_AT_ONCE, DAYS * PER_DAY)):
            for left in (dip, quiet):
                left[chance.random(CHANNELS) < DIPS_PER_DAY / CHANNELS / PER_DAY] = 12
            swing = 0.5 * np.sin(2 * np.pi * step / PER_DAY + phase)
            level = np.where(dip > 0, 1.0, 4.0 + swing) + chance.normal(0, 0.05, CHANNELS)
            there = np.flatnonzero(quiet == 0).astype(np.int32)
            code.append(there)
            stamp.append(np.full(len(there), (BEGIN_S + step * PERIOD_S) * 1000))
            value.append(level[there].round(3))
            np.maximum(dip - 1, 0, out=dip)
            np.maximum(quiet - 1, 0, out=quiet)
        codes = pa.array(np.concatenate(code))
        columns = {
            "channel": pa.DictionaryArray.from_arrays(codes, ids),
            "time": pa.array(np.concatenate(stamp)).cast(pa.timestamp("ms", "UTC")),
            "value": pa.array(np.concatenate(value)),
        }
        yield pa.table(columns)


def write(folder: Path) -> None:
    """The slice as a historian would export it, a file a month."""
    folder.mkdir()
    writer: pq.ParquetWriter | None = None
    for i, table in enumerate(tables()):
        place, first = divmod(i * STEPS_AT_ONCE, DAYS_A_FILE * PER_DAY)
        if writer is None or first < STEPS_AT_ONCE:
            if writer is not None:
                writer.close()
            writer = pq.ParquetWriter(folder / f"{place:02}.parquet", table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()


def few(place: Path) -> list[float]:
    """Readings a second of few channels, as medians: without `silent`, and with it."""
    chance = np.random.default_rng(20260102)
    n = FEW * FEW_STEPS
    codes = pa.array(np.tile(np.arange(FEW, dtype=np.int32), FEW_STEPS))
    stamp = (BEGIN_S + np.repeat(np.arange(FEW_STEPS), FEW) * 60) * 1000
    table = {
        "channel": pa.DictionaryArray.from_arrays(codes, pa.array(channels(FEW))),
        "time": pa.array(stamp).cast(pa.timestamp("ms", "UTC")),
        "value": pa.array((4.0 + chance.normal(0, 0.05, n)).round(3)),
    }
    data = place / "few" / "data"
    data.mkdir(parents=True)
    pq.write_table(pa.table(table), data / "few.parquet")
    text = CLASS.replace(f"period: {PERIOD_S} s", "period: 60 s")
    kinds = [text[: text.index("silent:")], text]
    plans = [configure(place / "few" / str(i), one, FEW) for i, one in enumerate(kinds)]
    warm(plans[1], "water")
    rates = []
    for _ in range(ROUNDS):
        for plan in plans:
            began = time.perf_counter()
            found = BacktestRun(plan, open_data(data)).run(lambda taken, time_ns: None)
            rates.append(found.accounting["scored"] / (time.perf_counter() - began))
            assert found.accounting["scored"] == n, found.accounting
    return [statistics.median(rates[i::2]) for i in range(2)]


def _used() -> tuple[float, float]:
    """Processor seconds so far, and the most memory in GiB, of this process and its children."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    # Children run side by side, and only the largest is known: taken for each processor.
    peak = both[0].ru_maxrss + both[1].ru_maxrss * processors()
    return sum(one.ru_utime + one.ru_stime for one in both), peak / 2**20


def run(configuration: Configuration, folder: Path) -> Run:
    """Open, look for channels, score everything, gather the alarms."""
    before, _ = _used()
    began = time.perf_counter()
    data = open_data(folder)
    with TemporaryDirectory(prefix="tocsin-aside-") as aside:
        progress = Progress("backtest", data.count) if WHOLE else lambda taken, time_ns: None
        trial = tried(BacktestRun(configuration, data), Path(aside), progress)
    found = episodes(trial.alarms)
    seconds = time.perf_counter() - began
    after, peak = _used()
    account = trial.accounting
    assert account["scored"] == account["received"] == data.count, account
    assert {e.first.rule.name for e in found} == {"limit", "unusual", "silent"}, "a rule was idle"
    return Run(seconds, after - before, peak, account["received"], len(found))


def main() -> None:
    """Make the slice, run it, tell."""
    kernel_cache.choose()
    rounds = 1 if WHOLE else ROUNDS
    with TemporaryDirectory(prefix="tocsin-bench-") as place:
        configuration = configure(Path(place) / "c")
        folder = Path(place) / "data"
        write(folder)
        sizes = [path.stat().st_size for path in folder.iterdir()]
        warm(configuration, "water")
        runs = [run(configuration, folder) for _ in range(rounds)]
        without, with_silent = few(Path(place))
    cost = without / with_silent
    rate = statistics.median(r.readings / r.seconds for r in runs)
    minutes = (runs[0].seconds if WHOLE else YEAR / rate) / 60
    print(
        f"measured: {DAYS} days of {CHANNELS:,} channels every {PERIOD_S} s, {len(sizes)} Parquet"
    )
    print(f"files of {sum(sizes) / 2**20:,.0f} MiB, {LANES} lanes on {processors()} processors;")
    print("limit, unusual and silent on every channel\n")
    head = ["readings", "s", "CPU s", "GiB", "alarms", "readings/s"]
    print_table(head, [r.cells() for r in runs])
    print(f"\n{FEW} channels, {FEW * FEW_STEPS:,} readings: {without:,.0f} readings/s without")
    print(f"`silent`, {with_silent:,.0f} with it")
    how = "run" if WHOLE else "extrapolated"
    if not WHOLE:
        print(f"\nEXTRAPOLATED, not run: a year, {YEAR:,} readings, takes {minutes:.1f} min")
    print_claims(
        [
            Claim(f"a year of 10,000 channels, {how}", minutes, GOAL_MIN, "min", "at most"),
            Claim("readings from Parquet to alarms", rate, YEAR / 600, "readings/s", "at least"),
            Claim("cost of `silent`, few channels", cost, SILENT_GOAL, "x", "at most"),
        ]
    )


if __name__ == "__main__":
    main()
