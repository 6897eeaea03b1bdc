"""BattLeDIM, first half of 2019: leaks of a town by its inlets and its tank alone.

The rules are those of the folder `battledim`, run as `tocsin backtest` runs them. A leak counts
from when it reaches 6 m3/h; an alarm is for the leak that began last before it, for two weeks.
"""

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import mean, median, stdev
from typing import Final

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.support.claims import Claim, Part
from configuration.configuration import Configuration
from lab.backtest.lanes import BacktestRun
from lab.data.open_data import open_data
from runtime.installation import HOME

SHARED: Final = HOME.parent / "shared"
DATA: Final = SHARED / "data" / "water_battledim" / "flows_levels_2019H1.parquet"
LEAKS: Final = SHARED / "domain" / "leaks_battledim.csv"
PACK: Final = Path(__file__).parent / "battledim"
BEGIN: Final = datetime(2019, 1, 1, tzinfo=UTC)
END: Final = datetime(2019, 7, 1, tzinfo=UTC)
LEAST: Final = 6.0  # m3/h
AFTER: Final = timedelta(days=14)
DAY: Final = timedelta(days=1)
# Nights of a baseline, and limit in deviations; the last is the best of 20 that were tried.
CHARTS: Final = ((7, 2.0), (7, 3.0), (7, 4.0), (7, 8.0), (10, 3.0))
DRAWS: Final = 2000
WEEK: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True)
class Leak:
    """A leak: when it counts, until when an alarm may be for it, and whether it is wanted."""

    name: str
    begin: datetime
    end: datetime
    wanted: bool


@dataclass(frozen=True)
class Outcome:
    """Alarms held against leaks: delay of each wanted one, other leaks told, alarms for none."""

    alarms: int
    delays: dict[str, timedelta | None]
    others: tuple[str, ...]
    false: int


def leaks(path: Path) -> list[Leak]:
    """Leaks that begin in the half, by when they count, each until the next one does.

    The hole of one that grows does so evenly in diameter, so that its flow grows as the square of
    time. From 3 m3/h on an alarm is no false one, and so with those that stay below 6.
    """
    with path.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    found = sorted(
        (leak for row in rows for leak in _leaks(row) if BEGIN <= leak.begin < END),
        key=lambda leak: leak.begin,
    )
    ends = [min(one.end, later.begin) for one, later in pairwise(found)] + [found[-1].end]
    return [
        Leak(one.name, one.begin, end, one.wanted) for one, end in zip(found, ends, strict=True)
    ]


def _leaks(row: dict[str, str]) -> Iterator[Leak]:
    start, end = (_time(row[name]) for name in ("start", "end"))
    flow, ramp = float(row["flow_m3h_at_45m"]), timedelta(days=float(row["ramp_days"]))
    half, whole = (start + ramp * math.sqrt(min(least / flow, 1.0)) for least in (LEAST / 2, LEAST))
    if flow < LEAST or ramp:
        yield Leak(f"{row['pipe']} below 6", half, min(end, max(whole, half + AFTER)), wanted=False)
    if flow >= LEAST:
        yield Leak(row["pipe"], whole, min(end, whole + AFTER), wanted=True)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def held_against(rung: Sequence[datetime], known: Sequence[Leak]) -> Outcome:
    """Which leaks some alarms are for, by the times at which they rang."""
    of = {leak: [at for at in rung if leak.begin <= at <= leak.end] for leak in known}
    delays = {
        leak.name: min(of[leak]) - leak.begin if of[leak] else None for leak in known if leak.wanted
    }
    others = tuple(leak.name for leak in known if not leak.wanted and of[leak])
    told = {at for ats in of.values() for at in ats}
    return Outcome(len(rung), delays, others, sum(at not in told for at in rung))


def ours(pack: Path = PACK) -> tuple[list[datetime], int]:
    """Times at which the pack's rule for leaks rang, and how often `stuck` did on the pump."""
    run = BacktestRun(Configuration.load(pack), open_data(DATA, pack / "columns.yaml"))
    trial = run.run(lambda taken, reached_ns: None)
    first = {alarm.id: alarm for alarm in reversed(trial.alarms)}.values()
    rung = [datetime.fromisoformat(a.detected) for a in first if a.rule.name != "stuck"]
    pump = sum(a.rule.name == "stuck" and a.channel.endswith("pump-1") for a in first)
    return sorted(rung), pump


def night_flow() -> list[tuple[datetime, float]]:
    """Mean inflow from two to four of each night, told at four."""
    table = pq.read_table(DATA)
    inflow = pc.add(table["p227"], table["p235"]).to_numpy()
    per_day = len(inflow) // (END - BEGIN).days
    nights = inflow.reshape(-1, per_day)[:, per_day // 12 : per_day // 6].mean(axis=1)
    return [(BEGIN + i * DAY + DAY / 6, float(flow)) for i, flow in enumerate(nights)]


def cusum(nights: Sequence[tuple[datetime, float]], length: int, limit: float) -> list[datetime]:
    """Plain CUSUM of the night flow, k 0.5, its baseline of so many nights new after each alarm."""
    rung: list[datetime] = []
    base: list[float] = []
    total = 0.0
    for at, flow in nights:
        if len(base) < length:
            base.append(flow)
            continue
        total = max(0.0, total + (flow - mean(base)) / stdev(base) - 0.5)
        if total > limit:
            rung.append(at)
            base, total = [], 0.0
    return rung


def by_chance(alarms: int, known: Sequence[Leak]) -> list[Outcome]:
    """What as many alarms at random times tell, drawn often; the first fortnight knows nothing."""
    chance, first = np.random.default_rng(104), BEGIN + AFTER
    draws = chance.uniform(0.0, (END - first).total_seconds(), (DRAWS, alarms))
    return [
        held_against([first + timedelta(seconds=at) for at in sorted(one)], known)
        for one in draws.tolist()
    ]


def lucky_row(drawn: Sequence[Outcome], known: Sequence[Leak]) -> list[str]:
    """The line of chance: means over draws."""
    told = [sum(delay is not None for delay in one.delays.values()) for one in drawn]
    delays = [delay / DAY for one in drawn for delay in one.delays.values() if delay is not None]
    wanted = sum(leak.wanted for leak in known)
    found, false = f"{mean(told):.1f} of {wanted}", f"{mean(one.false for one in drawn):.1f}"
    name = "as many alarms at random times, mean of 2000 draws"
    return [name, str(drawn[0].alarms), found, f"{median(delays):.1f}", false, "", ""]


def weekdays(rung: Sequence[datetime]) -> list[str]:
    """Alarms by the day of the week on which they rang."""
    days = [at.astimezone(UTC).weekday() for at in rung]
    return [str(days.count(day)) for day in range(len(WEEK))]


def row(name: str, found: Outcome) -> list[str]:
    """A line of the table."""
    delays = [delay / DAY for delay in found.delays.values() if delay is not None]
    missed = [leak for leak, delay in found.delays.items() if delay is None]
    shown = f"{median(delays):.1f}" if delays else ""
    cells = [str(found.alarms), f"{len(delays)} of {len(found.delays)}", shown, str(found.false)]
    return [name, *cells, ", ".join(missed), ", ".join(found.others)]


def measure() -> Part | None:
    """Tables and claims; None where the set is not at hand."""
    if not DATA.is_file() or not LEAKS.is_file():
        return None
    known = leaks(LEAKS)
    rung, pump = ours()
    found = held_against(rung, known)
    nights = night_flow()
    lucky = by_chance(found.alarms, known)
    rows = [row("`balance`, `seasonal`, `departure`", found), lucky_row(lucky, known)]
    rows += [
        row(
            f"night flow of {length} nights, CUSUM {limit:g}",
            held_against(cusum(nights, length, limit), known),
        )
        for length, limit in CHARTS
    ]
    head = ("rules", "alarms", "found", "delay d", "false", "missed", "smaller leaks told")
    each = [
        [name, f"{leak.begin:%m-%d %H:%M}", "missed" if delay is None else f"{delay / DAY:.1f}"]
        for leak in known
        for name, delay in found.delays.items()
        if name == leak.name
    ]
    tables = {
        "battledim": (head, rows),
        "battledim weekdays": (
            ("alarms on", *WEEK),
            [["`balance`, `seasonal`, `departure`", *weekdays(rung)]],
        ),
        "battledim leaks": (("leak", "reaches 6 m3/h", "told after, d"), each),
    }
    return Part(tables, _claims(found, pump, lucky))


def _claims(found: Outcome, pump: int, lucky: Sequence[Outcome]) -> tuple[Claim, ...]:
    delays = [delay / DAY for delay in found.delays.values() if delay is not None]
    by = "BattLeDIM, first half of 2019"
    return (
        Claim(f"{by}: leaks of 6 m3/h found, of 6", len(delays), 5, "leaks", "at least"),
        Claim(f"{by}: median delay", median(delays or [np.inf]), 7.0, "d", "at most"),
        Claim(f"{by}: false alarms", found.false, 2, "alarms", "at most"),
        Claim(f"{by}: `stuck` on the pump", pump, 0, "alarms", "at most"),
        Claim(
            f"{by}: found by as many alarms at random times",
            mean(sum(delay is not None for delay in one.delays.values()) for one in lucky),
            *(2.0, "leaks", "at most"),
        ),
    )
