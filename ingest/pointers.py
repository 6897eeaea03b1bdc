"""Bytes and words of a buffer for kernels: plain loads from an address.

A kernel's function that takes an array costs two atomic counts of references at every call; one
that takes an address costs nothing. Whoever took the address keeps the array.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_WORD = ir.IntType(64)
_BYTE = ir.IntType(8)
RUN = 32  # bytes that `plain_letters` looks at


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


@intrinsic
def half_word_at(typing: Any, address: Any, at: Any) -> Any:
    """Four bytes as one little-endian number; all of them must lie inside the array."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        number = builder.load(_place(builder, args, ir.IntType(32)), align=1)
        return builder.zext(number, _WORD)

    return types.uint64(types.int64, types.int64), emit


@intrinsic
def ask_for(typing: Any, address: Any, at: Any) -> Any:
    """Ask for the cache line of a byte, for reading; nothing happens where there is no memory."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        number, pointer = ir.IntType(32), _BYTE.as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [pointer, number, number, number])
        call = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        # read, keep in all caches, data
        hints = [ir.Constant(number, hint) for hint in (0, 3, 1)]
        builder.call(call, [_place(builder, args, _BYTE), *hints])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), emit


@intrinsic
def plain_letters(typing: Any, address: Any, at: Any) -> Any:
    """How many of the 32 bytes at a place come before the first that ends a plain JSON string.

    A quote, a backslash or a control character ends it; all 32 must lie inside the array.
    """
    run = ir.VectorType(_BYTE, RUN)

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        letters = builder.load(_place(builder, args, run), align=1)
        found = [
            builder.icmp_unsigned(sign, letters, ir.Constant(run, [ord(letter)] * RUN))
            for sign, letter in (("==", '"'), ("==", "\\"), ("<", " "))
        ]
        ends = builder.or_(builder.or_(found[0], found[1]), found[2])
        marks = builder.bitcast(ends, ir.IntType(RUN))
        return builder.zext(builder.cttz(marks, ir.Constant(ir.IntType(1), 0)), _WORD)

    return types.int64(types.int64, types.int64), emit


@intrinsic
def low_zeros(typing: Any, word: Any) -> Any:
    """How many bits of a word are 0 before the first 1, from the lowest on; 64 for none."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), emit
