"""Shelved channels and the lane time at which each is shown again: the one place that knows.

Admission, silence and alarms act on it, and are told by the lane.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np

NOBODY: Final = int(np.iinfo(np.int64).max)


class Shelving:
    """Shelvings of one lane, by channel.

    Parameters
    ----------
    until_s : dict of str to int, optional
        Lane time at which each ends, from a snapshot.

    Attributes
    ----------
    soonest_s : int
        Lane time of the next end, `NOBODY` when nothing is shelved.
    """

    def __init__(self, until_s: dict[str, int] | None = None) -> None:
        self._until_s = dict(until_s or {})
        self._look()

    def _look(self) -> None:
        self.soonest_s: int = min(self._until_s.values(), default=NOBODY)

    def __contains__(self, channel: str) -> bool:
        return channel in self._until_s

    def __iter__(self) -> Iterator[str]:
        return iter(self._until_s)

    def __len__(self) -> int:
        return len(self._until_s)

    def put(self, channel: str, until_s: int) -> None:
        """Shelve, or move the end of a shelving."""
        self._until_s[channel] = until_s
        self._look()

    def take(self, channel: str) -> bool:
        """Show again; False when it was not shelved."""
        shelved = self._until_s.pop(channel, None) is not None
        self._look()
        return shelved

    def ended(self, lane_time_s: int) -> list[str]:
        """Channels whose time is up, sorted; they leave the shelf here."""
        up = sorted(c for c, until_s in self._until_s.items() if until_s <= lane_time_s)
        for channel in up:
            del self._until_s[channel]
        self._look()
        return up

    def state(self) -> dict[str, int]:
        """Shelvings for a snapshot."""
        return dict(sorted(self._until_s.items()))
