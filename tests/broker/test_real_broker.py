"""The broker that the tests run on does what the tests rely on."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from tests.testkit.kafka.broker import Cluster

TOPIC_OF_THREE = {"min.insync.replicas": "2"}


async def write(bootstrap: str, topic: str, values: list[bytes]) -> None:
    async with AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", compression_type="lz4"
    ) as producer:
        for future in [await producer.send(topic, value) for value in values]:
            await future


async def read(bootstrap: str, topic: str, count: int) -> list[bytes]:
    """Read at least `count` values from the beginning of a topic."""
    values: list[bytes] = []
    async with AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest"
    ) as consumer:
        while len(values) < count:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                values.extend(record.value for record in records)
    return values


async def leader_after(cluster: Cluster, topic: str, dead: int) -> int:
    """Wait until a partition has a leader other than the dead one."""
    while True:
        leader = cluster.leader(topic)
        if leader not in {None, dead}:
            assert leader is not None
            return leader
        await asyncio.sleep(0.2)


async def test_what_is_produced_is_consumed(kafka: Cluster) -> None:
    topic = kafka.create_topic(kafka.unique("hello"))
    values = [b"reading %d" % number for number in range(1000)]
    await write(kafka.bootstrap, topic, values)
    assert await read(kafka.bootstrap, topic, len(values)) == values


@pytest.mark.long
@pytest.mark.slow
async def test_a_topic_outlives_its_leader(kafka3: Cluster) -> None:
    topic = kafka3.create_topic("survivor", settings=TOPIC_OF_THREE)
    values = [b"reading %d" % number for number in range(1000)]
    await write(kafka3.bootstrap, topic, values[:500])
    dead = kafka3.leader(topic)
    assert dead is not None

    kafka3.kill(dead)
    successor = await asyncio.wait_for(leader_after(kafka3, topic, dead), 60)
    await write(kafka3.address(successor), topic, values[500:])
    assert await read(kafka3.address(successor), topic, len(values)) == values

    kafka3.restart(dead)
    assert await read(kafka3.address(dead), topic, len(values)) == values


@pytest.mark.long
@pytest.mark.slow
async def test_a_frozen_node_comes_back_with_its_data(kafka3: Cluster) -> None:
    topic = kafka3.create_topic("frozen", settings=TOPIC_OF_THREE)
    frozen = kafka3.leader(topic)
    assert frozen is not None

    kafka3.pause(frozen)
    successor = await asyncio.wait_for(leader_after(kafka3, topic, frozen), 60)
    await write(kafka3.address(successor), topic, [b"while frozen"])
    kafka3.resume(frozen)
    kafka3.wait_ready()

    assert await read(kafka3.address(frozen), topic, 1) == [b"while frozen"]
