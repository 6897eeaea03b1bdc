"""A worker whose client brings nothing, or whose loop stood still, takes its lanes up again."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from app.configuration import Configuration
from app.service import Service, Way
from app.topics import TopicPlan, ensure, needed
from contracts.topics import TopicNames
from pipeline.watchdog import Patience
from tests.fire import city
from tests.kafka.broker import Cluster

PATIENCE = Patience(look_s=0.5, hungry_s=2.0)
REBUILT_S_MAX = 30.0
WAIT_S = 40.0
SESSION = "session_timeout: 3 s\n"


async def configured(folder: Path, bootstrap: str, app: str) -> Configuration:
    city.configure(folder / "configs", 4, 1, folder / "state")
    settings = folder / "configs" / "tocsin.yaml"
    settings.write_text(settings.read_text().replace("app: tocsin", f"app: {app}") + SESSION)
    found = Configuration.load(folder / "configs")
    kafka = msgspec.structs.replace(found.settings.kafka, bootstrap=bootstrap)
    await ensure(needed(found.partitions, TopicNames(app), TopicPlan(replication=1)), bootstrap)
    return replace(found, settings=msgspec.structs.replace(found.settings, kafka=kafka))


async def send(bootstrap: str, app: str, count: int) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    try:
        for _ in range(count):
            body = {"channel": "water.tank-000.in", "time": time.time_ns() // 10**6, "value": 5.0}
            topic = TopicNames(app).telemetry("water")
            await producer.send_and_wait(topic, json.dumps(body).encode(), partition=0)
    finally:
        await producer.stop()


@asynccontextmanager
async def working(folder: Path, kafka: Cluster, app: str) -> AsyncIterator[Service]:
    configuration = await configured(folder, kafka.bootstrap, app)
    async with Service(configuration, Way("water", patience=PATIENCE)) as service:
        yield service


async def until(holds: Callable[[], bool]) -> float:
    began = time.monotonic()
    async with asyncio.timeout(WAIT_S):
        while not holds():  # noqa: ASYNC110 - lanes tell nobody
            await asyncio.sleep(0.05)
    return time.monotonic() - began


def taken(service: Service) -> int:
    return sum(lane.accounts.get("received", 0) for lane in service.lanes())


@pytest.mark.slow
async def test_a_client_that_brings_nothing_is_made_anew_within_half_a_minute(
    tmp_path: Path, kafka: Cluster
) -> None:
    async with working(tmp_path, kafka, "rebuild") as service:
        await until(service.ready)
        await send(kafka.bootstrap, "rebuild", 5)
        await until(lambda: taken(service) == 5)
        source = service.worker._setting.doors.telemetry
        source._client.consumer._fetcher._fetch_task.cancel()  # type: ignore[attr-defined]
        await send(kafka.bootstrap, "rebuild", 5)
        assert await until(lambda: taken(service) == 10) < REBUILT_S_MAX
        assert service.pulse().rebuilds == 1
        assert await until(service.ready) < 5
        assert service.alive()


@pytest.mark.slow
async def test_a_loop_that_stood_still_past_its_session_goes_on_and_says_how_long(
    tmp_path: Path, kafka: Cluster
) -> None:
    async with working(tmp_path, kafka, "blocked") as service:
        await until(service.ready)
        await send(kafka.bootstrap, "blocked", 5)
        await until(lambda: taken(service) == 5)
        await asyncio.sleep(0.6)
        time.sleep(6.0)  # noqa: ASYNC251 - twice the session
        await send(kafka.bootstrap, "blocked", 5)
        assert await until(lambda: taken(service) == 10) < REBUILT_S_MAX
        assert 5.0 < service.pulse().lag_s < 8.0
