"""Hears every alarms topic of the demo, tells the screen, keeps revisions."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from app.demo.broker import DemoBroker
from broker.access import client_options
from broker.closing import close_client
from contracts.alarm import Alarm, decode_alarm
from contracts.topics import TopicNames


class AlarmListener:
    """Listens to the alarms topics of some lifelines.

    Parameters
    ----------
    lifelines : sequence of str
    tell : callable
        Told of each revision as it is heard.
    """

    def __init__(self, lifelines: Sequence[str], tell: Callable[[Alarm], None]) -> None:
        self._lifelines = lifelines
        self._tell = tell
        self.told: list[Alarm] = []
        self.bodies: list[bytes] = []
        self.heard: Counter[str] = Counter()
        self.newest: dict[str, Alarm] = {}

    async def listen(self, broker: DemoBroker) -> None:
        """Read committed revisions, for ever."""
        settings = broker.configuration.settings
        names, lanes = TopicNames(settings.app), broker.configuration.partitions
        consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.kafka.bootstrap,
            isolation_level="read_committed",
            check_crcs=broker.check_crcs,
            auto_offset_reset="earliest",
            **client_options(settings.kafka),
        )
        try:
            await consumer.start()
            consumer.assign(
                [
                    TopicPartition(names.alarms(lifeline), lane)
                    for lifeline in self._lifelines
                    for lane in range(lanes[lifeline])
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
        if dict(record.headers).get("tocsin") != b"revision":
            return
        alarm = decode_alarm(record.value)
        self.told.append(alarm)
        self.bodies.append(record.value)
        self.heard[record.topic] += 1
        self.newest[alarm.id] = alarm
        self._tell(alarm)
