"""Kafka records of one partition as columns: the port between a log client and a lane."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

TOMBSTONE = -1


def fingerprint_of(timestamp_ms: int, payload: bytes | memoryview | None) -> str:
    """Fingerprint of a record; see `Records.fingerprint`."""
    content = "" if payload is None else blake2b(payload, digest_size=8).hexdigest()
    return f"{timestamp_ms}-{content}"


@dataclass(frozen=True, slots=True)
class Records:
    """Whole records in offset order, payloads side by side in one buffer.

    Parameters
    ----------
    offset : int64, shape (n,)
        Kafka offsets, strictly rising; holes are transaction markers or compaction.
    timestamp_ms : int64, shape (n,)
        The records' own timestamps, milliseconds since 1970 UTC, in no order.
    start, length : int64, shape (n,)
        Where each payload lies in `buffer`; length `TOMBSTONE` for a null payload.
    buffer : bytes
        All payloads.
    next_offset : int
        Where reading goes on: behind the last record and behind any marker after it.
    faults : dict of int to str
        What is wrong with whole batches that cannot be read, by the index of the row that stands
        for each: a row without a payload at the batch's first offset.
    """

    offset: NDArray[np.int64]
    timestamp_ms: NDArray[np.int64]
    start: NDArray[np.int64]
    length: NDArray[np.int64]
    buffer: bytes
    next_offset: int
    faults: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.offset)

    def payload(self, i: int) -> memoryview | None:
        """Payload of record `i`, None for a tombstone."""
        if self.length[i] == TOMBSTONE:
            return None
        return memoryview(self.buffer)[self.start[i] : self.start[i] + self.length[i]]

    def fingerprint(self, i: int) -> str:
        """Fingerprint of record `i`: its timestamp, and BLAKE2b-64 of its payload.

        >>> Records.of([(7, 1000, b"a")]).fingerprint(0)
        '1000-40f89e395b66422f'
        >>> Records.of([(7, 1000, None)]).fingerprint(0)
        '1000-'
        """
        return fingerprint_of(int(self.timestamp_ms[i]), self.payload(i))

    def last(self) -> tuple[int, bytes | None]:
        """Timestamp and payload of the last record, copies of both."""
        payload = self.payload(len(self) - 1)
        return int(self.timestamp_ms[-1]), None if payload is None else bytes(payload)

    def cut(self, first: int, last: int) -> "Records":
        """Records `first` up to but not including `last`; the buffer is shared."""
        at_end = last >= len(self)
        following = self.next_offset if at_end else int(self.offset[last])
        part = slice(first, last)
        return Records(
            self.offset[part],
            self.timestamp_ms[part],
            self.start[part],
            self.length[part],
            self.buffer,
            following,
            {i - first: fault for i, fault in self.faults.items() if first <= i < last},
        )

    def without(self, faults: dict[int, str]) -> "Records":
        """The same records, some of which cannot be read.

        Parameters
        ----------
        faults : dict of int to str
            What is wrong with each, by index.

        Examples
        --------
        >>> records = Records.of([(7, 1000, b"a"), (9, 2000, b"bc")]).without({0: "unreadable"})
        >>> records.payload(0), bytes(records.payload(1)), records.faults
        (None, b'bc', {0: 'unreadable'})
        """
        length = self.length.copy()
        length[list(faults)] = TOMBSTONE
        return replace(self, length=length, faults={**self.faults, **faults})

    def fitting(self, most: int, most_bytes: int) -> int:
        """How many of the first records are within both bounds; one at least, if there is any."""
        if len(self) <= most and len(self.buffer) <= most_bytes:  # payloads lie side by side in it
            return len(self)
        ends = np.cumsum(np.maximum(self.length[:most], 0))
        return max(int(np.searchsorted(ends, most_bytes, "right")), min(len(self), 1))

    def pieces(self, most_bytes: int) -> Iterator["Records"]:
        """The records in pieces of so many bytes of payload, or of one record that has more.

        Examples
        --------
        >>> records = Records.of([(7, 1, b"a"), (8, 1, b"bcd"), (9, 1, None)])
        >>> [piece.offset.tolist() for piece in records.pieces(3)]
        [[7], [8, 9]]
        >>> [len(piece) for piece in Records.of([], 4).pieces(3)]
        [0]
        """
        if not len(self) or len(self.buffer) <= most_bytes:  # payloads lie side by side in it
            yield self
            return
        ends = np.cumsum(np.maximum(self.length, 0))
        first = 0
        while first < len(self):
            most = most_bytes + (int(ends[first - 1]) if first else 0)
            last = max(int(np.searchsorted(ends, most, "right")), first + 1)
            yield self.cut(first, last)
            first = last

    @classmethod
    def of(
        cls, rows: list[tuple[int, int, bytes | None]], next_offset: int | None = None
    ) -> "Records":
        """Columns from `(offset, timestamp_ms, payload)` rows in offset order.

        >>> batch = Records.of([(7, 1000, b"a"), (9, 2000, b"bc")])
        >>> bytes(batch.payload(1)), batch.next_offset
        (b'bc', 10)
        """
        payloads = [row[2] for row in rows]
        length = np.array([TOMBSTONE if p is None else len(p) for p in payloads], np.int64)
        start = np.zeros(len(rows), np.int64)
        np.cumsum(np.maximum(length, 0)[:-1], out=start[1:])
        following = rows[-1][0] + 1 if rows else 0
        return cls(
            np.array([row[0] for row in rows], np.int64),
            np.array([row[1] for row in rows], np.int64),
            start,
            length,
            b"".join(p for p in payloads if p is not None),
            following if next_offset is None else next_offset,
        )
