"""The usual value of the hour and the kind of day, and how far a reading lies from it."""

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec
import numpy as np
from msgspec import Meta
from numba import njit
from numpy.typing import NDArray

from contracts.batch import Batch, Disposition
from contracts.civil_time import DAY_TYPES, DayType
from contracts.quantities import DIFFERENCE, Duration, Sigmas
from contracts.transition import Colour
from detectors.base.days import DAY_NS, kind_of_day, numbered, wrong_dates
from detectors.base.days import columns as day_columns
from detectors.base.findings import SIDES, by_expected
from detectors.base.kind import Columns, Fault, Kind, Roster, Scene
from detectors.base.level_step import Levels, figures, ring, severity
from detectors.base.row_rule import RowRule, copy_leading, joined
from detectors.false_alarm_rate.rate import FalseAlarmRate, band

NAME: Final = "seasonal"
# Beside the profiles, so that an earlier release reads those.
MEMORY: Final = f"{NAME}.memory"
FOLLOWING: Final = f"{NAME}.following"
# Standard deviation of a normal variable over its mean absolute deviation: sqrt(pi / 2).
SIGMA_PER_DEVIATION: Final = 1.2533141373155003
CLIP: Final = 3.0
WORKDAY_D: Final = 7 / 5  # days from one workday to the next, on the mean of a week
USUAL_READINGS: Final = 10.0  # as large as `floor` and as usual, beside those that are followed
NO_DAY: Final = int(np.iinfo(np.int32).min)  # nothing learned yet, or the gate is open
_SCORED: Final = int(Disposition.SCORED)
# Of today, beside the means of its slots: sums that fade, and when they were last added to.
LEVEL: Final = np.dtype([("off", np.float64), ("usual", np.float64), ("time_ns", np.int64)])


class Seasonal(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rings when the value is not what it usually is at this time on this kind of day.

    For every kind of day (workday, Saturday, Sunday, eve of a holiday; the calendar says which
    dates are another kind than their weekday, and which are eves) and every slot of it, a mean
    `m` and a mean absolute deviation `s` are learned, each reading clipped at three deviations so
    that a fault moves them little: `d = clip(x - m, +-3 u)`, `m += d / w`, `s += (|d| - s) / w`.
    The weight `w` of what was learned fades by the calendar, so that a Saturday's slot forgets as
    fast as a workday's: `w = min(w exp(-days / T) + 1, memory)` with the days since the slot last
    learned and `T` the days in which a workday's slot is read `memory` times. The score is
    `(x - e) / u` with `u = max(min(max(1.2533 s, floor_share |e|), ceiling_share |e|), floor)`.
    What is expected, `e`, is `m`, or with `follow` what the level of today makes of it:
    `e = m + q |m|` with `q` the share by which the readings before were off their slots,
    `q = sum(v (x - m)) / (sum(v |m|) + 10 floor)`, at most 1 to either side, over readings that
    rang nothing, with weights `v` that fade by `exp(-1)` in the time `follow`. Then `s` is
    learned of `x - e`. A hot day is then no excess of each of its hours, and what begins within
    some hours stands out from it. With `follow_share` the reading is judged beside `m` too, by
    `u = max(follow_share |m| / band, floor)`, and what is farther counts. Other rules judge the
    residual `x - m` under the name `seasonal`.

    Every slot has a learning gate of its own. It closes when a reading of the slot is beyond the
    band or the rule rings, and opens with the next one that is neither. Once it has been closed
    for `relearn_after`, a reading beyond the band becomes the mean of its slot at once, with the
    weight of one reading and the deviation that was known; it is judged before.

    Parameters
    ----------
    slot : Duration
        Length of a slot; a day holds a whole number of them.
    of : str
        Column that is judged.
    utc_offset : Duration
        The city's civil time ahead of UTC.
    band : Sigmas
        Half width of the band, in `u`.
    side : {"both", "above", "below"}
        Which way is unusual.
    floor : float
        Smallest `u` that is believed, in the unit of the class.
    floor_share : float
        The same as a share of the mean.
    ceiling_share : float or None
        Largest `u` that is used, as a share of the mean: 0.05 with a band of 4 sigma rings beyond
        a fifth of the usual, however much the slot scatters (`floor` still holds). No false alarm
        rate is promised then. None for no ceiling.
    follow : Duration
        Time over which the level of today is followed; 0 s, the default, follows nothing. A
        change that takes much longer than this does not ring by itself.
    follow_share : float or None
        How far from the mean of its slot a reading may be at the edge of the band, as a share of
        that mean, whatever the level of today; it wants `follow`. None for any distance.
    warm_up : int
        Readings of a slot before it is judged.
    memory : int
        Readings of a workday's slot after which old ones fade; slots of other days fade in as
        many days.
    at_most : {"blue", "yellow"}
        Colour that rings: a statistical finding alone is never worse than yellow.
    on_delay, off_delay : Duration
        As for limits.
    hysteresis : Sigmas
        How far inside the band the value must come back.
    relearn_after : Duration
        Age at which the closed learning gate of a slot opens, in whole days, one at least: the
        new level becomes the usual one.
    calendar : dict of str to str
        Date (`2025-10-01`) to `workday`, `saturday`, `sunday` or `eve`. By default what the
        configuration's calendar says.

    References
    ----------
    P. J. Huber, Robust Estimation of a Location Parameter, Annals of Mathematical Statistics 35,
    1964 (the clipping); H. Robbins and S. Monro, A Stochastic Approximation Method, ibid. 22,
    1951 (the gain); P. R. Winters, Forecasting Sales by Exponentially Weighted Moving Averages,
    Management Science 6, 1960 (a level beside seasons). State: 32 bytes for each slot of four
    kinds of day, 3.1 kB with hours, and 24 for the level.
    """

    STATE_FREE: ClassVar[frozenset[str]] = frozenset(
        {
            "band",
            "calendar",
            "ceiling_share",
            "floor",
            "floor_share",
            "follow",
            "follow_share",
            "period",
            "side",
        }
    )

    slot: Duration
    band: Sigmas
    floor: Annotated[float, Meta(gt=0, extra=DIFFERENCE)]
    at_most: Literal["blue", "yellow"]
    of: str = "value"
    utc_offset: Duration = Duration("8 h")
    side: Literal["both", "above", "below"] = "both"
    floor_share: Annotated[float, Meta(ge=0, le=1)] = 0.0
    ceiling_share: Annotated[float, Meta(gt=0, le=1)] | None = None
    follow: Duration = Duration("0 s")
    follow_share: Annotated[float, Meta(gt=0, le=1)] | None = None
    warm_up: Annotated[int, Meta(ge=2, le=1000)] = 4
    memory: Annotated[int, Meta(ge=2, le=1000)] = 20
    on_delay: Duration = Duration("0 s")
    off_delay: Duration = Duration("0 s")
    hysteresis: Sigmas = Sigmas("0 sigma")
    relearn_after: Duration = Duration("7 d")
    calendar: dict[str, DayType] = {}


def faults(rule: Seasonal, scene: Scene) -> Iterator[Fault]:
    """Slots that do not fill a day, bands that never clear, dates that are none."""
    if not rule.slot.ns or DAY_NS % rule.slot.ns or rule.slot.ns < 60_000_000_000:
        text = "expected a day to hold a whole number of slots of a minute or more"
        yield ("slot",), f"{text}, got {rule.slot}"
    if not rule.band.count:
        yield ("band",), f"expected more than 0 sigma, got {str(rule.band)!r}"
    elif rule.hysteresis.count >= rule.band.count:
        text = f"expected below the band ({rule.band}), got {str(rule.hysteresis)!r}"
        yield ("hysteresis",), f"{text}; it could never clear, lower it"
    if rule.warm_up > rule.memory:
        yield ("warm_up",), f"expected at most memory ({rule.memory}), got {rule.warm_up}"
    if rule.of == "value" and rule.band.count * rule.floor >= scene.high - scene.low:
        yield (
            ("floor",),
            f"expected a band inside the plausible width, got {rule.floor:g}; lower it",
        )
    yield from _of_level(rule)
    for day in wrong_dates(rule.calendar):
        yield ("calendar",), f"expected dates such as 2025-10-01, got {day!r}"


def _of_level(rule: Seasonal) -> Iterator[Fault]:
    """Shares of the usual that exclude each other, a level that is that of days."""
    if rule.ceiling_share is not None and rule.ceiling_share < rule.floor_share:
        text = f"expected at least floor_share ({rule.floor_share:g})"
        yield ("ceiling_share",), f"{text}, got {rule.ceiling_share:g}"
    if rule.follow_share is not None and not rule.follow.ns:
        text = f"expected none without `follow`, got {rule.follow_share:g}"
        yield ("follow_share",), f"{text}; say `follow`, or `ceiling_share` for a narrow band"
    if rule.follow.ns >= DAY_NS:
        yield ("follow",), f"expected below a day, got {rule.follow}; days are what `memory` learns"


@njit(cache=True, nogil=True, error_model="numpy")
def cell(p: Any, days: NDArray[np.int64], kinds: NDArray[np.int64], time_ns: int) -> Any:
    """Place of a time in the profile, kind of day times slots plus slot, and its civil day."""
    local_ns = time_ns + p.offset_ns
    day = local_ns // DAY_NS
    kind = kind_of_day(day, days, kinds, p.first, p.last)
    return kind * (DAY_NS // p.slot_ns) + (local_ns - day * DAY_NS) // p.slot_ns, day


@njit(cache=True, nogil=True, error_model="numpy")
def _usual(following: Any, p: Any, mean: float, time_ns: int) -> Any:
    """What is expected now: the mean of the slot, moved as the readings before were off theirs."""
    if p.follow_ns == 0:
        return mean
    left = math.exp(-max(time_ns - following.time_ns, 0) / p.follow_ns)
    share = left * following.off / (left * following.usual + USUAL_READINGS * p.floor)
    return mean + min(max(share, -1.0), 1.0) * abs(mean)


@njit(cache=True, nogil=True, error_model="numpy")
def _follow(following: Any, p: Any, value: float, mean: float, time_ns: int) -> None:
    """Take a reading for part of the level of today."""
    left = math.exp(-max(time_ns - following.time_ns, 0) / p.follow_ns)
    following.off = left * following.off + value - mean
    following.usual = left * following.usual + abs(mean)
    following.time_ns = max(time_ns, following.time_ns)


@njit(cache=True, nogil=True, error_model="numpy")
def _unit(p: Any, usual: float, deviation: float) -> Any:
    """What one sigma is taken for."""
    size = abs(usual)
    learned = max(SIGMA_PER_DEVIATION * deviation, p.floor_share * size)
    return max(min(learned, p.ceiling_share * size), p.floor)


@njit(cache=True, nogil=True, error_model="numpy")
def _judge(p: Any, value: float, means: tuple[float, float], deviation: float) -> Any:
    """What the value is held against, one sigma, the score, and how far that is the way it rings.

    `means` are what is expected now and the mean of the slot: the one that is farther counts.
    """
    usual, mean = means
    unit = _unit(p, usual, deviation)
    score = (value - usual) / unit
    far = abs(score) if p.side == 0 else p.side * score
    if p.follow_share == np.inf:
        return usual, unit, score, far
    widest = max(p.follow_share * abs(mean) / p.band, p.floor)
    apart = (value - mean) / widest
    beside = abs(apart) if p.side == 0 else p.side * apart
    if beside > far:
        return mean, widest, apart, beside
    return usual, unit, score, far


@njit(cache=True, nogil=True, error_model="numpy")
def _may_learn(kept: Any, at: int, p: Any, day: int, calm: bool) -> Any:
    """Whether the gate of a slot is open: all is calm, or it has been closed for long enough."""
    if calm:
        kept.closed[at] = NO_DAY
        return True
    if kept.closed[at] == NO_DAY:
        kept.closed[at] = day
    return day - kept.closed[at] >= p.relearn_d


@njit(cache=True, nogil=True, error_model="numpy")
def _fade(kept: Any, at: int, p: Any, day: int) -> Any:
    """Weight of what a slot has learned, with one reading more."""
    away_d = 0 if kept.day[at] == NO_DAY else max(day - kept.day[at], 0)
    weight = min(kept.weight[at] * math.exp(-away_d / p.memory_d) + 1.0, p.memory)
    kept.weight[at] = weight
    kept.day[at] = max(day, kept.day[at])
    return weight


@njit(cache=True, nogil=True, error_model="numpy")
def _learn(mine: Any, at: int, p: Any, weight: float, read: tuple[float, float]) -> None:
    """Move the slot towards the value that was read, and its deviation by what was expected."""
    value, usual = read
    seen = mine.seen[at] + 1
    mine.seen[at] = seen
    if seen == 1:
        mine.mean[at] = value
        return
    off, apart = value - mine.mean[at], value - usual
    if seen > p.warm_up:
        most = CLIP * _unit(p, usual, mine.deviation[at])
        off, apart = min(max(off, -most), most), min(max(apart, -most), most)
    mine.mean[at] += off / weight
    mine.deviation[at] += (abs(apart) - mine.deviation[at]) / weight


@njit(cache=True, nogil=True, error_model="numpy")
def _offer(
    learned: tuple[Any, Any, Any],
    p: Any,
    when: tuple[int, int, int],
    read: tuple[float, float],
    off: tuple[bool, bool],
) -> None:
    """Learn a reading and what was expected, unless it is off or the rule rings for too short."""
    mine, kept, following = learned
    at, day, time_ns = when
    breached, calm = off[0], not (off[0] or off[1])
    if calm and p.follow_ns and mine.seen[at] >= p.warm_up:
        _follow(following, p, read[0], mine.mean[at], time_ns)
    if not _may_learn(kept, at, p, day, calm):
        return
    weight = _fade(kept, at, p, day)
    if breached:  # it has lasted: this is the usual, and weighs as the first of its readings
        mine.mean[at], kept.weight[at] = read[0], 1.0
    else:
        _learn(mine, at, p, weight, read)


@njit(cache=True, nogil=True, error_model="numpy")
def _kernel(
    levels: Levels, rows: Any, columns: Any, span: tuple[int, int], transitions: NDArray[np.void]
) -> tuple[int, int]:
    place_of, params_of, state, memory, following, params, calendar, residual = rows
    row_of, time_of, value_of, disposition = columns
    told = 0
    for i in range(span[0], span[1]):
        if told == len(transitions):
            return i, told
        place = place_of[row_of[i]] if disposition[i] == _SCORED else -1
        value, time_ns = value_of[i], time_of[i]
        if place < 0 or np.isnan(value):
            continue
        mine, kept, p = state[place], memory[place], params[params_of[place]]
        at, day = cell(p, calendar[0], calendar[1], time_ns)
        breached, usual = False, mine.mean[at]
        if mine.seen[at] >= p.warm_up:
            mean, residual[i] = usual, value - usual
            usual = _usual(following[place], p, mean, time_ns)
            beside, unit, score, far = _judge(p, value, (usual, mean), mine.deviation[at])
            seen = severity(far, p.bounds, p.back)
            breached = seen[0] > 0
            reading = (i, row_of[i], place, time_ns)
            if ring(levels, reading, seen, (p.on_ns, p.off_ns), transitions[told]):
                figures(transitions[told], value, beside, p.band * unit, score)
                told += 1
        learned, rings = (mine, kept, following[place]), levels[0][place].level > 0
        _offer(learned, p, (at, day, time_ns), (value, usual), (breached, rings))
    return span[1], told


def per_day(rule: Seasonal, period_ns: int) -> float:
    """Readings of a slot a day."""
    return max(rule.slot.ns / period_ns, 1.0)


def memory_d(rule: Seasonal, period_ns: int) -> float:
    """Days in which a workday's slot is read `memory` times.

    >>> from contracts.quantities import Duration, Sigmas
    >>> rule = Seasonal(slot=Duration("1 h"), band=Sigmas("4 sigma"), floor=1.0, at_most="blue")
    >>> memory_d(rule, 3_600_000_000_000)
    28.0
    """
    return rule.memory / per_day(rule, period_ns) * WORKDAY_D


def unfaded(state: NDArray[np.void]) -> NDArray[np.void]:
    """Memory of profiles of which nobody knows when they learned: nothing faded, gates open."""
    cells = state["seen"].shape[1:]
    memory = np.zeros(
        len(state),
        [
            ("weight", np.float32, cells),  # of what was learned, in readings
            ("day", np.int32, cells),  # that learned last, since 1970
            ("closed", np.int32, cells),  # day on which the learning gate closed
        ],
    )
    memory["weight"] = state["seen"]
    memory["day"] = memory["closed"] = NO_DAY
    return memory


class Profiles(RowRule):
    """Seasonal profiles of one lane's channels; also the model that makes `seasonal`."""

    NAME = NAME
    PARAMS = np.dtype(
        [
            ("slot_ns", np.int64),
            ("offset_ns", np.int64),
            ("first", np.int64),  # part of the calendar that is this class's
            ("last", np.int64),
            ("side", np.int64),  # 1 above, -1 below, 0 both
            ("warm_up", np.int64),
            ("memory", np.float64),
            ("memory_d", np.float64),  # days in which a slot forgets
            ("relearn_d", np.int64),
            ("follow_ns", np.int64),
            ("follow_share", np.float64),
            ("band", np.float64),
            ("floor", np.float64),
            ("floor_share", np.float64),
            ("ceiling_share", np.float64),
            ("bounds", np.float64, (4,)),
            ("back", np.float64),
            ("on_ns", np.int64),
            ("off_ns", np.int64),
        ]
    )
    KERNEL = _kernel

    def __init__(self, slot: int, rules: Mapping[str, Seasonal], roster: Roster) -> None:
        cells = max(len(DAY_TYPES) * (DAY_NS // rule.slot.ns) for rule in rules.values())
        self._dtype = np.dtype(
            [
                ("seen", np.int32, (cells,)),
                ("mean", np.float64, (cells,)),
                ("deviation", np.float64, (cells,)),
            ]
        )
        self._days: list[tuple[int, int]] = []
        super().__init__(slot, rules, roster)
        self.memory = unfaded(self.state)
        self.following = np.zeros(len(self.state), LEVEL)
        self._calendar = day_columns(self._days)

    def fresh(self, n: int) -> NDArray[np.void]:
        """Profiles that have seen nothing, shape (n,)."""
        return np.zeros(n, self._dtype)

    def put(self, figures: Any, rule: Seasonal, period_ns: int) -> None:
        """Write the figures of one class's rule, and its calendar behind those before it."""
        figures["slot_ns"], figures["offset_ns"] = rule.slot.ns, rule.utc_offset.ns
        figures["first"] = len(self._days)
        self._days += numbered(rule.calendar)
        figures["last"] = len(self._days)
        figures["side"] = {"both": 0, "above": 1, "below": -1}[rule.side]
        figures["warm_up"], figures["memory"] = rule.warm_up, rule.memory
        figures["band"], figures["floor"] = rule.band.count, rule.floor
        figures["floor_share"] = rule.floor_share
        figures["ceiling_share"] = np.inf if rule.ceiling_share is None else rule.ceiling_share
        figures["memory_d"] = memory_d(rule, period_ns)
        figures["relearn_d"] = max(math.ceil(rule.relearn_after.ns / DAY_NS), 1)
        figures["follow_ns"] = rule.follow.ns
        figures["follow_share"] = np.inf if rule.follow_share is None else rule.follow_share
        figures["bounds"] = np.inf
        figures["bounds"][: Colour[rule.at_most.upper()]] = rule.band.count
        figures["back"] = rule.hysteresis.count
        figures["on_ns"], figures["off_ns"] = rule.on_delay.ns, rule.off_delay.ns

    def tables(self, batch: Batch, columns: Columns) -> tuple[Any, ...]:
        """State and figures for the kernel, and the column that it fills."""
        if NAME not in columns:
            columns[NAME] = np.full(len(batch), np.nan)
        place, params_of, state, params = super().tables(batch, columns)
        learned = (state, self.memory, self.following)
        return place, params_of, *learned, params, self._calendar, columns[NAME]

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """State to be put into a snapshot; not a copy."""
        return {**super().arrays(), MEMORY: self.memory, FOLLOWING: self.following}

    def restore(self, arrays: Mapping[str, NDArray[Any]], old_row: NDArray[np.int64]) -> None:
        """Take over profiles and their memory; earlier releases kept only the former."""
        super().restore(arrays, old_row)
        self.memory = unfaded(self.state)
        self.following = np.zeros(len(self.state), LEVEL)
        if f"{NAME}.rows" not in arrays:
            return
        mine, theirs = joined(old_row[self.rows], arrays[f"{NAME}.rows"])
        same = self.kept(arrays, (mine, theirs))
        for name, mine_of in ((MEMORY, self.memory), (FOLLOWING, self.following)):
            if name in arrays:
                copy_leading(mine_of, arrays[name], (mine[same], theirs[same]))


def of_seasonal(rule: Any, scene: Any) -> FalseAlarmRate | None:
    """A band around the mean of a slot; with a ceiling, what it scatters is not looked at."""
    if rule.ceiling_share is not None:
        return None
    read = per_day(rule, scene.period.ns)
    kept = math.exp(-7.0 / memory_d(rule, scene.period.ns))
    # Weights of `read` readings a week, each week `kept` of the next: (sum w)^2 / sum w^2 of them.
    of_weekend = (read * (1.0 + kept) / (1.0 - kept) + 1.0) / 2.0
    counts = (rule.memory, min(rule.memory, of_weekend))
    workday, weekend = (band(rule.band.count, count, rule.side) for count in counts)
    return FalseAlarmRate(partial(_of_week, workday, weekend))


def _of_week(workday: Callable[[int], float], weekend: Callable[[int], float], n: int) -> float:
    """Share of a week's readings, of the shares of its days."""
    return (5.0 * workday(n) + 2.0 * weekend(n)) / 7.0


SEASONAL: Final = Kind(
    NAME,
    Seasonal,
    Profiles,
    "D4",
    fields=frozenset({"observed", "expected", "low", "high", "score"}),
    faults=faults,
    findings=SIDES,
    finding=by_expected,
    makes=NAME,
    false_alarm_rate=of_seasonal,
)
