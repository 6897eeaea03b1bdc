"""Two benches for one conformance suite: lane logs in memory, and on a real Kafka."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from broker.partition_reader import LaneReader
from contracts.lane import LaneName
from contracts.ports.clock import WallClock
from contracts.ports.lane_log import LaneLog
from contracts.topics import TopicNames
from sinks.kafka.lane_log import KafkaLaneLog, LogSettings
from tests.testkit.faults.oracle import read_all
from tests.testkit.kafka.broker import Cluster
from tests.testkit.memory_broker import BYTES_MAX, MemoryBroker
from tests.testkit.memory_ports import MemoryLog

LANE = 1
OWN = ("journal", "alarms", "manifests")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a read-committed reader sees of one record."""

    offset: int
    kind: str
    key: bytes
    body: bytes


class Bench(Protocol):
    """Makes logs of one lane, and looks at its partitions from outside."""

    topics: TopicNames

    async def log(self) -> LaneLog:
        """A new log of the lane, fenced."""

    async def put(self, topic: str, body: bytes) -> int:
        """Write a stranger's record into one of the lane's own partitions; its offset."""

    async def seen(self, topic: str) -> list[Seen]:
        """Committed records of the lane's partition of a topic, or of its dead letters."""

    async def forget(self, topic: str, before: int) -> None:
        """Drop records of the lane's partition, as retention does."""

    def unknown_id(self) -> AbstractAsyncContextManager[None]:
        """Another producer with an open transaction over the lane's partition of dead letters."""


def lane_name(topics: TopicNames) -> LaneName:
    return LaneName("water", LANE, topics.telemetry("water"), topics.commands("water"))


def topic_of(topics: TopicNames, topic: str) -> str:
    name: str = topics.dead_letters if topic == "dead_letters" else getattr(topics, topic)("water")
    return name


class MemoryBench:
    """Logs over one memory broker."""

    def __init__(self) -> None:
        self.topics = TopicNames()
        self._broker = MemoryBroker()

    def _place(self, topic: str) -> str:
        return f"{topic_of(self.topics, topic)}[{0 if topic == 'dead_letters' else LANE}]"

    async def log(self) -> LaneLog:
        log = MemoryLog(lane_name(self.topics), self._broker)
        await log.fence()
        return log

    async def put(self, topic: str, body: bytes) -> int:
        return self._broker.put(self._place(topic), body)

    async def seen(self, topic: str) -> list[Seen]:
        written, _ = self._broker.committed(self._place(topic))
        return [Seen(w.offset, w.kind, w.key, w.body) for w in written]

    async def forget(self, topic: str, before: int) -> None:
        self._broker.forget(self._place(topic), before)

    @asynccontextmanager
    async def unknown_id(self) -> AsyncIterator[None]:
        epoch = self._broker.fence("stranger")
        self._broker.begin("stranger", epoch)
        self._broker.send("stranger", epoch, self._place("dead_letters"), ("", b"", b"open"))
        yield
        self._broker.fence("stranger")


class KafkaBench:
    """Logs on a cluster, over topics that this bench alone uses."""

    def __init__(self, cluster: Cluster) -> None:
        self.topics = TopicNames(cluster.unique("log"))
        self.cluster = cluster
        self.reader = LaneReader(cluster.bootstrap)
        self._logs: list[KafkaLaneLog] = []
        for topic in (*OWN, "dead_letters"):
            limit = {"max.message.bytes": str(BYTES_MAX)}
            cluster.create_topic(topic_of(self.topics, topic), 2, limit)

    async def log(self) -> KafkaLaneLog:
        settings = LogSettings(
            bootstrap=self.cluster.bootstrap,
            app=self.topics.prefix,
            topics=self.topics,
            dead_letter_partitions=2,
        )
        log = KafkaLaneLog(lane_name(self.topics), settings, self.reader, WallClock())
        self._logs.append(log)
        await log.fence()
        return log

    async def put(self, topic: str, body: bytes) -> int:
        async with AIOKafkaProducer(bootstrap_servers=self.cluster.bootstrap) as producer:
            name = topic_of(self.topics, topic)
            return int((await producer.send_and_wait(name, body, partition=LANE)).offset)

    async def seen(self, topic: str) -> list[Seen]:
        records = await read_all(self.cluster.bootstrap, topic_of(self.topics, topic))
        return [
            Seen(
                record.offset,
                dict(record.headers).get("tocsin", b"").decode().replace("revision", "alarm"),
                record.key or b"",
                record.value or b"",
            )
            for record in records
            if record.partition == LANE
        ]

    async def forget(self, topic: str, before: int) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.cluster.bootstrap)
        await admin.start()
        place = TopicPartition(topic_of(self.topics, topic), LANE)
        await admin.delete_records({place: RecordsToDelete(before)})
        await admin.close()

    @asynccontextmanager
    async def unknown_id(self) -> AsyncIterator[None]:
        async with AIOKafkaProducer(
            bootstrap_servers=self.cluster.bootstrap,
            transactional_id=f"{self.topics.prefix}-stranger",
        ) as producer:
            await producer.begin_transaction()
            await producer.send_and_wait(self.topics.dead_letters, b"open", partition=LANE)
            yield
            await producer.abort_transaction()

    async def close(self) -> None:
        """Let go of every log and of the reader."""
        for log in self._logs:
            await log.close()
        await self.reader.close()
