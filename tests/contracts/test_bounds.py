"""Whatever comes as a reading, a command or an entry, what is written about it stays small."""

import logging
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from contracts.bounded_text import bounded
from contracts.dead_letter import LETTER_BYTES, DeadLetter, encode_dead_letter
from contracts.errors import DETAIL_BYTES, DecodeError
from contracts.journal import (
    BODY_KEPT,
    COMMAND_BYTES,
    Entry,
    Refuse,
    ShadowCommand,
    decode_command,
    decode_entry,
    encode_entry,
)
from contracts.lane import LaneName
from contracts.records import Records
from ingest.decode import DecodeLimits, Decoder
from pipeline.lane.dead_letters import refused_command, undecodable
from runtime.bounded_log import (
    LIKE_EACH_OTHER,
    LINE_BYTES,
    STRETCH_S,
    BoundedFormatter,
    RateLimit,
)

pytestmark = pytest.mark.slow

LANE = LaneName("water", 0, "telemetry", "commands")
ENTRY_BYTES = 2 * COMMAND_BYTES
WHO = {"channel": "a", "by": "li.wei", "reason": "flushing"}
BIG = 250_000

texts = st.text(st.characters(exclude_categories=())).map(lambda text: text * 99) | st.text()


def arrow(columns: dict[str, Any]) -> bytes:
    table, sink = pa.table(columns), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


STAMP = pa.array([1], pa.timestamp("ms", "UTC"))
READINGS = {
    "an unknown field": b'{"channel":"a","time":1,"value":1,"%s":1}' % (b"\\u0001" * BIG),
    "a quality": b'{"channel":"a","time":1,"value":1,"quality":"%s"}' % (b"\x7f" * BIG),
    "an escaped quality": b'{"channel":"a","time":1,"value":1,"quality":"%s"}' % (b"\\u0001" * BIG),
    "a channel": b'{"channel":"%s","time":1,"value":1}' % (b"\\u0001" * 170_000),
    "a time": b'{"channel":"a","time":"%s","value":1}' % (b"\\u0001" * 170_000),
    "a number": b'{"channel":"a","time":%s,"value":1}' % (b"9" * BIG),
    "brackets": b'{"a":' + b"[" * BIG,
    "brackets in a field": b'{"channel":' + b"[" * BIG,
    "no text": b'{"channel":"%s","time":1,"value":1}' % "李伟".encode("gbk"),
    "the name of a column": arrow({"channel": ["a"], "time": STAMP, "\x01" * BIG: [1.0]}),
    "names of columns": arrow({"channel": ["a"], **{f"\x01{i}": [1.0] for i in range(3000)}}),
    "a type": arrow({"channel": ["a"], "time": pa.array([{"\x01" * BIG: 1}]), "value": [1.0]}),
}
COMMANDS = {
    "gbk": b'{"kind":"shelve","channel":"a","by":"%s"}' % "李伟".encode("gbk"),
    "brackets": b'{"a":' + b"[" * 200_000,
    "few brackets": b'{"a":' + b"[" * (COMMAND_BYTES - 99),
    "a kind": b'{"kind":"%s"}' % (b"\\u0001" * 2_000),
    "a field": msgspec.json.encode({"kind": "unshelve", **WHO, "\x01" * 2_000: 1}),
    "a reason": msgspec.json.encode({"kind": "unshelve", **WHO, "reason": "r" * 1_048_400}),
    "a long reason": msgspec.json.encode({"kind": "unshelve", **WHO, "reason": "r" * 9_000}),
    "a long name": msgspec.json.encode({"kind": "unshelve", **WHO, "by": "x" * 9_000}),
    "a long channel": msgspec.json.encode({"kind": "accept", **WHO, "channel": "\x01" * 1_500}),
    "nobody": msgspec.json.encode({"kind": "unshelve", **WHO, "by": " "}),
    "nothing": b"",
    "a list": b"[1]",
}
NO_BUNDLES = [
    "a\0b",
    "",
    "..",
    "../../../../dev/zero",
    "../../etc/passwd",
    "0123456789ABCDEF",
    "0123456789abcdef/",
    "0123456789abcdef\n",
    "x" * 5_000,
]


@settings(deadline=None)
@given(text=texts, most=st.integers(8, 300))
@example(text="\x01" * 299, most=8)
@example(text="\ud800" * 9, most=8)
def test_a_bounded_text_fits_when_it_is_escaped_and_is_left_alone_the_next_time(
    text: str, most: int
) -> None:
    kept = bounded(text, most)
    assert len(msgspec.json.encode(kept)) - 2 <= most
    assert bounded(kept, most) == kept
    if len(text.encode(errors="surrogatepass")) * 6 <= most:
        assert kept == text.encode(errors="backslashreplace").decode()


def letters_about(payload: bytes) -> list[bytes]:
    decoder = Decoder(pa.array(["a"]), np.ones(1), np.zeros(1), DecodeLimits())
    records = Records.of([(7, 1, payload)])
    return [undecodable(LANE, records, r).body for r in decoder.decode(records).refused]


@pytest.mark.parametrize("kind", READINGS)
def test_a_dead_letter_does_not_grow_with_the_message_that_it_quotes(kind: str) -> None:
    (letter,) = letters_about(READINGS[kind])
    assert len(letter) <= LETTER_BYTES
    detail = msgspec.json.decode(letter, type=DeadLetter).detail
    assert detail.startswith("readings")
    assert ";" in detail  # what to do stands at the end, and is kept


@settings(deadline=None)
@given(payload=st.binary() | texts.map(lambda text: msgspec.json.encode({_sound(text): 1})))
def test_a_dead_letter_is_small_whatever_the_bytes(payload: bytes) -> None:
    assert all(len(letter) <= LETTER_BYTES for letter in letters_about(payload))


def _sound(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()


@settings(deadline=None)
@given(text=texts)
def test_a_dead_letter_is_small_whatever_its_fields_say(text: str) -> None:
    text = (_sound(text) * 99)[:20_000]
    letter = DeadLetter(text, text, text, text, 0, 7, channel=text, payload=text)
    assert len(encode_dead_letter(letter)) <= LETTER_BYTES


def judged(body: bytes) -> bytes:
    """Journal entry of a command as a lane judges it."""
    try:
        return encode_entry(Entry(0, decode_command(body), 1))
    except msgspec.DecodeError as error:
        refuse = Refuse("bad_command", str(error), body[:BODY_KEPT].decode(errors="replace"))
    assert len(msgspec.json.encode(refuse.detail)) <= DETAIL_BYTES + 2
    assert len(refused_command(LANE, refuse, 0).body) <= LETTER_BYTES
    return encode_entry(Entry(0, refuse, 1))


@pytest.mark.parametrize("kind", COMMANDS)
def test_a_command_beyond_its_bounds_is_refused_in_few_words(kind: str) -> None:
    entry = judged(COMMANDS[kind])
    assert len(entry) <= ENTRY_BYTES
    assert isinstance(decode_entry(entry).change, Refuse)


@settings(deadline=None)
@given(body=st.binary() | texts.map(lambda text: msgspec.json.encode({"kind": _sound(text)})))
def test_every_command_is_carried_out_or_refused_whatever_the_bytes(body: bytes) -> None:
    assert len(judged(body)) <= ENTRY_BYTES


@settings(deadline=None)
@given(body=st.binary())
@example(body=COMMANDS["brackets"])
@example(body=COMMANDS["gbk"])
def test_what_is_no_journal_entry_is_said_to_be_none(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_entry(body)


@pytest.mark.parametrize("kind", ["shadow", "promote", "rollback"])
@pytest.mark.parametrize("config", NO_BUNDLES)
def test_a_command_names_a_bundle_by_its_hash_or_is_refused(kind: str, config: str) -> None:
    body = msgspec.json.encode({"kind": kind, "config": config, "by": "x", "reason": "y"})
    with pytest.raises(msgspec.DecodeError, match=r"expected `config` to be a bundle's hash"):
        decode_command(body)
    sound = msgspec.json.encode({"kind": kind, "config": "0" * 16, "by": "x", "reason": "y"})
    assert isinstance(decode_command(sound), ShadowCommand)


def test_a_journal_of_earlier_days_is_read_although_its_commands_would_be_refused_now() -> None:
    body = {"kind": "shelve", "channel": "c" * 9_000, "by": "", "reason": "", "seconds": 60}
    entry = decode_entry(msgspec.json.encode({"at": 7, "change": body, "command": 3}))
    assert encode_entry(entry) == msgspec.json.encode({"at": 7, "change": body, "command": 3})
    with pytest.raises(msgspec.DecodeError, match=r"expected `channel` of at most 1024 bytes"):
        decode_command(msgspec.json.encode(body))


def test_a_refusal_says_the_same_live_and_when_its_entry_is_read_back() -> None:
    refuse = Refuse("bad_shadow", "\x01" * 9_000, "\x01" * 9_000)
    again = decode_entry(encode_entry(Entry(1, refuse, 1))).change
    assert again == refuse
    assert len(encode_entry(Entry(1, refuse, 1))) <= ENTRY_BYTES


def test_a_refusal_keeps_its_reason_and_is_bounded_when_it_travels_between_processes() -> None:
    error = DecodeError("bad_json", "\x01" * BIG + "; send less")
    kind, arguments = error.__reduce__()
    assert kind(*arguments).detail == error.detail
    assert error.detail.endswith("; send less")
    assert len(msgspec.json.encode(error.detail)) <= DETAIL_BYTES + 2


def test_a_log_line_is_bounded_and_quoted_input_begins_no_line() -> None:
    line = BoundedFormatter("%(message)s")
    record = logging.LogRecord("tocsin", logging.WARNING, "", 0, "got %s", ("\nx" * BIG,), None)
    text = line.format(record)
    assert len(text.encode()) <= 2 * LINE_BYTES
    assert "\n" not in text
    error = ValueError("y" * BIG)
    record.exc_info = (ValueError, error, None)
    assert len(line.format(record)) < BIG // 4


def test_lines_of_one_kind_are_held_back_and_counted() -> None:
    limit = RateLimit()

    def passes(text: str, at_s: float) -> str | None:
        record = logging.LogRecord("tocsin", logging.WARNING, "", 0, text, ("x",), None)
        record.created = at_s
        return record.getMessage() if limit.filter(record) else None

    told = [passes("no %s", 0.0) for _ in range(LIKE_EACH_OTHER + 7)]
    assert told == ["no x"] * LIKE_EACH_OTHER + [None] * 7
    assert passes("another %s", 0.0) == "another x"
    assert passes("no %s", STRETCH_S) == "no x (7 more like it were not logged)"
    assert passes("no %s", STRETCH_S) == "no x"
