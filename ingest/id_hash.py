"""A number of 64 bits for a text, under a key that nobody outside this process knows.

Whoever could tell which ids fall together could make every look-up walk a long way. The texts are
folded two words at a time, each product of 128 bits into 64, as wyhash does it: some 5 ns an id.

References
----------
Wang Yi, Diego Barrios Romero, "wyhash", https://github.com/wangyi-fudan/wyhash
"""

import os
from typing import Any, Final

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from ingest.memory import byte_at, half_word_at, word_at

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
