"""Rules that also look at a companion: the channel of another class in the same group."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.batch import Batch
from detectors.kind import Columns, Roster
from detectors.row_rule import RowRule, joined


class Accompanied(RowRule):
    """A `RowRule` whose kernel also sees the last value of each channel's companion.

    The companion is the channel of the named class in the channel's own group; of several, the
    one with the lowest row. Its word holds until its next scored reading, in order of arrival:
    across channels event time does not rise, so nothing else would be the same on every run.

    A subclass gives `companion_class(rule)`; its kernel's `rows` is (place of each lane row,
    index of its parameters by place, state, parameters, seats), and `seats` is (seat of each lane
    row or -1, seat of the companion by place or -1, last value by seat, NaN before the first);
    its `columns` end in the values as measured, for the companions.
    """

    def __init__(self, slot: int, rules: Mapping[str, Any], roster: Roster) -> None:
        super().__init__(slot, rules, roster)
        found = self._companions(rules, roster)
        self._sitting = np.array(sorted({row for row in found if row >= 0}), np.int64)
        self._seat = np.full(len(roster.class_of), -1, np.int64)
        self._seat[self._sitting] = np.arange(len(self._sitting))
        self._seat_of = np.array([self._seat[row] if row >= 0 else -1 for row in found], np.int64)
        self._said = np.full(len(self._sitting), np.nan)

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
        self, batch: Batch, destiny: NDArray[np.uint8], columns: Columns
    ) -> tuple[NDArray[Any], ...]:
        """What the kernel takes as `columns`: the values as measured besides, for companions."""
        return (*super().readings(batch, destiny, columns), batch.value)

    def tables(self, batch: Batch, columns: Columns) -> tuple[Any, ...]:
        """What the kernel takes as `rows`: where companions sit, and what they said last."""
        seats = (self._seat, self._seat_of, self._said)
        return (*super().tables(batch, columns), seats)

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """State to be put into a snapshot; not a copy."""
        mine = {f"{self.NAME}.companions": self._sitting, f"{self.NAME}.said": self._said}
        return {**super().arrays(), **mine}

    def restore(self, arrays: Mapping[str, NDArray[Any]], old_row: NDArray[np.int64]) -> None:
        """Take over state from a snapshot; companions that are new have said nothing."""
        super().restore(arrays, old_row)
        self._said = np.full(len(self._sitting), np.nan)
        if f"{self.NAME}.companions" in arrays:
            had = arrays[f"{self.NAME}.companions"]
            mine, theirs = joined(old_row[self._sitting], had)
            self._said[mine] = arrays[f"{self.NAME}.said"][theirs]
