"""Alarm topics on a real broker, and what the desk stage made of them."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from aiokafka import AIOKafkaProducer

from broker.partition_reader import LaneReader
from broker.topics import TopicPlan, desk_topics, ensure
from configuration.configuration import Configuration
from contracts.desk.journal import Took
from contracts.ports.alarm_source import AlarmRecord
from contracts.ports.lane_log import Message
from contracts.topics import TopicNames
from pipeline.desk.desk_lane import DeskLane
from pipeline.lane.lane import exhaust
from sinks.kafka.desk_log import desk_layout
from sinks.kafka.log_layout import Place
from tests.testkit.desk.day import KINDS
from tests.testkit.desk.plain_desk import PlainDesk
from tests.testkit.in_process import configured, create
from tests.testkit.kafka.ports import free_ports
from tests.testkit.worker_process import WorkerProcess

LANES = 3
LOOK_S = 0.1
WAIT_S = 30.0


@dataclass
class DeskCity:
    """A broker's topics of a small city whose lanes a test plays.

    Parameters
    ----------
    folder : Path
    configuration : Configuration
    """

    folder: Path
    configuration: Configuration
    reader: LaneReader
    producers: list[AIOKafkaProducer] = field(default_factory=list)
    processes: list[WorkerProcess] = field(default_factory=list)

    @property
    def topics(self) -> TopicNames:
        return TopicNames(self.configuration.settings.app)

    async def ring(self, lane: int, *bodies: bytes) -> None:
        """Alarm revisions of a lane and its mark, in one transaction as a lane tells them."""
        topic = self.topics.alarms("water")
        producer = self.producers[lane]
        async with producer.transaction():
            for body in bodies:
                kind = [("tocsin", b"revision")]
                await producer.send(topic, body, partition=lane, headers=kind)
            await producer.send(topic, b"{}", partition=lane, headers=[("tocsin", b"mark")])

    async def command(self, **fields: Any) -> None:
        """Send a command to the stage."""
        body = msgspec.json.encode({"by": "li.wei", **fields})
        producer = self.producers[0]
        async with producer.transaction():
            await producer.send(self.topics.commands("desk"), body, partition=0)

    def process(self, instance: str) -> WorkerProcess:
        """A process that may become the stage; not started yet."""
        settings = self.configuration.settings
        arguments = ["--configs", str(self.folder / "configs")]
        arguments += ["--bootstrap", settings.kafka.bootstrap]
        process = WorkerProcess(
            arguments,
            free_ports(1)[0],
            self.folder / f"{instance}.log",
            instance=instance,
            program=[sys.executable, "-m", "tests.testkit.desk.process"],
        )
        self.processes.append(process)
        return process

    async def told(self, kind: str) -> list[Message]:
        """Committed outputs of a kind, in order."""
        found = await self._read(desk_layout(self.topics).place_of(kind))
        return [
            Message(kind, one.key, one.value or b"")
            for one in found
            if dict(one.headers)["tocsin"] == kind.encode()
        ]

    async def _read(self, place: Place) -> list[Any]:
        found, _ = await self.reader.read(place.topic, place.partition, None)
        return found

    async def until(self, holds: Callable[[], Any], wait_s: float = WAIT_S) -> None:
        """Wait until an asynchronous condition holds while no process has ended by itself."""
        try:
            async with asyncio.timeout(wait_s):
                while not await holds():  # noqa: ASYNC110 - topics tell nobody
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            logs = "\n".join(process.log.read_text()[-4000:] for process in self.processes)
            raise AssertionError(logs) from None

    async def replayed(self) -> list[Message]:
        """What a calm stage tells that lives the committed journal."""
        layout = desk_layout(self.topics)
        entries = [layout.decode(one.value) for one in await self._read(layout.journal)]
        topic = self.topics.alarms("water")
        alarms = {f"water-{n}": await self._read(Place(topic, n)) for n in range(LANES)}
        desk = PlainDesk(self.configuration.hash)
        lane = DeskLane(self.topics, PlainDesk, desk)
        told: list[Message] = []
        for entry in entries:
            records: list[AlarmRecord] = []
            slices = entry.change.slices if isinstance(entry.change, Took) else {}
            for name, (first, behind) in sorted(slices.items()):
                records += [
                    AlarmRecord(name, one.offset, one.timestamp, one.value)
                    for one in alarms[name]
                    if first <= one.offset < behind and dict(one.headers)["tocsin"] == b"revision"
                ]
            exhaust(lane.applying(entry, records))
            told += lane.outbox.take()
        return told

    async def assert_told_once(self, least: int) -> None:
        """What the topics hold is what that calm stage tells."""
        golden = await self.replayed()
        assert len(golden) >= least
        for kind in KINDS:
            assert await self.told(kind) == [m for m in golden if m.kind == kind]


@asynccontextmanager
async def desk_city(folder: Path, bootstrap: str, app: str) -> AsyncIterator[DeskCity]:
    """A city whose processes and clients are let go of at the end, whatever happened."""
    configuration = configured(folder, bootstrap, app, LANES)
    await create(configuration)
    await ensure(desk_topics(TopicNames(app), TopicPlan(replication=1)), bootstrap)
    async with AsyncExitStack() as stack:
        reader = LaneReader(bootstrap)
        stack.push_async_callback(reader.close)
        city = DeskCity(folder, configuration, reader)
        for lane in range(LANES):
            producer = AIOKafkaProducer(
                bootstrap_servers=bootstrap, transactional_id=f"{app}-played-{lane}", linger_ms=0
            )
            await producer.start()
            stack.push_async_callback(producer.stop)
            city.producers.append(producer)
        try:
            yield city
        finally:
            for process in city.processes:
                process.bury()
