"""Several workers: who runs which lanes, and what happens when they come, go and stand still."""

import asyncio
import random
from functools import partial
from pathlib import Path

from runtime.failpoints import BLOCKED_S, Point
from tests.testkit.faults.drill import LANES, Flow, Site, Verdict, under_fire
from tests.testkit.faults.scenario import PER_SECOND, SETTINGS, Cast, Stage, lanes_of, play, until
from tests.testkit.kafka.broker import Cluster
from tests.testkit.worker_process import WorkerProcess

ALL = {f"water-{lane}" for lane in range(LANES)}
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


async def roll(stage: Stage, rounds: int = 1) -> int:
    """Every worker in turn is let go and comes back, again and again."""
    for _ in range(rounds):
        for worker in stage.site.workers:
            assert await worker.finish(30) == 0, worker.log.read_text()[-4000:]
            worker.start()
            await stage.settled()
    return rounds


async def grow(stage: Stage) -> int:
    """Two more workers come, until each has a lane."""
    for _ in range(2):
        stage.site.hire().start()
    await stage.settled()
    await until(lambda: all(map(lanes_of, stage.site.workers)), "a lane with each worker")
    return 0


async def shrink(stage: Stage) -> int:
    """All workers but the first go for good."""
    for worker in stage.site.workers[1:]:
        await stage.site.retire(worker)
    await stage.settled()
    return 1


async def block(stage: Stage, rounds: int = 1) -> int:
    """The event loop of a worker stands still for 40 s, its threads do not."""
    for number in range(rounds):
        worker = stage.site.workers[number % 2]
        assert await worker.finish(30) == 0, worker.log.read_text()[-4000:]
        worker.failpoint = "fetch:10:block"
        worker.start()
        heir = stage.site.workers[1 - number % 2]
        await until(partial(has_all, heir), "the other one with all lanes")
        await until(partial(stood, worker), "a loop that stood still")
        await stage.settled()
    return rounds


def stood(worker: WorkerProcess) -> bool:
    """Whether a worker says that its event loop stood still for as long."""
    return worker.metric("tocsin_loop_lag_seconds").get("", 0.0) > BLOCKED_S - 2


async def blocked(folder: Path, seed: int, rounds: int) -> Verdict:
    """Loops of two workers in turn stand still past their sessions."""
    return await play(folder, seed, Cast(workers=2), partial(block, rounds=rounds))


async def rolled(folder: Path, seed: int, rounds: int) -> Verdict:
    """Rolling restart of three workers."""
    return await play(folder, seed, Cast(workers=3, lanes=3), lambda stage: roll(stage, rounds))


async def grown_and_shrunk(folder: Path, seed: int, rounds: int) -> Verdict:
    """From one worker to three and back."""
    return await play(folder, seed, Cast(lanes=3), *[grow, shrink] * rounds)


async def stop(sleeper: WorkerProcess, failpoint: str) -> None:
    """Let a worker stop itself at a point in its next life, or stop it where it is."""
    if not failpoint:
        sleeper.freeze()
    else:
        assert await sleeper.finish(30) == 0
        sleeper.failpoint = failpoint
        sleeper.start()
    await until(sleeper.stands_still, f"a stop at {failpoint or 'any moment'}")


def has_all(worker: WorkerProcess) -> bool:
    """Whether a worker runs every lane."""
    return lanes_of(worker) == ALL


def shared(pair: list[WorkerProcess]) -> bool:
    """Whether each lane is with one of them, and each of them has one."""
    one, other = (lanes_of(worker) for worker in pair)
    return bool(one) and bool(other) and one | other == ALL and not one & other
