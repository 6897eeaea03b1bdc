"""What a lane says of its delays: lag in seconds, latencies, its newest flush and snapshot."""

import time

import pytest

from contracts.ports import status as lane_status
from pipeline.worker.lane_context import Pace
from tests.testkit.day import MESSAGES, Day
from tests.testkit.world import World, holding

BEHIND_S = 0.1  # enough to be told from a lane that keeps up


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane_status, "UNHEARD_S", BEHIND_S / 2)


async def test_lag_grows_while_the_broker_is_away_and_while_records_wait(world: World) -> None:
    with world.context() as context:
        async with holding(world, context) as crew:
            day, status = Day(world), crew.runner.status
            day.readings()
            await day.caught_up(crew)
            await crew.until(lambda: status.lag_s == 0)
            world.telemetry.away = True
            await crew.until(lambda: status.lag_s > BEHIND_S)
            assert status.position == status.end
            world.telemetry.away = False
            await crew.until(lambda: status.lag_s == 0)
            world.telemetry.hidden = 7
            await crew.until(lambda: status.lag_s > BEHIND_S)
            world.telemetry.hidden = 0
            await crew.until(lambda: status.lag_s == 0)


async def test_every_record_has_a_latency_and_what_is_repeated_has_none(world: World) -> None:
    with world.context(pace=Pace(snapshot_s=3600)) as context:
        async with holding(world, context) as crew:
            day, counts = Day(world), context.latency.counts
            for _ in range(3):
                day.readings()
                await day.caught_up(crew)
            await crew.until(lambda: sum(counts) == 3 * MESSAGES)
            assert world.manifests()[-1].telemetry == 0  # all is repeated
            await crew.kill()
            crew.hire(context)
            day.readings()
            await day.caught_up(crew)
            await crew.until(lambda: sum(counts) >= 4 * MESSAGES)
            assert sum(counts) < 5 * MESSAGES  # of the former ones those behind the newest mark
            newest_ms = world.clock.now_ms() - 1
            assert crew.runner.status.taken_ms == newest_ms


async def test_the_newest_flush_snapshot_and_configuration_are_told(world: World) -> None:
    began_s = time.time()
    with world.context() as context:
        async with holding(world, context) as crew:
            day, status = Day(world), crew.runner.status
            day.readings()
            await day.caught_up(crew)
            await crew.until(lambda: bool(status.flushed_ms))
            assert status.flushed_ms <= world.clock.now_ms()
            assert status.config == context.deployed.config
            await crew.drain()
    assert status.snapshot_bytes == world.manifests()[-1].size
    assert status.snapshot_at_s >= began_s
    assert status.snapshot_duration_s > 0


async def test_messages_that_cannot_be_decoded_are_counted_by_reason(world: World) -> None:
    with world.context() as context:
        async with holding(world, context) as crew:
            day, status = Day(world), crew.runner.status
            day.readings()
            await day.caught_up(crew)
            await crew.until(lambda: bool(status.accounts.get("undecodable")))
            assert sum(status.undecodable.values()) == status.accounts["undecodable"]
            assert "bad_json" in status.undecodable


async def test_channels_are_counted_and_what_each_kind_of_rule_takes(world: World) -> None:
    with world.context() as context:
        async with holding(world, context) as crew:
            day, status = Day(world), crew.runner.status
            day.readings()
            await day.caught_up(crew)
            await crew.until(lambda: sum(status.kind_seconds.values()) > 0)
            assert "fused" in status.kind_seconds
            assert sum(status.kind_seconds.values()) <= status.score_seconds
            counts = [sum(of) for of in zip(*status.hearing.values(), strict=True)]
            assert counts == [len(day.channels), 0, 0]
