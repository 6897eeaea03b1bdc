"""One worker process of a lifeline: its clients and lanes."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from app.process.worker_options import WorkerOptions, command_settings, source_settings
from app.process.worker_service import DRAIN_S, WorkerService
from broker.log_ends import LogEnds
from broker.partition_reader import LaneReader
from broker.topics import counted, needed
from configuration.bundle_store import recall
from configuration.commands import authority_of
from configuration.configuration import Configuration
from configuration.lane_plan import Plan, plan_of, stopped_alarm
from configuration.warm_up import warm
from contracts.errors import ConfigError, OtherLanes
from contracts.lane import LaneName
from contracts.ports.lane_parts import Parts
from contracts.ports.status import QueueStatus
from contracts.quantities import NS_PER_S
from ingest.kafka.commands import KafkaCommands
from ingest.kafka.telemetry import KafkaSource
from pipeline.lane.outbox import TransactionBound
from pipeline.snapshot.copy_buffer import SnapshotSlot
from pipeline.snapshot.snapshots import Snapshots
from pipeline.worker.lane_context import Deployment, LaneContext, LanePorts, Pace
from pipeline.worker.lane_loop import FETCHED_AHEAD
from pipeline.worker.worker import lane_worker
from runtime.collector import resting
from runtime.queues import OneThread
from sinks.kafka.lane_log import KafkaLaneLog

log = logging.getLogger("tocsin.worker")


Built = dict[tuple[str, int], Parts]  # by configuration and lane, each for one use


class Prepared(NamedTuple):
    """What a lifeline would be under another configuration."""

    plan: Plan
    parts: Built


class LifelineWorker(WorkerService):
    """A worker of a lifeline's lanes.

    Parameters
    ----------
    configuration : Configuration
    options : WorkerOptions
    slot : SnapshotSlot, optional
    """

    def __init__(
        self, configuration: Configuration, options: WorkerOptions, slot: SnapshotSlot | None = None
    ) -> None:
        super().__init__(configuration, options, slot)
        self._plan = plan_of(configuration, options.lifeline)
        self._deployed = Deployment(configuration.hash)
        self._prepared: Built = {}
        self._wrong: ConfigError | None = None
        kafka = self._settings.kafka
        self._ends = LogEnds(kafka.bootstrap, self._topics.telemetry(options.lifeline), kafka)

    def queues(self) -> list[Callable[[], QueueStatus]]:
        """Whom to ask how full queues are."""
        fetched = [
            partial(QueueStatus.of, "fetched", lane.fetched, FETCHED_AHEAD) for lane in self.lanes()
        ]
        return [*fetched, *super().queues()]

    def _parts_for(self, config: str, name: LaneName) -> Parts:
        """Parts of a lane under the configuration with this hash."""
        if (prepared := self._prepared.pop((config, name.number), None)) is not None:
            return prepared
        if config == self._configuration.hash:
            return self._plan.parts(name.number)
        earlier = recall(self._store, config, self._settings, {self._options.lifeline})
        plan = plan_of(earlier, self._options.lifeline)
        if plan.partitions != self._plan.partitions:
            raise OtherLanes(str(name), self._plan.partitions, plan.partitions)
        return plan.parts(name.number)

    async def prepare(self, configuration: Configuration) -> Prepared:
        """Build what the lanes owned now would be under a configuration, while they go on.

        Raises
        ------
        ConfigError
            When its lanes are others.
        """
        plan = plan_of(configuration, self._options.lifeline)
        if plan.partitions != self._plan.partitions:
            msg = (
                f"lifelines.{self._options.lifeline}.partitions: expected "
                f"{self._plan.partitions}, got {plan.partitions}; lanes are pinned, see "
                "docs/other-lanes.md"
            )
            raise ConfigError(msg)
        owned = list(self._worker.owned()) if self._worker else []
        thread = OneThread("reload")
        try:
            built = asyncio.get_running_loop().run_in_executor(thread, _built, plan, owned)
            return Prepared(plan, await built)
        finally:
            thread.shutdown(wait=False)

    def deploy(self, prepared: Prepared) -> None:
        """Let lanes run what was prepared, each from its next step on."""
        self._plan, self._prepared = prepared.plan, prepared.parts
        self._configuration = prepared.plan.configuration
        self._deployed.config = self._configuration.hash

    async def _start(self) -> None:
        await self._check_lanes()
        scoring = OneThread("scoring")  # one that hangs must not hold the event loop
        self._open.callback(scoring.shutdown, wait=False, cancel_futures=True)
        loop = asyncio.get_running_loop()
        snapshots = Snapshots(self._store, self._parts_for, self._slot)
        await snapshots.work_within(self._keep)
        await loop.run_in_executor(scoring, warm, self._configuration, self._options.lifeline)
        commands = KafkaCommands(command_settings(self._settings, self._options))
        source = KafkaSource(source_settings(self._settings, self._options), self)
        kafka = self._settings.kafka
        reader = LaneReader(
            kafka.bootstrap, security=kafka, check_crcs=not self._options.embedded_broker
        )
        self._open.push_async_callback(reader.close)
        queues = source.answers, source.unpacking, scoring.queue, commands.queue, reader.queue
        self._queues = list(queues)
        await commands.start()
        self._open.push_async_callback(commands.close)
        ports = LanePorts(
            source, commands, partial(self._log_for, reader), self._options.clock, scoring
        )
        snapshot = self._settings.snapshot
        context = LaneContext(
            ports,
            snapshots,
            self._deployed,
            Pace(snapshot_s=snapshot.every.ns / NS_PER_S, snapshot_readings=snapshot.or_readings),
            partial(stopped_alarm, self._configuration.civil_time),
            self._contacts,
            authority_of(self._settings.commands),
            TransactionBound(self._settings.transaction_outputs),
            tracer=self._options.tracer,
        )
        self._worker = lane_worker(self._plan.name, context, DRAIN_S)
        self._open.push_async_callback(source.close)
        await source.start()
        if self._options.lanes is not None:
            await self._worker.assigned(list(self._options.lanes))

    async def _check_lanes(self) -> None:
        """Refuse topics with another number of partitions; lanes given by hand are trusted.

        At the first start all must be there. One that is deleted later is for recovery to judge.
        """
        if self._options.lanes is None:
            lifeline = self._options.lifeline
            topics = needed({lifeline: self._plan.partitions}, self._topics)
            shared = {self._topics.dead_letters, self._topics.shadow}
            own = [topic for topic in topics if topic.name not in shared]
            first = self._worker is None
            kafka = self._settings.kafka
            await counted(own, kafka.bootstrap, kafka, whole=first)

    async def _ends_of(self, lanes: Sequence[int]) -> dict[int, int] | None:
        if self._wrong is not None:
            raise self._wrong
        return await self._ends.ends(lanes)

    async def _let_go(self) -> None:
        await super()._let_go()
        await self._ends.close()

    async def assigned(self, lanes: list[int]) -> None:
        """The group gave lanes; those of partitions that were added stop the worker."""
        strange = [number for number in lanes if number >= self._plan.partitions]
        if strange:
            topic = self._topics.telemetry(self._options.lifeline)
            self._wrong = ConfigError(
                f"{topic}: expected {self._plan.partitions} partitions, got number {strange[-1]}; "
                "it was raised while workers ran, see docs/other-lanes.md"
            )
            log.critical("%s", self._wrong)
            return
        await super().assigned(lanes)

    def _log_for(self, reader: LaneReader, name: LaneName) -> KafkaLaneLog:
        return KafkaLaneLog(name, self._log_settings(), reader, self._options.clock)


def _built(plan: Plan, lanes: Sequence[int]) -> Built:
    """What some lanes would be under a plan, with every kernel compiled that they need."""
    with resting():
        warm(plan.configuration, plan.lifeline)
        return {(plan.configuration.hash, number): plan.parts(number) for number in lanes}
