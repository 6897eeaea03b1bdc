"""A sensor for the guide: the last eight minutes of a pressure in kPa, which falls after the first.

Run it as `python docs/examples/send.py HOST:PORT`.
"""

import asyncio
import json
import sys
import time

from aiokafka import AIOKafkaProducer

CHANNEL, GROUP = "water.kings-road.pressure", "water.kings-road"
KPA = [310.0, 60.4, 60.7, 60.2, 60.5, 60.1, 60.6, 60.3]


async def main(bootstrap: str) -> None:
    """Send one reading a minute of event time, keyed by the group of the channel."""
    now_ms = int(time.time() * 1000)
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        for age_min, value in zip(reversed(range(len(KPA))), KPA, strict=True):
            reading = {"channel": CHANNEL, "time": now_ms - age_min * 60_000, "value": value}
            body = json.dumps(reading).encode()
            await producer.send_and_wait("tocsin.telemetry.water", body, key=GROUP.encode())


asyncio.run(main(sys.argv[1]))
