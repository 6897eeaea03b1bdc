"""A lane that cannot see what its log holds says so, and calls no channel silent for it."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from confluent_kafka import Producer

from tests.testkit.faults.drill import Site
from tests.testkit.faults.oracle import Witness, witness
from tests.testkit.faults.sensors import TOPIC, Sensors
from tests.testkit.kafka.broker import Cluster
from tests.testkit.worker_process import WorkerProcess

SILENT_S = 12  # a busy machine, and a broker that finds its way back, may keep senders for seconds
OUTAGE_S = 18.0  # longer than a channel may be silent
WAIT_S = 120.0


async def until(holds: Callable[[], bool], what: str) -> None:
    """Wait for something that happens in another process."""
    async with asyncio.timeout(WAIT_S):
        while not await asyncio.to_thread(holds):  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.2)
    assert what


@asynccontextmanager
async def watched(
    kafka: Cluster, folder: Path
) -> AsyncIterator[tuple[WorkerProcess, Sensors, Witness]]:
    """A worker that watches a city, all of whose channels send."""
    site = Site(kafka.bootstrap, folder)
    (pack,) = [path for path in site.configs.glob("water/*.yaml") if "silent:" in path.read_text()]
    pack.write_text(pack.read_text().replace("after: 3 periods", f"after: {SILENT_S} s"))
    worker, sensors = site.hire(), Sensors(site)
    sending = asyncio.create_task(sensors.run())
    try:
        worker.start()
        async with witness(kafka.bootstrap, "tocsin.alarms.water") as seen:
            await until(lambda: scored(worker) > 4 * len(sensors.channels), "readings")
            yield worker, sensors, seen
    finally:
        sending.cancel()
        worker.bury()


def scored(worker: WorkerProcess) -> float:
    """Readings that the worker's lanes have scored."""
    return worker.metric("tocsin_readings_total", "destiny").get("scored", 0.0)


def hidden_commands_s(worker: WorkerProcess) -> float:
    """How long commands have been hidden from the worker's lanes."""
    return worker.metric("tocsin_commands_hidden_seconds", "lifeline")["water"]


def why_not_ready(worker: WorkerProcess) -> str:
    """What the worker's readiness probe says while it refuses."""
    try:
        with urllib.request.urlopen(f"http://{worker.host}:{worker.port}/readyz", timeout=5):
            return ""
    except urllib.error.HTTPError as refusal:
        return refusal.read().decode()


def silent(seen: Witness) -> set[str]:
    """Channels that were called silent."""
    alarms = [json.loads(body) for body in seen.bodies]
    return {alarm["channel"] for alarm in alarms if alarm["rule"]["name"] == "silent"}


@pytest.mark.broker
@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("hurt", ["frozen", "killed"])
async def test_an_outage_lets_only_those_ring_that_died_in_it(tmp_path: Path, hurt: str) -> None:
    with Cluster() as kafka:
        async with watched(kafka, tmp_path) as (worker, sensors, seen):
            assert silent(seen) == set()
            await asyncio.to_thread(kafka.pause if hurt == "frozen" else kafka.kill, 0)
            dead = sensors.channels.pop()
            await asyncio.sleep(OUTAGE_S)
            await asyncio.to_thread(kafka.resume if hurt == "frozen" else kafka.restart, 0)
            before = scored(worker)
            await until(lambda: scored(worker) > before + 4 * len(sensors.channels), "readings")
            assert silent(seen) == set()
            await until(lambda: bool(silent(seen)), f"{dead} to ring")
            assert silent(seen) == {dead}


@pytest.mark.broker
@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_an_open_transaction_among_commands_is_seen_and_readings_go_on(
    tmp_path: Path,
) -> None:
    with Cluster() as kafka:
        async with watched(kafka, tmp_path) as (worker, sensors, _):
            stranger = Producer(
                {"bootstrap.servers": kafka.bootstrap, "transactional.id": "stranger"}
            )
            await asyncio.to_thread(stranger.init_transactions, WAIT_S)
            stranger.begin_transaction()
            stranger.produce("tocsin.commands.water", b"{}", partition=0)
            await asyncio.to_thread(stranger.flush, WAIT_S)
            await until(lambda: worker.get("/readyz") is None, "a lane that hears no commands")
            assert "running: an open transaction has hidden commands" in (
                await asyncio.to_thread(why_not_ready, worker)
            )
            assert await asyncio.to_thread(hidden_commands_s, worker) > 10
            before = scored(worker)
            await until(lambda: scored(worker) > before + 4 * len(sensors.channels), "readings")
            await asyncio.to_thread(stranger.commit_transaction, WAIT_S)
            await until(lambda: worker.get("/readyz") is not None, "a lane that is ready")
            assert await asyncio.to_thread(hidden_commands_s, worker) == 0


@pytest.mark.broker
@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_an_open_transaction_blocks_a_lane_and_nobody_rings_for_it(tmp_path: Path) -> None:
    with Cluster() as kafka:
        async with watched(kafka, tmp_path) as (worker, _, seen):
            stranger = Producer(
                {"bootstrap.servers": kafka.bootstrap, "transactional.id": "stranger"}
            )
            await asyncio.to_thread(stranger.init_transactions, WAIT_S)
            stranger.begin_transaction()
            stranger.produce(TOPIC, b"{}", partition=0)
            await asyncio.to_thread(stranger.flush, WAIT_S)
            await until(lambda: worker.get("/readyz") is None, "a lane that is not ready")
            hidden_s = await asyncio.to_thread(worker.metric, "tocsin_lane_hidden_seconds")
            lag = await asyncio.to_thread(worker.metric, "tocsin_lane_lag_records")
            assert hidden_s["water-0"] > 10 > hidden_s["water-1"]
            assert lag["water-0"] > 10
            assert silent(seen) == set()
            await asyncio.to_thread(stranger.commit_transaction, WAIT_S)
            await until(lambda: worker.get("/readyz") is not None, "a lane that is ready")
            assert silent(seen) == set()
