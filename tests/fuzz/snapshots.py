"""Containers of snapshots: read, or refused with an error that recovery knows."""

from collections.abc import Mapping

import numpy as np

from contracts.errors import FatalError
from pipeline.snapshot.store import Snapshot, pack, unpack

# What recovery takes for a damaged file, and goes on with the one before.
DAMAGED = (OSError, MemoryError, ValueError, LookupError, FatalError)


def seeds() -> Mapping[str, bytes]:
    """A small one, one with a struct, and one without arrays."""
    header = {"lane": "water-0", "position": 7, "shelf": {"a": 1}, "recent": [5, [[9, "x"]]]}
    rows = np.zeros(2, np.dtype([("level", "<i4"), ("mean", "<f8", (2,))]))
    arrays = {"ids": np.arange(3, dtype=np.uint64), "flags": np.zeros((2, 2), np.bool_)}
    return {
        "plain": pack(Snapshot(header, arrays)),
        "struct": pack(Snapshot({}, {"rows": rows})),
        "empty": pack(Snapshot({}, {})),
    }


def check(data: bytes) -> None:
    """Unpack a container; arrays lie within it."""
    try:
        snapshot = unpack(data)
    except DAMAGED:
        return
    for array in snapshot.arrays.values():
        assert array.nbytes <= len(data)
        assert array.dtype.hasobject is False
