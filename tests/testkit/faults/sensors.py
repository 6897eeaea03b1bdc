"""Sensors that send for as long as a test hurts what hears them."""

import asyncio
import json
import time
from collections.abc import Callable

from aiokafka import AIOKafkaProducer

from broker.closing import close_client
from ingest.partitioner import home_lane
from tests.testkit.faults.drill import Site

TOPIC = "tocsin.telemetry.water"
EVERY_S = 0.5
CALM = 5.0
BATCH_BYTES = 900_000  # a lane's readings of minutes wait in one batch, which a broker still takes
KEPT_MS = 600_000  # nothing of what waits for a broker is given up


def reading(channel: str, value: float) -> bytes:
    """One reading of now."""
    now_ms = time.time_ns() // 1_000_000
    return json.dumps({"channel": channel, "time": now_ms, "value": value}).encode()


class Sensors:
    """All channels of a site send twice a second; what brokers do not take waits in the client.

    The client is aiokafka's: librdkafka 2.16 never sends again to a partition that had no leader
    for a moment (its issue 5430), and a broker that was frozen has none for its partitions.

    Parameters
    ----------
    site : Site
    """

    def __init__(self, site: Site) -> None:
        self.channels = list(site.channels)
        self.value_of: Callable[[str], float] = lambda channel: CALM
        self._lanes = site.lanes
        self._bootstrap = site.bootstrap

    def lane(self, channel: str) -> int:
        """The lane whose channel it is."""
        return home_lane(channel.rsplit(".", 1)[0], self._lanes)

    async def run(self) -> None:
        """Send until cancelled."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            linger_ms=5,
            max_batch_size=BATCH_BYTES,
            request_timeout_ms=KEPT_MS,
        )
        try:
            await producer.start()
            while True:
                for channel in self.channels:
                    body = reading(channel, self.value_of(channel))
                    await producer.send(TOPIC, body, partition=self.lane(channel))
                await asyncio.sleep(EVERY_S)
        finally:
            await close_client(producer)
