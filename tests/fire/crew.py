"""Several workers: who runs which lanes, and what happens when they come, go and stand still."""

import asyncio
import random
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from contracts.failpoints import Point
from tests.fire.drill import LANES, Flow, Site, Verdict, under_fire
from tests.fire.process import WorkerProcess
from tests.kafka.broker import Cluster

SETTINGS = "session_timeout: 3 s\ntransaction_timeout: 2 s\n"
PER_SECOND = 1_000.0
ALL = {f"water-{lane}" for lane in range(LANES)}
WAIT_S_MAX = 60.0
# The first two stops are where they hurt most: a transaction is open.
AMID = ["produce:10:stop", "manifest:2:stop"]
# Afterwards anywhere; no point means a SIGSTOP from outside, at any moment.
ANYWHERE = ["", *(f"{point}:1:stop" for point in Point if point is not Point.SNAPSHOT_WRITE)]


async def zombies(folder: Path, seed: int, rounds: int) -> Verdict:
    """Two workers in turn stand still until the other one has all lanes, then go on."""
    chance = random.Random(seed)
    with Cluster() as kafka:
        site = Site(kafka.bootstrap, folder, SETTINGS)
        pair = [site.hire(), site.hire()]

        async def stand_still() -> int:
            for worker in pair:
                worker.start()
            for number in range(rounds):
                await until(lambda: shared(pair), "lanes with both workers")
                sleeper, heir = pair if number % 2 == 0 else pair[::-1]
                await stop(sleeper, AMID[number] if number < 2 else chance.choice(ANYWHERE))
                await until(partial(has_all, heir), "the other one with all lanes")
                await asyncio.sleep(chance.uniform(0.0, 1.5))
                sleeper.thaw()
            await until(lambda: shared(pair), "lanes with both workers")
            return rounds

        return await under_fire(site, Flow(10_000, PER_SECOND, seed), stand_still)


async def stop(sleeper: WorkerProcess, failpoint: str) -> None:
    """Let a worker stop itself at a point in its next life, or stop it where it is."""
    if not failpoint:
        sleeper.freeze()
    else:
        assert await sleeper.finish(30) == 0
        sleeper.failpoint = failpoint
        sleeper.start()
    await until(sleeper.stands_still, f"a stop at {failpoint or 'any moment'}")


def lanes_of(worker: WorkerProcess) -> set[str]:
    """Lanes that a worker says it runs; none before it is ready."""
    return set(worker.metric("tocsin_lane_position")) if worker.get("/readyz") else set()


def has_all(worker: WorkerProcess) -> bool:
    """Whether a worker runs every lane."""
    return lanes_of(worker) == ALL


def shared(pair: list[WorkerProcess]) -> bool:
    """Whether each lane is with one of them, and each of them has one."""
    one, other = (lanes_of(worker) for worker in pair)
    return bool(one) and bool(other) and one | other == ALL and not one & other


async def until(holds: Callable[[], bool], what: str) -> None:
    """Wait for something that has to be asked for."""
    deadline = time.monotonic() + WAIT_S_MAX
    while not await asyncio.to_thread(holds):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        await asyncio.sleep(0.2)
