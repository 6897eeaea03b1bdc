"""Recorded telemetry sent through Kafka in compressed time, and the clock that goes with it."""

import asyncio
import csv
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec
from aiokafka import AIOKafkaProducer

UNACKNOWLEDGED = 500  # readings on their way to the broker at a time


@dataclass(frozen=True, slots=True)
class Sent:
    """One recorded reading and where it goes."""

    time_ms: int
    partition: int
    key: bytes
    payload: bytes


def water_flow(path: Path, channel: str, group: str, partition: int) -> list[Sent]:
    """River's WaterFlow as JSON readings of one channel, in time order.

    Parameters
    ----------
    path : Path
        CSV with a header, then time with offset and litres per second.
    """
    with path.open(newline="") as lines:
        rows = list(csv.reader(lines))[1:]
    sent = []
    for written, value in rows:
        time_ms = round(datetime.fromisoformat(written).timestamp() * 1000)
        reading = {"channel": channel, "time": time_ms, "value": float(value)}
        sent.append(Sent(time_ms, partition, group.encode(), msgspec.json.encode(reading)))
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


async def send(
    producer: AIOKafkaProducer, topic: str, readings: Iterable[Sent], clock: CompressedClock
) -> int:
    """Send readings when the clock reaches them, stamped with their event time; how many.

    The clock stops at the last one: nothing is known of the time behind it.
    """
    count = 0
    waiting: list[asyncio.Future[object]] = []
    for reading in readings:
        wait_s = (reading.time_ms - clock.due_ms()) / clock.speed / 1000
        if wait_s > 0 or len(waiting) >= UNACKNOWLEDGED:
            await asyncio.gather(*waiting)
            waiting.clear()
            clock.held_ms = reading.time_ms
            await asyncio.sleep(max(wait_s, 0))
        sent = await producer.send(
            topic,
            reading.payload,
            key=reading.key,
            partition=reading.partition,
            timestamp_ms=reading.time_ms,
        )
        waiting.append(sent)
        count += 1
    await asyncio.gather(*waiting)
    clock.held_ms += 1
    return count
