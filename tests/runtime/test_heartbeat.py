"""A heart beats while its loop turns, and says by how much it was late."""

import asyncio
import time

import pytest

from runtime.heartbeat import Heartbeat


async def test_a_heart_is_alive_while_its_loop_turns_and_knows_its_worst_lag(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("runtime.heartbeat.BLOCKED_S", 0.1)
    monkeypatch.setattr("runtime.heartbeat.BEAT_S", 0.01)
    heart = Heartbeat()
    beat = asyncio.create_task(heart.run())
    await asyncio.sleep(0.03)
    assert heart.alive()
    assert heart.lag_s() < 0.1
    time.sleep(0.2)  # noqa: ASYNC251 - a loop that does not turn
    assert not heart.alive()
    await asyncio.sleep(0.03)
    assert heart.alive()
    assert 0.15 < heart.lag_s() < 1.0
    beat.cancel()
    await asyncio.gather(beat, return_exceptions=True)
