"""Workers in the process of the test, on topics of their own."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
from aiokafka import AIOKafkaProducer

from app.process.lifeline_worker import LifelineWorker
from broker.topics import TopicPlan, ensure, needed
from configuration.configuration import Configuration
from contracts.topics import TopicNames
from tests.testkit import city

WAIT_S = 40.0
SPACE_S = 0.002  # between two readings, however fast the brokers are


def configured(folder: Path, bootstrap: str, app: str, lanes: int = 1) -> Configuration:
    """A small city whose sessions are short; its state lies beside its configuration."""
    city.configure(folder / "configs", 4, lanes, folder / "state")
    settings = folder / "configs" / "tocsin.yaml"
    text = settings.read_text().replace("app: tocsin", f"app: {app}")
    settings.write_text(text + "session_timeout: 3 s\n")
    found = Configuration.load(folder / "configs")
    kafka = msgspec.structs.replace(found.settings.kafka, bootstrap=bootstrap)
    return replace(found, settings=msgspec.structs.replace(found.settings, kafka=kafka))


async def create(configuration: Configuration) -> None:
    """Topics of a configuration."""
    settings = configuration.settings
    topics = needed(configuration.partitions, TopicNames(settings.app), TopicPlan(replication=1))
    await ensure(topics, settings.kafka.bootstrap)


async def send(
    configuration: Configuration, values: list[float], channel: str, partition: int = 0
) -> None:
    """Readings of one channel, one record each; sixty of them outlast the city's on-delays."""
    producer = AIOKafkaProducer(bootstrap_servers=configuration.settings.kafka.bootstrap)
    topic = TopicNames(configuration.settings.app).telemetry("water")
    await producer.start()
    try:
        for value in values:
            body = {"channel": channel, "time": time.time_ns() // 10**6, "value": value}
            await producer.send_and_wait(topic, json.dumps(body).encode(), partition=partition)
            await asyncio.sleep(SPACE_S)
    finally:
        await producer.stop()


async def until(holds: Callable[[], bool]) -> float:
    """Seconds until a condition holds."""
    began = time.monotonic()
    async with asyncio.timeout(WAIT_S):
        while not holds():  # noqa: ASYNC110 - lanes tell nobody
            await asyncio.sleep(0.05)
    return time.monotonic() - began


def taken(service: LifelineWorker) -> int:
    """Readings that the lanes of a worker have received."""
    return sum(lane.accounts.get("received", 0) for lane in service.lanes())
