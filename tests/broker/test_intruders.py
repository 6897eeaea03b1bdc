"""Somebody takes names on the brokers that are the worker's: its lanes go on."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError
from confluent_kafka import ConsumerGroupTopicPartitions
from confluent_kafka import TopicPartition as Place
from confluent_kafka.admin import AdminClient

from app.process.lifeline_worker import LifelineWorker
from app.process.worker_options import WorkerOptions
from configuration.configuration import Configuration
from contracts.topics import TopicNames
from ingest.partitioner import home_lane
from tests.testkit.faults.oracle import read_all
from tests.testkit.in_process import configured, create, send, taken, until
from tests.testkit.kafka.broker import Cluster

pytestmark = [pytest.mark.broker, pytest.mark.long]

LANES = 2
CALM = [5.0] * 60
TIMES = 5
INSTANCE = "worker-0"

Intruder = Callable[[Configuration], AbstractAsyncContextManager[None]]


def channel_of(lane: int) -> str:
    groups = (f"water.tank-{number:03d}" for number in range(4))
    return next(f"{group}.in" for group in groups if home_lane(group, LANES) == lane)


def own(configuration: Configuration) -> tuple[str, str]:
    """Addresses of the brokers, and first part of all names of the worker's lifeline."""
    settings = configuration.settings
    return settings.kafka.bootstrap, f"{settings.app}-water"


@asynccontextmanager
async def same_transactional_id(configuration: Configuration) -> AsyncIterator[None]:
    """Producers by the name of a lane's, one after the other: each fences the lane's own."""
    bootstrap, name = own(configuration)
    for _ in range(TIMES):
        producer = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=f"{name}-0")
        await producer.start()
        await producer.stop()
        await asyncio.sleep(0.5)
    yield


def member(configuration: Configuration, instance: str | None = None) -> AIOKafkaConsumer:
    """A consumer in the workers' group, as a static member if it has a name."""
    bootstrap, name = own(configuration)
    return AIOKafkaConsumer(
        TopicNames(configuration.settings.app).telemetry("water"),
        bootstrap_servers=bootstrap,
        group_id=name,
        group_instance_id=instance,
        partition_assignment_strategy=(RangePartitionAssignor,),  # brokers refuse any other
    )


@asynccontextmanager
async def same_group(configuration: Configuration) -> AsyncIterator[None]:
    """A member of the workers' group that takes a lane from them, reads nothing, and leaves."""
    consumer = member(configuration)
    await consumer.start()
    async with asyncio.timeout(30):
        while not consumer.assignment():  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.1)
    await consumer.stop()
    yield


@asynccontextmanager
async def same_instance(configuration: Configuration) -> AsyncIterator[None]:
    """A static member by the worker's own name, which the brokers then throw out."""
    consumer = member(configuration, INSTANCE)
    with suppress(KafkaError, TimeoutError):  # the worker may take its name back at once
        async with asyncio.timeout(20):
            await consumer.start()
    await consumer.stop()
    yield


@asynccontextmanager
async def aborted_records(configuration: Configuration) -> AsyncIterator[None]:
    """Hundreds of transactions that come to nothing: the log is long, and empty to a lane."""
    bootstrap, _ = own(configuration)
    topic = TopicNames(configuration.settings.app).telemetry("water")
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id="undecided")
    await producer.start()
    try:
        for _ in range(300):
            await producer.begin_transaction()
            await producer.send(topic, b"x", partition=0)
            await producer.abort_transaction()
    finally:
        await producer.stop()
    yield


@asynccontextmanager
async def rubbish_commands(configuration: Configuration) -> AsyncIterator[None]:
    """Thousands of commands that are none, some with keys and headers of nearly a megabyte."""
    bootstrap, _ = own(configuration)
    topic = TopicNames(configuration.settings.app).commands("water")
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    try:
        for number in range(3_000):
            more: dict[str, Any] = {}
            if not number % 300:
                more = {"key": b"k" * 400_000, "headers": [("h" * 1_000, b"v" * 400)] * 300}
            await producer.send(topic, b'{"kind":"shelve"', partition=0, **more)
        await producer.flush()
    finally:
        await producer.stop()
    yield


@asynccontextmanager
async def swinging_channel(configuration: Configuration) -> AsyncIterator[None]:
    """One channel that rings and clears in turn, six times a second of its own time."""
    bootstrap, _ = own(configuration)
    topic = TopicNames(configuration.settings.app).telemetry("water")
    began_ms = time.time_ns() // 10**6 - 20_000
    channel = channel_of(0).replace(".in", ".out")
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    try:
        for first in range(0, 20_000, 500):
            rows = [
                {
                    "channel": channel,
                    "time": began_ms + first + number,
                    "value": 0.5 if (first + number) // 150 % 2 else 5.0,
                }
                for number in range(500)
            ]
            await producer.send(topic, json.dumps(rows).encode(), partition=0)
            await asyncio.sleep(0)
        await producer.flush()
    finally:
        await producer.stop()
    yield


INTRUDERS: list[Intruder] = [
    same_transactional_id,
    same_group,
    same_instance,
    aborted_records,
    rubbish_commands,
    swinging_channel,
]


async def rung(configuration: Configuration) -> list[str]:
    """Channels that rang, a channel as often as it did."""
    topic = TopicNames(configuration.settings.app).alarms("water")
    found: list[ConsumerRecord] = await read_all(configuration.settings.kafka.bootstrap, topic)
    bodies = [json.loads(r.value) for r in found if dict(r.headers)["tocsin"] == b"revision"]
    return [body["channel"] for body in bodies if body["revision"] == 1]


@pytest.mark.parametrize("intruder", INTRUDERS, ids=lambda one: one.__name__)
async def test_lanes_go_on_behind_somebody_who_takes_what_is_theirs(
    tmp_path: Path, kafka: Cluster, intruder: Intruder
) -> None:
    app = kafka.unique("intruded")
    city = configured(tmp_path, kafka.bootstrap, app, lanes=LANES)
    await create(city)
    low = [0.5] * 150
    async with LifelineWorker(city, WorkerOptions("water", instance=INSTANCE)) as worker:
        await until(worker.ready)
        for lane in range(LANES):
            await send(city, CALM, channel_of(lane), lane)
        await until(lambda: taken(worker) == LANES * len(CALM))
        async with intruder(city):
            for lane in range(LANES):
                await send(city, low, channel_of(lane), lane)
            expected = {lane: await end_of(city, lane) for lane in range(LANES)}
            await until(lambda: positions(worker) == expected)
            await until(worker.ready)
    assert {channel_of(lane) for lane in range(LANES)} <= set(await rung(city))


def positions(worker: LifelineWorker) -> dict[int, int]:
    return {int(lane.name.rpartition("-")[2]): lane.position for lane in worker.lanes()}


async def end_of(configuration: Configuration, lane: int) -> int:
    """Where a lane's log ends."""
    topic = TopicNames(configuration.settings.app).telemetry("water")
    consumer = AIOKafkaConsumer(bootstrap_servers=configuration.settings.kafka.bootstrap)
    await consumer.start()
    try:
        place = TopicPartition(topic, lane)
        return int((await consumer.end_offsets([place]))[place])
    finally:
        await consumer.stop()


@pytest.mark.parametrize("offset", [0, 10**12])
async def test_offsets_that_somebody_commits_for_the_group_move_no_lane(
    tmp_path: Path, kafka: Cluster, offset: int
) -> None:
    app = kafka.unique("moved")
    city = configured(tmp_path, kafka.bootstrap, app, lanes=LANES)
    await create(city)
    way = WorkerOptions("water")
    async with LifelineWorker(city, way) as worker:
        await until(worker.ready)
        await send(city, CALM, channel_of(0))
        await until(lambda: taken(worker) == len(CALM))
    topic, group = TopicNames(app).telemetry("water"), f"{app}-water"
    moved = ConsumerGroupTopicPartitions(group, [Place(topic, n, offset) for n in range(LANES)])
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    for answer in admin.alter_consumer_group_offsets([moved]).values():
        await asyncio.to_thread(answer.result, 30)
    async with LifelineWorker(city, way) as worker:
        await until(worker.ready)
        await send(city, CALM, channel_of(0))
        await until(lambda: taken(worker) == 2 * len(CALM))
        assert [lane.phase for lane in worker.lanes()] == ["running"] * LANES
