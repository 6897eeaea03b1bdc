"""Steps and creeps put into recorded positions of GNSS stations, by `trend` and a simple rival.

Words are chosen on one half of the stations, as those that tell most with at most one other alarm
a station-year, and judged on the other half.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, partial
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from benchmarks.support.claims import Claim, Part
from contracts.batch import Batch
from contracts.quantities import Duration
from detectors.base.kind import Roster
from detectors.base.thresholds import Steps
from detectors.change.trend import TREND, Trend
from runtime.installation import HOME

GNSS: Final = HOME.parent / "shared" / "data" / "subsidence_gnss"
COMPONENTS: Final = ("up", "east", "north")
DAY_NS: Final = 86_400 * 10**9
YEAR_D: Final = 365.25
FIRST: Final = date(2009, 1, 2)  # a day that all stations have
QUAKE: Final = (date(2011, 3, 11) - FIRST).days
STEP_MM: Final = 10.0
CREEP_MM_A_YEAR: Final = 20.0
STEP_D, CREEP_D = 30, 400  # days within which a step, and a creep of a year, must be told
LEARNED_D: Final = 400  # days before anything is put in or counted
MOST_A_YEAR: Final = 1.0
HEAD: Final = ("movement", "told", "delay d", "others a station-year", "chosen")
Positions = NDArray[np.float64]  # mm, shape (stations, days)
Rang = list[tuple[int, int]]  # station and day of each alarm
Judge = Callable[[Positions], Rang]


@cache
def recorded(component: str) -> Positions:
    """One component of all stations."""
    found = []
    for path in sorted(GNSS.glob("*.parquet")):
        table = pq.read_table(path, columns=["time", f"{component}_mm"]).to_pydict()
        days = [(time.date() - FIRST).days for time in table["time"]]
        values = np.array(table[f"{component}_mm"], float)
        found.append(values[np.array(days) >= 0])
    shortest = min(len(values) for values in found)
    return np.stack([values[:shortest] for values in found])


def moved(positions: Positions, *, creep: bool, seed: int) -> tuple[Positions, list[int]]:
    """The same with one movement a station, to either side, and the days on which they begin."""
    chance = np.random.default_rng(seed)
    stations, days = positions.shape
    begins = chance.integers(QUAKE + LEARNED_D, days - CREEP_D, stations)
    sides = chance.choice([-1.0, 1.0], stations)
    since = np.arange(days) - begins[:, None]
    if creep:
        course = CREEP_MM_A_YEAR / YEAR_D * np.clip(since, 0, YEAR_D)
    else:
        course = STEP_MM * (since >= 0)
    return positions + sides[:, None] * course, begins.tolist()


def by_trend(words: Mapping[str, Any], positions: Positions) -> Rang:
    """What a rule `trend` of the product rings."""
    stations, days = positions.shape
    row = np.tile(np.arange(stations, dtype=np.int32), days)
    first = (FIRST - date(1970, 1, 1)).days
    time_ns = np.repeat((first + np.arange(days, dtype=np.int64)) * DAY_NS, stations)
    value = positions.T.ravel().copy()
    none = np.zeros(len(row), np.uint8)
    batch = Batch(np.arange(len(row), dtype=np.int32), row, time_ns, value, none)
    groups = [str(station) for station in range(stations)]
    lane = Roster(
        *(("m",), ("m",), np.zeros(stations, np.int64), groups, [DAY_NS]),
        np.full((stations, 2), np.nan),
    )
    told = TREND.build(0, {"m": Trend(**words)}, lane).score(
        batch, none, (0, len(row)), {"value": value}
    )
    rung = told[(told["was"] == 0) & (told["now"] > 0)]
    return [(int(one["row"]), int(one["time_ns"] // DAY_NS - first)) for one in rung]


def by_scatter(width: int, times: float, positions: Positions) -> Rang:
    """The rival: medians of days before and after, beside what that difference was by itself."""
    rang: Rang = []
    for station, values in enumerate(positions):
        medians = np.median(sliding_window_view(values, width), axis=1)
        apart = np.abs(medians[width:] - medians[:-width])
        last = -LEARNED_D
        known = sliding_window_view(apart, LEARNED_D - 2 * width)
        own = 1.4826 * np.median(known, axis=1)
        for at in np.flatnonzero(
            apart[LEARNED_D:] > times * own[: len(apart) - LEARNED_D]
        ).tolist():
            if at - last > width:
                rang.append((station, at + LEARNED_D + 2 * width - 1))
            last = at
    return rang


@dataclass(frozen=True)
class Found:
    """What a rule tells, by station: delays in days (-1 where not told), others a year."""

    delays: NDArray[np.int64]
    others: NDArray[np.float64]


def found(judge: Judge, positions: Positions, *, creep: bool) -> Found:
    """Movements told in time, and alarms of the recording as it is but for its earthquake's."""
    within = CREEP_D if creep else STEP_D
    stations, days = positions.shape
    made, begins = moved(positions, creep=creep, seed=24)
    rang = judge(np.concatenate([positions, made]))
    delays, others = np.full(stations, -1), np.zeros(stations)
    for station, day in rang:
        if station >= stations:
            place = station - stations
            delay = day - begins[place]
            if 0 <= delay <= within and delays[place] < 0:
                delays[place] = delay
        elif day >= LEARNED_D and not QUAKE <= day <= QUAKE + STEP_D:
            others[station] += YEAR_D / (days - LEARNED_D)
    return Found(delays, others)


def nested(rules: Mapping[str, Judge], positions: Positions, *, creep: bool) -> tuple[Found, str]:
    """Stations alternate; each half is judged under the rule that is best on the other."""
    every = [found(judge, positions, creep=creep) for judge in rules.values()]
    delays, others = every[0].delays.copy(), every[0].others.copy()
    chosen = []
    for half, other in ((0, 1), (1, 0)):
        told = [float((one.delays[other::2] >= 0).mean()) for one in every]
        false = [float(one.others[other::2].mean()) for one in every]
        best = max(
            range(len(every)),
            key=lambda i: told[i] if false[i] <= MOST_A_YEAR else -false[i],
        )
        delays[half::2], others[half::2] = every[best].delays[half::2], every[best].others[half::2]
        chosen.append(list(rules)[best])
    return Found(delays, others), "; ".join(sorted(set(chosen)))


def trends(key: str, heights: tuple[float, ...], **words: Any) -> dict[str, Judge]:
    """Rules `trend` by one threshold."""
    return {
        f"{key} {height:g}": partial(
            by_trend, {key: Steps(yellow=height), "off_delay": Duration("30 d"), **words}
        )
        for height in heights
    }


def line(name: str, one: Found, chosen: str) -> list[str]:
    """Line of the table."""
    told = one.delays[one.delays >= 0]
    delay = f"{np.median(told):.0f}" if len(told) else ""
    return [name, f"{len(told)} of {len(one.delays)}", delay, f"{one.others.mean():.2f}", chosen]


def measure() -> Part | None:
    """Table and claims; None where the set is not at hand."""
    if not GNSS.is_dir():
        return None
    rivals: dict[str, Judge] = {
        f"{width} days, {times:g} times": partial(by_scatter, width, times)
        for width in (10, 20)
        for times in (3.0, 4.0, 5.0)
    }
    over = {"over": Duration("365 d")}
    table, claims = [], []
    for component in COMPONENTS:
        positions = recorded(component)
        heights = (10.0, 20.0) if component == "up" else (6.0, 8.0)
        for creep, goal in ((False, 95.0), (True, 90.0)):
            if creep and component != "up":
                continue  # plates and an earthquake's aftermath move them by as much by themselves
            what = "creep of 20 mm a year" if creep else "step of 10 mm"
            rules = trends("velocity", (10.0, 12.0), **over) if creep else trends("step", heights)
            one, chosen = nested(rules, positions, creep=creep)
            table.append(line(f"{component}, {what}: `trend`", one, chosen))
            rival = nested(rivals, positions, creep=creep)
            table.append(line(f"{component}, {what}: medians beside their scatter", *rival))
            told = 100.0 * float((one.delays >= 0).mean())
            by = f"GNSS {component}, {what}, nested"
            claims += [
                Claim(f"{by}: told", told, goal, "%", "at least"),
                Claim(f"{by}: others", float(one.others.mean()), 1.0, "a station-year", "at most"),
            ]
    return Part({"gnss": (HEAD, table)}, tuple(claims))
