"""Asking memory for a row before it is needed: the whole trick of the hot loop.

At a million channels an unprefetched row costs a cache miss of 30 to 50 ns; asked for some
readings ahead, the misses overlap and the row costs about 10 ns.

Where LLVM or llvmlite do not take the intrinsic, nothing is asked for: results are the same, only
later. `TOCSIN_PREFETCH=off` forces that.
"""

import os
from typing import Any, Final

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.core.errors import NumbaError
from numba.extending import intrinsic

# Rows between the reading at work and the row asked for: 24 hid memory latency best on the
# machines tried (16 to 32 are alike).
AHEAD = 24
OFF: Final = ("TOCSIN_PREFETCH", "off")  # also part of what compiled kernels are kept by


@intrinsic
def _ask(typing: Any, array: Any, row: Any) -> Any:
    """Ask for the cache line in which `array[row]` begins, for writing; any C-order array."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array_type = signature.args[0]
        view = context.make_array(array_type)(context, builder, args[0])
        stride = cgutils.unpack_tuple(builder, view.strides, array_type.ndim)[0]
        base = builder.ptrtoint(view.data, ir.IntType(64))
        place = builder.add(base, builder.mul(stride, args[1]))
        byte_pointer = ir.IntType(8).as_pointer()
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte_pointer, number, number, number])
        call = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        # write, keep in all caches, data
        hints = [ir.Constant(number, hint) for hint in (1, 3, 1)]
        builder.call(call, [builder.inttoptr(place, byte_pointer), *hints])
        return context.get_dummy_value()

    return types.void(array, types.int64), emit


@njit(inline="always")
def _ask_nothing(array: Any, row: Any) -> None:
    """Stand in for `prefetch` where there is none."""


@njit(cache=True)
def _probe(array: Any) -> None:
    _ask(array, np.int64(0))


def _can_ask() -> bool:
    """Whether the intrinsic compiles here; kept on disk like every kernel."""
    if os.environ.get(OFF[0]) == OFF[1]:
        return False
    try:
        _probe(np.zeros(1))
    except (NumbaError, RuntimeError, AttributeError):
        return False
    return True


prefetch: Final = _ask if _can_ask() else _ask_nothing
