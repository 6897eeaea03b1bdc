"""A crowd of channels in one lane: its configuration, its telemetry, and a feed that never ends."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from confluent_kafka import KafkaError, Message, Producer

from benchmarks.support.traffic import as_arrow
from tests.testkit import city

TOPIC = "tocsin.telemetry.water"
PER_MESSAGE = 5_000
PER_FEED = 100
FEED_S = 0.05


def configured(folder: Path, count: int, session_s: int) -> list[str]:
    """One lane of so many channels that are rarely heard; their ids."""
    configs = folder / "configs"
    channels = city.configure(configs, count // 2, 1, folder / "state")
    pack, settings = configs / "water" / "level.yaml", configs / "tocsin.yaml"
    pack.write_text(pack.read_text().replace("period: 1 s", "period: 1 h"))
    text = settings.read_text().replace("every: 1 s", "every: 10 s")
    settings.write_text(f"{text}session_timeout: {session_s} s\ntransaction_timeout: 2 s\n")
    return channels


def one_of_each(channels: list[str]) -> Iterator[bytes]:
    """A reading of each channel now, as Arrow."""
    chance = np.random.default_rng(7)
    for first in range(0, len(channels), PER_MESSAGE):
        some = channels[first : first + PER_MESSAGE]
        yield as_arrow(some, int(time.time()), chance.normal(5.0, 0.02, len(some)))


class Feed:
    """A producer that sends all channels once, and then some of them again and again.

    Parameters
    ----------
    bootstrap : str
    channels : list of str
    """

    def __init__(self, bootstrap: str, channels: list[str]) -> None:
        self._producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 1, "log_level": 0})
        self._channels = channels
        self.end = 0

    def _sent(self, error: KafkaError | None, message: Message) -> None:
        assert error is None, error
        self.end = (message.offset() or 0) + 1

    def preload(self) -> None:
        """Send all channels once."""
        for body in one_of_each(self._channels):
            self._producer.produce(TOPIC, body, partition=0, on_delivery=self._sent)
        assert self._producer.flush(60) == 0, "the broker did not take all messages within 60 s"

    async def go_on(self) -> None:
        """Send some channels every now and then, until cancelled."""
        first = 0
        while True:
            some = self._channels[first : first + PER_FEED]
            body = as_arrow(some, int(time.time()), np.full(len(some), 5.0))
            self._producer.produce(TOPIC, body, partition=0, on_delivery=self._sent)
            self._producer.poll(0)
            first = (first + PER_FEED) % len(self._channels)
            await asyncio.sleep(FEED_S)
