"""Another number of lanes is refused at the start; the documented way to it loses nothing learned.

The steps are those of docs/other-lanes.md.
"""

import asyncio
import json
import random
import re
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from app.process.lifeline_worker import LifelineWorker
from app.process.worker_options import WorkerOptions
from broker.topics import needed
from configuration.configuration import Configuration
from contracts.errors import ConfigError, FatalError
from contracts.topics import TopicNames
from ingest.partitioner import home_lane
from operate.copy_state import carry
from tests.testkit.faults.drill import tocsin
from tests.testkit.faults.oracle import read_all
from tests.testkit.in_process import WAIT_S, configured, create, send, taken, until
from tests.testkit.kafka.broker import Cluster

CHANNEL, GROUP = "water.tank-000.in", "water.tank-000"
WAY = WorkerOptions("water")


async def widen(configuration: Configuration, count: int) -> None:
    """Raise the partitions of a generation's topics, as somebody might by mistake."""
    settings = configuration.settings
    topics = TopicNames(settings.app)
    shared = {topics.dead_letters, topics.shadow}
    names = {topic.name for topic in needed(configuration.partitions, topics)} - shared
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap)
    await admin.start()
    await admin.create_partitions({name: NewPartitions(count) for name in names})
    await admin.close()


async def rung(configuration: Configuration) -> list[tuple[str, str]]:
    """Channel and rule of every alarm."""
    settings = configuration.settings
    found = await read_all(settings.kafka.bootstrap, TopicNames(settings.app).alarms("water"))
    bodies = [json.loads(r.value) for r in found if dict(r.headers)["tocsin"] == b"revision"]
    return [(body["channel"], body["rule"]["name"]) for body in bodies]


async def until_rung(configuration: Configuration, alarm: tuple[str, str]) -> None:
    """Wait for one alarm: another rule may ring before it."""
    async with asyncio.timeout(WAIT_S):
        while alarm not in await rung(configuration):  # noqa: ASYNC110 - the topic tells nobody
            await asyncio.sleep(0.2)


def step_3(folder: Path, bootstrap: str) -> list[tuple[str, str, str]]:
    """Lanes, channels that they know, and all their channels."""
    places = ["--configs", str(folder / "new" / "configs"), "--bootstrap", bootstrap]
    old = str(folder / "old" / "configs")
    said = tocsin("topics", *places, "--create", "--replication", "1", "--carry", old)
    return re.findall(r"^(.+): begins with what (\d+) of (\d+) channels learned$", said, re.M)


async def test_lanes_are_never_mixed_and_move_only_as_documented(
    tmp_path: Path, kafka: Cluster
) -> None:
    old = configured(tmp_path / "old", kafka.bootstrap, "narrow", lanes=2)
    await create(old)
    chance = random.Random(7)
    calm = [round(5.0 + chance.gauss(0.0, 0.05), 4) for _ in range(80)]
    async with LifelineWorker(old, WAY) as service:
        await until(service.ready)
        await send(old, calm, CHANNEL, home_lane(GROUP, 2))
        await until(lambda: taken(service) == len(calm))

    wide = configured(tmp_path / "wide", kafka.bootstrap, "narrow", lanes=3)
    with pytest.raises(ConfigError, match=r"expected 3 partitions, got 2; .*other-lanes"):
        await LifelineWorker(wide, WAY).__aenter__()
    with pytest.raises(ConfigError, match="another `app` and another `state`"):
        await carry(old, wide)

    new = configured(tmp_path / "new", kafka.bootstrap, "wider", lanes=3)
    lines = await asyncio.to_thread(step_3, tmp_path, kafka.bootstrap)
    assert [line[0] for line in lines] == ["water-0", "water-1", "water-2"]
    assert all(known == channels for _, known, channels in lines)
    assert sum(int(known) for _, known, _ in lines) == 8
    async with LifelineWorker(new, WAY) as service:
        await until(service.ready)
        await send(new, [calm[0], *[6.5] * 4], CHANNEL, home_lane(GROUP, 3))
        await until(lambda: taken(service) == 5)
        await until_rung(new, (CHANNEL, "unusual"))

    await send(old, calm[:1], CHANNEL, home_lane(GROUP, 2))
    with pytest.raises(FatalError, match=r"expected a snapshot at the end of its log"):
        await carry(old, new)


async def test_state_of_other_lanes_stands_and_rings_though_all_topics_were_raised(
    tmp_path: Path, kafka: Cluster
) -> None:
    old = configured(tmp_path / "old", kafka.bootstrap, "raised", lanes=2)
    await create(old)
    async with LifelineWorker(old, WAY) as service:
        await until(service.ready)
        await send(old, [5.0], CHANNEL, home_lane(GROUP, 2))
        await until(lambda: taken(service) == 1)
        await service.revoked([0, 1])
        await service.assigned([0, 2])
        with pytest.raises(ConfigError, match="got number 2; it was raised while workers ran"):
            await service.over()
    await widen(old, 3)
    (tmp_path / "old" / "state").rename(tmp_path / "state")
    wide = configured(tmp_path, kafka.bootstrap, "raised", lanes=3)
    async with LifelineWorker(wide, WAY) as service:
        phases = {lane.name: lane for lane in service.lanes()}
        await until(lambda: len(service.lanes()) == 3)
        phases = {lane.name: lane for lane in service.lanes()}
        await until(lambda: all(phases[n].phase == "failed" for n in ("water-0", "water-1")))
        assert "expected state of 3 lanes, got one of 2" in phases["water-0"].trouble
        for name in ("tocsin.water-0", "tocsin.water-1"):
            await until_rung(old, (name, "diverged"))
