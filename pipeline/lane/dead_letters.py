"""Dead letters: what was refused, where it stands in the log, and what to do about it."""

from typing import Final

import numpy as np

from contracts.batch import Batch, Disposition, Refused
from contracts.dead_letter import PAYLOAD_KEPT, DeadLetter, encode_dead_letter
from contracts.journal import Refuse
from contracts.lane import LaneName
from contracts.ports.lane_log import Message
from contracts.records import Records

REMEDIES: Final = {
    Disposition.UNKNOWN_CHANNEL: "expected a channel of the catalogue; add it or stop the sender",
    Disposition.MISPLACED_GROUP: "expected the group's home partition; key messages by group",
    Disposition.FUTURE: (
        "expected an event time near its record's timestamp; set the gateway's clock"
    ),
    Disposition.NOT_FINITE: "expected a finite value, or quality bad; fix the gateway",
    Disposition.OUT_OF_RANGE: (
        "expected a value inside the class's plausible range; check the sensor"
    ),
    Disposition.TOO_FAST: "expected a change that the quantity can make; check the sensor",
}


def _message(letter: DeadLetter) -> Message:
    return Message(
        "dead_letter", f"{letter.lane}@{letter.offset}".encode(), encode_dead_letter(letter)
    )


def undecodable(lane: LaneName, records: Records, refused: Refused) -> Message:
    """Dead letter of a message that gave no readings."""
    payload = records.payload(refused.record)
    kept = None if payload is None else bytes(payload[:PAYLOAD_KEPT]).decode(errors="replace")
    return _message(
        DeadLetter(
            lane=str(lane),
            reason=refused.reason,
            detail=refused.detail,
            topic=lane.telemetry,
            partition=lane.number,
            offset=int(records.offset[refused.record]),
            payload=kept,
        )
    )


def quarantined(
    lane: LaneName, offset: int, batch: Batch, place: int, verdict: tuple[Disposition, str]
) -> Message:
    """Dead letter of one reading; `verdict` is its disposition and its channel's id."""
    disposition, channel = verdict
    value = float(batch.value[place])
    return _message(
        DeadLetter(
            lane=str(lane),
            reason=disposition.word,
            detail=REMEDIES[disposition],
            topic=lane.telemetry,
            partition=lane.number,
            offset=offset,
            index=place - int(np.searchsorted(batch.record, batch.record[place])),
            channel=channel,
            time_ns=int(batch.time_ns[place]),
            value=value if np.isfinite(value) else None,
        )
    )


def refused_command(lane: LaneName, change: Refuse, offset: int) -> Message:
    """Dead letter of a command that cannot be carried out."""
    return _message(
        DeadLetter(
            lane=str(lane),
            reason=change.reason,
            detail=change.detail,
            topic=lane.commands,
            partition=lane.number,
            offset=offset,
            payload=change.body,
        )
    )
