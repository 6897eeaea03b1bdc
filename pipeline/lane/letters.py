"""Dead letters of what a lane has just judged, in the order of their places."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contracts.batch import Batch, Disposition, Refused
from contracts.lane import LaneName
from contracts.ports.lane_log import Message
from contracts.ports.lane_parts import Parts
from contracts.records import Records
from pipeline.lane.dead_letters import (
    NOT_JUDGED,
    LetterSample,
    Verdict,
    quarantined,
    sampled,
    undecodable,
)

# Where an output of a span belongs: record, reading, 1 + rule (0 before all rules), row.
Place = tuple[int, int, int, int]


@dataclass(slots=True)
class Work:
    """Readings of some records, with what their records say of time."""

    lane: LaneName
    records: Records
    batch: Batch
    stamp_ns: NDArray[np.int64]
    lane_time_s: NDArray[np.int64]
    disposition: NDArray[np.uint8]
    by_record_s: NDArray[np.int64]  # lane time of each record
    admitted: int = 0  # readings whose disposition is known, from the first one on

    def span(self, first: int, last: int) -> tuple[int, int]:
        """Readings of records `first` up to but not including `last`: the first, one behind."""
        record = self.batch.record  # a number of another type would have it copied whole
        return (
            int(np.searchsorted(record, np.int32(first))),
            int(np.searchsorted(record, np.int32(last))),
        )


def message_letters(
    work: Work, refused: Iterable[Refused], sample: LetterSample, set_aside: Mapping[int, str]
) -> Iterator[tuple[Place, Message]]:
    """Dead letters of messages that gave no readings.

    Parameters
    ----------
    work : Work
    refused : iterable of Refused
        In the order of their records.
    sample : LetterSample
    set_aside : mapping of int to str
        Offsets of records that cannot be judged, and why.
    """
    for message in refused:
        moment_s = int(work.by_record_s[message.record])
        why = set_aside.get(int(work.records.offset[message.record]))
        told = message if why is None else message._replace(reason=NOT_JUDGED, detail=why)
        untold = sample.judge(told.reason, moment_s)
        if untold is not None:
            letter = undecodable(work.lane, work.records, told, untold)
            yield (message.record, -1, 0, 0), letter


def reading_letters(
    work: Work, span: tuple[int, int], sample: LetterSample, parts: Parts
) -> Iterator[tuple[Place, Message]]:
    """Dead letters of the readings from `span[0]` up to but not including `span[1]`."""
    batch = work.batch
    bad = np.flatnonzero(work.disposition[span[0] : span[1]] > Disposition.UNDECODABLE) + span[0]
    if not len(bad):
        return
    for place, of_message in sampled(batch.record, work.disposition, bad):
        row, record = int(batch.row[place]), int(batch.record[place])
        disposition = Disposition(int(work.disposition[place]))
        untold = sample.judge(disposition.word, int(work.lane_time_s[place]), of_message)
        if untold is None:
            continue
        channel = batch.unknown_id[place] if row < 0 else parts.catalogue.ids[row]
        lost = disposition == Disposition.MISPLACED_GROUP
        home = parts.home_of(channel) if lost else None
        stamp_ms = int(work.records.timestamp_ms[record])
        verdict = Verdict(disposition, channel, untold, stamp_ms, home)
        offset = int(work.records.offset[record])
        yield (record, place, 0, 0), quarantined(work.lane, offset, batch, place, verdict)
