"""Receipts on Kafka: read back behind a restart, written by one process at a time."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import IllegalOperation, InvalidProducerEpoch, KafkaError, ProducerFenced

from broker.access import client_options
from broker.closing import close_client
from broker.errors import meaning
from broker.log_ends import LogEnds
from broker.partition_reader import LaneReader
from contracts.desk.receipt import INCIDENTS, NOTICES, Receipt
from contracts.errors import DataLoss, FatalError, Fenced, RetryableError
from contracts.kafka import Kafka
from contracts.topics import TopicNames
from sinks.notices.delivery import Standing

log = logging.getLogger("tocsin.notices")

DEADLINE_S: Final = 20.0
TRANSACTION_MS: Final = 10_000
_FENCED: Final = (ProducerFenced, InvalidProducerEpoch, IllegalOperation)
_HEADERS: Final = [("tocsin", b"receipt")]


class KafkaReceipts:
    """The topic of receipts, through a transactional producer that shuts out a former process.

    Parameters
    ----------
    kafka : Kafka
    topics : TopicNames
    """

    def __init__(self, kafka: Kafka, topics: TopicNames) -> None:
        self._kafka = kafka
        self._topics = topics
        self._reader = LaneReader(kafka.bootstrap, security=kafka)
        self._producer: AIOKafkaProducer | None = None
        self._turns = asyncio.Lock()  # receivers share the producer

    async def start(self) -> None:
        """Shut out who wrote before: what that left open is aborted."""
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._kafka.bootstrap,
            transactional_id=f"{self._topics.prefix}-notify-0",
            transaction_timeout_ms=TRANSACTION_MS,
            acks="all",
            linger_ms=0,
            **client_options(self._kafka),
        )
        async with self._bounded("start"):
            await self._producer.start()

    async def standings(self, receivers: Iterable[str]) -> dict[str, Standing]:
        """Where each receiver goes on; a new one at the ends of the topics, with a receipt."""
        found: dict[str, Standing] = {name: Standing(-1, {}) for name in receivers}
        try:
            records, _ = await self._reader.read(self._topics.receipts, 0, None, "receipts")
        except DataLoss:
            raise
        except FatalError as error:  # brokers that are away are waited for
            raise RetryableError(str(error), 1.0) from error
        for record in records:
            receipt = msgspec.json.decode(record.value, type=Receipt)
            if receipt.receiver in found:
                found[receipt.receiver].after(receipt)
        if new := [name for name, standing in found.items() if standing.position < 0]:
            ends = {
                NOTICES: await self._end(self._topics.notices),
                INCIDENTS: await self._end(self._topics.incidents),
            }
            for name in new:
                receipt = _began(name, ends)
                await self.append(receipt)
                found[name].after(receipt)
                log.info("%s: new, hears of notices from offset %d on", name, ends[NOTICES])
        return found

    async def _end(self, topic: str) -> int:
        asking = LogEnds(self._kafka.bootstrap, topic, self._kafka)
        try:
            ends = await asking.ends([0])
        finally:
            await asking.close()
        if ends is None:
            msg = f"{topic}: expected brokers to say where it ends, got no answer; retrying"
            raise RetryableError(msg, 1.0)
        return ends[0]

    async def append(self, receipt: Receipt) -> None:
        """Keep one for good."""
        key = f"{receipt.receiver}/{receipt.notice}".encode()
        body = msgspec.json.encode(receipt)
        async with self._turns, self._bounded("receipt"):
            producer = self._producer
            assert producer is not None, "call `start` first"
            await producer.begin_transaction()
            sent = await producer.send(
                self._topics.receipts, body, key=key, partition=0, headers=_HEADERS
            )
            await sent
            await producer.commit_transaction()

    async def close(self) -> None:
        """Let go of sockets; bounded in time."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await close_client(producer)
        await self._reader.close()

    @asynccontextmanager
    async def _bounded(self, doing: str) -> AsyncIterator[None]:
        """A deadline, and errors with our meaning."""
        where = self._topics.receipts
        try:
            async with asyncio.timeout(DEADLINE_S):
                yield
        except _FENCED as error:
            text = f"{where}: expected to be the one that tells notices, got {type(error).__name__}"
            msg = f"{text}: another process has begun to; run one"
            raise Fenced(msg) from error
        except (KafkaError, TimeoutError) as error:
            raise meaning(where, doing, error) from error


def _began(receiver: str, ends: dict[str, int]) -> Receipt:
    return Receipt(
        receiver=receiver,
        notice="",
        outcome="began",
        at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        tries=0,
        late_s=0,
        detail="",
        position=ends[NOTICES],
        open=False,
        since=dict(ends),
    )
