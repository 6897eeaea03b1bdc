"""Telemetry as JSON lines, one reading a line: what people write by hand and other tools export."""

import codecs
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contracts.errors import DecodeError
from contracts.quantities import NS_PER_MS, NS_PER_S
from contracts.records import Records
from ingest.json.reading import Reading, decode_reading, time_fault
from ingest.limits import DecodeLimits, Reason
from ingest.timestamps import read_mixed_times
from lab.data.cells import no_text

ROWS_PER_BATCH = 16_384
BLOCK_BYTES = 1 << 20
_NO_NUMBER: Final = re.compile(rb":\s*[-+]?(nan|inf)", re.IGNORECASE)  # as Python and R write it
PLAUSIBLE_S: Final = 315_532_800  # 1980: older telemetry is a wrong unit, or a clock without time


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


def channels(path: Path) -> set[str]:
    """Ids that the lines of a file name; `DecodeError` as `read_lines`."""
    return {reading.channel for _, reading in numbered_readings(path)}


def numbered_readings(path: Path) -> Iterator[tuple[int, Reading]]:
    """Each line that is not blank as a reading, with its number from 1.

    Raises
    ------
    DecodeError
        For the first line that is none.
    """
    for number, line in _lines(path, DecodeLimits().message_bytes):
        yield number, _reading(path, number, line)


def notes(path: Path) -> list[str]:
    """What a person should know of the times of a file of lines."""
    found = [(number, reading.time) for number, reading in numbered_readings(path)]
    time_ns = read_mixed_times([time for _, time in found])
    return old_times(path, [number for number, _ in found], time_ns)


def old_times(path: Path, numbers: Sequence[int], time_ns: NDArray[np.int64]) -> list[str]:
    """What to tell of times before 1980: seconds where milliseconds are expected."""
    old = np.flatnonzero(time_ns < PLAUSIBLE_S * NS_PER_S)
    if not len(old):
        return []
    text = f"{path}:{numbers[int(old[0])]}: {len(old):,} times lie before 1980"
    return [f"{text}; whole numbers are milliseconds since 1970, are these seconds?"]


def _lines(path: Path, most_bytes: int) -> Iterator[tuple[int, bytes]]:
    """Number, from 1, and text of each line that is not blank, behind a byte order mark."""
    with path.open("rb") as file:
        head = file.read(4)
        if what := no_text(head):
            msg = f"{path}: expected JSON readings, one a line, got {what}; unpack it first"
            raise DecodeError(Reason.BAD_JSON, msg)
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            msg = f"{path}:1: expected UTF-8, got UTF-16; save the file as UTF-8"
            raise DecodeError(Reason.BAD_JSON, msg)
        file.seek(0)
        number = 0
        while line := file.readline(most_bytes + 2):
            number += 1
            text = (line.removeprefix(codecs.BOM_UTF8) if number == 1 else line).strip()
            if len(text) > most_bytes:
                msg = f"{path}:{number}: expected at most {most_bytes} bytes a line; split the line"
                raise DecodeError(Reason.TOO_LARGE, msg)
            if text:
                yield number, text


def _reading(path: Path, number: int, line: bytes) -> Reading:
    try:
        return decode_reading(line, number)
    except DecodeError as error:
        text = error.detail.partition(": ")[2]
        if b"\r" in line:
            text = "expected a line feed behind each reading, got carriage returns; save the file"
            text += " with the line ends of Unix or Windows"
        elif number == 1 and line[:1] in (b"[", b"{") and line[-1:] != b"}":
            text = f"expected one JSON object a line, got {line[:20].decode(errors='replace')!r}"
            text += "; write each reading on a line of its own, without brackets around them or"
            text += " commas between them"
        elif _NO_NUMBER.search(line):
            text = "expected a number or null, got NaN, which JSON does not have; write null"
        raise DecodeError(error.reason, f"{path}:{number}: {text}") from None


def _head(path: Path, number: int, line: bytes) -> tuple[str, int]:
    """Channel and event time in milliseconds of one line."""
    reading = _reading(path, number, line)
    time_ns = int(read_mixed_times([reading.time])[0])
    if time_ns < 0:
        msg = time_fault(f"{path}:{number}", reading.time, time_ns)
        raise DecodeError(Reason.BAD_TIME, msg)
    return reading.channel, time_ns // NS_PER_MS
