"""A worker whose readings were deleted before it took them says exactly which, and stands."""

import asyncio
import json
import time
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from tests.testkit.faults.drill import Site
from tests.testkit.faults.oracle import read_all
from tests.testkit.kafka.broker import Cluster
from tests.testkit.worker_process import WorkerProcess, settle

TOPIC = "tocsin.telemetry.water"
WAIT_S_MAX = 40.0


async def send(bootstrap: str, count: int) -> int:
    """Readings for lane 0; the end of its log."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    try:
        place = None
        for _ in range(count):
            body = {"channel": "water.tank-000.in", "time": time.time_ns() // 10**6, "value": 5.0}
            place = await producer.send_and_wait(TOPIC, json.dumps(body).encode(), partition=0)
    finally:
        await producer.stop()
    assert place is not None
    return int(place.offset) + 1


async def delete_before(bootstrap: str, offset: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.delete_records({TopicPartition(TOPIC, 0): RecordsToDelete(before_offset=offset)})
    await admin.close()


async def rung(bootstrap: str) -> list[dict[str, object]]:
    found = [json.loads(item.value) for item in await read_all(bootstrap, "tocsin.alarms.water")]
    return [body for body in found if body.get("channel") == "tocsin.water-0"]


async def stands(worker: WorkerProcess, bootstrap: str) -> list[dict[str, object]]:
    """What a worker's lane rang about itself, once it stands."""
    deadline = time.monotonic() + WAIT_S_MAX
    while True:
        phases = await asyncio.to_thread(worker.metric, "tocsin_lane_phase", "phase")
        if phases.get("failed") == 1 and (alarms := await rung(bootstrap)):
            return alarms
        assert time.monotonic() < deadline, worker.log.read_text()[-4000:]
        await asyncio.sleep(0.2)


@pytest.mark.broker
@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_deleted_readings_ring_with_their_offsets_once_and_never_a_silent_reset(
    tmp_path: Path,
) -> None:
    with Cluster() as kafka:
        site = Site(kafka.bootstrap, tmp_path)
        worker = site.hire()
        alarms: list[dict[str, object]] = []
        try:
            worker.start()
            position = await send(kafka.bootstrap, 20)
            await settle([worker], {"water-0": position}, 60)
            assert await worker.finish(30) == 0
            await send(kafka.bootstrap, 30)
            await delete_before(kafka.bootstrap, position + 12)
            for _ in range(2):
                worker.start()
                alarms = await stands(worker, kafka.bootstrap)
                assert worker.get("/livez") is not None
                assert worker.get("/readyz") is None
                assert await worker.finish(30) == 0
        finally:
            worker.bury()
    (alarm,) = alarms
    proof = {"channel": "tocsin.water-0", "topic": TOPIC, "partition": 0}
    assert alarm["evidence"] == [proof | {"first": position, "last": position + 11}]
    assert alarm["rule"]["name"] == "data_loss"  # type: ignore[index]
    assert f"readings {position} to {position + 11} are lost" in alarm["say"]["en"]  # type: ignore[index]
