"""Telemetry and journal as one input: each entry before the record that it names."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from contracts.errors import (
    ConfigError,
    DataLoss,
    Diverged,
    FatalError,
    InputError,
    Unreadable,
)
from contracts.journal import Disregard, Entry, Promote, Rollback, Shadow, Swap
from contracts.records import Records
from pipeline.lane.judging import judging
from pipeline.lane.lane import Lane, exhaust

# Entries that wait for their position, with the journal offset of each.
Entries = deque[tuple[int, Entry]]

_OF_BUNDLES: Final = (Swap, Shadow, Promote, Rollback)


def in_force(journal: Iterable[tuple[int, Entry]]) -> Entries:
    """Entries that take effect: without those that others disregard, and without the latter."""
    entries = list(journal)
    without = {e.change.entry for _, e in entries if isinstance(e.change, Disregard)}
    return deque(
        (offset, entry)
        for offset, entry in entries
        if offset not in without and not isinstance(entry.change, Disregard)
    )


def of_one_fate(entries: Entries, offset: int) -> list[int]:
    """Offsets of waiting entries that go the way of one that cannot take effect, itself included.

    Where its bundle is not there, none that names it can; empty when it does not wait any more.
    """
    changes = {waiting: entry.change for waiting, entry in entries}
    failed = changes.get(offset)
    if not isinstance(failed, Swap | Shadow):
        return [offset] if failed is not None else []
    return [
        waiting
        for waiting, change in changes.items()
        if isinstance(change, _OF_BUNDLES) and change.config == failed.config
    ]


def feed(lane: Lane, records: Records, entries: Entries) -> None:
    """Feed records, letting each entry take effect before the first record at or behind it.

    Entries behind the last record stay in `entries`.

    Raises
    ------
    ConfigError
        Where an entry names a configuration that whoever feeds cannot give.
    """
    try:
        exhaust(feeding(lane, records, entries))
    except InputError as error:
        if isinstance(error.__cause__, ConfigError):
            raise error.__cause__ from None
        raise


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
        yield from _applying(lane, offset, entry)
        lane.journal = offset + 1
    yield from _feeding(lane, rest)


def _applying(lane: Lane, offset: int, entry: Entry) -> Iterator[None]:
    """Turns of an entry's effect.

    A lane keeps a bundle before it journals it, and finds its snapshot where bundles are. One that
    is not there although the snapshot is, or is none, was named by somebody else.
    """
    what = f"journal entry {offset}"
    try:
        yield from judging(lane.applying(entry), what)
    except (Unreadable, Diverged, DataLoss):
        raise
    except (FatalError, ConfigError) as error:
        if not isinstance(entry.change, _OF_BUNDLES):
            raise
        found = error if isinstance(error, InputError) else InputError(what, error)
        found.entry = offset
        raise found from error


def _feeding(lane: Lane, records: Records) -> Iterator[None]:
    span = f"{records.offset[0]} to {records.offset[-1]}" if len(records) else "none"
    return judging(lane.feeding(records), f"{lane.name.telemetry} {span}", records)


def due(lane: Lane, entries: Entries) -> bool:
    """Whether the next entry's position has been reached without further records."""
    return bool(entries) and entries[0][1].at <= lane.position
