"""Whole topics from Kafka, from positions that the caller keeps."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError

from broker.closing import close_client
from broker.errors import RETRY_AFTER_S, meaning
from contracts.errors import FatalError, LogCut, RetryableError
from contracts.ports.projection import Positions, TopicRecord
from ingest.kafka.alarms import KIND
from ingest.kafka.commands import Positive, ReaderSettings

log = logging.getLogger("tocsin.topics")

WHAT = "records"


class TopicReaderSettings(ReaderSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings of a reader of whole topics.

    Parameters
    ----------
    client : str
        Name of the client.
    partitions : dict of str to int
        How many each topic has.
    records_per_poll : int
    """

    client: str
    partitions: dict[str, int]
    records_per_poll: Positive = 500


class TopicReader:
    """One read-committed consumer of all partitions of some topics.

    It believes no position that the client keeps across an exception: after any, `close`, `start`
    and `seek`.

    Parameters
    ----------
    settings : TopicReaderSettings

    Attributes
    ----------
    lost : dict of (str, int) to int
        Offsets that a log had dropped before they were read, by topic and partition.
    """

    def __init__(self, settings: TopicReaderSettings) -> None:
        self._settings = settings
        self._consumer: AIOKafkaConsumer | None = None
        self._positions: dict[TopicPartition, int] = {}
        self._ends: dict[TopicPartition, int] = {}  # when it sought
        self.lost: dict[tuple[str, int], int] = {}

    async def start(self) -> None:
        """Connect; `RetryableError` when the brokers are away."""
        self._consumer = AIOKafkaConsumer(**self._settings.options_of(self._settings.client))
        try:
            async with self._bounded("start", self._settings.start_deadline_s):
                await self._consumer.start()
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

    async def seek(self, positions: Positions) -> None:
        """Go on from these offsets, elsewhere from the beginning.

        Raises
        ------
        LogCut
            When a log ends before its offset: it is another one than that which was read.
        """
        consumer = self._running()
        places = sorted(
            TopicPartition(topic, number)
            for topic, count in self._settings.partitions.items()
            for number in range(count)
        )
        consumer.assign(places)
        async with self._bounded("offsets"):
            begins = await consumer.beginning_offsets(places)
            ends = await consumer.end_offsets(places)
        self._ends = {place: int(ends[place]) for place in places}
        for place in places:
            first = positions.get((place.topic, place.partition), 0)
            begin, end = begins[place], ends[place]
            if first > end:
                where = f"{place.topic}[{place.partition}]"
                raise LogCut(where, end, first, WHAT)
            self._note_lost(place, first, begin)
            self._positions[place] = max(first, begin)
            consumer.seek(place, self._positions[place])

    def _note_lost(self, place: TopicPartition, first: int, begin: int) -> None:
        """Count what retention took; what lies before the beginning of a first look is not lost."""
        if 0 < first < begin:
            where = place.topic, place.partition
            self.lost[where] = self.lost.get(where, 0) + begin - first
            log.error(
                "%s[%d]: expected records from offset %d on, got a log that begins at %d; %d "
                "offsets are lost to this reader, let the topic keep its records for longer",
                *where,
                first,
                begin,
                begin - first,
            )

    async def fetch(self, timeout_s: float) -> tuple[list[TopicRecord], Positions]:
        """The next records, and where the partitions stand that moved; empty when none did.

        A partition moves without records, too: over markers of transactions, and over what was
        aborted.
        """
        consumer = self._running()
        async with self._bounded("fetch", timeout_s + self._settings.call_deadline_s):
            found = await consumer.getmany(
                timeout_ms=int(timeout_s * 1000), max_records=self._settings.records_per_poll
            )
            stand = {place: await consumer.position(place) for place in self._positions}
        moved = {place: at for place, at in stand.items() if at != self._positions[place]}
        self._positions |= moved
        records = [
            TopicRecord(
                topic=place.topic,
                partition=place.partition,
                offset=one.offset,
                time_ms=one.timestamp,
                key=one.key,
                value=one.value,
                kind=dict(one.headers).get(KIND, b"").decode("utf-8", "replace"),
            )
            for place in sorted(found)
            for one in found[place]
        ]
        return records, {(place.topic, place.partition): at for place, at in moved.items()}

    def caught_up(self) -> bool:
        """Whether all was fetched that the logs held at the last `seek`."""
        return all(self._positions[place] >= end for place, end in self._ends.items())

    def waiting(self) -> int:
        """Offsets between what was fetched and the ends of the logs, as far as they are known."""
        return sum(max(self._end(place) - at, 0) for place, at in self._positions.items())

    def heard_ms(self) -> int:
        """When the brokers last told of every partition where it ends, 0 before they all have.

        Milliseconds since 1970 UTC. A broker that is away tells nothing, and raises nothing either.
        """
        consumer = self._running()
        heard = [consumer.last_poll_timestamp(place) for place in self._positions]
        return min((int(at or 0) for at in heard), default=0)

    def _end(self, place: TopicPartition) -> int:
        """Offset behind the last record that may be read, in the newest answer."""
        newest = None if self._consumer is None else self._consumer.last_stable_offset(place)
        return -1 if newest is None else int(newest)

    @asynccontextmanager
    async def _bounded(self, doing: str, deadline_s: float | None = None) -> AsyncIterator[None]:
        """Every call has a deadline, and errors with our meaning."""
        try:
            async with asyncio.timeout(deadline_s or self._settings.call_deadline_s):
                yield
        except (OffsetOutOfRangeError, NoOffsetForPartitionError) as error:
            msg = f"{WHAT}: expected offsets in their logs, got {error!r}; retrying"
            raise RetryableError(msg, RETRY_AFTER_S) from error
        except (KafkaError, TimeoutError) as error:
            raise meaning(self._settings.client, doing, error) from error

    def _running(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            msg = f"{self._settings.client}: expected a started reader; call `start` first"
            raise FatalError(msg)
        return self._consumer
