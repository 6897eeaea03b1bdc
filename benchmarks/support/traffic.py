"""Telemetry to preload a topic with: one reading of every channel a second, in three formats."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
from confluent_kafka import Producer
from numpy.typing import NDArray

from ingest.partitioner import home_lane

BEGIN_S = 1_780_000_000
PER_MESSAGE = 500
DIPS = 800  # one of so many channels rings once every 97 seconds

Ids = Sequence[str]
Encode = Callable[[Ids, int, NDArray[np.float64]], bytes]


@dataclass(frozen=True, slots=True)
class Format:
    """A way to send readings.

    Parameters
    ----------
    name : str
    readings : int
        To preload, at least; whole seconds are sent.
    per_message : int
    encode : callable
        Payload from channel ids, their common time in s, and values.
    """

    name: str
    readings: int
    per_message: int
    encode: Encode


def as_json(ids: Ids, time_s: int, values: NDArray[np.float64]) -> bytes:
    """One reading as an object, several as an array."""
    time = datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    readings = [
        f'{{"channel": "{channel}", "time": "{time}", "value": {value:.4f}, "quality": "good"}}'
        for channel, value in zip(ids, values.tolist(), strict=True)
    ]
    return (readings[0] if len(ids) == 1 else f"[{', '.join(readings)}]").encode()


def as_arrow(ids: Ids, time_s: int, values: NDArray[np.float64]) -> bytes:
    """An IPC stream with plain strings, as a gateway without a dictionary writes it."""
    times = np.full(len(ids), time_s * 1000, "datetime64[ms]")
    batch = pa.record_batch(
        {
            "channel": pa.array(ids, pa.string()),
            "time": pa.array(times, pa.timestamp("ms", "UTC")),
            "value": pa.array(values),
            "quality": pa.array(np.zeros(len(ids), np.uint8)),
        }
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    return bytes(sink.getvalue())


FORMATS = (
    Format("JSON, one reading a message", 1_500_000, 1, as_json),
    Format("JSON arrays of 500", 3_000_000, PER_MESSAGE, as_json),
    Format("Arrow IPC, 500 readings", 6_000_000, PER_MESSAGE, as_arrow),
)


def by_lane(channels: Ids, lanes: int) -> Mapping[int, Ids]:
    """Channels of each lane, groups side by side."""
    found: dict[int, list[str]] = {lane: [] for lane in range(lanes)}
    for channel in channels:
        found[home_lane(channel.rsplit(".", 1)[0], lanes)].append(channel)
    return found


def messages(
    channels: Ids, lanes: int, what: Format
) -> Iterator[tuple[int, int, int, bytes]]:  # (lane, record timestamp in ms, readings, payload)
    """All messages, second by second."""
    chance = np.random.default_rng(7)
    owned = by_lane(channels, lanes)
    for second in range(-(-what.readings // len(channels))):
        time_s = BEGIN_S + second
        for lane, ids in owned.items():
            value = chance.normal(5.0, 0.02, len(ids))
            place = np.arange(len(ids))
            value[(place % DIPS == 0) & ((second + place // DIPS) % 97 < 3)] = 1.0
            for first in range(0, len(ids), what.per_message):
                some = slice(first, first + what.per_message)
                body = what.encode(ids[some], time_s, value[some])
                yield lane, time_s * 1000, len(ids[some]), body


def preload(
    bootstrap: str, topic: str, sent: Iterator[tuple[int, int, int, bytes]]
) -> tuple[int, int]:
    """Send all messages and wait for every one; how many there are, and their readings."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "compression.type": "lz4",  # as gateways should: readings are alike
            "linger.ms": 20,
            "batch.size": 1 << 18,
            "queue.buffering.max.messages": 2_000_000,
            "queue.buffering.max.kbytes": 1 << 20,
        }
    )
    count = total = 0
    for lane, time_ms, readings, body in sent:
        producer.produce(topic, body, partition=lane, timestamp=time_ms)
        count += 1
        total += readings
    assert producer.flush(60) == 0, "the broker did not take all messages within 60 s"
    return count, total
