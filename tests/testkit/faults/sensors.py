"""Sensors that send for as long as a test hurts what hears them."""

import asyncio
import json
import time
from collections.abc import Callable

from confluent_kafka import Producer

from ingest.partitioner import home_lane
from tests.testkit.faults.drill import Site

TOPIC = "tocsin.telemetry.water"
EVERY_S = 0.5


CALM = 5.0


def reading(channel: str, value: float) -> bytes:
    """One reading of now."""
    now_ms = time.time_ns() // 1_000_000
    return json.dumps({"channel": channel, "time": now_ms, "value": value}).encode()


class Sensors:
    """All channels of a site send twice a second; what brokers do not take waits in the client.

    Parameters
    ----------
    site : Site
    """

    def __init__(self, site: Site) -> None:
        self.channels = list(site.channels)
        self.value_of: Callable[[str], float] = lambda channel: CALM
        self._lanes = site.lanes
        # A broker that was frozen closes connections: senders come back at once, as gateways do.
        self._producer = Producer(
            {
                "bootstrap.servers": site.bootstrap,
                "linger.ms": 5,
                "reconnect.backoff.ms": 100,
                "reconnect.backoff.max.ms": 500,
            }
        )

    def lane(self, channel: str) -> int:
        """The lane whose channel it is."""
        return home_lane(channel.rsplit(".", 1)[0], self._lanes)

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            for channel in self.channels:
                body = reading(channel, self.value_of(channel))
                self._producer.produce(TOPIC, body, partition=self.lane(channel))
            self._producer.poll(0)
            await asyncio.sleep(EVERY_S)
