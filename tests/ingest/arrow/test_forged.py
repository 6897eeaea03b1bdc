"""Arrow messages that are broken, forged or inflated: refused before they cost anything."""

import os
import struct
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.arrow.framing import FramingError, frames
from ingest.decode import DecodeLimits
from tests.ingest.arrow.streams import UTC, dictionary, stream, table
from tests.testkit.small_lane import decode, refusal

pytestmark = pytest.mark.slow


def forged(payload: bytes, old: bytes, new: bytes) -> bytes:
    assert payload.count(old) == 1
    return payload.replace(old, new)


def test_a_forged_string_offset_is_refused_and_does_not_end_the_process() -> None:
    ids = pa.array(["first-channel", "second-channel", "third-channel"])
    good = stream(table(channel=ids))
    offsets = struct.pack("<4i", 0, 13, 27, 40)
    for wrong in ((0, 13, 2**30, 40), (0, 13, 27, 2**31 - 1), (0, -5, 27, 40), (9, 5, 27, 40)):
        reason, detail = refusal(forged(good, offsets, struct.pack("<4i", *wrong)))
        assert reason == "bad_arrow"
        assert detail.startswith("readings@1841: expected a valid Arrow stream, got ")


def test_a_forged_dictionary_index_is_refused() -> None:
    index = pa.array([0x11, 0x12, 0x13], pa.int32())
    ids = pa.array([f"c{i}" for i in range(20)])
    good = stream(table(channel=pa.DictionaryArray.from_arrays(index, ids)))
    plain = struct.pack("<3i", 0x11, 0x12, 0x13)
    assert decode(good).unknown_id == {0: "c17", 1: "c18", 2: "c19"}
    for wrong in (20, 2**31 - 1, -1):
        bad = forged(good, plain, struct.pack("<3i", 0x11, wrong, 0x13))
        assert refusal(bad)[0] == "bad_arrow"


def test_ids_that_are_no_utf8_are_refused() -> None:
    good = stream(table(channel=pa.array(["first", "second", "third"])))
    assert refusal(forged(good, b"second", b"sec\xffnd"))[0] == "bad_arrow"


@pytest.mark.parametrize("cut", [4, 8, 100, -1, -8, -9])
def test_a_stream_cut_short_is_refused(cut: int) -> None:
    reason, detail = refusal(stream(table())[:cut])
    assert reason == "bad_arrow"
    assert "expected a whole Arrow IPC stream" in detail


def test_bytes_behind_the_end_are_refused() -> None:
    assert refusal(stream(table()) + b"\x00")[0] == "bad_arrow"
    assert refusal(stream(table()) * 2)[0] == "bad_arrow"


def test_a_stream_without_readings_is_refused() -> None:
    assert refusal(stream(table().slice(0, 0)))[0] == "empty"
    assert refusal(stream(table().slice(0, 0), 1))[0] == "empty"


def test_column_names_that_are_no_utf8_are_refused() -> None:
    good = stream(table())
    assert refusal(good.replace(b"quality", b"qual\xffty"))[0] == "bad_arrow"


def test_dictionary_values_that_are_no_utf8_are_refused() -> None:
    ids = dictionary(["first", "second", "third"], pa.int8(), pa.string())
    bad = forged(stream(table(channel=ids)), b"second", b"sec\xffnd")
    assert refusal(bad)[0] == "bad_arrow"


MANGLES: list[Callable[[bytearray, int, int], None]] = [
    lambda data, at, byte: data.__setitem__(at, byte),
    lambda data, at, byte: data.__delitem__(slice(at, at + byte % 9)),
    lambda data, at, byte: data.__setitem__(slice(at, at), bytes([byte]) * 8),
    lambda data, at, byte: data.__setitem__(slice(at, at + 4), struct.pack("<I", byte << 23)),
    lambda data, at, byte: data.__setitem__(slice(at, at + 8), struct.pack("<q", -byte << 40)),
]
SMALL = dictionary(["a", "b", "c"], pa.int8(), pa.string())
SEEDS = [stream(seed, rows) for seed in (table(), table(channel=SMALL)) for rows in (2, 3)]


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from(SEEDS),
    st.lists(
        st.tuples(st.sampled_from(MANGLES), st.floats(0, 0.999), st.integers(0, 255)),
        min_size=1,
        max_size=4,
    ),
)
def test_mangled_streams_are_read_or_refused(
    seed: bytes, mangles: list[tuple[Callable[[bytearray, int, int], None], float, int]]
) -> None:
    data = bytearray(seed)
    for mangle, place, byte in mangles:
        mangle(data, 8 + int(place * (len(data) - 8)), byte)
    batch = decode(bytes(data))
    assert bool(len(batch)) != bool(batch.refused)
    assert len(batch) <= 100


# --- bounds -----------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", ["zstd", "lz4"])
def test_compressed_bodies_are_refused_unread(codec: str) -> None:
    reason, detail = refusal(stream(table(), codec=codec))
    assert reason == "compressed"
    assert detail == (
        "readings@1841: expected plain Arrow bodies, got compressed; let Kafka compress instead"
    )


BOMB = """
import resource
from tests.testkit.small_lane import refusal
from tests.ingest.arrow.test_forged import bomb
body = bomb()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert refusal(body)[0] == "compressed"
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(len(body), grown)
"""


def bomb(rows: int = 8_000_000) -> bytes:
    """A stream whose body expands ten thousand times."""
    zeros = np.zeros(rows)
    readings = pa.table(
        {
            "channel": pa.DictionaryArray.from_arrays(np.zeros(rows, np.int8), ["a"]),
            "time": pa.array(zeros.astype(np.int64), UTC),
            "value": zeros,
        }
    )
    return stream(readings, rows, "zstd")


def test_a_bomb_costs_no_memory() -> None:
    """In a process of its own, which held 136 MB for making the bomb: none is added."""
    done = subprocess.run(
        [sys.executable, "-c", BOMB], capture_output=True, text=True, check=True, env=os.environ
    )
    size, grown_kib = map(int, done.stdout.split())
    assert size < 50_000
    assert grown_kib < 8_192


@pytest.mark.parametrize(
    ("limits", "detail"),
    [
        (DecodeLimits(readings_per_message=2), "expected at most 2 readings, got 3; send less"),
        (DecodeLimits(batches_per_message=2), "expected at most 2 batches, got 3; write larger"),
    ],
)
def test_more_than_the_limits_is_refused(limits: DecodeLimits, detail: str) -> None:
    reason, found = refusal(stream(table(), rows=1), limits=limits)
    assert reason == "too_many"
    assert found.startswith(f"readings@1841: {detail}")


def repeated(times: int) -> pa.Table:
    """Very many readings in a kilobyte: each column says one value, and how often."""
    ends = pa.array([times], pa.int32())
    values = {"channel": pa.array(["a"]), "time": pa.array([1], UTC), "value": pa.array([1.0])}
    return pa.table({n: pa.RunEndEncodedArray.from_arrays(ends, one) for n, one in values.items()})


def pickled() -> pa.Table:
    """A column whose type old readers would have unpickled."""
    says = {"ARROW:extension:name": "arrow.py_extension_type", "ARROW:extension:metadata": b"cos\n"}
    fields = [
        pa.field("value", pa.float64(), metadata=says) if field.name == "value" else field
        for field in table().schema
    ]
    return table().cast(pa.schema(fields))


def nested(depth: int) -> pa.Array:
    kind = pa.float64()
    for _ in range(depth):
        kind = pa.list_(kind)
    return pa.nulls(3, kind)


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        (repeated(10**9), "too_many"),
        (pa.table([pa.nulls(10**9)] * 3, ["channel", "time", "value"]), "too_many"),
        (repeated(3), "bad_schema"),
        (pickled(), "bad_schema"),
        (table(more=nested(60)), "bad_schema"),
        (table(value=nested(60)), "bad_schema"),
    ],
    ids=["runs", "nulls", "few runs", "a pickled type", "a column too many", "lists in lists"],
)
def test_what_says_more_than_it_weighs_is_refused_by_its_head(
    readings: pa.Table, expected: str
) -> None:
    body = stream(readings, rows=2**31 - 1)
    assert len(body) < 10_000
    assert refusal(body)[0] == expected


def test_a_frame_that_claims_more_rows_than_it_holds_is_refused() -> None:
    good = stream(table())
    claimed = struct.pack("<q", 3)
    for rows in (-1, 99_999, 2**62):
        found = []
        for at in range(0, len(good) - 8, 8):
            if good[at : at + 8] == claimed:
                bad = good[:at] + struct.pack("<q", rows) + good[at + 8 :]
                batch = decode(bad)
                found += [refused.reason for refused in batch.refused]
        assert found
        assert set(found) <= {"bad_arrow", "too_many", "bad_time"}


def test_frames_tell_what_a_stream_announces() -> None:
    readings = table(channel=dictionary(["a", "b", "c"], pa.int8(), pa.string()))
    kinds = [(frame.kind, frame.rows, frame.compressed) for frame in frames(stream(readings, 2))]
    assert kinds == [(1, 0, False), (2, 3, False), (3, 2, False), (3, 1, False)]
    with pytest.raises(
        FramingError, match="expected a continuation mark at byte 0, got 0x41414141"
    ):
        frames(b"A" * 64)
