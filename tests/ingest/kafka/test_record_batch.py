"""Record batches give the rows that the client's own records give, or say what is wrong."""

import gzip
import struct
from collections.abc import Callable, Sequence

import cramjam
import numpy as np
import pytest
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from hypothesis import example, given, settings
from hypothesis import strategies as st

from contracts.records import Records
from ingest.kafka.decompress import InflateError, inflate
from ingest.kafka.record_batch import (
    PADDING,
    CorruptBatchError,
    Gathered,
    Hidden,
    OldBatchError,
    walk,
)
from ingest.kafka.record_rows import NO_APPEND, parse_rows
from tests.ingest.kafka.log_text import (
    ROOM,
    Kind,
    Row,
    Sent,
    build,
    fingerprint,
    marker,
    read_plainly,
)

pytestmark = pytest.mark.slow

CODECS = [0, 1, 2, 3, 4]
PACK: dict[int, Callable[[bytes], bytes]] = {
    1: gzip.compress,
    2: lambda data: bytes(cramjam.snappy.compress_raw(data)),
    3: lambda data: bytes(cramjam.lz4.compress(data)),
    4: lambda data: bytes(cramjam.zstd.compress(data)),
}

texts = st.one_of(st.none(), st.binary(max_size=90), st.just(b"x" * 300))
headers = st.lists(st.tuples(st.text(max_size=5), texts), max_size=3).map(tuple)
stamps = st.one_of(st.integers(0, 3_000), st.integers(0, 2**41))
sent_records = st.builds(Sent, st.just(0), stamps, texts, texts, headers)
kinds = st.builds(
    Kind, st.sampled_from(CODECS), st.integers(1, 3), st.booleans(), append_time=st.booleans()
)


@st.composite
def batches(draw: st.DrawFn, base: int) -> tuple[bytes, int]:
    """A batch at `base` with holes between its records, and the offset behind it."""
    if draw(st.integers(0, 4)) == 0:
        return marker(base, draw(st.integers(1, 3)), draw(st.booleans())), base + 1
    rows: list[Sent] = []
    for row in draw(st.lists(sent_records, min_size=1, max_size=6)):
        last = rows[-1].delta + 1 if rows else 0
        rows.append(row._replace(delta=last + draw(st.sampled_from([0, 0, 0, 1, 70]))))
    return build(base, rows, draw(kinds)), base + rows[-1].delta + 1


@st.composite
def logs(draw: st.DrawFn) -> tuple[bytes, int]:
    """Some batches in a row, and the offset behind the last one."""
    data, at = b"", draw(st.sampled_from([0, 41, 2**40]))
    for _ in range(draw(st.integers(1, 4))):
        batch, at = draw(batches(at))
        data += batch
    return data, at


def gather(
    data: bytes, wanted: int = 0, aborted: Sequence[tuple[int, int]] | None = None
) -> Records:
    """Everything in `data` that a reader sees from `wanted` on."""
    gathered, hidden, position = Gathered(ROOM), Hidden(aborted or []), wanted
    for batch in walk(data):
        seen = not batch.is_control if aborted is None else not hidden.hides(batch)
        if seen:
            assert gathered.add(batch, wanted)
        position = batch.next_offset
    return gathered.take(position)


def rows_of(records: Records) -> list[Row]:
    """Records as rows."""
    found = []
    for i in range(len(records)):
        payload = records.payload(i)
        value = None if payload is None else bytes(payload)
        found.append((int(records.offset[i]), int(records.timestamp_ms[i]), value))
    return found


def check(data: bytes, wanted: int, aborted: Sequence[tuple[int, int]] | None) -> None:
    records = gather(data, wanted, aborted)
    assert (rows_of(records), records.next_offset) == read_plainly(data, wanted, aborted)
    assert records.buffer.endswith(bytes(PADDING))
    ends = records.start + np.maximum(records.length, 0)
    assert (ends <= len(records.buffer) - PADDING).all()


@settings(deadline=None)  # the first example compiles the kernel
@given(logs(), st.integers(0, 100), st.integers(0, 60))
def test_rows_are_those_of_the_plain_client(log: tuple[bytes, int], skip: int, lost: int) -> None:
    data, _ = log
    first, last_delta = struct.unpack_from(">q", data)[0], struct.unpack_from(">i", data, 23)[0]
    # A broker's answer begins with the batch that holds the wanted offset.
    check(data[: max(len(data) - lost, 0)], first + skip % (last_delta + 1), None)


@settings(deadline=None)  # the first example compiles the kernel
@given(logs(), st.lists(st.tuples(st.integers(1, 3), st.integers(0, 300)), max_size=4))
def test_aborted_transactions_are_hidden_as_the_plain_client_hides_them(
    log: tuple[bytes, int], aborted: list[tuple[int, int]]
) -> None:
    data, _ = log
    first = struct.unpack_from(">q", data)[0]
    check(data, first, [(producer, first + at) for producer, at in aborted])


@settings(deadline=None, max_examples=300)  # the first example compiles the kernel
@given(batches(41), st.data())
def test_a_batch_of_any_bytes_under_a_right_checksum_is_never_read_otherwise(
    batch: tuple[bytes, int], draws: st.DataObject
) -> None:
    data = bytearray(batch[0])
    for _ in range(draws.draw(st.integers(1, 3))):
        places = st.one_of(st.integers(57, 60), st.integers(61, len(data) - 1))
        data[draws.draw(places)] = draws.draw(st.one_of(st.integers(0, 255), st.integers(0, 8)))
    fingerprint_of = fingerprint(data)
    try:
        records = gather(fingerprint_of)
    except CorruptBatchError:
        return
    try:
        plain = read_plainly(fingerprint_of)
    except UnicodeDecodeError:  # the plain client reads the names in headers, we pass over them
        return
    assert (rows_of(records), records.next_offset) == plain


@pytest.mark.parametrize("codec", CODECS)
def test_each_codec_gives_tombstones_headers_and_payloads(codec: int) -> None:
    sent = [
        Sent(0, 10, None, b"k"),
        Sent(3, 12, b"", None, (("a", None), ("b", b"c" * 200))),
        Sent(4, 11, b"v" * 9000, b""),
    ]
    records = gather(build(7, sent, Kind(codec)))
    assert rows_of(records) == [(7, 10, None), (10, 12, b""), (11, 11, b"v" * 9000)]
    assert records.next_offset == 12


def test_a_flipped_bit_anywhere_behind_the_checksum_is_found() -> None:
    whole = build(7, [Sent(0, 10, b"value")])
    for place in range(17, len(whole)):
        data = bytearray(whole)
        data[place] ^= 1 << place % 8
        with pytest.raises(CorruptBatchError, match="batch at 7: expected the checksum"):
            list(walk(bytes(data)))


@pytest.mark.parametrize("codec", CODECS)
def test_a_batch_that_becomes_too_large_is_refused_and_says_so(codec: int) -> None:
    data = build(7, [Sent(0, 10, b"0" * ROOM)], Kind(codec))
    (batch,) = walk(data)
    with pytest.raises(CorruptBatchError, match=rf"batch at 7: expected .*at most {ROOM} bytes"):
        Gathered(ROOM).add(batch, 0)


def test_what_does_not_fit_any_more_waits_for_the_next_take() -> None:
    data = b"".join(build(at, [Sent(0, 10, b"x" * (ROOM // 3))], Kind(3)) for at in range(4))
    gathered, taken = Gathered(ROOM), []
    for batch in walk(data):
        if not gathered.add(batch, 0):
            taken.append(gathered.take(batch.base_offset))
            assert gathered.add(batch, 0)
    taken.append(gathered.take(4))
    assert [part.offset.tolist() for part in taken] == [[0, 1], [2, 3]]
    assert [part.next_offset for part in taken] == [2, 4]


@pytest.mark.parametrize("announced", [-1, 2, 2**31 - 1])
def test_a_count_that_the_batch_cannot_hold_is_not_believed(announced: int) -> None:
    data = bytearray(build(7, [Sent(0, 10, b"value")]))
    struct.pack_into(">i", data, 57, announced)
    with pytest.raises(CorruptBatchError, match="batch at 7"):
        gather(fingerprint(data))


@pytest.mark.parametrize("magic", [0, 1])
def test_an_old_format_is_left_to_the_plain_client(magic: int) -> None:
    builder = LegacyRecordBatchBuilder(magic, 0, 1 << 16)
    builder.append(0, timestamp=10, key=None, value=b"value")
    with pytest.raises(OldBatchError, match=f"got {magic}"):
        list(walk(bytes(builder.build())))


@example(b"\x00" * 12)
@given(st.binary(max_size=200))
def test_what_is_no_batch_is_refused_or_taken_for_a_cut_one(data: bytes) -> None:
    try:
        assert list(walk(data)) == []
    except (CorruptBatchError, OldBatchError):
        return


def test_a_marker_that_is_none_is_refused() -> None:
    data = bytearray(build(7, [Sent(0, 10, b"value")]))
    data[22] |= 0x20
    (batch,) = walk(fingerprint(data))
    with pytest.raises(CorruptBatchError, match="expected a marker"):
        _ = batch.is_abort


def test_snappy_comes_framed_or_bare() -> None:
    text = b"some text that repeats, some text that repeats"
    bare = bytes(cramjam.snappy.compress_raw(text))
    mark = b"\x82SNAPPY\x00" + struct.pack(">ii", 1, 1)
    block = struct.pack(">i", len(bare)) + bare
    for packed, times in ((bare, 1), (mark + block, 1), (mark + block * 3, 3), (mark, 0)):
        room = np.zeros(200, np.uint8)
        assert bytes(room[: inflate(2, packed, room)]) == text * times


@pytest.mark.parametrize("versions", [(2, 1), (1, 2), (1 << 24, 1)])
def test_a_framing_of_another_version_is_no_framing(versions: tuple[int, int]) -> None:
    block = bytes(cramjam.snappy.compress_raw(b"readings"))
    head = b"\x82SNAPPY\x00" + struct.pack(">iii", *versions, len(block))
    with pytest.raises(InflateError):
        inflate(2, head + block, np.empty(64, np.uint8))


@pytest.mark.parametrize("size", [-1, 10**6])
def test_a_snappy_block_that_is_cut_is_refused(size: int) -> None:
    packed = b"\x82SNAPPY\x00" + struct.pack(">iii", 1, 1, size) + b"\x00"
    with pytest.raises(InflateError, match="a block of"):
        inflate(2, packed, np.zeros(10, np.uint8))


@pytest.mark.parametrize("codec", PACK)
def test_a_bomb_writes_nothing_behind_its_room(codec: int) -> None:
    memory = np.full(2000, 7, np.uint8)
    with pytest.raises(InflateError, match="at most 1000 bytes"):
        inflate(codec, PACK[codec](bytes(50_000_000)), memory[:1000])
    assert (memory[1000:] == 7).all()


def test_an_unknown_codec_is_refused() -> None:
    with pytest.raises(InflateError, match="got 6"):
        inflate(6, b"", np.zeros(1, np.uint8))


def test_records_whose_offsets_do_not_rise_are_no_batch() -> None:
    record = np.array([16, 0, 4, 2, 1, 4, 104, 105, 0], np.uint8)
    twice = np.concatenate([record, record])
    with pytest.raises(ValueError, match="expected whole records, got a fault 9 bytes into"):
        parse_rows(twice, np.array([40, 1000, NO_APPEND, 0, 2, 0, 18]))
