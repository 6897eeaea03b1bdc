"""Somebody writes well-formed records into topics of a lane's own: it recovers and goes on."""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaProducer, ConsumerRecord

from app.process.lifeline_worker import LifelineWorker
from app.process.worker_options import WorkerOptions
from configuration.configuration import Configuration
from contracts.journal import Entry, Promote, Rollback, Shadow, ShadowCommand, Swap, encode_entry
from contracts.ports.lane_log import Manifest
from contracts.ports.status import LaneStatus
from contracts.topics import TopicNames
from tests.broker.test_intruders import CALM, LANES, channel_of, rung
from tests.testkit.faults.oracle import read_all
from tests.testkit.in_process import configured, create, send, taken, until
from tests.testkit.kafka.broker import Cluster

pytestmark = [pytest.mark.broker, pytest.mark.long]

NOBODYS = "f" * 16
LOW = [0.5] * 150
WHO: dict[str, Any] = {"by": "x", "reason": "y"}
FORGED: list[Swap | ShadowCommand] = [
    Swap(NOBODYS),
    Shadow(config=NOBODYS, **WHO),
    Promote(config=NOBODYS, **WHO),
    Rollback(config=NOBODYS, **WHO),
    Rollback(config="e" * 16, **WHO),
]
RINGS = 2  # one for each name
# Files that a manifest may name and nobody wrote; all but the first leave the lane's folder.
FILES = ["water-0/" + "0" * 16, "../../../../etc/passwd", "/dev/zero", "water-0/a\0b", "", "."]


async def put(configuration: Configuration, topic: str, bodies: Sequence[bytes]) -> None:
    """Write records into the first partition of a topic, outside any transaction."""
    producer = AIOKafkaProducer(bootstrap_servers=configuration.settings.kafka.bootstrap)
    await producer.start()
    try:
        for body in bodies:
            await producer.send_and_wait(topic, body, partition=0, key=b"water-0")
    finally:
        await producer.stop()


async def lived(city: Configuration) -> int:
    """Let a worker take readings and stop; where its first lane stands."""
    async with LifelineWorker(city, WorkerOptions("water")) as worker:
        await until(worker.ready)
        for lane in range(LANES):
            await send(city, CALM, channel_of(lane), lane)
        await until(lambda: taken(worker) == LANES * len(CALM))
        return next(lane.position for lane in worker.lanes() if lane.name == "water-0")


async def rings_again(city: Configuration, set_aside: int = 0) -> dict[str, LaneStatus]:
    """Let a worker ring in all lanes, once so much is passed over; how each is, by name."""
    async with LifelineWorker(city, WorkerOptions("water")) as worker:
        for count in range(set_aside + 1):  # each takes some recoveries
            await until(partial(passed_over, worker, count))
        await until(worker.ready)
        for lane in range(LANES):
            await send(city, LOW, channel_of(lane), lane)
        await until(lambda: taken(worker) == LANES * len([*CALM, *LOW]))
        await until(worker.ready)
        found = {lane.name: lane for lane in worker.lanes()}
    assert {channel_of(lane) for lane in range(LANES)} <= set(await rung(city))
    return found


def passed_over(worker: LifelineWorker, count: int) -> bool:
    return sum(lane.set_aside for lane in worker.lanes()) >= count


async def test_entries_that_cannot_take_effect_are_passed_over_each_once(
    tmp_path: Path, kafka: Cluster
) -> None:
    app = kafka.unique("forged")
    city = configured(tmp_path, kafka.bootstrap, app, lanes=LANES)
    await create(city)
    position = await lived(city)
    journal = TopicNames(app).journal("water")
    await put(city, journal, [encode_entry(Entry(position, change)) for change in FORGED])
    lanes = await rings_again(city, RINGS)
    assert lanes["water-0"].set_aside == RINGS
    assert (lanes["water-1"].set_aside, lanes["water-1"].recoveries) == (0, 1)
    alarms: list[ConsumerRecord] = await read_all(kafka.bootstrap, TopicNames(app).alarms("water"))
    own = [json.loads(r.value) for r in alarms if dict(r.headers)["tocsin"] == b"revision"]
    told = [body["rule"]["name"] for body in own if body["channel"] == "tocsin.water-0"]
    assert told == ["data_loss"] * RINGS


@pytest.mark.parametrize("name", FILES)
async def test_a_manifest_that_names_a_file_nobody_wrote_is_passed_over(
    tmp_path: Path, kafka: Cluster, name: str
) -> None:
    app = kafka.unique("manifest")
    city = configured(tmp_path, kafka.bootstrap, app, lanes=LANES)
    await create(city)
    await lived(city)
    topic = TopicNames(app).manifests("water")
    own = [r for r in await read_all(kafka.bootstrap, topic) if r.partition == 0]
    newest = msgspec.json.decode(own[-1].value, type=Manifest)
    forged = msgspec.structs.replace(newest, snapshot=name)
    await put(city, topic, [msgspec.json.encode(forged)])
    lanes = await rings_again(city)
    assert lanes["water-0"].damaged_snapshots == 1
    assert lanes["water-1"].damaged_snapshots == 0
