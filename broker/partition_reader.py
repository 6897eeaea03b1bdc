"""Reads whole partitions to their ends, for recovery; one reader serves all lanes of a worker."""

import asyncio
import time
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from broker.access import client_options
from broker.closing import close_client
from broker.errors import forbidden
from contracts.errors import DataLoss, FatalError, LogCut
from contracts.kafka import NO_SECURITY, Security
from contracts.ports.status import QueueStatus
from runtime.queues import CountedLock

SETTLE_S: Final = 5.0  # a new leader may for a moment not know how far its log is acknowledged
LOOK_S: Final = 0.5

Found = Any  # aiokafka's ConsumerRecord, which has no types of its own


class LaneReader:
    """Two long-lived consumers without a group: one tells high watermarks, one reads committed.

    For a read-committed consumer aiokafka's `end_offsets` gives the last stable offset: a lane's
    own committed records may lie behind a stranger's open transaction there. So the high watermark
    comes from a consumer that reads uncommitted. Fresh consumers would cost 0.6 s a recovery.

    Parameters
    ----------
    bootstrap : str
        Addresses of brokers.
    deadline_s : float
        Longest time for reading one partition to its end.
    security : Security, optional
    check_crcs : bool
        Off only for the embedded broker of the demo.
    """

    def __init__(
        self,
        bootstrap: str,
        deadline_s: float = 60.0,
        security: Security = NO_SECURITY,
        *,
        check_crcs: bool = True,
    ) -> None:
        self._bootstrap = bootstrap
        self._deadline_s = deadline_s
        self._security = security
        self._check_crcs = check_crcs
        self._consumers: dict[str, AIOKafkaConsumer] = {}
        self._busy = CountedLock("log_reader")

    def queue(self) -> QueueStatus:
        """Who reads, and who waits."""
        return self._busy.queue()

    async def _consumer(self, isolation: str) -> AIOKafkaConsumer:
        if isolation not in self._consumers:
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self._bootstrap,
                isolation_level=isolation,
                check_crcs=self._check_crcs,
                enable_auto_commit=False,
                auto_offset_reset="none",
                group_id=None,
                **client_options(self._security),
            )
            self._consumers[isolation] = consumer  # before the start: a failed one is closed too
            await consumer.start()
        return self._consumers[isolation]

    async def read(
        self, topic: str, partition: int, first: int | None, what: str = "records"
    ) -> tuple[list[Found], int]:
        """Committed records of a partition from `first` to its high watermark.

        Parameters
        ----------
        first : int or None
            Offset to begin at, None for the beginning of the log.
        what : str
            What lies there, in the plural.

        Returns
        -------
        (list of records, int)
            Records, and the high watermark: the offset that the next record will have.

        Raises
        ------
        DataLoss
            When the log begins behind `first`, or ends before it.
        FatalError
            When the end is not reached in time.
        """
        where = TopicPartition(topic, partition)
        name = f"{topic}[{partition}]"
        async with self._busy:
            try:
                async with asyncio.timeout(self._deadline_s):
                    return await self._read(where, name, first, what)
            except (TimeoutError, KafkaError) as error:
                await self._forget()
                if (refused := forbidden(name, "read", error)) is not None:
                    raise refused from error
                msg = f"{name}: expected to read to its end, got {error!r}"
                raise FatalError(msg) from error
            except DataLoss:
                raise
            except BaseException:
                await self._forget()
                raise

    async def _edges(self, where: TopicPartition, first: int) -> tuple[int, int]:
        """Begin and high watermark; one that lies before `first` is looked at for a while."""
        marks = await self._consumer("read_uncommitted")
        begin = int((await marks.beginning_offsets([where]))[where])
        until = time.monotonic() + SETTLE_S
        while (high := int((await marks.end_offsets([where]))[where])) < first:
            if time.monotonic() > until:
                break
            await asyncio.sleep(LOOK_S)
        return begin, high

    async def _read(
        self, where: TopicPartition, name: str, first: int | None, what: str
    ) -> tuple[list[Found], int]:
        begin, high = await self._edges(where, first or 0)
        first = begin if first is None else first
        if first > high:
            raise LogCut(name, high, first, what)
        # The end of an emptied partition is the marker of its last transaction: no record is lost.
        only_marker_gone = begin == high == first + 1
        if first < begin and not only_marker_gone:
            raise DataLoss(name, first, begin - 1, what)
        reader = await self._consumer("read_committed")
        reader.assign([where])
        reader.seek(where, max(first, begin))
        found: list[Found] = []
        try:
            while await reader.position(where) < high:
                batch = await reader.getmany(where, timeout_ms=200)
                found += batch.get(where, [])
        except OffsetOutOfRangeError as error:
            raise DataLoss(name, first, begin, what) from error
        return [record for record in found if record.offset < high], high

    async def _forget(self) -> None:
        consumers, self._consumers = self._consumers, {}
        for consumer in consumers.values():
            await close_client(consumer)

    async def close(self) -> None:
        """Let go of sockets; bounded in time, raises only a real cancel."""
        await self._forget()
