"""Ids are found by their bytes, and only those that are there, under whatever key."""

import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit
from numpy.typing import NDArray

from ingest.id_table import SECRET, IdTable, hash_of
from ingest.pointers import address_of

pytestmark = pytest.mark.slow

TEXTS = st.lists(st.text("ab北.", max_size=20), max_size=60)
KINDS = st.sampled_from([pa.string(), pa.large_string()])
WORD = (1 << 64) - 1


@settings(deadline=None)  # the first example may compile
@given(TEXTS, TEXTS, st.integers(0, 5), KINDS)
def test_the_table_finds_what_a_dict_finds(
    known: list[str], others: list[str], first: int, kind: pa.DataType
) -> None:
    row_of = {channel: i for i, channel in enumerate(dict.fromkeys(known))}
    asked = pa.array(known + others, kind)[first:]
    expected = [row_of.get(channel, -1) for channel in asked.to_pylist()]
    table = IdTable(pa.array(list(row_of), kind))
    assert table.rows(asked).tolist() == expected
    assert len(table) == len(row_of)
    assert table.longest == max((len(channel.encode()) for channel in row_of), default=0)


def test_a_part_of_an_array_is_a_catalogue_too() -> None:
    ids = pa.array(["nobody", "first", "second", "third", "nobody else"])[1:4]
    assert IdTable(ids).rows(pa.array(["third", "nobody", "first"])).tolist() == [2, -1, 0]


def test_a_hundred_thousand_ids_are_found_and_as_many_others_are_not() -> None:
    names = [f"water.dma-{i:06d}.{'pressure' if i % 3 else 'flow'}" for i in range(100_000)]
    others = [name[:-1] + "x" for name in names] + [name + "." for name in names]
    table = IdTable(pa.array(names))
    order = list(range(len(names)))
    random.Random(3).shuffle(order)
    assert table.rows(pa.array([names[i] for i in order])).tolist() == order
    assert set(table.rows(pa.array(others)).tolist()) == {-1}


def test_ids_whose_codes_are_alike_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key of zeros makes words of zeros swallow the rest: the bytes decide then."""
    monkeypatch.setattr("ingest.id_table.SECRET", np.zeros(2, np.uint64))
    names = [("\0" * 8 + chr(97 + i)) * 2 for i in range(20)] + ["\0" * i for i in range(20)]
    table = IdTable(pa.array(names))
    assert table.rows(pa.array(names)).tolist() == list(range(len(names)))
    assert table.rows(pa.array(["\0" * 40, "\0" * 8 + "z"])).tolist() == [-1, -1]


def test_offsets_followed_by_half_a_one_are_no_obstacle() -> None:
    whole = pa.array(["b", "a"])
    _, offsets, data = whole.buffers()
    longer = pa.py_buffer(offsets.to_pybytes()[:12] + b"\x01")
    forged = pa.Array.from_buffers(pa.string(), 2, [None, longer, data])
    forged.validate(full=True)
    assert IdTable(pa.array(["a", "b"])).rows(forged).tolist() == [1, 0]


def test_a_table_takes_eighteen_bytes_beside_those_of_an_id() -> None:
    ids = pa.array([f"water.dma-{i:07d}.pressure" for i in range(10_000)])
    table = IdTable(ids)
    assert table.nbytes < (26 + 18) * len(ids)


@njit
def _code(data: NDArray[np.uint8], secret: NDArray[np.uint64]) -> Any:
    return hash_of(address_of(data), 0, len(data), secret[0], secret[1])


def code_of(text: bytes, secret: NDArray[np.uint64]) -> int:
    return int(_code(np.frombuffer(text or b"\0", np.uint8)[: len(text)], secret))


def plain_code(text: bytes, one: int, other: int) -> int:
    """The hash, slowly and obviously."""

    def folded(a: int, b: int) -> int:
        return (a * b & WORD) ^ (a * b >> 64)

    def word(at: int, size: int = 8) -> int:
        return int.from_bytes(text[at : at + size], "little")

    size = len(text)
    code = other ^ size
    if size < 8:
        short = 0
        if size >= 4:
            short = word(0, 4) | word(size - 4, 4) << 32
        elif size:
            short = text[0] | text[size // 2] << 8 | text[-1] << 16
        return folded(short ^ one, code ^ one)
    at = 0
    while at + 8 < size - 8:
        code = folded(word(at) ^ one, word(at + 8) ^ code)
        at += 16
    last = folded(word(min(at, size - 8)) ^ one, word(size - 8) ^ code)
    return folded(last, other)


@settings(deadline=None)  # the first example compiles
@given(st.binary(max_size=70), st.integers(0, WORD), st.integers(0, WORD))
def test_the_hash_is_that_of_its_plain_twin(text: bytes, one: int, other: int) -> None:
    assert code_of(text, np.array([one, other], np.uint64)) == plain_code(text, one, other)


def test_another_process_hashes_otherwise() -> None:
    text = b"water.dma-0417.pressure"
    assert SECRET.any()
    assert code_of(text, SECRET) != code_of(text, SECRET ^ np.uint64(1 << 17))
    assert not SECRET.flags.writeable


def test_codes_of_ids_alike_spread_over_slots_and_tags() -> None:
    codes = [code_of(b"water.dma-%07d.pressure" % i, SECRET) for i in range(20_000)]
    assert len({code & 0xFFFFFFFF for code in codes}) > 19_990
    filled = np.bincount([code * 1000 >> 64 for code in codes], minlength=1000)
    chi = float(((filled - 20) ** 2 / 20).sum())
    assert 800 < chi < 1200, "999 degrees of freedom, 4.5 standard deviations"
