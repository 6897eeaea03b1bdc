"""Record batches as a broker would send them, built and read by the client library's own code."""

import struct
from collections.abc import Sequence
from typing import NamedTuple

from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, READ_UNCOMMITTED, PartitionRecords
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c

ROOM = 1 << 20
Header = tuple[str, bytes | None]
Row = tuple[int, int, bytes | None]


class Sent(NamedTuple):
    """One record to be: offset in its batch, timestamp, key, value and headers."""

    delta: int
    timestamp_ms: int
    value: bytes | None
    key: bytes | None = None
    headers: tuple[Header, ...] = ()


class Kind(NamedTuple):
    """How a batch is written."""

    codec: int = 0
    producer: int = -1
    transactional: bool = False
    append_time: bool = False


def build(base: int, sent: Sequence[Sent], kind: Kind | None = None) -> bytes:
    """A batch as it lies in a log at offset `base`."""
    kind = kind or Kind()
    builder = DefaultRecordBatchBuilder(
        2, kind.codec, int(kind.transactional), kind.producer, 0, 0, 1 << 25
    )
    for one in sent:
        assert builder.append(one.delta, one.timestamp_ms, one.key, one.value, list(one.headers))
    data = bytearray(builder.build())
    struct.pack_into(">q", data, 0, base)
    if kind.append_time:
        data[22] |= 0x08
    return fingerprint(data)


def marker(base: int, producer: int, commit: bool) -> bytes:
    """The end of a transaction, as the broker writes it."""
    sent = Sent(0, 1, struct.pack(">hi", 0, 0), struct.pack(">hh", 0, int(commit)))
    data = bytearray(build(base, [sent], Kind(producer=producer, transactional=True)))
    data[22] |= 0x20
    return fingerprint(data)


def fingerprint(data: bytearray) -> bytes:
    """The batch with the checksum that its content has now."""
    struct.pack_into(">I", data, 17, calc_crc32c(bytes(data[21:])))
    return bytes(data)


def read_plainly(
    data: bytes,
    wanted: int = 0,
    aborted: Sequence[tuple[int, int]] | None = None,
) -> tuple[list[Row], int]:
    """Rows and next offset as the plain client gives them; read-committed where `aborted` is."""
    isolation = READ_UNCOMMITTED if aborted is None else READ_COMMITTED
    records = PartitionRecords(
        TopicPartition("t", 0),
        MemoryRecords(data),
        list(aborted or []),
        wanted,
        None,
        None,
        True,
        isolation,
    )
    rows = [(record.offset, record.timestamp, record.value) for record in records]
    return rows, int(records.next_fetch_offset)
