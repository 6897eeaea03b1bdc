"""The records of one inflated record batch (magic 2) to columns, in one pass."""

from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from contracts.records import TOMBSTONE
from ingest.pointers import address_of, byte_at

# Length, attributes, two deltas, key, value and number of headers, of a byte each.
LEAST_BYTES: Final = 7
DELTA_MAX: Final = 2**31 - 1  # a batch's head has 32 bits for the last one
_ONE: Final = np.uint64(1)
_LOW: Final = np.uint64(0x7F)
_MORE: Final = np.uint64(0x80)
_SEVEN: Final = np.uint64(7)
_SIXTY_FOUR: Final = np.uint64(64)

# Places of the numbers that `parse_rows` takes: what the batch says, and which records are wanted.
BASE_OFFSET, BASE_MS, APPEND_MS, WANTED, COUNT, BEGIN, END = range(7)
NO_APPEND: Final = -(2**63)


@njit(cache=True, nogil=True, error_model="numpy")
def _varint(data: int, at: Any, end: Any) -> Any:
    """Zigzag number at `at` and the place behind it, which lies behind `end` when there is none."""
    if at < end and byte_at(data, np.int64(at)) < 0x80:
        word = np.uint64(byte_at(data, np.int64(at)))
        return np.int64(word >> _ONE) ^ -np.int64(word & _ONE), at + _ONE
    word, shift = np.uint64(0), np.uint64(0)
    while at < end and shift < _SIXTY_FOUR:
        byte = np.uint64(byte_at(data, np.int64(at)))
        at += _ONE
        word |= (byte & _LOW) << shift
        if byte < _MORE:
            return np.int64(word >> _ONE) ^ -np.int64(word & _ONE), at
        shift += _SEVEN
    return np.int64(0), end + _ONE


@njit(cache=True, nogil=True, error_model="numpy")
def _behind(size: Any, at: Any, end: Any) -> Any:
    """Place behind a field of `size` bytes, none when negative; behind `end` when it is cut."""
    if at > end or size > np.int64(end - at):
        return end + _ONE
    return at + np.uint64(max(size, np.int64(0)))


@njit(cache=True, nogil=True, error_model="numpy")
def _behind_headers(data: int, at: Any, end: Any) -> Any:
    """Place behind the headers of a record; behind `end` when any of them is wrong."""
    count, at = _varint(data, at, end)
    if count < 0:
        return end + _ONE
    while count > 0 and at <= end:
        size, at = _varint(data, at, end)
        at = _behind(size, at, end) if size >= 0 else end + _ONE
        size, at = _varint(data, at, end)
        at = _behind(size, at, end)
        count -= 1
    return at


@njit(cache=True, nogil=True, error_model="numpy")
def _parse(
    data: NDArray[np.uint8], batch: NDArray[np.int64], columns: NDArray[np.int64]
) -> tuple[Any, Any]:
    """Write wanted records as columns; how many, and where in `data` the first fault lies or -1."""
    at, last = np.uint64(batch[BEGIN]), np.uint64(batch[END])
    rows, base, before = 0, address_of(data), np.int64(-1)
    for _ in range(batch[COUNT]):
        began = at
        size, at = _varint(base, at, last)
        # No attribute of a record is in use; the plain client cannot read one beyond seven bits.
        if size < LEAST_BYTES - 1 or _behind(size, at, last) > last or data[at] >= 0x80:
            return rows, np.int64(began)
        end = at + np.uint64(size)
        delta_ms, at = _varint(base, at + _ONE, end)
        delta, at = _varint(base, at, end)
        # One of more bits would wrap round behind the largest offset and count as taken long ago.
        if not before < delta <= DELTA_MAX:
            return rows, np.int64(began)
        before = delta
        size, at = _varint(base, at, end)
        size, at = _varint(base, _behind(size, at, end), end)
        start = at
        if _behind_headers(base, _behind(size, at, end), end) != end:
            return rows, np.int64(began)
        at = end
        if batch[BASE_OFFSET] + delta >= batch[WANTED]:
            columns[0, rows] = batch[BASE_OFFSET] + delta
            append = batch[APPEND_MS] != NO_APPEND
            columns[1, rows] = batch[APPEND_MS] if append else batch[BASE_MS] + delta_ms
            columns[2, rows] = np.int64(start)
            columns[3, rows] = size if size >= 0 else TOMBSTONE
            rows += 1
    return rows, -1 if at == last else np.int64(at)


def parse_rows(data: NDArray[np.uint8], batch: NDArray[np.int64]) -> NDArray[np.int64]:
    """Offset, timestamp, start and length of each wanted record, shape (4, n).

    Headers are passed over by their sizes; what they say is not looked at.

    Parameters
    ----------
    data : uint8
        Memory in which the records lie from `batch[BEGIN]` to `batch[END]`.
    batch : int64, shape (7,)
        `BASE_OFFSET`, `BASE_MS`, `APPEND_MS` (`NO_APPEND` where records have stamps of their own),
        `WANTED` (the smallest offset to give), `COUNT`, `BEGIN`, `END`.

    Raises
    ------
    ValueError
        When the records do not fill the range to the byte, or their offsets do not rise. The count
        is believed no further than the range can hold.

    Examples
    --------
    >>> record = np.array([16, 0, 4, 2, 1, 4, 104, 105, 0], np.uint8)
    >>> parse_rows(record, np.array([40, 1000, NO_APPEND, 0, 1, 0, 9])).T.tolist()
    [[41, 1002, 6, 2]]
    """
    held = int(batch[END] - batch[BEGIN]) // LEAST_BYTES
    if not 0 <= batch[COUNT] <= held:
        msg = f"expected at most {held} records, the batch announces {batch[COUNT]}"
        raise ValueError(msg)
    columns = np.empty((4, int(batch[COUNT])), np.int64)
    rows, fault = _parse(data, batch, columns)
    if fault >= 0:
        msg = f"expected whole records, got a fault {fault - batch[BEGIN]} bytes into the batch"
        raise ValueError(msg)
    return columns[:, :rows]
