"""Threads and locks say how much work is in them and how much waits."""

import asyncio
import sys
import threading

import pytest

from contracts.ports.status import QueueStatus, totals
from runtime.queues import TURN_S, CountedLock, OneThread, short_turns

WAIT_S = 30.0


async def test_a_thread_counts_what_runs_what_waits_and_what_was_cancelled() -> None:
    go_on, loop = threading.Event(), asyncio.get_running_loop()
    with OneThread("scoring") as thread:
        assert thread.queue() == QueueStatus("scoring", 0, 1, 0)
        running, *waiting = [
            loop.run_in_executor(thread, go_on.wait, WAIT_S),
            *(loop.run_in_executor(thread, int) for _ in range(3)),
        ]
        assert thread.queue() == QueueStatus("scoring", 1, 1, 3)
        waiting.pop().cancel()
        await asyncio.sleep(0)  # the loop hands the cancel on
        assert thread.queue() == QueueStatus("scoring", 1, 1, 2)
        go_on.set()
        async with asyncio.timeout(WAIT_S):
            await asyncio.gather(running, *waiting)
    assert thread.queue() == QueueStatus("scoring", 0, 1, 0)


async def test_work_that_fails_or_is_refused_does_not_stay_in_the_count() -> None:
    thread = OneThread("scoring")
    with pytest.raises(ValueError, match="invalid literal"):
        await asyncio.get_running_loop().run_in_executor(thread, int, "no number")
    thread.shutdown()
    with pytest.raises(RuntimeError, match="after shutdown"):
        thread.submit(int)
    assert thread.queue() == QueueStatus("scoring", 0, 1, 0)


async def test_a_lock_counts_its_holder_and_who_waits_and_no_longer_who_gave_up() -> None:
    lock = CountedLock("snapshot_copy")
    await lock.acquire()
    waiting = [asyncio.create_task(lock.acquire()) for _ in range(3)]
    await asyncio.sleep(0)
    assert lock.queue() == QueueStatus("snapshot_copy", 1, 1, 3)
    waiting.pop().cancel()
    await asyncio.sleep(0)
    assert lock.queue() == QueueStatus("snapshot_copy", 1, 1, 2)
    for task in waiting:
        lock.release()
        assert await task
    assert lock.queue() == QueueStatus("snapshot_copy", 1, 1, 0)
    lock.release()
    async with lock:
        assert lock.queue() == QueueStatus("snapshot_copy", 1, 1, 0)
    assert lock.queue() == QueueStatus("snapshot_copy", 0, 1, 0)


def test_queues_of_one_name_are_told_as_one_although_only_one_of_them_is_full() -> None:
    full, empty = QueueStatus.of("fetched", 3, 2), QueueStatus.of("fetched", 0, 2)
    assert (full, empty) == (("fetched", 2, 2, 1), ("fetched", 0, 2, 0))
    other = QueueStatus.of("scoring", 1, 1)
    assert totals([full, other, empty]) == (("fetched", 2, 4, 1), ("scoring", 1, 1, 0))


def test_turns_are_short_inside_and_as_before_behind() -> None:
    before = sys.getswitchinterval()
    with short_turns():
        assert sys.getswitchinterval() == pytest.approx(TURN_S)
    assert sys.getswitchinterval() == before
