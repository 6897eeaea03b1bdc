"""JSON messages, a reading or an array of readings each, to columns."""

import re
from bisect import bisect_left
from typing import Annotated, Literal

import msgspec
import numpy as np
import pyarrow as pa
from msgspec import Meta
from numpy.typing import NDArray

from contracts.batch import UNKNOWN, Quality, Refused
from contracts.errors import DecodeError
from ingest.columns import Columns, without
from ingest.id_table import IdTable
from ingest.limits import DecodeLimits, Reason
from ingest.timestamps import OUTSIDE, read_mixed_times, read_times

QualityWord = Literal["good", "uncertain", "bad"]
# Plain integers: numpy takes an enum's members ten times slower.
_QUALITY = {quality.name.lower(): int(quality) for quality in Quality}
_PLACE = re.compile(r" - at `\$(?:\[(\d+)\])?\.?([^`]*)`$")


class Reading(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One reading as a gateway writes it; its time is text or whole epoch milliseconds."""

    channel: str
    time: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | str
    value: float | None
    quality: QualityWord = "good"


_DECODE = msgspec.json.Decoder(Reading | list[Reading]).decode


def decode_reading(payload: bytes, place: int) -> Reading:
    """One JSON reading with its time still as it came.

    Parameters
    ----------
    payload : bytes
        JSON document.
    place : int
        Kafka offset or line, for the message.

    Raises
    ------
    DecodeError
        `bad_json` when it is malformed, an array, or not a reading.
    """
    try:
        reading = _DECODE(payload)
    except (ValueError, RecursionError) as error:
        raise DecodeError(Reason.BAD_JSON, _explain(error, place)) from None
    if isinstance(reading, Reading):
        return reading
    msg = f"readings@{place}: expected one reading, got an array; write one reading on a line"
    raise DecodeError(Reason.BAD_JSON, msg)


def _explain(error: Exception, offset: int) -> str:
    """The library's finding in our form, with the place of the reading in its message."""
    text = str(error)
    place = _PLACE.search(text)
    if place is None:
        return f"readings@{offset}: {_lower(text)}; send one reading or an array of them"
    key = f"`{place[2]}`: " if place[2] else ""
    finding = _lower(text[: place.start()])
    return f"readings[{place[1] or 0}]@{offset}: {key}{finding}; send what the schema says"


def _lower(text: str) -> str:
    return text if text[:2].isupper() else text[:1].lower() + text[1:]


class JsonRun:
    """Collects consecutive JSON messages, so that numpy works on all of them at once."""

    def __init__(self, table: IdTable, limits: DecodeLimits, offsets: NDArray[np.int64]) -> None:
        self._table = table
        self._limits = limits
        self._offsets = offsets
        self._readings: list[Reading] = []
        # Message by message: its record, and the place of its first reading in `_readings`.
        self._record: list[int] = []
        self._first: list[int] = []

    def __len__(self) -> int:
        return len(self._readings)

    def offset(self, record: int) -> int:
        """Kafka offset of a record."""
        return int(self._offsets[record])

    def add(self, record: int, payload: bytes) -> int:
        """Decode one more message and count all readings; `DecodeError` leaves them as they were.

        Runs once a message: every statement here costs the whole city.
        """
        try:
            readings: Reading | list[Reading] = _DECODE(payload)
        except (ValueError, RecursionError) as error:
            raise DecodeError(Reason.BAD_JSON, _explain(error, self.offset(record))) from None
        collected = self._readings
        first = len(collected)
        if isinstance(readings, Reading):
            collected.append(readings)
        else:
            self._check_count(record, len(readings))
            collected += readings
        self._record.append(record)
        self._first.append(first)
        return len(collected)

    def _check_count(self, record: int, count: int) -> None:
        where, most = f"readings@{self._offsets[record]}", self._limits.readings_per_message
        if count == 0:
            msg = f"{where}: expected at least one reading, got none; send no empty arrays"
            raise DecodeError(Reason.EMPTY, msg)
        if count > most:
            msg = f"{where}: expected at most {most} readings, got {count}; send smaller arrays"
            raise DecodeError(Reason.TOO_MANY, msg)

    def take(self) -> Columns:
        """What was collected; the run is empty again."""
        readings = self._readings
        n = len(readings)
        ids = [reading.channel for reading in readings]
        row = self._table.rows(pa.array(ids, pa.large_string()))
        bounds = np.array([*self._first, n], np.int64)
        columns = Columns(
            np.repeat(np.array(self._record, np.int32), bounds[1:] - bounds[:-1]),
            row,
            _times(readings),
            np.array([reading.value for reading in readings], np.float64),
            np.array([_QUALITY[reading.quality] for reading in readings], np.uint8),
            {int(i): ids[i] for i in np.flatnonzero(row == UNKNOWN)},
        )
        refused = self._find_wrong(columns)
        self._readings, self._record, self._first = [], [], []
        return without(columns, refused) if refused else columns

    def _find_wrong(self, columns: Columns) -> list[Refused]:
        """The first fault of each message that msgspec could not see."""
        most = self._limits.channel_bytes
        faults = {int(i) for i in np.flatnonzero(columns.time_ns < 0)}
        faults |= {i for i, channel in columns.unknown_id.items() if too_long(channel, most)}
        found: dict[int, Refused] = {}
        for i in sorted(faults):
            record = int(columns.record[i])
            first = self._first[bisect_left(self._record, record)]
            where = f"readings[{i - first}]@{self._offsets[record]}"
            found.setdefault(record, Refused(record, *self._fault(i, columns, where)))
        return list(found.values())

    def _fault(self, i: int, columns: Columns, where: str) -> tuple[str, str]:
        reading = self._readings[i]
        if columns.time_ns[i] < 0:
            return Reason.BAD_TIME.value, time_fault(where, reading.time, int(columns.time_ns[i]))
        return Reason.BAD_CHANNEL.value, channel_fault(
            where, reading.channel, self._limits.channel_bytes
        )


def time_fault(where: str, time: str | int, code: int) -> str:
    """What to tell about a time that reads as `NO_TIME` or `OUTSIDE`."""
    got = repr(time) if len(str(time)) <= 64 else "a long text"
    if code == OUTSIDE:
        return f"{where}: expected a time from 1970 to 2200, got {got}; set the gateway clock"
    return f"{where}: expected a UTC time with offset, got {got}; fix the gateway clock format"


def _times(readings: list[Reading]) -> NDArray[np.int64]:
    times = [reading.time for reading in readings]
    try:
        return read_times(times)  # type: ignore[arg-type]
    except TypeError:
        return read_mixed_times(times)


def too_long(channel: str, most_bytes: int) -> bool:
    """Whether an id takes more than this many bytes in UTF-8, which has at most 4 a character."""
    return len(channel) * 4 > most_bytes and len(channel.encode()) > most_bytes


def channel_fault(where: str, channel: str, most_bytes: int) -> str:
    """What to tell about an id that is too long."""
    return (
        f"{where}: expected a channel id of at most {most_bytes} bytes, "
        f"got {channel[:32]!r}…; shorten the id at the gateway"
    )
