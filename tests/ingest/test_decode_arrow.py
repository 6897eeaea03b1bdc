"""Arrow messages to columns: exact schema, validated before use, bounded before decoded."""

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

from contracts.batch import Batch
from contracts.records import Records
from ingest.arrow_framing import FramingError, frames
from ingest.decode import DecodeLimits, Decoder

ROW_OF = {"a": 0, "b": 1}
SCALE = np.array([2.0, 10.0])
OFFSET = np.array([0.0, 1.0])
UTC = pa.timestamp("ms", "UTC")


def decode(*payloads: bytes, limits: DecodeLimits | None = None) -> Batch:
    rows: list[tuple[int, int, bytes | None]] = [
        (1841 + i, 1000, payload) for i, payload in enumerate(payloads)
    ]
    return Decoder(ROW_OF, SCALE, OFFSET, limits or DecodeLimits()).decode(Records.of(rows))


def refusal(payload: bytes, limits: DecodeLimits | None = None) -> tuple[str, str]:
    """Reason and detail of the one refused message."""
    batch = decode(payload, limits=limits)
    ((_, reason, detail),) = batch.refused
    assert not len(batch)
    return reason, detail


def table(**changes: pa.Array | None) -> pa.Table:
    columns = {
        "channel": pa.array(["a", "b", "c"]),
        "time": pa.array([1000, 2000, 3000], UTC),
        "value": pa.array([1.0, None, 3.0]),
        "quality": pa.array([0, 1, 2], pa.uint8()),
    } | changes
    return pa.table({name: column for name, column in columns.items() if column is not None})


def stream(readings: pa.Table, rows: int = 1000, codec: str | None = None) -> bytes:
    """A table as an IPC stream of batches with so many rows."""
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=codec, emit_dictionary_deltas=True)
    with pa.ipc.new_stream(sink, readings.schema, options=options) as writer:
        writer.write_table(readings, max_chunksize=rows)
    return bytes(sink.getvalue())


def dictionary(ids: list[str | None], index: pa.DataType, values: pa.DataType) -> pa.Array:
    return pa.array(ids).dictionary_encode().cast(pa.dictionary(index, values))


@pytest.mark.parametrize(
    "channel",
    [
        pa.array(["a", "b", "c"]),
        pa.array(["a", "b", "c"], pa.large_string()),
        dictionary(["a", "b", "c"], pa.int8(), pa.string()),
        dictionary(["a", "b", "c"], pa.int64(), pa.large_string()),
        dictionary(["a", "b", "c"], pa.uint32(), pa.string()),
        pa.DictionaryArray.from_arrays(pa.array([3, 1, 0]), ["c", "b", "unused", "a"]),
    ],
    ids=lambda channel: str(channel.type),
)
@pytest.mark.parametrize("rows", [1, 2, 3])
def test_every_kind_of_channel_column_gives_the_same_readings(channel: pa.Array, rows: int) -> None:
    batch = decode(stream(table(channel=channel), rows))
    assert batch.refused == []
    assert batch.record.tolist() == [0, 0, 0]
    assert batch.row.tolist() == [0, 1, -1]
    assert batch.stranger == {2: "c"}
    assert batch.time_ns.tolist() == [10**9, 2 * 10**9, 3 * 10**9]
    assert np.array_equal(batch.value, [2.0, np.nan, 3.0], equal_nan=True)
    assert batch.quality.tolist() == [0, 1, 2]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_of_every_unit_are_exact(unit: str) -> None:
    per_s = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    raw = [0, 1, 1_772_323_200 * per_s + per_s - 1]
    times = pa.array(raw, pa.timestamp(unit, "UTC"))
    expected = [value * (10**9 // per_s) for value in raw]
    assert decode(stream(table(time=times))).time_ns.tolist() == expected


def test_quality_may_be_left_out_and_columns_may_come_in_any_order() -> None:
    readings = table(quality=None).select(["value", "time", "channel"])
    batch = decode(stream(readings))
    assert batch.quality.tolist() == [0, 0, 0]
    assert batch.row.tolist() == [0, 1, -1]


def test_arrow_and_json_messages_keep_their_order() -> None:
    text = b'{"channel": "b", "time": 0, "value": 5}'
    batch = decode(text, stream(table()), b"{", text, stream(table(channel=pa.array(["x"] * 3))))
    assert batch.record.tolist() == [0, 1, 1, 1, 3, 4, 4, 4]
    assert batch.row.tolist() == [1, 0, 1, -1, 1, -1, -1, -1]
    assert batch.stranger == {3: "c", 5: "x", 6: "x", 7: "x"}
    assert [refused.record for refused in batch.refused] == [2]


def test_a_growing_dictionary_is_followed() -> None:
    sink = pa.BufferOutputStream()
    parts = [
        table(channel=pa.DictionaryArray.from_arrays(pa.array([0, 0, 0]), ["a"])),
        table(channel=pa.DictionaryArray.from_arrays(pa.array([0, 1, 1]), ["a", "b"])),
        table(channel=pa.DictionaryArray.from_arrays(pa.array([0, 1, 0]), ["q", "a"])),
    ]
    options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True)
    with pa.ipc.new_stream(sink, parts[0].schema, options=options) as writer:
        for part in parts:
            writer.write_table(part)
    batch = decode(bytes(sink.getvalue()))
    assert batch.row.tolist() == [0, 0, 0, 0, 1, 1, -1, 0, -1]
    assert batch.stranger == {6: "q", 8: "q"}


# --- schema -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"value": None}, "expected columns channel, time, value[, quality], got"),
        ({"unit": pa.array(["m"] * 3)}, "expected columns channel, time, value[, quality], got"),
        ({"channel": pa.array([1, 2, 3])}, "`channel`: expected string, large_string or a dict"),
        ({"channel": pa.array([b"a"] * 3)}, "`channel`: expected string, large_string or a dict"),
        (
            {"channel": pa.array([1, 2, 3]).dictionary_encode()},
            "`channel`: expected string, large_string or a dictionary of either, got dictionary<",
        ),
        ({"channel": pa.array(["a"] * 3, pa.string_view())}, "`channel`: expected string"),
        ({"channel": pa.nulls(3)}, "`channel`: expected string"),
        (
            {"time": pa.array([1, 2, 3])},
            "`time`: expected timestamp with time zone UTC, got int64; send the columns that the",
        ),
        ({"time": pa.array([1, 2, 3], pa.timestamp("ms"))}, "`time`: expected timestamp with"),
        (
            {"time": pa.array([1, 2, 3], pa.timestamp("ms", "Asia/Shanghai"))},
            "`time`: expected timestamp with time zone UTC, got timestamp[ms, tz=Asia/Shanghai]",
        ),
        ({"value": pa.array([1.0] * 3, pa.float32())}, "`value`: expected double, got float"),
        ({"quality": pa.array([0, 1, 2])}, "`quality`: expected uint8, got int64"),
        (
            {"channel": pa.array([{"x": 1}] * 3)},
            "`channel`: expected string, large_string or a dictionary of either, got struct<x",
        ),
        ({"value": pa.array([[1.0]] * 3)}, "`value`: expected double, got list<item: double>"),
    ],
)
def test_another_schema_is_refused(changes: dict[str, pa.Array | None], detail: str) -> None:
    reason, found = refusal(stream(table(**changes)))
    assert reason == "bad_schema"
    assert found.startswith(f"readings@1841: {detail}")


def test_a_column_twice_is_refused() -> None:
    readings = table()
    twice = readings.append_column("value", readings.column("value"))
    assert refusal(stream(twice))[0] == "bad_schema"


def test_extension_types_are_refused() -> None:
    readings = table()
    marked = pa.field("value", pa.float64(), metadata={"ARROW:extension:name": "x"})
    schema = readings.schema.set(readings.schema.get_field_index("value"), marked)
    reason, detail = refusal(stream(readings.cast(schema)))
    assert (reason, "no extension type" in detail) == ("bad_schema", True)


# --- values -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "reason", "detail"),
    [
        (
            {"channel": pa.array(["a", None, "c"])},
            "bad_channel",
            "readings[1]@1841: expected a channel id, got null; name the channel of each reading",
        ),
        (
            {"channel": pa.DictionaryArray.from_arrays(pa.array([0, 0, 1]), ["a", None])},
            "bad_channel",
            "readings[2]@1841: expected a channel id, got null; name the channel of each reading",
        ),
        (
            {"channel": pa.array(["a", "b", "x" * 129])},
            "bad_channel",
            f"readings[2]@1841: expected a channel id of at most 128 bytes, got {'x' * 32!r}…; "
            "shorten the id at the gateway",
        ),
        (
            {"time": pa.array([1, None, 3], UTC)},
            "bad_time",
            "readings[1]@1841: expected a time from 1970 to 2200, got null; set the gateway clock",
        ),
        (
            {"time": pa.array([1, 2, -1], UTC)},
            "bad_time",
            "readings[2]@1841: expected a time from 1970 to 2200, got -1 ms; set the gateway clock",
        ),
        (
            {"time": pa.array([7_289_654_400_000, 2, 3], UTC)},
            "bad_time",
            "readings[0]@1841: expected a time from 1970 to 2200, got 7289654400000 ms; "
            "set the gateway clock",
        ),
        (
            {"quality": pa.array([0, 3, 2], pa.uint8())},
            "bad_quality",
            "readings[1]@1841: expected quality 0, 1 or 2, got 3; map it at the gateway",
        ),
        (
            {"quality": pa.array([0, 1, None], pa.uint8())},
            "bad_quality",
            "readings[2]@1841: expected quality 0, 1 or 2, got None; map it at the gateway",
        ),
    ],
)
@pytest.mark.parametrize("rows", [1, 3])
def test_one_wrong_value_refuses_the_message(
    changes: dict[str, pa.Array], reason: str, detail: str, rows: int
) -> None:
    assert refusal(stream(table(**changes), rows)) == (reason, detail)


# --- forged and broken bytes ------------------------------------------------------------------


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
    assert decode(good).stranger == {0: "c17", 1: "c18", 2: "c19"}
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
from tests.ingest.test_decode_arrow import bomb, refusal
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


@pytest.mark.slow
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
    reason, found = refusal(stream(table(), rows=1), limits)
    assert reason == "too_many"
    assert found.startswith(f"readings@1841: {detail}")


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
