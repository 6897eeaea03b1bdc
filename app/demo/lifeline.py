"""One lifeline of the demo: its worker, its clock, its feed."""

import asyncio
from typing import Any, Final

import numpy as np
from aiokafka import AIOKafkaProducer

from app.demo.alarm_listener import AlarmListener
from app.demo.broker import DemoBroker
from app.demo.sending import send
from app.process.lifeline_worker import LifelineWorker
from app.process.worker_options import WorkerOptions
from broker.access import client_options
from broker.closing import close_client
from configuration.configuration import Configuration
from configuration.lane_plan import plan_of
from contracts.topics import TopicNames
from lab.feeds.compressed_clock import CompressedClock, messages
from lab.feeds.feed import Feed
from lab.reports.latency import LatencyMeter

DRAIN_S: Final = 30.0
READY_S: Final = 60.0
POLL_S: Final = 0.05


class DemoLifeline:
    """One lifeline played in compressed time.

    Parameters
    ----------
    feed : Feed
    broker : DemoBroker
    seconds : float
        How long the whole feed takes.
    meter : LatencyMeter
    """

    def __init__(self, feed: Feed, broker: DemoBroker, seconds: float, meter: LatencyMeter) -> None:
        self.feed = feed
        self.configuration = only_fed(broker.configuration, feed)
        self._meter = meter
        self._handed = 0
        plan = plan_of(self.configuration, feed.lifeline)
        self._sent = messages(feed, plan)
        span_ms = feed.readings[-1].time_ms - feed.readings[0].time_ms
        self._clock = CompressedClock(feed.readings[0].time_ms, span_ms / 1000 / seconds)
        lanes = tuple(sorted({sent.partition for sent in self._sent}))
        self.service = LifelineWorker(
            self.configuration,
            WorkerOptions(
                feed.lifeline, lanes=lanes, embedded_broker=broker.embedded, clock=self._clock
            ),
        )
        self._names = TopicNames(self.configuration.settings.app)
        self._started = False
        self._accounts: dict[str, int] = {}

    @property
    def alarms(self) -> str:
        """Topic of the lifeline's alarms."""
        return self._names.alarms(self.feed.lifeline)

    @property
    def share(self) -> float:
        """How much of the feed is on its way, from 0 to 1."""
        return self._handed / len(self._sent)

    async def start(self) -> None:
        """Take the lanes and wait until they run."""
        await self.service.__aenter__()
        self._started = True
        async with asyncio.timeout(READY_S):
            while not self.service.ready():  # noqa: ASYNC110 - lanes tell nobody
                await asyncio.sleep(POLL_S)

    async def play(self) -> None:
        """Send everything when its time has come."""
        kafka = self.configuration.settings.kafka
        producer = AIOKafkaProducer(
            bootstrap_servers=kafka.bootstrap, linger_ms=5, **client_options(kafka)
        )
        try:
            await producer.start()
            self._clock.start()
            topic = self._names.telemetry(self.feed.lifeline)
            await send(producer, topic, self._sent, self._clock, self._note)
        finally:
            await close_client(producer)

    def _note(self, sent: "asyncio.Future[Any]", began_s: float) -> None:
        self._handed += 1
        self._meter.sent(sent, began_s)

    async def settle(self, listener: AlarmListener) -> None:
        """Wait until all readings are taken and all alarms heard."""
        async with asyncio.timeout(DRAIN_S):
            while not self._settled(listener):  # noqa: ASYNC110 - lanes tell nobody
                await asyncio.sleep(POLL_S)

    def _settled(self, listener: AlarmListener) -> bool:
        taken = self.accounts().get("received", 0) >= len(self._sent)
        told = sum(lane.revisions for lane in self.service.lanes())
        return taken and listener.heard[self.alarms] >= told

    def accounts(self) -> dict[str, int]:
        """Received readings and their dispositions, all lanes together."""
        total: dict[str, int] = {}
        for lane in self.service.lanes():
            for word, count in lane.accounts.items():
                total[word] = total.get(word, 0) + count
        self._accounts = total or self._accounts
        return self._accounts

    async def close(self) -> None:
        """Let go of the lanes."""
        self.accounts()
        if self._started:
            await self.service.__aexit__()


def only_fed(configuration: Configuration, feed: Feed) -> Configuration:
    """The configuration without the channels that the demo has no readings for."""
    catalogue = configuration.catalogue
    fed = np.isin(catalogue.ids, sorted(feed.channels()))
    return configuration.with_channels(catalogue.take(fed))
