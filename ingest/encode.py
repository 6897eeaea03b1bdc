"""Readings to messages, for gateways and concentrators: many readings of one lane in each.

It is the other end of `ingest.decode`, in the same room so that the two are tested against each
other. docs/records.md says what it is worth.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from operator import index
from typing import Final, Literal, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from contracts.batch import Quality
from ingest.limits import DecodeLimits
from ingest.partitioner import home_lanes
from ingest.timestamps import END_MS

READINGS_MAX: Final = 4_000  # of the longest ids, as JSON, still less than a message may have
_CHANNEL_BYTES: Final = DecodeLimits().channel_bytes
_GROUPS: Final = 1 << 16  # whose homes are remembered
_SCHEMA: Final = pa.schema(
    [
        ("channel", pa.string()),
        ("time", pa.timestamp("ms", "UTC")),
        ("value", pa.float64()),
        ("quality", pa.uint8()),
    ]
)
_WORDS: Final = {quality: quality.name.lower() for quality in Quality}


class Sample(NamedTuple):
    """One reading as a gateway has it.

    Parameters
    ----------
    group : str
        The channel's group in the catalogue, which decides the partition.
    channel : str
    time_ms : int
        Event time, milliseconds since 1970 UTC.
    value : float
    quality : Quality
    """

    group: str
    channel: str
    time_ms: int
    value: float
    quality: Quality = Quality.GOOD


class Outgoing(NamedTuple):
    """A message to be produced.

    Parameters
    ----------
    lane : int
        Partition.
    key : str
        A group of that lane: Kafka's default partitioner finds the same partition by it.
    body : bytes
        Payload.
    """

    lane: int
    key: str
    body: bytes


@dataclass
class _Waiting:
    """Samples of one lane, and when the first of them came."""

    since_s: float
    samples: list[Sample] = field(default_factory=list)


class Encoder:
    """Collects samples lane by lane, so that each message holds many of one lane.

    It holds at most `readings` samples a lane. Samples of a lane leave in the order in which they
    came. There is no clock in here: the caller says what time it is.

    Parameters
    ----------
    lanes : int
        Partitions of the telemetry topic.
    form : {"arrow", "json"}
        An Arrow IPC stream or a JSON array.
    readings : int
        Most readings of a message, up to `READINGS_MAX`; 100 to 500 are worth while.
    age_s : float
        How long a sample may wait for others.

    Raises
    ------
    ValueError
        When `readings` is out of bounds.

    Examples
    --------
    >>> encoder = Encoder(lanes=4, form="json", readings=2)
    >>> encoder.add(Sample("water.dma-0417", "water.dma-0417.flow", 1000, 3.5), now_s=0.0)
    >>> encoder.due(now_s=0.1), [message.lane for message in encoder.due(now_s=0.3)]
    ([], [0])
    """

    def __init__(
        self,
        lanes: int,
        form: Literal["arrow", "json"] = "arrow",
        readings: int = 500,
        age_s: float = 0.2,
    ) -> None:
        if not 1 <= readings <= READINGS_MAX:
            msg = f"encoder: expected 1 to {READINGS_MAX} readings a message, got {readings}"
            raise ValueError(msg)
        self._lanes = lanes
        self._encode = _as_arrow if form == "arrow" else _as_json
        self._readings = readings
        self._age_s = age_s
        self._waiting: dict[int, _Waiting] = {}

    def add(self, sample: Sample, now_s: float) -> Outgoing | None:
        """Take one more sample; the message that it makes full, if any.

        Raises
        ------
        ValueError
            When the decoder would refuse the sample, and with it all others of its message: a time
            before 1970 or after 2200, an id that is too long. It is not taken, the others stay.
        TypeError
            When a time or a value is no number.
        """
        sample = _sound(sample)
        lane = _home(sample.group, self._lanes)
        waiting = self._waiting.setdefault(lane, _Waiting(now_s))
        waiting.samples.append(sample)
        return self._take(lane) if len(waiting.samples) == self._readings else None

    def due(self, now_s: float) -> list[Outgoing]:
        """Messages of the samples that have waited long enough; ask some times a second."""
        old = [
            lane for lane, found in self._waiting.items() if now_s - found.since_s >= self._age_s
        ]
        return [self._take(lane) for lane in old]

    def flush(self) -> list[Outgoing]:
        """Messages of all samples that wait, before the gateway stops."""
        return [self._take(lane) for lane in list(self._waiting)]

    def _take(self, lane: int) -> Outgoing:
        samples = self._waiting.pop(lane).samples
        return Outgoing(lane, samples[0].group, self._encode(samples))


def _sound(sample: Sample) -> Sample:
    """A sample in plain numbers that nothing behind here can refuse."""
    group, channel, time_ms, value, quality = sample
    if len(channel.encode()) > _CHANNEL_BYTES:
        msg = f"encoder: expected a channel id of at most {_CHANNEL_BYTES} bytes, got {channel!r}"
        raise ValueError(msg)
    if not 0 <= time_ms < END_MS:
        msg = f"encoder: {channel}: expected a time from 1970 to 2200, got {time_ms} ms; "
        msg += "set the gateway clock"
        raise ValueError(msg)
    return Sample(group, channel, index(time_ms), float(value), Quality(quality))


@lru_cache(_GROUPS)
def _home(group: str, lanes: int) -> int:
    return int(home_lanes(pa.array([group]), lanes)[0])


def _as_json(samples: list[Sample]) -> bytes:
    return msgspec.json.encode(
        [
            {
                "channel": sample.channel,
                "time": sample.time_ms,
                "value": sample.value,
                "quality": _WORDS[sample.quality],
            }
            for sample in samples
        ]
    )


def _as_arrow(samples: list[Sample]) -> bytes:
    """Plain strings: a dictionary of ids would have to be read anew in each message."""
    times = np.array([sample.time_ms for sample in samples], "datetime64[ms]")
    columns = [
        pa.array([sample.channel for sample in samples], pa.string()),
        pa.array(times).cast(_SCHEMA.field("time").type),
        pa.array([sample.value for sample in samples], pa.float64()),
        pa.array([sample.quality for sample in samples], pa.uint8()),
    ]
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, _SCHEMA) as stream:
        stream.write_batch(pa.record_batch(columns, schema=_SCHEMA))
    return bytes(sink.getvalue())
