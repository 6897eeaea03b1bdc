"""Hears every alarms topic of the demo, prints sentences, keeps revisions."""

import os
import sys
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final, Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition

from app.embedded import PARTITIONS
from contracts.alarm import Alarm, decode_alarm

SHOWN: Final = {"blue": "34", "yellow": "33", "orange": "38;5;208", "red": "31", "clear": "32"}


class Topic(Protocol):
    """Whoever has an alarms topic."""

    @property
    def alarms(self) -> str:
        """Its name."""


class Ear:
    """Listens to alarms topics.

    Parameters
    ----------
    lifelines : iterable of Topic
    """

    def __init__(self, lifelines: Iterable[Topic]) -> None:
        self._topics = [lifeline.alarms for lifeline in lifelines]
        self.told: list[Alarm] = []
        self.bodies: list[bytes] = []
        self.heard: Counter[str] = Counter()

    async def listen(self, bootstrap: str) -> None:
        """Read committed revisions, for ever."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap,
            isolation_level="read_committed",
            check_crcs=False,
            auto_offset_reset="earliest",
        )
        try:
            await consumer.start()
            parts = range(PARTITIONS)
            consumer.assign([TopicPartition(topic, p) for topic in self._topics for p in parts])
            while True:
                found = await consumer.getmany(timeout_ms=100)
                for records in found.values():
                    for record in records:
                        self._hear(record)
        finally:
            await consumer.stop()

    def _hear(self, record: Any) -> None:
        if dict(record.headers).get("tocsin") != b"revision":
            return
        alarm = decode_alarm(record.value)
        self.told.append(alarm)
        self.bodies.append(record.value)
        self.heard[record.topic] += 1
        sys.stdout.write(line(alarm) + "\n")
        sys.stdout.flush()


def line(alarm: Alarm) -> str:
    """One revision as a person reads it in a terminal."""
    word = f"{alarm.colour:6}"
    if sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        word = f"\033[{SHOWN[alarm.colour]}m{word}\033[0m"
    return f"{alarm.detected}  {alarm.lifeline:10}  {word}  {alarm.say['en']}"
