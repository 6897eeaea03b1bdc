"""Hears what the demo tells: alarms of all lanes, incidents and notices of the desk."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from app.demo.broker import DemoBroker
from broker.access import client_options
from broker.closing import close_client
from contracts.alarm import Alarm, decode_alarm
from contracts.desk.incident import Incident
from contracts.desk.notice import Notice

_INCIDENT = msgspec.json.Decoder(Incident)
_NOTICE = msgspec.json.Decoder(Notice)


class AlarmListener:
    """Listens to topics of alarms, incidents and notices.

    Parameters
    ----------
    ring : callable
        Told of each alarm revision as it is heard.
    tell : callable
        Told of each revision of an incident.

    Attributes
    ----------
    told, bodies : list
        Alarm revisions in the order in which they were heard, and as they came.
    heard : Counter
        Records by topic, those of marks apart.
    newest : dict of str to Alarm
    incidents : list of Incident
        Revisions in the order in which they were heard.
    notices : list of Notice
        Those that were withheld too.
    """

    def __init__(self, ring: Callable[[Alarm], None], tell: Callable[[Incident], None]) -> None:
        self._ring = ring
        self._tell = tell
        self.told: list[Alarm] = []
        self.bodies: list[bytes] = []
        self.heard: Counter[str] = Counter()
        self.newest: dict[str, Alarm] = {}
        self.incidents: list[Incident] = []
        self.notices: list[Notice] = []

    async def listen(self, broker: DemoBroker, topics: Mapping[str, int]) -> None:
        """Read committed records of topics with so many partitions, for ever."""
        settings = broker.configuration.settings
        consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.kafka.bootstrap,
            isolation_level="read_committed",
            check_crcs=not broker.embedded,
            auto_offset_reset="earliest",
            **client_options(settings.kafka),
        )
        try:
            await consumer.start()
            consumer.assign(
                [
                    TopicPartition(name, lane)
                    for name, count in topics.items()
                    for lane in range(count)
                ]
            )
            while True:
                found = await consumer.getmany(timeout_ms=100)
                for records in found.values():
                    for record in records:
                        self._hear(record)
        finally:
            await close_client(consumer)

    def _hear(self, record: Any) -> None:
        kind = dict(record.headers).get("tocsin")
        if kind == b"revision":
            self._hear_alarm(record.value)
        elif kind == b"incident":
            incident = _INCIDENT.decode(record.value)
            self.incidents.append(incident)
            self._tell(incident)
        elif kind == b"notice":
            self.notices.append(_NOTICE.decode(record.value))
        else:
            return
        self.heard[record.topic] += 1

    def _hear_alarm(self, body: bytes) -> None:
        alarm = decode_alarm(body)
        self.told.append(alarm)
        self.bodies.append(body)
        self.newest[alarm.id] = alarm
        self._ring(alarm)
