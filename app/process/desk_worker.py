"""The process that runs the desk stage, or waits to: its clients, and how it becomes the owner."""

import argparse
import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from app.process.worker_options import WorkerOptions, desk_source_settings
from app.process.worker_service import DRAIN_S, WorkerService
from broker.acl import DESK
from broker.log_ends import LogEnds
from broker.partition_reader import LaneReader
from broker.topics import counted, desk_topics, needed
from configuration.commands import authority_of
from configuration.configuration import Configuration
from configuration.desk.desk import DeskConfiguration
from configuration.lane_plan import stopped_notice
from configuration.settings import Settings
from contracts.desk.journal import DeskEntry
from contracts.lane import LaneName
from contracts.ports.desk import Desk
from contracts.ports.status import ProcessStatus, ReloadStatus
from contracts.quantities import NS_PER_S
from contracts.topics import TopicNames
from ingest.kafka.alarms import AlarmSettings, KafkaAlarms
from ingest.kafka.telemetry import KafkaSource
from operate.config_reload import ConfigReload, Judged
from operate.settings import settled
from pipeline.desk.command_judge import DeskCommandJudge
from pipeline.desk.desk_context import DeskContext, DeskPorts, JudgeBody
from pipeline.desk.desk_runner import DeskRunner
from pipeline.lane.outbox import TransactionBound
from pipeline.snapshot.snapshots import SnapshotFiles
from pipeline.snapshot.store import SnapshotStore
from pipeline.worker.lane_context import Deployment, Pace
from pipeline.worker.worker import Worker
from runtime.queues import OneThread
from sinks.kafka.desk_log import desk_layout
from sinks.kafka.lane_log import KafkaJournalLog


class DeskParts(NamedTuple):
    """What the stage runs.

    Parameters
    ----------
    config : str
        Hash of the bundle.
    bundle : bytes
        What governs the desk.
    desk_of : callable
        A new desk that a bundle governs: this one, or one of before.
    judge : callable
        Judges the body of a command before the desk does.
    """

    config: str
    bundle: bytes
    desk_of: Callable[[bytes], Desk]
    judge: JudgeBody


def city_desk(folder: Path, configuration: Configuration) -> DeskParts:
    """The desk that a configuration folder lays down, and who may command it.

    Raises
    ------
    ConfigError
        With everything that is wrong in the files of the desk.
    """
    governing = DeskConfiguration.load(folder, configuration)
    topic = TopicNames(configuration.settings.app).commands(DESK)
    clock = WorkerOptions(lifeline=DESK).clock
    authority = authority_of(configuration.settings.commands)
    return DeskParts(
        governing.hash,
        governing.bundle(),
        lambda bundle: DeskConfiguration.from_bundle(bundle).desk(),
        DeskCommandJudge(authority, topic, clock).judge,
    )


PartsOf = Callable[[Configuration], DeskParts]


def desk_judged(parts_of: PartsOf, arguments: argparse.Namespace) -> Judged:
    """Judge what governs the desk, and leave it at the state location; its hash and settings."""
    configuration = settled(arguments)
    parts = parts_of(configuration)
    SnapshotStore(configuration.settings.state).put_bundle(parts.config, parts.bundle)
    return parts.config, configuration.settings


def desk_reload(
    arguments: argparse.Namespace, settings: Settings, worker: "DeskWorker", parts_of: PartsOf
) -> ConfigReload:
    """What lets the desk stage take over a changed configuration."""
    parts = worker.parts

    def recall(store: SnapshotStore, name: str, _: Settings) -> DeskParts:
        return parts._replace(config=name, bundle=store.bundle(name))

    judge = partial(desk_judged, parts_of)
    reload = ConfigReload(arguments, (parts.config, settings), [worker], judge, recall)
    worker.reloads = lambda: reload.status
    return reload


class DeskWorker(WorkerService):
    """Runs the desk stage while the group gives this process the partition of its commands.

    Parameters
    ----------
    configuration : Configuration
    options : WorkerOptions
        Of the lifeline `desk`.
    parts : DeskParts
    """

    def __init__(
        self, configuration: Configuration, options: WorkerOptions, parts: DeskParts
    ) -> None:
        super().__init__(configuration, options)
        self.parts, self._deployed = parts, Deployment(parts.config)
        self.reloads: Callable[[], ReloadStatus | None] = lambda: None
        kafka = self._settings.kafka
        self._ends = LogEnds(kafka.bootstrap, self._topics.commands(DESK), kafka)

    def _desk_for(self, config: str) -> Desk:
        """A desk under the bundle with this hash."""
        parts = self.parts
        return parts.desk_of(parts.bundle if config == parts.config else self._store.bundle(config))

    async def prepare(self, parts: DeskParts) -> DeskParts:
        """See that a desk can be made under a configuration, while the one that runs goes on."""
        await asyncio.to_thread(parts.desk_of, parts.bundle)
        return parts

    def deploy(self, parts: DeskParts) -> None:
        """Let the stage take it over at its next step."""
        self.parts, self._deployed.config = parts, parts.config

    def process_status(self) -> ProcessStatus:
        """How the process is."""
        return super().process_status()._replace(reloads=self.reloads())

    def _keep(self) -> None:
        """Leave the bundle where another process, or this one after a swap, finds it."""
        self._store.put_bundle(self.parts.config, self.parts.bundle)

    async def _start(self) -> None:
        configuration, settings, kafka = self._configuration, self._settings, self._settings.kafka
        await self._check_topics()
        scoring = OneThread("scoring")  # one that hangs must not hold the event loop
        self._open.callback(scoring.shutdown, wait=False, cancel_futures=True)
        files = SnapshotFiles(self._store, self._slot)
        await files.work_within(self._keep)
        reader = LaneReader(
            kafka.bootstrap, security=kafka, check_crcs=not self._options.embedded_broker
        )
        self._open.push_async_callback(reader.close)
        alarms = KafkaAlarms(self._alarm_settings())
        await alarms.start()
        self._open.push_async_callback(alarms.close)
        commands = KafkaSource(desk_source_settings(settings, self._options), self)
        self._queues = [commands.answers, commands.unpacking, scoring.queue, reader.queue]
        context = DeskContext(
            DeskPorts(
                commands, alarms, partial(self._log_for, reader), self._options.clock, scoring
            ),
            files,
            self._topics,
            self._desk_for,
            self._deployed,
            self.parts.judge,
            Pace(snapshot_s=settings.snapshot.every.ns / NS_PER_S),
            partial(stopped_notice, configuration.civil_time),
            self._contacts,
            TransactionBound(settings.transaction_outputs),
        )
        self._worker = Worker(lambda _: DeskRunner(context), DRAIN_S)
        self._open.push_async_callback(commands.close)
        await commands.start()
        if self._options.lanes is not None:
            await self._worker.assigned(list(self._options.lanes))

    def _alarm_settings(self) -> AlarmSettings:
        kafka = self._settings.kafka
        return AlarmSettings(
            bootstrap=kafka.bootstrap,
            security=kafka,
            topics=self._topics,
            partitions=self._configuration.partitions,
            max_partition_fetch_bytes=self._settings.limits.message_bytes,
            check_crcs=not self._options.embedded_broker,
        )

    async def _check_topics(self) -> None:
        """At the first start all must be there. One deleted later is for recovery to judge.

        Lanes given by hand are trusted, as those of a worker are.
        """
        if self._options.lanes is not None:
            return
        kafka = self._settings.kafka
        lanes = needed(self._configuration.partitions, self._topics)
        alarms = {self._topics.alarms(name) for name in self._configuration.partitions}
        wanted = [topic for topic in lanes if topic.name in alarms] + desk_topics(self._topics)
        await counted(wanted, kafka.bootstrap, kafka, whole=self._worker is None)

    async def _ends_of(self, lanes: Sequence[int]) -> dict[int, int] | None:
        """Behind what was taken, if alarms wait or nobody has answered the stage for long."""
        if await self._ends.ends([0]) is None:
            return None
        owned = self.worker.owned()
        return {
            number: owned[number].position + bool(owned[number].lag or owned[number].blind)
            for number in lanes
            if number in owned
        }

    async def _let_go(self) -> None:
        await super()._let_go()
        await self._ends.close()

    def _log_for(self, reader: LaneReader, name: LaneName) -> KafkaJournalLog[DeskEntry]:
        layout, settings = desk_layout(self._topics), self._log_settings()
        return KafkaJournalLog(name, layout, settings, reader, self._options.clock)

    async def serve(self) -> None:
        """Be or await to be the stage until cancelled, or until it cannot go on."""
        async with self:
            await self.over()
