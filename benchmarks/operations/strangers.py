"""Ids that no catalogue has, millions of them: what a lane takes, holds, and does for its own.

`python -m benchmarks.operations.strangers [--readings N]`: how many, each of another id,
ten million in a minute unless told otherwise. Channels of the same lane ring and clear meanwhile.
"""

import argparse
import asyncio
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from aiokafka import AIOKafkaProducer

from benchmarks.support.claims import Claim, print_claims, print_table
from benchmarks.support.probed_worker import (
    CALM,
    OTHERS_S,
    PROBED,
    Site,
    Watch,
    p99,
    while_probed,
)
from tests.testkit.kafka.broker import Cluster, missing

IDS, IDS_PER_S = 10_000_000, 10_000_000 / 60
IDS_A_MESSAGE = 2_000
AHEAD = 50  # messages that may wait for the lane
TAKEN_S = 900.0
SILENT_S = 3_600
GROWN_MIB = 256.0
TEMPLATE = b"[%s]" % b",".join(
    b'{"channel":"water.forged-NUMBER-%04d.in","time":NOW,"value":5.0}' % i
    for i in range(IDS_A_MESSAGE)
)
REFUSED = 0.01  # share of readings above which `TocsinReadingsRefused` rings


class Found(NamedTuple):
    """What a flood did."""

    seconds: float
    grown_mib: float
    delays: list[float]
    refused: float


def resident_mib(pid: int) -> float:
    """Memory of a process that is really there."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def forged(number: int) -> bytes:
    """A message of readings of now, each of an id that no other message has; cheap to make."""
    now = b"%d" % (time.time_ns() // 1_000_000)
    return TEMPLATE.replace(b"NUMBER", b"%06d" % number).replace(b"NOW", now)


class Flood:
    """Sends ids that nobody knows into the lane whose channels are probed.

    Parameters
    ----------
    site : Site
    ids : int
    """

    def __init__(self, site: Site, ids: int) -> None:
        self._site = site
        self._ids = ids
        self._before_mib = resident_mib(site.worker.process.pid)
        self.grown_mib = 0.0

    def unknown(self) -> float:
        """Readings of unknown channels that the worker has refused."""
        of = self._site.worker.metric("tocsin_readings_total", "destiny")
        return of.get("unknown_channel", 0.0)

    async def _until(self, taken: float) -> None:
        while await asyncio.to_thread(self.unknown) < taken:
            pid = self._site.worker.process.pid
            self.grown_mib = max(self.grown_mib, resident_mib(pid) - self._before_mib)
            await asyncio.sleep(0.2)

    async def run(self, producer: AIOKafkaProducer) -> float:
        """Seconds until all were refused; never far ahead of the lane, nor faster than promised."""
        began, topic = time.monotonic(), self._site.topic("telemetry")
        for first in range(0, self._ids, IDS_A_MESSAGE):
            await producer.send(topic, forged(first // IDS_A_MESSAGE), partition=CALM)
            await asyncio.sleep(max(began + first / IDS_PER_S - time.monotonic(), 0.0))
            if not first // IDS_A_MESSAGE % AHEAD:
                await self._until(first - AHEAD * IDS_A_MESSAGE)
        await producer.flush()
        async with asyncio.timeout(TAKEN_S):
            await self._until(self._ids)
        return time.monotonic() - began


async def measured(site: Site, ids: int) -> Found:
    """One flood, and the alarms of known channels meanwhile."""

    async def strike(watch: Watch, producer: AIOKafkaProducer) -> Found:
        flood = Flood(site, ids)
        seconds = await flood.run(producer)
        received = await asyncio.to_thread(
            site.worker.metric, "tocsin_readings_received_total", "lane"
        )
        refused = await asyncio.to_thread(flood.unknown)
        return Found(seconds, flood.grown_mib, watch.delays_s, refused / sum(received.values()))

    return await while_probed(site, strike)


async def measure(ids: int) -> None:
    """A flood on a Kafka of its own."""
    with TemporaryDirectory(prefix="tocsin-strangers-") as folder, Cluster() as kafka:
        site = Site("strangers", kafka.bootstrap, Path(folder), PROBED, SILENT_S)
        found = await measured(site, ids)
    rate = ids / found.seconds
    row = [f"{ids:,}", f"{found.seconds:.1f}", f"{rate:,.0f}", f"{found.grown_mib:.0f}"]
    row += [f"{len(found.delays)}", f"{p99(found.delays):.2f}", f"{found.refused:.3f}"]
    heads = ["ids", "s", "ids/s", "grown MiB", "alarms", "p99 s", "refused"]
    print_table(heads, [row])
    print_claims(
        [
            Claim("forged ids: refused a second", rate, 0.95 * IDS_PER_S, "1/s", "at least"),
            Claim("forged ids: memory grown", found.grown_mib, GROWN_MIB, "MiB", "at most"),
            Claim(
                "forged ids: sample to alarm of known channels meanwhile, p99",
                p99(found.delays),
                OTHERS_S,
                "s",
                "at most",
            ),
            Claim(
                "forged ids: share refused, of which TocsinReadingsRefused rings",
                found.refused,
                REFUSED,
                "",
                "at least",
            ),
        ]
    )


def main() -> None:
    """Measure, if there is a Kafka."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.operations.strangers")
    parser.add_argument("--readings", type=int, default=IDS, metavar="N")
    arguments = parser.parse_args()
    if reason := missing():
        sys.exit(reason)
    asyncio.run(measure(arguments.readings))


if __name__ == "__main__":
    main()
