"""JSON readings decoded slowly and obviously, to compare the fast way with."""

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from typing import Any, NamedTuple

from contracts.batch import UNKNOWN

TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(\.\d{1,9})?([Zz]|([+-])(\d\d):(\d\d))",
    re.ASCII,
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
END = datetime(2201, 1, 1, tzinfo=UTC)
QUALITIES = ["good", "uncertain", "bad"]
KEYS = {"channel", "time", "value", "quality"}


class Refusal(Exception):  # noqa: N818 - the domain's word
    """The message is refused."""


class Row(NamedTuple):
    row: int
    time_ns: int
    value: float
    quality: int
    channel: str


def decode(payload: bytes, row_of: Mapping[str, int]) -> list[Row]:
    """Readings of one message, values as sent; `Refusal` when any part is wrong."""
    try:
        document = json.loads(payload.decode(), parse_constant=refuse, parse_float=finite)
    except (ValueError, RecursionError) as error:
        raise Refusal from error
    readings = document if isinstance(document, list) else [document]
    if not readings:
        raise Refusal
    return [decode_reading(reading, row_of) for reading in readings]


def refuse(word: str) -> float:
    raise Refusal(word)


def finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else refuse(text)


def decode_reading(reading: Any, row_of: Mapping[str, int]) -> Row:
    if not isinstance(reading, dict) or not {"channel", "time", "value"} <= set(reading) <= KEYS:
        raise Refusal
    channel, value, quality = reading["channel"], reading["value"], reading.get("quality", "good")
    if not isinstance(channel, str) or quality not in QUALITIES:
        raise Refusal
    if any(0xD800 <= ord(letter) < 0xE000 for letter in channel):
        raise Refusal
    if channel not in row_of and len(channel.encode()) > 128:
        raise Refusal
    if isinstance(value, bool) or not isinstance(value, int | float | None):
        raise Refusal
    try:
        number = math.nan if value is None else float(value)
    except OverflowError as error:
        raise Refusal from error
    row = row_of.get(channel, UNKNOWN)
    return Row(row, decode_time(reading["time"]), number, QUALITIES.index(quality), channel)


def decode_time(time: Any) -> int:
    if isinstance(time, int) and not isinstance(time, bool):
        if not 0 <= time < 7_289_654_400_000:
            raise Refusal
        return time * 1_000_000
    match = TIME.fullmatch(time) if isinstance(time, str) else None
    if match is None:
        raise Refusal
    try:
        year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
        moment = datetime(year, month, day, hour, minute, second, tzinfo=zone(match))
        if not EPOCH <= moment < END:
            raise Refusal
    except (ValueError, OverflowError) as error:
        raise Refusal from error
    whole = (moment - EPOCH) // timedelta(seconds=1) * 10**9
    return int(whole + Fraction("0" + (match[7] or ".0")) * 10**9)


def zone(match: re.Match[str]) -> timezone:
    if match[9] is None:
        return UTC
    hours, minutes = int(match[10]), int(match[11])
    if hours > 23 or minutes > 59:
        raise Refusal
    ahead = timedelta(hours=hours, minutes=minutes)
    return timezone(ahead if match[9] == "+" else -ahead)
