"""Alarm revisions of a city, made for the desk stage."""

import hashlib
from datetime import datetime
from functools import cache
from typing import Any

import msgspec

from contracts.alarm import (
    Alarm,
    OwnedBy,
    RespondTo,
    RungBy,
    ShelvingRecord,
    encode_alarm,
    encode_shelving,
)
from contracts.catalogue import Where
from contracts.civil_time import CITY

BEGAN_S = 1_700_000_000


def alarm_id(number: int) -> str:
    """Id of the alarm with a number."""
    return "a-" + hashlib.blake2b(b"%d" % number, digest_size=8).hexdigest()


@cache
def _first() -> Alarm:
    return Alarm(
        id="",
        revision=1,
        state="active",
        colour="yellow",
        was="clear",
        lifeline="water",
        channel="",
        group="",
        onset="",
        detected="",
        say={"en": "Feed 7: flow 3 m³/h, below 9 m³/h.", "zh": "七号干管流量低于 9 m³/h。"},
        observed=3.0,
        expected=9.0,
        band=[8.0, 10.0],
        unit="m³/h",
        next=None,
        where=Where("310101", "310101002", "n-03", "g-0301-01", 121.4725, 31.2298),
        criticality="high",
        evidence=[],
        cause="main shut or burst",
        consequence="tanks run empty within hours",
        respond=RespondTo("W-3", ["read tank levels"]),
        owner=OwnedBy("district", "district water bureau", "", "city"),
        rule=RungBy("limit", "water/flow.yaml:13", "[E]", "94ea20f", "low"),
    )


def shelving(channel: str = "water.feed-1.flow", **changed: Any) -> bytes:
    """Body of what a lane tells when it shelves a channel."""
    times = ("2026-03-01T08:00:00+08:00", "2026-03-01T09:00:00+08:00")
    record = ShelvingRecord(channel, "water", "shelved", *times, "li.wei", "duty", "flushing", "c")
    return encode_shelving(msgspec.structs.replace(record, **changed))


def alarm(number: int, at_s: int = BEGAN_S, **changed: Any) -> bytes:
    """Body of a revision of the alarm with a number, detected at a time."""
    detected = datetime.fromtimestamp(at_s, CITY).isoformat()
    channel = f"water.feed-{number}.flow"
    own: dict[str, Any] = {
        "id": alarm_id(number),
        "channel": channel,
        "group": channel.rpartition(".")[0],
        "onset": detected,
        "detected": detected,
    }
    return encode_alarm(msgspec.structs.replace(_first(), **own | changed))
