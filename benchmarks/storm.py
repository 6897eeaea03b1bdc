"""A lane whose channels all ring at once: how long until all is told, and what others wait.

`python benchmarks/storm.py [SILENT [LIMITS]]`: how many channels fall silent, and break a limit.
"""

import asyncio
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from aiokafka import AIOKafkaProducer

from benchmarks.support.claims import Claim, print_claims, print_table
from benchmarks.support.probed_worker import (
    OTHERS_S,
    STRUCK,
    Site,
    Watch,
    message,
    p99,
    while_probed,
)
from tests.testkit.kafka.broker import Cluster, missing

SILENT, RINGING = 300_000, 100_000
READINGS_A_MESSAGE = 2_000
TOLD_S = 900.0
SILENT_S = {"silence": 60, "limits": 3_600}
GOAL_S = {"silence": 60.0, "limits": 20.0}


async def send_all(site: Site, producer: AIOKafkaProducer, value: float) -> None:
    """One reading of every channel of the lane that is to ring."""
    many = site.channels[STRUCK]
    for first in range(0, len(many), READINGS_A_MESSAGE):
        body = message(many[first : first + READINGS_A_MESSAGE], value)
        await producer.send(site.topic("telemetry"), body, partition=STRUCK)
    await producer.flush()


async def rage(site: Site, watch: Watch, producer: AIOKafkaProducer) -> float:
    """Let all channels ring at once; seconds from when the first could until all are told."""
    began = time.monotonic()
    await send_all(site, producer, 5.0)
    if site.app == "silence":
        began += site.silent_s
    else:
        began = time.monotonic()
        await send_all(site, producer, 0.5)
    async with asyncio.timeout(TOLD_S):
        await watch.all_told.wait()
    return time.monotonic() - began


async def measured(site: Site) -> tuple[float, list[float]]:
    """Seconds of one storm, and the delays of the other lane's alarms meanwhile."""

    async def strike(watch: Watch, producer: AIOKafkaProducer) -> tuple[float, list[float]]:
        return await rage(site, watch, producer), watch.delays_s

    return await while_probed(site, strike)


async def measure(many: dict[str, int]) -> None:
    """Both storms, each on a site of its own."""
    rows, claims = [], []
    with TemporaryDirectory(prefix="tocsin-storm-") as folder, Cluster() as kafka:
        for storm, goal_s in GOAL_S.items():
            site = Site(storm, kafka.bootstrap, Path(folder), many[storm], SILENT_S[storm])
            seconds, delays = await measured(site)
            rows.append(
                [storm, f"{site.many:,}", f"{seconds:.1f}", f"{len(delays)}", f"{p99(delays):.2f}"]
            )
            what = f"{storm}: until {site.many:,} alarms of one lane are told"
            claims.append(Claim(what, seconds, goal_s, "s", "at most"))
            others = f"{storm}: sample to alarm of another lane meanwhile, p99"
            claims.append(Claim(others, p99(delays), OTHERS_S, "s", "at most"))
    print_table(["storm", "alarms", "told within s", "others' alarms", "others' p99 s"], rows)
    print_claims(claims)


def main() -> None:
    """Measure, if there is a Kafka."""
    if reason := missing():
        sys.exit(reason)
    given = [int(argument) for argument in sys.argv[1:]]
    silent, ringing = [*given, *(SILENT, RINGING)[len(given) :]]
    asyncio.run(measure({"silence": silent, "limits": ringing}))


if __name__ == "__main__":
    main()
