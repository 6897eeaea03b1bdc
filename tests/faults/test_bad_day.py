"""Brokers, links, disks and clocks fail one after the other; alarms are those of a calm replay."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.testkit.faults import brokers, fleet, machine, network, routes
from tests.testkit.faults.brokers import bounce
from tests.testkit.faults.drill import Verdict
from tests.testkit.faults.fleet import grow, shrink
from tests.testkit.faults.machine import fill_the_disk, jump, with_both
from tests.testkit.faults.network import reset
from tests.testkit.faults.scenario import Cast, play
from tests.testkit.soak import rounds_left

LEAST = 100
SOAK_ROUNDS = 5
SOAKED: dict[str, Callable[[Path, int, int], Awaitable[Verdict]]] = {
    "rolling": fleet.rolled,
    "crew": fleet.grown_and_shrunk,
    "bounce": brokers.bounced,
    "away": brokers.all_away,
    "wires": network.troubled,
    "half-open": network.swallowed,
    "cut": network.cut,
    "routes": routes.blackholed,
    "blocked": fleet.blocked,
    "disk": machine.disk_full,
    "clock": machine.clock_jumps,
}
needs_namespace = pytest.mark.skipif(machine.lacking() is not None, reason=str(machine.lacking()))


@pytest.mark.broker
@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_three_brokers_and_the_way_to_them_fail_and_nothing_is_lost(tmp_path: Path) -> None:
    cast = Cast(workers=1, lanes=3, nodes=3, linked=True)
    acts = [reset, grow, bounce, shrink]  # a soak has each fault, again and again
    (await play(tmp_path, 21, cast, *acts)).assert_equal(LEAST)


@pytest.mark.broker
@pytest.mark.slow
@pytest.mark.timeout(120)
@needs_namespace
async def test_a_full_disk_and_a_wrong_clock_change_nothing(tmp_path: Path) -> None:
    cast = Cast(dress=with_both)
    (await play(tmp_path, 22, cast, fill_the_disk, jump)).assert_equal(LEAST)


@pytest.mark.broker
@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.parametrize("name", SOAKED)
async def test_each_fault_again_and_again_changes_nothing(name: str, tmp_path: Path) -> None:
    for seed in rounds_left(name, first=1, last=SOAK_ROUNDS):
        (await SOAKED[name](tmp_path / str(seed), seed, SOAK_ROUNDS)).assert_equal(LEAST)
