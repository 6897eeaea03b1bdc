"""Channel ids in Arrow buffers to lane rows, without making a Python string of any."""

import os
from typing import Any, Final

import numpy as np
import pyarrow as pa
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from contracts.batch import UNKNOWN
from ingest.pointers import address_of, ask_for, byte_at, half_word_at, word_at

# Two words that this process drew: no hash is ever kept, so nothing else need know them.
SECRET: Final[NDArray[np.uint64]] = np.frombuffer(os.urandom(16), np.uint64)

_WORD = ir.IntType(64)
_WIDE = ir.IntType(128)
_EIGHT: Final = 8


def _product(builder: Any, args: Any) -> tuple[Any, Any]:
    """Upper and lower half of the product of two words."""
    one, other = (builder.zext(arg, _WIDE) for arg in args)
    whole = builder.mul(one, other)
    high = builder.lshr(whole, ir.Constant(_WIDE, 64))
    return builder.trunc(high, _WORD), builder.trunc(whole, _WORD)


@intrinsic
def folded(typing: Any, one: Any, other: Any) -> Any:
    """Both halves of the product of two words in one."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.xor(*_product(builder, args))

    return types.uint64(types.uint64, types.uint64), emit


@intrinsic
def share_of(typing: Any, code: Any, count: Any) -> Any:
    """Which of `count` places a code falls on: code × count / 2^64, without a division."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _product(builder, args)[0]

    return types.uint64(types.uint64, types.uint64), emit


@njit(cache=True, nogil=True, error_model="numpy")
def hash_of(data: int, at: int, size: int, one: Any, other: Any) -> Any:
    """Code of the `size` bytes at a place, under a key of two words."""
    code = other ^ np.uint64(size)
    if size < _EIGHT:
        return folded(_short(data, at, size) ^ one, code ^ one)
    last = at + size - _EIGHT
    while at + _EIGHT < last:
        code = folded(word_at(data, at) ^ one, word_at(data, at + _EIGHT) ^ code)
        at += 2 * _EIGHT
    # What is left lies in these two, bytes that were read before among it; the size says how many.
    return folded(folded(word_at(data, min(at, last)) ^ one, word_at(data, last) ^ code), other)


@njit(cache=True, nogil=True, error_model="numpy")
def _short(data: int, at: int, size: int) -> Any:
    """Up to seven bytes as one word, different for different bytes."""
    if size >= _EIGHT // 2:
        low, high = half_word_at(data, at), half_word_at(data, at + size - 4)
        return low | high << np.uint64(32)
    if size == 0:
        return np.uint64(0)
    first, middle, last = (
        byte_at(data, at),
        byte_at(data, at + size // 2),
        byte_at(data, at + size - 1),
    )
    return np.uint64(first | middle << 8 | last << 16)


_HALF: Final = np.uint64(32)
_TAG: Final = np.uint64(0xFFFFFFFF)
_ONE: Final = np.uint64(1)
_NONE: Final = np.uint64(0)
_LOAD: Final = 0.6  # of the slots in use
_BLOCK: Final = 32  # ids looked up together, so that what they wait for comes at the same time

# What a kernel sees of some texts: their bytes, and where each begins and the last one ends.
Texts = tuple[NDArray[np.uint8], NDArray[Any]]


@njit(cache=True, nogil=True, error_model="numpy")
def _same(one: int, begin: int, other: int, there: int, size: int) -> Any:
    """Whether two texts of a size are equal: word by word, the last one over bytes seen before."""
    if size < _EIGHT:
        for k in range(size):  # noqa: SIM110 - no kernel can be told `all`
            if byte_at(one, begin + k) != byte_at(other, there + k):
                return False
        return True
    last = size - _EIGHT
    at = 0
    while at < last:
        if word_at(one, begin + at) != word_at(other, there + at):
            return False
        at += _EIGHT
    return word_at(one, begin + last) == word_at(other, there + last)


@njit(cache=True, nogil=True, error_model="numpy")
def _fill(slots: NDArray[np.uint64], keys: Texts, secret: NDArray[np.uint64]) -> None:
    """Put every key into the first free slot from its own on: (half of its hash, place + 1)."""
    data, bounds, count = address_of(keys[0]), keys[1], np.uint64(len(slots))
    one, other, table = secret[0], secret[1], address_of(slots)
    codes = np.zeros(_BLOCK, np.uint64)
    for begin in range(0, len(bounds) - 1, _BLOCK):
        block = min(_BLOCK, len(bounds) - 1 - begin)
        for j in range(block):
            first = np.int64(bounds[begin + j])
            size = np.int64(bounds[begin + j + 1]) - first
            codes[j] = hash_of(data, first, size, one, other)
            ask_for(table, np.int64(share_of(codes[j], count)) * _EIGHT)
        for j in range(block):
            slot = share_of(codes[j], count)
            while slots[slot] != _NONE:
                slot = slot + _ONE if slot + _ONE < count else _NONE
            slots[slot] = (codes[j] & _TAG) << _HALF | np.uint64(begin + j + 1)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _walk(slots: NDArray[np.uint64], slot: Any, code: Any) -> Any:
    """The first slot from one on that is empty or has half of a code."""
    tag, count = code & _TAG, np.uint64(len(slots))
    while slots[slot] != _NONE and slots[slot] >> _HALF != tag:
        slot = slot + _ONE if slot + _ONE < count else _NONE
    return slot


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _key(entry: Any) -> Any:
    """Place of a slot's key; the first one of an empty slot's, so that it can be looked at."""
    return max(np.int64(entry & _TAG) - 1, 0)


@njit(cache=True, nogil=True, error_model="numpy")
def _find(
    slots: NDArray[np.uint64], keys: Texts, secret: NDArray[np.uint64], asked: Texts, step: int
) -> NDArray[np.int32]:
    """Place of each text among the keys, `UNKNOWN` of any other; texts begin `step` bounds apart.

    Three things are waited for, one after the other: slot, bounds, bytes. Each is asked for a
    whole block of texts before the first of them is looked at.
    """
    count, table = np.uint64(len(slots)), address_of(slots)
    known, known_at = address_of(keys[0]), keys[1]
    data, asked_at = address_of(asked[0]), asked[1]
    one, other, places, wide = secret[0], secret[1], address_of(known_at), known_at.itemsize
    n = len(asked_at) // step if step > 1 else len(asked_at) - 1
    found = np.full(n, UNKNOWN, np.int32)
    codes, at = np.zeros(_BLOCK, np.uint64), np.zeros(_BLOCK, np.uint64)
    for begin in range(0, n, _BLOCK):
        block = min(_BLOCK, n - begin)
        for j in range(block):
            text = (begin + j) * step
            first = np.int64(asked_at[text])
            codes[j] = hash_of(data, first, np.int64(asked_at[text + 1]) - first, one, other)
            at[j] = share_of(codes[j], count)
            ask_for(table, np.int64(at[j]) * _EIGHT)
        for j in range(block):
            at[j] = _walk(slots, at[j], codes[j])
            ask_for(places, _key(slots[at[j]]) * wide)
        for j in range(block):
            ask_for(known, np.int64(known_at[_key(slots[at[j]])]))
        for j in range(block):
            first = np.int64(asked_at[(begin + j) * step])
            size = np.int64(asked_at[(begin + j) * step + 1]) - first
            while slots[at[j]] != _NONE:
                key = _key(slots[at[j]])
                there = np.int64(known_at[key])
                if known_at[key + 1] - there == size and _same(data, first, known, there, size):
                    found[begin + j] = key
                    break
                at[j] = at[j] + _ONE if at[j] + _ONE < count else _NONE
                at[j] = _walk(slots, at[j], codes[j])
    return found


class IdTable:
    """Lane rows by channel id, for ids in Arrow arrays.

    Only the catalogue's ids are ever put in: whatever comes from outside cannot make a look-up
    longer than the longest chain of known ids, and a key of the process's own says where these
    lie. Every id found is compared byte by byte. A table never changes: another catalogue is
    another table, made beside the one at work.

    Parameters
    ----------
    ids : pa.Array
        `string` or `large_string` without nulls, all different, in row order. Its bytes are
        shared, not copied.

    Examples
    --------
    >>> table = IdTable(pa.array(["b", "a"]))
    >>> table.rows(pa.array(["b", "nobody", "a"])).tolist()
    [0, -1, 1]
    """

    def __init__(self, ids: pa.Array) -> None:
        data, bounds = texts(ids)
        if bounds[-1] <= np.iinfo(np.int32).max:
            bounds = bounds.astype(np.int32, copy=False)
        for array in (data, bounds):  # kernels tell them apart, as those of no ids are
            array.flags.writeable = False
        self._keys = (data, bounds)
        self._slots = np.zeros(int(len(ids) / _LOAD) + 1, np.uint64)
        _fill(self._slots, self._keys, SECRET)

    def __len__(self) -> int:
        return len(self._keys[1]) - 1

    @property
    def nbytes(self) -> int:
        """Bytes of keys, bounds and slots."""
        bounds = self._keys[1]
        return int(bounds[-1] - bounds[0]) + bounds.nbytes + self._slots.nbytes

    @property
    def longest(self) -> int:
        """Bytes of the longest id, 0 when there is none."""
        return int(np.diff(self._keys[1]).max(initial=0))

    def rows(self, ids: pa.Array) -> NDArray[np.int32]:
        """Row of each id, `UNKNOWN` where there is none; shape (len(ids),).

        Parameters
        ----------
        ids : pa.Array
            `string` or `large_string`, validated in full, without nulls.
        """
        found: NDArray[np.int32] = _find(self._slots, self._keys, SECRET, texts(ids), 1)
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
        >>> table = IdTable(pa.array(["b", "a"]))
        >>> table.rows_between(data, np.array([3, 4, 0, 1, 0, 4])).tolist()
        [0, 1, -1]
        """
        asked = (data, bounds)
        found: NDArray[np.int32] = _find(self._slots, self._keys, SECRET, asked, 2)
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
