"""Nothing valid: messages of a channel come, and none holds a reading that can be scored."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np
from numba import njit
from numpy.typing import NDArray

from contracts.batch import Batch, Disposition
from contracts.ports.lane_parts import carry
from contracts.quantities import NS_PER_S, Duration
from contracts.transition import NEVER, TRANSITION, Colour, Transitions, end_to_end, no_transitions
from detectors.base.prefetch import AHEAD, prefetch
from detectors.channel.silence import ALIVE, NOBODY, SilenceWatch

SLOT: Final = 4
LEAST: Final = 2  # invalid readings in a row; one alone is no proof that messages come
_NOTHING, _VALID, _INVALID = 0, 1, 2

# What a disposition says of its channel. Repeats, late readings and history say nothing: who sends
# nothing else is silent.
_SAYS = np.full(256, _NOTHING, np.uint8)
_SAYS[sorted(ALIVE)] = _INVALID
_SAYS[Disposition.SCORED] = _VALID

# `since_s` is lane time: of the first invalid reading of a run while nothing rings, of the first
# valid one behind the last invalid one while the rule rings, else NEVER.
STATE: Final = np.dtype([("since_s", np.int64), ("count", np.uint8), ("level", np.uint8)])
_IDLE: Final = np.array((NEVER, 0, 0), STATE)


class Invalid(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rings when readings come, but for a time none of them can be scored.

    Such are readings of bad quality, without a number, outside the plausible range, or too fast.
    Time is the lane's, from the first of them; at least two must come in it, and one valid reading
    begins it anew. When nothing comes at all the rule `silent` rings instead, and this one clears.

    State: 10 bytes.

    Parameters
    ----------
    after : Duration
        Lane time without a valid reading, usually in periods of the class.
    off_delay : Duration
        How long readings must be valid again before the alarm clears.
    colour : str
        Colour that rings.
    """

    after: Duration
    off_delay: Duration = Duration("0 s")
    colour: str = "blue"


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _clears(mine: np.void, now_s: int, off_s: int) -> bool:
    """Take a valid reading; whether it ends an alarm."""
    level = mine.level  # type: ignore[attr-defined]
    if level and mine.since_s == NEVER:  # type: ignore[attr-defined]
        mine.since_s = now_s  # type: ignore[attr-defined]
    if level and now_s - mine.since_s < off_s:  # type: ignore[attr-defined]
        return False
    mine.count, mine.level, mine.since_s = 0, 0, NEVER  # type: ignore[attr-defined]
    return bool(level)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _begins(mine: np.void, now_s: int) -> bool:
    """Take an invalid reading; whether it begins a run."""
    if mine.level:  # type: ignore[attr-defined]
        mine.since_s = NEVER  # type: ignore[attr-defined]
        return False
    first = mine.count == 0  # type: ignore[attr-defined]
    if first:
        mine.since_s = now_s  # type: ignore[attr-defined]
    mine.count = 1 if first else LEAST  # type: ignore[attr-defined]
    return bool(first)


@njit(cache=True, nogil=True, error_model="numpy")
def _judge(  # noqa: PLR0913, PLR0917 - a kernel takes columns
    state: NDArray[np.void],
    waits: tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]],
    columns: tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.uint8]],
    says: NDArray[np.uint8],
    span: tuple[int, int],
    cleared: NDArray[np.int64],
) -> tuple[int, int]:
    """Follow readings; places that clear an alarm go into `cleared`, and the soonest deadline back.

    `waits` is (class by row, `after` and `off_delay` of each class in s, whether a row is shelved).
    """
    class_of, after_s, off_s, shelved = waits
    row_of, lane_time_s, disposition = columns
    found, soonest = 0, NOBODY
    # Unsigned places: no test for those that count from the end.
    begin, end = np.uint64(span[0]), np.uint64(span[1])
    for i in range(begin, end):
        if i + np.uint64(AHEAD) < end:
            prefetch(state, np.int64(max(row_of[i + np.uint64(AHEAD)], 0)))
        said = says[disposition[i]]
        if said == _NOTHING or row_of[i] < 0:
            continue
        row, now_s = np.uint32(row_of[i]), lane_time_s[i]
        if said == _VALID:
            if _clears(state[row], now_s, off_s[np.uint32(class_of[row])]):
                cleared[found] = i
                found += 1
            continue
        after = after_s[np.uint32(class_of[row])]
        if after != NOBODY and not shelved[row] and _begins(state[row], now_s):
            soonest = min(soonest, now_s + after)
    return found, soonest


class LivenessWatch:
    """The lane's timers: who sends nothing, and who sends nothing valid; never both at once.

    Parameters
    ----------
    silence : SilenceWatch
    classes : sequence of Invalid or None
        Rule of each class, None where it has none.
    class_of : int, shape (n,)
        Index into `classes` for every lane row.
    """

    def __init__(
        self, silence: SilenceWatch, classes: Sequence[Invalid | None], class_of: NDArray[Any]
    ) -> None:
        after = [NOBODY if r is None else -(-r.after.ns // NS_PER_S) for r in classes]
        off = [0 if r is None else -(-r.off_delay.ns // NS_PER_S) for r in classes]
        colour = [0 if r is None else Colour[r.colour.upper()] for r in classes]
        self._silence = silence
        self._class_of = class_of.astype(np.int32, copy=False)
        self._after_s, self._off_s = np.array(after, np.int64), np.array(off, np.int64)
        self._colour = np.array(colour, np.uint8)
        self.state = self._fresh()
        there = np.unique(self._class_of)
        self._shortest_s = int(self._after_s[there].min(initial=NOBODY))
        self._soonest_s: int = NOBODY

    def _fresh(self) -> NDArray[np.void]:
        state = np.zeros(len(self._class_of), STATE)
        state["since_s"] = NEVER
        return state

    def bound_s(self, lane_time_s: int) -> int:
        """Lane time before which no deadline can lie; it may be early, never late."""
        bound_s = self._silence.bound_s(lane_time_s)
        if self._shortest_s == NOBODY:
            return bound_s
        # A run may begin with the next reading.
        return min(bound_s, self._soonest_s, lane_time_s + self._shortest_s)

    def bound_before_s(
        self,
        batch: Batch,
        disposition: NDArray[np.uint8],
        lane_time_s: NDArray[np.int64],
        span: tuple[int, int],
    ) -> int:
        """Lane time before which no deadline can lie when the readings of a span come next."""
        bound_s = self._silence.bound_before_s(batch, disposition, lane_time_s, span)
        if self._shortest_s == NOBODY:
            return bound_s
        bound_s = min(bound_s, self._soonest_s)
        before = span[0] + int(np.searchsorted(lane_time_s[slice(*span)], bound_s))
        begins = _SAYS[disposition[span[0] : before]] == _INVALID
        if not begins.any():
            return bound_s
        return min(bound_s, int(lane_time_s[span[0] + begins.argmax()]) + self._shortest_s)

    def begin(self, lane_time_s: int) -> None:
        """Start the wait for channels that have not been waited for yet."""
        self._silence.begin(lane_time_s)

    def hear(
        self,
        batch: Batch,
        disposition: NDArray[np.uint8],
        lane_time_s: NDArray[np.int64],
        span: tuple[int, int],
    ) -> Transitions:
        """Note who was heard, and with what; alarms that end come back as level changes."""
        woken = self._silence.hear(batch, disposition, lane_time_s, span)
        if self._shortest_s == NOBODY:
            return woken
        cleared = np.empty(span[1] - span[0], np.int64)
        columns = (batch.row, lane_time_s, disposition)
        waits = (self._class_of, self._after_s, self._off_s, self._silence.shelved)
        found, soonest_s = _judge(self.state, waits, columns, _SAYS, span, cleared)
        self._soonest_s = min(self._soonest_s, soonest_s)
        if not found:
            return woken
        places = cleared[:found]
        transitions = self._transitions(batch.row[places], lane_time_s[places], rings=False)
        transitions["ordinal"] = places
        transitions["observed"] = batch.value[places]
        return end_to_end([woken, transitions])

    def outage(self, lane_time_s: int, seconds: int) -> NDArray[np.int32]:
        """Wait longer for whoever was heard before an outage; rows whose wait would have ended.

        A run of invalid readings is not said to last over it: it begins anew.
        """
        state = self.state
        runs = np.flatnonzero((state["count"] > 0) & (state["level"] == 0))
        deadline_s = state["since_s"][runs] + self._after_s[self._class_of[runs]]
        state[runs[deadline_s <= lane_time_s + seconds]] = _IDLE
        return self._silence.outage(lane_time_s, seconds)

    def fire(self, lane_time_s: int) -> Transitions:
        """Ring for every deadline up to now, in (deadline, kind, row) order.

        Who falls silent is not called invalid any more; at the same second silence comes first.
        """
        silent = self._silence.fire(lane_time_s)
        if not len(silent) and lane_time_s < self._soonest_s:
            return silent
        rows = silent["row"]
        silent_s = np.full(len(self.state) if len(rows) else 0, NOBODY)
        silent_s[rows] = silent["time_ns"] // NS_PER_S
        rung = self._ring(lane_time_s, silent_s)
        quiet = rows[self.state["level"][rows] != 0]
        cleared = self._transitions(quiet, silent_s[quiet], rings=False)
        self.state[rows] = _IDLE
        both = end_to_end([silent, rung, cleared])
        return both[np.lexsort((both["row"], both["rule"], both["time_ns"]))]

    def _ring(self, lane_time_s: int, silent_s: NDArray[np.int64]) -> Transitions:
        """Ring for runs that have lasted, unless their channel was silent by then."""
        if self._soonest_s > lane_time_s:
            return no_transitions()
        state = self.state
        runs = np.flatnonzero((state["count"] > 0) & (state["level"] == 0))
        deadline_s = state["since_s"][runs] + self._after_s[self._class_of[runs]]
        due = deadline_s <= lane_time_s
        if len(silent_s):
            due &= deadline_s < silent_s[runs]
        lasted = due & (state["count"][runs] >= LEAST)
        rows = runs[lasted]
        transitions = self._transitions(rows, deadline_s[lasted], rings=True)
        state[runs[due]] = _IDLE
        state["level"][rows] = self._colour[self._class_of[rows]]
        self._soonest_s = int(deadline_s[~due].min(initial=NOBODY))
        return transitions

    def _transitions(
        self, rows: NDArray[Any], lane_time_s: NDArray[np.int64], *, rings: bool
    ) -> Transitions:
        transitions = np.zeros(len(rows), TRANSITION)
        transitions["rule"], transitions["row"] = SLOT, rows
        transitions["now" if rings else "was"] = self._colour[self._class_of[rows]]
        transitions["time_ns"] = lane_time_s * NS_PER_S
        since_s = self.state["since_s"][rows] if rings else lane_time_s
        transitions["onset_ns"] = since_s * NS_PER_S
        for figure in ("observed", "expected", "low", "high", "score"):
            transitions[figure] = np.nan
        return transitions

    def shelve(self, row: int, lane_time_s: int, *, shelved: bool) -> None:
        """Stop waiting for a channel, or start again from now."""
        self._silence.shelve(row, lane_time_s, shelved=shelved)
        if shelved and not self.state["level"][row]:
            self.state[row] = _IDLE

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """State to be put into a snapshot; not a copy."""
        return {**self._silence.arrays(), "invalid": self.state}

    def restore(self, arrays: Mapping[str, NDArray[Any]], old_row: NDArray[np.int64]) -> None:
        """Take over state from a snapshot; what is not in it begins anew."""
        self._silence.restore(arrays, old_row)
        self.state = self._fresh()
        if "invalid" in arrays:
            carry(self.state, arrays["invalid"], old_row)
        after_s = self._after_s[self._class_of]
        self.state[after_s == NOBODY] = _IDLE
        runs = (self.state["count"] > 0) & (self.state["level"] == 0)
        self._soonest_s = int((self.state["since_s"] + after_s)[runs].min(initial=NOBODY))
