"""What a worker process does around what it runs: clients, patience, a watchdog, a last drain."""

import asyncio
import logging
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from itertools import count
from typing import Self

from app.process.worker_options import WorkerOptions
from broker.errors import RETRY_AFTER_S
from configuration.bundle_store import keep, kept
from configuration.configuration import Configuration
from configuration.settings import Settings
from contracts.errors import AccessDenied, RetryableError
from contracts.ports.status import LaneStatus, ProcessStatus, QueueStatus, totals
from contracts.topics import TopicNames
from ingest.kafka.raw_fetch import fetch_path
from pipeline.snapshot.copy_buffer import CopyBuffer, SnapshotSlot
from pipeline.snapshot.store import SnapshotStore
from pipeline.worker.broker_contact import AWAY_S, BrokerContacts
from pipeline.worker.worker import Worker
from runtime.backoff import Backoff
from runtime.heartbeat import Heartbeat
from runtime.queues import OneThread
from runtime.watchdog import Watchdog
from sinks.kafka.lane_log import LogSettings

log = logging.getLogger("tocsin.worker")

DRAIN_S = 20.0  # below the rebalance timeout of the consumer, which waits for it


def is_logged(attempt: int) -> bool:
    """Whether an attempt in vain is worth a line: an outage of a night is sixteen of them.

    >>> [attempt for attempt in range(1, 40) if is_logged(attempt)]
    [1, 2, 4, 8, 16, 32]
    """
    return attempt.bit_count() == 1


class WorkerService(ABC):
    """A worker with everything around it; use as an asynchronous context manager.

    Itself the `WorkerStatus` that probes and Prometheus ask, from before it is entered, and the
    `Ownership` that hears of rebalances.

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
        self._store = SnapshotStore(self._settings.state)
        self._slot = slot or SnapshotSlot(OneThread("snapshot_file"))
        self._open = AsyncExitStack()
        self._worker: Worker | None = None
        away_s = math.inf if options.embedded_broker else AWAY_S
        self._contacts = BrokerContacts(options.clock, away_s)
        self._heart = Heartbeat()
        self._rebuilds = 0
        self._queues: list[Callable[[], QueueStatus]] = []  # those of the present clients
        self.drained = False
        self._lasting: list[asyncio.Task[None]] = []

    @abstractmethod
    async def _start(self) -> None:
        """Make clients and a worker; what is to be let go of is pushed onto `_open`."""

    @abstractmethod
    async def _ends_of(self, lanes: Sequence[int]) -> dict[int, int] | None:
        """Where lanes would stand if nothing waited, None when no broker says it."""

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
        return [*self._queues, self._slot.copying.queue, self._slot.work.queue]

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

    def _keep(self) -> None:
        """Leave the bundle where another worker, or this one after a swap, finds it."""
        if not kept(self._store, self._configuration):
            keep(self._store, self._configuration)

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

    async def assigned(self, lanes: list[int]) -> None:
        """The group gave lanes."""
        await self.worker.assigned(lanes)

    async def revoked(self, lanes: list[int]) -> None:
        """The group takes lanes away once this returns."""
        await self.worker.revoked(lanes)

    def _log_settings(self) -> LogSettings:
        settings = self._settings
        return LogSettings(
            bootstrap=settings.kafka.bootstrap,
            security=settings.kafka,
            app=settings.app,
            topics=self._topics,
            transaction_timeout_ms=settings.transaction_timeout.ns // 1_000_000,
        )
