"""JSON messages to columns: in order, whole or not at all, strict with a reason."""

import json
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from contracts.errors import ConfigError
from ingest.decode import DecodeLimits, Decoder
from ingest.json.reading import decode_reading
from tests.testkit.small_lane import OFFSET, SCALE, body, decode, reading, refusal

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
    assert list(batch.unknown_id.values()) == [f"c{i}" for i in left]
    assert list(batch.unknown_id) == list(range(2499))
    assert [refused.record for refused in batch.refused] == [1300]


def test_a_fault_anywhere_refuses_the_whole_message_and_no_other() -> None:
    batch = decode(
        body(reading(channel="x"), reading()),
        body(reading(channel="y"), reading(time="2024-02-29 10:00")),
        body(reading(channel="z")),
    )
    assert batch.record.tolist() == [0, 0, 2]
    assert batch.unknown_id == {0: "x", 2: "z"}
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
    assert batch.row.tolist() == [3, -1]


def test_null_is_nan_and_quality_defaults_to_good() -> None:
    batch = decode(body(reading(value=None), reading(quality="bad"), reading(quality="uncertain")))
    assert math.isnan(batch.value[0])
    assert batch.quality.tolist() == [0, 2, 1]


def test_no_records_give_an_empty_batch_of_the_right_types() -> None:
    batch = decode()
    kinds = [column.dtype for column in (batch.record, batch.row, batch.time_ns, batch.value)]
    assert kinds == [np.int32, np.int32, np.int64, np.float64]
    assert (len(batch), batch.refused, batch.unknown_id) == (0, [], {})


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
        Decoder(pa.array(["ok", "x" * 129]), SCALE, OFFSET, DecodeLimits())


def test_one_reading_is_not_an_array() -> None:
    assert decode_reading(json.dumps(GOOD).encode(), 7).value == 0.5
    with pytest.raises(Exception, match="readings@7: expected one reading, got an array"):
        decode_reading(body(GOOD), 7)
