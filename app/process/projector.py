"""The process that keeps a projection of topics up to date: history, ledger."""

import asyncio
import logging
from collections.abc import Callable
from itertools import count
from typing import Final, ParamSpec, Protocol, TypeVar

from app.process.worker_service import is_logged
from contracts.errors import RetryableError
from contracts.ports.projection import Positions, Projection, TopicRecord
from contracts.ports.status import LaneStatus, ProcessStatus, ProjectionStatus, QueueStatus
from runtime.backoff import Backoff
from runtime.heartbeat import Heartbeat
from runtime.queues import OneThread

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger("tocsin.projection")

FETCH_S: Final = 0.5
RETRY_FIRST_S: Final = 0.5
RETRY_MOST_S: Final = 30.0
CURRENT_MS: Final = 2_000  # between two notes that all was taken


class Topics(Protocol):
    """What a projector reads, as `ingest.kafka.topic_reader.TopicReader` does."""

    lost: dict[tuple[str, int], int]

    async def start(self) -> None:
        """Connect."""

    async def close(self) -> None:
        """Let go of sockets."""

    async def seek(self, positions: Positions) -> None:
        """Go on from these offsets."""

    async def fetch(self, timeout_s: float) -> tuple[list[TopicRecord], Positions]:
        """The next records, and the positions behind them."""

    def waiting(self) -> int:
        """Offsets that wait, as far as they are known."""

    def heard_ms(self) -> int:
        """When the brokers last told where the logs end, by the wall clock."""


class Projector:
    """Takes records, hands them to a projection in a thread of its own, and never gives up.

    Itself the `WorkerStatus` that probes and Prometheus ask.

    Parameters
    ----------
    name : str
        What is kept up to date, as `history`.
    projection : Projection
    topics : Topics

    Attributes
    ----------
    drained : bool
        Whether nothing is being written any more.
    """

    def __init__(self, name: str, projection: Projection, topics: Topics) -> None:
        self._projection = projection
        self._topics = topics
        self._status = ProjectionStatus(name)
        self._heart = Heartbeat()
        self._work = OneThread("projection")
        self._backoff = Backoff(RETRY_FIRST_S, RETRY_MOST_S)
        self.drained = False

    async def serve(self) -> None:
        """Run until cancelled; a broker or a store that is away is waited for.

        Raises
        ------
        FatalError
            When a person is needed.
        """
        beating = asyncio.create_task(self._heart.run(), name="heartbeat")
        try:
            for attempt in count(1):
                try:
                    await self._follow()
                except RetryableError as error:
                    await self._wait(error, attempt)
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
            await self._let_go()

    async def _wait(self, error: RetryableError, attempt: int) -> None:
        self._status.phase, self._status.trouble = "recovering", str(error)
        self._status.recoveries += 1
        if is_logged(attempt):
            log.warning("%s (attempt %d)", error, attempt)
        await self._topics.close()
        await asyncio.sleep(self._backoff.delay_s(error))

    async def _follow(self) -> None:
        """Read on from where the projection stands, for ever."""
        await self._topics.start()
        await self._topics.seek(await self._do(self._projection.positions))
        self._status.phase, self._status.trouble = "running", ""
        current_ms = 0
        while True:
            records, behind = await self._topics.fetch(FETCH_S)
            if behind:
                await self._do(self._projection.apply, records, behind)
                self._status.taken += len(records)
                self._status.unreadable = self._projection.unreadable
                self._backoff = Backoff(RETRY_FIRST_S, RETRY_MOST_S)
            self._status.waiting = self._topics.waiting()
            heard_ms = self._topics.heard_ms()
            if not self._status.waiting and heard_ms >= current_ms + CURRENT_MS:
                await self._do(self._projection.current, heard_ms)
                current_ms = heard_ms
            self._status.lost = sum(self._topics.lost.values())
            newest_ms = (record.time_ms for record in records)
            self._status.taken_ms = max(self._status.taken_ms, *newest_ms, 0)

    async def _do(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Some work in the projection's thread; it is awaited even when this is cancelled."""
        doing = asyncio.wrap_future(self._work.submit(work, *args, **kwargs))
        try:
            return await asyncio.shield(doing)
        except asyncio.CancelledError:
            await asyncio.wait({doing})
            raise

    async def _let_go(self) -> None:
        self._status.phase = "stopping"
        await self._topics.close()
        await self._do(self._projection.close)
        self._work.shutdown(wait=False)
        self.drained = True

    def lanes(self) -> list[LaneStatus]:
        """The projection, as probes see lanes."""
        return [self._status]

    def alive(self) -> bool:
        """Whether the event loop turns."""
        return self._heart.alive()

    def ready(self) -> bool:
        """Whether it follows its topics."""
        return self._status.ready

    def process_status(self) -> ProcessStatus:
        """How the process is."""
        queues: tuple[QueueStatus, ...] = (self._work.queue(),)
        return ProcessStatus(self._heart.lag_s(), queues=queues)
