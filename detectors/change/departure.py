"""A mean of the last readings that has left the mean of many: drifting channels, lasting faults."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec
import numpy as np
from msgspec import Meta
from numba import njit
from numpy.typing import NDArray

from contracts.batch import Batch, Disposition
from contracts.quantities import DIFFERENCE, Duration, Sigmas
from contracts.transition import Colour
from detectors.base.findings import SIDES, by_expected
from detectors.base.kind import Columns, Fault, Kind, Roster, Scene
from detectors.base.level_step import Levels, calm_so_far, figures, may_learn, ring, severity
from detectors.base.row_rule import RowRule, joined
from detectors.false_alarm_rate.rate import FalseAlarmRate
from detectors.false_alarm_rate.run_length import in_a_row, narrowed

NAME: Final = "departure"
_SCORED: Final = int(Disposition.SCORED)
_SIDES: Final = {"both": 0, "above": 1, "below": -1}
# Time constants until an exponential mean is where it goes: e^-5 of the way is left.
_SETTLED: Final = 5.0


class Departure(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rings while the mean of the last readings is far from the mean of many.

    Every reading `x` moves the short mean, `f += max(smoothing, 1 / (n + 1)) (x - f)` with `n`
    the readings learned so far; both means begin at the first reading. The score is `d / u`,
    `d = f - m`, `u = max(sqrt(v), floor)`. Then, if the learning gate is open, the long mean and
    the deviation learn: `n += 1`, `m += (x - m) / min(n, memory)` and, for the first `settle`
    readings behind `memory`, `v` becomes the mean of `d^2`. So `u` is how far both means are
    apart by themselves: a channel that wanders, as a temperature does, gets room for it, while
    one that stands still is judged finely, and no reading need be independent of the last one.

    The gate closes while `d` is beyond the band, to either side, or the rule rings. When it opens
    again by age, the long mean becomes the short one: what lasts is the new normal at once, and
    the next departure rings anew.

    With `back_share`, an alarm ends when the short mean has come back to that share of the
    largest distance since it left the band, though it may still be beyond the band: what was
    wrong is over. The short mean then has `5 / smoothing` readings to settle. If it is inside the
    band before, all is as it was; if it moves away again, beyond half of what it came back, or to
    the other side, it rings again; and where it stays is the new normal, as if it had opened the
    gate by age. So a level that settles elsewhere after a fault is told once.

    `observed` is the short mean, `expected` the long one.

    Parameters
    ----------
    band : Sigmas
        Half width of the band, in `u`.
    floor : float
        Smallest `u` that is believed, in the unit of the class.
    at_most : {"blue", "yellow"}
        Colour that rings: a statistical finding alone is never worse than yellow.
    smoothing : float
        Share of a new reading in the short mean.
    memory : int
        Readings after which the long mean forgets.
    warm_up : int
        Readings learned before anything is judged, more than `memory`.
    settle : int
        Readings that the deviation is learned of; then it stays, so that a fault that creeps
        cannot widen its own band.
    of : str
        Column that is judged.
    side : {"both", "above", "below"}
        Which way rings.
    on_delay, off_delay : Duration
        As for limits.
    hysteresis : Sigmas
        How far inside the band the short mean must come back.
    back_share : float
        Share of the largest distance at which an alarm ends; 0 waits for the band.
    relearn_after : Duration
        Age at which a closed learning gate opens; longer than the short mean takes to settle.

    References
    ----------
    D. C. Montgomery and C. M. Mastrangelo, Some Statistical Process Control Methods for
    Autocorrelated Data, Journal of Quality Technology 23(3), 1991 (a centre line that moves);
    W. Schmid, On EWMA Charts for Time Series, Frontiers in Statistical Quality Control 5, 1997
    (the deviation of the mean itself, whatever the data's correlation). Detector class D3 of the
    project's domain notes. State: 48 bytes, and 64 of the level.
    """

    STATE_FREE: ClassVar[frozenset[str]] = frozenset({"back_share", "band", "floor", "side"})

    band: Sigmas
    floor: Annotated[float, Meta(gt=0, extra=DIFFERENCE)]
    at_most: Literal["blue", "yellow"]
    smoothing: Annotated[float, Meta(ge=0.0001, le=1)] = 0.1
    memory: Annotated[int, Meta(ge=2, le=1_000_000)] = 100
    warm_up: Annotated[int, Meta(ge=10, le=1_000_000)] = 400
    settle: Annotated[int, Meta(ge=10, le=1_000_000)] = 5000
    of: str = "value"
    side: Literal["both", "above", "below"] = "both"
    on_delay: Duration = Duration("0 s")
    off_delay: Duration = Duration("0 s")
    hysteresis: Sigmas = Sigmas("0 sigma")
    back_share: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    relearn_after: Duration = Duration("7 d")


def faults(rule: Departure, scene: Scene) -> Iterator[Fault]:
    """Means that are one, bands that never clear, nothing learned before it is judged."""
    if not rule.band.count:
        yield ("band",), f"expected more than 0 sigma, got {str(rule.band)!r}"
    elif rule.hysteresis.count >= rule.band.count:
        text = f"expected below the band ({rule.band}), got {str(rule.hysteresis)!r}"
        yield ("hysteresis",), f"{text}; it could never clear, lower it"
    if rule.memory * rule.smoothing <= 1.0:
        text = f"expected more than 1 / smoothing ({1.0 / rule.smoothing:g}), got {rule.memory}"
        yield ("memory",), f"{text}; both means would be one, raise it"
    if rule.warm_up < rule.memory + 10:
        text = f"expected 10 or more behind memory ({rule.memory}), got {rule.warm_up}"
        yield ("warm_up",), f"{text}; nothing would be known of the deviation"
    if rule.band.count * rule.floor >= scene.high - scene.low:
        text = f"expected a band inside the plausible width, got {rule.floor:g}"
        yield ("floor",), f"{text}; lower it"


@njit(cache=True, nogil=True, error_model="numpy")
def _apart(mine: Any, p: Any, value: float) -> Any:
    """Move the short mean; how far it is from the long one."""
    if mine.learned == 0:
        mine.short = mine.long = value
    mine.short += max(p.smoothing, 1.0 / (mine.learned + 1)) * (value - mine.short)
    return mine.short - mine.long


@njit(cache=True, nogil=True, error_model="numpy")
def _learn(mine: Any, p: Any, value: float, apart: float) -> None:
    """Move the long mean, and what is known of the distance between both."""
    mine.learned += 1
    mine.long += (value - mine.long) / min(mine.learned, p.memory)
    behind = mine.learned - p.memory
    if 0 < behind <= p.settle:
        mine.spread += (apart * apart - mine.spread) / behind


@njit(cache=True, nogil=True, error_model="numpy")
def _over(mine: Any, excursion: Any, p: Any, apart: float, seen: tuple[int, int]) -> Any:
    """Whether what left the band has come back far enough; where it settled is the new normal."""
    away, held = seen
    if excursion.settling > 0:
        turned = 0.5 * (1.0 + p.back_share) * abs(excursion.farthest)
        if away == 0:
            excursion.settling = 0
        elif apart * excursion.farthest > 0.0 and abs(apart) <= turned:
            excursion.settling -= 1
            if excursion.settling == 0:
                mine.long = mine.short
            return True
        else:
            excursion.settling, excursion.farthest = 0, apart
    if held == 0:
        excursion.farthest = 0.0
        return False
    if apart * excursion.farthest <= 0.0 or abs(apart) > abs(excursion.farthest):
        excursion.farthest = apart
    if abs(apart) < p.back_share * abs(excursion.farthest):
        excursion.settling = p.settling
        return True
    return False


@njit(cache=True, nogil=True, error_model="numpy")
def _seen(mine: Any, excursion: Any, p: Any, apart: float, unit: float) -> Any:
    """Colour breached to either side; colours breached and held that count."""
    away, held = severity(abs(apart) / unit, p.bounds, p.back)
    over = p.back_share > 0.0 and _over(mine, excursion, p, apart, (away, held))
    if over or apart * p.side < 0.0:
        return away, (0, 0)
    return away, (away, held)


@njit(cache=True, nogil=True, error_model="numpy")
def _kernel(
    levels: Levels, rows: Any, columns: Any, span: tuple[int, int], transitions: NDArray[np.void]
) -> tuple[int, int]:
    place_of, params_of, state, params, excursions = rows
    row_of, time_of, value_of, disposition = columns
    told = 0
    for i in range(span[0], span[1]):
        if told == len(transitions):
            return i, told
        place = place_of[row_of[i]] if disposition[i] == _SCORED else -1
        value, time_ns = value_of[i], time_of[i]
        if place < 0 or np.isnan(value):
            continue
        mine, p = state[place], params[params_of[place]]
        apart, away = _apart(mine, p, value), 0
        if mine.learned >= p.warm_up:
            unit = max(np.sqrt(mine.spread), p.floor)
            away, seen = _seen(mine, excursions[place], p, apart, unit)
            reading = (i, row_of[i], place, time_ns)
            if ring(levels, reading, seen, (p.on_ns, p.off_ns), transitions[told]):
                figures(transitions[told], mine.short, mine.long, p.band * unit, apart / unit)
                told += 1
        if may_learn(levels, place, away, time_ns, p.relearn_ns):
            if calm_so_far(levels, place):
                _learn(mine, p, value, apart)
            else:
                mine.long = mine.short
    return span[1], told


# Largest distance since the short mean left the band, signed; readings that it has left to settle.
EXCURSION: Final = np.dtype([("farthest", np.float64), ("settling", np.int64)])
EXCURSIONS: Final = f"{NAME}.excursions"


class Departures(RowRule):
    """Means of one lane's channels that leave their usual place."""

    NAME = NAME
    STATE = np.dtype(
        [
            ("learned", np.int64),
            ("short", np.float64),
            ("long", np.float64),
            ("spread", np.float64),
        ]
    )
    PARAMS = np.dtype(
        [
            *((name, np.float64) for name in ("smoothing", "band", "floor", "back", "side")),
            ("back_share", np.float64),
            *((name, np.int64) for name in ("memory", "warm_up", "settle", "settling")),
            ("bounds", np.float64, (4,)),
            *((name, np.int64) for name in ("on_ns", "off_ns", "relearn_ns")),
        ]
    )
    KERNEL = _kernel

    def __init__(self, slot: int, rules: Mapping[str, Departure], roster: Roster) -> None:
        super().__init__(slot, rules, roster)
        self.excursions = np.zeros(len(self.rows), EXCURSION)

    def put(self, figures: Any, rule: Departure, period_ns: int) -> None:
        """Write the figures of one class's rule into its parameter record."""
        del period_ns
        for name in ("smoothing", "floor", "memory", "warm_up", "settle", "back_share"):
            figures[name] = getattr(rule, name)
        figures["band"], figures["back"] = rule.band.count, rule.hysteresis.count
        figures["side"] = _SIDES[rule.side]
        figures["settling"] = round(_SETTLED / rule.smoothing)
        figures["bounds"] = np.inf
        figures["bounds"][: Colour[rule.at_most.upper()]] = rule.band.count
        figures["on_ns"], figures["off_ns"] = rule.on_delay.ns, rule.off_delay.ns
        figures["relearn_ns"] = rule.relearn_after.ns

    def tables(self, batch: Batch, columns: Columns) -> tuple[Any, ...]:
        """The way out and back of each channel, beside its means."""
        return *super().tables(batch, columns), self.excursions

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """State to be put into a snapshot; not a copy."""
        return {**super().arrays(), EXCURSIONS: self.excursions}

    def restore(self, arrays: Mapping[str, NDArray[Any]], old_row: NDArray[np.int64]) -> None:
        """Take over means and ways back; earlier releases kept only the former."""
        super().restore(arrays, old_row)
        self.excursions = np.zeros(len(self.rows), EXCURSION)
        if EXCURSIONS in arrays:
            mine, theirs = joined(old_row[self.rows], arrays[f"{NAME}.rows"])
            same = self.kept(arrays, (mine, theirs))
            self.excursions[mine[same]] = arrays[EXCURSIONS][theirs[same]]


def of_departure(rule: Any, scene: Any) -> FalseAlarmRate:
    """A band around a mean, for readings that hang together.

    An EWMA's successive values correlate by `r = 1 - smoothing`, so that `n` of their squares are
    worth `n (1 - r^2) / (1 + r^2)`. Readings beyond come in runs: there are fewer alarms.
    """
    del scene
    r = 1.0 - rule.smoothing
    known = min(rule.warm_up - rule.memory, rule.settle)
    free = max(known * (1.0 - r * r) / (1.0 + r * r), 1.0)
    t = narrowed(rule.band.count, squares=True)
    sides = 2 if rule.side == "both" else 1
    return FalseAlarmRate(partial(in_a_row, t, free, sides), exact=False)


DEPARTURE: Final = Kind(
    NAME,
    Departure,
    Departures,
    "D3",
    fields=frozenset({"observed", "expected", "low", "high", "score"}),
    faults=faults,
    findings=SIDES,
    finding=by_expected,
    false_alarm_rate=of_departure,
)
