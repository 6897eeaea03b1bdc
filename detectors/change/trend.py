"""Slow movement over months: velocity, acceleration, steps, and the day it may end."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec
import numpy as np
from msgspec import Meta
from numba import njit
from numpy.typing import NDArray

from contracts.batch import Disposition
from contracts.quantities import DIFFERENCE, NS_PER_S, Duration, Sigmas
from contracts.transition import NEVER, Finding
from detectors.base.companions import CompanionRule
from detectors.base.days import DAY_NS, KEPT_D, close, count, new_days
from detectors.base.kind import Fault, Kind, Roster, Scene
from detectors.base.level_step import Levels, figures, ring, severity
from detectors.base.thresholds import Steps
from detectors.change.trend_fit import (
    SETTLED,
    YEAR_D,
    days_left,
    jump,
    jumps_scatter,
    slope,
    wave,
    without,
)

_SHORT: Final = 30
_LONG: Final = 90
_SEASON_D: Final = 330  # days without which a season cannot be told from a trend
_DRIVEN_D: Final = 60  # days without which a companion's doing cannot
_SOUND: Final = 0.8
_WAYS: Final = {"both": 0.0, "up": 1.0, "down": -1.0}
_SCORED: Final = int(Disposition.SCORED)


class Trend(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rings when the medians of days move too fast, faster and faster, or jump.

    The median of a day's readings stands for the day; beyond 64 readings, of every second of
    them, of every fourth, and so on. 400 days are kept, as single precision distances from the
    first. Once a day, at the first reading of a later one, the days up to the last are judged,
    which is day 0, unless it had no reading that counts:

    - what the companion and the year explain is taken out (`without`); nothing is judged before
      there are 60 days with a companion, 330 for the year;
    - velocity is the slope (`slope`) over `over`, in the unit of the class per year;
    - a step is a `jump` beside that slope, told on its third day, or when there are more
      `step_days`, on the last of these, and if it exceeds the mildest
      of `step`, all days before it are shifted so that it is no part of any slope, then or later;
      with a `step_band` it must exceed so many scatters of the channel's own jumps, too
      (`jumps_scatter`), and is none before 30 of those are known;
    - acceleration is the slope over 30 days less that over 90, along the way of the former;
    - the change of velocity is the slope over `over` less that over as many days before: a creep
      that begins where the ground always moves, as plates do;
    - days to failure are those of the inverse velocity (`days_left`).

    A slope needs `complete` of its days. The worst colour of the five counts. While no velocity
    is known, and nothing else rings, nothing is judged. A companion's word of a day is its mean
    over the readings of the day, as it last said it.

    Figures: expected is the days to failure, NaN where the line of the inverse velocity is not
    sound. The finding is that of the worst colour, the first of `velocity`, `acceleration`, `step`,
    `failure` and `velocity_change` where several are as bad, and the score is its figure: a
    velocity per year, what was gained of it, the height of a step, signed, for `failure` the
    velocity again, and how it changed. When nothing is found it is the velocity, NaN while unknown.

    State: 2 240 bytes with its level, 1 592 more where a class has a companion.

    Parameters
    ----------
    velocity, acceleration, velocity_change : Steps or None
        In the unit of the class per year, above 0.
    step : Steps or None
        In the unit of the class, above 0.
    step_band : Sigmas
        How far beyond the channel's own jumps a step must lie; 0 sigma asks for nothing.
    step_days : int
        Days on each side of a step; more of them feel smaller steps, as many days later.
    failure_within : Steps or None
        Days to failure below which a colour rings, falling from blue to red.
    way : {"both", "up", "down"}
        Way of the movement that matters.
    over : Duration
        Days behind the velocity: 30, 90 or 365 are usual.
    complete : float
        Share of a slope's days that must have readings.
    from_hour, to_hour : float
        Hours of the local day whose readings count: 2 to 4 for the night flow.
    utc_hours : float
        Where local days begin: hours ahead of UTC.
    with : str or None
        Class of the companion that drives the channel: a temperature.
    yearly : bool
        Whether a wave of one year drives the channel.
    of : str
        Column that is judged.
    on_delay, off_delay : Duration
        As for limits. A step is told on one day: `off_delay` says how long it rings.

    References
    ----------
    H. Theil 1950 and P. K. Sen 1968, as for `fall`; T. Fukuzono, A new method for predicting the
    failure time of a slope, Proc. 4th Int. Conf. and Field Workshop on Landslides, Tokyo, 1985;
    detector class D10 and trap T11 of the project's domain notes.
    """

    STATE_FREE: ClassVar[frozenset[str]] = frozenset(
        {
            "acceleration",
            "complete",
            "failure_within",
            "over",
            "period",
            "step",
            "step_band",
            "step_days",
            "velocity",
            "velocity_change",
            "way",
            "yearly",
        }
    )

    velocity: Steps | None = None
    acceleration: Steps | None = None
    step: Annotated[Steps | None, Meta(extra=DIFFERENCE)] = None
    step_band: Sigmas = Sigmas("0 sigma")
    step_days: Annotated[int, Meta(ge=SETTLED, le=30)] = SETTLED
    failure_within: Steps | None = None
    velocity_change: Steps | None = None
    way: Literal["both", "up", "down"] = "both"
    over: Duration = Duration("90 d")
    complete: Annotated[float, Meta(gt=0, le=1)] = 0.5
    from_hour: Annotated[float, Meta(ge=0, lt=24)] = 0.0
    to_hour: Annotated[float, Meta(gt=0, le=24)] = 24.0
    utc_hours: Annotated[float, Meta(ge=-12, le=14)] = 8.0
    with_class: str | None = msgspec.field(default=None, name="with")
    yearly: bool = False
    of: str = "value"
    on_delay: Duration = Duration("0 s")
    off_delay: Duration = Duration("0 s")


def _bad_steps(given: Steps, *, falling: bool) -> str | None:
    steps = [step for step in msgspec.structs.astuple(given) if step is not None]
    if not steps or min(steps) <= 0:
        return "expected steps above 0, got " + (str(min(steps)) if steps else "none")
    if steps != sorted(set(steps), reverse=falling):
        order = "falling" if falling else "rising"
        return f"expected {order} steps from blue to red; a milder one could never ring alone"
    return None


def faults(rule: Trend, scene: Scene) -> Iterator[Fault]:
    """Steps that cannot ring, windows that cannot be kept, hours that never come."""
    del scene
    yield from _bad_words(rule)
    yield from _bad_windows(rule)


def _bad_words(rule: Trend) -> Iterator[Fault]:
    """What is asked for, and in which steps."""
    names = ("velocity", "acceleration", "step", "failure_within", "velocity_change")
    if all(getattr(rule, name) is None for name in names):
        yield (), f"expected one of {', '.join(names)}; drop the rule"
    for name in names:
        given = getattr(rule, name)
        text = None if given is None else _bad_steps(given, falling=name == "failure_within")
        if text is not None:
            yield (name,), text
    if rule.step_band.count and rule.step is None:
        yield ("step_band",), "expected `step` beside it, which says colours; add it or drop this"


def _bad_windows(rule: Trend) -> Iterator[Fault]:
    """Days, hours and delays by which it is judged."""
    if not 7 * DAY_NS <= rule.over.ns <= KEPT_D * DAY_NS or rule.over.ns % DAY_NS:
        yield ("over",), f"expected whole days from 7 to {KEPT_D}, got {rule.over}"
    if rule.velocity_change is not None and 2 * rule.over.ns > KEPT_D * DAY_NS:
        text = f"expected at most {KEPT_D // 2} d beside `velocity_change`, got {rule.over}"
        yield ("over",), f"{text}; {KEPT_D} days are kept for it and the days before"
    if rule.from_hour >= rule.to_hour:
        text = f"expected below to_hour ({rule.to_hour:g}), got {rule.from_hour:g}"
        yield ("from_hour",), f"{text}; no reading would count"
    if rule.on_delay.ns and rule.step is not None:
        yield ("on_delay",), f"expected 0 s beside `step`, told on one day, got {rule.on_delay}"


@njit(cache=True, nogil=True, error_model="numpy")
def _days(mine: Any, p: Any) -> tuple[Any, Any, bool]:
    """Days kept and their values, without what drives them; and whether they can be judged."""
    t, y, drivers = np.empty(KEPT_D), np.empty(KEPT_D), np.empty((3, KEPT_D))
    n = 0
    for back in range(KEPT_D - 1, -1, -1):
        at = (mine.newest - back) % KEPT_D
        if np.isnan(mine.days[at]) or (p.driven and np.isnan(mine.drove[at])):
            continue
        t[n], y[n] = -back, mine.days[at]
        if p.driven:
            drivers[2, n] = mine.drove[at]
        n += 1
    t, y = t[:n], y[:n]
    first, last = (0 if p.yearly else 2), (3 if p.driven else 2)
    if first == last:
        return t, y, True
    if n < _DRIVEN_D or (p.yearly and n < _SEASON_D):
        return t, y, False
    if p.driven:
        drivers[2, :n] -= np.sum(drivers[2, :n]) / n
    if p.yearly:
        wave(mine.newest, t, drivers)
    return t, y, without(t, y, drivers[first:last, :n])


@njit(cache=True, nogil=True, error_model="numpy")
def _level_steps(mine: Any, t: Any, y: Any, p: Any) -> tuple[float, float]:
    """The step that is told today, and the slope; days before it are shifted, if it is one."""
    rate = slope(t, y, p.width, p.complete * p.width)
    step = jump(t, y, 0.0 if np.isnan(rate) else rate, p.side)
    if not abs(step) > np.min(p.step):
        return float(step), float(rate)
    if p.step_band > 0 and not abs(step) > p.step_band * jumps_scatter(t, y, p.side):
        return 0.0, float(rate)
    n = len(t) - p.side
    y[:n] += step
    for i in range(n):
        at = (mine.newest + int(t[i])) % KEPT_D
        mine.days[at] = np.float32(mine.days[at] + step)
    return float(step), float(slope(t, y, p.width, p.complete * p.width))


@njit(cache=True, nogil=True, error_model="numpy")
def _gained(t: Any, y: Any, p: Any, rate: float) -> tuple[float, float]:
    """What the velocity of 30 days has beyond that of 90, and the same along the former's way.

    No slope is found twice, or for a rule without `acceleration`: each is a median over up to
    1830 pairs, and nearly all of what a day costs.
    """
    if np.min(p.acceleration) == np.inf:
        return np.nan, np.nan
    short = slope(t, y, _SHORT, p.complete * _SHORT) * YEAR_D
    long = rate if p.width == _LONG else slope(t, y, _LONG, p.complete * _LONG)
    gained = short - long * YEAR_D
    return gained, float(gained * (p.way if p.way != 0 else np.sign(short)))


@njit(cache=True, nogil=True, error_model="numpy")
def _along(moved: float, way: float) -> float:
    """How far something moved the way that matters."""
    return abs(moved) if way == 0 else moved * way


@njit(cache=True, nogil=True, error_model="numpy")
def _changed(t: Any, y: Any, velocity: float, p: Any) -> float:
    """What the velocity gained beside that over as many days before."""
    if np.min(p.change) == np.inf:
        return np.nan
    n = np.searchsorted(t, 1.0 - p.width)
    before = slope(t[:n] + p.width, y[:n], p.width, p.complete * p.width)
    return float(velocity - before * YEAR_D)


@njit(cache=True, nogil=True, error_model="numpy")
def _judge(mine: Any, p: Any) -> tuple[tuple[int, int], float, float]:
    """Worst colour of the five and which it is, its figure, days to failure."""
    t, y, good = _days(mine, p)
    if not good or len(t) == 0 or t[-1] != 0:
        return (0, 0), np.nan, np.nan
    step, rate = _level_steps(mine, t, y, p)
    velocity = rate * YEAR_D
    gained, along = _gained(t, y, p, rate)
    left = days_left(t, y, _SOUND)
    moving = np.sign(y[-1] - y[-2]) if len(y) > 1 else 0.0
    if p.way * moving < 0:
        left = np.nan
    changed = _changed(t, y, velocity, p)
    ways = (_along(velocity, p.way), _along(step, p.way), _along(changed, p.way))
    colours = (
        severity(ways[0], p.velocity, 0.0)[0],
        severity(along, p.acceleration, 0.0)[0],
        severity(ways[1], p.step, 0.0)[0],
        severity(-left, p.failure, 0.0)[0],
        severity(ways[2], p.change, 0.0)[0],
    )
    colour, finding, figure = 0, 0, velocity
    for i in range(len(colours)):
        if colours[i] > colour:
            colour, finding = colours[i], i + 1
            figure = (velocity, gained, step, velocity, changed)[i]
    return (colour, finding), figure, left


@njit(cache=True, nogil=True, error_model="numpy")
def _kernel(
    levels: Levels, rows: Any, columns: Any, span: tuple[int, int], transitions: NDArray[np.void]
) -> tuple[int, int]:
    place_of, params_of, state, params, (cell, cell_of, said) = rows
    row_of, time_of, value_of, disposition, measured = columns
    told = 0
    for i in range(span[0], span[1]):
        if told == len(transitions):
            return i, told
        if disposition[i] != _SCORED:
            continue
        row, value, time_ns = row_of[i], value_of[i], time_of[i]
        if cell[row] >= 0:
            said[cell[row]] = measured[i]
        place = place_of[row]
        if place < 0 or np.isnan(value):
            continue
        mine, p = state[place], params[params_of[place]]
        local_ns = time_ns + p.ahead_ns
        if mine.day != NEVER and local_ns // DAY_NS > mine.day:
            close(mine)
            (colour, finding), figure, left = _judge(mine, p)
            reading, seen = (i, row, place, time_ns), (colour, colour)
            known = colour > 0 or not np.isnan(figure)
            if known and ring(levels, reading, seen, (p.on_ns, p.off_ns), transitions[told]):
                figures(transitions[told], value, left, np.nan, figure)
                transitions[told].finding = finding
                told += 1
        driver = said[cell_of[place]] if cell_of[place] >= 0 else np.nan
        count(mine, (p.from_ns, p.to_ns), (local_ns, value, driver))
    return span[1], told


class Trends(CompanionRule):
    """Slow movements of one lane's channels."""

    NAME = "trend"
    PARAMS = np.dtype(
        [
            *((name, np.float64, (4,)) for name in ("velocity", "acceleration", "step")),
            *((name, np.float64, (4,)) for name in ("failure", "change")),
            *((name, np.float64) for name in ("way", "complete", "step_band")),
            *((name, np.int64) for name in ("width", "from_ns", "to_ns", "ahead_ns")),
            *((name, np.int64) for name in ("driven", "yearly", "on_ns", "off_ns", "side")),
        ]
    )
    KERNEL = _kernel

    def __init__(self, slot: int, rules: Mapping[str, Trend], roster: Roster) -> None:
        self._driven = any(rule.with_class is not None for rule in rules.values())
        super().__init__(slot, rules, roster)

    def companion_class(self, rule: Trend) -> str | None:
        """Class of the companion that drives the channel."""
        return rule.with_class

    def put(self, figures: Any, rule: Trend, period_ns: int) -> None:
        """Write the figures of one class's rule into its parameter record."""
        del period_ns
        for name in ("velocity", "acceleration", "step"):
            figures[name] = (getattr(rule, name) or Steps()).array(np.inf)
        figures["change"] = (rule.velocity_change or Steps()).array(np.inf)
        figures["failure"] = -(rule.failure_within or Steps()).array(-np.inf)
        figures["way"] = _WAYS[rule.way]
        figures["complete"] = rule.complete
        figures["side"] = rule.step_days
        figures["step_band"] = rule.step_band.count
        figures["width"] = rule.over.ns // DAY_NS
        for name, hours in (("from", rule.from_hour), ("to", rule.to_hour)):
            figures[f"{name}_ns"] = round(hours * 3600) * NS_PER_S
        figures["ahead_ns"] = round(rule.utc_hours * 3600) * NS_PER_S
        figures["driven"], figures["yearly"] = rule.with_class is not None, rule.yearly
        figures["on_ns"], figures["off_ns"] = rule.on_delay.ns, rule.off_delay.ns

    def fresh(self, n: int) -> NDArray[np.void]:
        """State of channels that nobody has heard of yet, shape (n,)."""
        return new_days(n, driven=self._driven)


_FIELDS: Final = frozenset({"observed", "expected", "score"})
_FINDINGS: Final = ("velocity", "acceleration", "step", "failure", "velocity_change")


def finding(rule: Trend, transition: Any) -> Finding:
    """Which of the five; `left` are the seconds to failure."""
    del rule
    name = _FINDINGS[max(int(transition["finding"]), 1) - 1]
    return Finding(name, {"left": float(transition["expected"]) * DAY_NS / NS_PER_S})


def rate(rule: Trend, transition: Any) -> float:
    """Its velocity per second, where that is what was found."""
    moves = finding(rule, transition).name in {"velocity", "failure"}
    year_s = YEAR_D * DAY_NS / NS_PER_S
    return float(transition["score"]) / year_s if moves else np.nan


TREND: Final = Kind(
    "trend", Trend, Trends, "D10", _FIELDS, faults, findings=_FINDINGS, finding=finding, rate=rate
)
