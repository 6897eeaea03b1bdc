"""Sums over whole stretches of time: counts that come in bursts, judged as people count them."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Final

import msgspec
import numpy as np
from msgspec import Meta
from numba import njit
from numpy.typing import NDArray

from contracts.batch import Batch, Disposition
from contracts.quantities import DIFFERENCE, Duration
from contracts.transition import NEVER
from detectors.base.days import DAY_NS
from detectors.base.findings import SIDES, by_sides
from detectors.base.kind import Columns, Fault, Kind, Scene
from detectors.base.level_step import Levels, figures, ring
from detectors.base.row_rule import RowRule
from detectors.base.thresholds import Steps

NAME: Final = "total"
_SCORED: Final = int(Disposition.SCORED)


class Total(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rings when the sum of a stretch of time lies beyond a colour's threshold.

    Stretches of length `over` follow one another from midnight UTC. A stretch is judged at the
    first reading behind it, when at least `least` readings came in it; the stretch that a channel
    is first heard in is never whole and not judged. Other rules judge the sum under the name
    `total`, which other readings do not have.

    People who leave a train pass the gates in a burst every two to five minutes: a rule on single
    readings sees a surge and an empty station by turns. Over two trains and more it sees neither.

    Parameters
    ----------
    over : Duration
        Length of a stretch; a day holds a whole number of them.
    low, high : Steps or None
        Rings strictly below a low threshold, strictly above a high one, in the unit of the class.
    least : int
        Readings of a stretch that is judged.
    on_delay, off_delay : Duration
        As for limits; a stretch counts from the reading that ends it.
    hysteresis : float
        How far back inside the threshold the sum must come.

    References
    ----------
    Trap T9 of the domain notes: aggregate over five minutes or more. State: 96 bytes.
    """

    STATE_FREE: ClassVar[frozenset[str]] = frozenset({"high", "least", "low", "period"})

    over: Duration
    low: Annotated[Steps | None, Meta(extra=DIFFERENCE)] = None
    high: Annotated[Steps | None, Meta(extra=DIFFERENCE)] = None
    least: Annotated[int, Meta(ge=1, le=1_000_000)] = 2
    on_delay: Duration = Duration("0 s")
    off_delay: Duration = Duration("0 s")
    hysteresis: Annotated[float, Meta(ge=0, extra=DIFFERENCE)] = 0.0


def faults(rule: Total, scene: Scene) -> Iterator[Fault]:
    """Stretches that do not fill a day, or hold too few readings; thresholds that are none."""
    if not rule.over.ns or DAY_NS % rule.over.ns:
        text = "expected a day to hold a whole number of them"
        yield ("over",), f"{text}, got {rule.over}"
    elif rule.over.ns < rule.least * scene.period.ns:
        text = f"expected {rule.least} readings of {scene.period} in it"
        yield ("over",), f"{text}, got {rule.over}; nothing would be judged"
    found = False
    for side, way in (("low", -1), ("high", 1)):
        steps = getattr(rule, side)
        written = [] if steps is None else msgspec.structs.astuple(steps)
        given = [way * step for step in written if step is not None]
        found |= bool(given)
        if given != sorted(set(given)):
            word = "falling" if way < 0 else "rising"
            yield (side,), f"expected {word} steps from blue to red; a milder one never rings alone"
    if not found:
        yield (), "expected a threshold under low or high, got none; add one or drop the rule"


@njit(cache=True, nogil=True, error_model="numpy")
def _beyond(p: Any, total: float, back: float) -> int:
    """Worst colour whose threshold, moved `back` inwards, a sum lies beyond."""
    worst = 0
    for colour in range(4):
        if total < p.low[colour] + back or total > p.high[colour] - back:
            worst = colour + 1
    return worst


@njit(cache=True, nogil=True, error_model="numpy")
def _ended(mine: Any, p: Any, time_ns: int, value: float) -> float:
    """Take a reading; the sum of the stretch that it ends, NaN when it ends none to be judged."""
    stretch, total = time_ns // p.over_ns, np.nan
    if stretch != mine.stretch:
        if mine.whole and mine.readings >= p.least:
            total = mine.total
        mine.whole = mine.stretch != NEVER
        mine.stretch, mine.readings, mine.total = stretch, 0, 0.0
    mine.readings += 1
    mine.total += value
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def _kernel(
    levels: Levels, rows: Any, columns: Any, span: tuple[int, int], transitions: NDArray[np.void]
) -> tuple[int, int]:
    place_of, params_of, state, params, made = rows
    row_of, time_of, value_of, disposition = columns
    told = 0
    for i in range(span[0], span[1]):
        if told == len(transitions):
            return i, told
        place = place_of[row_of[i]] if disposition[i] == _SCORED else -1
        if place < 0 or np.isnan(value_of[i]):
            continue
        p = params[params_of[place]]
        total = _ended(state[place], p, time_of[i], value_of[i])
        if np.isnan(total):
            continue
        made[i] = total
        breached = _beyond(p, total, 0.0)
        seen = (breached, max(breached, _beyond(p, total, p.back)))
        reading = (i, row_of[i], place, time_of[i])
        if ring(levels, reading, seen, (p.on_ns, p.off_ns), transitions[told]):
            figures(transitions[told], total, np.nan, np.nan, total)
            told += 1
    return span[1], told


class Totals(RowRule):
    """Sums of one lane's channels; also the model that makes `total`."""

    NAME = NAME
    STATE = np.dtype(
        [
            ("stretch", np.int64),
            ("readings", np.int64),
            ("total", np.float64),
            ("whole", np.bool_),
            ("spare", np.uint8, (7,)),
        ]
    )
    PARAMS = np.dtype(
        [
            *((name, np.int64) for name in ("over_ns", "least", "on_ns", "off_ns")),
            ("low", np.float64, (4,)),
            ("high", np.float64, (4,)),
            ("back", np.float64),
        ]
    )
    KERNEL = _kernel

    def fresh(self, n: int) -> NDArray[np.void]:
        """Channels that nobody has heard of yet, shape (n,)."""
        state = np.zeros(n, self.STATE)
        state["stretch"] = NEVER
        return state

    def put(self, figures: Any, rule: Total, period_ns: int) -> None:
        """Write the figures of one class's rule into its parameter record."""
        del period_ns
        figures["over_ns"], figures["least"] = rule.over.ns, rule.least
        figures["low"] = -np.inf if rule.low is None else rule.low.array(-np.inf)
        figures["high"] = np.inf if rule.high is None else rule.high.array(np.inf)
        figures["back"] = rule.hysteresis
        figures["on_ns"], figures["off_ns"] = rule.on_delay.ns, rule.off_delay.ns

    def tables(self, batch: Batch, columns: Columns) -> tuple[Any, ...]:
        """State and figures for the kernel, and the column that it fills."""
        if NAME not in columns:
            columns[NAME] = np.full(len(batch), np.nan)
        return (*super().tables(batch, columns), columns[NAME])


TOTAL: Final = Kind(
    NAME,
    Total,
    Totals,
    "D1",
    frozenset({"observed", "score", "threshold"}),
    faults,
    makes=NAME,
    findings=SIDES,
    finding=by_sides,
)
