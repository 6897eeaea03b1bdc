"""Faults of counting: readings that did not come, came twice, or came late."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Final

import msgspec
import numpy as np
from msgspec import Meta
from numba import njit
from numpy.typing import NDArray

from contracts.batch import Disposition
from contracts.quantities import Duration
from contracts.transition import NEVER, Finding
from detectors.base.findings import step_of
from detectors.base.kind import Fault, Kind, Scene
from detectors.base.level_step import Levels, figures, ring, severity
from detectors.base.row_rule import RowRule
from detectors.base.thresholds import Steps

SLICES: Final = 12  # of a window
_RING: Final = SLICES + 1  # and the one that is counted now
_NOTHING, _CAME, _FAULT = -1, 0, 1
_SCORED: Final = int(Disposition.SCORED)
# A value that was held, refused or back-filled came all the same. A reading from the future has
# no time to be counted at, and one of nobody's has no channel.
_ALL_CAME: Final = (
    Disposition.SCORED,
    Disposition.HELD,
    Disposition.BACK_FILLED,
    Disposition.NOT_FINITE,
    Disposition.OUT_OF_RANGE,
    Disposition.TOO_FAST,
)


class _Counting(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    STATE_FREE: ClassVar[frozenset[str]] = frozenset({"above", "below", "period", "unit"})

    over: Duration
    on_delay: Duration = Duration("0 s")
    off_delay: Duration = Duration("0 s")
    hysteresis: Annotated[float, Meta(ge=0, lt=1)] = 0.0


class Missing(_Counting, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rings when fewer readings came than the class's period lets expect.

    Event time is cut into slices of a twelfth of `over`. At each scored reading the twelve slices
    before the newest are judged together, so that none is judged half full; nothing is before
    they all lie behind the slice of the channel's first scored reading, with which counting
    begins. A reading counts in the slice of its own event time, whatever it was worth: one that
    was held, refused, back-filled or late came too, and so fills a gap that it was missed in. It
    is not counted if its slice is no longer kept, and a duplicate never is. The score is their
    number by that of periods in `over`: 1 is all of them, and a channel that reports changes
    besides its period's heartbeat has more.

    That nothing comes at all is for the rule `silent`: this one is judged at readings.

    State: 192 bytes with its level.

    Parameters
    ----------
    over : Duration
        Window of event time.
    below : Steps
        Share of each colour, falling from blue to red.
    on_delay, off_delay : Duration
        As for limits.
    hysteresis : float
        How far the share must come back to leave a colour.

    References
    ----------
    Detector class D9 and traps T2 and T3 of the project's domain notes.
    """

    below: Steps


class Repeated(_Counting, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rings when too many of a channel's readings are duplicates.

    Slices are those of `missing`, but a fault is counted in the newest slice, when it came. The
    score is the share of faults among all that was counted; nothing is judged where nothing was.

    Parameters
    ----------
    over : Duration
        Window of event time.
    above : Steps
        Share of each colour, rising from blue to red.
    on_delay, off_delay : Duration
        As for limits.
    hysteresis : float
        How far the share must come back to leave a colour.
    """

    above: Steps


class Late(Repeated, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rings when too many of a channel's readings come after newer ones; as `repeated`."""


def faults(rule: Missing | Repeated, scene: Scene) -> Iterator[Fault]:
    """Shares that mean nothing, windows too short, and shares that one reading crosses."""
    falling = isinstance(rule, Missing)
    name, given = ("below", rule.below) if isinstance(rule, Missing) else ("above", rule.above)
    steps = [step for step in msgspec.structs.astuple(given) if step is not None]
    if not steps or not all(0 < step < 1 for step in steps):
        yield (name,), f"expected shares between 0 and 1, got {steps or 'none'}"
        return
    if steps != sorted(set(steps), reverse=falling):
        order = "falling" if falling else "rising"
        yield (name,), f"expected {order} shares from blue to red; a milder one rings never alone"
    count = rule.over.ns / scene.period.ns
    if count < SLICES:
        yield ("over",), f"expected at least {SLICES} periods of {scene.period}, got {rule.over}"
    elif falling and steps[0] > 1 - 1 / count:
        text = f"expected at most {1 - 1 / count:.3f}, got {steps[0]:g}"
        yield (name,), f"{text}; one reading beside the edge of the window would ring"
    room = 1 - steps[0] if falling else steps[0]
    if rule.hysteresis >= room:
        yield ("hysteresis",), f"expected below {room:g}, got {rule.hysteresis:g}; it never clears"


@njit(cache=True, nogil=True, error_model="numpy")
def _advance(mine: Any, number: int) -> None:
    """Begin a newer slice, and empty those between."""
    for skipped in range(max(mine.newest + 1, number - _RING + 1), number + 1):
        mine.came[skipped % _RING] = 0
        mine.faults[skipped % _RING] = 0
    mine.newest = number


@njit(cache=True, nogil=True, error_model="numpy")
def _count(mine: Any, number: int, counts: int) -> None:
    """Count a reading in its slice, a fault in the newest one."""
    if number > mine.newest:
        _advance(mine, number)
    if counts == _FAULT:
        mine.faults[mine.newest % _RING] += np.uint32(1)
    elif mine.newest - number < _RING:
        mine.came[number % _RING] += np.uint32(1)


@njit(cache=True, nogil=True, error_model="numpy")
def _share(mine: Any, expected: float) -> float:
    """The judged share of the slices behind the newest; NaN while there are none, or nothing."""
    if mine.newest - SLICES <= mine.first:
        return np.nan
    came, faults = 0, 0
    for back in range(1, _RING):
        came += mine.came[(mine.newest - back) % _RING]
        faults += mine.faults[(mine.newest - back) % _RING]
    if expected > 0:
        return float(came) / expected
    return float(faults) / float(came + faults)  # NaN of 0 / 0


@njit(cache=True, nogil=True, error_model="numpy")
def _kernel(
    levels: Levels, rows: Any, columns: Any, span: tuple[int, int], transitions: NDArray[np.void]
) -> tuple[int, int]:
    place_of, params_of, state, params = rows
    row_of, time_of, value_of, disposition = columns
    told = 0
    for i in range(span[0], span[1]):
        if told == len(transitions):
            return i, told
        place = place_of[row_of[i]] if row_of[i] >= 0 else -1
        if place < 0:
            continue
        mine, p = state[place], params[params_of[place]]
        counts, scored, time_ns = p.counts_as[disposition[i]], disposition[i] == _SCORED, time_of[i]
        if counts == _NOTHING or (mine.first == NEVER and not scored):
            continue
        number = time_ns // p.slice_ns
        if mine.first == NEVER:
            mine.first, mine.newest = number, number
        _count(mine, number, counts)
        share = _share(mine, p.expected) if scored else np.nan
        if np.isnan(share):
            continue
        seen = severity(p.sign * share, p.bounds, p.back)
        reading = (i, row_of[i], place, time_ns)
        if ring(levels, reading, seen, (p.on_ns, p.off_ns), transitions[told]):
            figures(transitions[told], value_of[i], np.nan, np.nan, share)
            told += 1
    return span[1], told


class Counts(RowRule):
    """Counted readings of one lane's channels."""

    FAULT: ClassVar[Disposition | None]
    STATE = np.dtype(
        [
            ("first", np.int64),  # slice of the first scored reading, or NEVER
            ("newest", np.int64),
            ("came", np.uint32, (_RING,)),
            ("faults", np.uint32, (_RING,)),
        ]
    )
    PARAMS = np.dtype(
        [
            ("slice_ns", np.int64),
            ("expected", np.float64),  # readings in a window, 0 where faults are judged
            ("sign", np.float64),
            ("bounds", np.float64, (4,)),
            ("back", np.float64),
            ("on_ns", np.int64),
            ("off_ns", np.int64),
            ("counts_as", np.int8, (len(Disposition),)),
        ]
    )
    KERNEL = _kernel

    def put(self, figures: Any, rule: Missing | Repeated, period_ns: int) -> None:
        """Write the figures of one class's rule into its parameter record."""
        figures["slice_ns"] = rule.over.ns // SLICES
        if isinstance(rule, Missing):
            figures["expected"], figures["sign"] = rule.over.ns / period_ns, -1.0
            figures["bounds"] = -rule.below.array(-np.inf)
        else:
            figures["sign"], figures["bounds"] = 1.0, rule.above.array(np.inf)
        figures["back"] = rule.hysteresis
        figures["on_ns"], figures["off_ns"] = rule.on_delay.ns, rule.off_delay.ns
        figures["counts_as"] = _NOTHING
        figures["counts_as"][[*_ALL_CAME, Disposition.LATE]] = _CAME
        if self.FAULT is not None:
            figures["counts_as"][self.FAULT] = _FAULT

    def fresh(self, n: int) -> NDArray[np.void]:
        """State of channels that nobody has heard of yet, shape (n,)."""
        state = np.zeros(n, self.STATE)
        state["first"] = state["newest"] = NEVER
        return state


class MissingReadings(Counts):
    """Readings of one lane's channels that did not come."""

    NAME = "missing"
    FAULT = None


class RepeatedReadings(Counts):
    """Readings of one lane's channels that came again."""

    NAME = "repeated"
    FAULT = Disposition.DUPLICATE


class LateReadings(Counts):
    """Readings of one lane's channels that came after newer ones."""

    NAME = "late"
    FAULT = Disposition.LATE


def finding(rule: Missing | Repeated, transition: Any) -> Finding:
    """Which share was too small, or too large."""
    steps = rule.below if isinstance(rule, Missing) else rule.above
    return Finding("", step_of(steps, transition))


_SCORE: Final = frozenset({"observed", "score", "threshold"})
MISSING: Final = Kind("missing", Missing, MissingReadings, "D9", _SCORE, faults, finding=finding)
REPEATED: Final = Kind(
    "repeated", Repeated, RepeatedReadings, "D9", _SCORE, faults, finding=finding
)
LATE: Final = Kind("late", Late, LateReadings, "D9", _SCORE, faults, finding=finding)
