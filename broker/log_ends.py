"""Where logs end, asked by a client that shares nothing with the one that reads them."""

import asyncio
from collections.abc import Sequence
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from broker.access import client_options
from broker.closing import close_client
from contracts.errors import AccessDenied
from contracts.kafka import NO_SECURITY, Security

CALL_S: Final = 5.0
CLOSE_S: Final = 2.0


class LogEnds:
    """A consumer without a group that only asks for offsets.

    Parameters
    ----------
    bootstrap : str
        Addresses of brokers.
    topic : str
    security : Security, optional
    call_s : float
        Deadline of one question.
    """

    def __init__(
        self,
        bootstrap: str,
        topic: str,
        security: Security = NO_SECURITY,
        *,
        call_s: float = CALL_S,
    ) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._security = security
        self._call_s = call_s
        self._consumer: AIOKafkaConsumer | None = None

    async def ends(self, partitions: Sequence[int]) -> dict[int, int] | None:
        """Offset behind the last record that a reader may see, None when nobody says."""
        return await self._ask("end_offsets", partitions)

    async def begins(self, partitions: Sequence[int]) -> dict[int, int] | None:
        """Smallest offset that is still held, None when nobody says."""
        return await self._ask("beginning_offsets", partitions)

    async def _ask(self, what: str, partitions: Sequence[int]) -> dict[int, int] | None:
        where = [TopicPartition(self._topic, number) for number in partitions]
        try:
            async with asyncio.timeout(self._call_s):
                found = await getattr(await self._started(), what)(where)
        except (AccessDenied, KafkaError, TimeoutError, OSError):
            await self.close()
            return None
        return {place.partition: int(offset) for place, offset in found.items()}

    async def _started(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            self._consumer = AIOKafkaConsumer(
                bootstrap_servers=self._bootstrap,
                isolation_level="read_committed",
                enable_auto_commit=False,
                auto_offset_reset="none",
                group_id=None,
                **client_options(self._security),
            )
            await self._consumer.start()
        return self._consumer

    async def close(self) -> None:
        """Let go of sockets; bounded in time, raises only a real cancel."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await close_client(consumer, CLOSE_S)
