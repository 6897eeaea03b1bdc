"""Recorded passenger counts and grid load, with made trouble put in, by `seasonal` and a rival.

Words are chosen on one half, stations or years, by how much is found while false alarms stay below
the goal, and judged on the other half, with other trouble. The rival is chosen the same way.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.support.claims import Claim, Part
from configuration.configuration import Configuration
from contracts.batch import Batch
from contracts.civil_time import DAY_TYPES, DayType
from contracts.quantities import Duration, Sigmas
from detectors.base.kind import Roster
from detectors.channel.seasonal import SEASONAL, Seasonal
from runtime.installation import CONFIGS, HOME

DATA: Final = HOME.parent / "shared" / "data"
METRO: Final = (
    DATA / "metro_bmrcl" / "station-hourly_2025-08.parquet",
    DATA / "metro_bmrcl" / "station-hourly-exits_2025-08.parquet",
)
LOAD: Final = DATA / "power_kptcl" / "load_frequency_hourly.parquet"
HOUR_NS: Final = 3_600 * 10**9
HOURS: Final = 24
UTC_OFFSET: Final = timedelta(hours=8)  # that of the rules; readings are told in local hours
KNOWN_DAYS: Final = 3  # of the same kind, with anybody, before trouble is put into a day
NONE: Final = Duration("0 s")
HEAD: Final = ("rules", "less", "more", "others a day", "where opened", "chosen")
Values = NDArray[np.float64]
Rang = list[tuple[int, int]]  # channel and hour since the beginning


@dataclass(frozen=True)
class Recording:
    """Hourly values of channels, shape (channels, days, 24), and what kind each day is."""

    first: date
    values: Values
    calendar: dict[str, DayType]
    judged_from: int  # day
    together: int  # channels of one station, side by side

    @property
    def kinds(self) -> NDArray[np.int64]:
        """Kind of each day, places in `DAY_TYPES`."""
        days = [self.first + timedelta(days=i) for i in range(self.values.shape[1])]
        weekday = ["workday"] * 5 + ["saturday", "sunday"]
        named = [self.calendar.get(day.isoformat(), weekday[day.weekday()]) for day in days]
        return np.array([DAY_TYPES.index(kind) for kind in named], np.int64)


@dataclass(frozen=True)
class Trouble:
    """A factor for some hours of a channel's day, where at least so much is usual."""

    factor: float
    hours: int
    least: float


Judge = Callable[[Recording, Values], Rang]
Here = Callable[[int, int], bool]


@dataclass(frozen=True)
class Found:
    """What rang: trouble told by its kind, and alarms of the recording as it is a day."""

    told: tuple[tuple[int, int], ...]  # found, of
    false_a_day: float
    opened: int = 0  # alarms at stations that opened meanwhile

    @property
    def share(self) -> float:
        """Trouble that was told."""
        return sum(told for told, _ in self.told) / max(sum(of for _, of in self.told), 1)


def metro() -> Recording:
    """Entries and exits of 83 stations over 18 days; its holiday is in the calendar."""
    tables = [pq.read_table(path).to_pydict() for path in METRO]
    stations = sorted(set(tables[0]["Station"]))
    first = date.fromisoformat(min(tables[0]["Date"]))
    days = (date.fromisoformat(max(tables[0]["Date"])) - first).days + 1
    values = np.full((len(stations), 2, days, HOURS), np.nan)
    for way, table in enumerate(tables):
        row = [stations.index(name) for name in table["Station"]]
        day = [(date.fromisoformat(text) - first).days for text in table["Date"]]
        values[row, way, day, table["Hour"]] = table["Ridership"]
    holidays: dict[str, DayType] = {"2025-08-15": "sunday"}
    return Recording(first, values.reshape(-1, days, HOURS), holidays, judged_from=7, together=2)


def load(path: Path = LOAD) -> Recording:
    """Twelve years of the load of a grid; nobody says which days were holidays."""
    table = pq.read_table(path, columns=["observed_at", "grid_load_mw"]).to_pydict()
    first = table["observed_at"][0].date()
    days = (table["observed_at"][-1].date() - first).days + 1
    values = np.full((1, days, HOURS), np.nan)
    for at, megawatt in zip(table["observed_at"], table["grid_load_mw"], strict=True):
        values[0, (at.date() - first).days, at.hour] = megawatt
    return Recording(first, values, {}, judged_from=42, together=1)


def by_rule(rule: Seasonal) -> Judge:
    """What a rule of the product rings, over the readings of all channels in order."""

    def rang(recording: Recording, values: Values) -> Rang:
        named = msgspec.structs.replace(rule, calendar=recording.calendar)
        n, hours = len(values), values.shape[1] * HOURS
        begin = datetime.combine(recording.first, datetime.min.time(), UTC) - UTC_OFFSET
        begin_ns = round(begin.timestamp()) * 10**9
        time_ns = np.repeat(begin_ns + np.arange(hours, dtype=np.int64) * HOUR_NS, n)
        value = values.reshape(n, hours).T.ravel().copy()
        row = np.tile(np.arange(n, dtype=np.int32), hours)
        batch = Batch(
            np.arange(len(row), dtype=np.int32), row, time_ns, value, np.zeros(len(row), np.uint8)
        )
        lane = Roster(
            ("m",), ("m",), np.zeros(n, np.int64), ["g"] * n, [HOUR_NS], np.full((n, 2), np.nan)
        )
        told = SEASONAL.build(0, {"m": named}, lane).score(
            batch, np.zeros(len(row), np.uint8), (0, len(row)), {"value": value}
        )
        rung = told[(told["was"] == 0) & (told["now"] > 0)]
        return [(int(one["row"]), int((one["time_ns"] - begin_ns) // HOUR_NS)) for one in rung]

    return rang


def by_median(band: float, least: float) -> Judge:
    """The rival: median and MAD of the same hour of the last ten such days, two hours in a row.

    Saturdays and Sundays are one kind of day for it: ten of each are too far back.
    """

    def rang(recording: Recording, values: Values) -> Rang:
        kinds = np.minimum(recording.kinds, 1)
        days = len(kinds)
        past = np.full((days, 10), days)  # a day without readings
        for day in range(days):
            same = np.flatnonzero(kinds[:day] == kinds[day])[-10:]
            past[day, : len(same)] = same
        before = np.concatenate([values, np.full((len(values), 1, HOURS), np.nan)], axis=1)[:, past]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # days before which there are none
            middle = np.nanmedian(before, axis=2)
            mad = 1.4826 * np.nanmedian(np.abs(before - middle[:, :, None]), axis=2)
        far = np.abs(values - middle) > band * np.maximum(mad, least)
        far &= (past[:, KNOWN_DAYS - 1] < days)[None, :, None]
        beyond = np.zeros((len(values), 4 + days * HOURS), np.bool_)
        beyond[:, 4:] = far.reshape(len(values), -1)
        twice = beyond[:, 1:] & beyond[:, :-1]
        rings = twice[:, 3:] & ~(twice[:, 2:-1] | twice[:, 1:-2] | twice[:, :-3])
        return [(int(row), int(hour)) for row, hour in np.argwhere(rings)]

    return rang


def put_in(
    recording: Recording, trouble: Trouble, seed: int, share: int
) -> tuple[Values, list[tuple[int, int]]]:
    """The values with trouble, one a channel for each `share` days, and where it begins."""
    chance = np.random.default_rng(seed)
    values, begins = recording.values.copy(), []
    kinds = recording.kinds
    for row, mine in enumerate(recording.values):
        for first in range(recording.judged_from, len(mine) - share + 1, share):
            day = int(chance.integers(first, first + share))
            hour = int(chance.integers(7, 22 - trouble.hours))
            here = slice(hour, hour + trouble.hours)
            same = mine[:day][kinds[:day] == kinds[day], here]
            known = np.count_nonzero((same >= trouble.least).all(axis=1))
            if known < KNOWN_DAYS or not (mine[day, here] >= trouble.least).all():
                continue
            values[row, day, here] = np.round(mine[day, here] * trouble.factor)
            begins.append((row, day * HOURS + hour))
    return values, begins


def found(judge: Judge, asked: "Question", part: Here, seed: int) -> Found:
    """Trouble told and false alarms in a part of a recording: `part(row, day)` says which."""
    recording, told = asked.recording, []
    for i, trouble in enumerate(asked.troubles):
        values, begins = put_in(recording, trouble, seed + i, asked.apart)
        there = set(judge(recording, values))
        mine = [(row, at) for row, at in begins if part(row, at // HOURS)]
        hit = sum(any((row, at + k) in there for k in range(trouble.hours + 1)) for row, at in mine)
        told.append((hit, len(mine)))
    first = recording.judged_from
    rung = [(row, at // HOURS) for row, at in judge(recording, recording.values)]
    rung_here = [place for place in rung if place[1] >= first and part(*place)]
    opened = sum(asked.half(*place) < 0 for place in rung if place[1] >= first)
    n, days = recording.values.shape[:2]
    looked = sum(part(row, day) for row in range(n) for day in range(first, days))
    return Found(tuple(told), len(rung_here) * recording.together / max(looked, 1), opened)


@dataclass(frozen=True)
class Question:
    """What is asked of a recording, and which words may be chosen for it.

    Parameters
    ----------
    shipped : str
        Class of `configs` whose rule is measured as it is.
    by_hand : dict
        Words that were set with the whole recording in sight.
    choices : sequence of dict
        Words that may be chosen in its stead.
    rivals : sequence of (float, float)
        Bands and least deviations of the rival that may be chosen.
    most : float
        False alarms a day of a station, or of the grid, that a choice may make.
    apart : int
        Days from one trouble of a channel to the next.
    half : callable
        From channel and day to the half of the recording, 0 or 1; -1 for a station that opened
        meanwhile, of which nobody knows what is usual.
    """

    recording: Recording
    troubles: tuple[Trouble, Trouble]
    shipped: str
    by_hand: dict[str, Any]
    choices: Sequence[dict[str, Any]]
    rivals: Sequence[tuple[float, float]]
    most: float
    apart: int
    half: Callable[[int, int], int]

    def known(self, row: int, day: int) -> bool:
        """Whether there is a usual to hold against."""
        return self.half(row, day) >= 0

    def of_half(self, number: int) -> Here:
        """Which channels and days are of a half."""
        return lambda row, day: self.half(row, day) == number

    def crossed(self, arms: dict[str, Judge]) -> tuple[Found, str]:
        """Each half by the arm that was best on the other one; other trouble judges."""
        halves, chosen = [], []
        for number in (0, 1):
            seen = {
                name: found(arm, self, self.of_half(1 - number), seed=1)
                for name, arm in arms.items()
            }
            quiet = [name for name, one in seen.items() if one.false_a_day <= self.most]
            loudest = sorted(seen, key=lambda name: seen[name].false_a_day)[:1]
            name = max(quiet or loudest, key=lambda name: seen[name].share)
            chosen.append(name)
            halves.append(found(arms[name], self, self.of_half(number), seed=101))
        both = tuple(
            (one[0] + other[0], one[1] + other[1])
            for one, other in zip(halves[0].told, halves[1].told, strict=True)
        )
        rate = (halves[0].false_a_day + halves[1].false_a_day) / 2.0
        opened = (halves[0].opened + halves[1].opened) // 2
        return Found(both, rate, opened), "; ".join(dict.fromkeys(chosen))

    def rows(self) -> tuple[list[list[str]], Found]:
        """Lines of the table, and what words chosen on the other half do."""
        rule = Configuration.load(CONFIGS, {}).packs[self.shipped].rule("seasonal")
        known = {
            "`seasonal`, the pack's words": by_rule(rule),
            "`seasonal`, words by hand, all of it in sight": self._with(rule, self.by_hand),
        }
        lines = [line(name, found(arm, self, self.known, 101), "") for name, arm in known.items()]
        ours = {said(chosen): self._with(rule, chosen) for chosen in self.choices}
        rivals = {
            f"band {band:g}, least {least:g}": by_median(band, least) for band, least in self.rivals
        }
        judged, names = self.crossed(ours)
        lines.append(line("`seasonal`, words from the other half", judged, names))
        lines.append(
            line("median and MAD of ten such days, from the other half", *self.crossed(rivals))
        )
        return lines, judged

    def _with(self, rule: Seasonal, words: dict[str, Any]) -> Judge:
        return by_rule(msgspec.structs.replace(rule, **words))


def said(chosen: dict[str, Any]) -> str:
    """Words in a table."""
    return ", ".join(f"{name} {value}" for name, value in chosen.items())


def line(name: str, one: Found, chosen: str) -> list[str]:
    """A line of the table."""
    return [
        name,
        *(f"{hit} of {of}" for hit, of in one.told),
        f"{one.false_a_day:.3f}",
        str(one.opened),
        chosen,
    ]


def measure() -> Part | None:
    """Tables and claims; None where the sets are not at hand."""
    if not all(path.is_file() for path in (*METRO, LOAD)):
        return None
    tables, claims = {}, []
    for name, (question, goals) in QUESTIONS.items():
        asked = question()
        lines, judged = asked.rows()
        tables[f"recorded {name}"] = (HEAD, lines)
        for (kind, goal), (hit, of) in zip(goals, judged.told, strict=True):
            claims.append(Claim(f"{name}: {kind} told", 100.0 * hit / of, goal, "%", "at least"))
        rate = judged.false_a_day
        claims.append(Claim(f"{name}: false alarms", rate, asked.most, "a day", "at most"))
    return Part(tables, tuple(claims))


def of_stations() -> Question:
    """Nobody for four hours, and twice the passengers for three; halves by station."""
    recording = metro()
    new = {"warm_up": 3, "relearn_after": Duration("2 d")}
    opened = np.repeat(np.nansum(recording.values[:, 0], axis=1).reshape(-1, 2).min(axis=1) < 50, 2)
    return Question(
        recording,
        (Trouble(0.0, 4, 200.0), Trouble(2.0, 3, 200.0)),
        "metro.station_entries",
        words("4 sigma", 25.0, 0.18, 0.22, 20) | new | {"follow": NONE},
        [
            words("4 sigma", floor, share, 0.2, 20)
            | {"warm_up": warm_up, "relearn_after": Duration(after), "follow": Duration(follow)}
            for warm_up, after in ((3, "2 d"), (4, "7 d"))
            for follow in ("0 s", "2 h", "3 h", "4 h")
            for share in (0.12, 0.13, 0.14)
            for floor in (20.0, 25.0, 30.0)
        ],
        rivals=[(band, least) for band in (4.0, 6.0, 8.0) for least in (10.0, 25.0, 50.0)],
        most=0.05,
        apart=5,
        half=lambda row, day: -1 if opened[row] else row // 2 % 2,
    )


def of_grid() -> Question:
    """A quarter less and a third more for four hours; halves by year."""
    recording, new = load(), {"relearn_after": Duration("3 d")}
    years = [(recording.first + timedelta(days=i)).year for i in range(recording.values.shape[1])]
    return Question(
        recording,
        (Trouble(0.75, 4, 1000.0), Trouble(1.3, 4, 1000.0)),
        "power.grid_load",
        words("4 sigma", 100.0, 0.0475, 0.0475, 5) | new | {"follow": NONE, "follow_share": None},
        [
            words("4 sigma", 100.0, share, ceiling, memory)
            | {"relearn_after": Duration(after), "follow": Duration(follow), "follow_share": most}
            for after in ("3 d", "7 d")
            for share, ceiling in ((0.04, 0.045), (0.0475, 0.0475))
            for memory in (5, 20)
            for follow, most in (("0 s", None), ("4 h", 0.2), ("4 h", 0.35), ("6 h", 0.35))
        ],
        rivals=[(band, 100.0) for band in (3.0, 4.0, 5.0, 6.0, 8.0)],
        most=0.1,
        apart=14,
        half=lambda row, day: years[day] % 2,
    )


def words(
    band: str, floor: float, share: float, ceiling: float | None, memory: int
) -> dict[str, Any]:
    """Words of `seasonal` that are chosen."""
    return {
        "band": Sigmas(band),
        "floor": floor,
        "floor_share": share,
        "ceiling_share": ceiling,
        "memory": memory,
    }


QUESTIONS: Final = {
    "metro": (of_stations, (("closures", 95.0), ("surges", 85.0))),
    "grid": (of_grid, (("a quarter less", 90.0), ("a third more", 90.0))),
}
