"""Dead letters: what was refused, where it stands in the log, and what to do about it."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec
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

NOT_JUDGED: Final = "not_judged"  # reason of what raised when it was judged

# Dead letters of one cause in one message: a count of the message alone, so that it does not
# depend on how the stream is cut.
LETTERS_PER_CAUSE: Final = 64
# Dead letters of one cause in one minute of lane time; from then on one in so many.
LETTERS_PER_MINUTE: Final = 1_000


class Verdict(NamedTuple):
    """What became of a reading.

    Parameters
    ----------
    disposition : Disposition
    channel : str
        Its channel's id.
    untold : int
        Readings with the same disposition that get no dead letter and are not said yet.
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


class LetterSample:
    """Which refusals leave as dead letters when there are very many of one cause.

    The first thousand of a cause in a minute of lane time do, then each thousandth, which says how
    many did not. That depends on the records alone: neither on how they are cut nor on a clock.

    Parameters
    ----------
    state : dict, optional
        From `state`.

    Examples
    --------
    >>> sample = LetterSample()
    >>> found = [sample.judge("bad_json", 60) for _ in range(3_000)]
    >>> found[999:1002], found[1_999], found.count(None)
    ([0, None, None], 999, 1998)
    """

    def __init__(self, state: dict[str, list[int]] | None = None) -> None:
        # Minute, letters asked for in it, refusals not said yet.
        self._by_cause = {cause: list(counts) for cause, counts in (state or {}).items()}

    def judge(self, cause: str, lane_time_s: int, more: int = 0) -> int | None:
        """Refusals to be said in a letter for one refusal, None when it gets no letter.

        Parameters
        ----------
        cause : str
        lane_time_s : int
        more : int
            Further refusals that get none of their own whatever comes.
        """
        minute = lane_time_s // 60
        counts = self._by_cause.setdefault(cause, [minute, 0, 0])
        if counts[0] != minute:
            counts[:2] = minute, 0
        counts[1] += 1
        if counts[1] > LETTERS_PER_MINUTE and counts[1] % LETTERS_PER_MINUTE:
            counts[2] += 1 + more
            return None
        untold, counts[2] = counts[2] + more, 0
        return untold

    def state(self) -> dict[str, list[int]]:
        """Counts for a snapshot."""
        return {cause: list(counts) for cause, counts in sorted(self._by_cause.items())}


def _more(untold: int) -> str:
    return f"; {untold} more of this cause are counted, not listed" if untold else ""


def _message(letter: DeadLetter) -> Message:
    return Message(
        "dead_letter", f"{letter.lane}@{letter.offset}".encode(), encode_dead_letter(letter)
    )


def alarm_letter(lane: LaneName, letter: DeadLetter, untold: int = 0) -> Message:
    """Dead letter of an alarm record that the desk stage `lane` does not take.

    Parameters
    ----------
    lane : LaneName
    letter : DeadLetter
        Whose record it is, and why it is refused.
    untold : int
        How many before it got none.
    """
    detail = letter.detail + _more(untold)
    return _message(msgspec.structs.replace(letter, lane=str(lane), detail=detail))


def undecodable(lane: LaneName, records: Records, refused: Refused, untold: int = 0) -> Message:
    """Dead letter of a message that gave no readings; says how many before it got none."""
    payload = records.payload(refused.record)
    kept = None if payload is None else bytes(payload[:PAYLOAD_KEPT]).decode(errors="replace")
    return _message(
        DeadLetter(
            lane=str(lane),
            reason=refused.reason,
            detail=refused.detail + _more(untold),
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
    value = float(batch.value[place])
    return _message(
        DeadLetter(
            lane=str(lane),
            reason=disposition.word,
            detail=REMEDIES[disposition] + right + _more(untold),
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
