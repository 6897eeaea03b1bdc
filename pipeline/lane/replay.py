"""The same lane over files: recorded telemetry and journal in, outputs out."""

from collections.abc import Iterable, Iterator

from contracts.journal import Entry
from contracts.ports.lane_log import Message
from contracts.records import Records
from pipeline.lane import journal_merge
from pipeline.lane.lane import Lane


def replay(
    lane: Lane, telemetry: Iterable[Records], journal: Iterable[tuple[int, Entry]]
) -> Iterator[Message]:
    """Outputs of a lane, in order; behind those of each piece, what its shadow told of it.

    Parameters
    ----------
    lane : Lane
        Usually newborn; it is used up.
    telemetry : iterable of Records
        In offset order, cut anyhow.
    journal : iterable of (int, Entry)
        Journal offsets and entries, in order; entries behind the last record apply at the end.
    """
    entries = journal_merge.in_force(journal)
    for records in telemetry:
        journal_merge.feed(lane, records, entries)
        yield from lane.outbox.take() + lane.shadow_outbox.take()
    while entries:
        offset, entry = entries.popleft()
        lane.position = max(lane.position, entry.at)
        lane.apply(entry)
        lane.journal = offset + 1
        yield from lane.outbox.take() + lane.shadow_outbox.take()
