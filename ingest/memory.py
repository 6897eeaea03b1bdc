"""Bytes and words of a buffer for kernels: plain loads from an address.

A kernel's function that takes an array costs two atomic counts of references at every call; one
that takes an address costs nothing. Whoever took the address keeps the array.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_WORD = ir.IntType(64)
_BYTE = ir.IntType(8)


@intrinsic
def address_of(typing: Any, array: Any) -> Any:
    """Where the first byte of a C-order array lies."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        view = context.make_array(signature.args[0])(context, builder, args[0])
        return builder.ptrtoint(view.data, _WORD)

    return types.int64(array), emit


def _place(builder: Any, args: Any, kind: Any) -> Any:
    return builder.inttoptr(builder.add(*args), kind.as_pointer())


@intrinsic
def byte_at(typing: Any, address: Any, at: Any) -> Any:
    """The byte `at` bytes behind an address, from 0 to 255; it must lie inside the array."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.zext(builder.load(_place(builder, args, _BYTE)), _WORD)

    return types.int64(types.int64, types.int64), emit


@intrinsic
def word_at(typing: Any, address: Any, at: Any) -> Any:
    """Eight bytes as one little-endian number; all of them must lie inside the array."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(_place(builder, args, _WORD), align=1)

    return types.uint64(types.int64, types.int64), emit
