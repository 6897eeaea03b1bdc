"""The common part of rules with one state row for each of their channels."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from contracts.batch import Batch
from contracts.transition import TRANSITION, Transitions, end_to_end, no_transitions
from detectors.base.kind import Columns, Roster
from detectors.base.level_step import new_levels, views
from detectors.base.meaning import fingerprints, same_meaning


def stacked(columns: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Columns as rows of one array; of a single one, no copy.

    >>> stacked([np.zeros(3), np.ones(3)]).shape
    (2, 3)
    """
    return columns[0][None, :] if len(columns) == 1 else np.stack(columns)


NOTES = 256  # level changes per kernel call; more only means another call
VALUE = "value"


class RowRule:
    """Rules of one kind on one lane: parameters by class, state by channel, one kernel.

    A subclass gives:

    - `NAME`, the kind; `STATE` and `PARAMS`, dtypes of one channel's state and one class's figures;
    - `KERNEL(levels, rows, columns, span, transitions) -> (next, told)`, where `rows` is (place of
      each lane row in the state or -1, index of its parameters by place, state, parameters) and
      `columns` is (lane row, time in ns, value, disposition) by reading;
    - `put(figures, rule, period_ns)`, which writes the figures of one class;
    - `fresh(n)`, when zeros are not what a state begins with.

    Its config struct lists in `STATE_FREE` the words that may change while state is kept
    (`detectors/base/meaning.py`).

    Parameters
    ----------
    slot : int
        Number of the kind in level changes.
    rules : mapping of label to config
    roster : Roster

    Attributes
    ----------
    relearning : int
        Channels whose state the last `restore` let begin anew, because it means something else.
    """

    NAME: ClassVar[str]
    STATE: ClassVar[np.dtype[Any]]
    PARAMS: ClassVar[np.dtype[Any]]
    KERNEL: ClassVar[Callable[..., tuple[int, int]]]

    def __init__(self, slot: int, rules: Mapping[str, Any], roster: Roster) -> None:
        self._slot = slot
        self.rows = roster.rows_of(rules)
        self._place = np.full(len(roster.class_of), -1, np.int32)
        self._place[self.rows] = np.arange(len(self.rows))
        named = sorted(rules)
        index = {name: i for i, name in enumerate(named)}
        of_class = np.array([index.get(name, -1) for name in roster.labels], np.int64)
        self._params_of = of_class[roster.class_of[self.rows]]
        self._meaning = fingerprints(rules, roster)[self._params_of]
        self.relearning = 0
        self._params = np.zeros(len(named), self.PARAMS)
        period_ns = dict(zip(roster.labels, roster.period_ns, strict=True))
        for name, figures in zip(named, self._params, strict=True):
            self.put(figures, rules[name], period_ns[name])
        self._source = {name: getattr(rule, "of", VALUE) for name, rule in rules.items()}
        self._source_of = [self._source.get(name) for name in roster.labels]
        self._class_of = roster.class_of
        self._transitions = np.zeros(NOTES, TRANSITION)
        self.state = self.fresh(len(self.rows))
        self.levels = new_levels(len(self.rows))

    def put(self, figures: Any, rule: Any, period_ns: int) -> None:
        """Write the figures of one class's rule into its parameter record."""
        raise NotImplementedError

    def fresh(self, n: int) -> NDArray[np.void]:
        """State of channels that nobody has heard of yet, shape (n,)."""
        return np.zeros(n, self.STATE)

    def score(
        self,
        batch: Batch,
        disposition: NDArray[np.uint8],
        span: tuple[int, int],
        columns: Columns,
    ) -> Transitions:
        """Judge the readings of a span, in order; level changes by rising ordinal come back."""
        if not len(self.rows):
            return no_transitions()
        readings = self.readings(batch, disposition, columns)
        rows = self.tables(batch, columns)
        levels = views(self.levels)
        first, last = span
        found: list[Transitions] = []
        while first < last:
            first, told = type(self).KERNEL(
                levels, rows, readings, (first, last), self._transitions
            )
            if told:
                found.append(self._transitions[:told].copy())
        transitions = end_to_end(found)
        transitions["rule"] = self._slot
        return transitions

    def readings(
        self, batch: Batch, disposition: NDArray[np.uint8], columns: Columns
    ) -> tuple[NDArray[Any], ...]:
        """What the kernel takes as `columns`."""
        return batch.row, batch.time_ns, self._values(batch, columns), disposition

    def tables(self, batch: Batch, columns: Columns) -> tuple[Any, ...]:
        """What the kernel takes as `rows`; a model adds the column that it fills."""
        del batch, columns
        return self._place, self._params_of, self.state, self._params

    def _values(self, batch: Batch, columns: Columns) -> NDArray[np.float64]:
        """The column that each class judges, as one column."""
        sources = sorted(set(self._source.values()))
        if len(sources) == 1:
            return columns[sources[0]]
        values = np.full(len(batch), np.nan)
        for source in sources:
            wanted = np.array([name == source for name in self._source_of], np.bool_)
            known = batch.row >= 0
            mine = known.copy()
            mine[known] = wanted[self._class_of[batch.row[known]]]
            values[mine] = columns[source][mine]
        return values

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """State to be put into a snapshot; not a copy."""
        return {
            f"{self.NAME}.rows": self.rows,
            f"{self.NAME}.state": self.state,
            f"{self.NAME}.levels": self.levels,
            f"{self.NAME}.meaning": self._meaning,
        }

    def restore(self, arrays: Mapping[str, NDArray[Any]], old_row: NDArray[np.int64]) -> None:
        """Take over state that means the same from a snapshot; levels stay in any case."""
        self.state, self.levels = self.fresh(len(self.rows)), new_levels(len(self.rows))
        self.relearning = 0
        if f"{self.NAME}.rows" not in arrays:
            return
        had = arrays[f"{self.NAME}.rows"]
        state, levels = arrays[f"{self.NAME}.state"], arrays[f"{self.NAME}.levels"]
        mine, theirs = joined(old_row[self.rows], had)
        self.levels[mine] = levels[theirs]
        kept = self.kept(arrays, (mine, theirs))
        if state.dtype == self.state.dtype:
            self.state[mine[kept]] = state[theirs[kept]]
        elif f"{self.NAME}.meaning" in arrays and alike(state.dtype, self.state.dtype):
            self.refit(state, (mine[kept], theirs[kept]))
        else:
            kept[:] = False
        self.relearning = int(np.count_nonzero(~kept))

    def kept(
        self, arrays: Mapping[str, NDArray[Any]], pairs: tuple[NDArray[np.int64], NDArray[np.int64]]
    ) -> NDArray[np.bool_]:
        """Whether each of some places keeps the state of the place that it had."""
        return same_meaning(self.NAME, arrays, self._meaning, pairs)

    def refit(
        self, state: NDArray[np.void], pairs: tuple[NDArray[np.int64], NDArray[np.int64]]
    ) -> None:
        """Take over state whose arrays are as long as the largest of other rules needed.

        What a class uses of an array lies at its beginning, whatever room other classes need; a
        kind that lays it out otherwise says so here.
        """
        copy_leading(self.state, state, pairs)


def alike(one: np.dtype[Any], other: np.dtype[Any]) -> bool:
    """Whether two records differ in nothing but the lengths of arrays in them."""
    if one.names != other.names or one.ndim != other.ndim or one.base.kind != other.base.kind:
        return False
    if one.names is None:
        return one.base == other.base
    return all(alike(one.fields[name][0], other.fields[name][0]) for name in one.names)  # type: ignore[index]


def copy_leading(
    new: NDArray[Any], old: NDArray[Any], pairs: tuple[NDArray[np.int64], NDArray[np.int64]]
) -> None:
    """Copy rows between arrays of other lengths, of each the leading part that both have.

    >>> new = np.zeros((1, 3))
    >>> copy_leading(new, np.ones((2, 2)), (np.array([0]), np.array([1])))
    >>> new.tolist()
    [[1.0, 1.0, 0.0]]
    """
    if new.dtype.names is not None:
        for name in new.dtype.names:
            copy_leading(new[name], old[name], pairs)
        return
    both = tuple(slice(min(n, m)) for n, m in zip(new.shape[1:], old.shape[1:], strict=True))
    mine, theirs = pairs
    new[(slice(None), *both)][mine] = old[(slice(None), *both)][theirs]


def joined(
    wanted: NDArray[np.int64], had: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places in `wanted` and in rising `had` that hold the same row; -1 is nobody's.

    >>> joined(np.array([-1, 7, 5]), np.array([5, 6, 7]))
    (array([1, 2]), array([2, 0]))
    """
    if not len(had):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    at = np.minimum(np.searchsorted(had, wanted), len(had) - 1)
    mine = np.flatnonzero((had[at] == wanted) & (wanted >= 0))
    return mine, at[mine]
