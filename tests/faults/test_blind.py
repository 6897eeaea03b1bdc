"""A lane that cannot see what its log holds says so, and calls no channel silent for it."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import Producer

from contracts.desk.answer import CurrentAlarm
from contracts.desk.notice import Notice
from pipeline.worker.broker_contact import TOLD_S
from tests.testkit.faults.drill import Site
from tests.testkit.faults.oracle import Witness, read_all, witness
from tests.testkit.faults.sensors import TOPIC, Sensors
from tests.testkit.kafka.broker import Cluster
from tests.testkit.worker_process import WorkerProcess

SILENT_S = 12  # a busy machine, and a broker that finds its way back, may keep senders for seconds
OUTAGE_S = 18.0  # longer than a channel may be silent
WAIT_S, LONG_S = 120.0, 300.0  # clients come back to a broker that was killed after up to 100 s


async def until(holds: Callable[[], bool], what: str, wait_s: float = WAIT_S) -> None:
    """Wait for something that happens in another process."""
    async with asyncio.timeout(wait_s):
        while not await asyncio.to_thread(holds):  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.2)
    assert what


@asynccontextmanager
async def watched(
    kafka: Cluster, folder: Path
) -> AsyncIterator[tuple[WorkerProcess, Sensors, Witness]]:
    """A worker that watches a city, all of whose channels send."""
    async with watching(Site(kafka.bootstrap, folder), kafka) as found:
        yield found


@asynccontextmanager
async def watching(
    site: Site, kafka: Cluster
) -> AsyncIterator[tuple[WorkerProcess, Sensors, Witness]]:
    """The same, of a site that is there."""
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
        await asyncio.gather(sending, return_exceptions=True)
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


async def told(kafka: Cluster) -> list[Notice]:
    """Notices that a desk was told, heartbeats aside."""
    records = await read_all(kafka.bootstrap, "tocsin.notices")
    kinds = [(dict(record.headers)["tocsin"], record.value) for record in records]
    notices = [msgspec.json.decode(body, type=Notice) for kind, body in kinds if kind == b"notice"]
    return [n for n in notices if n.withheld is None and n.reason != "heartbeat"]


async def currents(kafka: Cluster) -> list[CurrentAlarm]:
    """What the desk stage keeps of alarms."""
    records = await read_all(kafka.bootstrap, "tocsin.alarms.current")
    return [msgspec.json.decode(one.value, type=CurrentAlarm) for one in records if one.value]


def outages(seen: Witness) -> list[str]:
    """The lanes that told of the brokers, by the channels that they have for themselves."""
    alarms = [json.loads(body) for body in seen.bodies]
    return sorted({alarm["channel"] for alarm in alarms if alarm["rule"]["name"] == "outage"})


@pytest.mark.broker
@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_an_outage_of_the_brokers_is_one_notice_and_not_one_per_lane_or_channel(
    tmp_path: Path,
) -> None:
    with Cluster() as kafka:
        site = Site(kafka.bootstrap, tmp_path)
        desk = site.hire_desk()
        desk.start()
        try:
            async with watching(site, kafka) as (worker, sensors, seen):
                await until(lambda: desk.get("/readyz") is not None, "the desk stage")
                assert await told(kafka) == []
                await asyncio.to_thread(kafka.kill, 0)
                await asyncio.sleep(TOLD_S + OUTAGE_S)
                await asyncio.to_thread(kafka.restart, 0)
                before = scored(worker)
                want = before + 4 * len(sensors.channels)
                await until(lambda: scored(worker) > want, "readings", LONG_S)
                lanes = [f"tocsin.water-{lane}" for lane in range(site.lanes)]
                await until(lambda: outages(seen) == lanes, "each lane's alarm", LONG_S)
                await until(lambda: caught_up(desk, len(outages(seen))), "the desk", LONG_S)
                assert silent(seen) == set()
                notices = await told(kafka)
                assert [(n.reason, n.desk) for n in notices] == [("new", "city")], notices
                assert {a.incident for a in await currents(kafka)} == {notices[0].incident}
        finally:
            desk.bury()


def caught_up(desk: WorkerProcess, least: int) -> bool:
    """Whether the stage has taken so many alarms, and none waits for it."""
    taken = desk.metric("tocsin_desk_alarms_taken_total", "").get("", 0.0)
    return taken >= least and desk.metric("tocsin_desk_lag_records", "") == {"": 0.0}


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
