"""Plain data comes back as it was, whatever its shape, and no piece of it is large."""

from copy import deepcopy
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.snapshot import plain_state
from pipeline.snapshot.plain_state import decoded, encoded, pieces

pytestmark = pytest.mark.slow

LEAF = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text() | st.floats()
PLAIN = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(), inner, max_size=8),
    max_leaves=40,
)


@given(st.dictionaries(st.text(), PLAIN, max_size=8))
@settings(max_examples=100)
def test_what_is_encoded_in_pieces_comes_back_in_its_order(state: dict[str, Any]) -> None:
    former, plain_state.ENTRIES_A_PIECE = plain_state.ENTRIES_A_PIECE, 3  # type: ignore[misc]
    try:
        found = decoded(encoded(deepcopy(state)))
    finally:
        plain_state.ENTRIES_A_PIECE = former  # type: ignore[misc]
    assert msgspec.json.encode(found) == msgspec.json.encode(state)


def test_no_piece_of_a_large_state_is_large() -> None:
    alarms = {f"a-{n:016x}": {"alarm": "x" * 1_000, "by": ""} for n in range(20_000)}
    state = {"answers": {"open": alarms, "known": [[n] for n in range(5_000)]}, "time_s": 7}
    sizes = [len(msgspec.msgpack.encode(piece)) for piece in pieces(deepcopy(state))]
    assert max(sizes) < 600_000
    assert len(sizes) > 50
    assert decoded(encoded(deepcopy(state))) == state


def test_what_is_encoded_is_forgotten_piece_by_piece() -> None:
    state = {"open": {str(n): [n] for n in range(1_200)}, "known": list(range(700))}
    lefts = [(len(state["open"]), len(state["known"])) for _ in pieces(state)]
    assert lefts == [(1_200, 700), (700, 700), (200, 700), (0, 700), (0, 200), (0, 0)]


def test_bytes_that_were_cut_are_no_state() -> None:
    array = encoded({"open": {str(n): n for n in range(2_000)}})
    with pytest.raises(ValueError, match="truncated"):
        decoded(np.array(array[:-3]))
