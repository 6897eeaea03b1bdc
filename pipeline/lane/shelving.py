"""Shelved channels and the lane time at which each is shown again: the one place that knows.

Admission, silence and alarms act on it, and are told by the lane.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np

from contracts.ports.lane_parts import Shelved

NOBODY: Final = int(np.iinfo(np.int64).max)


class Shelving:
    """Shelvings of one lane, by channel.

    Parameters
    ----------
    until_s : dict of str to int, optional
        Lane time at which each ends, from a snapshot.
    orders : iterable of sequences, optional
        Fields of the `Shelved` of each that is on record, from a snapshot.

    Attributes
    ----------
    soonest_s : int
        Lane time of the next end, `NOBODY` when nothing is shelved.
    """

    def __init__(
        self, until_s: dict[str, int] | None = None, orders: Iterable[Iterable[Any]] = ()
    ) -> None:
        self._until_s = dict(until_s or {})
        self._orders = {order.channel: order for order in (Shelved(*fields) for fields in orders)}
        self._look()

    def _look(self) -> None:
        self.soonest_s: int = min(self._until_s.values(), default=NOBODY)

    def __contains__(self, channel: str) -> bool:
        return channel in self._until_s

    def __iter__(self) -> Iterator[str]:
        return iter(self._until_s)

    def __len__(self) -> int:
        return len(self._until_s)

    def put(self, channel: str, until_s: int, order: Shelved | None = None) -> None:
        """Shelve, or move the end of a shelving; with an order it is on record."""
        self._until_s[channel] = until_s
        self._orders.pop(channel, None)
        if order is not None:
            self._orders[channel] = order
        self._look()

    def take(self, channel: str) -> bool:
        """Show again; False when it was not shelved."""
        shelved = self._until_s.pop(channel, None) is not None
        self._look()
        return shelved

    def order(self, channel: str) -> Shelved | None:
        """The order of a shelving that is over, which is forgotten here; None without record."""
        return self._orders.pop(channel, None)

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

    def orders(self) -> list[list[Any]]:
        """Orders for a snapshot."""
        return [list(order) for _, order in sorted(self._orders.items())]
