"""Alarms for the guide: one line for each revision, until interrupted.

Run it as `python docs/examples/listen.py HOST:PORT`.
"""

import asyncio
import json
import sys

from aiokafka import AIOKafkaConsumer


async def main(bootstrap: str) -> None:
    """Read what is committed, from the first alarm on; marks are the lane's own."""
    consumer = AIOKafkaConsumer(
        "tocsin.alarms.water",
        bootstrap_servers=bootstrap,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    async with consumer:
        while True:
            found = await consumer.getmany(timeout_ms=1_000)
            for record in (record for records in found.values() for record in records):
                if ("tocsin", b"revision") in record.headers:
                    alarm = json.loads(record.value)
                    text = f"{alarm['state']} {alarm['colour']}: {alarm['say']['en']}\n"
                    sys.stdout.write(text)
                    sys.stdout.flush()


asyncio.run(main(sys.argv[1]))
