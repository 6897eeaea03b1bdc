"""Delays between tries double up to a cap, and start again after a long success."""

import asyncio
from dataclasses import dataclass

from contracts.errors import RetryableError
from contracts.seeded import seeded
from runtime.backoff import Backoff, pause


@dataclass
class WoundClock:
    """A clock that a test winds."""

    now_s: float = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_delays_double_up_to_the_cap() -> None:
    backoff = Backoff(0.5, 10.0)
    assert [backoff.delay_s() for _ in range(7)] == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_a_try_that_lasted_long_brings_the_first_delay_back_and_a_short_one_does_not() -> None:
    clock = WoundClock()
    backoff = Backoff(1.0, 30.0, reset_after_s=60.0, clock=clock)
    found = []
    for lasted_s in (0.0, 60.0, 60.5, 0.0):
        backoff.begin()
        clock.now_s += lasted_s
        found.append(backoff.delay_s())
    assert found == [1.0, 2.0, 1.0, 2.0]


def test_time_spent_waiting_is_no_part_of_a_try() -> None:
    clock = WoundClock()
    backoff = Backoff(1.0, 30.0, reset_after_s=60.0, clock=clock)
    backoff.begin()
    backoff.delay_s()
    clock.now_s += 100.0
    backoff.begin()
    assert backoff.delay_s() == 2.0


def test_an_error_that_asks_for_more_time_gets_it_beyond_the_cap_too() -> None:
    backoff = Backoff(0.5, 10.0, jitter=seeded(1))
    assert backoff.delay_s(RetryableError("away", retry_after_s=15.0)) == 15.0
    assert backoff.delay_s(RetryableError("away", retry_after_s=0.1)) > 0.1
    assert 1.0 <= backoff.delay_s(OSError("refused")) <= 2.0


def test_jitter_spreads_delays_within_their_upper_half() -> None:
    found = [Backoff(8.0, 8.0, jitter=seeded(seed)).delay_s() for seed in range(50)]
    assert all(4.0 < delay_s <= 8.0 for delay_s in found)
    assert len(set(found)) == 50
    assert max(found) - min(found) > 3.0


async def test_a_pause_ends_with_its_time_or_its_event() -> None:
    stopping = asyncio.Event()
    await pause(0.001, stopping)
    waiting = asyncio.create_task(pause(600.0, stopping))
    await asyncio.sleep(0)
    assert not waiting.done()
    stopping.set()
    async with asyncio.timeout(30):
        await waiting
