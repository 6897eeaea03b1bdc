"""Decoded readings on their way to a batch: as their source sent them, not yet converted."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from contracts.batch import Refused


@dataclass(frozen=True, slots=True)
class Columns:
    """Readings of one message, or of a run of messages, in arrival order.

    Parameters
    ----------
    record : int32, shape (n,)
        Index of the record that carried the reading.
    row : int32, shape (n,)
        Lane row of the channel or `UNKNOWN`.
    time_ns : int64, shape (n,)
        Event time.
    raw : float64, shape (n,)
        Value as it was sent.
    quality : uint8, shape (n,)
        `Quality` of each.
    unknown_id : dict of int to str
        Channel id where the row is `UNKNOWN`.
    refused : list of Refused
        Messages among them that gave no readings.
    """

    record: NDArray[np.int32]
    row: NDArray[np.int32]
    time_ns: NDArray[np.int64]
    raw: NDArray[np.float64]
    quality: NDArray[np.uint8]
    unknown_id: dict[int, str] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.row)


def nothing(*refused: Refused) -> Columns:
    """No readings, only refusals."""
    return Columns(
        np.empty(0, np.int32),
        np.empty(0, np.int32),
        np.empty(0, np.int64),
        np.empty(0, np.float64),
        np.empty(0, np.uint8),
        {},
        list(refused),
    )


def join(parts: list[Columns]) -> Columns:
    """Readings of several parts as one, in their order."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return nothing()
    unknown_id: dict[int, str] = {}
    base = 0
    for part in parts:
        unknown_id.update({base + place: channel for place, channel in part.unknown_id.items()})
        base += len(part)
    return Columns(
        np.concatenate([part.record for part in parts]),
        np.concatenate([part.row for part in parts]),
        np.concatenate([part.time_ns for part in parts]),
        np.concatenate([part.raw for part in parts]),
        np.concatenate([part.quality for part in parts]),
        unknown_id,
        [refusal for part in parts for refusal in part.refused],
    )


def merge(one: Columns, other: Columns) -> Columns:
    """Readings of two sets of records, none in both, in the order of the records."""
    if not len(one):
        return other
    both = join([one, other])
    if not len(other):
        return both
    order = np.argsort(both.record, kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return Columns(
        both.record[order],
        both.row[order],
        both.time_ns[order],
        both.raw[order],
        both.quality[order],
        {place_of: both.unknown_id[i] for i, place_of in _moved(both.unknown_id, place)},
        both.refused,
    )


def _moved(unknown_id: dict[int, str], place: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Where each stranger was and is, in the order of where they are."""
    return sorted(((i, int(place[i])) for i in unknown_id), key=lambda pair: pair[1])


def without(columns: Columns, refused: list[Refused]) -> Columns:
    """The readings of all records but the refused ones."""
    gone = np.array([refusal.record for refusal in refused], np.int32)
    kept = only(columns, np.isin(columns.record, gone, invert=True))
    kept.refused.extend(refused)
    return kept


def only(columns: Columns, keep: NDArray[np.bool_]) -> Columns:
    """Some of the readings, and all refusals."""
    place = np.cumsum(keep) - 1
    unknown_id = {int(place[i]): channel for i, channel in columns.unknown_id.items() if keep[i]}
    return Columns(
        columns.record[keep],
        columns.row[keep],
        columns.time_ns[keep],
        columns.raw[keep],
        columns.quality[keep],
        unknown_id,
        list(columns.refused),
    )
