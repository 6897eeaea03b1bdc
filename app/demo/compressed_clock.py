"""Telemetry of a feed sent through Kafka in compressed time, and the clock that goes with it."""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
from aiokafka import AIOKafkaProducer

from configuration.lane_plan import Plan
from lab.feeds.feed import Feed

UNACKNOWLEDGED = 500  # readings on their way to the broker at a time
AHEAD_MS_MAX = 12 * 3_600_000  # of the clock: further ahead a stamp counts as a sender's fault


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


Note = Callable[["asyncio.Future[Any]", float], None]


async def send(
    producer: AIOKafkaProducer,
    topic: str,
    readings: Iterable[Sent],
    clock: CompressedClock,
    note: Note,
) -> None:
    """Send readings when the clock reaches them, stamped with their event time.

    The clock stops at the last one: nothing is known of the time behind it.

    Parameters
    ----------
    producer : AIOKafkaProducer
    topic : str
    readings : iterable of Sent
    clock : CompressedClock
    note : callable
        Told of each reading: what becomes its place in the log, and the moment of the monotonic
        clock at which it was handed over.
    """
    waiting: list[asyncio.Future[Any]] = []
    for reading in readings:
        wait_s = (reading.time_ms - clock.due_ms()) / clock.speed / 1000
        ahead = reading.time_ms - clock.held_ms > AHEAD_MS_MAX
        if wait_s > 0 or ahead or len(waiting) >= UNACKNOWLEDGED:
            await asyncio.gather(*waiting)
            waiting.clear()
            clock.held_ms = reading.time_ms
            await asyncio.sleep(max(wait_s, 0))
        began_s = time.monotonic()
        sent = await producer.send(
            topic,
            reading.payload,
            key=reading.key,
            partition=reading.partition,
            timestamp_ms=reading.time_ms,
        )
        note(sent, began_s)
        waiting.append(sent)
    await asyncio.gather(*waiting)
    clock.held_ms += 1
