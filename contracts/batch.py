"""Readings as columns, and the one counted disposition of each."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

UNKNOWN = -1


class Quality(IntEnum):
    """How far the source trusts its own value, in the order of OPC UA."""

    GOOD = 0
    UNCERTAIN = 1
    BAD = 2


class Disposition(IntEnum):
    """What became of one received reading; exactly one each.

    Everything from `UNDECODABLE` on is quarantined: it leaves as a dead letter.
    """

    SCORED = 0
    HELD = 1
    BACK_FILLED = 2
    DUPLICATE = 3
    LATE = 4
    UNDECODABLE = 5
    UNKNOWN_CHANNEL = 6
    MISPLACED_GROUP = 7
    FUTURE = 8
    NOT_FINITE = 9
    OUT_OF_RANGE = 10
    TOO_FAST = 11

    @property
    def word(self) -> str:
        """Name as metrics and dead letters write it (`out_of_range`)."""
        return self.name.lower()

    @property
    def quarantined(self) -> bool:
        """Whether the reading leaves as a dead letter."""
        return self >= Disposition.UNDECODABLE


class Refused(NamedTuple):
    """A message that could not be decoded."""

    record: int
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Readings of some records, in arrival order.

    Parameters
    ----------
    record : int32, shape (n,)
        Index of the record that carried the reading, rising.
    row : int32, shape (n,)
        Lane row of the channel, `UNKNOWN` when the lane has none for it.
    time_ns : int64, shape (n,)
        Event time, nanoseconds since 1970 UTC.
    value : float64, shape (n,)
        Value in the unit of the channel's class (conversion done); NaN when the source gave none.
    quality : uint8, shape (n,)
        `Quality` of each.
    unknown_id : dict of int to str
        Channel id as it came, for readings whose row is `UNKNOWN`.
    refused : list of Refused
        Messages that gave no readings, rising by record.
    """

    record: NDArray[np.int32]
    row: NDArray[np.int32]
    time_ns: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint8]
    unknown_id: dict[int, str] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.row)
