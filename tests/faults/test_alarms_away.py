"""The alarms topic takes nothing for a while: readings wait, nothing is lost or doubled."""

import asyncio
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType

from tests.testkit.faults.drill import Flow, Site, under_fire
from tests.testkit.kafka.broker import Cluster

TOPIC = "tocsin.alarms.water"
BEFORE_S, AWAY_S, SOAK_AWAY_S = 4.0, 8.0, 900.0
RINGS_S = 30.0
PER_SECOND = 1_000.0
# Markers of aborted transactions must pass: a broker that cannot write them never ends them.
NO_ALARM_BYTES = 120
RESIDENT_BYTES_MAX = 600 << 20


def allow(bootstrap: str, message_bytes: int) -> None:
    """Let the topic take batches of at most so many bytes."""
    entry = ConfigEntry(
        "max.message.bytes", str(message_bytes), incremental_operation=AlterConfigOpType.SET
    )
    resource = ConfigResource(ResourceType.TOPIC, TOPIC, incremental_configs=[entry])
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for answer in admin.incremental_alter_configs([resource]).values():
        answer.result(20)


async def away(folder: Path, seconds: float) -> None:
    with Cluster() as kafka:
        site = Site(kafka.bootstrap, folder)
        worker = site.hire()

        async def told() -> float:
            found: dict[str, float] = {}
            while "alarm" not in found:  # a busy worker may not answer at once
                found = await asyncio.to_thread(worker.metric, "tocsin_outputs_total", "kind")
            return found["alarm"]

        async def shut() -> int:
            worker.start()
            while not await asyncio.to_thread(worker.get, "/readyz"):  # noqa: ASYNC110 - a process
                await asyncio.sleep(0.2)
            await asyncio.sleep(BEFORE_S)
            async with asyncio.timeout(RINGS_S):
                while not await told():  # noqa: ASYNC110 - a process
                    await asyncio.sleep(0.2)
            allow(kafka.bootstrap, NO_ALARM_BYTES)
            await asyncio.sleep(seconds)
            before = await told()
            await asyncio.sleep(1)
            assert await told() == before  # 0 again once its clients were made anew
            assert worker.get("/livez") is not None
            resident = await asyncio.to_thread(worker.metric, "process_resident_memory_bytes", "")
            assert 0 < sum(resident.values()) < RESIDENT_BYTES_MAX
            allow(kafka.bootstrap, 1 << 20)
            return 1

        verdict = await under_fire(site, Flow(10_000, PER_SECOND, seed=3), shut)
    verdict.assert_equal(least=100)


@pytest.mark.broker
@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_alarms_that_cannot_be_told_for_a_while_are_told_later_in_order(
    tmp_path: Path,
) -> None:
    await away(tmp_path, AWAY_S)


@pytest.mark.broker
@pytest.mark.soak
@pytest.mark.timeout(0)
async def test_a_quarter_of_an_hour_without_the_alarms_topic(tmp_path: Path) -> None:
    await away(tmp_path, SOAK_AWAY_S)
