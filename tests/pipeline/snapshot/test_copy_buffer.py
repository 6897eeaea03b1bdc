"""The copy of a lane in memory that was used before."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from pipeline.snapshot.copy_buffer import CopyBuffer

ROW = np.dtype([("level", np.uint8), ("since_ns", np.int64)])
DTYPES: list[np.dtype[Any]] = [np.dtype(np.uint8), np.dtype(np.int64), ROW, np.dtype("S5")]
ARRAYS: st.SearchStrategy[list[np.ndarray]] = st.lists(
    npst.arrays(
        st.sampled_from(DTYPES),
        npst.array_shapes(min_side=0, max_dims=2, max_side=9),
    ),
    max_size=5,
)


@given(st.lists(ARRAYS, min_size=1, max_size=4))
def test_copies_equal_what_was_copied_and_go_their_own_way(calls: list[list[np.ndarray]]) -> None:
    room = CopyBuffer()
    for arrays in calls:
        wanted = {f"a{i}": array.copy() for i, array in enumerate(arrays)}
        given_ = {f"a{i}": array for i, array in enumerate(arrays)}
        copies = room.copies(given_)
        for array in arrays:
            array[...] = np.zeros((), array.dtype)
        assert list(copies) == list(wanted)
        for name, array in wanted.items():
            assert (copies[name].dtype, copies[name].shape) == (array.dtype, array.shape)
            assert copies[name].tobytes() == array.tobytes()


def test_memory_is_taken_once() -> None:
    room = CopyBuffer()
    first = room.copies({"a": np.ones(1_000), "b": np.ones(10, np.uint8)})
    second = room.copies({"a": np.zeros(900)})
    assert np.shares_memory(first["a"], second["a"])
    assert not np.shares_memory(first["a"], first["b"])
