"""A worker takes lanes and lets go of them within one deadline."""

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest

from contracts.errors import Diverged
from pipeline.worker.lane_context import LaneContext
from pipeline.worker.lane_loop import FETCHED_AHEAD
from pipeline.worker.worker import Worker, lane_worker
from tests.testkit.day import Day
from tests.testkit.planned_faults import Step
from tests.testkit.world import WAIT_S, World, holding

DRAIN_S = 0.04
SLACK_S = 0.5  # a loaded machine


@pytest.fixture
def context(world: World) -> Iterator[LaneContext]:
    with world.context() as context:
        yield context


async def until_ready(worker: Worker, world: World) -> None:
    """Wait until every lane stands at its end."""
    async with asyncio.timeout(WAIT_S):
        while not worker.ready() or any(  # noqa: ASYNC110 - nothing tells
            status.position != world.streams[number].end
            for number, status in enumerate(worker.lanes())
        ):
            await asyncio.sleep(0.001)


async def test_lanes_are_taken_and_drained_together(world: World, context: LaneContext) -> None:
    days = [Day(world, number) for number in (0, 1)]
    worker = lane_worker(world.name, context, DRAIN_S * 50)
    assert not worker.ready()
    await worker.assigned([0, 1])
    assert not worker.ready()  # both recover still
    for day in days:
        day.readings()
    await until_ready(worker, world)
    assert [status.name for status in worker.lanes()] == ["water-0", "water-1"]
    await worker.revoked([0, 1])
    assert not worker.ready()
    assert worker.lanes() == []
    for number in (0, 1):
        assert world.manifests(number)[-1].telemetry == world.streams[number].end
        assert [m for kind in world.told(number).values() for m in kind]


async def test_a_lane_that_stays_goes_on(world: World, context: LaneContext) -> None:
    days = [Day(world, number) for number in (0, 1)]
    worker = lane_worker(world.name, context, DRAIN_S * 50)
    await worker.assigned([0, 1])
    await worker.revoked([1, 7])
    assert not worker.ready()  # until the group has said what comes next
    await worker.assigned([])
    days[0].readings()
    await until_ready(worker, world)
    assert [status.name for status in worker.lanes()] == ["water-0"]
    await worker.drain()
    assert world.manifests(0)[-1].telemetry == world.streams[0].end


@pytest.mark.parametrize("step", [Step.COMMIT, Step.PUBLISH, Step.PAST])
async def test_hung_lanes_are_abandoned_at_one_deadline_and_lose_nothing(
    world: World, context: LaneContext, step: Step
) -> None:
    days = [Day(world, number) for number in (0, 1)]
    for day in days:
        day.readings()
    for on in (1, 2):
        world.faults.hang(step, on)
    worker = lane_worker(world.name, context, DRAIN_S)
    await worker.assigned([0, 1])
    async with asyncio.timeout(WAIT_S):
        while len(world.faults.fallen) < 2:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.001)
    began = time.monotonic()
    await worker.revoked([0, 1])
    assert DRAIN_S - 0.01 < time.monotonic() - began < DRAIN_S + SLACK_S
    for day in days:
        with world.context() as successor:
            async with holding(world, successor, day.number) as crew:
                await day.pass_by(crew)
                await crew.drain()
        day.judge()


async def test_a_hung_lane_does_not_keep_another_from_its_drain(
    world: World, context: LaneContext
) -> None:
    days = [Day(world, number) for number in (0, 1)]
    for day in days:
        day.readings(20)
    worker = lane_worker(world.name, context, DRAIN_S * 5)
    await worker.assigned([0, 1])
    await until_ready(worker, world)
    world.faults.hang(Step.COMMIT)
    days[0].command({"kind": "shelve", "channel": days[0].channels[0], "seconds": 9})
    await world.faults.hanging.wait()
    days[1].readings(20)
    await worker.revoked([0, 1])
    assert world.journal(0) == []
    assert world.manifests(1)[-1].telemetry > 20


async def test_a_failed_lane_is_not_ready_and_does_not_keep_the_worker_from_draining(
    world: World, context: LaneContext
) -> None:
    world.faults.fail(Step.PAST, error=Diverged("planned"))
    worker = lane_worker(world.name, context, DRAIN_S * 50)
    await worker.assigned([0, 1])
    async with asyncio.timeout(WAIT_S):
        while "failed" not in {status.phase for status in worker.lanes()}:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    assert not worker.ready()
    began = time.monotonic()
    await worker.drain()
    assert time.monotonic() - began < SLACK_S


async def test_an_abandoned_lane_is_let_go_of_at_once_and_loses_nothing(
    world: World, context: LaneContext
) -> None:
    day = Day(world)
    day.readings()
    world.faults.hang(Step.COMMIT)
    worker = lane_worker(world.name, context, DRAIN_S * 50)
    await worker.assigned([0])
    await world.faults.hanging.wait()
    assert list(worker.owned()) == [0]
    began = time.monotonic()
    await worker.abandon()
    assert time.monotonic() - began < SLACK_S
    assert (worker.owned(), worker.settled) == ({}, False)
    with world.context() as successor:
        async with holding(world, successor) as crew:
            await day.pass_by(crew)
            await crew.drain()
    day.judge()


async def test_what_was_fetched_for_a_lane_that_is_busy_is_counted_up_to_its_waiter(
    world: World, context: LaneContext
) -> None:
    day, go_on = Day(world), threading.Event()
    async with holding(world, context) as crew:
        await day.caught_up(crew)
        context.ports.scoring.submit(go_on.wait, WAIT_S)  # lanes score behind it
        try:
            day.readings(400)
            await crew.until(lambda: crew.runner.status.fetched == FETCHED_AHEAD + 1)
            age_s = crew.runner.status.answer_age_s
            assert crew.runner.status.answer_age_s == age_s, "no broker is away while none is asked"
        finally:
            go_on.set()
        await day.caught_up(crew)
        assert crew.runner.status.fetched == 0
        await crew.until(lambda: crew.runner.status.unasked_at_s is None)
        await crew.drain()
