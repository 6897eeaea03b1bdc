"""The process that tells notices to receivers."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import count
from typing import Any, Final, NamedTuple, Protocol

import aiohttp
import msgspec

from app.process.worker_service import is_logged
from broker.topics import counted, notice_topics
from configuration.desk.notices import FOLDER
from configuration.settings import Settings
from contracts.desk.incident import Incident
from contracts.desk.notice import Notice
from contracts.desk.receipt import INCIDENTS, NOTICES
from contracts.desk.receiver import Duties, Receiver
from contracts.errors import RetryableError
from contracts.ports.projection import Positions, TopicRecord
from contracts.ports.status import LaneStatus, ProcessStatus, ReceiverStatus
from contracts.topics import TopicNames
from ingest.kafka.topic_reader import TopicReader, TopicReaderSettings
from runtime.backoff import Backoff
from runtime.heartbeat import Heartbeat
from sinks.notices.alertmanager import Alertmanager
from sinks.notices.cap import Cap
from sinks.notices.delivery import Delivery, Standing
from sinks.notices.receipts import KafkaReceipts
from sinks.notices.timer import MachineTimer, Timer
from sinks.notices.transport import Transport
from sinks.notices.webhook import Webhook

log = logging.getLogger("tocsin.notices")

FETCH_S: Final = 0.5
RETRY_FIRST_S: Final = 0.5
RETRY_MOST_S: Final = 30.0
LINE_BYTES_MAX: Final = 4_096  # of a receiver's status line and headers


class Records(Protocol):
    """What a receiver's notices are read from, as `TopicReader` does."""

    async def start(self) -> None:
        """Connect."""

    async def close(self) -> None:
        """Let go of sockets."""

    async def seek(self, positions: Positions) -> None:
        """Go on from these offsets."""

    async def fetch(self, timeout_s: float) -> tuple[list[TopicRecord], Positions]:
        """The next records, and the positions behind them."""

    def caught_up(self) -> bool:
        """Whether all was fetched that was there at the last `seek`."""


class ReceiptLog(Protocol):
    """Where receipts are kept, as `KafkaReceipts` does."""

    async def start(self) -> None:
        """Shut out who wrote before."""

    async def standings(self, receivers: Sequence[str]) -> dict[str, Standing]:
        """Where each receiver goes on."""

    async def append(self, receipt: Any) -> None:
        """Keep one for good."""

    async def close(self) -> None:
        """Let go of sockets."""


class NotifierPorts(NamedTuple):
    """What reaches outside.

    Parameters
    ----------
    receipts_of : callable
        A new log of receipts.
    records_of : callable
        A new reader of notices and incidents, for the receiver of this id.
    timer : Timer
    check : callable
        Refuses topics that are missing, before anything else.
    """

    receipts_of: Callable[[], ReceiptLog]
    records_of: Callable[[str], Records]
    timer: Timer
    check: Callable[[], Awaitable[None]]


def kafka_ports(settings: Settings) -> NotifierPorts:
    """Those of an installation."""
    kafka, topics = settings.kafka, TopicNames(settings.app)

    def records_of(receiver: str) -> TopicReader:
        return TopicReader(
            TopicReaderSettings(
                bootstrap=kafka.bootstrap,
                security=kafka,
                client=f"{topics.prefix}-notify-{receiver}",
                partitions={topics.incidents: 1, topics.notices: 1},
            )
        )

    async def check() -> None:
        await counted(notice_topics(topics), kafka.bootstrap, kafka, whole=True)

    return NotifierPorts(lambda: KafkaReceipts(kafka, topics), records_of, MachineTimer(), check)


class Notifier:
    """Each receiver has a reader, a position and tasks of its own: none waits for another.

    Itself the `WorkerStatus` that probes and Prometheus ask. A receiver that is away does not make
    the process unready: to start it again would help nobody.

    Parameters
    ----------
    receivers : sequence of Receiver
    topics : TopicNames
    ports : NotifierPorts
    duties : mapping of str to Duties
        What each desk answers for.

    Attributes
    ----------
    drained : bool
        Whether nothing is on its way any more.
    """

    def __init__(
        self,
        receivers: Sequence[Receiver],
        topics: TopicNames,
        ports: NotifierPorts,
        duties: Mapping[str, Duties],
    ) -> None:
        self._receivers = receivers
        self._duties = duties
        self._topics = topics
        self._ports = ports
        self._heart = Heartbeat()
        self._backoff = Backoff(RETRY_FIRST_S, RETRY_MOST_S, reset_after_s=RETRY_MOST_S)
        self._statuses = [ReceiverStatus(receiver.id) for receiver in receivers]
        self.drained = False

    async def serve(self) -> None:
        """Run until cancelled; brokers that are away are waited for.

        Raises
        ------
        ConfigError
            When topics are missing.
        FatalError
            When a person is needed.
        """
        beating = asyncio.create_task(self._heart.run(), name="heartbeat")
        try:
            for attempt in count(1):
                self._backoff.begin()
                try:
                    await self._tell()
                except RetryableError as error:
                    await self._wait(error, attempt)
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
            self.drained = True

    async def _wait(self, error: Exception, attempt: int) -> None:
        for status in self._statuses:
            status.phase, status.trouble = "recovering", str(error)
        if is_logged(attempt):
            log.warning("%s (attempt %d)", error, attempt)
        await asyncio.sleep(self._backoff.delay_s(error))

    async def _tell(self) -> None:
        """Go on from the receipts, for ever."""
        await self._ports.check()
        receipts = self._ports.receipts_of()
        try:
            await receipts.start()
            standings = await receipts.standings([one.id for one in self._receivers])
            async with _session() as session, asyncio.TaskGroup() as tasks:
                for place, receiver in enumerate(self._receivers):
                    transport = self._transport(receiver, session)
                    delivery = Delivery(
                        receiver, transport, receipts, self._ports.timer, standings[receiver.id]
                    )
                    self._carry_over(place, delivery.status)
                    tasks.create_task(self._follow(delivery, standings[receiver.id]))
                    tasks.create_task(delivery.run())
                    tasks.create_task(delivery.keep_open())
        except ExceptionGroup as group:
            raise _gravest(group) from group
        finally:
            await receipts.close()

    def _transport(self, receiver: Receiver, session: aiohttp.ClientSession) -> Transport:
        """How a receiver is told."""
        if receiver.alertmanager is not None:
            return Alertmanager(receiver.alertmanager, session, self._ports.timer)
        if receiver.webhook is not None:
            where = f"{FOLDER}: {receiver.id}: webhook"
            return Webhook(receiver.webhook, where, session, self._ports.timer)
        assert receiver.cap is not None, "`check` refuses a receiver without any"
        return Cap(receiver.cap, session, self._duties)

    def _carry_over(self, place: int, status: ReceiverStatus) -> None:
        """Counters go on when brokers were away, and who wants no more is still left alone."""
        former = self._statuses[place]
        status.outcomes, status.failed_tries = former.outcomes, former.failed_tries
        status.disabled = former.disabled
        self._statuses[place] = status

    async def _follow(self, delivery: Delivery, standing: Standing) -> None:
        """Read for one receiver."""
        records = self._ports.records_of(delivery.status.name)
        topics = {NOTICES: self._topics.notices, INCIDENTS: self._topics.incidents}
        try:
            await records.start()
            await records.seek({(topics[name], 0): at for name, at in standing.since.items()})
            while True:
                found, _ = await records.fetch(FETCH_S)
                for record in found:
                    await _take(delivery, record)
                if records.caught_up():
                    delivery.recalled()
        finally:
            await records.close()

    def lanes(self) -> list[LaneStatus]:
        """The receivers, as probes see lanes."""
        return list(self._statuses)

    def alive(self) -> bool:
        """Whether the event loop turns."""
        return self._heart.alive()

    def ready(self) -> bool:
        """Whether topics are followed and receipts can be kept."""
        return all(status.ready for status in self._statuses)

    def process_status(self) -> ProcessStatus:
        """How the process is."""
        return ProcessStatus(self._heart.lag_s())


def _gravest(group: ExceptionGroup[Exception]) -> Exception:
    """Of what ended several tasks, that which no waiting mends."""
    found = [one for one in group.exceptions if not isinstance(one, RetryableError)]
    return (found or list(group.exceptions))[0]


async def _take(delivery: Delivery, record: TopicRecord) -> None:
    """Hand a record on; marks and what is not understood are passed over, the latter loudly."""
    try:
        if record.kind == "notice":
            notice = msgspec.json.decode(record.value or b"", type=Notice)
            _judge_time(notice.at)
            await delivery.offer(notice, record.offset)
        elif record.kind == "incident":
            incident = msgspec.json.decode(record.value or b"", type=Incident)
            delivery.hear(incident, record.offset)
    except (ValueError, RecursionError) as error:
        log.error(  # noqa: TRY400 - the place says more than a traceback
            "%s[%d]@%d: expected a %s, got %s; passed over",
            record.topic, record.partition, record.offset, record.kind, error,
        )  # fmt: skip


def _judge_time(text: str) -> None:
    """Refuse what is no time with an offset."""
    if datetime.fromisoformat(text).tzinfo is None:
        msg = f"expected a time with an offset, got {text!r}"
        raise ValueError(msg)


@asynccontextmanager
async def _session() -> AsyncIterator[aiohttp.ClientSession]:
    """Keeps no cookies, unpacks nothing, and takes no long headers from receivers."""
    async with aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        max_line_size=LINE_BYTES_MAX,
        max_field_size=LINE_BYTES_MAX,
        headers={"User-Agent": "tocsin"},
    ) as session:
        yield session
