"""Telemetry and journal as one input: each entry before the record that it names."""

from collections import deque
from collections.abc import Iterator

import numpy as np

from contracts.journal import Entry
from contracts.records import Records
from pipeline.lane.judging import judging
from pipeline.lane.lane import Lane, exhaust

# Entries that wait for their position, with the journal offset of each.
Entries = deque[tuple[int, Entry]]


def feed(lane: Lane, records: Records, entries: Entries) -> None:
    """Feed records, letting each entry take effect before the first record at or behind it.

    Entries behind the last record stay in `entries`.
    """
    exhaust(feeding(lane, records, entries))


def feeding(lane: Lane, records: Records, entries: Entries) -> Iterator[None]:
    """Do what `feed` does in turns, as `Lane.feeding` does."""
    rest = records
    while entries:
        offset, entry = entries[0]
        cut = int(np.searchsorted(rest.offset, entry.at))
        if cut:
            yield from _feeding(lane, rest.cut(0, cut))
            rest = rest.cut(cut, len(rest))
        if len(rest):
            lane.position = max(lane.position, entry.at)  # between the two lies only a hole
        elif entry.at > rest.next_offset:
            break
        else:
            yield from _feeding(lane, rest)
        entries.popleft()
        yield from judging(lane.applying(entry), f"journal entry {offset}")
        lane.journal = offset + 1
    yield from _feeding(lane, rest)


def _feeding(lane: Lane, records: Records) -> Iterator[None]:
    span = f"{records.offset[0]} to {records.offset[-1]}" if len(records) else "none"
    return judging(lane.feeding(records), f"{lane.name.telemetry} {span}", records)


def due(lane: Lane, entries: Entries) -> bool:
    """Whether the next entry's position has been reached without further records."""
    return bool(entries) and entries[0][1].at <= lane.position
