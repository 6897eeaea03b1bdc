"""Messages read in place give what the full decoder gives, to the bit; odd ones are left to it."""

import json
import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from contracts.batch import Batch
from contracts.records import Records
from ingest import decode as decoding
from ingest.columns import nothing
from ingest.decode import Decoder
from ingest.id_table import IdTable
from ingest.json.scan import scan
from ingest.limits import DecodeLimits
from tests.ingest.json.test_twin import mutants, texts
from tests.testkit.small_lane import OFFSET, ROW_OF, SCALE

TABLE = IdTable(pa.array(list(ROW_OF)))
KNOWN = sorted(ROW_OF)[0]
DECODER = Decoder(pa.array(list(ROW_OF)), SCALE, OFFSET, DecodeLimits())


def records_of(payloads: list[bytes | None]) -> Records:
    return Records.of([(7 + i, 1000, payload) for i, payload in enumerate(payloads)], 999)


def in_full(records: Records, monkeypatch: pytest.MonkeyPatch) -> Batch:
    """What the decoder says with the scanner held back."""
    with monkeypatch.context() as held:
        held.setattr(
            decoding, "scan", lambda records, *_: (nothing(), np.zeros(len(records), np.bool_))
        )
        return DECODER.decode(records)


def same(records: Records, monkeypatch: pytest.MonkeyPatch) -> int:
    """Assert that both ways agree to the bit; how many messages were read in place."""
    fast, slow = DECODER.decode(records), in_full(records, monkeypatch)
    for name in ("record", "row", "time_ns", "quality"):
        assert np.array_equal(getattr(fast, name), getattr(slow, name)), name
        assert getattr(fast, name).dtype == getattr(slow, name).dtype
    assert np.array_equal(fast.value.view(np.int64), slow.value.view(np.int64))
    assert (fast.unknown_id, fast.refused) == (slow.unknown_id, slow.refused)
    return int(scan(records, TABLE, DecodeLimits())[1].sum())


def numeric(value: str, time: str = "1000", channel: str = KNOWN) -> bytes:
    return b'{"channel":%s,"time":%s,"value":%s}' % (
        json.dumps(channel).encode(),
        time.encode(),
        value.encode(),
    )


@pytest.mark.slow
@settings(deadline=None)  # the first example compiles the kernel
@given(st.lists(st.one_of(st.none(), texts(), mutants()), min_size=1, max_size=12))
@example([numeric("-0"), numeric("-0.0"), numeric("9007199254740993"), numeric("0.1")])
@example([b"{", b"{}", b'{"channel":"a","time":1,"value":1', b"", None, numeric("1") + b" x"])
def test_any_mixture_is_decoded_alike(payloads: list[bytes | None]) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        same(records_of(payloads), monkeypatch)


def plain_messages(chance: random.Random, count: int) -> list[bytes]:
    """Readings as gateways write them: any order of keys, spaces or none, all kinds of numbers."""
    found = []
    for _ in range(count):
        digits = chance.randint(1, 15)
        point = chance.randint(0, min(digits, 9))
        number = chance.randrange(10**digits) / 10**point
        time: object = chance.randrange(7 * 10**12)
        if chance.random() < 0.6:
            zone = chance.choice(["Z", "+08:00", "-03:30"])
            time = (
                f"20{chance.randrange(10, 99)}-0{chance.randrange(1, 10)}-1{chance.randrange(10)}T"
            )
            time += (
                f"1{chance.randrange(10)}:0{chance.randrange(10)}:33.{chance.randrange(1000)}{zone}"
            )
        items = [
            ("channel", chance.choice([*ROW_OF, "nobody"])),
            ("time", time),
            ("value", chance.choice([number, -number, int(number), None])),
        ]
        if chance.random() < 0.5:
            items.append(("quality", chance.choice(["good", "uncertain", "bad"])))
        chance.shuffle(items)
        separators = chance.choice([(",", ":"), (", ", ": "), (" ,\n", "\t: ")])
        found.append(json.dumps(dict(items), separators=separators, ensure_ascii=False).encode())
    return found


@pytest.mark.slow
def test_a_hundred_thousand_plain_messages_are_alike_and_most_are_read_in_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chance = random.Random(11)
    read = known = 0
    for _ in range(20):
        payloads = plain_messages(chance, 5_000)
        known += sum(b"nobody" not in payload for payload in payloads)
        read += same(records_of([*payloads]), monkeypatch)
    # One id in five has a quote in it, which a message must escape.
    assert 0.75 * known < read <= 0.85 * known


@pytest.mark.parametrize(
    "value",
    [
        "1e3",
        "01",
        "-",
        "1.",
        ".5",
        "-0",
        "9007199254740993",
        "1" * 19,
        "0." + "1" * 18,
        "NaN",
        '"1"',
    ],
)
def test_an_odd_number_is_left_to_the_full_decoder(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = records_of([numeric("1.5"), numeric(value)])
    assert same(records, monkeypatch) == 1


@pytest.mark.parametrize(
    "payload",
    [
        b"[%s,%s" % (numeric("1"), numeric("2")),
        b"[%s,%s,]" % (numeric("1"), numeric("2")),
        b"[%s %s]" % (numeric("1"), numeric("2")),
        b"[%s,%s]" % (numeric("1"), numeric("2", channel="nobody")),
        b"[%s,%s]" % (numeric("1"), numeric("1e3")),
        b"[[%s]]" % numeric("1"),
        b"[]",
        b"[1]",
        b"[",
        b' {"channel":"%s","time":1,"value":1}' % KNOWN.encode(),
        b'{"channel":"%s","time":1,"value":1,"value":2}' % KNOWN.encode(),
        b'{"channel":"%s","time":1,"value":1,"extra":2}' % KNOWN.encode(),
        b'{"channel":"nobody","time":1,"value":1}',
        b'{"channel":"%s","time":1.0,"value":1}' % KNOWN.encode(),
        b'{"channel":"%s","time":1,"value":1,}' % KNOWN.encode(),
        b'{"channel":"%s","time":1}' % KNOWN.encode(),
        b'{"\\u0063hannel":"%s","time":1,"value":1}' % KNOWN.encode(),
    ],
)
def test_an_unusual_message_is_left_to_the_full_decoder(
    payload: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert same(records_of([payload]), monkeypatch) == 0


def test_arrays_are_read_in_place_beside_single_readings(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(12)
    payloads: list[bytes | None] = []
    for _ in range(300):
        some = [m for m in plain_messages(chance, chance.randint(1, 20)) if b"nobody" not in m]
        payloads.append(chance.choice([b"[%s]", b"[ %s\n]"]) % b",".join(some))
        payloads += [numeric("2"), numeric("1", channel="nobody"), None]
    records = records_of(payloads)
    read = same(records, monkeypatch)
    plain, _ = scan(records, TABLE, DecodeLimits())
    assert read > 300
    assert len(plain) > read


def test_more_readings_than_a_message_may_hold_are_left_alone() -> None:
    payload = b"[%s]" % b",".join([numeric("1")] * 3)
    for most, read in ((2, False), (3, True)):
        limits = DecodeLimits(readings_per_message=most)
        assert scan(records_of([payload]), TABLE, limits)[1].tolist() == [read]


def test_a_message_beyond_the_bound_is_left_alone() -> None:
    long = numeric("1") + b" " * 100
    for most, read in ((len(long) - 1, False), (len(long), True)):
        limits = DecodeLimits(message_bytes=most)
        assert scan(records_of([long]), TABLE, limits)[1].tolist() == [read]
