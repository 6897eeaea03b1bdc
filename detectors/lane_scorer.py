"""All rules of a lane behind the scorer port: the fused row first, then each kind of its own."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contracts.batch import Batch
from contracts.transition import NEVER, Transitions, end_to_end
from detectors.base.kind import Columns, Detector, Listener, Remembering
from detectors.base.level_step import new_levels
from detectors.base.row_rule import VALUE
from detectors.fused.scorer import ChannelRules, calmed

FUSED: Final = "fused"  # limits, unusual and frozen values: one kernel judges all of them


class LaneScorer:
    """Scorer of one lane.

    Parameters
    ----------
    fused : ChannelRules
        Limits and unusual values.
    others : mapping of int to Detector
        By slot, in the order of their kinds: a model comes before the rules that judge what it
        makes, and a rule before those that listen to it.
    learned : frozenset of int
        Slots of those that learn what is normal.
    names : mapping of int to str
        Names of `others` by slot.
    """

    def __init__(
        self,
        fused: ChannelRules,
        others: Mapping[int, Detector],
        learned: frozenset[int],
        names: Mapping[int, str],
    ) -> None:
        self._names = names
        self._fused = fused
        self._others = others
        self._learned = learned
        self._clock: Callable[[], float] = _untimed
        self._seconds = dict.fromkeys((FUSED, *(names[slot] for slot in others)), 0.0)
        # Asking whether a class has all that a protocol wants costs more than most kernels.
        self._listeners = {
            slot: other for slot, other in others.items() if isinstance(other, Listener)
        }

    def score(
        self,
        batch: Batch,
        disposition: NDArray[np.uint8],
        span: tuple[int, int],
        scores: NDArray[np.float64] | None = None,
    ) -> Transitions:
        """Score the readings of a span, in order, by every rule; level changes come back."""
        began_s = self._clock()
        found = [self._fused.score(batch, disposition, span, scores)]
        began_s = self._spent(FUSED, began_s)
        columns: Columns = {VALUE: batch.value}
        for slot, other in self._others.items():
            if slot in self._listeners:
                self._listeners[slot].hear(end_to_end(found))
            found.append(other.score(batch, disposition, span, columns))
            began_s = self._spent(self._names[slot], began_s)
        return end_to_end(found)

    def _spent(self, kind: str, began_s: float) -> float:
        """Count what a kind of rule has taken; the time now, at which the next one begins."""
        now_s = self._clock()
        self._seconds[kind] += now_s - began_s
        return now_s

    def time_by(self, clock: Callable[[], float]) -> None:
        """Measure from now on what each kind of rule takes; without, nothing here knows a clock."""
        self._clock = clock

    def seconds(self) -> dict[str, float]:
        """Time that scoring has taken since it is measured, by kind of rule."""
        return dict(self._seconds)

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """State to be put into a snapshot; not a copy."""
        arrays = dict(self._fused.arrays())
        for other in self._others.values():
            arrays.update(other.arrays())
        return arrays

    def restore(self, arrays: Mapping[str, NDArray[Any]], old_row: NDArray[np.int64]) -> None:
        """Take over state from a snapshot."""
        self._fused.restore(arrays, old_row)
        for other in self._others.values():
            other.restore(arrays, old_row)

    def relearning(self) -> dict[str, int]:
        """Channels by rule whose state the last `restore` let begin anew."""
        counts = {
            self._names[slot]: other.relearning
            for slot, other in self._others.items()
            if isinstance(other, Remembering)
        }
        return {rule: n for rule, n in sorted({**self._fused.relearning, **counts}.items()) if n}

    def accept(self, row: int) -> frozenset[int]:
        """Let what a channel's rules learned begin anew; slots of those that do."""
        self._fused.accept(row)
        for slot in sorted(self._learned & set(self._others)):
            other = self._others[slot]
            arrays = {name: array.copy() for name, array in other.arrays().items()}
            old_row = np.arange(len(self._fused.rows))
            old_row[row] = -1
            other.restore(arrays, old_row)
        return self._learned

    def interrupt(self, rows: NDArray[np.int32]) -> None:
        """Begin the on-delays of channels anew that sent nothing valid for too long.

        Two breaches with a silence between are not one breach that lasted.
        """
        self._fused.interrupt(rows)
        for other in self._others.values():
            arrays = other.arrays()
            for name in arrays:
                if name.endswith(".levels") and f"{name.removesuffix('levels')}rows" in arrays:
                    of = np.isin(arrays[f"{name.removesuffix('levels')}rows"], rows)
                    _begin_delays(arrays[name], of)

    def warm(self, arrays: Mapping[str, NDArray[Any]], old_row: NDArray[np.int64]) -> None:
        """Take over what was learned elsewhere: nothing rings, nothing is waited for."""
        calm = {name: _calmed(name, array) for name, array in arrays.items()}
        self.restore({**calm, **calmed(arrays)}, old_row)


def _untimed() -> float:
    return 0.0


def _begin_delays(levels: NDArray[Any], of: NDArray[np.bool_]) -> None:
    """Forget since when colours above the present one have been breached, in place."""
    above = np.arange(1, 5) > levels["level"][:, None]
    levels["since"][above & of[:, None]] = NEVER


def _calmed(name: str, array: NDArray[Any]) -> NDArray[Any]:
    """State of a kind of its own with all levels clear and nothing waited for."""
    if name.endswith(".levels"):
        return new_levels(len(array))
    return np.zeros_like(array) if name == "joint.lit" else array
