"""Groups of channels that are judged together, once for each group: an anchor and its circle."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.transition import NEVER
from detectors.base.kind import Roster
from detectors.base.meaning import same_unit, units_of
from detectors.base.row_rule import joined


class Members:
    """Anchors, the channels around each of them, and what they all said last.

    The anchor of a group is its channel of the rule's class, of several the one with the lowest
    row. Around it are all other channels of the named classes in its group, by rising row; those
    beyond `most` are left out, and an anchor without any is none. What one of them says holds
    until its next scored reading, in order of arrival: across channels event time does not rise.

    Parameters
    ----------
    name : str
        Beginning of the arrays' names.
    wanted : mapping of label to sequence of str
        Named classes by label of the anchor.
    roster : Roster
    most : int
        Channels of a circle, the anchor among them.
    sources : sequence of str
        Columns that are kept of each channel.

    Attributes
    ----------
    anchors : int64, shape (n,)
        Lane rows of the anchors, rising.
    width_of : int64, shape (n,)
        Channels of each circle, at least 2.
    widest : int
        The largest of them.
    """

    def __init__(
        self,
        name: str,
        wanted: Mapping[str, Sequence[str]],
        roster: Roster,
        *,
        most: int,
        sources: Sequence[str],
    ) -> None:
        self._name = name
        self._sources = np.array([source.encode() for source in sources], "S32")
        circles = _circles(wanted, roster, most)
        self.anchors = np.array([circle[0] for circle in circles], np.int64)
        self.width_of = np.array([len(circle) for circle in circles], np.int64)
        self.widest = max((len(circle) for circle in circles), default=0)
        self._members = np.full((len(circles), self.widest), -1, np.int64)
        for place, circle in enumerate(circles):
            self._members[place, : len(circle)] = circle
        self._rows = np.unique(self._members[self._members >= 0])
        self._units = units_of(self._rows, roster)
        self._cell = np.full(len(roster.class_of), -1, np.int32)
        self._cell[self._rows] = np.arange(len(self._rows))
        self._seats_of = np.where(self._members >= 0, self._cell[self._members], -1)
        self._begin()

    def _begin(self) -> None:
        self._said = np.full((len(self._sources), len(self._rows)), np.nan)
        self._said_at = np.full((len(self._sources), len(self._rows)), NEVER, np.int64)

    def members(self, place: int) -> NDArray[np.int64]:
        """Lane rows of a circle, the anchor first."""
        return self._members[place, : self.width_of[place]]

    def words(self) -> tuple[NDArray[Any], ...]:
        """What a kernel takes: cell by lane row, cells by place, last values and their times."""
        return self._cell, self._seats_of, self._said, self._said_at

    def arrays(self) -> dict[str, NDArray[Any]]:
        """State to be put into a snapshot; not a copy."""
        return {
            f"{self._name}.anchors": self.anchors,
            f"{self._name}.members": self._members,
            f"{self._name}.heard": self._rows,
            f"{self._name}.said": self._said,
            f"{self._name}.said_at": self._said_at,
            f"{self._name}.sources": self._sources,
            f"{self._name}.units": self._units,
        }

    def restore(
        self, arrays: Mapping[str, NDArray[Any]], old_row: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Take over what was said; by place, whether the circle is the same as it was."""
        self._begin()
        same = np.zeros(len(self.anchors), np.bool_)
        if f"{self._name}.anchors" not in arrays:
            return same
        self._take_words(arrays, old_row)
        was = arrays[f"{self._name}.members"]
        mine, theirs = joined(old_row[self.anchors], arrays[f"{self._name}.anchors"])
        for place, other in zip(mine.tolist(), theirs.tolist(), strict=True):
            had = was[other][was[other] >= 0]
            same[place] = np.array_equal(old_row[self.members(place)], had)
        return same

    def _take_words(self, arrays: Mapping[str, NDArray[Any]], old_row: NDArray[np.int64]) -> None:
        """Take over what was said of each column, by its name; by its place where none is kept."""
        mine, theirs = joined(old_row[self._rows], arrays[f"{self._name}.heard"])
        kept = same_unit(self._name, arrays, self._units, (mine, theirs))
        mine, theirs = mine[kept], theirs[kept]
        count = len(arrays[f"{self._name}.said"])
        unnamed = self._sources if count == len(self._sources) else self._sources[:0]
        had = arrays.get(f"{self._name}.sources", unnamed).tolist()
        for i, source in enumerate(self._sources.tolist()):
            if source in had:
                at = had.index(source)
                self._said[i, mine] = arrays[f"{self._name}.said"][at, theirs]
                self._said_at[i, mine] = arrays[f"{self._name}.said_at"][at, theirs]


def _circles(wanted: Mapping[str, Sequence[str]], roster: Roster, most: int) -> list[list[int]]:
    """Lane rows of every circle, the anchor first, by rising anchor."""
    classes = [roster.classes[i] for i in roster.class_of]
    rows_of: dict[str, list[int]] = {}
    anchor_of: dict[tuple[str, str], int] = {}
    for row, (group, name) in enumerate(zip(roster.groups, classes, strict=True)):
        rows_of.setdefault(group, []).append(row)
        if roster.labels[roster.class_of[row]] in wanted:
            anchor_of.setdefault((group, name), row)
    circles = []
    for (group, _), anchor in anchor_of.items():
        named = wanted[roster.labels[roster.class_of[anchor]]]
        others = [row for row in rows_of[group] if row != anchor and classes[row] in named]
        if others:
            circles.append([anchor, *others][:most])
    return circles
