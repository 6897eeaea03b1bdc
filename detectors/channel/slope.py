"""Fast falls and rises of a value, in its own unit, by a slope that outliers do not move."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Final

import msgspec
import numpy as np
from msgspec import Meta
from numba import njit
from numpy.typing import NDArray

from contracts.batch import Disposition
from contracts.quantities import DIFFERENCE, NS_PER_S, Duration
from contracts.transition import Finding
from detectors.base.findings import step_of
from detectors.base.kind import Fault, Kind, Scene
from detectors.base.level_step import Levels, calm, figures, ring, severity
from detectors.base.prefetch import AHEAD, prefetch
from detectors.base.row_rule import RowRule
from detectors.base.thresholds import Steps

RING: Final = 15  # readings kept: D2 of the domain notes asks for 5 to 15
_SCORED: Final = int(Disposition.SCORED)


class Fall(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rings when the value falls by more than a colour's step within a time.

    The slope is Theil and Sen's: the median of the slopes between all pairs of the readings
    inside the last `over`, the newest 15 at most. Times `over`, it is the change that is judged
    (`score`, in the unit of the class), so that one wild reading among five moves nothing.

    Parameters
    ----------
    over : Duration
        Time over which the change is told.
    by : Steps
        Change of each colour, in the unit of the class, above 0.
    least : int
        Readings inside `over` before anything is judged.
    on_delay, off_delay : Duration
        As for limits.
    hysteresis : float
        How far below its step the change must come to leave a colour, in the unit of the class.

    References
    ----------
    H. Theil, A rank-invariant method of linear and polynomial regression analysis, 1950;
    P. K. Sen, Estimates of the regression coefficient based on Kendall's tau, JASA 63, 1968.
    """

    STATE_FREE: ClassVar[frozenset[str]] = frozenset({"by", "least", "over", "period"})

    over: Duration
    by: Annotated[Steps, Meta(extra=DIFFERENCE)]
    least: Annotated[int, Meta(ge=3, le=RING)] = 5
    on_delay: Duration = Duration("0 s")
    off_delay: Duration = Duration("0 s")
    hysteresis: Annotated[float, Meta(ge=0, extra=DIFFERENCE)] = 0.0


class Rise(Fall, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rings when the value rises by more than a colour's step within a time; as `fall`."""


def faults(rule: Fall, scene: Scene) -> Iterator[Fault]:
    """Steps that cannot ring, and windows with too few readings."""
    steps = [step for step in msgspec.structs.astuple(rule.by) if step is not None]
    if not steps:
        yield ("by",), "expected a step, got none; add one or drop the rule"
    elif steps[0] <= 0:
        yield ("by",), f"expected steps above 0, got {steps[0]}; the key says which way"
    elif steps != sorted(set(steps)):
        yield ("by",), "expected rising steps from blue to red; a milder one could never ring alone"
    elif steps[-1] > scene.high - scene.low:
        text = f"expected steps inside the plausible width ({scene.high - scene.low:g})"
        yield ("by",), f"{text}, got {steps[-1]}; it could never ring, lower it"
    if steps and rule.hysteresis >= steps[0]:
        yield ("hysteresis",), f"expected below the first step ({steps[0]}); it would never clear"
    if rule.over.ns < (rule.least - 1) * scene.period.ns:
        text = f"expected room for {rule.least} readings every {scene.period}"
        yield ("over",), f"{text}, got {rule.over}; lengthen it or lower `least`"


@njit(cache=True, nogil=True, error_model="numpy")
def _inside(mine: Any, p: Any, times: NDArray[np.int64], values: NDArray[np.float64]) -> int:
    """Write the kept readings of the last `over_ns`, newest first; how many."""
    newest = (mine.kept - 1) % RING
    now, inside = mine.times[newest], 0
    for back in range(min(mine.kept, RING)):
        i = newest - back if back <= newest else newest - back + RING
        if now - mine.times[i] > p.over_ns:
            break
        times[inside], values[inside] = mine.times[i], mine.values[i]
        inside += 1
    return inside


@njit(cache=True, nogil=True, error_model="numpy")
def _slopes(mine: Any, p: Any, room: Any) -> Any:
    """Slopes between all pairs of the readings inside `over_ns`, none of fewer than `least`."""
    times, values, slopes = room
    inside, pairs = _inside(mine, p, times, values), 0
    if inside < p.least:
        return slopes[:0]
    for one in range(1, inside):
        for other in range(one):
            lasted_s = float(times[other] - times[one]) / NS_PER_S
            slopes[pairs] = (values[other] - values[one]) / lasted_s
            pairs += 1
    return slopes[:pairs]


@njit(cache=True, nogil=True, error_model="numpy")
def _surely_below(p: Any, slopes: NDArray[np.float64]) -> bool:
    """Whether the change, were its median found, would exceed no step, nor stay above one.

    A median exceeds a bound only if the upper half of what it is taken of does: counting them
    takes no order. Products and quotients are those of the change itself, and rounding keeps
    order, so the answer is the median's to the last bit.
    """
    over_s, above = float(p.over_ns) / NS_PER_S, 0
    for slope in slopes:
        above += p.sign * (slope * over_s) > p.mildest
    return above < len(slopes) - len(slopes) // 2


@njit(cache=True, nogil=True, error_model="numpy")
def _change(p: Any, slopes: NDArray[np.float64]) -> float:
    """Theil and Sen's slope, times `over_ns`, along the way of the rule."""
    return float(p.sign * (float(np.median(slopes)) * (float(p.over_ns) / NS_PER_S)))


@njit(cache=True, nogil=True, error_model="numpy")
def _kernel(
    levels: Levels, rows: Any, columns: Any, span: tuple[int, int], transitions: NDArray[np.void]
) -> tuple[int, int]:
    """Judge the change of each ring's readings of the last `over_ns`.

    The median is found only where it could matter: while a level is calm and waits for nothing,
    a change that is surely below all steps leaves it so.
    """
    place_of, params_of, state, params = rows
    row_of, time_of, value_of, disposition = columns
    room = np.empty(RING, np.int64), np.empty(RING), np.empty(RING * (RING - 1) // 2)
    told = 0
    for i in range(span[0], span[1]):
        if told == len(transitions):
            return i, told
        prefetch(state, max(place_of[max(row_of[min(i + AHEAD, span[1] - 1)], 0)], 0))
        place = place_of[row_of[i]] if disposition[i] == _SCORED else -1
        value, time_ns = value_of[i], time_of[i]
        if place < 0 or np.isnan(value):
            continue
        mine, p = state[place], params[params_of[place]]
        mine.times[mine.kept % RING], mine.values[mine.kept % RING] = time_ns, value
        mine.kept += 1
        slopes = _slopes(mine, p, room)
        if len(slopes) == 0 or (calm(levels, place) and _surely_below(p, slopes)):
            continue
        score = _change(p, slopes)
        seen = severity(score, p.bounds, p.back)
        reading = (i, row_of[i], place, time_ns)
        if np.isnan(score) or not ring(
            levels, reading, seen, (p.on_ns, p.off_ns), transitions[told]
        ):
            continue
        figures(transitions[told], value, np.nan, np.nan, score)
        told += 1
    return span[1], told


class Slope(RowRule):
    """Falls, or rises, of one lane's channels."""

    SIGN: ClassVar[float]
    STATE = np.dtype(
        [("kept", np.int64), ("times", np.int64, (RING,)), ("values", np.float64, (RING,))]
    )
    PARAMS = np.dtype(
        [
            ("sign", np.float64),
            ("over_ns", np.int64),
            ("least", np.int64),
            ("bounds", np.float64, (4,)),
            ("back", np.float64),
            ("mildest", np.float64),  # what no colour is breached or held below
            ("on_ns", np.int64),
            ("off_ns", np.int64),
        ]
    )
    KERNEL = _kernel

    def put(self, figures: Any, rule: Fall, period_ns: int) -> None:
        """Write the figures of one class's rule into its parameter record."""
        del period_ns
        figures["sign"] = self.SIGN
        figures["over_ns"] = rule.over.ns
        figures["least"] = rule.least
        figures["bounds"] = rule.by.array(np.inf)
        figures["back"] = rule.hysteresis
        figures["mildest"] = figures["bounds"].min() - rule.hysteresis
        figures["on_ns"], figures["off_ns"] = rule.on_delay.ns, rule.off_delay.ns


class Falls(Slope):
    """Fast falls of one lane's channels."""

    NAME = "fall"
    SIGN = -1.0


class Rises(Slope):
    """Fast rises of one lane's channels."""

    NAME = "rise"
    SIGN = 1.0


def finding(rule: Fall, transition: Any) -> Finding:
    """How much was too much."""
    return Finding("", step_of(rule.by, transition))


def falling(rule: Fall, transition: Any) -> float:
    """The slope of a fall, per second."""
    return -rising(rule, transition)


def rising(rule: Fall, transition: Any) -> float:
    """The slope of a rise, per second."""
    return float(transition["score"]) / (rule.over.ns / NS_PER_S)


_FIELDS: Final = frozenset({"observed", "score", "threshold"})
FALL: Final = Kind("fall", Fall, Falls, "D2", _FIELDS, faults, finding=finding, rate=falling)
RISE: Final = Kind("rise", Rise, Rises, "D2", _FIELDS, faults, finding=finding, rate=rising)
