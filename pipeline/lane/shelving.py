"""Shelved channels and the lane time at which each is shown again: the one place that knows.

Admission, silence and alarms act on it, and are told by the lane.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final, Protocol

import numpy as np

from contracts.journal import Shelve
from contracts.ports.lane_log import Message
from contracts.ports.lane_parts import Parts, Shelved, Shown
from contracts.quantities import NS_PER_S
from pipeline.lane.outbox import Outbox

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

    def obey(self, command: Shelve, lane_time_s: int) -> Shelved | None:
        """Carry out a command; its order, None where nothing is on record.

        Journals of earlier releases name no command.
        """
        until_s, order = lane_time_s + command.seconds, None
        if command.id or command.once:
            who = (command.by, command.role, command.reason, command.id)
            order = Shelved(command.channel, lane_time_s, until_s, *who, command.once)
        self.put(command.channel, until_s, order)
        return order

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

    def once(self, channel: str) -> bool:
        """Whether a shelving ends once nothing rings on its channel."""
        order = self._orders.get(channel)
        return order is not None and order.once

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
        # Without a word on what is shelved by time alone: an earlier release reads that, too.
        return [list(order if order.once else order[:-1]) for _, order in self._sorted()]

    def _sorted(self) -> list[tuple[str, Shelved]]:
        return sorted(self._orders.items())


class Shelvable(Protocol):
    """What of a lane a shelving changes."""

    parts: Parts
    shelving: Shelving
    outbox: Outbox
    lane_time_s: int


def shelve(lane: Shelvable, command: Shelve) -> None:
    """Shelve a channel."""
    order = lane.shelving.obey(command, lane.lane_time_s)
    _shelve(lane, command.channel, shelved=True)
    if order is not None:
        lane.outbox.emit([lane.parts.book.record(order)])


def show(lane: Shelvable, channel: str, shown: Shown) -> None:
    """Show a channel again whose shelving is over."""
    _shelve(lane, channel, shelved=False)
    if (order := lane.shelving.order(channel)) is not None:
        lane.outbox.emit([lane.parts.book.record(order, shown)])


def show_life_safety(lane: Shelvable) -> None:
    """Show channels that a new configuration never lets be shelved."""
    book, row_of = lane.parts.book, lane.parts.catalogue.row_of
    for channel in sorted(lane.shelving):
        row = row_of.get(channel)
        if row is not None and book.life_safety(row):
            lane.shelving.take(channel)
            show(lane, channel, Shown(lane.lane_time_s, "life_safety"))


def returned(lane: Shelvable, row: int, at_s: int) -> list[Message]:
    """What is told of a shelving that ends because nothing rings on its channel any more."""
    channel = lane.parts.catalogue.ids[row]
    if not lane.shelving.once(channel) or lane.parts.book.rings(row):
        return []
    lane.shelving.take(channel)
    order = lane.shelving.order(channel)
    assert order is not None, "it says that it ends so"
    return [lane.parts.book.record(order, Shown(at_s, "return"))]


def hold_shelved(lane: Shelvable) -> None:
    """Let parts that were restored know what is shelved; open alarms show it already."""
    for channel in lane.shelving:
        row = lane.parts.catalogue.row_of.get(channel)
        if row is not None:  # a shelving outlives its channel's absence
            _hold(lane, row, shelved=not lane.shelving.once(channel))


def _shelve(lane: Shelvable, channel: str, *, shelved: bool) -> None:
    """Let all parts know that a channel is shelved, or shown again."""
    row = lane.parts.catalogue.row_of.get(channel)
    if row is not None:
        # Until it returns to normal its readings must be judged: else it never would.
        _hold(lane, row, shelved=shelved and not lane.shelving.once(channel))
        time_ns = lane.lane_time_s * NS_PER_S
        lane.outbox.emit(lane.parts.book.shelve(row, time_ns, shelved=shelved))


def _hold(lane: Shelvable, row: int, *, shelved: bool) -> None:
    lane.parts.admission.shelve(row, shelved=shelved)
    lane.parts.silence.shelve(row, lane.lane_time_s, shelved=shelved)
