"""Where the desk stage's alarms come from: every alarm partition of every lifeline."""

from collections.abc import Mapping
from typing import Literal, NamedTuple, Protocol

RecordKind = Literal["revision", "shelving"]  # as the header of a record says
Slices = Mapping[str, tuple[int, int]]  # first offset and the one behind the last, by lane


class AlarmRecord(NamedTuple):
    """One alarm revision, or what is told of a shelving, as it lies in the log, not decoded yet.

    Parameters
    ----------
    lane : str
        `water-3`.
    offset : int
    stamp_ms : int
        When the broker or its lane stamped it, milliseconds since 1970 UTC.
    body : bytes
    kind : {"revision", "shelving"}
    """

    lane: str
    offset: int
    stamp_ms: int
    body: bytes
    kind: RecordKind = "revision"


class AlarmPoll(NamedTuple):
    """What came in one poll.

    Parameters
    ----------
    records : list of AlarmRecord
        Lane by lane in the order of their names, each in offset order.
    positions : dict of str to int
        By lane that moved, the offset behind all that was passed: marks too.
    """

    records: list[AlarmRecord]
    positions: dict[str, int]

    @property
    def slices(self) -> dict[str, tuple[int, int]]:
        """What a journal says of them.

        >>> AlarmPoll([AlarmRecord("w-0", 3, 0, b""), AlarmRecord("w-0", 7, 0, b"")], {}).slices
        {'w-0': (3, 8)}
        """
        found: dict[str, tuple[int, int]] = {}
        for record in self.records:
            first, _ = found.get(record.lane, (record.offset, 0))
            found[record.lane] = first, record.offset + 1
        return found


class AlarmSource(Protocol):
    """Alarm revisions and shelvings of all lanes, read committed; marks are passed over."""

    async def seek(self, positions: Mapping[str, int]) -> None:
        """Go on from these offsets, in lanes that are not named from the beginning of their log.

        Raises
        ------
        DataLoss
            When a log no longer holds its position, or ends before it.
        RetryableError
            When a broker is away.
        """

    async def fetch(self, timeout_s: float) -> AlarmPoll | None:
        """The next records, a bounded number; None when nothing came in time.

        Raises
        ------
        DataLoss
            When a log no longer holds the next offset.
        RetryableError
            When a broker is away.
        """

    async def read(self, slices: Slices) -> list[AlarmRecord]:
        """The records of some slices once more; to be followed by a `seek`.

        Raises
        ------
        DataLoss
            When a log no longer holds them.
        RetryableError
            When a broker is away.
        """

    def waiting(self) -> int:
        """Offsets between what was fetched and the ends of the logs, as far as they are known."""
