"""A lane that stands goes on when somebody says so, and what is given up is said."""

import json
import random
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from app.cli.parser import parser
from app.process.lifeline_worker import LifelineWorker
from app.process.worker_options import WorkerOptions
from configuration.configuration import Configuration
from contracts.errors import ConfigError, FatalError
from contracts.topics import TopicNames
from operate.begin_anew import begin_anew
from tests.testkit.faults.oracle import read_all
from tests.testkit.in_process import configured, create, send, taken, until
from tests.testkit.kafka.broker import Cluster

APP = "anew"
CHANNEL = "water.tank-000.in"
WAY = WorkerOptions("water")


def noise(count: int) -> list[float]:
    chance = random.Random(7)
    return [round(5.0 + chance.gauss(0.0, 0.05), 4) for _ in range(count)]


async def delete_before(bootstrap: str, offset: int) -> None:
    place = TopicPartition(TopicNames(APP).telemetry("water"), 0)
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.delete_records({place: RecordsToDelete(before_offset=offset)})
    await admin.close()


async def rung(bootstrap: str) -> list[tuple[str, str]]:
    found = await read_all(bootstrap, TopicNames(APP).alarms("water"))
    bodies = [json.loads(r.value) for r in found if dict(r.headers)["tocsin"] == b"revision"]
    return [(body["channel"], body["rule"]["name"]) for body in bodies]


def damage_all(state: Path) -> None:
    for path in (state / "water-0").iterdir():
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 4
        path.write_bytes(data)


async def said_by(words: list[str]) -> str:
    return await begin_anew(parser().parse_args(["begin-anew", *words]))


async def stands(configuration: Configuration, words: list[str]) -> None:
    """The lane stands; while its worker is there, nobody else may touch it."""
    async with LifelineWorker(configuration, WAY) as service:
        await until(lambda: [lane.phase for lane in service.lanes()] == ["failed"])
        await until(lambda: sum(lane.revisions for lane in service.lanes()) > 0)
        with pytest.raises(FatalError, match="expected no workers, got 1; stop them first"):
            await said_by(words)


async def skips(words: list[str], first: int, last: int) -> None:
    """All that was not told may be skipped; neither what was, nor what is not there yet."""
    for beyond in (first - 1, last + 1):
        expected = f"--skip-to: expected {first} to {last}, got {beyond}"
        with pytest.raises(ConfigError, match=expected):
            await said_by([*words, "--skip-to", str(beyond)])
    said = await said_by([*words, "--skip-to", str(last)])
    assert said.startswith(f"water-0: goes on at telemetry offset {last} of {last}, with what 8 of")


async def test_a_standing_lane_goes_on_from_what_is_left(tmp_path: Path, kafka: Cluster) -> None:
    city = configured(tmp_path, kafka.bootstrap, APP)
    words = ["--configs", str(tmp_path / "configs"), "--bootstrap", kafka.bootstrap, "--lane", "0"]
    await create(city)
    calm = noise(80)
    async with LifelineWorker(city, WAY) as service:
        await until(service.ready)
        await send(city, calm, CHANNEL)
        await until(lambda: taken(service) == 80)
    await send(city, calm[:30], CHANNEL)
    await delete_before(kafka.bootstrap, 92)
    await stands(city, words)
    said = await said_by(words)
    assert said == (
        "water-0: goes on at telemetry offset 92 of 110, with what 8 of 8 channels learned; "
        "offsets 80 to 91 are given up"
    )
    async with LifelineWorker(city, WAY) as service:
        await until(lambda: taken(service) == 18)
        await until(service.ready)
        await send(city, [6.5] * 4, CHANNEL)
        await until(lambda: taken(service) == 22 and service.lanes()[0].revisions > 0)
    assert (CHANNEL, "unusual") in await rung(kafka.bootstrap)

    damage_all(tmp_path / "state")
    await send(city, calm[:5], CHANNEL)
    await stands(city, words)
    said = await said_by(words)
    assert said == (
        "water-0: goes on at telemetry offset 114 of 119, with what 0 of 8 channels learned"
    )
    async with LifelineWorker(city, WAY) as service:
        await until(lambda: taken(service) == 5)
        await until(service.ready)
    await skips(words, 119, 119)
    lost = [pair for pair in await rung(kafka.bootstrap) if pair[0] == "tocsin.water-0"]
    assert lost == [("tocsin.water-0", "data_loss")] * 2
