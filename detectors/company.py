"""What channels of the same group said last: the inputs of rules that look at several of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.transition import NEVER
from detectors.kind import Roster
from detectors.row_rule import joined


class Company:
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
    seat : int64, shape (channels of the lane,)
        Where a lane row says its word, -1 for those to whom nobody listens.
    seats_of : int64, shape (n, most classes)
        Seats of the companions of each place, -1 where there is none.
    said, said_at : float64 and int64, shape (seats,)
        Last value and its event time, NaN and `NEVER` before the first. State: 16 bytes a seat.
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
        self.seat = np.full(len(roster.class_of), -1, np.int64)
        self.seat[self._rows] = np.arange(len(self._rows))
        self.seats_of = np.where(found >= 0, self.seat[found], -1)
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
        }

    def restore(self, arrays: Mapping[str, NDArray[Any]], old_row: NDArray[np.int64]) -> None:
        """Take over what was said; companions that are new have said nothing."""
        self._begin()
        if f"{self._name}.companions" in arrays:
            mine, theirs = joined(old_row[self._rows], arrays[f"{self._name}.companions"])
            self.said[mine] = arrays[f"{self._name}.said"][theirs]
            self.said_at[mine] = arrays[f"{self._name}.said_at"][theirs]


def _members(roster: Roster, named: set[str]) -> dict[tuple[str, str], list[int]]:
    """Lane rows by group and class, for the classes that are named."""
    found: dict[tuple[str, str], list[int]] = {}
    for row, (group, label) in enumerate(zip(roster.groups, roster.class_of, strict=True)):
        if (name := roster.classes[label]) in named:
            found.setdefault((group, name), []).append(row)
    return found
