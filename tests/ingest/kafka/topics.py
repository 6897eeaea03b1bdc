"""Topics of a real broker to read from: filled, aborted, cut and damaged."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from aiokafka import AIOKafkaProducer

from contracts.records import Records
from ingest.kafka.telemetry import KafkaSettings, KafkaSource
from tests.testkit.kafka.broker import Cluster


def settings(cluster: Cluster, topic: str, **changes: object) -> KafkaSettings:
    """Settings for one test: a group of the topic's own, deadlines that fit a test."""
    base: dict[str, object] = {
        "bootstrap": cluster.bootstrap,
        "topic": topic,
        "lifeline": "water",
        "group": f"{topic}-group",
        "lanes": (0,),
        "call_deadline_s": 10.0,
        "fetch_max_wait_ms": 100,
    }
    return KafkaSettings(**{**base, **changes})  # type: ignore[arg-type]


@asynccontextmanager
async def started(source: KafkaSource) -> AsyncIterator[KafkaSource]:
    """A source between start and close."""
    await source.start()
    try:
        yield source
    finally:
        await source.close()


async def write(cluster: Cluster, topic: str, values: Sequence[bytes], partition: int = 0) -> None:
    """One record batch per value, so that offsets and batches fall together."""
    async with AIOKafkaProducer(
        bootstrap_servers=cluster.bootstrap, acks="all", max_request_size=8 << 20
    ) as producer:
        for value in values:
            await producer.send_and_wait(topic, value, partition=partition)


async def drain(source: KafkaSource, lane: int, until: int) -> list[Records]:
    """Everything that comes before the lane's position reaches `until`."""
    got: list[Records] = []
    async with asyncio.timeout(30):
        while source.position(lane) < until:
            records = await source.fetch(lane, 0.5)
            if records is not None:
                got.append(records)
    return got


async def read_on(source: KafkaSource, lane: int, got: list[Records]) -> None:
    """Fetch until an exception ends it, keeping what came before."""
    async with asyncio.timeout(30):
        while True:
            records = await source.fetch(lane, 0.3)
            if records is not None:
                got.append(records)


def values_of(batches: list[Records]) -> list[bytes]:
    """All payloads of some batches."""
    return [bytes(part.payload(i) or b"") for part in batches for i in range(len(part))]


def offsets_of(batches: list[Records]) -> list[int]:
    """All offsets of some batches."""
    return [int(offset) for part in batches for offset in part.offset]


def segment(cluster: Cluster, topic: str, partition: int) -> Path:
    """Log segment file of a partition that never rolled."""
    folder = cluster.log_path(0).parent / "node-0" / f"{topic}-{partition}"
    return folder / f"{0:020d}.log"


def damage(path: Path, value: bytes) -> None:
    """Flip a bit of a record's payload on the broker's disk."""
    with path.open("r+b") as log:
        data = log.read()
        at = data.index(value)
        log.seek(at)
        log.write(bytes([data[at] ^ 1]))
