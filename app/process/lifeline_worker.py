"""One worker process: its clients and lanes, and the order in which they start and stop."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from itertools import count
from typing import Self

from app.process.worker_options import WorkerOptions, command_settings, source_settings
from broker.errors import RETRY_AFTER_S
from broker.log_ends import LogEnds
from broker.partition_reader import LaneReader
from broker.topics import counted, needed
from configuration.bundle_store import keep, kept, recall
from configuration.commands import authority_of
from configuration.configuration import Configuration
from configuration.lane_plan import plan_of, stopped_alarm
from configuration.settings import Settings
from configuration.warm_up import warm
from contracts.errors import AccessDenied, ConfigError, OtherLanes, RetryableError
from contracts.lane import LaneName
from contracts.ports.lane_parts import Parts
from contracts.ports.status import LaneStatus, ProcessStatus, QueueStatus, totals
from contracts.quantities import NS_PER_S
from contracts.topics import TopicNames
from ingest.kafka.commands import KafkaCommands
from ingest.kafka.raw_fetch import fetch_path
from ingest.kafka.telemetry import KafkaSource
from pipeline.lane.outbox import TransactionBound
from pipeline.snapshot.copy_buffer import CopyBuffer, SnapshotSlot
from pipeline.snapshot.snapshots import Snapshots
from pipeline.snapshot.store import SnapshotStore
from pipeline.worker.broker_contact import BrokerContacts
from pipeline.worker.lane_context import LaneContext, LanePorts, Pace
from pipeline.worker.lane_loop import FETCHED_AHEAD
from pipeline.worker.worker import Worker, lane_worker
from runtime.backoff import Backoff
from runtime.heartbeat import Heartbeat
from runtime.queues import OneThread
from runtime.watchdog import Watchdog
from sinks.kafka.lane_log import KafkaLaneLog, LogSettings

log = logging.getLogger("tocsin.worker")

DRAIN_S = 20.0  # below the rebalance timeout of the consumer, which waits for it


def is_logged(attempt: int) -> bool:
    """Whether an attempt in vain is worth a line: an outage of a night is sixteen of them.

    >>> [attempt for attempt in range(1, 40) if is_logged(attempt)]
    [1, 2, 4, 8, 16, 32]
    """
    return attempt.bit_count() == 1


class LifelineWorker:
    """A worker with everything around it; use as an asynchronous context manager.

    Itself the `WorkerStatus` that probes and Prometheus ask, from before it is entered.

    Parameters
    ----------
    configuration : Configuration
    options : WorkerOptions
    slot : SnapshotSlot, optional
        What the lanes of several lifelines in one process take turns with; one of its own if none.

    Attributes
    ----------
    drained : bool
        Whether every lane has been let go of, so that nothing can be lost any more.
    """

    def __init__(
        self, configuration: Configuration, options: WorkerOptions, slot: SnapshotSlot | None = None
    ) -> None:
        self._configuration = configuration
        self._settings: Settings = configuration.settings
        self._options = options
        self._topics = TopicNames(self._settings.app)
        self._plan = plan_of(configuration, options.lifeline)
        self._store = SnapshotStore(self._settings.state)
        self._slot = slot or SnapshotSlot(OneThread("snapshot_file"))
        self._open = AsyncExitStack()
        self._worker: Worker | None = None
        self._contacts = BrokerContacts(options.clock)
        self._heart = Heartbeat()
        self._rebuilds = 0
        self._queues: list[Callable[[], QueueStatus]] = []  # those of the present clients
        self._wrong: ConfigError | None = None
        self.drained = False
        kafka = self._settings.kafka
        self._ends = LogEnds(kafka.bootstrap, self._topics.telemetry(options.lifeline), kafka)
        self._lasting: list[asyncio.Task[None]] = []

    @property
    def worker(self) -> Worker:
        """The running worker."""
        assert self._worker is not None, "the service has not started"
        return self._worker

    def lanes(self) -> list[LaneStatus]:
        """Every lane that this worker owns."""
        return self._worker.lanes() if self._worker else []

    def alive(self) -> bool:
        """Whether the event loop turns; does not depend on Kafka."""
        return not self._lasting or self._heart.alive()

    def ready(self) -> bool:
        """Whether every owned lane is running and ownership is settled."""
        return self._worker is not None and self._worker.ready()

    def process_status(self) -> ProcessStatus:
        """How the process is."""
        queues = totals(queue() for queue in self.queues())
        return ProcessStatus(self._heart.lag_s(), self._rebuilds, fetch_path(), queues)

    def queues(self) -> list[Callable[[], QueueStatus]]:
        """Whom to ask how full queues are; what several lifelines share is the same for each."""
        fetched = [
            partial(QueueStatus.of, "fetched", lane.fetched, FETCHED_AHEAD) for lane in self.lanes()
        ]
        return [*fetched, *self._queues, self._slot.copying.queue, self._slot.work.queue]

    def _parts_for(self, config: str, name: LaneName) -> Parts:
        """Parts of a lane under the configuration with this hash."""
        if config == self._configuration.hash:
            return self._plan.parts(name.number)
        earlier = recall(self._store, config, self._settings, {self._options.lifeline})
        plan = plan_of(earlier, self._options.lifeline)
        if plan.partitions != self._plan.partitions:
            raise OtherLanes(str(name), self._plan.partitions, plan.partitions)
        return plan.parts(name.number)

    async def __aenter__(self) -> Self:
        """Start clients, then take lanes; a broker that is away is waited for."""
        self._lasting = [asyncio.create_task(self._heart.run(), name="heartbeat")]
        try:
            await self._start_patiently()
        except BaseException:
            await self._let_go()
            raise
        self._lasting.append(asyncio.create_task(self._watch(), name="watchdog"))
        return self

    async def over(self) -> None:
        """Wait until the service cannot go on; raises why."""
        await asyncio.shield(self._lasting[-1])

    async def _watch(self) -> None:
        """Make all clients anew whenever lanes stand although records wait for them."""
        dog = Watchdog(
            lambda: self.worker.owned(),  # noqa: PLW0108 - another worker after each rebuild
            lambda: self.worker.settled,
            self._ends_of,
            self._options.patience,
        )
        while True:
            why = await dog.until_stuck()
            log.error("%s; making all clients anew", why)
            self._rebuilds += 1
            await self.worker.abandon()
            await self._open.aclose()
            # A thread that hangs is left to itself, and so is the memory that it copies from.
            self._slot.work.shutdown(wait=False)
            self._slot.work, self._slot.room = OneThread("snapshot_file"), CopyBuffer()
            await self._start_patiently()

    async def _start_patiently(self) -> None:
        """Start, however long the brokers are away."""
        # The delay does not grow: workers that start are few, and their message names it.
        backoff = Backoff(RETRY_AFTER_S, RETRY_AFTER_S)
        for attempt in count(1):
            try:
                await self._start()
            except RetryableError as error:
                if isinstance(error, AccessDenied) and self._worker is None:
                    await self._open.aclose()
                    raise  # nobody would look at a worker that never began; later secrets change
                if is_logged(attempt):
                    log.warning("%s (attempt %d)", error, attempt)
                await self._open.aclose()
                await asyncio.sleep(backoff.delay_s(error))
            except BaseException:
                await self._open.aclose()
                raise
            else:
                return

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
        reader = LaneReader(kafka.bootstrap, security=kafka, check_crcs=self._options.check_crcs)
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
            self._configuration.hash,
            Pace(snapshot_s=snapshot.every.ns / NS_PER_S, snapshot_readings=snapshot.or_readings),
            partial(stopped_alarm, self._configuration.civil_time),
            self._contacts,
            authority_of(self._settings.commands),
            TransactionBound(self._settings.transaction_outputs),
        )
        self._worker = lane_worker(self._plan.name, context, DRAIN_S)
        self._open.push_async_callback(source.close)
        await source.start()
        if self._options.lanes is not None:
            await self._worker.assigned(list(self._options.lanes))

    def _keep(self) -> None:
        """Leave the bundle where another worker, or this one after a swap, finds it."""
        if not kept(self._store, self._configuration):
            keep(self._store, self._configuration)

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

    async def __aexit__(self, *_: object) -> None:
        """Drain lanes, then let go of clients."""
        watching = self._lasting.pop()
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        try:
            await self.worker.drain()
        finally:
            self.drained = True
            await self._open.aclose()
            await self._let_go()

    async def _let_go(self) -> None:
        for task in self._lasting:
            task.cancel()
        await asyncio.gather(*self._lasting, return_exceptions=True)
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
        await self.worker.assigned(lanes)

    async def revoked(self, lanes: list[int]) -> None:
        """The group takes lanes away once this returns."""
        await self.worker.revoked(lanes)

    def _log_for(self, reader: LaneReader, name: LaneName) -> KafkaLaneLog:
        settings = LogSettings(
            bootstrap=self._settings.kafka.bootstrap,
            security=self._settings.kafka,
            app=self._settings.app,
            topics=self._topics,
            transaction_timeout_ms=self._settings.transaction_timeout.ns // 1_000_000,
        )
        return KafkaLaneLog(name, settings, reader, self._options.clock)
