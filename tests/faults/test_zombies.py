"""A worker that stands still past its session, is replaced and wakes up, changes nothing."""

from pathlib import Path

import pytest

from tests.testkit.faults.fleet import zombies
from tests.testkit.soak import rounds_left

ROUNDS, SOAK_ROUNDS, SOAK_SITES = 1, 10, 5


@pytest.mark.broker
@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_zombie_leaves_the_alarms_of_a_calm_replay(tmp_path: Path) -> None:
    await wake(tmp_path, seed=11, rounds=ROUNDS)


@pytest.mark.broker
@pytest.mark.soak
@pytest.mark.timeout(0)
async def test_fifty_zombies_change_nothing_either(tmp_path: Path) -> None:
    for seed in rounds_left("zombies", first=1, last=SOAK_SITES):
        await wake(tmp_path / str(seed), seed, SOAK_ROUNDS)


async def wake(folder: Path, seed: int, rounds: int) -> None:
    verdict = await zombies(folder, seed, rounds)
    assert verdict.rounds == rounds
    verdict.assert_equal(least=100)
