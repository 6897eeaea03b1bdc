"""A lane's own partitions on Kafka: written through one transactional producer, read back."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Final, Generic, TypeVar

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    IllegalOperation,
    InvalidProducerEpoch,
    MessageSizeTooLargeError,
    ProducerFenced,
)
from aiokafka.producer.message_accumulator import BatchBuilder
from msgspec import Meta, Struct

from broker.access import client_options
from broker.closing import close_client
from broker.errors import forbidden
from broker.partition_reader import Found, LaneReader
from contracts.dead_letter import letter_headers
from contracts.errors import Diverged, FatalError, Fenced
from contracts.journal import Entry
from contracts.kafka import NO_SECURITY, Security
from contracts.lane import LaneName
from contracts.ports.clock import Clock
from contracts.ports.lane_log import JournalPast, Manifest, Message, OutputMark
from contracts.topics import TopicNames
from runtime.failpoints import Point, passing
from sinks.kafka.log_layout import LogLayout, Place, lane_layout

E = TypeVar("E")

# The client has one batch of a partition on its way at a time, so each costs a round trip: its own
# 16 KiB hold a dozen alarms. Far below the 1 MiB that brokers take unless told otherwise.
BATCH_BYTES: Final = 128 << 10
KIND: Final = "tocsin"  # header that says what a record is
HEADER: Final = {
    "alarm": b"revision",
    "shelving": b"shelving",
    "shadow": b"shadow",
    "canary": b"canary",
    "dead_letter": b"dead_letter",
    "incident": b"incident",
    "current": b"current",
    "notice": b"notice",
}
MARK: Final = b"mark"
# Version of all bodies; in a header, since a replay compares bodies with those of before.
# Fields are added within it; whatever an old consumer could not read raises it.
SCHEMA: Final = b"1"
_FENCED: Final = (ProducerFenced, InvalidProducerEpoch, IllegalOperation, AssertionError)


class LogSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a lane's producer is set.

    Parameters
    ----------
    bootstrap : str
        Addresses of brokers.
    security : Security
    app : str
        First part of the transactional id `<app>-<lifeline>-<lane>`.
    topics : TopicNames
    dead_letter_partitions : int
        Partitions of the shared topics of dead letters and of shadows.
    transaction_timeout_ms : int
        How long a dead worker's open transaction may hide its lane.
    deadline_s : float
        Longest time for one transaction, or for starting the producer.
    """

    bootstrap: str
    security: Security = NO_SECURITY
    app: str = "tocsin"
    topics: TopicNames = TopicNames()
    dead_letter_partitions: Annotated[int, Meta(ge=1)] = 4
    transaction_timeout_ms: Annotated[int, Meta(ge=1_000)] = 10_000
    deadline_s: Annotated[float, Meta(gt=0)] = 20.0


class KafkaJournalLog(Generic[E]):
    """`JournalLog` on Kafka for one lane.

    Parameters
    ----------
    lane : LaneName
    layout : LogLayout
        Where it keeps what.
    settings : LogSettings
    reader : LaneReader
        Shared by the worker's lanes.
    clock : Clock
        For the `published` header, which no body depends on.
    """

    def __init__(
        self,
        lane: LaneName,
        layout: LogLayout[E],
        settings: LogSettings,
        reader: LaneReader,
        clock: Clock,
    ) -> None:
        self._lane = lane
        self._layout = layout
        self._settings = settings
        self._reader = reader
        self._clock = clock
        self._producer: AIOKafkaProducer | None = None
        self._journal_end = 0

    async def fence(self) -> None:
        """Start the transactional producer: earlier owners can no longer commit."""
        settings = self._settings
        self._producer = AIOKafkaProducer(
            bootstrap_servers=settings.bootstrap,
            transactional_id=f"{settings.app}-{self._lane}",
            transaction_timeout_ms=settings.transaction_timeout_ms,
            acks="all",
            linger_ms=0,
            max_batch_size=BATCH_BYTES,
            **client_options(settings.security),
        )
        async with self._bounded("fence"):
            await self._producer.start()

    async def past(self, back: int = 0) -> JournalPast[E]:
        """Read the lane's own partitions read-committed up to their high watermarks."""
        layout = self._layout
        found, _ = await self._read(layout.manifests, None)
        kept = found[: max(len(found) - back, 0)][-2:]
        manifests = [self._own(record, Manifest) for record in kept]
        manifest = manifests[-1] if manifests else None
        previous = manifests[0] if len(manifests) > 1 else None
        entries, self._journal_end = await self._read(
            layout.journal, manifest.journal if manifest else None, "journal entries"
        )
        told, alarms_end = await self._read(
            layout.marks, manifest.alarms if manifest else None, "alarms"
        )
        marks = [record for record in told if _kind(record) == MARK]
        return JournalPast(
            manifest,
            previous,
            [(record.offset, self._entry(record)) for record in entries],
            self._own(marks[-1], OutputMark) if marks else None,
            self._journal_end,
            alarms_end,
        )

    async def _read(
        self, place: Place, first: int | None, what: str = "records"
    ) -> tuple[list[Found], int]:
        return await self._reader.read(place.topic, place.partition, first, what)

    def _own(self, record: Found, kind: type[Any]) -> Any:
        try:
            return msgspec.json.decode(record.value or b"", type=kind)
        except (ValueError, RecursionError) as error:
            raise Diverged(_malformed(record, kind.__name__, error)) from error

    def _entry(self, record: Found) -> E:
        try:
            return self._layout.decode(record.value or b"")
        except (ValueError, RecursionError) as error:
            raise Diverged(_malformed(record, "Entry", error)) from error

    async def flush(
        self, entries: list[E], messages: list[Message], mark: OutputMark
    ) -> tuple[int, int]:
        """Write entries, messages and mark in one transaction and wait for its commit."""
        async with self._bounded("flush"):
            producer = self._started()
            await producer.begin_transaction()
            journal_end = await self._write_journal(entries)
            passing(Point.JOURNAL)
            await self._write_messages(messages)
            body = msgspec.json.encode(msgspec.structs.replace(mark, journal=journal_end))
            place = await (await self._send_own(self._layout.marks, b"mark", body, MARK))
            passing(Point.PRODUCE)
            await producer.commit_transaction()
            passing(Point.ACK)
        self._journal_end = journal_end
        return journal_end, int(place.offset) + 1

    async def _write_journal(self, entries: list[E]) -> int:
        """Write journal entries in order; the offset behind the last one."""
        key, layout = str(self._lane).encode(), self._layout
        sent = [
            await self._send_own(layout.journal, key, layout.encode(entry), b"entry")
            for entry in entries
        ]
        places = await asyncio.gather(*sent)
        return max([self._journal_end, *(int(place.offset) + 1 for place in places)])

    async def _write_messages(self, messages: list[Message]) -> None:
        """Write outputs in order, in batches that are filled here.

        A broker takes or refuses a batch as a whole, so one delivery says it of all its records; a
        future for each cost more than to make most alarms. Every delivery is awaited: the client
        commits a transaction although a batch of it was refused.
        """
        producer, sent = self._started(), list[asyncio.Future[Any]]()
        try:
            for place, batch in self._batches(producer, messages):
                where = {"topic": place.topic, "partition": place.partition}
                sent.append(await producer.send_batch(batch, **where))
            await asyncio.gather(*sent)
        finally:
            for delivery in sent:
                delivery.cancel()  # nobody asks any more for what others failed with

    def _batches(
        self, producer: AIOKafkaProducer, messages: list[Message]
    ) -> Iterator[tuple[Place, BatchBuilder]]:
        """Outputs by partition, each as much as one batch holds."""
        filling: dict[Place, BatchBuilder] = {}
        headers = {kind: self._headers(HEADER[kind]) for kind in {m.kind for m in messages}}
        for message in messages:
            place, more = self._layout.place(message), headers[message.kind] + _more(message)
            batch = filling.get(place)
            if batch is None or not _put(batch, message, more):
                if batch is not None:
                    yield place, batch
                filling[place] = producer.create_batch()
                _put(filling[place], message, more)  # the first of a batch may be of any size
        yield from filling.items()

    async def _send(self, message: Message) -> Awaitable[Any]:
        """Send one output by itself."""
        place = self._layout.place(message)
        sent: Awaitable[Any] = await self._started().send(
            place.topic,
            message.body or None,  # a compacted topic forgets the key
            key=message.key,
            partition=place.partition,
            headers=self._headers(HEADER[message.kind]) + _more(message),
        )
        return sent

    async def _send_own(self, place: Place, key: bytes, body: bytes, kind: bytes) -> Awaitable[Any]:
        """Send to one of the lane's own partitions."""
        sent: Awaitable[Any] = await self._started().send(
            place.topic, body, key=key, partition=place.partition, headers=self._headers(kind)
        )
        return sent

    def _headers(self, kind: bytes) -> list[tuple[str, bytes]]:
        published = str(self._clock.now_ms()).encode()
        return [(KIND, kind), ("schema", SCHEMA), ("published", published)]

    async def emit(self, message: Message, since: int | None) -> bool:
        """Tell the world of trouble outside the lane's own count, once for each key."""
        told, _ = await self._read(self._layout.place(message), since)
        if any(record.key == message.key for record in told):
            return False
        async with self._bounded("tell"):
            producer = self._started()
            await producer.begin_transaction()
            await (await self._send(message))
            await producer.commit_transaction()
        return True

    async def publish(self, manifest: Manifest) -> None:
        """Commit a manifest in a transaction of its own."""
        async with self._bounded("publish"):
            producer = self._started()
            await producer.begin_transaction()
            body = msgspec.json.encode(manifest)
            key = str(self._lane).encode()
            await (await self._send_own(self._layout.manifests, key, body, b"manifest"))
            passing(Point.MANIFEST)
            await producer.commit_transaction()

    def _started(self) -> AIOKafkaProducer:
        assert self._producer is not None, "call `fence` first"
        return self._producer

    @asynccontextmanager
    async def _bounded(self, doing: str) -> AsyncIterator[None]:
        """A deadline around producer calls, and the meaning of what they raise."""
        try:
            async with asyncio.timeout(self._settings.deadline_s):
                yield
        except Exception as error:
            raise self._meaning(doing, error) from error

    def _meaning(self, doing: str, error: Exception) -> FatalError:
        """A fenced producer shows as several errors. None of them may be retried with it."""
        refused = forbidden(str(self._lane), doing, _cause(self._producer, error))
        if refused is not None:
            return refused
        if isinstance(error, _FENCED):
            return Fenced(f"{self._lane}: expected to own the lane in `{doing}`, got {error!r}")
        if isinstance(error, MessageSizeTooLargeError):
            return FatalError(
                f"{self._lane}: expected topics that take {BATCH_BYTES} bytes at once, `{doing}` "
                "was refused as too large; raise their `max.message.bytes`"
            )
        return FatalError(f"{self._lane}: `{doing}` failed: {error!r}")

    async def close(self) -> None:
        """Let go of sockets; bounded in time, raises only a real cancel."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await close_client(producer)


class KafkaLaneLog(KafkaJournalLog[Entry]):
    """`LaneLog` on Kafka for one lane of a lifeline.

    Parameters
    ----------
    lane : LaneName
    settings : LogSettings
    reader : LaneReader
    clock : Clock
    """

    def __init__(
        self, lane: LaneName, settings: LogSettings, reader: LaneReader, clock: Clock
    ) -> None:
        layout = lane_layout(lane, settings.topics, settings.dead_letter_partitions)
        super().__init__(lane, layout, settings, reader, clock)


def _cause(producer: AIOKafkaProducer | None, error: Exception) -> Exception:
    """Why a transaction failed: the call behind the refused one only says that there is none."""
    waiter = getattr(getattr(producer, "_txn_manager", None), "_transaction_waiter", None)
    if waiter is None or not waiter.done() or waiter.cancelled():
        return error
    return waiter.exception() or error


def _more(message: Message) -> list[tuple[str, bytes]]:
    """Headers that one output has beside those of its kind."""
    more = letter_headers(message.body) if message.kind == "dead_letter" else []
    return [*more, ("traceparent", message.traceparent)] if message.traceparent else more


def _put(batch: BatchBuilder, message: Message, headers: list[tuple[str, bytes]]) -> bool:
    """Append an output to a batch; False when the batch is full."""
    body = message.body or None  # a compacted topic forgets the key
    put = batch.append(timestamp=None, key=message.key, value=body, headers=headers)
    return put is not None


def _kind(record: Found) -> bytes | None:
    return dict(record.headers).get(KIND)


def _malformed(record: Found, expected: str, error: Exception) -> str:
    where = f"{record.topic}[{record.partition}]@{record.offset}"
    return f"{where}: expected the lane's own {expected}, got {error}; who else writes there?"
