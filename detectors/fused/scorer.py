"""The fused rules of one lane's channels, behind the scorer port."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contracts.batch import Batch
from contracts.ports.lane_parts import carry
from contracts.transition import NEVER, TRANSITION, Transitions, end_to_end
from detectors.base.meaning import fingerprint
from detectors.fused import kernel
from detectors.fused.parameters import FusedRules, table
from detectors.fused.row_layout import ROW, WAIT, busy, in_halves, new_rows, new_waits

NOTES: Final = 1024  # level changes per kernel call; more only means another call

# Made once: a batch of a thousand readings takes 10 us, and numpy 1 us for an empty array of these.
_NO_SCORES: Final = np.empty(0)

_LIMIT: Final = ("limit_level", "limit_fall_to", "limit_since", "limit_fall")
_LEARNED: Final = ("learned", "mean", "variance", "up", "down", "gate_since")
_UNUSUAL: Final = ("unusual_level", "unusual_wait", *_LEARNED)
_FROZEN: Final = ("frozen_level", "frozen_wait", "first", "run", "run_since")
# What is left of a channel's state when nothing rings or is waited for.
_CALM: Final = (*_LIMIT, "unusual_level", "unusual_wait", *_FROZEN, "gate_since", "up", "down")
ROWS: Final = "rules"
_NO_RULE: Final = 0
WAITS: Final = "rules.waits"
MEANING: Final = "rules.meaning"  # by the class that a row names
# What begins anew when a rule means something else, in the order of the fingerprints: levels stay.
_MEANT: Final = {
    "unusual": _LEARNED,
    "sums": ("up", "down"),
    "frozen": ("first", "run", "run_since"),
}
_FRESH: Final = (new_rows(np.zeros(1, np.int64)), new_waits(1))


class ChannelRules:
    """State and parameters of the fused rules for one lane.

    Parameters
    ----------
    classes : sequence of FusedRules
        Rules of each class.
    class_of : int, shape (n,)
        Index into `classes` for every lane row.

    Attributes
    ----------
    relearning : dict of str to int
        Channels by rule whose state the last `restore` let begin anew, because it means something
        else.
    """

    def __init__(self, classes: Sequence[FusedRules], class_of: NDArray[Any]) -> None:
        self._class_of = class_of
        self._without = {
            _LIMIT: np.array([rules.limit is None for rules in classes], np.bool_),
            _UNUSUAL: np.array([rules.unusual is None for rules in classes], np.bool_),
            _FROZEN: np.array([rules.frozen is None for rules in classes], np.bool_),
        }
        self._table = tuple(table(classes))
        self._meaning = _meaning(classes)
        self.relearning: dict[str, int] = {}
        self._adopt(new_rows(class_of), new_waits(len(class_of)))
        self._transitions = np.zeros(NOTES, TRANSITION)

    def _adopt(self, rows: NDArray[np.void], waits: NDArray[np.void]) -> None:
        self.rows, self.waits = rows, waits
        octets = rows.view(np.uint8).reshape(len(rows), ROW.itemsize)
        words = waits.view(np.int64).reshape(len(waits), WAIT.itemsize // 8)
        self._state = (rows, waits, words, octets)

    def score(
        self,
        batch: Batch,
        disposition: NDArray[np.uint8],
        span: tuple[int, int],
        scores: NDArray[np.float64] | None = None,
    ) -> Transitions:
        """Score the readings of a span, in order; level changes in order come back.

        Parameters
        ----------
        batch : Batch
        disposition : uint8, shape (n,)
            `Disposition` of each reading; only SCORED ones are looked at.
        span : (int, int)
            First reading, and the one behind the last.
        scores : float64, shape (n,), optional
            Filled with the unusual score of every scored reading, NaN in warm-up.
        """
        columns = (batch.row, batch.time_ns, batch.value, disposition)
        room = _NO_SCORES if scores is None else scores
        first, last = span
        found: list[Transitions] = []
        while first < last:
            first, told = kernel.score_readings(
                self._state, self._table, columns, first, last, self._transitions, room
            )
            if told:
                found.append(self._transitions[:told].copy())
        return end_to_end(found)

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """State to be put into a snapshot; not a copy."""
        return {ROWS: self.rows, WAITS: self.waits, MEANING: self._meaning}

    def restore(self, arrays: Mapping[str, NDArray[Any]], old_row: NDArray[np.int64]) -> None:
        """Take over state that means the same; of a rule that a class no longer has nothing stays.

        Parameters
        ----------
        arrays : mapping
            What `arrays` gave, now or while rows were whole.
        old_row : int64, shape (n,)
            Row in the snapshot for every present row, -1 for new channels.
        """
        old = arrays[ROWS]
        halves = (old, arrays[WAITS]) if old.dtype == ROW else in_halves(old)
        rows, waits = new_rows(self._class_of), new_waits(len(self._class_of))
        carry(rows, halves[0], old_row)
        carry(waits, halves[1], old_row)
        self._forget((rows, waits), arrays.get(MEANING), old_row >= 0)
        rows["rules"] = self._class_of
        for names, without in self._without.items():
            if (gone := without[self._class_of]).any():
                _begin_anew((rows, waits), names, gone)
        self._adopt(rows, waits)

    def _forget(
        self,
        halves: tuple[NDArray[np.void], NDArray[np.void]],
        had: NDArray[np.uint64] | None,
        known: NDArray[np.bool_],
    ) -> None:
        """Let state begin anew that meant something else; rows still name their former class."""
        self.relearning = {}
        if had is None or not len(had):  # of a release, or a lane, that had none
            return
        former = np.where(known, halves[0]["rules"], 0)
        for at, (rule, names) in enumerate(_MEANT.items()):
            was, now = had[:, at, None], self._meaning[None, :, at]
            other = (was != now) & (was != _NO_RULE) & (now != _NO_RULE)
            gone = known & other[former, self._class_of]
            if gone.any():
                _begin_anew(halves, names, gone)
                self.relearning[rule] = int(np.count_nonzero(gone))

    def interrupt(self, rows: NDArray[np.int32]) -> None:
        """Begin the on-delays of some channels anew; what rings, and what is left, goes on."""
        some, waits = self.rows[rows], self.waits[rows]
        above = np.arange(1, 5) > some["limit_level"][:, None]
        waits["limit_since"] = np.where(above, NEVER, waits["limit_since"])
        for rule in ("unusual", "frozen"):  # while it rings, its word is the way back
            waiting = some[f"{rule}_level"] == 0
            waits[f"{rule}_wait"] = np.where(waiting, NEVER, waits[f"{rule}_wait"])
        some["busy"] = busy(some, waits)
        self.rows[rows], self.waits[rows] = some, waits

    def accept(self, row: int) -> None:
        """Let the channel's mean and variance begin anew; its limits stay as they are."""
        _begin_anew((self.rows, self.waits), _UNUSUAL, np.array([row]))


def _meaning(classes: Sequence[FusedRules]) -> NDArray[np.uint64]:
    """Fingerprints of each class's rules, shape (classes, rules), as `_MEANT` names them."""

    def of(rule: Any, unit: str) -> int:
        return _NO_RULE if rule is None else fingerprint(rule, unit, 0, {})

    return np.array(
        [
            (
                of(rules.unusual, rules.unit),
                of(rules.unusual and rules.unusual.sums, ""),
                of(rules.frozen, rules.unit),
            )
            for rules in classes
        ],
        np.uint64,
    ).reshape(len(classes), len(_MEANT))


def _begin_anew(
    halves: tuple[NDArray[np.void], NDArray[np.void]],
    names: Sequence[str],
    which: NDArray[Any] | slice,
) -> None:
    """Let some fields of some rows be as on the first day, in place."""
    for half, fresh in zip(halves, _FRESH, strict=True):
        for name in half.dtype.names or ():
            if name in names:
                half[name][which] = fresh[name][0]
    rows, waits = halves
    rows["busy"][which] = busy(rows[which], waits[which])


def calmed(arrays: Mapping[str, NDArray[np.void]]) -> dict[str, NDArray[np.void]]:
    """The same state with nothing ringing or waited for, and open learning gates."""
    old = arrays[ROWS]
    halves = (old, arrays[WAITS]) if old.dtype == ROW else in_halves(old)
    calm = (halves[0].copy(), halves[1].copy())
    _begin_anew(calm, _CALM, slice(None))
    return {ROWS: calm[0], WAITS: calm[1]}
