"""A marked consumer's fetcher gives the records of the plain client, in pieces of columns."""

import struct
from collections.abc import Iterator

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.records import Records
from ingest.kafka import raw_fetch
from ingest.kafka.raw_fetch import (
    PlainReader,
    RawAnswer,
    RawPartition,
    RawReader,
    fetch_path,
    reader,
    warn_if_plain,
)
from ingest.kafka.record_batch import Gathered, end_of, walk
from tests.ingest.kafka.log_text import Kind, Row, Sent, build, read_plainly
from tests.ingest.kafka.test_record_batch import logs, rows_of


def partition_of(
    data: bytes, wanted: int, aborted: list[tuple[int, int]] | None, room: int = 1 << 20
) -> RawPartition:
    marked = RawReader(room)
    kept = raw_fetch._KeptRecords(data)
    isolation = fetcher.READ_UNCOMMITTED if aborted is None else fetcher.READ_COMMITTED
    return RawPartition(
        marked, TopicPartition("t", 0), kept, aborted, wanted, None, marked, True, isolation
    )


def answer_of(data: bytes, wanted: int = 0, room: int = 1 << 20) -> RawAnswer:
    return next(partition_of(data, wanted, None, room))


def pieces(answer: RawAnswer, most: int) -> Iterator[Records]:
    """All pieces, each held to what was asked for."""
    while len(piece := answer.take(most)):
        assert len(piece) <= most
        assert answer.position == piece.next_offset > piece.offset[-1]
        yield piece


def in_pieces(answer: RawAnswer, most: int) -> list[Row]:
    return [row for piece in pieces(answer, most) for row in rows_of(piece)]


@settings(deadline=None)  # the first example compiles the kernel
@given(
    logs(),
    st.integers(0, 100),
    st.sampled_from([1, 2, 3, 1000]),
    st.one_of(st.none(), st.lists(st.tuples(st.integers(1, 3), st.integers(0, 300)), max_size=3)),
)
def test_pieces_together_are_what_the_plain_client_reads(
    log: tuple[bytes, int], skip: int, most: int, aborted: list[tuple[int, int]] | None
) -> None:
    data, _ = log
    first, last_delta = struct.unpack_from(">q", data)[0], struct.unpack_from(">i", data, 23)[0]
    wanted = first + skip % (last_delta + 1)
    partition = partition_of(data, wanted, aborted)
    assert partition.next_fetch_offset == wanted
    (answer,) = partition
    rows = in_pieces(answer, most)
    assert (rows, answer.position) == read_plainly(data, wanted, aborted)
    assert partition.next_fetch_offset == answer.position


@pytest.mark.parametrize("most", [1, 2, 100])
def test_what_lies_before_a_corrupt_batch_is_given_first(most: int) -> None:
    whole = [build(at, [Sent(0, 10, b"value")]) for at in range(4)]
    broken = bytearray(whole[2])
    broken[-2] ^= 1
    answer = answer_of(b"".join([*whole[:2], broken, whole[3]]))
    given_first = [answer.take(most) for _ in range(2 if most == 1 else 1)]
    assert [row[0] for piece in given_first for row in rows_of(piece)] == [0, 1]
    with pytest.raises(CorruptRecordException, match="batch at 2: expected the checksum"):
        answer.take(most)
    assert answer.position == 2


@pytest.mark.parametrize("most", [1, 100])
def test_a_bomb_ends_with_its_offset_and_what_lies_before_it_is_given(most: int) -> None:
    data = build(0, [Sent(0, 10, b"value")]) + build(1, [Sent(0, 10, bytes(5_000_000))], Kind(3))
    answer = answer_of(data, room=10_000)
    assert rows_of(answer.take(most)) == [(0, 10, b"value")]
    with pytest.raises(CorruptRecordException, match=r"batch at 1: .* at most 10000 bytes"):
        answer.take(most)


def test_batches_that_fit_one_by_one_come_one_by_one() -> None:
    data = b"".join(build(at, [Sent(0, 10, b"x" * 600)], Kind(3)) for at in range(5))
    answer = answer_of(data, room=1000)
    assert [piece.offset.tolist() for piece in pieces(answer, 100)] == [[at] for at in range(5)]
    assert answer.position == 5


def test_an_answer_of_single_records_takes_no_longer_for_each_than_one_of_few() -> None:
    """Producers that wait for nothing send batches of one: a count over all of them would hang."""
    data = b"".join(build(at, [Sent(0, 10, b"value")]) for at in range(20_000))
    looked, gathered = 0, Gathered(1 << 22)
    for batch in walk(data):
        gathered.add(batch, 0)
        looked += len(gathered) > 0
    parts = gathered._parts
    gathered._parts = []  # nobody may have to look through them for a count
    assert (looked, len(gathered)) == (20_000, len(parts))
    answer = answer_of(data, room=1 << 22)
    assert [len(piece) for piece in pieces(answer, 15_000)] == [15_000, 5_000]


def test_what_another_answer_left_behind_is_not_given() -> None:
    answer = answer_of(build(0, [Sent(0, 10, b"value")]))
    (stray,) = walk(build(7, [Sent(0, 10, b"stray")]))
    answer._reader.gathered.add(stray, 0)
    assert rows_of(answer.take(10)) == [(0, 10, b"value")]


def test_without_an_answer_nothing_moves() -> None:
    assert RawReader(1 << 10).opened([], 7, 9).take(10).next_offset == 7


@pytest.mark.parametrize("magic", [0, 1])
@pytest.mark.parametrize("most", [1, 100])
def test_an_old_format_is_read_by_the_plain_client(magic: int, most: int) -> None:
    builder = LegacyRecordBatchBuilder(magic, 0, 1 << 16)
    for at in range(3):
        builder.append(at, timestamp=10, key=None, value=b"value %d" % at)
    answer = answer_of(bytes(builder.build()), 1)
    stamp = raw_fetch.NO_TIMESTAMP if magic == 0 else 10
    assert in_pieces(answer, most) == [(1, stamp, b"value 1"), (2, stamp, b"value 2")]
    assert answer.position == 3


@pytest.mark.parametrize("cut", [1, 30, 60])
def test_heads_that_say_nonsense_move_the_client_no_further(cut: int) -> None:
    whole = build(4, [Sent(0, 10, b"value"), Sent(2, 10, b"value")])
    assert end_of(whole, 4) == 7
    assert end_of(whole + whole[:-cut], 4) == 7
    for size in (-1, 0, 48, 2**31 - 1):
        assert end_of(whole + struct.pack(">qi", 7, size) + whole[12:], 4) == 7
    assert end_of(b"", 4) == 4


@pytest.mark.parametrize("most", [1, 2, 100])
def test_plain_records_come_in_pieces_too(most: int) -> None:
    answer = PlainReader().opened([], 7, 9)
    assert (len(answer.take(most)), answer.take(most).next_offset) == (0, 9)
    data = b"".join(build(at, [Sent(0, 10, b"value")]) for at in range(3))
    plain = fetcher.PartitionRecords(
        TopicPartition("t", 0), fetcher.MemoryRecords(data), None, 0, None, None, True, 0
    )
    answer = PlainReader().opened(list(plain), 0, 3)
    taken = [answer.take(most) for _ in range(4)]
    assert [row[0] for piece in taken for row in rows_of(piece)] == [0, 1, 2]
    assert all(len(piece) <= most for piece in taken)
    assert taken[-1].next_offset == 3


def test_another_version_of_the_client_is_read_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(reader(), RawReader)
    monkeypatch.setattr("aiokafka.__version__", "0.14.1")
    assert isinstance(reader(), PlainReader)


def test_the_slow_way_of_reading_is_said_with_both_versions(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    warn_if_plain()
    assert (fetch_path(), caplog.messages) == ("raw", [])
    monkeypatch.setattr("aiokafka.__version__", "0.14.1")
    warn_if_plain()
    assert fetch_path() == "plain"
    (said,) = caplog.messages
    assert said.startswith("aiokafka: expected version 0.14.0, got 0.14.1; records are read one by")
    assert said.endswith("install the locked version")


def test_other_consumers_of_the_process_are_read_as_ever() -> None:
    reader()
    data = build(0, [Sent(0, 10, b"value")])
    plain = fetcher.PartitionRecords(
        TopicPartition("t", 0), fetcher.MemoryRecords(data), None, 0, None, None, True, 0
    )
    assert [record.value for record in plain] == [b"value"]
