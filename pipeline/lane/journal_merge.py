"""Telemetry and journal as one input: each entry before the record that it names."""

from collections import deque

import numpy as np

from contracts.journal import Entry
from contracts.records import Records
from pipeline.lane.lane import Lane

# Entries that wait for their position, with the journal offset of each.
Entries = deque[tuple[int, Entry]]


def feed(lane: Lane, records: Records, entries: Entries) -> None:
    """Feed records, letting each entry take effect before the first record at or behind it.

    Entries behind the last record stay in `entries`.
    """
    rest = records
    while entries:
        offset, entry = entries[0]
        cut = int(np.searchsorted(rest.offset, entry.at))
        if cut:
            lane.feed(rest.cut(0, cut))
            rest = rest.cut(cut, len(rest))
        if len(rest):
            lane.position = max(lane.position, entry.at)  # between the two lies only a hole
        elif entry.at > rest.next_offset:
            break
        else:
            lane.feed(rest)
        entries.popleft()
        lane.apply(entry)
        lane.journal = offset + 1
    lane.feed(rest)


def due(lane: Lane, entries: Entries) -> bool:
    """Whether the next entry's position has been reached without further records."""
    return bool(entries) and entries[0][1].at <= lane.position
