"""Bytes and words of a buffer for kernels: plain loads, no index ever counted from the end."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_WORD = ir.IntType(64)


def _place(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    view = context.make_array(signature.args[0])(context, builder, args[0])
    return cgutils.gep_inbounds(builder, view.data, args[1])


@intrinsic
def byte_at(typing: Any, text: Any, at: Any) -> Any:
    """One byte of a C-order array of bytes as a number from 0 to 255; `at` must lie inside."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.zext(builder.load(_place(context, builder, signature, args)), _WORD)

    return types.int64(text, types.int64), emit


@intrinsic
def word_at(typing: Any, text: Any, at: Any) -> Any:
    """Eight bytes as one little-endian number; all of them must lie inside."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = builder.bitcast(_place(context, builder, signature, args), _WORD.as_pointer())
        return builder.load(place, align=1)

    return types.uint64(text, types.int64), emit
