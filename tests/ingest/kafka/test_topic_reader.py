"""Whole topics of a real Kafka, read from positions that the caller keeps."""

import asyncio
import logging

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from broker.topics import Topic, ensure
from contracts.errors import LogCut
from contracts.ports.projection import TopicRecord
from ingest.kafka.topic_reader import TopicReader, TopicReaderSettings
from tests.testkit.kafka.broker import Cluster

pytestmark = pytest.mark.broker

NAMES = {"followed.a": 2, "followed.b": 1}


async def _made(kafka: Cluster) -> AIOKafkaProducer:
    topics = [Topic(name, count, 1, {}) for name, count in NAMES.items()]
    await ensure(topics, kafka.bootstrap)
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap, transactional_id="followed", acks="all"
    )
    await producer.start()
    return producer


async def _send(producer: AIOKafkaProducer, text: bytes, *, commit: bool) -> None:
    await producer.begin_transaction()
    for name, count in NAMES.items():
        for number in range(count):
            await producer.send(
                name, text, key=b"k", partition=number, headers=[("tocsin", b"notice")]
            )
    await (producer.commit_transaction() if commit else producer.abort_transaction())


async def _read(reader: TopicReader, count: int) -> tuple[list[TopicRecord], dict[str, int]]:
    """At least so many records, and where each partition stands behind them."""
    found: list[TopicRecord] = []
    stands: dict[str, int] = {}
    async with asyncio.timeout(60):
        while len(found) < count or reader.waiting():
            records, behind = await reader.fetch(0.2)
            found += records
            stands |= {f"{topic}[{number}]": at for (topic, number), at in behind.items()}
    return found, stands


def _reader(kafka: Cluster) -> TopicReader:
    settings = TopicReaderSettings(
        bootstrap=kafka.bootstrap, client="test-followed", partitions=NAMES, records_per_poll=2
    )
    return TopicReader(settings)


async def test_committed_records_come_once_and_gaps_are_told(
    kafka: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    producer, reader = await _made(kafka), _reader(kafka)
    try:
        await _send(producer, b"one", commit=True)
        await _send(producer, b"not", commit=False)
        await _send(producer, b"two", commit=True)
        await reader.start()
        await reader.seek({})
        found, stands = await _read(reader, 6)
        assert sorted((r.topic, r.partition, r.value) for r in found) == sorted(
            (name, number, text)
            for name, count in NAMES.items()
            for number in range(count)
            for text in (b"one", b"two")
        )
        assert {(r.key, r.kind) for r in found} == {(b"k", "notice")}
        # Each partition ends behind the marker of its last transaction.
        assert set(stands.values()) == {6}
        await reader.seek(dict.fromkeys([("followed.a", 0)], 1))
        again, _ = await _read(reader, 5)
        assert [r.value for r in again if r[:2] == ("followed.a", 0)] == [b"two"]

        admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
        await admin.start()
        place = TopicPartition("followed.b", 0)
        await admin.delete_records({place: RecordsToDelete(before_offset=4)})
        await admin.close()
        with caplog.at_level(logging.ERROR):
            await reader.seek({("followed.b", 0): 1})
        assert reader.lost == {("followed.b", 0): 3}
        assert "log that begins at 4" in caplog.text
        with pytest.raises(LogCut):
            await reader.seek({("followed.b", 0): 99})
    finally:
        await reader.close()
        await producer.stop()
