"""A feed as messages, and the clock by which they are sent in compressed time."""

import time
from dataclasses import dataclass

import msgspec

from configuration.lane_plan import Plan
from lab.feeds.feed import Feed


@dataclass(frozen=True, slots=True)
class Sent:
    """One recorded reading and where it goes."""

    time_ms: int
    partition: int
    key: bytes
    payload: bytes


def messages(feed: Feed, plan: Plan) -> list[Sent]:
    """A feed as JSON messages, each for the home lane of its channel's group, in time order."""
    catalogue = plan.catalogue
    groups = catalogue.groups()
    sent = []
    for time_ms, channel, value in feed.readings:
        row = catalogue.row_of[channel]
        body = msgspec.json.encode({"channel": channel, "time": time_ms, "value": value})
        sent.append(Sent(time_ms, int(plan.lane_of[row]), groups[row].encode(), body))
    return sent


class CompressedClock:
    """Event time at a multiple of real time, never ahead of what the broker has.

    Lag is not silence: if the clock ran while readings were still on their way, every channel
    would seem silent at a hundred thousand times real speed. So it stops at the next reading that
    the broker has not acknowledged.

    Parameters
    ----------
    begin_ms : int
        Event time at which it starts.
    speed : float
        Event milliseconds per real millisecond.
    """

    def __init__(self, begin_ms: int, speed: float) -> None:
        self._begin_ms = begin_ms
        self.speed = speed
        self._started = time.monotonic()
        self._told_ms = begin_ms
        self.held_ms = begin_ms

    def start(self) -> None:
        """Count real time from here."""
        self._started = time.monotonic()

    def due_ms(self) -> int:
        """Event time that real time asks for."""
        elapsed_ms = (time.monotonic() - self._started) * 1000
        return self._begin_ms + int(elapsed_ms * self.speed)

    def now_ms(self) -> int:
        """Event time as far as the broker knows it; never falls."""
        asked = self.due_ms()
        self._told_ms = max(self._told_ms, min(asked, self.held_ms - 1))
        return self._told_ms
