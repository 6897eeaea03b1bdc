"""An aiokafka consumer that cannot hang, cannot hide an error and knows its assignment."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Protocol

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from broker.closing import close_client
from broker.errors import meaning
from contracts.errors import FatalError
from ingest.kafka.settings import KafkaSettings


class Ownership(Protocol):
    """Who wants to know which lanes this worker has."""

    async def assigned(self, lanes: list[int]) -> None:
        """These lanes are the worker's now; each is to be sought before its first fetch."""

    async def revoked(self, lanes: list[int]) -> None:
        """These lanes go when this returns; until then they may still be committed."""


class KafkaClient:
    """One consumer on one topic: lifecycle, assignment and calls with a deadline.

    Parameters
    ----------
    settings : KafkaSettings
        Everything about the consumer.
    ownership : Ownership or None
        Hears of rebalances, where the group chooses the lanes.
    extra : mapping of str to object
        Further arguments of the consumer: how it reads records.

    Attributes
    ----------
    epoch : int
        Number of assignments and revocations so far.
    """

    def __init__(
        self, settings: KafkaSettings, ownership: Ownership | None, extra: Mapping[str, object]
    ) -> None:
        self._settings = settings
        self._ownership = ownership
        self._extra = dict(extra)
        self._consumer: AIOKafkaConsumer | None = None
        self._failure: Exception | None = None
        self.epoch = 0

    @property
    def consumer(self) -> AIOKafkaConsumer:
        """The running consumer; `FatalError` before `start` and after a failed rebalance."""
        topic = self._settings.topic
        if self._failure is not None:
            msg = f"{topic}: a rebalance failed with {self._failure!r}; restart the worker"
            raise FatalError(msg) from self._failure
        if self._consumer is None:
            msg = f"{topic}: expected a started source; call `start` first"
            raise FatalError(msg)
        return self._consumer

    def partition(self, lane: int) -> TopicPartition:
        """Partition of a lane."""
        return TopicPartition(self._settings.topic, lane)

    def name(self, lane: int) -> str:
        """Lane as messages write it (`water-3`)."""
        return f"{self._settings.lifeline}-{lane}"

    def has(self, lane: int) -> bool:
        """Whether the lane is assigned to this consumer."""
        return self.partition(lane) in self.consumer.assignment()

    async def start(self) -> None:
        """Connect, and join the group or take the given lanes."""
        settings = self._settings
        consumer = AIOKafkaConsumer(**settings.client_options(), **self._extra)
        self._consumer = consumer
        if settings.lanes is None:
            consumer.subscribe([settings.topic], listener=_Listener(self))
        else:
            consumer.assign([self.partition(lane) for lane in settings.lanes])
        try:
            async with self.bounded(settings.topic, "start", settings.start_deadline_s):
                await consumer.start()
                # Stopped in the loop step of its start, a client raises CancelledError.
                await asyncio.sleep(0)
            self._check_lanes(settings.lanes or ())
        except BaseException:
            await self.close()
            raise

    def _check_lanes(self, lanes: Iterable[int]) -> None:
        topic = self._settings.topic
        have = self.consumer.partitions_for_topic(topic) or set()
        missing = sorted(set(lanes) - have)
        if missing:
            msg = (
                f"{topic}: expected partitions {missing}, got a topic of {len(have)}; "
                "create it with the configured number"
            )
            raise FatalError(msg)

    @asynccontextmanager
    async def bounded(
        self, where: str, doing: str, deadline_s: float | None = None
    ) -> AsyncIterator[None]:
        """Give calls a deadline and their errors our meaning."""
        try:
            async with asyncio.timeout(deadline_s or self._settings.call_deadline_s):
                yield
        except (KafkaError, TimeoutError) as error:
            raise meaning(where, doing, error) from error

    async def log_end(self, lane: int) -> int:
        """Last stable offset for a read-committed consumer, high watermark for another."""
        async with self.bounded(self.name(lane), "end_offset"):
            edges = await self.consumer.end_offsets([self.partition(lane)])
        return int(edges[self.partition(lane)])

    async def log_start(self, lane: int) -> int:
        """Smallest offset that the log still holds."""
        async with self.bounded(self.name(lane), "beginning_offset"):
            edges = await self.consumer.beginning_offsets([self.partition(lane)])
        return int(edges[self.partition(lane)])

    async def offset_at(self, lane: int, timestamp_ms: int) -> int | None:
        """Smallest offset whose record was stamped then or later, None when there is none."""
        place = self.partition(lane)
        async with self.bounded(self.name(lane), "offsets_for_times"):
            found = await self.consumer.offsets_for_times({place: timestamp_ms})
        return None if found[place] is None else int(found[place].offset)

    async def committed(self, lane: int) -> int | None:
        """Offset that the group has for a lane, None when it has none."""
        async with self.bounded(self.name(lane), "committed"):
            offset: int | None = await self.consumer.committed(self.partition(lane))
        return offset

    async def commit(self, lane: int, offset: int) -> None:
        """Commit one lane's offset and nothing else."""
        async with self.bounded(self.name(lane), "commit"):
            await self.consumer.commit({self.partition(lane): offset})

    async def close(self) -> None:
        """Leave the group and let go of sockets; bounded in time, raises only a real cancel."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await close_client(consumer, self._settings.close_deadline_s)

    async def on_revoked(self, lanes: list[int]) -> None:
        """Let the owner finish with its lanes, then end the epoch."""
        try:
            if lanes and self._ownership is not None:
                await self._ownership.revoked(lanes)
        except Exception as error:  # the client would log and swallow it
            self._failure = error
        self.epoch += 1

    async def on_assigned(self, lanes: list[int]) -> None:
        """Begin an epoch and tell the owner."""
        self.epoch += 1
        try:
            if self._ownership is not None:
                await self._ownership.assigned(lanes)
        except Exception as error:  # the client would log and swallow it
            self._failure = error


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """Hands rebalances on, partitions as lanes in order."""

    def __init__(self, client: KafkaClient) -> None:
        self._client = client

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """See `Ownership.revoked`."""
        await self._client.on_revoked(sorted(partition.partition for partition in revoked))

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """See `Ownership.assigned`."""
        await self._client.on_assigned(sorted(partition.partition for partition in assigned))
