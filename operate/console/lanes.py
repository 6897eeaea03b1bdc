"""Which lanes could ring: each lane's worker shows it three times a minute, by a canary.

See docs/decisions/064-a-canary-in-each-lane.md for what a canary proves.
"""

import asyncio
import logging
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from broker.access import client_options
from broker.closing import close_client
from contracts.errors import AccessDenied
from contracts.kafka import Kafka
from contracts.ports.console import SilentLanes
from contracts.quantities import NS_PER_MS

log = logging.getLogger("tocsin.console")

LATE_S: Final = 70.0  # three canaries that did not come, as for `TocsinDetectorBlind`
GAP_S: Final = 10.0  # of brokers that have not answered meanwhile, nothing is known
BACK_MS: Final = 300_000  # how far back a new console looks for the last canary
AGAIN_S: Final = 5.0
POLL_MS: Final = 1_000
RECORDS_MAX: Final = 500
FETCH_BYTES: Final = 256 << 10
KIND: Final = ("tocsin", b"canary")
_CHANNEL: Final = re.compile(r"(.+)\.canary-(\d{1,4})")


class _Canary(msgspec.Struct):
    channel: str


_CANARY: Final = msgspec.json.Decoder(_Canary)


def lane_of(body: bytes) -> tuple[str, int] | None:
    """Lifeline and number of a canary's lane; None of what is none.

    >>> lane_of(b'{"id":"a-1","channel":"water.canary-3"}'), lane_of(b'{"channel":"water.x"}')
    (('water', 3), None)
    """
    try:
        match = _CHANNEL.fullmatch(_CANARY.decode(body).channel)
    except msgspec.DecodeError:
        return None
    return None if match is None else (match[1], int(match[2]))


class LaneBeats:
    """When each lane was heard last, and which are late.

    Nothing is said of a time in which brokers did not answer: after it, every lane is waited for as
    after a start.

    Parameters
    ----------
    lanes : mapping of str to int
        Lanes of each lifeline.
    clock : callable
        Monotonic seconds.
    """

    def __init__(
        self, lanes: Mapping[str, int], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._lanes = dict(lanes)
        self._clock = clock
        self._heard: dict[tuple[str, int], tuple[float, int]] = {}
        self._since_s = self._looked_s = -GAP_S - 1

    def heard(self, lifeline: str, lane: int, at_ms: int, ago_s: float = 0.0) -> None:
        """A lane's worker has shown that it could ring.

        Parameters
        ----------
        lifeline : str
        lane : int
        at_ms : int
            Milliseconds since 1970 UTC, as the page says it.
        ago_s : float
            How long ago, of what lay in the log already.
        """
        if lane < self._lanes.get(lifeline, 0):
            self._heard[lifeline, lane] = self._clock() - max(ago_s, 0.0), at_ms

    def last(self, lifeline: str, lane: int) -> int | None:
        """When a lane was heard last, milliseconds since 1970 UTC."""
        heard = self._heard.get((lifeline, lane))
        return None if heard is None else heard[1]

    def looked(self) -> None:
        """Brokers have answered, and everything that they have was taken."""
        now_s = self._clock()
        if now_s - self._looked_s > GAP_S:
            self._since_s = now_s
        self._looked_s = now_s

    def silent(self) -> list[SilentLanes] | None:
        """See `LaneWatch`."""
        now_s = self._clock()
        if now_s - self._looked_s > GAP_S:
            return None
        found = []
        for lifeline, lanes in sorted(self._lanes.items()):
            last = [self._heard.get((lifeline, lane)) for lane in range(lanes)]
            late = [one for one in last if self._late(one, now_s)]
            if late:
                times = [at_ms for one in late if one is not None for at_ms in one[1:]]
                since_ms = int(min(times)) if len(times) == len(late) else None
                found.append(SilentLanes(lifeline, len(late), lanes, since_ms))
        return found

    def _late(self, heard: tuple[float, int] | None, now_s: float) -> bool:
        last_s = self._since_s if heard is None else max(heard[0], self._since_s)
        return now_s - last_s > LATE_S


class LaneCanaries:
    """A `LaneWatch` that hears canaries on the shadow topic, as a stranger to every group.

    Parameters
    ----------
    kafka : Kafka
    topic : str
    lanes : mapping of str to int
        Lanes of each lifeline.

    Attributes
    ----------
    beats : LaneBeats
    """

    def __init__(self, kafka: Kafka, topic: str, lanes: Mapping[str, int]) -> None:
        self._kafka = kafka
        self._topic = topic
        self.beats = LaneBeats(lanes)
        self._said = False

    def silent(self) -> list[SilentLanes] | None:
        """See `LaneWatch`."""
        return self.beats.silent()

    async def follow(self) -> None:
        """Hear until cancelled; brokers that are away are tried again."""
        while True:
            try:
                await self._hear()
            except (KafkaError, AccessDenied, OSError) as error:
                if not self._said:
                    log.warning(
                        "%s: whether lanes are watched is not known: %r", self._topic, error
                    )
                self._said = True
            await asyncio.sleep(AGAIN_S)

    async def _hear(self) -> None:
        consumer = AIOKafkaConsumer(
            self._topic,
            bootstrap_servers=self._kafka.bootstrap,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="latest",
            group_id=None,
            max_partition_fetch_bytes=FETCH_BYTES,
            **client_options(self._kafka),
        )
        try:
            await consumer.start()
            await self._go_back(consumer)
            while True:
                await self._take(consumer)
        finally:
            with suppress(KafkaError):
                await close_client(consumer)

    async def _go_back(self, consumer: Any) -> None:
        """Begin some minutes ago: who was heard last then is known at once."""
        since_ms = time.time_ns() // NS_PER_MS - BACK_MS
        begins = await consumer.offsets_for_times(dict.fromkeys(consumer.assignment(), since_ms))
        for place, begin in begins.items():
            if begin is not None:
                consumer.seek(place, begin.offset)

    async def _take(self, consumer: Any) -> None:
        found = await consumer.getmany(timeout_ms=POLL_MS, max_records=RECORDS_MAX)
        now_ms = time.time_ns() // NS_PER_MS
        for record in (record for records in found.values() for record in records):
            lane = lane_of(record.value or b"") if KIND in record.headers else None
            if lane is not None:
                self.beats.heard(*lane, record.timestamp, (now_ms - record.timestamp) / 1000)
        places = consumer.assignment()
        if not places:  # there is no such topic, or it is not known yet
            return
        for place in places:
            answered_ms, end = consumer.last_poll_timestamp(place), consumer.highwater(place)
            if answered_ms is None or end is None or now_ms - answered_ms > 1000 * GAP_S:
                return
            stable = consumer.last_stable_offset(place)
            if await consumer.position(place) < (end if stable is None or stable < 0 else stable):
                return
        self._said = False
        self.beats.looked()
