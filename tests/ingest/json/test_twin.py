"""JSON decoded the fast way and the slow way gives the same, whatever comes."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.ingest.json import twin
from tests.testkit.small_lane import OFFSET, ROW_OF, SCALE, body, decode, reading

pytestmark = pytest.mark.slow

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
    unknown_ids = {i: row.channel for i, row in enumerate(expected) if row.row < 0}
    assert batch.unknown_id == unknown_ids
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
