"""Telemetry as JSON lines, one reading a line: what people write by hand and other tools export."""

from collections.abc import Callable, Iterator
from pathlib import Path

from contracts.errors import DecodeError
from contracts.quantities import NS_PER_MS
from contracts.records import Records
from ingest.json.reading import decode_reading, time_fault
from ingest.limits import DecodeLimits, Reason
from ingest.timestamps import read_mixed_times

ROWS_PER_BATCH = 16_384
BLOCK_BYTES = 1 << 20


def count(path: Path) -> int:
    """How many lines a file has; blank ones count."""
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(BLOCK_BYTES), b""))


def read_lines(
    path: Path,
    lane: int,
    lane_of: Callable[[str], int],
    limits: DecodeLimits | None = None,
    rows_per_batch: int = ROWS_PER_BATCH,
) -> Iterator[Records]:
    """Records of one lane from a file of JSON readings, in batches of bounded size.

    Each line becomes a record: its offset is the line number less one, its timestamp the
    reading's event time floored to a millisecond, its payload the line. Blank lines are left out.

    Parameters
    ----------
    path : Path
        UTF-8 text with one reading a line.
    lane, lane_of : int, callable
        Lane to read, and the lane of a channel id.
    limits : DecodeLimits, optional
        `message_bytes` bounds a line.
    rows_per_batch : int
        Most records a batch.

    Raises
    ------
    DecodeError
        For the first line that is no reading: a recording is repaired, not played with holes.
    """
    most = (limits or DecodeLimits()).message_bytes
    rows: list[tuple[int, int, bytes | None]] = []
    for number, line in _lines(path, most):
        channel, timestamp_ms = _head(path, number, line)
        if lane_of(channel) == lane:
            rows.append((number - 1, timestamp_ms, line))
        if len(rows) == rows_per_batch:
            yield Records.of(rows)
            rows = []
    if rows:
        yield Records.of(rows)


def _lines(path: Path, most_bytes: int) -> Iterator[tuple[int, bytes]]:
    """Number, from 1, and text of each line that is not blank."""
    with path.open("rb") as file:
        number = 0
        while line := file.readline(most_bytes + 2):
            number += 1
            text = line.strip()
            if len(text) > most_bytes:
                msg = f"{path}:{number}: expected at most {most_bytes} bytes a line; split the line"
                raise DecodeError(Reason.TOO_LARGE, msg)
            if text:
                yield number, text


def _head(path: Path, number: int, line: bytes) -> tuple[str, int]:
    """Channel and event time in milliseconds of one line."""
    try:
        reading = decode_reading(line, number)
    except DecodeError as error:
        msg = f"{path}:{number}: {error.detail.partition(': ')[2]}"
        raise DecodeError(error.reason, msg) from None
    time_ns = int(read_mixed_times([reading.time])[0])
    if time_ns < 0:
        msg = time_fault(f"{path}:{number}", reading.time, time_ns)
        raise DecodeError(Reason.BAD_TIME, msg)
    return reading.channel, time_ns // NS_PER_MS
