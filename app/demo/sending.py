"""Messages of a feed sent through Kafka when the compressed clock reaches them."""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Any

from aiokafka import AIOKafkaProducer

from lab.feeds.compressed_clock import CompressedClock, Sent

UNACKNOWLEDGED = 500  # readings on their way to the broker at a time
AHEAD_MS_MAX = 12 * 3_600_000  # of the clock: further ahead a stamp counts as a sender's fault

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
