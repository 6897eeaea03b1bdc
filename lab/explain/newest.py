"""The newest reading of every channel, remembered by the scorer that took it."""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contracts.batch import Batch, Disposition
from contracts.ports.lane_parts import Arrays, Scorer, Span, carry
from contracts.transition import NEVER, Transitions

NEWEST: Final = "explain.newest"
READING: Final = np.dtype(
    [("time_ns", "i8"), ("value", "f8"), ("disposition", "u1"), ("score", "f8")]
)


class NewestReadings:
    """A lane's scorer that also remembers what became of each channel's newest reading.

    What it remembers is state like any other: swaps carry it to the next configuration's rows, and
    a shadow begins with a copy of its own.

    Parameters
    ----------
    scorer : Scorer
        Scores as it would without this one around it.
    channels : int
        Channels of the lane.
    """

    def __init__(self, scorer: Scorer, channels: int) -> None:
        self._scorer = scorer
        self._newest = np.zeros(channels, READING)
        self._newest["time_ns"] = NEVER

    def score(
        self,
        batch: Batch,
        disposition: NDArray[np.uint8],
        span: Span,
        scores: NDArray[np.float64] | None = None,
    ) -> Transitions:
        """Score the readings of a span, and remember the last one of each channel."""
        if scores is None:
            scores = np.full(len(batch), np.nan)
        transitions = self._scorer.score(batch, disposition, span, scores)
        places = np.arange(*span)
        places = places[batch.row[places] >= 0]
        # Of several readings of one channel numpy keeps what is assigned last: the newest.
        mine = self._newest
        rows = batch.row[places]
        mine["time_ns"][rows], mine["value"][rows] = batch.time_ns[places], batch.value[places]
        mine["disposition"][rows], mine["score"][rows] = disposition[places], scores[places]
        return transitions

    def interrupt(self, rows: NDArray[np.int32]) -> None:
        """Begin the on-delays of some channels anew."""
        self._scorer.interrupt(rows)

    def accept(self, row: int) -> frozenset[int]:
        """Let what a channel's rules learned begin anew."""
        return self._scorer.accept(row)

    def warm(self, arrays: Arrays, old_row: NDArray[np.int64]) -> None:
        """Take over what was learned elsewhere; it holds no readings."""
        self._scorer.warm(arrays, old_row)

    def time_by(self, clock: Callable[[], float]) -> None:
        """Measure from now on what each kind of rule takes."""
        self._scorer.time_by(clock)

    def seconds(self) -> dict[str, float]:
        """Time that scoring has taken, by kind of rule."""
        return self._scorer.seconds()

    def relearning(self) -> dict[str, int]:
        """Channels that learn anew since the state was last taken over, by rule."""
        return self._scorer.relearning()

    def arrays(self) -> Arrays:
        """State of the rules, and the newest readings by row."""
        return {**self._scorer.arrays(), NEWEST: self._newest}

    def restore(self, arrays: Arrays, old_row: NDArray[np.int64]) -> None:
        """Take over state of rows."""
        self._scorer.restore(arrays, old_row)
        carry(self._newest, arrays[NEWEST], old_row)


def disposition_of(reading: np.void) -> Disposition | None:
    """What became of a remembered reading; None while there is none.

    >>> disposition_of(np.zeros(1, READING)[0])
    <Disposition.SCORED: 0>
    """
    return None if reading["time_ns"] == NEVER else Disposition(int(reading["disposition"]))
