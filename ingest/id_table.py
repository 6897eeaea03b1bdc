"""Channel ids in Arrow buffers to lane rows, without making a Python string of any."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from contracts.batch import UNKNOWN
from ingest.memory import address_of, byte_at, word_at

_ODD: Final = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio
_HALF: Final = np.uint64(32)
_TAG: Final = np.uint64(0xFFFFFFFF)
_EIGHT: Final = 8
_LOAD_MAX: Final = 0.7  # of the slots in use
_BLOCK: Final = 32  # ids whose slots are asked for together, so that cache misses overlap

# What a kernel sees of some texts: their bytes, and where each begins and the last one ends.
Texts = tuple[NDArray[np.uint8], NDArray[Any]]


@njit(cache=True, nogil=True, error_model="numpy")
def _hash(data: int, begin: int, end: int) -> Any:
    """A number of 64 bits; multiplied and folded word by word, then byte by byte."""
    at = begin
    found = np.uint64(end - begin) * _ODD
    while end - at >= _EIGHT:
        found = (found ^ word_at(data, at)) * _ODD
        found ^= found >> _HALF
        at += _EIGHT
    while at < end:
        found = (found ^ np.uint64(byte_at(data, at))) * _ODD
        at += 1
    found ^= found >> _HALF
    return found * _ODD


@njit(cache=True, nogil=True, error_model="numpy")
def _same(one: int, begin: int, other: int, there: int, size: int) -> bool:
    """Whether two texts of a size are equal, word by word, then byte by byte."""
    at = 0
    while size - at >= _EIGHT:
        if word_at(one, begin + at) != word_at(other, there + at):
            return False
        at += _EIGHT
    while at < size:
        if byte_at(one, begin + at) != byte_at(other, there + at):
            return False
        at += 1
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def _fill(slots: NDArray[np.uint64], keys: Texts) -> None:
    """Put every key into the first free slot from its own on: (half of its hash, place + 1)."""
    shift = np.uint64(64 - np.int64(np.log2(len(slots))))
    data, bounds = address_of(keys[0]), keys[1]
    for i in range(len(bounds) - 1):
        code = _hash(data, np.int64(bounds[i]), np.int64(bounds[i + 1]))
        slot = code >> shift
        while slots[slot] != 0:
            slot = (slot + np.uint64(1)) % np.uint64(len(slots))
        slots[slot] = (code & _TAG) << _HALF | np.uint64(i + 1)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _key(entry: Any) -> Any:
    """Place of a slot's key; the first one of an empty slot's, so that it can be looked at."""
    return max(np.int64(entry & _TAG) - 1, 0)


@njit(cache=True, nogil=True, error_model="numpy")
def _find(
    slots: NDArray[np.uint64], keys: Texts, rows: NDArray[np.int32], asked: Texts, step: int
) -> NDArray[np.int32]:
    """Row of each text asked for, `UNKNOWN` where it is no key; texts begin `step` bounds apart."""
    shift, last = np.uint64(64 - np.int64(np.log2(len(slots)))), np.uint64(len(slots) - 1)
    known, known_at = address_of(keys[0]), keys[1]
    data, asked_at = address_of(asked[0]), asked[1]
    n = len(asked_at) // step if step > 1 else len(asked_at) - 1
    found = np.full(n, UNKNOWN, np.int32)
    codes, entries = np.zeros(_BLOCK, np.uint64), np.zeros(_BLOCK, np.uint64)
    keys_at = np.zeros(_BLOCK, np.int64)
    for begin in range(0, n, _BLOCK):
        block = min(_BLOCK, n - begin)
        for j in range(block):
            text = (begin + j) * step
            codes[j] = _hash(data, np.int64(asked_at[text]), np.int64(asked_at[text + 1]))
            entries[j] = slots[codes[j] >> shift]
        for j in range(block):
            keys_at[j] = known_at[_key(entries[j])]
        for j in range(block):
            slot, entry, there = codes[j] >> shift, entries[j], keys_at[j]
            first = np.int64(asked_at[(begin + j) * step])
            size = np.int64(asked_at[(begin + j) * step + 1]) - first
            while entry != 0:
                key = _key(entry)
                alike = entry >> _HALF == codes[j] & _TAG and known_at[key + 1] - there == size
                if alike and _same(data, first, known, there, size):
                    found[begin + j] = rows[key]
                    break
                slot = (slot + np.uint64(1)) & last
                entry = slots[slot]
                there = np.int64(known_at[_key(entry)])
    return found


class IdTable:
    """Lane rows by channel id, for ids in Arrow arrays.

    Only the catalogue's ids are ever put in: whatever comes from outside cannot make a look-up
    longer than the longest chain of known ids, and three of ten slots are free.

    Parameters
    ----------
    row_of : mapping of str to int

    Examples
    --------
    >>> table = IdTable({"a": 4, "b": 2})
    >>> table.rows(pa.array(["b", "nobody", "a"])).tolist()
    [2, -1, 4]
    """

    def __init__(self, row_of: Mapping[str, int]) -> None:
        data, bounds = texts(pa.array(list(row_of), pa.large_string()))
        data.flags.writeable = False  # as those of no ids: kernels tell the two apart
        narrow = bounds[-1] <= np.iinfo(np.int32).max
        self._keys = (data, bounds.astype(np.int32) if narrow else bounds)
        self._rows = np.fromiter(row_of.values(), np.int32, len(row_of))
        slots = max(int(len(row_of) / _LOAD_MAX), 2)
        self._slots = np.zeros(1 << slots.bit_length(), np.uint64)
        _fill(self._slots, self._keys)

    @property
    def nbytes(self) -> int:
        """Bytes of keys, rows and slots."""
        return sum(array.nbytes for array in (*self._keys, self._rows, self._slots))

    def rows(self, ids: pa.Array) -> NDArray[np.int32]:
        """Row of each id, `UNKNOWN` where there is none; shape (len(ids),).

        Parameters
        ----------
        ids : pa.Array
            `string` or `large_string`, validated in full, without nulls.
        """
        found: NDArray[np.int32] = _find(self._slots, self._keys, self._rows, texts(ids), 1)
        return found

    def rows_between(self, data: NDArray[np.uint8], bounds: NDArray[np.int64]) -> NDArray[np.int32]:
        """Row of each id that lies somewhere in `data`, `UNKNOWN` where there is none.

        Parameters
        ----------
        data : uint8
            Bytes among which the ids are, in UTF-8.
        bounds : int64, shape (2 × n,)
            Where each id begins and ends, one after the other.

        Examples
        --------
        >>> data = np.frombuffer(b"a, b", np.uint8)
        >>> IdTable({"a": 4, "b": 2}).rows_between(data, np.array([3, 4, 0, 1, 0, 4])).tolist()
        [2, 4, -1]
        """
        asked = (data, bounds)
        found: NDArray[np.int32] = _find(self._slots, self._keys, self._rows, asked, 2)
        return found


def texts(ids: pa.Array) -> Texts:
    """Buffers of a string array as numpy sees them; nothing is copied."""
    width = np.int32 if pa.types.is_string(ids.type) else np.int64
    _, offsets, data = ids.buffers()
    if not len(ids):
        return np.frombuffer(b"", np.uint8), np.frombuffer(bytes(8), width)[:1]
    # Counted: a forged buffer may go on behind the last offset by a part of one.
    bounds = np.frombuffer(offsets, width, ids.offset + len(ids) + 1)[ids.offset :]
    return np.frombuffer(data if data is not None else b"", np.uint8), bounds
