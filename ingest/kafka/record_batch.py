"""Record batches (magic 2) as a broker sends them: walked, checked, inflated, parsed to columns."""

import struct
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contracts.records import TOMBSTONE, Records
from ingest.kafka.crc32c import crc32c
from ingest.kafka.decompress import InflateError, inflate
from ingest.kafka.record_rows import NO_APPEND, parse_rows

__all__ = [
    "Batch",
    "CorruptBatchError",
    "Gathered",
    "Hidden",
    "OldBatchError",
    "UnsoundBatchError",
    "end_of",
    "walk",
]

_HEAD: Final = struct.Struct(">qiibIhiqqqhii")
_SIZE: Final = struct.Struct(">i")
_SIZE_AT: Final = 8
_LENGTH_FROM: Final = 12  # the length counts what lies behind it
_CRC_FROM: Final = 21  # attributes and all behind them
_MAGIC_AT: Final = 16
_MAGIC: Final = 2
_CODEC, _APPEND_TIME, _TRANSACTIONAL, _CONTROL = 0x07, 0x08, 0x10, 0x20
_CONTROL_KEY: Final = struct.Struct(">hh")
_ABORT: Final = 0
# Kernels may read whole words: so much lies behind the last payload that none leaves the buffer.
PADDING: Final = 32
# Most records of one batch: their columns take 32 bytes each, whatever the records hold.
RECORDS_MAX: Final = 500_000


class CorruptBatchError(ValueError):
    """A batch that is not what its checksum or its own numbers say."""


class UnsoundBatchError(CorruptBatchError):
    """A batch that came as it was sent, but whose records are beyond bounds or are not whole.

    However often it is fetched, it will be the same.
    """


class OldBatchError(ValueError):
    """A batch of a format from before Kafka 0.11, which only the plain client reads."""


class Batch(NamedTuple):
    """One whole record batch where it lies: what its head says, its records still packed."""

    base_offset: int
    next_offset: int
    producer: int
    attributes: int
    base_ms: int
    max_ms: int
    records: int
    packed: memoryview

    @property
    def is_control(self) -> bool:
        """Whether it holds transaction markers, no records."""
        return bool(self.attributes & _CONTROL)

    @property
    def is_transactional(self) -> bool:
        """Whether it belongs to a transaction, which may have been aborted."""
        return bool(self.attributes & _TRANSACTIONAL)

    @property
    def is_abort(self) -> bool:
        """Whether it marks the end of an aborted transaction."""
        if not self.is_control:
            return False
        # Length, attributes, deltas and the key's size take a byte each in front of a marker's key.
        if len(self.packed) < 5 + _CONTROL_KEY.size or self.packed[4] != 2 * _CONTROL_KEY.size:
            msg = f"expected a marker in the control batch at {self.base_offset}, got none"
            raise CorruptBatchError(msg)
        _, kind = _CONTROL_KEY.unpack_from(self.packed, 5)
        return bool(kind == _ABORT)

    def _numbers(self, begin: int, end: int, wanted: int = 0) -> NDArray[np.int64]:
        append = self.max_ms if self.attributes & _APPEND_TIME else NO_APPEND
        base = (self.base_offset, self.base_ms, append, wanted)
        return np.array([*base, self.records, begin, end], np.int64)

    def rows(self, room: NDArray[Any], used: int, wanted: int) -> tuple[NDArray[np.int64], int]:
        """Records from offset `wanted` on as columns, and how far `room` is used then.

        Parameters
        ----------
        room : uint8
            Memory for inflated records; what is behind it is not touched.
        used : int
            Where in it to begin.
        wanted : int
            Smallest offset to give: a fetch may begin inside a batch.

        Raises
        ------
        UnsoundBatchError
            When the records cannot be inflated, do not fit, or are not whole.
        """
        try:
            self._check_count()
            end = used + self._unpack(room[used:])
            rows = parse_rows(room, self._numbers(used, end, wanted))
            self._check_offsets(rows[0])
        except ValueError as error:
            msg = f"batch at {self.base_offset}: {error}"
            raise UnsoundBatchError(msg) from None
        return rows, end

    def _check_count(self) -> None:
        if self.records > RECORDS_MAX:
            msg = f"expected at most {RECORDS_MAX} records, got {self.records}"
            raise ValueError(msg)

    def _check_offsets(self, offset: NDArray[np.int64]) -> None:
        """Those of a batch rise by themselves; the log goes on behind what the head says."""
        if len(offset) and offset[-1] >= self.next_offset:
            msg = f"expected offsets below {self.next_offset}, got {offset[-1]}"
            raise ValueError(msg)

    def _unpack(self, room: NDArray[Any]) -> int:
        codec, size = self.attributes & _CODEC, len(self.packed)
        if codec:
            return inflate(codec, self.packed, room)
        if size > len(room):
            msg = f"expected at most {len(room)} bytes, got {size}"
            raise InflateError(msg)
        room[:size] = np.frombuffer(self.packed, np.uint8)
        return size


def end_of(data: bytes, position: int) -> int:
    """Offset behind the last whole batch, by the heads alone; `position` where there is none.

    Believe it no further than to ask for more from there: no checksum has been looked at.
    """
    at = 0
    while len(data) - at >= _HEAD.size and data[at + _MAGIC_AT] == _MAGIC:
        base, size, _, _, _, _, last_delta, *_ = _HEAD.unpack_from(data, at)
        end = at + _LENGTH_FROM + size
        if not at + _HEAD.size <= end <= len(data):
            break
        position, at = base + last_delta + 1, end
    return position


def walk(data: bytes, check_crcs: bool = True) -> Iterator[Batch]:
    """Whole batches in order; one that the answer's size has cut off ends them.

    Parameters
    ----------
    data : bytes
        Records of one partition from a fetch response.
    check_crcs : bool
        Whether to compare checksums.

    Raises
    ------
    CorruptBatchError
        At a batch whose checksum or length is wrong.
    OldBatchError
        At a batch of an older format.
    """
    view, at = memoryview(data), 0
    while len(data) - at >= _LENGTH_FROM:
        end = at + _LENGTH_FROM + _SIZE.unpack_from(data, at + _SIZE_AT)[0]
        if end > len(data):
            return
        if end <= at + _MAGIC_AT:
            msg = f"expected a batch, got a length of {end - at - _LENGTH_FROM}"
            raise CorruptBatchError(msg)
        if data[at + _MAGIC_AT] != _MAGIC:
            msg = f"expected a batch of format {_MAGIC}, got {data[at + _MAGIC_AT]}"
            raise OldBatchError(msg)
        yield _batch(view[at:end], check_crcs)
        at = end


def _batch(view: memoryview, check_crcs: bool) -> Batch:
    """Read a batch's head; its checksum covers all but where the batch lies in the log."""
    if len(view) < _HEAD.size:
        msg = f"expected a batch of at least {_HEAD.size} bytes, got {len(view)}"
        raise CorruptBatchError(msg)
    numbers = _HEAD.unpack_from(view)
    base, _, _, _, crc, attributes, last_delta, base_ms, max_ms, producer, _, _, count = numbers
    if check_crcs and crc32c(view[_CRC_FROM:]) != crc:
        msg = f"batch at {base}: expected the checksum {crc:#010x}, got another"
        raise CorruptBatchError(msg)
    following = base + last_delta + 1
    packed = view[_HEAD.size :]
    return Batch(base, following, producer, attributes, base_ms, max_ms, count, packed)


class Hidden:
    """Tells which batches a read-committed reader does not see.

    Parameters
    ----------
    aborted : iterable of (int, int)
        Producer and first offset of each aborted transaction, as the fetch response names them.
    """

    def __init__(self, aborted: Iterable[tuple[int, int]]) -> None:
        self._ahead = sorted(aborted, key=lambda entry: entry[1], reverse=True)
        self._producers: set[int] = set()

    def hides(self, batch: Batch) -> bool:
        """Whether to pass over this batch; to be asked for each one, in order."""
        while self._ahead and self._ahead[-1][1] <= batch.base_offset:
            self._producers.add(self._ahead.pop()[0])
        if batch.is_abort:
            self._producers.discard(batch.producer)
        return batch.is_control or (batch.is_transactional and batch.producer in self._producers)


class Gathered:
    """Records of batches of one partition, side by side in memory of a fixed size.

    Parameters
    ----------
    most_bytes : int
        The memory: a batch that alone becomes larger is refused.
    """

    def __init__(self, most_bytes: int) -> None:
        # Untouched pages cost nothing: what no batch fills is never there.
        self._room = np.empty(most_bytes + PADDING, np.uint8)
        self.clear()

    def __len__(self) -> int:
        return self._rows

    def clear(self) -> None:
        """Let go of what was gathered."""
        self._used = self._rows = 0
        self._parts: list[NDArray[np.int64]] = []
        self._faults: dict[int, str] = {}

    def add(self, batch: Batch, wanted: int) -> bool:
        """Take in a batch's records from `wanted` on; False when they must wait for `take`.

        Raises
        ------
        UnsoundBatchError
            When the batch is not sound, or larger than all of the memory.
        """
        try:
            part, self._used = batch.rows(self._room[:-PADDING], self._used, wanted)
        except UnsoundBatchError:
            if not self._used:  # what becomes of it must not depend on what came before it
                raise
            return False
        self._parts.append(part)
        self._rows += part.shape[1]
        return True

    def set_aside(self, batch: Batch, wanted: int, fault: str) -> None:
        """Take in one row that stands for an unsound batch, at the first offset from `wanted` on.

        Parameters
        ----------
        batch : Batch
        wanted : int
            Smallest offset to give.
        fault : str
            What is wrong with it.
        """
        last = batch.next_offset - 1
        self._faults[self._rows] = (
            f"{fault}; offsets up to {last} are passed over, look for who produced them"
        )
        first = max(batch.base_offset, wanted)
        self._parts.append(np.array([[first], [batch.max_ms], [0], [TOMBSTONE]], np.int64))
        self._rows += 1

    def take(self, next_offset: int) -> Records:
        """What was gathered, in a buffer of its own; the memory is free again."""
        columns = np.concatenate([np.empty((4, 0), np.int64), *self._parts], axis=1)
        self._room[self._used : self._used + PADDING] = 0
        buffer = self._room[: self._used + PADDING].tobytes()
        faults = self._faults
        self.clear()
        offset, timestamp_ms, start, length = columns
        return Records(offset, timestamp_ms, start, length, buffer, next_offset, faults)
