"""The fused rules of one lane's channels, behind the scorer port."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contracts.batch import Batch
from contracts.transition import TRANSITION, Transitions, no_transitions
from detectors import fused
from detectors.parameters import Rules, table
from detectors.rows import ROW, new_rows

NOTES: Final = 1024  # level changes per kernel call; more only means another call

# Made once: a batch of a thousand readings takes 10 us, and numpy 1 us for an empty array of these.
_NOTHING: Final = no_transitions()
_NO_SCORES: Final = np.empty(0)


class ChannelRules:
    """State and parameters of the fused rules for one lane.

    Parameters
    ----------
    classes : sequence of Rules
        Rules of each class.
    class_of : int64, shape (n,)
        Index into `classes` for every lane row.
    """

    def __init__(self, classes: Sequence[Rules], class_of: NDArray[np.int64]) -> None:
        self._class_of = class_of
        self._params = table(classes)
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
                self._state, self._params, columns, first, last, self._notes, room
            )
            if told:
                found.append(self._notes[:told].copy())
        return np.concatenate(found) if found else _NOTHING

    def arrays(self) -> Mapping[str, NDArray[np.void]]:
        """State to be put into a snapshot; not a copy."""
        return {"rules": self.rows}

    def restore(self, arrays: Mapping[str, NDArray[np.void]], old_row: NDArray[np.int64]) -> None:
        """Take over state from a snapshot.

        Parameters
        ----------
        arrays : mapping
            What `arrays` gave.
        old_row : int64, shape (n,)
            Row in the snapshot for every present row, -1 for new channels.
        """
        rows = new_rows(self._class_of)
        known = old_row >= 0
        rows[known] = arrays["rules"][old_row[known]]
        rows["rules"] = self._class_of
        self._adopt(rows)
