"""Alarm revisions and shelvings of all lanes from Kafka, for the desk stage."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, get_args

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError

from broker.closing import close_client
from broker.errors import RETRY_AFTER_S, meaning
from contracts.errors import DataLoss, FatalError, LogCut, RetryableError, TocsinError
from contracts.ports.alarm_source import AlarmPoll, AlarmRecord, RecordKind, Slices
from contracts.topics import TopicNames
from ingest.kafka.commands import Positive, ReaderSettings

KIND: Final = "tocsin"  # header that says what a record is
KINDS: Final[dict[bytes | None, RecordKind]] = {k.encode(): k for k in get_args(RecordKind)}
SETTLE_S: Final = 5.0  # a new leader may for a moment not know how far its log is acknowledged
LOOK_S: Final = 0.5
# A slice that begins so far ahead is sought: to read up to it would take longer.
AHEAD_MAX: Final = 10_000
WHAT: Final = "alarms"


class AlarmSettings(ReaderSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings of the consumer of alarms.

    Parameters
    ----------
    topics : TopicNames
    partitions : dict of str to int
        Lanes of each lifeline.
    records_per_poll : int
        Most records of one poll: a command waits for the poll that is being taken.
    """

    topics: TopicNames
    partitions: dict[str, int]
    records_per_poll: Positive = 200


class KafkaAlarms:
    """`AlarmSource` over aiokafka: one read-committed consumer of all alarm partitions.

    It believes no position that the client keeps across an exception: after any, the stage
    recovers, and its next life seeks. Marks are passed over by their header.

    Parameters
    ----------
    settings : AlarmSettings
    """

    def __init__(self, settings: AlarmSettings) -> None:
        self._settings = settings
        self._consumer: AIOKafkaConsumer | None = None
        self._lanes = sorted(
            f"{lifeline}-{number}"
            for lifeline, count in settings.partitions.items()
            for number in range(count)
        )
        self._positions: dict[str, int] = {}
        self._ends: dict[str, int] = {}  # when this life began
        # By lane that the client has a position of: from where on, and what it gave from there.
        self._ahead: dict[str, tuple[int, list[AlarmRecord]]] = {}

    async def start(self) -> None:
        """Connect; `RetryableError` when the broker is away."""
        consumer = AIOKafkaConsumer(**self._settings.options_of("tocsin-desk-alarms"))
        self._consumer = consumer
        try:
            async with self._bounded("start", self._settings.start_deadline_s):
                await consumer.start()
                # Stopped in the loop step of its start, a client raises CancelledError.
                await asyncio.sleep(0)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Let go of sockets; bounded in time, raises only a real cancel."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await close_client(consumer, self._settings.close_deadline_s)

    def place(self, lane: str) -> TopicPartition:
        """Partition of a lane's alarms.

        >>> settings = AlarmSettings(bootstrap="", topics=TopicNames(), partitions={"water": 4})
        >>> KafkaAlarms(settings).place("water-3")
        TopicPartition(topic='tocsin.alarms.water', partition=3)
        """
        lifeline, _, number = lane.rpartition("-")
        return TopicPartition(self._settings.topics.alarms(lifeline), int(number))

    async def seek(self, positions: Mapping[str, int]) -> None:
        """Go on from these offsets, in lanes that are not named from the beginning of their log."""
        self._assign(self._lanes)
        begins = await self._edges("beginning_offsets", self._lanes)
        self._ends = await self._settled({n: o for n, o in positions.items() if n in begins})
        self._positions = {lane: positions.get(lane, begins[lane]) for lane in self._lanes}
        for lane, first in self._positions.items():
            begin, end = begins[lane], self._ends[lane]
            # The end of an emptied partition is the marker of its last transaction.
            if first < begin and not begin == end == first + 1:
                raise DataLoss(_name(self.place(lane)), first, begin - 1, WHAT)
            self._positions[lane] = max(first, begin)
            self._running().seek(self.place(lane), self._positions[lane])
            self._ahead[lane] = self._positions[lane], []

    def _assign(self, lanes: Iterable[str]) -> None:
        """Read exactly these lanes; nothing is done where that is so, as it would drop answers."""
        wanted = {self.place(lane) for lane in lanes}
        if wanted != self._running().assignment():
            self._running().assign(sorted(wanted))
            self._ahead.clear()

    async def _edges(self, which: str, lanes: Iterable[str]) -> dict[str, int]:
        places = {lane: self.place(lane) for lane in lanes}
        async with self._bounded(which):
            found = await getattr(self._running(), which)(list(places.values()))
        return {lane: int(found[place]) for lane, place in places.items()}

    async def _settled(self, positions: Mapping[str, int]) -> dict[str, int]:
        """Ends of all logs; those that lie before a position are looked at for a while."""
        until = time.monotonic() + SETTLE_S
        while True:
            ends = await self._edges("end_offsets", self._lanes)
            cut = sorted(lane for lane, first in positions.items() if ends[lane] < first)
            if not cut:
                return ends
            if time.monotonic() > until:
                lane = cut[0]
                raise LogCut(_name(self.place(lane)), ends[lane], positions[lane], WHAT)
            await asyncio.sleep(LOOK_S)

    async def fetch(self, timeout_s: float) -> AlarmPoll | None:
        """The next records, at most `records_per_poll`; None when nothing came in time."""
        consumer, most = self._running(), self._settings.records_per_poll
        deadline_s = timeout_s + self._settings.call_deadline_s
        async with self._bounded("fetch", deadline_s):
            found = await consumer.getmany(timeout_ms=int(timeout_s * 1000), max_records=most)
            moved = {
                lane: position
                for lane in self._lanes
                if (position := await consumer.position(self.place(lane))) != self._positions[lane]
            }
        if not moved:
            return None
        self._positions |= moved
        records = [
            record for lane in sorted(moved) for record in _records(lane, found, self.place(lane))
        ]
        return AlarmPoll(records, moved)

    async def read(self, slices: Slices) -> list[AlarmRecord]:
        """The records of some slices once more; a `seek` must follow."""
        if set(slices) - set(self._lanes):  # of a lifeline that is gone
            self._assign({*self._lanes, *slices})
        found: list[AlarmRecord] = []
        for lane in sorted(slices):
            found += await self._slice(lane, *slices[lane])
        return found

    async def _slice(self, lane: str, first: int, behind: int) -> list[AlarmRecord]:
        """Records of one lane; slices of a journal follow each other, so few of them are sought."""
        consumer, place = self._running(), self.place(lane)
        if behind > self._ends.get(lane, behind):
            raise LogCut(_name(place), self._ends[lane], behind, WHAT)
        async with self._bounded("read"):
            begin, ahead = self._ahead.get(lane, (None, []))
            if begin is None or not begin <= first <= begin + AHEAD_MAX:
                consumer.seek(place, first)
                ahead = []
            while (position := await consumer.position(place)) < behind:
                got = await consumer.getmany(
                    place, timeout_ms=int(LOOK_S * 1000), max_records=behind - position
                )
                ahead = [*ahead, *_records(lane, got, place)]
        self._ahead[lane] = behind, [record for record in ahead if record.offset >= behind]
        return [record for record in ahead if first <= record.offset < behind]

    def waiting(self) -> int:
        """Offsets between what was fetched and the ends of the logs, as far as they are known."""
        return sum(max(self._end(lane) - at, 0) for lane, at in self._positions.items())

    def _end(self, lane: str) -> int:
        """Offset behind the last record that may be read, in the newest answer."""
        newest = self._running().last_stable_offset(self.place(lane))
        return max(self._ends[lane], -1 if newest is None else newest)

    @asynccontextmanager
    async def _bounded(self, doing: str, deadline_s: float | None = None) -> AsyncIterator[None]:
        """Give calls a deadline and their errors our meaning."""
        try:
            async with asyncio.timeout(deadline_s or self._settings.call_deadline_s):
                yield
        except (OffsetOutOfRangeError, NoOffsetForPartitionError) as error:
            raise await self._out_of_range(error) from error
        except (KafkaError, TimeoutError) as error:
            raise meaning(WHAT, doing, error) from error

    async def _out_of_range(self, error: KafkaError) -> TocsinError:
        """Which log no longer holds what is wanted of it."""
        wanted: Any = error.args[0] if error.args else None
        for place, offset in wanted.items() if isinstance(wanted, dict) else ():
            async with self._bounded("beginning_offsets"):
                begin = (await self._running().beginning_offsets([place]))[place]
                end = (await self._running().end_offsets([place]))[place]
            if offset < begin:
                return DataLoss(_name(place), offset, begin - 1, WHAT)
            if offset > end:
                return LogCut(_name(place), end, offset, WHAT)
        msg = f"{WHAT}: expected offsets in their logs, got {error!r}; retrying"
        return RetryableError(msg, RETRY_AFTER_S)

    def _running(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            msg = f"{WHAT}: expected a started source; call `start` first"
            raise FatalError(msg)
        return self._consumer


def _records(
    lane: str, found: Mapping[TopicPartition, list[Any]], place: TopicPartition
) -> list[AlarmRecord]:
    """Those of a lane among what a poll brought."""
    return [
        AlarmRecord(lane, one.offset, one.timestamp, one.value or b"", kind)
        for one in found.get(place, [])
        if (kind := KINDS.get(dict(one.headers).get(KIND))) is not None
    ]


def _name(place: TopicPartition) -> str:
    return f"{place.topic}[{place.partition}]"
