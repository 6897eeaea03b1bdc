"""Dead letters: what was refused, where it stands in the log, and what to do about it."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contracts.batch import Batch, Disposition, Refused
from contracts.dead_letter import PAYLOAD_KEPT, DeadLetter, encode_dead_letter
from contracts.journal import Refuse
from contracts.lane import LaneName
from contracts.ports.lane_log import Message
from contracts.records import Records

REMEDIES: Final = {
    Disposition.UNKNOWN_CHANNEL: "expected a channel of the catalogue; add it or stop the sender",
    Disposition.MISPLACED_GROUP: (
        "expected the group's home partition; key messages by group and partition by murmur2"
    ),
    Disposition.FUTURE: (
        "expected an event time near its record's timestamp; set the gateway's clock"
    ),
    Disposition.NOT_FINITE: "expected a finite value, or quality bad; fix the gateway",
    Disposition.OUT_OF_RANGE: (
        "expected a value inside the class's plausible range; check the sensor"
    ),
    Disposition.TOO_FAST: "expected a change that the quantity can make; check the sensor",
}


# Dead letters of one cause in one message: a count of the message alone, so that it does not
# depend on how the stream is cut.
LETTERS_PER_CAUSE: Final = 64


class Verdict(NamedTuple):
    """What became of a reading.

    Parameters
    ----------
    disposition : Disposition
    channel : str
        Its channel's id.
    untold : int
        Further readings of its message with the same disposition that get no dead letter.
    stamp_ms : int or None
        Timestamp of its record.
    home : int or None
        Partition that would be right, where it came by another.
    """

    disposition: Disposition
    channel: str
    untold: int = 0
    stamp_ms: int | None = None
    home: int | None = None


def sampled(
    record: NDArray[np.int32], disposition: NDArray[np.uint8], bad: NDArray[np.intp]
) -> Iterator[tuple[int, int]]:
    """Readings that get a dead letter: the first of each cause in each message.

    Parameters
    ----------
    record, disposition : shape (n,)
        Of all readings of a batch.
    bad : shape (m,)
        Places of the quarantined ones, rising.

    Yields
    ------
    (int, int)
        Place of a reading, and how many more of its cause and message get none: said once, with
        the last of those that do. All of them are counted.

    Examples
    --------
    >>> record, unknown = np.zeros(100, np.int32), np.full(100, 7, np.uint8)
    >>> list(sampled(record, unknown, np.arange(100)))[-1]
    (63, 36)
    """
    cause = record[bad].astype(np.int64) << 8 | disposition[bad]
    order = np.argsort(cause, kind="stable")
    _, first, count = np.unique(cause[order], return_index=True, return_counts=True)
    rank = np.empty(len(bad), np.int64)
    rank[order] = np.arange(len(bad)) - np.repeat(first, count)
    more = np.empty(len(bad), np.int64)
    more[order] = np.repeat(count, count) - LETTERS_PER_CAUSE
    told = np.flatnonzero(rank < LETTERS_PER_CAUSE)
    last = rank[told] == LETTERS_PER_CAUSE - 1
    yield from zip(bad[told].tolist(), np.where(last, more[told], 0).tolist(), strict=True)


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
            stamp_ms=int(records.timestamp_ms[refused.record]),
        )
    )


def quarantined(lane: LaneName, offset: int, batch: Batch, place: int, verdict: Verdict) -> Message:
    """Dead letter of one reading."""
    disposition, channel, untold, stamp_ms, home = verdict
    right = f"; partition {home} would be right, got {lane.number}" if home is not None else ""
    more = f"; {untold} more readings of this message are counted, not listed" if untold else ""
    value = float(batch.value[place])
    return _message(
        DeadLetter(
            lane=str(lane),
            reason=disposition.word,
            detail=REMEDIES[disposition] + right + more,
            topic=lane.telemetry,
            partition=lane.number,
            offset=offset,
            index=place - int(np.searchsorted(batch.record, batch.record[place])),
            channel=channel,
            time_ns=int(batch.time_ns[place]),
            value=value if np.isfinite(value) else None,
            count=1 + untold,
            stamp_ms=stamp_ms,
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
