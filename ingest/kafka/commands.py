"""Operators' commands from Kafka, looked at several times a second at the cost of a dictionary."""

import asyncio
import logging
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError
from msgspec import Meta, Struct

from broker.access import client_options
from broker.closing import close_client
from broker.errors import meaning
from contracts.errors import FatalError
from contracts.journal import COMMAND_BYTES
from contracts.kafka import NO_SECURITY, Security
from contracts.ports.source import LogView
from contracts.ports.status import QueueStatus
from ingest.kafka.raw_fetch import Answer, reader, view_of

log = logging.getLogger("tocsin.commands")

COMMANDS_PER_FETCH: Final = 100
WAITING_MAX: Final = 2 * COMMANDS_PER_FETCH - 1  # of a lane: one less than it takes, and a fetch
# Most that the commands of one batch may become; a batch is read where the client works.
INFLATED_BYTES: Final = 4 << 20

Positive = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0)]


class ReaderSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings of a consumer without a group: a journal says what was taken, no committed offset.

    Parameters
    ----------
    bootstrap : str
        Addresses of brokers, with commas between.
    request_timeout_ms, retry_backoff_ms, metadata_max_age_ms : int
        Of single requests.
    fetch_max_wait_ms, max_partition_fetch_bytes : int
        Longest wait of one answer in the background, and most bytes of one partition in it.
    security : Security
        How to connect and log in; secrets are read when a client is made.
    check_crcs : bool
        Off only for the embedded broker of the demo, whose markers carry a wrong one.
    call_deadline_s, start_deadline_s, close_deadline_s : float
        Bounds of every call, of connecting, and of letting go.
    """

    bootstrap: str
    request_timeout_ms: Positive = 10_000
    retry_backoff_ms: Positive = 100
    metadata_max_age_ms: Positive = 60_000
    fetch_max_wait_ms: Positive = 500
    max_partition_fetch_bytes: Positive = 256 << 10
    security: Security = NO_SECURITY
    check_crcs: bool = True
    call_deadline_s: Seconds = 15.0
    start_deadline_s: Seconds = 60.0
    close_deadline_s: Seconds = 5.0

    def options_of(self, client: str) -> dict[str, Any]:
        """Arguments of `AIOKafkaConsumer` under a client's name."""
        same = (
            "request_timeout_ms",
            "retry_backoff_ms",
            "metadata_max_age_ms",
            "fetch_max_wait_ms",
            "max_partition_fetch_bytes",
            "check_crcs",
        )
        return {name: getattr(self, name) for name in same} | {
            "bootstrap_servers": self.bootstrap,
            "client_id": client,
            "group_id": None,
            "enable_auto_commit": False,
            "auto_offset_reset": "none",
            **client_options(self.security),
            "isolation_level": "read_committed",
        }


class CommandSettings(ReaderSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings of one lifeline's command consumer.

    Parameters
    ----------
    topic, lifeline : str
        Command topic, and the lifeline that lanes are named after (`water-3`).
    """

    topic: str
    lifeline: str

    def client_options(self) -> dict[str, Any]:
        """Arguments of `AIOKafkaConsumer`."""
        return self.options_of(f"tocsin-{self.lifeline}-commands")


@dataclass(slots=True)
class _Desk:
    """What has come for one lane: every command from `asked` to `position` is in `waiting`."""

    asked: int
    position: int
    waiting: list[tuple[int, bytes]] = field(default_factory=list)
    answer: Answer | None = None  # what came behind those, not read yet

    def holds(self, offset: int) -> bool:
        """Whether the lane goes on from somewhere that is here, and not from elsewhere."""
        return self.asked <= offset <= self.position

    def drop_before(self, offset: int) -> None:
        """Forget what the lane has taken."""
        self.asked = offset
        if self.waiting and self.waiting[0][0] <= offset:
            self.waiting = [command for command in self.waiting if command[0] > offset]


class KafkaCommands:
    """`Commands` over aiokafka: one read-committed consumer for all lanes of a lifeline.

    The consumer fetches in the background; `fetch` takes what has arrived and never waits for a
    broker. A lane that asks again from where it asked before gets the same commands again.

    Parameters
    ----------
    settings : CommandSettings

    Attributes
    ----------
    lost : int
        Commands that the log had dropped before a lane took them (offsets, markers included).
    """

    def __init__(self, settings: CommandSettings) -> None:
        self._settings = settings
        self._reader = reader(INFLATED_BYTES)
        self._consumer: AIOKafkaConsumer | None = None
        self._desks: dict[int, _Desk] = {}
        # Log start by lane up to which lost commands have been counted and said.
        self._said: dict[int, int] = {}
        self.lost = 0

    async def start(self) -> None:
        """Connect; `RetryableError` when the broker is away."""
        consumer = AIOKafkaConsumer(**self._settings.client_options(), **self._reader.options())
        self._consumer = consumer
        try:
            async with self._bounded(
                self._settings.topic, "start", self._settings.start_deadline_s
            ):
                await consumer.start()
                # Stopped in the loop step of its start, a client raises CancelledError.
                await asyncio.sleep(0)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Let go of sockets; bounded in time, raises only a real cancel."""
        consumer, self._consumer = self._consumer, None
        self._desks.clear()
        if consumer is None:
            return
        await close_client(consumer, self._settings.close_deadline_s)

    def queue(self) -> QueueStatus:
        """Commands that have come and that no lane has taken; nobody waits for room."""
        desks = self._desks.values()
        depth = sum(len(desk.waiting) for desk in desks)
        return QueueStatus("commands", depth, len(desks) * WAITING_MAX, 0)

    def view(self, lane: int) -> LogView:
        """What the newest answer said of a lane's commands; asks nobody."""
        if self._consumer is None or lane not in self._desks:
            return LogView()
        return view_of(self._consumer, self._partition(lane))

    def keep(self, lanes: Collection[int]) -> None:
        """Stop fetching for lanes that are not the worker's any more."""
        if gone := self._desks.keys() - set(lanes):
            for lane in gone:
                del self._desks[lane]
            self._assign()

    async def fetch(self, lane: int, offset: int) -> list[tuple[int, bytes]]:
        """Commands at or behind `offset` that have arrived, at most 100; see `Commands.fetch`.

        A null payload comes as an empty command, so that it is refused aloud; so does a batch that
        cannot be read. Of a command that is too long comes as much as shows it.

        Raises
        ------
        RetryableError
            When the broker is away.
        FatalError
            When the log ends before `offset`, or cannot be read.
        """
        desk = self._desks.get(lane)
        if desk is None or not desk.holds(offset):
            desk = self._go(lane, offset)
        desk.drop_before(offset)
        if len(desk.waiting) < COMMANDS_PER_FETCH:
            await self._drain(lane, desk)
        return desk.waiting[:COMMANDS_PER_FETCH]

    def _go(self, lane: int, offset: int) -> _Desk:
        """Read a lane's commands from an offset on."""
        consumer, new = self._running(), lane not in self._desks
        desk = self._desks[lane] = _Desk(offset, offset)
        if new:
            self._assign()
        else:
            consumer.seek(self._partition(lane), offset)
        return desk

    def _assign(self) -> None:
        """Read exactly the lanes that have a desk; an assignment forgets all positions."""
        consumer = self._running()
        consumer.assign([self._partition(lane) for lane in self._desks])
        for lane, desk in self._desks.items():
            consumer.seek(self._partition(lane), desk.position)

    async def _drain(self, lane: int, desk: _Desk) -> None:
        """Put what has arrived on a lane's desk; after any trouble the client is put back."""
        try:
            async with asyncio.timeout(self._settings.call_deadline_s):
                commands, position = await self._next(lane, desk)
        except (OffsetOutOfRangeError, NoOffsetForPartitionError):
            await self._go_to_start(lane, desk)
            return
        except (KafkaError, TimeoutError) as error:
            self._put_back(lane, desk)
            raise meaning(self._name(lane), "commands", error) from error
        except BaseException:
            self._put_back(lane, desk)
            raise
        desk.waiting += commands
        desk.position = position

    async def _next(self, lane: int, desk: _Desk) -> tuple[list[tuple[int, bytes]], int]:
        """Commands of what is left of an answer or of the next one, and the offset behind them."""
        consumer, partition = self._running(), self._partition(lane)
        if desk.answer is None:
            if await consumer.position(partition) != desk.position:
                consumer.seek(partition, desk.position)
            asked = self._reader.ask(COMMANDS_PER_FETCH)
            found = (await consumer.getmany(partition, max_records=asked)).get(partition, [])
            position = await consumer.position(partition)
            if not found:
                return [], position
            desk.answer = self._reader.opened(found, desk.position, position)
        records = desk.answer.take(COMMANDS_PER_FETCH)
        if not len(records):
            desk.answer = None
        payloads = [(records.payload(i) or b"")[: COMMAND_BYTES + 1] for i in range(len(records))]
        behind = (records.offset + 1).tolist()
        return list(zip(behind, map(bytes, payloads), strict=True)), records.next_offset

    def _put_back(self, lane: int, desk: _Desk) -> None:
        desk.answer = None
        self._running().seek(self._partition(lane), desk.position)

    async def _go_to_start(self, lane: int, desk: _Desk) -> None:
        """Go on from the start of a log that no longer holds what the lane asks for.

        Commands that were journalled name their offsets, so only the others are gone.
        """
        consumer, partition = self._running(), self._partition(lane)
        async with self._bounded(self._name(lane), "commands"):
            start = (await consumer.beginning_offsets([partition]))[partition]
            end = (await consumer.end_offsets([partition]))[partition]
        if desk.position > end:
            msg = (
                f"{self._name(lane)}: expected offset {desk.position} in {self._settings.topic}, "
                f"its end is {end}; was the topic created anew? Restore the lane from nothing"
            )
            raise FatalError(msg)
        self._say_lost(lane, desk.position, start)
        desk.position = max(start, desk.position)
        consumer.seek(partition, desk.position)

    def _say_lost(self, lane: int, expected: int, start: int) -> None:
        first = max(expected, self._said.get(lane, 0))
        if first >= start:
            return
        self._said[lane] = start
        self.lost += start - first
        log.warning(
            "%s: expected commands from offset %d, the log starts at %d; commands %d..%d were "
            "never carried out, widen the retention of %s and repeat them",
            self._name(lane),
            expected,
            start,
            first,
            start - 1,
            self._settings.topic,
        )

    @asynccontextmanager
    async def _bounded(
        self, where: str, doing: str, deadline_s: float | None = None
    ) -> AsyncIterator[None]:
        """Give calls a deadline and their errors our meaning."""
        try:
            async with asyncio.timeout(deadline_s or self._settings.call_deadline_s):
                yield
        except (KafkaError, TimeoutError) as error:
            raise meaning(where, doing, error) from error

    def _running(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            msg = f"{self._settings.topic}: expected started commands; call `start` first"
            raise FatalError(msg)
        return self._consumer

    def _name(self, lane: int) -> str:
        return f"{self._settings.lifeline}-{lane}"

    def _partition(self, lane: int) -> TopicPartition:
        return TopicPartition(self._settings.topic, lane)
