"""What channels of the same group said last: the inputs of rules that look at several of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.batch import Batch
from contracts.transition import NEVER
from detectors.base.kind import Columns, Roster
from detectors.base.meaning import same_unit, units_of
from detectors.base.row_rule import RowRule, joined


class CompanionRule(RowRule):
    """A `RowRule` whose kernel also sees the last value of each channel's companion.

    The companion is the channel of the named class in the channel's own group; of several, the
    one with the lowest row. Its word holds until its next scored reading, in order of arrival:
    across channels event time does not rise, so nothing else would be the same on every run.

    A subclass gives `companion_class(rule)`; its kernel's `rows` is (place of each lane row,
    index of its parameters by place, state, parameters, cells), and `cells` is (cell of each lane
    row or -1, cell of the companion by place or -1, last value by cell, NaN before the first);
    its `columns` end in the values as measured, for the companions.
    """

    def __init__(self, slot: int, rules: Mapping[str, Any], roster: Roster) -> None:
        super().__init__(slot, rules, roster)
        found = self._companions(rules, roster)
        self._companion_rows = np.array(sorted({row for row in found if row >= 0}), np.int64)
        self._units = units_of(self._companion_rows, roster)
        self._cell = np.full(len(roster.class_of), -1, np.int32)
        self._cell[self._companion_rows] = np.arange(len(self._companion_rows))
        self._cell_of = np.array([self._cell[row] if row >= 0 else -1 for row in found], np.int64)
        self._said = np.full(len(self._companion_rows), np.nan)

    def companion_class(self, rule: Any) -> str | None:
        """Class of the companion that a rule names, None where it names none."""
        raise NotImplementedError

    def _companions(self, rules: Mapping[str, Any], roster: Roster) -> list[int]:
        """Lane row of every place's companion, -1 where it has none."""
        wanted = {label: self.companion_class(rule) for label, rule in rules.items()}
        named = set(wanted.values())
        classes = [roster.classes[i] for i in roster.class_of]
        first: dict[tuple[str, str], int] = {}
        for row, (group, name) in enumerate(zip(roster.groups, classes, strict=True)):
            if name in named:
                first.setdefault((group, name), row)
        found = []
        for row in self.rows:
            name = wanted[roster.labels[roster.class_of[row]]]
            found.append(-1 if name is None else first.get((roster.groups[row], name), -1))
        return found

    def readings(
        self, batch: Batch, disposition: NDArray[np.uint8], columns: Columns
    ) -> tuple[NDArray[Any], ...]:
        """What the kernel takes as `columns`: the values as measured besides, for companions."""
        return (*super().readings(batch, disposition, columns), batch.value)

    def tables(self, batch: Batch, columns: Columns) -> tuple[Any, ...]:
        """What the kernel takes as `rows`: where companions sit, and what they said last."""
        cells = (self._cell, self._cell_of, self._said)
        return (*super().tables(batch, columns), cells)

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """State to be put into a snapshot; not a copy."""
        return {
            **super().arrays(),
            f"{self.NAME}.companions": self._companion_rows,
            f"{self.NAME}.said": self._said,
            f"{self.NAME}.units": self._units,
        }

    def restore(self, arrays: Mapping[str, NDArray[Any]], old_row: NDArray[np.int64]) -> None:
        """Take over state; companions that are new, or have another unit, have said nothing."""
        super().restore(arrays, old_row)
        self._said = np.full(len(self._companion_rows), np.nan)
        if f"{self.NAME}.companions" in arrays:
            had = arrays[f"{self.NAME}.companions"]
            mine, theirs = joined(old_row[self._companion_rows], had)
            kept = same_unit(self.NAME, arrays, self._units, (mine, theirs))
            self._said[mine[kept]] = arrays[f"{self.NAME}.said"][theirs[kept]]


class Companions:
    """Last values and their times of the companions of some channels.

    A companion is the channel of a named class in the channel's own group, never the channel
    itself; of several, the one with the lowest row. Its word holds until its next scored reading,
    in order of arrival: across channels event time does not rise.

    Parameters
    ----------
    name : str
        Beginning of the arrays' names.
    rows : int64, shape (n,)
        Lane rows of the channels that have companions.
    wanted : mapping of label to sequence of str
        Classes of the companions, in the order in which they are told.
    roster : Roster

    Attributes
    ----------
    cell : int64, shape (channels of the lane,)
        Where a lane row says its word, -1 for those to whom nobody listens.
    cells_of : int64, shape (n, most classes)
        Seats of the companions of each place, -1 where there is none.
    said, said_at : float64 and int64, shape (cells,)
        Last value and its event time, NaN and `NEVER` before the first. State: 16 bytes a cell.
    """

    def __init__(
        self,
        name: str,
        rows: NDArray[np.int64],
        wanted: Mapping[str, Sequence[str]],
        roster: Roster,
    ) -> None:
        self._name = name
        width = max((len(names) for names in wanted.values()), default=0)
        found = np.full((len(rows), width), -1, np.int64)
        members = _members(roster, {one for names in wanted.values() for one in names})
        for place, row in enumerate(rows.tolist()):
            for i, one in enumerate(wanted[roster.labels[roster.class_of[row]]]):
                others = [r for r in members.get((roster.groups[row], one), ()) if r != row]
                found[place, i] = others[0] if others else -1
        self._rows = np.unique(found[found >= 0])
        self._units = units_of(self._rows, roster)
        self.cell = np.full(len(roster.class_of), -1, np.int32)
        self.cell[self._rows] = np.arange(len(self._rows))
        self.cells_of = np.where(found >= 0, self.cell[found], -1)
        self._begin()

    def _begin(self) -> None:
        self.said = np.full(len(self._rows), np.nan)
        self.said_at = np.full(len(self._rows), NEVER, np.int64)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """State to be put into a snapshot; not a copy."""
        return {
            f"{self._name}.companions": self._rows,
            f"{self._name}.said": self.said,
            f"{self._name}.said_at": self.said_at,
            f"{self._name}.units": self._units,
        }

    def restore(self, arrays: Mapping[str, NDArray[Any]], old_row: NDArray[np.int64]) -> None:
        """Take over what was said; who is new, or has another unit, has said nothing."""
        self._begin()
        if f"{self._name}.companions" in arrays:
            mine, theirs = joined(old_row[self._rows], arrays[f"{self._name}.companions"])
            kept = same_unit(self._name, arrays, self._units, (mine, theirs))
            mine, theirs = mine[kept], theirs[kept]
            self.said[mine] = arrays[f"{self._name}.said"][theirs]
            self.said_at[mine] = arrays[f"{self._name}.said_at"][theirs]


def _members(roster: Roster, named: set[str]) -> dict[tuple[str, str], list[int]]:
    """Lane rows by group and class, for the classes that are named."""
    found: dict[tuple[str, str], list[int]] = {}
    for row, (group, label) in enumerate(zip(roster.groups, roster.class_of, strict=True)):
        if (name := roster.classes[label]) in named:
            found.setdefault((group, name), []).append(row)
    return found
