"""A worker whose client brings nothing, or whose loop stood still, takes its lanes up again."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from app.process.lifeline_worker import LifelineWorker
from app.process.worker_options import WorkerOptions
from runtime.watchdog import Patience
from tests.testkit.in_process import configured, create, send, taken, until
from tests.testkit.kafka.broker import Cluster

PATIENCE = Patience(look_s=0.5, hungry_s=2.0)
REBUILT_S_MAX = 30.0
CHANNEL = "water.tank-000.in"
FIVE = [5.0] * 5

More = Callable[[], Awaitable[None]]


@asynccontextmanager
async def working(
    folder: Path, kafka: Cluster, app: str
) -> AsyncIterator[tuple[LifelineWorker, More]]:
    configuration = configured(folder, kafka.bootstrap, app)
    await create(configuration)
    async with LifelineWorker(configuration, WorkerOptions("water", patience=PATIENCE)) as service:
        await until(service.ready)
        more = partial(send, configuration, FIVE, CHANNEL)
        await more()
        await until(lambda: taken(service) == 5)
        yield service, more


@pytest.mark.slow
async def test_a_client_that_brings_nothing_is_made_anew_within_half_a_minute(
    tmp_path: Path, kafka: Cluster
) -> None:
    async with working(tmp_path, kafka, "rebuild") as (service, more):
        runner, _ = service.worker._runners[0]
        source = runner._context.ports.telemetry  # type: ignore[attr-defined]
        source._client.consumer._fetcher._fetch_task.cancel()
        await more()
        assert await until(lambda: taken(service) == 10) < REBUILT_S_MAX
        assert service.process_status().rebuilds == 1
        assert await until(service.ready) < 5
        assert service.alive()


@pytest.mark.slow
async def test_a_loop_that_stood_still_past_its_session_goes_on_and_says_how_long(
    tmp_path: Path, kafka: Cluster
) -> None:
    async with working(tmp_path, kafka, "blocked") as (service, more):
        await asyncio.sleep(0.6)
        time.sleep(4.0)  # noqa: ASYNC251 - longer than the session
        await more()
        assert await until(lambda: taken(service) == 10) < REBUILT_S_MAX
        assert 3.4 < service.process_status().lag_s < 6.0
