"""The fused rules of one lane's channels, behind the scorer port."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contracts.batch import Batch
from contracts.machine import carry
from contracts.transition import NEVER, TRANSITION, Transitions, end_to_end
from detectors import fused
from detectors.parameters import Rules, table
from detectors.rows import ROW, new_rows

NOTES: Final = 1024  # level changes per kernel call; more only means another call

# Made once: a batch of a thousand readings takes 10 us, and numpy 1 us for an empty array of these.
_NO_SCORES: Final = np.empty(0)

_FRESH: Final = new_rows(np.zeros(1, np.int64))[0]
_LIMIT_STATE: Final = ("limit_level", "limit_fall_to", "limit_since", "limit_fall")
_UNUSUAL_STATE: Final = (
    *("unusual_level", "unusual_fall_to", "unusual_since", "unusual_fall"),
    *("learned", "mean", "variance", "gate_since"),
)
_LEVELS: Final = ("limit_level", "limit_fall_to", "unusual_level", "unusual_fall_to", "pending")
ROWS: Final = "rules"
_DELAYS: Final = ("limit_since", "limit_fall", "unusual_since", "unusual_fall")


class ChannelRules:
    """State and parameters of the fused rules for one lane.

    Parameters
    ----------
    classes : sequence of Rules
        Rules of each class.
    class_of : int, shape (n,)
        Index into `classes` for every lane row.
    """

    def __init__(self, classes: Sequence[Rules], class_of: NDArray[Any]) -> None:
        self._class_of = class_of
        self._without = {
            _LIMIT_STATE: np.array([rules.limit is None for rules in classes], np.bool_),
            _UNUSUAL_STATE: np.array([rules.unusual is None for rules in classes], np.bool_),
        }
        self._table = tuple(table(classes))
        self._adopt(new_rows(class_of))
        self._notes = np.zeros(NOTES, TRANSITION)

    def _adopt(self, rows: NDArray[np.void]) -> None:
        self.rows = rows
        flat = rows.view(np.uint8).reshape(len(rows), ROW.itemsize)
        self._state = (rows, flat.view(np.int64), flat)

    def score(
        self,
        batch: Batch,
        destiny: NDArray[np.uint8],
        span: tuple[int, int],
        scores: NDArray[np.float64] | None = None,
    ) -> Transitions:
        """Score the readings of a span, in order; level changes in order come back.

        Parameters
        ----------
        batch : Batch
        destiny : uint8, shape (n,)
            `Destiny` of each reading; only SCORED ones are looked at.
        span : (int, int)
            First reading, and the one behind the last.
        scores : float64, shape (n,), optional
            Filled with the unusual score of every scored reading, NaN in warm-up.
        """
        columns = (batch.row, batch.time_ns, batch.value, destiny)
        room = _NO_SCORES if scores is None else scores
        first, last = span
        found: list[Transitions] = []
        while first < last:
            first, told = fused.score_readings(
                self._state, self._table, columns, first, last, self._notes, room
            )
            if told:
                found.append(self._notes[:told].copy())
        return end_to_end(found)

    def arrays(self) -> Mapping[str, NDArray[np.void]]:
        """State to be put into a snapshot; not a copy."""
        return {ROWS: self.rows}

    def restore(self, arrays: Mapping[str, NDArray[np.void]], old_row: NDArray[np.int64]) -> None:
        """Take over state from a snapshot; of a rule that a class no longer has nothing stays.

        Parameters
        ----------
        arrays : mapping
            What `arrays` gave.
        old_row : int64, shape (n,)
            Row in the snapshot for every present row, -1 for new channels.
        """
        rows = new_rows(self._class_of)
        carry(rows, arrays[ROWS], old_row)
        rows["rules"] = self._class_of
        self._forget(rows)
        self._adopt(rows)

    def _forget(self, rows: NDArray[np.void]) -> None:
        """Let the rules begin anew that a channel does not have: they may come back."""
        for names, without in self._without.items():
            gone = without[self._class_of]
            if not gone.any():
                continue
            for name in names:
                rows[name][gone] = _FRESH[name]
            waits = [rows[name][gone] != NEVER for name in _DELAYS]
            rows["pending"][gone] = np.any([w.any(axis=-1) if w.ndim > 1 else w for w in waits], 0)

    def accept(self, row: int) -> None:
        """Let the channel's mean and variance begin anew; its limits stay as they are."""
        mine = self.rows[row]
        for name in _UNUSUAL_STATE:
            mine[name] = _FRESH[name]
        waits = [np.any(mine[name] != NEVER) for name in _DELAYS]
        mine["pending"] = any(waits)


def calm_rows(rows: NDArray[np.void]) -> NDArray[np.void]:
    """The same rows with nothing ringing or waited for, and open learning gates."""
    calm = rows.copy()
    for name in (*_DELAYS, "gate_since", *_LEVELS):
        calm[name] = _FRESH[name]
    return calm
