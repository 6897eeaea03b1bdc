"""Silence: what stops arriving is noticed, on the lane's own clock."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np
from numba import njit
from numpy.typing import NDArray

from contracts.batch import Batch, Disposition
from contracts.ports.lane_parts import carry
from contracts.quantities import NS_PER_S, Duration
from contracts.transition import NEVER, TRANSITION, Colour, Transitions, no_transitions
from detectors.base.prefetch import AHEAD, prefetch

SLOT: Final = 2
NOBODY: Final = np.iinfo(np.int64).max  # deadline of a channel that is not waited for

# Destinies that prove the sensor and its way alive: a value came, whatever it was worth.
ALIVE: Final = frozenset(
    {
        Disposition.SCORED,
        Disposition.HELD,
        Disposition.NOT_FINITE,
        Disposition.OUT_OF_RANGE,
        Disposition.TOO_FAST,
    }
)
_ALIVE = np.isin(np.arange(256), np.array(sorted(ALIVE)))

_NOTHING: Final = no_transitions()

# Producers wait longer after each try in vain, so they may come back as late again as the outage
# was long; Kafka's own clients wait 10 s at most, and gateways get three times that.
RETURN_S_MAX: Final = 30
# Looking ahead copies a deadline for each row. More rows have so many readings between two
# deadlines that it would save nothing.
LOOKED_AHEAD_ROWS: Final = 10_000
OUTAGES_MAX: Final = 64  # that are remembered: the oldest is forgotten

_NO_OUTAGES: Final = np.full((OUTAGES_MAX, 2), (np.iinfo(np.int64).min, 0), np.int64)

STATE: Final = np.dtype([("heard_s", np.int64), ("deadline_s", np.int64), ("level", np.uint8)])


class Silent(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rings when a channel has not been heard for a time; one reading ends it.

    A channel that never reported counts as heard when its lane began.

    Parameters
    ----------
    after : Duration
        Lane time without a reading of the channel, usually in periods of the class.
    colour : str
        Colour that rings.
    """

    after: Duration
    colour: str = "blue"


def extra_wait_s(seconds: int) -> int:
    """By how much an outage lets the lane wait longer for whoever was heard before it."""
    return seconds + min(seconds, RETURN_S_MAX)


def _ends_s(outages: NDArray[np.int64]) -> NDArray[np.int64]:
    """Lane time at which each outage ended; its length is what `extra_wait_s` made of it."""
    began_s, extra_s = outages.T
    ends_s: NDArray[np.int64] = began_s + np.maximum(extra_s // 2, extra_s - RETURN_S_MAX)
    return ends_s


@njit(cache=True, nogil=True, error_model="numpy")
def _soonest(state: NDArray[np.void], outages: NDArray[np.int64], ends_s: NDArray[np.int64]) -> int:
    """Soonest deadline, where whoever was heard before an outage's end is waited for longer."""
    soonest = NOBODY
    for i in range(len(state)):
        deadline_s = state[i].deadline_s
        if deadline_s >= soonest:
            continue
        heard_s = state[i].heard_s
        for k in range(len(outages) - 1, -1, -1):
            if heard_s > ends_s[k]:
                break
            deadline_s += outages[k, 1] - max(heard_s - outages[k, 0], 0)
        soonest = min(soonest, deadline_s)
    return soonest


@njit(cache=True, nogil=True, error_model="numpy")
def _first_passed(
    deadline_s: NDArray[np.int64],
    waits: tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.bool_]],
    columns: tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.uint8]],
    alive: NDArray[np.bool_],
    span: tuple[int, int],
) -> int:
    """Soonest deadline that no reading of a span puts off in time.

    `deadline_s` has one for each row and is used up; `waits` is as in `_hear`.
    """
    class_of, after_s, shelved = waits
    row_of, lane_time_s, disposition = columns
    passed: int = NOBODY
    for i in range(span[0], span[1]):
        row, now_s = row_of[i], lane_time_s[i]
        if now_s >= passed:
            break
        if row < 0 or not alive[disposition[i]]:
            continue
        if deadline_s[row] <= now_s:
            passed = min(passed, deadline_s[row])
        elif after_s[class_of[row]] != NOBODY and not shelved[row]:
            deadline_s[row] = now_s + after_s[class_of[row]]
    return min(passed, int(deadline_s.min()))


@njit(cache=True, nogil=True, error_model="numpy")
def _hear(  # noqa: PLR0913, PLR0917 - a kernel takes columns
    state: NDArray[np.void],
    waits: tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.bool_]],
    columns: tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.uint8]],
    alive: NDArray[np.bool_],
    span: tuple[int, int],
    woken: NDArray[np.int64],
) -> int:
    """Push deadlines out; readings that end a silence go into `woken`: place, and last heard.

    `waits` is (class by row, wait of each class in s or NOBODY, whether a row is shelved).
    """
    class_of, after_s, shelved = waits
    row_of, lane_time_s, disposition = columns
    found = 0
    # Unsigned places: no test for those that count from the end.
    begin, end = np.uint64(span[0]), np.uint64(span[1])
    for i in range(begin, end):
        if i + np.uint64(AHEAD) < end:
            ahead = np.int64(max(row_of[i + np.uint64(AHEAD)], 0))
            prefetch(state, ahead)
            prefetch(state, ahead + 1)  # rows of 17 bytes: one in four ends in the next line
            prefetch(class_of, ahead)
            prefetch(shelved, ahead)
        if not alive[disposition[i]] or row_of[i] < 0:
            continue
        row = np.uint32(row_of[i])
        mine = state[row]
        if mine.level:
            woken[found, 0], woken[found, 1] = i, mine.heard_s
            found += 1
            mine.level = 0
        mine.heard_s = lane_time_s[i]
        after = after_s[np.uint32(class_of[row])]
        if after != NOBODY and not shelved[row]:
            mine.deadline_s = lane_time_s[i] + after
    return found


class SilenceWatch:
    """Deadlines of one lane's channels on lane time.

    Parameters
    ----------
    classes : sequence of Silent or None
        Rule of each class, None where it has none.
    class_of : int, shape (n,)
        Index into `classes` for every lane row.
    """

    def __init__(self, classes: Sequence[Silent | None], class_of: NDArray[Any]) -> None:
        after = [NOBODY if r is None else -(-r.after.ns // NS_PER_S) for r in classes]
        colour = [0 if r is None else Colour[r.colour.upper()] for r in classes]
        # By class and not by channel: of 35 million that would be 17 bytes each.
        self._class_of = class_of.astype(np.int32, copy=False)
        self._after_s = np.array(after, np.int64)
        self._colour = np.array(colour, np.uint8)
        self.state = self._fresh()
        self._shelved: NDArray[np.bool_] = np.zeros(len(class_of), np.bool_)
        there = np.unique(self._class_of)
        self._shortest_s = int(self._after_s[there].min(initial=NOBODY))
        self._soonest_s: int = NOBODY
        self._silent = 0  # channels that ring now
        # Lane time at which each outage began, one behind the other, and how much longer it lets
        # the lane wait for whoever was heard before it.
        self._outages: NDArray[np.int64] = _NO_OUTAGES.copy()

    def _fresh(self) -> NDArray[np.void]:
        state = np.zeros(len(self._class_of), STATE)
        state["heard_s"] = NEVER
        state["deadline_s"] = NOBODY
        return state

    @property
    def shelved(self) -> NDArray[np.bool_]:
        """Whether each lane row is shelved."""
        return self._shelved

    @property
    def _outage_known(self) -> bool:
        """Whether some who were heard before an outage may be waited for longer than others."""
        return bool(self._outages[-1, 1])

    def bound_s(self, lane_time_s: int) -> int:
        """Lane time before which no deadline can lie; it may be early, never late.

        A reading after `lane_time_s` may end a silence, or a wait that an outage made longer, and
        so begin a new wait: then the bound is never further away than the shortest wait.
        """
        if not self._silent and not self._outage_known:
            return self._soonest_s
        return min(self._soonest_s, lane_time_s + self._shortest_s)

    def bound_before_s(
        self,
        batch: Batch,
        disposition: NDArray[np.uint8],
        lane_time_s: NDArray[np.int64],
        span: tuple[int, int],
    ) -> int:
        """Lane time before which no deadline can lie when the readings of a span come next."""
        if self._outage_known or len(self.state) > LOOKED_AHEAD_ROWS:
            return self.bound_s(int(lane_time_s[span[0]]))
        columns = (batch.row, lane_time_s, disposition)
        waits = (self._class_of, self._after_s, self._shelved)
        return int(_first_passed(self.state["deadline_s"].copy(), waits, columns, _ALIVE, span))

    def begin(self, lane_time_s: int) -> None:
        """Start the wait for channels that are neither waited for nor silent, though they should.

        All of them when the lane begins; after a swap those that are new or whose rule is.
        """
        idle = (self.state["deadline_s"] == NOBODY) & (self.state["level"] == 0)
        self._wait(idle & self.ruled() & ~self._shelved, lane_time_s)

    def _wait(self, rows: NDArray[np.bool_], lane_time_s: int) -> None:
        self.state["heard_s"][rows] = lane_time_s
        self.state["deadline_s"][rows] = lane_time_s + self._after_s[self._class_of[rows]]
        self._look()

    def _look(self) -> None:
        self._soonest_s = int(_soonest(self.state, self._outages, _ends_s(self._outages)))

    def outage(self, lane_time_s: int, seconds: int) -> NDArray[np.int32]:
        """Wait longer for whoever was heard before an outage, which is not the channels' silence.

        By its length, so that a short one cannot put a finding off for long; and by as much again,
        at most `RETURN_S_MAX`, in which producers come back. Of what a producer kept meanwhile the
        first readings may come by themselves, stamped within the outage: they put nothing off, and
        whoever sent them is waited for until the same second.

        Returns
        -------
        shape (m,)
            Rows whose wait would have ended within it.
        """
        ended = np.flatnonzero(self._deadline_s() <= lane_time_s + seconds)
        # Lane time may still stand in the outage before, whose readings are yet to come.
        began_s = max(lane_time_s, int(_ends_s(self._outages)[-1]))
        newest = np.array([[began_s, extra_wait_s(seconds)]], np.int64)
        self._outages = np.concatenate([self._outages[1:], newest])
        self._look()
        return ended.astype(np.int32)

    def _deadline_s(self, rows: NDArray[np.intp] | slice = slice(None)) -> NDArray[np.int64]:
        """Deadlines of some rows with what outages add; those of nobody lie beyond all others."""
        state, (began_s, extra_s) = self.state[rows], self._outages.T
        heard_s = state["heard_s"]
        first = np.searchsorted(_ends_s(self._outages), heard_s)
        within_s = heard_s - np.append(began_s, NOBODY)[first]
        longer_s = np.append(np.cumsum(extra_s[::-1])[::-1], 0)[first] - np.maximum(within_s, 0)
        waits = state["deadline_s"] != NOBODY
        found: NDArray[np.int64] = np.where(waits, state["deadline_s"] + longer_s * waits, NOBODY)
        return found

    def hear(
        self,
        batch: Batch,
        disposition: NDArray[np.uint8],
        lane_time_s: NDArray[np.int64],
        span: tuple[int, int],
    ) -> Transitions:
        """Note who was heard; silences that end come back as level changes."""
        if self._outage_known and span[0] < span[1]:
            # Whoever is heard now waits less long than those whom the outage lets wait.
            self._soonest_s = min(self._soonest_s, int(lane_time_s[span[0]]) + self._shortest_s)
        woken = np.empty((span[1] - span[0], 2), np.int64)
        columns = (batch.row, lane_time_s, disposition)
        waits = (self._class_of, self._after_s, self._shelved)
        found = _hear(self.state, waits, columns, _ALIVE, span, woken)
        if not found:
            return _NOTHING
        self._silent -= found
        self._look()
        places, heard_s = woken[:found].T
        transitions = self._transitions(batch.row[places], lane_time_s[places], Colour.CLEAR)
        transitions["ordinal"] = places
        transitions["onset_ns"] = heard_s * NS_PER_S
        transitions["observed"] = batch.value[places]
        return transitions

    def fire(self, lane_time_s: int) -> Transitions:
        """Ring for every deadline up to now, in (deadline, row) order."""
        if lane_time_s < self._soonest_s:
            return _NOTHING
        state = self.state
        due = np.flatnonzero(state["deadline_s"] <= lane_time_s)
        deadline_s = self._deadline_s(due)
        order = np.lexsort((due, deadline_s))[: np.count_nonzero(deadline_s <= lane_time_s)]
        due, deadline_s = due[order], deadline_s[order]
        transitions = self._transitions(due, deadline_s, None)
        state["level"][due] = self._colour[self._class_of[due]]
        self._silent += len(due)
        state["deadline_s"][due] = NOBODY
        self._look()
        return transitions

    def ruled(self) -> NDArray[np.bool_]:
        """Whether each row has a rule that rings for its silence."""
        ruled: NDArray[np.bool_] = (self._after_s != NOBODY)[self._class_of]
        return ruled

    def wait_s(self, rows: NDArray[Any]) -> NDArray[np.int64]:
        """How long each of some rows that have a rule is waited for."""
        wait_s: NDArray[np.int64] = self._after_s[self._class_of[rows]]
        return wait_s

    def rung(self, rows: NDArray[Any], lane_time_s: NDArray[np.int64]) -> Transitions:
        """Level changes of rows that are silent and are told at some lane times."""
        return self._transitions(rows, lane_time_s, None)

    def _transitions(
        self, rows: NDArray[Any], lane_time_s: NDArray[np.int64], now: Colour | None
    ) -> Transitions:
        transitions = np.zeros(len(rows), TRANSITION)
        transitions["rule"] = SLOT
        transitions["row"] = rows
        colour = self._colour[self._class_of[rows]]
        transitions["was"] = colour if now is not None else Colour.CLEAR
        transitions["now"] = colour if now is None else now
        transitions["time_ns"] = lane_time_s * NS_PER_S
        transitions["onset_ns"] = self.state["heard_s"][rows] * NS_PER_S
        for figure in ("observed", "expected", "low", "high", "score"):
            transitions[figure] = np.nan
        return transitions

    def shelve(self, row: int, lane_time_s: int, *, shelved: bool) -> None:
        """Stop waiting for a channel, or start again from now; `restore` forgets it."""
        self._shelved[row] = shelved
        after_s = self._after_s[self._class_of[row]]
        if shelved:
            self.state["deadline_s"][row] = NOBODY
        elif after_s != NOBODY and not self.state["level"][row]:
            self.state["heard_s"][row] = lane_time_s
            self.state["deadline_s"][row] = lane_time_s + after_s
        self._look()

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """State to be put into a snapshot; not a copy.

        Nothing here reads `silence_shelved` any more; workers of the release before still do.
        """
        return {
            "silence": self.state,
            "silence_shelved": self._shelved,
            "silence_outages": self._outages,  # not by row
        }

    def restore(self, arrays: Mapping[str, NDArray[Any]], old_row: NDArray[np.int64]) -> None:
        """Take over state from a snapshot; who rang and has no rule any more is not silent."""
        if (old_row < 0).any():  # else every row is replaced
            self.state = self._fresh()
        self._shelved[:] = False  # the lane knows, and says it anew
        carry(self.state, arrays["silence"], old_row)
        # Snapshots of before have none.
        self._outages = np.array(arrays.get("silence_outages", _NO_OUTAGES))
        state, after_s = self.state, self._after_s[self._class_of]
        waiting = (state["deadline_s"] != NOBODY) & (after_s != NOBODY)
        state["deadline_s"] = np.where(waiting, state["heard_s"] + after_s, NOBODY)
        state["level"][after_s == NOBODY] = 0
        self._silent = int(np.count_nonzero(state["level"]))
        self._look()
