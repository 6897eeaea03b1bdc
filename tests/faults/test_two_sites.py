"""Two sites: the second lives on a mirror of the first one's telemetry, and takes over."""

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from ingest.partitioner import home_lane
from tests.testkit import city
from tests.testkit.faults.drill import LANES, Site, dispositions, judge
from tests.testkit.faults.oracle import read_all, witness
from tests.testkit.kafka.broker import Cluster
from tests.testkit.worker_process import settle

TELEMETRY, ALARMS = "tocsin.telemetry.water", "tocsin.alarms.water"
JUNK = 7  # records that were there before: no offset of the second site equals the first one's
PER_SECOND = 500.0
FIRST_S, MIRROR_S, SECOND_S = 8.0, 2.0, 6.0


@dataclass
class Gateway:
    """What senses: sends to whichever site it is told to, and goes on where it stopped."""

    telemetry: city.Telemetry
    sent: int = 0

    async def send(self, bootstrap: str, seconds: float) -> int:
        """Messages at a steady rate; how many readings they held."""
        producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True)
        await producer.start()
        before, began = self.telemetry.readings, time.monotonic()
        try:
            while (now := time.monotonic() - began) < seconds:
                for _ in range(int(now * PER_SECOND) - (self.telemetry.readings - before)):
                    sample = self.telemetry.message(time.time_ns() // 1_000_000)
                    place = home_lane(sample.group, LANES)
                    await producer.send(TELEMETRY, sample.payload, sample.group.encode(), place)
                await asyncio.sleep(0.02)
            await producer.flush()
        finally:
            await producer.stop()
        return self.telemetry.readings - before


async def mirror(source: str, target: str, over: asyncio.Event) -> None:
    """Copy telemetry as MirrorMaker does: same partitions and stamps, other offsets."""
    consumer = AIOKafkaConsumer(bootstrap_servers=source, auto_offset_reset="earliest")
    producer = AIOKafkaProducer(bootstrap_servers=target, enable_idempotence=True)
    await consumer.start()
    await producer.start()
    try:
        consumer.assign([TopicPartition(TELEMETRY, lane) for lane in range(LANES)])
        while not over.is_set():
            for records in (await consumer.getmany(timeout_ms=100)).values():
                for r in records:
                    await producer.send(TELEMETRY, r.value, r.key, r.partition, r.timestamp)
        await producer.flush()
    finally:
        await consumer.stop()
        await producer.stop()


async def shift(bootstrap: str) -> None:
    """Move the beginning of every telemetry partition away from 0."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    for lane in range(LANES):
        for _ in range(JUNK):
            await producer.send_and_wait(TELEMETRY, b"junk", partition=lane)
    await producer.stop()
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    places = [TopicPartition(TELEMETRY, lane) for lane in range(LANES)]
    await admin.delete_records({place: RecordsToDelete(before_offset=JUNK) for place in places})
    await admin.close()


async def told(bootstrap: str) -> dict[tuple[str, int], dict[str, object]]:
    """Revisions by (id, revision), without where their readings lie."""
    found = {}
    for body in _revisions(await read_all(bootstrap, ALARMS)):
        body.pop("evidence")
        found[str(body["id"]), int(str(body["revision"]))] = body
    return found


def _revisions(items: list[object]) -> Iterator[dict[str, object]]:
    for item in items:
        if dict(item.headers).get("tocsin") == b"revision":  # type: ignore[attr-defined]
            yield json.loads(item.value)  # type: ignore[attr-defined]


@dataclass
class Pair:
    """Two sites with a worker each, and what was sent to them."""

    first: Site
    second: Site
    gateway: Gateway
    sent: int = 0

    async def live(self) -> dict[tuple[str, int], dict[str, object]]:
        """The first site works, the second follows, the first is lost, the second goes on.

        What the first had told comes back.
        """
        there, here = self.first.bootstrap, self.second.bootstrap
        workers = [self.first.hire(), self.second.hire()]
        over = asyncio.Event()
        try:
            for worker in workers:
                worker.start()
            copying = asyncio.create_task(mirror(there, here, over))
            self.sent += await self.gateway.send(there, FIRST_S)
            await asyncio.sleep(MIRROR_S)
            over.set()
            await copying
            await settle(workers[:1], await _ends(there), 60)
            was_told = await told(there)
            workers[0].kill()
            self.sent += await self.gateway.send(here, SECOND_S)
            await settle(workers[1:], await _ends(here), 60)
            assert sum((await dispositions(workers[1:])).values()) == self.sent
            assert await workers[1].finish(30) == 0
        finally:
            for worker in workers:
                worker.bury()
        return was_told


@pytest.mark.broker
@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_the_second_site_tells_the_same_under_other_offsets_and_goes_on_alone(
    tmp_path: Path,
) -> None:
    with Cluster() as there, Cluster() as here:
        here.create_topic(TELEMETRY, LANES, {"message.timestamp.type": "CreateTime"})
        await shift(here.bootstrap)
        first = Site(there.bootstrap, tmp_path / "first")
        second = Site(here.bootstrap, tmp_path / "second")
        pair = Pair(first, second, Gateway(city.Telemetry(first.channels, seed=21)))
        async with witness(here.bootstrap, ALARMS) as seen:
            was_told = await pair.live()
        verdict = await judge(second, seen, rounds=1)
        now_told = await told(here.bootstrap)
    assert (verdict.lost, verdict.doubled, verdict.different) == (0, 0, 0)
    assert len(now_told) > len(was_told) > 50
    # A silence that the first site's clock found while nothing was mirrored is the first one's own.
    own = {key for key, body in was_told.items() if key not in now_told}
    assert {was_told[key]["rule"]["name"] for key in own} <= {"silent"}  # type: ignore[index]
    assert len(own) < len(was_told) / 10
    same = was_told.keys() - own
    assert {key: was_told[key] for key in same} == {key: now_told[key] for key in same}


async def _ends(bootstrap: str) -> dict[str, int]:
    """Where each lane stands when it has taken everything."""
    items = await read_all(bootstrap, TELEMETRY)
    ends = {f"water-{lane}": 0 for lane in range(LANES)}
    for item in items:
        ends[f"water-{item.partition}"] = item.offset + 1
    return ends
