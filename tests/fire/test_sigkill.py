"""Ten sudden deaths during 100,000 readings change nothing that anybody can see."""

import asyncio
import logging
import random
from pathlib import Path

import pytest

from tests.fire.drill import Flow, Site, Verdict, under_fire
from tests.fire.soak import rounds_left
from tests.kafka.broker import Cluster

log = logging.getLogger(__name__)

READINGS = 100_000
DEATHS = 10
SECONDS = 45


@pytest.mark.broker
@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_ten_sigkills_during_a_hundred_thousand_readings_leave_the_alarms_of_a_calm_replay(
    tmp_path: Path,
) -> None:
    await survive(tmp_path, seed=7)


@pytest.mark.broker
@pytest.mark.soak
@pytest.mark.timeout(0)
async def test_deaths_of_many_seeds_change_nothing_either(tmp_path: Path) -> None:
    """Rounds of ten deaths until SOAK_SECONDS are over; the next soak goes on where this ended."""
    for seed in rounds_left("passed", first=100):
        await survive(tmp_path / str(seed), seed)


async def survive(folder: Path, seed: int, deaths: int = DEATHS) -> Verdict:
    """Send, kill and judge."""
    with Cluster() as kafka:
        site = Site(kafka.bootstrap, folder)
        worker = site.hire()
        chance = random.Random(seed + 1)

        async def kill_at_random() -> int:
            worker.start()
            for _ in range(deaths):
                await asyncio.sleep(chance.uniform(0.3, 2 * SECONDS / DEATHS - 1.5))
                await asyncio.to_thread(worker.kill)
                worker.start()
            return deaths

        flow = Flow(READINGS * deaths // DEATHS, READINGS / SECONDS, seed)
        verdict = await under_fire(site, flow, kill_at_random)
    verdict.assert_equal(least=100 * deaths)
    assert verdict.account["late"] > 0
    return verdict
