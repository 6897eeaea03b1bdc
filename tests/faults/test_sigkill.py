"""Ten sudden deaths during 100,000 readings change nothing that anybody can see."""

from pathlib import Path

import pytest

from tests.testkit.faults.deaths import killed_at_random
from tests.testkit.soak import rounds_left

DEATHS = 10


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


async def survive(folder: Path, seed: int) -> None:
    verdict = await killed_at_random(folder, seed, DEATHS)
    verdict.assert_equal(least=100 * DEATHS)
    assert verdict.account["late"] > 0
