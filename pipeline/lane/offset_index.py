"""Which offsets hold the readings behind a level change: a coarse index by lane minute."""

from bisect import bisect_right
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contracts.ports.lane_parts import OffsetRange

NS_PER_MIN: Final = 60_000_000_000
MINUTES: Final = 1_440  # a day of evidence; older onsets point to the oldest offset kept


class OffsetIndex:
    """First offset of every lane minute of the last day, as a function of the record prefix.

    >>> index = OffsetIndex()
    >>> for second, offset in ((60, 7), (61, 8)):
    ...     index.add(np.array([second]), np.array([offset]))
    >>> index.reach(60_000_000_000, 61, 8)
    OffsetRange(first=7, last=8)
    """

    def __init__(self, entries: list[list[int]] | None = None) -> None:
        self._minutes: list[int] = [entry[0] for entry in entries or []]
        self._offsets: list[int] = [entry[1] for entry in entries or []]

    def add(self, lane_time_s: NDArray[np.int64], offset: NDArray[np.int64]) -> None:
        """Note records; lane times never fall."""
        known = self._minutes[-1] if self._minutes else -2  # before -1, the first minute there is
        while (first := int(np.searchsorted(lane_time_s, 60 * (known + 1)))) < len(lane_time_s):
            known = int(lane_time_s[first]) // 60
            self._minutes.append(known)
            self._offsets.append(int(offset[first]))

    def forget(self) -> None:
        """Drop what no look-up can reach any more."""
        oldest = bisect_right(self._minutes, self._minutes[-1] - MINUTES) if self._minutes else 0
        del self._minutes[:oldest], self._offsets[:oldest]

    def reach(self, onset_ns: int, lane_time_s: int, last: int) -> OffsetRange:
        """Offsets from the minute before an onset up to the record at `last`.

        Entries behind `last` and entries a day older than `lane_time_s` are not looked at, so
        that the answer does not depend on how far ahead the index has been filled.
        """
        if last < 0:
            return OffsetRange(0, last)
        begin = bisect_right(self._minutes, lane_time_s // 60 - MINUTES)
        end = bisect_right(self._offsets, last)
        place = bisect_right(self._minutes, onset_ns // NS_PER_MIN - 1, begin, max(begin, end)) - 1
        place = max(place, begin)
        return OffsetRange(self._offsets[place] if place < end else last, last)

    def state(self) -> list[list[int]]:
        """Entries for a snapshot."""
        return [list(pair) for pair in zip(self._minutes, self._offsets, strict=True)]
