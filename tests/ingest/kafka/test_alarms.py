"""Alarms of all lanes from a real broker: in order, without marks, and nothing lost unseen."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete

from contracts.errors import DataLoss, LogCut
from contracts.ports.alarm_source import AlarmRecord
from contracts.topics import TopicNames
from ingest.kafka.alarms import AlarmSettings, KafkaAlarms
from tests.testkit.kafka.broker import Cluster

WAIT_S = 20.0


@dataclass
class Bench:
    """Alarm topics of two lifelines, a lane's producer, and a source."""

    topics: TopicNames
    bootstrap: str
    producer: AIOKafkaProducer
    source: KafkaAlarms

    async def ring(self, lane: str, *bodies: bytes) -> None:
        """A lane's transaction: revisions, a shelving and a mark."""
        place = self.source.place(lane)
        async with self.producer.transaction():
            for body, kind in [*((b, b"revision") for b in bodies), (b"s", b"shelving")]:
                await self._send(place.topic, place.partition, body, kind)
            await self._send(place.topic, place.partition, b"{}", b"mark")

    async def abort(self, lane: str, body: bytes) -> None:
        """A transaction that comes to nothing."""
        place = self.source.place(lane)
        await self.producer.begin_transaction()
        await self._send(place.topic, place.partition, body, b"revision")
        await self.producer.abort_transaction()

    async def _send(self, topic: str, partition: int, body: bytes, kind: bytes) -> None:
        headers = [("tocsin", kind)]
        await self.producer.send_and_wait(topic, body, partition=partition, headers=headers)

    async def taken(self, positions: Mapping[str, int]) -> tuple[list[AlarmRecord], dict[str, int]]:
        """All that is there from some positions on, and the positions behind it."""
        await self.source.seek(positions)
        found: list[AlarmRecord] = []
        behind: dict[str, int] = {}
        async with asyncio.timeout(WAIT_S):
            while self.source.waiting():
                if (poll := await self.source.fetch(0.2)) is not None:
                    assert len(poll.records) <= 3
                    assert poll.records == sorted(poll.records)
                    found += poll.records
                    behind |= poll.positions
        return found, behind


@asynccontextmanager
async def benched(kafka: Cluster) -> AsyncIterator[Bench]:
    topics = TopicNames(kafka.unique("alarms"))
    kafka.create_topic(topics.alarms("water"), 2)
    kafka.create_topic(topics.alarms("power"), 1)
    settings = AlarmSettings(
        bootstrap=kafka.bootstrap,
        topics=topics,
        partitions={"water": 2, "power": 1},
        records_per_poll=3,
    )
    source = KafkaAlarms(settings)
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, transactional_id=topics.prefix)
    await producer.start()
    await source.start()
    try:
        yield Bench(topics, kafka.bootstrap, producer, source)
    finally:
        await source.close()
        await producer.stop()


def bodies(records: list[AlarmRecord], lane: str, kind: str = "revision") -> list[bytes]:
    return [record.body for record in records if (record.lane, record.kind) == (lane, kind)]


async def test_revisions_of_all_lanes_come_in_order_and_marks_move_on(kafka: Cluster) -> None:
    async with benched(kafka) as bench:
        for n in range(4):
            await bench.ring("water-0", *(b"%d" % i for i in range(4 * n, 4 * n + 4)))
            await bench.ring("power-0", b"p%d" % n)
        await bench.abort("water-1", b"never")
        found, behind = await bench.taken({})
        assert bodies(found, "water-0") == [b"%d" % i for i in range(16)]
        assert bodies(found, "power-0") == [b"p0", b"p1", b"p2", b"p3"]
        assert bodies(found, "water-1") == []
        assert bodies(found, "water-0", "shelving") == [b"s"] * 4
        assert await bench.taken(behind) == ([], {})
        await bench.ring("water-1", b"later")
        more, _ = await bench.taken(behind)
        assert bodies(more, "water-1") == [b"later"]


async def test_slices_are_read_once_more_as_they_were_taken(kafka: Cluster) -> None:
    async with benched(kafka) as bench:
        for n in range(3):
            await bench.ring("water-0", *(b"%d" % i for i in range(5 * n, 5 * n + 5)))
            await bench.ring("power-0", b"p%d" % n)
        found, _ = await bench.taken({})
        water = [record for record in found if record.lane == "water-0"]
        await bench.source.seek({})
        first = await bench.source.read({"water-0": (water[0].offset, water[6].offset + 1)})
        assert first == water[:7]
        power = [record for record in found if record.lane == "power-0"]
        rest = {
            "water-0": (water[7].offset, water[-1].offset + 1),
            "power-0": (power[1].offset, power[1].offset + 1),
        }
        assert await bench.source.read(rest) == [power[1], *water[7:]]
        again = await bench.source.read({"water-0": (water[2].offset, water[2].offset + 1)})
        assert again == [water[2]]


async def test_what_retention_took_is_a_loss_with_its_place(kafka: Cluster) -> None:
    async with benched(kafka) as bench:
        await bench.ring("water-1", *(b"%d" % i for i in range(9)))
        place = bench.source.place("water-1")
        admin = AIOKafkaAdminClient(bootstrap_servers=bench.bootstrap)
        await admin.start()
        try:
            await admin.delete_records({place: RecordsToDelete(before_offset=4)})
        finally:
            await admin.close()
        lost = rf"{bench.topics.prefix}\.alarms\.water\[1\]: .* alarms 2\.\.3 are lost"
        with pytest.raises(DataLoss, match=lost):
            await bench.source.seek({"water-1": 2})
        await bench.source.seek({"water-1": 5})
        with pytest.raises(DataLoss, match=lost):
            await bench.source.read({"water-1": (2, 7)})


async def test_a_log_that_ends_before_what_was_taken_was_cut(
    kafka: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.kafka.alarms.SETTLE_S", 0.5)
    async with benched(kafka) as bench:
        await bench.ring("water-0", b"0")
        with pytest.raises(LogCut, match=r"water\[0\]: expected offset 90"):
            await bench.source.seek({"water-0": 90})
        await bench.source.seek({})
        with pytest.raises(LogCut, match=r"water\[0\]: expected offset 80"):
            await bench.source.read({"water-0": (0, 80)})
