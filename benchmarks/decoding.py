"""From the bytes of messages to columns with lane rows: the decoder against msgspec and a dict."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.support.claims import (
    Claim,
    interleaved,
    page_of,
    print_claims,
    print_table,
    write_rows,
    writes,
)
from benchmarks.support.traffic import FORMATS, Format, messages
from contracts.batch import Batch
from contracts.records import Records
from ingest.decode import DecodeLimits, Decoder

GROUPS = 10_000
READINGS = 200_000
POLL = 5_000
ROUNDS = 9
PADDING = bytes(32)
HEAD = ["format", "decoder ns", "library ns", "library/decoder"]

Columns = tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float64], NDArray[np.uint8]]
QUALITIES = {"good": 0, "uncertain": 1, "bad": 2}


class Reading(msgspec.Struct, gc=False):
    """What the library is to make of a JSON reading: its time parsed."""

    channel: str
    time: datetime
    value: float
    quality: Literal["good", "uncertain", "bad"] = "good"


@dataclass(frozen=True, slots=True)
class City:
    """Channels, their rows and a decoder for them."""

    channels: list[str]
    row_of: dict[str, int]
    decoder: Decoder


def city() -> City:
    """Two channels a group, sent in the unit of their class."""
    kinds = ("pressure", "flow")
    channels = [f"water.dma-{i:05d}.{kind}" for i in range(GROUPS) for kind in kinds]
    row_of = {channel: row for row, channel in enumerate(channels)}
    ones, zeros = np.ones(len(channels)), np.zeros(len(channels))
    return City(channels, row_of, Decoder(pa.array(list(row_of)), ones, zeros, DecodeLimits()))


def sent(channels: list[str], what: Format) -> tuple[list[Records], int]:
    """Polls as the source gives them, and the readings in them."""
    every = list(messages(channels, 1, replace(what, readings=READINGS)))
    polls = []
    per_poll = max(POLL // what.per_message, 1)
    for first in range(0, len(every), per_poll):
        some = every[first : first + per_poll]
        poll = Records.of([(first + i, stamp, body) for i, (_, stamp, _, body) in enumerate(some)])
        polls.append(replace(poll, buffer=poll.buffer + PADDING))
    return polls, sum(count for _, _, count, _ in every)


def columns_of(readings: list[Reading], row_of: dict[str, int]) -> Columns:
    """Columns of what the library made."""
    seconds = np.array([reading.time.timestamp() for reading in readings])
    return (
        np.array([row_of.get(reading.channel, -1) for reading in readings], np.int32),
        np.rint(seconds * 1000).astype(np.int64) * 1_000_000,
        np.array([reading.value for reading in readings]),
        np.array([QUALITIES[reading.quality] for reading in readings], np.uint8),
    )


def by_msgspec(row_of: dict[str, int]) -> Callable[[list[bytes]], Columns]:
    """JSON of either kind by msgspec, ids by the dict."""
    decode = msgspec.json.Decoder(Reading | list[Reading]).decode

    def read(payloads: list[bytes]) -> Columns:
        readings: list[Reading] = []
        for payload in payloads:
            found = decode(payload)
            if isinstance(found, Reading):
                readings.append(found)
            else:
                readings += found
        return columns_of(readings, row_of)

    return read


def by_arrow(row_of: dict[str, int]) -> Callable[[list[bytes]], Columns]:
    """Arrow by its own library, ids by the dict."""

    def read(payloads: list[bytes]) -> Columns:
        batches = [batch for payload in payloads for batch in pa.ipc.open_stream(payload)]
        table = pa.Table.from_batches(batches)
        rows = [row_of.get(channel, -1) for channel in table["channel"].to_pylist()]
        return (
            np.array(rows, np.int32),
            table["time"].cast(pa.int64()).to_numpy() * 1_000_000,
            table["value"].to_numpy(),
            table["quality"].to_numpy(),
        )

    return read


def same(batches: list[Batch], columns: list[Columns]) -> bool:
    """Whether both ways gave the same, to the bit."""
    return all(
        np.array_equal(batch.row, row)
        and np.array_equal(batch.time_ns, time_ns)
        and np.array_equal(batch.value.view(np.int64), value.view(np.int64))
        and np.array_equal(batch.quality, quality)
        for batch, (row, time_ns, value, quality) in zip(batches, columns, strict=True)
    )


def measure(place: City, what: Format) -> tuple[float, float]:
    """Median ns a reading of the decoder and of the library."""
    polls, count = sent(place.channels, what)
    bodies = [[bytes(poll.payload(i) or b"") for i in range(len(poll))] for poll in polls]
    read = (by_arrow if what.name.startswith("Arrow") else by_msgspec)(place.row_of)
    decode = place.decoder.decode
    assert same([decode(poll) for poll in polls], [read(some) for some in bodies]), what.name

    def ours() -> None:
        for poll in polls:
            decode(poll)

    def theirs() -> None:
        for some in bodies:
            read(some)

    seconds = interleaved({"decoder": ours, "library": theirs}, ROUNDS, lambda: None)
    return seconds["decoder"] * 1e9 / count, seconds["library"] * 1e9 / count


def main() -> None:
    """Measure, tell."""
    place = city()
    found = {what.name: measure(place, what) for what in FORMATS}
    rows = [
        [name, f"{ours:.0f}", f"{theirs:.0f}", f"{theirs / ours:.1f}"]
        for name, (ours, theirs) in found.items()
    ]
    print(f"ns a reading, median of {ROUNDS} interleaved rounds of {READINGS:,}, columns equal\n")
    print_table(HEAD, rows)
    if writes():
        write_rows(page_of("performance"), "decoding", HEAD, rows)
    goals = {
        "JSON, one reading a message": 8,
        "JSON arrays of 500": 8,
        "Arrow IPC, 500 readings": 4,
    }
    told = {f"decoder over library and dict, {name}": name for name in goals}
    print_claims(
        [
            Claim(text, found[name][1] / found[name][0], goals[name], "times", "at least")
            for text, name in told.items()
        ]
    )


if __name__ == "__main__":
    main()
