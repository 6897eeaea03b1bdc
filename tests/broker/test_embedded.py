"""The embedded broker does what the demo needs, and what its docstring says of it."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import CorruptRecordException

from broker.embedded import PARTITIONS, EmbeddedBroker

TOPIC = "tocsin.alarms.water"


async def read(bootstrap: str, count: int, *, check_crcs: bool = False) -> list[bytes]:
    """Values of one partition, read-committed, with the partition assigned by hand."""
    partition = TopicPartition(TOPIC, 1)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, isolation_level="read_committed", check_crcs=check_crcs
    )
    consumer.assign([partition])
    values: list[bytes] = []
    async with consumer, asyncio.timeout(10):
        consumer.seek(partition, 0)
        while len(values) < count:
            found = await consumer.getmany(partition, timeout_ms=200)
            values += [record.value for record in found.get(partition, [])]
    return values


async def write_transactions(bootstrap: str) -> None:
    """One transaction that commits, one that aborts, one that commits."""
    async with AIOKafkaProducer(
        bootstrap_servers=bootstrap, transactional_id="tocsin-water-1"
    ) as producer:
        for value, kept in ((b"first", True), (b"aborted", False), (b"second", True)):
            await producer.begin_transaction()
            await (await producer.send(TOPIC, value, partition=1))
            await (producer.commit_transaction() if kept else producer.abort_transaction())


async def test_what_is_produced_is_consumed() -> None:
    with EmbeddedBroker() as broker:
        assert broker.create(TOPIC) == PARTITIONS
        values = [b"%d" % number for number in range(1000)]
        async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap) as producer:
            for future in [await producer.send(TOPIC, value, partition=1) for value in values]:
                await future
        assert await read(broker.bootstrap, len(values)) == values


async def test_transactions_end_but_aborted_ones_are_not_hidden() -> None:
    with EmbeddedBroker() as broker:
        broker.create(TOPIC)
        await write_transactions(broker.bootstrap)
        assert await read(broker.bootstrap, 3) == [b"first", b"aborted", b"second"]


async def test_its_transaction_markers_need_checksums_to_be_ignored() -> None:
    with EmbeddedBroker() as broker:
        broker.create(TOPIC)
        await write_transactions(broker.bootstrap)
        with pytest.raises(CorruptRecordException):
            await read(broker.bootstrap, 2, check_crcs=True)


def test_it_says_nothing_and_gives_its_address_back(capfd: pytest.CaptureFixture[str]) -> None:
    broker = EmbeddedBroker()
    with broker:
        assert broker.bootstrap.startswith("127.0.0.1:")
        broker.create(TOPIC)
    assert broker.bootstrap == ""
    with EmbeddedBroker() as another:
        assert another.create(TOPIC) == PARTITIONS
    assert capfd.readouterr() == ("", "")
