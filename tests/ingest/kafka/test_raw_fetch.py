"""A marked consumer's fetcher gives the records of the plain client, in pieces of columns."""

import re
import struct
import subprocess
import sys
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
    TAKEN_BYTES,
    PlainReader,
    RawAnswer,
    RawPartition,
    RawReader,
    fetch_path,
    reader,
    warn_if_plain,
)
from ingest.kafka.record_batch import RECORDS_MAX, Gathered, end_of, walk
from tests.ingest.kafka.log_text import Kind, Row, Sent, build, fingerprint, read_plainly
from tests.ingest.kafka.test_record_batch import logs, rows_of

pytestmark = pytest.mark.slow


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
def test_a_bomb_is_set_aside_by_its_offsets_and_what_lies_around_it_is_given(most: int) -> None:
    bomb = build(1, [Sent(0, 10, bytes(5_000_000)), Sent(1, 12, b"")], Kind(3))
    around = [build(at, [Sent(0, at, b"value")]) for at in (0, 3)]
    answer = answer_of(around[0] + bomb + around[1], room=10_000)
    assert rows_of(answer.take(most)) == [(0, 0, b"value")]
    given = list(pieces(answer, most))
    assert [row for piece in given for row in rows_of(piece)] == [(1, 12, None), (3, 3, b"value")]
    assert list(given[0].faults) == [0]
    assert re.fullmatch(
        r"batch at 1: .* at most 10000 bytes, .*; offsets up to 2 are passed over, .*",
        given[0].faults[0],
    )
    assert answer.position == 4


@pytest.mark.parametrize("delta", [-5, 0, 9])
@pytest.mark.parametrize("most", [1, 2, 100])
def test_a_batch_whose_offsets_do_not_rise_within_it_is_set_aside(delta: int, most: int) -> None:
    """The broker looks at the head alone, and keeps it."""
    rows = [Sent(0, 10, b"value"), Sent(1, 10, b"value")]
    forged = bytearray(build(1, rows))
    forged[-len(b"value") - 4] = (delta << 1) ^ (delta >> 63)  # of the second record, zigzag
    data = build(0, [rows[0]]) + fingerprint(forged) + build(3, [rows[0]])
    given = list(pieces(answer_of(data), most))
    assert [row[0] for piece in given for row in rows_of(piece)] == [0, 1, 3]
    assert [len(piece.faults) for piece in given if piece.faults] == [1]


def test_a_batch_of_too_many_records_is_set_aside_before_it_takes_memory() -> None:
    forged = bytearray(build(1, [Sent(0, 10, b"value")]))
    struct.pack_into(">i", forged, 57, RECORDS_MAX + 1)
    (given,) = pieces(answer_of(fingerprint(forged)), 100)
    assert f"expected at most {RECORDS_MAX} records" in given.faults[0]


def test_a_lane_takes_a_bounded_number_of_bytes_at_once_and_a_large_record_alone() -> None:
    sizes = [TAKEN_BYTES + 1, 7, TAKEN_BYTES // 2, TAKEN_BYTES // 2, 7]
    data = build(0, [Sent(at, 10, bytes(size)) for at, size in enumerate(sizes)], Kind(3))
    given = list(pieces(answer_of(data, room=32 << 20), 100))
    assert [piece.offset.tolist() for piece in given] == [[0], [1, 2], [3, 4]]


BOMBS = {
    "gzip": (1, "cramjam.gzip.Compressor(9)"),
    "snappy": (2, "Said()"),
    "lz4": (3, "cramjam.lz4.Compressor(9)"),
    "zstd": (4, "cramjam.zstd.Compressor(3)"),
}
# A gibibyte of zeros in one record, read by a process of its own: prints what that took in KiB.
BOMB = """
import resource, sys
import cramjam
from ingest.kafka.raw_fetch import RawReader
from ingest.kafka.record_batch import Batch, UnsoundBatchError
class Said:
    # A block that says it holds a gibibyte: snappy packs zeros into no less than a twentieth.
    def compress(self, chunk): pass
    def finish(self): return bytes([0x80, 0x80, 0x80, 0x80, 4]) + bytes(99)
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
packer, chunk = {packer}, bytes(1 << 20)
for _ in range(1 << 10):
    packer.compress(chunk)
packed = bytes(packer.finish())
gathered = RawReader().gathered
record = bytes([16, 0, 0, 0, 1, 4, 104, 105, 0])
gathered.add(Batch(0, 1, -1, 0, 0, 0, 1, memoryview(record)), 0)  # compiles what is compiled
gathered.clear()
before = peak()
try:
    gathered.add(Batch(0, 1, -1, {codec}, 0, 0, 1, memoryview(packed)), 0)
except UnsoundBatchError:
    print(peak() - before)
"""


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_of_a_gibibyte_costs_a_fraction_of_the_memory(name: str) -> None:
    codec, packer = BOMBS[name]
    script = BOMB.format(codec=codec, packer=packer)
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) < 128 << 10


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
