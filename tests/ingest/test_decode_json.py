"""JSON messages to columns: equal to the slow way, and strict with a reason."""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from contracts.batch import Batch
from contracts.errors import ConfigError
from contracts.records import Records
from ingest.decode import DecodeLimits, Decoder
from ingest.json_reading import decode_reading
from tests.ingest import twin

ROW_OF = {"water.dma-0417.pressure": 0, "drain.ünder-桥.level": 1, 'quo"ted\\': 2}
SCALE = np.array([1.0, 0.1, -2.5])
OFFSET = np.array([0.0, 273.15, 1.0])


def decode(*payloads: bytes | None, limits: DecodeLimits | None = None) -> Batch:
    rows = [(1841 + i, 1000, payload) for i, payload in enumerate(payloads)]
    return Decoder(ROW_OF, SCALE, OFFSET, limits or DecodeLimits()).decode(Records.of(rows))


def refusal(*payloads: bytes | None, limits: DecodeLimits | None = None) -> tuple[str, str]:
    """Reason and detail of the one refused message."""
    batch = decode(*payloads, limits=limits)
    ((record, reason, detail),) = batch.refused
    assert not len(batch)
    assert type(reason) is str
    assert record == len(payloads) - 1
    return reason, detail


def reading(**changes: object) -> dict[str, Any]:
    plain = {"channel": "water.dma-0417.pressure", "time": "2026-03-01T08:00:00.250Z", "value": 0.5}
    return {**plain, **changes}


def body(*readings: object) -> bytes:
    return json.dumps(readings).encode()


# --- twins ------------------------------------------------------------------------------------

offsets = st.one_of(
    st.sampled_from(["Z", "z", "+00:00", "-00:00", "+23:59", "-23:59"]),
    st.builds(
        "{}{:02}:{:02}".format, st.sampled_from("+-"), st.integers(0, 23), st.integers(0, 59)
    ),
)
good_dates = st.datetimes(
    min_value=twin.EPOCH.replace(tzinfo=None), max_value=twin.END.replace(tzinfo=None)
).map(lambda moment: moment.replace(microsecond=0).isoformat())
odd_dates = st.builds(
    "{:04}-{:02}-{:02}{}{:02}:{:02}:{:02}".format,
    st.one_of(st.integers(0, 9999), st.sampled_from([1969, 1970, 2000, 2024, 2100, 2200, 2201])),
    st.integers(0, 13),
    st.integers(0, 32),
    st.sampled_from("Tt _"),
    st.integers(0, 25),
    st.integers(0, 61),
    st.integers(0, 61),
)
decimals = st.one_of(
    st.just(""), st.text("0123456789", min_size=1, max_size=9).map(lambda text: "." + text)
)
good_times = st.builds("{}{}{}".format, good_dates, decimals, offsets)
odd_times = st.one_of(
    st.builds("{}{}{}".format, odd_dates, decimals, offsets),
    st.builds("{}{}{}".format, good_dates, st.text("0123456789.", max_size=12), offsets),
    st.builds("{}{}{}".format, good_dates, decimals, st.text("Zz+-:0123456789", max_size=7)),
    st.text(max_size=40),
)
numbers = st.one_of(
    st.none(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([2**53 + 1, 10**300, 5e-324, -0.0, 1e22, 123456789012345678]),
)
ids = st.one_of(st.sampled_from(sorted(ROW_OF)), st.text(st.characters(codec="utf-8"), max_size=40))
millis = st.one_of(
    st.integers(0, 7_289_654_399_999), st.sampled_from([-1, 7_289_654_400_000, 2**63, -(2**70)])
)
good_readings = st.fixed_dictionaries(
    {"channel": ids, "time": st.one_of(good_times, st.integers(0, 10**12)), "value": numbers},
    optional={"quality": st.sampled_from(twin.QUALITIES)},
)
odd_readings = st.fixed_dictionaries(
    {"channel": st.one_of(ids, st.text(min_size=100)), "time": st.one_of(odd_times, millis)},
    optional={"value": numbers, "quality": st.text(max_size=4), "extra": st.none()},
)
documents = st.one_of(
    good_readings,
    st.lists(good_readings, max_size=5),
    odd_readings,
    st.lists(st.one_of(good_readings, odd_readings), max_size=3),
)


@st.composite
def texts(draw: st.DrawFn) -> bytes:
    """Documents as different writers write them: escapes or none, spaces or none."""
    separators = draw(st.sampled_from([None, (",", ":"), (" ,\n", "\t: ")]))
    text = json.dumps(
        draw(documents), ensure_ascii=draw(st.booleans()), separators=separators, allow_nan=False
    )
    return (draw(st.sampled_from(["", " ", "\r\n\t"])) + text).encode()


@st.composite
def mutants(draw: st.DrawFn) -> bytes:
    """Documents with some bytes replaced, added or lost."""
    data = bytearray(draw(texts()))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 2))] = draw(
            st.one_of(
                st.binary(max_size=2), st.sampled_from([b"0", b"1e5", b"-", b'"', b"\\u00e9"])
            )
        )
    return bytes(data)


def compare(payload: bytes) -> bool:
    """Assert that both ways agree; whether the message was accepted."""
    batch = decode(payload)
    try:
        expected = twin.decode(payload, ROW_OF)
    except twin.Refusal:
        assert [refused.record for refused in batch.refused] == [0]
        assert not len(batch)
        return False
    assert batch.refused == []
    assert batch.row.tolist() == [row.row for row in expected]
    assert batch.time_ns.tolist() == [row.time_ns for row in expected]
    assert batch.quality.tolist() == [row.quality for row in expected]
    strangers = {i: row.channel for i, row in enumerate(expected) if row.row < 0}
    assert batch.stranger == strangers
    values = [
        row.value * float(SCALE[row.row]) + float(OFFSET[row.row]) if row.row >= 0 else row.value
        for row in expected
    ]
    assert np.array_equal(batch.value, np.array(values), equal_nan=True)
    return True


@settings(deadline=None)  # the first example compiles the kernel
@given(st.lists(good_readings, min_size=1, max_size=8))
def test_valid_documents_give_the_columns_of_the_slow_way(readings: list[dict[str, Any]]) -> None:
    try:
        accepted = compare(json.dumps(readings).encode())
    except OverflowError:  # an integer beyond the largest double
        return
    assert accepted == all(in_years(item["time"]) for item in readings)


def in_years(time: str | int) -> bool:
    """Whether an offset did not move a time out of 1970..2200."""
    try:
        twin.decode_time(time)
    except twin.Refusal:
        return False
    return True


@settings(deadline=None)  # the first example compiles the kernel
@given(texts())
def test_documents_of_all_kinds_are_accepted_or_refused_alike(payload: bytes) -> None:
    compare(payload)


@settings(deadline=None)  # the first example compiles the kernel
@given(mutants())
@example(b'{"channel":"a","time":01,"value":1}')
@example(b'{"channel":"\\ud800","time":1,"value":1}')
@example(b'{"channel":"a","time":"2026-03-01T08:00:00\\u005A","value":1}')
def test_mutated_documents_are_accepted_or_refused_alike(payload: bytes) -> None:
    if payload.strip(b" \t\r\n")[:1] in {b"{", b"["}:
        compare(payload)


@settings(deadline=None)  # the first example compiles the kernel
@given(good_times)
def test_times_are_exact_to_the_nanosecond(time: str) -> None:
    batch = decode(body(reading(time=time)))
    if in_years(time):
        assert batch.time_ns.tolist() == [twin.decode_time(time)]
    else:
        assert batch.refused[0].reason == "bad_time"


# --- the message as a whole -------------------------------------------------------------------


def test_readings_come_in_arrival_order_with_their_record() -> None:
    one, two = json.dumps(reading(value=1)).encode(), body(reading(value=2), reading(value=3))
    batch = decode(one, two, b"{", one)
    assert batch.record.tolist() == [0, 1, 1, 3]
    assert batch.value.tolist() == [1.0, 2.0, 3.0, 1.0]
    assert [refused.record for refused in batch.refused] == [2]


def test_more_messages_than_one_run_holds_stay_in_order() -> None:
    payloads = [json.dumps(reading(channel=f"c{i}", value=i)).encode() for i in range(2500)]
    payloads[1300] = body(reading(time="yesterday"))
    batch = decode(*payloads)
    left = [i for i in range(2500) if i != 1300]
    assert batch.record.tolist() == left
    assert batch.value.tolist() == left
    assert list(batch.stranger.values()) == [f"c{i}" for i in left]
    assert list(batch.stranger) == list(range(2499))
    assert [refused.record for refused in batch.refused] == [1300]


def test_a_fault_anywhere_refuses_the_whole_message_and_no_other() -> None:
    batch = decode(
        body(reading(channel="x"), reading()),
        body(reading(channel="y"), reading(time="2024-02-29 10:00")),
        body(reading(channel="z")),
    )
    assert batch.record.tolist() == [0, 0, 2]
    assert batch.stranger == {0: "x", 2: "z"}
    assert [refused.record for refused in batch.refused] == [1]


def test_every_record_is_readings_or_a_refusal() -> None:
    payloads = [None, b"", b" \n", b"[]", b"[1]", b"\x00", body(reading()), b"{}", b"\xff" * 9]
    batch = decode(*payloads)
    seen = sorted({*batch.record.tolist(), *(refused.record for refused in batch.refused)})
    assert seen == list(range(len(payloads)))
    assert len(batch) + len(batch.refused) == len(payloads)


def test_values_take_the_unit_of_their_class_and_strangers_stay_as_sent() -> None:
    strange = reading(channel="nobody", value=7)
    batch = decode(body(reading(channel="drain.ünder-桥.level", value=1.5), strange))
    assert batch.value.tolist() == [1.5 * 0.1 + 273.15, 7.0]
    assert batch.row.tolist() == [1, -1]


def test_null_is_nan_and_quality_defaults_to_good() -> None:
    batch = decode(body(reading(value=None), reading(quality="bad"), reading(quality="uncertain")))
    assert math.isnan(batch.value[0])
    assert batch.quality.tolist() == [0, 2, 1]


def test_no_records_give_an_empty_batch_of_the_right_types() -> None:
    batch = decode()
    kinds = [column.dtype for column in (batch.record, batch.row, batch.time_ns, batch.value)]
    assert kinds == [np.int32, np.int32, np.int64, np.float64]
    assert (len(batch), batch.refused, batch.stranger) == (0, [], {})


# --- messages to people -----------------------------------------------------------------------

PLACE = "readings[1]@1841: "
GOOD = reading()


@pytest.mark.parametrize(
    ("wrong", "reason", "detail"),
    [
        (
            reading(time="2024-02-29 10:00"),
            "bad_time",
            "expected a UTC time with offset, got '2024-02-29 10:00'; fix the gateway clock format",
        ),
        (
            reading(time="2026-03-01T08:00:00"),
            "bad_time",
            "expected a UTC time with offset, got '2026-03-01T08:00:00'; "
            "fix the gateway clock format",
        ),
        (
            reading(time="2026-03-01T08:00:00.1234567891Z"),
            "bad_time",
            "expected a UTC time with offset, got '2026-03-01T08:00:00.1234567891Z'; "
            "fix the gateway clock format",
        ),
        (
            reading(time="1969-12-31T23:59:59Z"),
            "bad_time",
            "expected a time from 1970 to 2200, got '1969-12-31T23:59:59Z'; set the gateway clock",
        ),
        (
            reading(time=-5),
            "bad_time",
            "expected a time from 1970 to 2200, got -5; set the gateway clock",
        ),
        (
            reading(time="x" * 65),
            "bad_time",
            "expected a UTC time with offset, got a long text; fix the gateway clock format",
        ),
        (
            reading(time=1.5),
            "bad_json",
            "`time`: expected `int | str`, got `float`; send what the schema says",
        ),
        (
            reading(value="high"),
            "bad_json",
            "`value`: expected `float | null`, got `str`; send what the schema says",
        ),
        (
            reading(extra=1),
            "bad_json",
            "object contains unknown field `extra`; send what the schema says",
        ),
        (
            reading(quality="fine"),
            "bad_json",
            "`quality`: invalid enum value 'fine'; send what the schema says",
        ),
        (
            {"channel": "a", "time": 1},
            "bad_json",
            "object missing required field `value`; send what the schema says",
        ),
        (
            reading(channel="桥" * 43),
            "bad_channel",
            f"expected a channel id of at most 128 bytes, got {'桥' * 32!r}…; "
            "shorten the id at the gateway",
        ),
    ],
)
def test_a_refusal_says_where_what_and_what_to_do(
    wrong: dict[str, Any], reason: str, detail: str
) -> None:
    assert refusal(body(GOOD, wrong)) == (reason, PLACE + detail)


@pytest.mark.parametrize(
    ("payload", "reason", "detail"),
    [
        (None, "empty", "expected a reading, got no bytes; send no empty messages"),
        (b"", "empty", "expected a reading, got no bytes; send no empty messages"),
        (b"[]", "empty", "expected at least one reading, got none; send no empty arrays"),
        (
            b"\xef\xbb\xbf{}",
            "unknown_format",
            "expected JSON or an Arrow IPC stream, got bytes that begin with ef bb bf 7b 7d; "
            "check the gateway's output format",
        ),
        (
            b"[" + b" " * 2**20,
            "too_large",
            "expected at most 1048576 bytes, got 1048577; send less",
        ),
        (
            b'{"channel"',
            "bad_json",
            "input data was truncated; send one reading or an array of them",
        ),
    ],
)
def test_a_refused_message_is_named_by_its_offset(
    payload: bytes | None, reason: str, detail: str
) -> None:
    assert refusal(payload) == (reason, f"readings@1841: {detail}")


def test_too_many_readings_are_refused() -> None:
    reason, detail = refusal(body(*[GOOD] * 3), limits=DecodeLimits(readings_per_message=2))
    assert reason == "too_many"
    assert detail == "readings@1841: expected at most 2 readings, got 3; send smaller arrays"
    assert len(decode(body(*[GOOD] * 2), limits=DecodeLimits(readings_per_message=2))) == 2


@pytest.mark.parametrize("deep", [b"[" * 100_000, b'{"channel":' * 50_000, b'[{"x":' + b"[" * 9**5])
def test_depth_does_not_matter(deep: bytes) -> None:
    assert refusal(deep)[0] == "bad_json"


def test_a_catalogue_with_ids_too_long_is_refused_at_the_start() -> None:
    with pytest.raises(ConfigError, match="catalogue: expected ids of at most 128 bytes, got 'x"):
        Decoder({"x" * 129: 0}, SCALE, OFFSET, DecodeLimits())


def test_one_reading_is_not_an_array() -> None:
    assert decode_reading(json.dumps(GOOD).encode(), 7).value == 0.5
    with pytest.raises(Exception, match="readings@7: expected one reading, got an array"):
        decode_reading(body(GOOD), 7)
