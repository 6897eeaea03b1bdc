"""Steps and creeps put into recorded positions of GNSS stations, by `trend` and a simple rival.

Words are chosen on one half of the stations, as those that tell most with at most one other alarm
a station-year, and judged on the other half with movements drawn anew. The packs' own words stand
beside them.
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
from configuration.configuration import Configuration
from contracts.batch import Batch
from contracts.quantities import Duration, Sigmas
from detectors.base.kind import Roster
from detectors.base.thresholds import Steps
from detectors.change.trend import TREND, Trend
from runtime.installation import CONFIGS, HOME

GNSS: Final = HOME.parent / "shared" / "data" / "subsidence_gnss"
CLASSES: Final = {
    "up": "subsidence.gnss",
    "east": "subsidence.gnss_east",
    "north": "subsidence.gnss_north",
}
COMPONENTS: Final = tuple(CLASSES)
DAY_NS: Final = 86_400 * 10**9
YEAR_D: Final = 365.25
FIRST: Final = date(2009, 1, 2)  # a day that all stations have
QUAKE: Final = (date(2011, 3, 11) - FIRST).days
STEP_MM: Final = 10.0
CREEP_MM_A_YEAR: Final = 20.0
STEP_D, CREEP_D = 30, 400  # days within which a step, and a creep of a year, must be told
DRAWS: Final = 6  # movements of a kind at each station, of which each half of stations has its own
SEED: Final = 24
LEARNED_D: Final = 400  # days before anything is put in or counted
MOST_A_YEAR: Final = 1.0
HEAD: Final = (
    "movement",
    "told",
    "5 to 95 % over stations",
    "delay d",
    "others a station-year",
    "chosen",
)
AFTER: Final = {"off_delay": Duration("30 d")}
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


def moved(positions: Positions, *, creep: bool, seed: int) -> Positions:
    """Some days around one movement a station, to either side, that begins on day `LEARNED_D`.

    Returns
    -------
    float64, shape (stations, LEARNED_D + CREEP_D + 1)
    """
    chance = np.random.default_rng(seed)
    stations, days = positions.shape
    begins = chance.integers(QUAKE + LEARNED_D, days - CREEP_D, stations)
    sides = chance.choice([-1.0, 1.0], stations)
    since = np.arange(-LEARNED_D, CREEP_D + 1)
    if creep:
        course = CREEP_MM_A_YEAR / YEAR_D * np.clip(since, 0, YEAR_D)
    else:
        course = STEP_MM * (since >= 0)
    around = np.take_along_axis(positions, begins[:, None] + since, axis=1)
    placed: Positions = around + sides[:, None] * course
    return placed


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
    """The rival: medians of days before and after, beside what that difference was by itself.

    It learns of the days up to those that are compared, so that all 400 days before a movement
    are enough to judge it from its first day on, as for the rule.
    """
    rang: Rang = []
    first = LEARNED_D - 2 * width
    for station, values in enumerate(positions):
        medians = np.median(sliding_window_view(values, width), axis=1)
        apart = np.abs(medians[width:] - medians[:-width])
        known = sliding_window_view(apart, LEARNED_D - 4 * width)
        own = 1.4826 * np.median(known, axis=1)
        last = -LEARNED_D
        for at in np.flatnonzero(apart[first:] > times * own[: len(apart) - first]).tolist():
            if at - last > width:
                rang.append((station, at + LEARNED_D - 1))
            last = at
    return rang


@dataclass(frozen=True)
class Found:
    """What a rule tells, by station: delays in days (-1 where not told), others a year."""

    delays: NDArray[np.int64]  # shape (stations, DRAWS)
    others: NDArray[np.float64]  # shape (stations,)


def found(judge: Judge, positions: Positions, *, creep: bool) -> Found:
    """Movements told in time, and alarms of the recording as it is but for its earthquake's."""
    within = CREEP_D if creep else STEP_D
    stations, days = positions.shape
    delays, others = np.full((stations, DRAWS), -1), np.zeros(stations)
    for draw in range(DRAWS):
        for station, day in judge(moved(positions, creep=creep, seed=SEED + draw)):
            delay = day - LEARNED_D
            if 0 <= delay <= within and delays[station, draw] < 0:
                delays[station, draw] = delay
    for station, day in judge(positions):
        if day >= LEARNED_D and not QUAKE <= day <= QUAKE + STEP_D:
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


def between(told: NDArray[np.bool_]) -> tuple[float, float]:
    """5th and 95th percentile of the share that is told, in %, stations drawn with replacement."""
    chance = np.random.default_rng(SEED)
    drawn = chance.integers(0, len(told), (1000, len(told)))
    low, high = np.percentile(100.0 * told[drawn].mean(axis=(1, 2)), (5, 95))
    return float(low), float(high)


def steps(heights: tuple[float, ...], bands: tuple[float, ...], days: int) -> dict[str, Judge]:
    """Rules `trend` by the least height of a step and by the scatter of such jumps."""
    words = {**AFTER, "step_days": days}
    return {
        f"step {height:g}, band {band:g}, {days} days": partial(
            by_trend,
            {**words, "step": Steps(yellow=height), "step_band": Sigmas(f"{band:g} sigma")},
        )
        for height in heights
        for band in bands
    }


def velocities(key: str, heights: tuple[float, ...], over: str) -> dict[str, Judge]:
    """Rules `trend` by one threshold of a velocity, or of its change."""
    return {
        f"{key} {height:g} over {over}": partial(
            by_trend, {**AFTER, key: Steps(yellow=height), "over": Duration(over)}
        )
        for height in heights
    }


def of_pack(component: str) -> Judge:
    """The rule `trend` of the shipped class, asked for both ways."""
    rule = Configuration.load(CONFIGS, {}).packs[CLASSES[component]].rule("trend")
    words = {name: getattr(rule, name) for name in Trend.__struct_fields__}
    return partial(by_trend, {**words, "way": "both"})


def line(name: str, one: Found, chosen: str) -> list[str]:
    """Line of the table."""
    told = one.delays >= 0
    low, high = between(told)
    delay = f"{np.median(one.delays[told]):.0f}" if told.any() else ""
    share = f"{told.sum()} of {told.size}"
    return [name, share, f"{low:.0f} to {high:.0f} %", delay, f"{one.others.mean():.2f}", chosen]


def rules_of(component: str, *, creep: bool) -> dict[str, Judge]:
    """What words of `trend` are chosen among."""
    if not creep:
        return {
            name: rule
            for days in ((3, 20) if component == "up" else (3, 10))
            for name, rule in steps((6.0,), (2.5, 3.5), days).items()
        }
    if component == "up":
        return velocities("velocity", (10.0, 12.0), "365 d")
    return velocities("velocity_change", (12.0, 14.0), "180 d")


def rivals() -> dict[str, Judge]:
    """What words of the rival are chosen among."""
    return {
        f"{width} days, {times:g} times": partial(by_scatter, width, times)
        for width in (10, 20)
        for times in (3.0, 4.0)
    }


def measured(component: str, *, creep: bool) -> tuple[list[list[str]], list[Claim]]:
    """Lines and claims of one kind of movement along one axis."""
    positions = recorded(component)
    what = f"{component}, {'creep of 20 mm a year' if creep else 'step of 10 mm'}"
    one, chosen = nested(rules_of(component, creep=creep), positions, creep=creep)
    lines = [
        line(f"{what}: `trend`", one, chosen),
        line(f"{what}: the pack's `trend`", found(of_pack(component), positions, creep=creep), ""),
        line(f"{what}: the rival", *nested(rivals(), positions, creep=creep)),
    ]
    told = 100.0 * float((one.delays >= 0).mean())
    by, goal = f"GNSS {what}, nested", 90.0 if creep else 95.0
    others = float(one.others.mean())
    return lines, [
        Claim(f"{by}: told", told, goal, "%", "at least"),
        Claim(f"{by}: others", others, MOST_A_YEAR, "a station-year", "at most"),
    ]


def measure() -> Part | None:
    """Table and claims; None where the set is not at hand."""
    if not GNSS.is_dir():
        return None
    table: list[list[str]] = []
    claims: list[Claim] = []
    for component in COMPONENTS:
        for creep in (False, True):
            lines, said = measured(component, creep=creep)
            table += lines
            claims += said
    return Part({"gnss": (HEAD, table)}, tuple(claims))
