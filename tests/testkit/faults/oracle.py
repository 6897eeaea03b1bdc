"""What the world was told, against a fault-free replay of the same telemetry and journal."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from confluent_kafka.admin import AdminClient

from contracts.records import Records
from lab.data.recording import write


@dataclass
class Witness:
    """Read-committed reader of the alarms topic that runs throughout."""

    bodies: list[bytes] = field(default_factory=list)
    order: list[tuple[int, str, int]] = field(default_factory=list)

    def see(self, record: ConsumerRecord[bytes, bytes]) -> None:
        """Note a revision; marks are the lane's own."""
        if dict(record.headers).get("tocsin") != b"revision":
            return
        body = json.loads(record.value)
        self.bodies.append(record.value)
        self.order.append((record.partition, body["id"], body["revision"]))

    def assert_each_once_in_order(self) -> None:
        """Each (id, revision) once, and revisions of an alarm count 1, 2, 3 and on."""
        doubled = [key for key, n in Counter(self.order).items() if n > 1]
        assert not doubled, doubled[:5]
        last: dict[str, int] = {}
        for _, alarm, revision in self.order:
            assert revision == last.get(alarm, 0) + 1, (alarm, revision, last.get(alarm))
            last[alarm] = revision


@asynccontextmanager
async def witness(bootstrap: str, topic: str) -> AsyncIterator[Witness]:
    """A witness from the beginning of the topic."""
    seen = Witness()
    consumer = await _reader(bootstrap, topic)
    await consumer.seek_to_beginning()

    async def watch() -> None:
        while True:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    seen.see(record)

    task = asyncio.create_task(watch())
    try:
        yield seen
        ends = await consumer.end_offsets(list(consumer.assignment()))
        async with asyncio.timeout(30):
            while any([await consumer.position(tp) < end for tp, end in ends.items()]):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        await asyncio.sleep(0.3)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await consumer.stop()


async def _reader(bootstrap: str, topic: str) -> AIOKafkaConsumer:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    consumer.assign(_partitions(bootstrap, topic))
    return consumer


def _partitions(bootstrap: str, topic: str) -> list[TopicPartition]:
    metadata = AdminClient({"bootstrap.servers": bootstrap}).list_topics(topic, timeout=10)
    return [TopicPartition(topic, p) for p in sorted(metadata.topics[topic].partitions)]


async def read_all(bootstrap: str, topic: str) -> list[ConsumerRecord[bytes, bytes]]:
    """Every record of a topic that a read-committed reader sees, by partition and offset."""
    consumer = await _reader(bootstrap, topic)
    try:
        await consumer.seek_to_beginning()
        ends = await consumer.end_offsets(list(consumer.assignment()))
        found: list[ConsumerRecord[bytes, bytes]] = []
        async with asyncio.timeout(60):
            for tp, end in ends.items():
                while await consumer.position(tp) < end:
                    batch = await consumer.getmany(tp, timeout_ms=500)
                    found.extend(batch.get(tp, []))
        return sorted(found, key=lambda record: (record.partition, record.offset))
    finally:
        await consumer.stop()


async def record(bootstrap: str, lifeline: str, folder: Path) -> tuple[Path, Path]:
    """Write a lifeline's telemetry and journal as files for `tocsin replay`."""
    telemetry, journal = folder / "telemetry.parquet", folder / "journal.jsonl"
    rows: dict[int, list[tuple[int, int, bytes | None]]] = {}
    for item in await read_all(bootstrap, f"tocsin.telemetry.{lifeline}"):
        rows.setdefault(item.partition, []).append((item.offset, item.timestamp, item.value))
    write(telemetry, lifeline, [(p, Records.of(r)) for p, r in sorted(rows.items())])
    lines: list[dict[str, Any]] = [
        {"lane": item.partition, "offset": item.offset, "entry": json.loads(item.value)}
        for item in await read_all(bootstrap, f"tocsin.journal.{lifeline}")
    ]
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return telemetry, journal
