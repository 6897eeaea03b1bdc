"""All rules of a lane behind the scorer port: the fused row first, then each kind of its own."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.batch import Batch
from contracts.transition import Transitions
from detectors.channel_rules import ChannelRules
from detectors.kind import Columns, Detector, Listener
from detectors.row_rule import VALUE


class Rules:
    """Scorer of one lane.

    Parameters
    ----------
    fused : ChannelRules
        Limits and unusual values.
    others : sequence of Detector
        In the order of their kinds: a model comes before the rules that judge what it makes,
        and a rule before those that listen to it.
    """

    def __init__(self, fused: ChannelRules, others: Sequence[Detector]) -> None:
        self._fused = fused
        self._others = others

    def score(
        self,
        batch: Batch,
        destiny: NDArray[np.uint8],
        span: tuple[int, int],
        scores: NDArray[np.float64] | None = None,
    ) -> Transitions:
        """Score the readings of a span, in order, by every rule; level changes come back."""
        found = [self._fused.score(batch, destiny, span, scores)]
        columns: Columns = {VALUE: batch.value}
        for other in self._others:
            if isinstance(other, Listener):
                other.hear(np.concatenate(found))
            found.append(other.score(batch, destiny, span, columns))
        return np.concatenate(found)

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """State to be put into a snapshot; not a copy."""
        arrays = dict(self._fused.arrays())
        for other in self._others:
            arrays.update(other.arrays())
        return arrays

    def restore(self, arrays: Mapping[str, NDArray[Any]], old_row: NDArray[np.int64]) -> None:
        """Take over state from a snapshot."""
        self._fused.restore(arrays, old_row)
        for other in self._others:
            other.restore(arrays, old_row)
