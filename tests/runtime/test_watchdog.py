"""The watchdog calls for new clients when a lane stands before records, and else never."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from contracts.ports.status import LaneStatus, Phase
from runtime.watchdog import Patience, Watchdog

PATIENCE = Patience(look_s=0.005, hungry_s=3.0, lost_s=0.05, most_s=20.0)
CALM_S = 0.2


@dataclass
class Scene:
    """Lanes, ends of their logs, and what happens to them between two looks."""

    lanes: dict[int, LaneStatus] = field(default_factory=dict)
    ends: dict[int, int] | None = field(default_factory=dict)
    settled: bool = True
    between: Callable[[], None] = lambda: None
    asked: int = 0

    async def ask(self, numbers: Sequence[int]) -> dict[int, int] | None:
        self.asked += 1
        self.between()
        return None if self.ends is None else {n: self.ends.get(n, 0) for n in numbers}

    def dog(self) -> Watchdog:
        return Watchdog(lambda: self.lanes, lambda: self.settled, self.ask, PATIENCE)


def lane(phase: Phase = "running", position: int = 10) -> LaneStatus:
    return LaneStatus("water-0", phase=phase, position=position)


async def bark(dog: Watchdog) -> str:
    async with asyncio.timeout(5):
        return await dog.until_stuck()


async def assert_calm(scene: Scene) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(CALM_S):
            await scene.dog().until_stuck()
    assert scene.asked > 5


def hunger(status: LaneStatus, seconds: float = 0.5) -> Callable[[], None]:
    def go_on() -> None:
        status.hungry_s += seconds

    return go_on


@pytest.mark.parametrize("phase", ["running", "replaying"])
async def test_a_lane_that_waits_for_records_that_are_there_is_stuck(phase: Phase) -> None:
    status = lane(phase)
    scene = Scene({0: status}, {0: 40}, between=hunger(status))
    assert await bark(scene.dog()) == (
        "water-0: waits at 10 although records wait there, for 3 s while brokers answer"
    )
    assert status.hungry_s == 3.5


async def test_hunger_before_the_records_came_does_not_count() -> None:
    status = lane()
    status.hungry_s = 5_000.0
    await assert_calm(Scene({0: status}, {0: 40}))


async def test_a_lane_at_its_end_may_wait_for_ever() -> None:
    status = lane(position=40)
    await assert_calm(Scene({0: status}, {0: 40}, between=hunger(status)))


async def test_a_lane_that_moves_is_well_however_far_its_end() -> None:
    status = lane()

    def move() -> None:
        status.position += 1
        status.hungry_s += 0.5

    await assert_calm(Scene({0: status}, {0: 10**9}, between=move))


async def test_a_lane_that_works_long_on_what_it_has_is_not_hungry() -> None:
    await assert_calm(Scene({0: lane()}, {0: 40}))  # a snapshot, a flush, a long batch


async def test_brokers_that_do_not_answer_are_no_reason() -> None:
    status = lane()
    await assert_calm(Scene({0: status}, None, between=hunger(status)))


async def test_a_lane_that_stands_for_good_is_left_standing() -> None:
    status = lane("failed")
    scene = Scene({0: status}, {0: 40}, between=hunger(status))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(CALM_S):
            await scene.dog().until_stuck()


async def test_a_lane_that_cannot_recover_while_records_wait_is_stuck() -> None:
    status = lane("recovering", 0)
    status.trouble = "no answer"
    why = await bark(Scene({0: status}, {0: 40}).dog())
    assert why.startswith("water-0: cannot recover (no answer), for ")


async def test_a_worker_that_gets_nothing_from_a_group_is_stuck_but_a_spare_one_is_not() -> None:
    assert "gives it nothing" in await bark(Scene(settled=False).dog())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(CALM_S):
            await Scene(settled=True).dog().until_stuck()


async def test_tries_in_vain_come_at_longer_intervals_until_the_lane_moves() -> None:
    status = lane()
    scene = Scene({0: status}, {0: 40}, between=hunger(status))
    dog = scene.dog()
    waited = []
    for _ in range(5):
        began = status.hungry_s
        await bark(dog)
        waited.append(status.hungry_s - began)
    assert waited == [3.5, 6.5, 12.5, 20.5, 20.5]

    def move() -> None:
        status.hungry_s += 0.5
        if status.position < 15:
            status.position += 1

    scene.between = move
    began = status.hungry_s
    await bark(dog)
    assert status.hungry_s - began < 7.0
