"""Batches whose head and checksum are right, so that a broker takes them, and whose records lie.

Each is set aside by its offsets, whatever packs it; what lies before and behind it is given.
"""

import struct
import zlib
from collections.abc import Callable
from typing import Final

import cramjam
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder

from ingest.kafka.record_batch import Gathered, UnsoundBatchError, walk
from ingest.kafka.telemetry import KafkaSource
from tests.ingest.kafka.log_text import Sent, build, fingerprint
from tests.ingest.kafka.test_raw_fetch import answer_of, pieces
from tests.ingest.kafka.test_record_batch import rows_of
from tests.ingest.kafka.topics import drain, settings, started, write
from tests.testkit.kafka.broker import Cluster

ROOM: Final = 64 << 10
INT64_MAX: Final = 2**63 - 1
_HEAD_BYTES: Final = 61
_COUNT_AT: Final = 57


def varint(number: int) -> bytes:
    """Zigzag, as the fields of a record are written."""
    word, out = (number << 1 ^ number >> 63) & (2**64 - 1), bytearray()
    while word >= 0x80:
        out.append(word & 0x7F | 0x80)
        word >>= 7
    return bytes([*out, word])


def record(
    delta: int = 0,
    value: bytes = b"value",
    *,
    stamp: int = 0,
    sizes: tuple[int, int] | None = None,
    headers: bytes = b"\0",
    attributes: int = 0,
) -> bytes:
    """A record; `sizes` of key and value may be others than theirs."""
    key_size, value_size = sizes or (-1, len(value))
    fields = varint(stamp) + varint(delta) + varint(key_size) + varint(value_size)
    body = bytes([attributes]) + fields + value + headers
    return varint(len(body)) + body


FORGED: Final = {
    "an offset before the batch": record(-5),
    "an offset behind what the head says": record(1),
    "an offset that leaves 32 bits": record(1 << 32),
    "an offset that leaves 64 bits": record(INT64_MAX),
    "an offset below all": record(-INT64_MAX - 1),
    "a key longer than the record": record(sizes=(1 << 40, 5)),
    "a value longer than the record": record(sizes=(-1, INT64_MAX)),
    "headers without end": record(headers=varint(INT64_MAX)),
    "fewer headers than none": record(headers=varint(-1)),
    "a header without a name": record(headers=varint(1) + varint(-1) + varint(-1)),
    "a header that is cut": record(headers=varint(1) + varint(9) + b"h"),
    "an attribute that nobody knows": record(attributes=0x80),
    "a record longer than the batch": varint(1 << 40) + record(),
    "a record shorter than its fields": varint(3) + record()[1:],
    "a number of eleven bytes": b"\x80" * 10 + b"\1" + record(),
    "bytes behind the last record": record() + b"\0",
    "nothing": b"",
    "more than there is room for": record(value=bytes(2 * ROOM)),
}
CODECS: Final[dict[str, tuple[int, Callable[[bytes], bytes]]]] = {
    "plain": (0, bytes),
    "gzip": (1, lambda data: bytes(cramjam.gzip.compress(data))),
    "snappy": (2, lambda data: bytes(cramjam.snappy.compress_raw(data))),
    "lz4": (3, lambda data: bytes(cramjam.lz4.compress(data))),
    "zstd": (4, lambda data: bytes(cramjam.zstd.compress(data))),
}


def forged(packed: bytes, codec: int = 0, count: int = 1) -> bytes:
    """A batch of one record at offset 1 whose head is right, with other records in it."""
    head = bytearray(build(1, [Sent(0, 10, b"value")])[:_HEAD_BYTES])
    struct.pack_into(">i", head, 8, _HEAD_BYTES - 12 + len(packed))
    struct.pack_into(">i", head, _COUNT_AT, count)
    head[22] |= codec
    return fingerprint(head + packed)


def read(batch: bytes) -> tuple[list[tuple[int, int, bytes | None]], list[str]]:
    """Rows and faults of a log with a forged batch between two sound ones."""
    log = build(0, [Sent(0, 10, b"before")]) + batch + build(2, [Sent(0, 10, b"behind")])
    given = list(pieces(answer_of(log, room=ROOM), 100))
    faults = [fault for piece in given for fault in piece.faults.values()]
    return [row for piece in given for row in rows_of(piece)], faults


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("what", FORGED)
def test_a_forged_batch_is_one_refusal_between_sound_neighbours(what: str, codec: str) -> None:
    number, pack = CODECS[codec]
    rows, (fault,) = read(forged(pack(FORGED[what]), number))
    assert [(offset, value) for offset, _, value in rows] == [
        (0, b"before"),
        (1, None),
        (2, b"behind"),
    ]
    assert fault.startswith("batch at 1: ")
    assert fault.endswith("offsets up to 1 are passed over, look for who produced them")


@pytest.mark.parametrize("count", [-1, 0, 2, 500_000, 500_001, 2**31 - 1])
def test_a_count_that_is_not_that_of_the_records_is_not_believed(count: int) -> None:
    rows, faults = read(forged(record(), count=count))
    assert ([offset for offset, *_ in rows], len(faults)) == ([0, 1, 2], 1)


def _gzip_again(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=31)
    return packer.compress(data) + packer.flush()


PACKED: Final = {
    "no codec that Kafka has": (7, record()),
    "gzip that is cut": (1, bytes(cramjam.gzip.compress(record()))[:-9]),
    "gzip in gzip": (1, _gzip_again(_gzip_again(record()))),
    "snappy of another size": (2, b"\xff\xff\xff\xff\x0f" + bytes(20)),
    "framed snappy of a negative size": (
        2,
        b"\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01" + struct.pack(">i", -1) + bytes(20),
    ),
    "lz4 that is none": (3, b"\x04\x22\x4d\x18" + b"\xff" * 20),
    "lz4 in zstd": (4, bytes(cramjam.zstd.compress(bytes(cramjam.lz4.compress(record()))))),
    "zstd with a window of 3.75 TiB": (4, b"\x28\xb5\x2f\xfd\x00\xff" + bytes(20)),
    "zstd that says it holds 16 EiB": (4, b"\x28\xb5\x2f\xfd\xe0" + b"\xff" * 8 + bytes(20)),
    "zstd that is cut": (4, bytes(cramjam.zstd.compress(record()))[:-3]),
    "nothing": (4, b""),
}


@pytest.mark.parametrize("what", PACKED)
def test_what_does_not_unpack_is_one_refusal_between_sound_neighbours(what: str) -> None:
    codec, packed = PACKED[what]
    rows, faults = read(forged(packed, codec))
    assert ([offset for offset, *_ in rows], len(faults)) == ([0, 1, 2], 1)


@pytest.mark.parametrize("stamp", [INT64_MAX, -INT64_MAX - 1])
def test_a_stamp_that_leaves_64_bits_is_some_stamp(stamp: int) -> None:
    rows, faults = read(forged(record(stamp=stamp)))
    assert ([value for *_, value in rows], faults) == ([b"before", b"value", b"behind"], [])


def test_a_batch_that_is_forged_behind_where_a_lane_goes_on_is_refused_there() -> None:
    """A lane that recovers goes on inside of a batch: what it finds there must not depend on it."""
    two = record(0) + record(INT64_MAX)
    batch = bytearray(build(1, [Sent(0, 10, b"value"), Sent(1, 10, b"value")])[:_HEAD_BYTES])
    struct.pack_into(">i", batch, 8, _HEAD_BYTES - 12 + len(two))
    (found,) = walk(fingerprint(batch + two))
    for wanted in (0, 1, 2):
        with pytest.raises(UnsoundBatchError, match="batch at 1"):
            Gathered(ROOM).add(found, wanted)


class Sealed(BatchBuilder):  # type: ignore[misc]
    """A batch that a producer sends as it is."""

    def __init__(self, data: bytes) -> None:
        super().__init__(len(data), 0)
        self._buffer, self._relative_offset = bytearray(8) + data[8:], 1  # the log numbers it


@pytest.mark.broker
async def test_what_a_broker_takes_of_forged_batches_stops_nobody(kafka: Cluster) -> None:
    """It looks at heads, and into some records; what it takes is one refusal, or what it mended."""
    topic, taken = kafka.create_topic(kafka.unique("forged")), dict[int, str]()
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
        for name, (codec, pack) in CODECS.items():
            for what, packed in FORGED.items():
                batch = Sealed(forged(pack(packed), codec))
                try:
                    place = await (await producer.send_batch(batch, topic, partition=0))
                except KafkaError:
                    continue
                taken[place.offset] = f"{what}, {name}"
    assert "an offset before the batch, plain" in taken.values()
    await write(kafka, topic, [b"behind"])
    end = max(taken) + 2
    async with started(KafkaSource(settings(kafka, topic))) as source:
        await source.seek(0, 0)
        got = await drain(source, 0, end)
    rows = [row for records in got for row in rows_of(records)]
    assert [offset for offset, *_ in rows] == list(range(end))
    assert rows[-1][2] == b"behind"
    refused = {int(records.offset[at]) for records in got for at in records.faults}
    assert all((value is None) == (offset in refused) for offset, _, value in rows)
    assert {offset for offset, what in taken.items() if what.startswith("an offset ")} <= refused
