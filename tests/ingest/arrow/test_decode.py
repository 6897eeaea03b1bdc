"""Arrow messages to columns: exact schema, exact values."""

import numpy as np
import pyarrow as pa
import pytest

from tests.ingest.arrow.streams import UTC, dictionary, stream, table
from tests.testkit.small_lane import decode, refusal


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
    assert batch.unknown_id == {2: "c"}
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
    assert batch.unknown_id == {3: "c", 5: "x", 6: "x", 7: "x"}
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
    assert batch.unknown_id == {6: "q", 8: "q"}


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
