"""A stage for a drama: a cluster, a network in front of it, workers, and acts that hurt them."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from tests.testkit.faults.drill import LANES, Flow, Site, Verdict, under_fire
from tests.testkit.faults.proxy import Link, network
from tests.testkit.kafka.broker import Cluster
from tests.testkit.worker_process import WorkerProcess

log = logging.getLogger(__name__)

SETTINGS = "session_timeout: 3 s\ntransaction_timeout: 2 s\n"
PER_SECOND = 1_000.0
READINGS = 10_000
WAIT_S_MAX = 180.0  # the watchdog makes a client anew that the group gives nothing for 100 s


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that an act may hurt.

    Parameters
    ----------
    kafka : Cluster
    site : Site
    links : list of Link
        From workers to each node; empty when they are wired directly.
    chance : random.Random
    """

    kafka: Cluster
    site: Site
    links: list[Link]
    chance: random.Random

    async def settled(self) -> None:
        """Wait until each lane runs with one worker, and all workers are ready."""
        try:
            await until(self.spread, f"each of {self.site.lanes} lanes with one worker")
        except AssertionError as error:
            for worker in self.site.workers:
                error.add_note(worker.log.read_text()[-2000:])
            raise

    def spread(self) -> bool:
        """Whether every worker is ready and each lane is with one of them."""
        for worker in self.site.workers:
            assert worker.process.poll() is None, worker.log.read_text()[-4000:]
        held = [lanes_of(worker) for worker in self.site.workers if worker.get("/readyz")]
        lanes = sorted(lane for some in held for lane in some)
        wanted = sorted(f"water-{lane}" for lane in range(self.site.lanes))
        return len(held) == len(self.site.workers) and lanes == wanted


Act = Callable[[Stage], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Cast:
    """Who is there when the drama begins.

    Parameters
    ----------
    workers, lanes, nodes : int
    linked : bool
        Whether a network that can be hurt lies between workers and brokers.
    dress : callable, optional
        Changes a worker before it starts.
    host : str
        Where workers find that network.
    """

    workers: int = 1
    lanes: int = LANES
    nodes: int = 1
    linked: bool = False
    dress: Callable[[Site, WorkerProcess], None] = lambda site, worker: None
    host: str = "127.0.0.1"


async def play(folder: Path, seed: int, cast: Cast, *acts: Act) -> Verdict:
    """Play acts one after the other while telemetry flows; rounds of all are added.

    Parameters
    ----------
    folder : Path
    seed : int
    cast : Cast
    acts : callable
        Each hurts something, mends it, and counts its rounds.
    """
    with Cluster(cast.nodes, ports=cast.host if cast.linked else "") as kafka:
        async with network(cast.host, kafka.ports) as links:
            door = ",".join(f"{link.host}:{link.port}" for link in links)
            site = Site(kafka.bootstrap, folder, SETTINGS, cast.lanes, cast.nodes, door)
            stage = Stage(kafka, site, links, random.Random(seed))

            async def drama() -> int:
                for _ in range(cast.workers):
                    worker = site.hire()
                    cast.dress(site, worker)
                    worker.start()
                rounds = 0
                for act in acts:
                    began = time.monotonic()
                    await stage.settled()
                    rounds += await act(stage)
                    log.info("%s: %.1f s", act, time.monotonic() - began)
                await stage.settled()
                return rounds

            return await under_fire(site, Flow(READINGS, PER_SECOND, seed), drama)


def lanes_of(worker: WorkerProcess) -> set[str]:
    """Lanes that a worker says it runs; none before it is ready."""
    return set(worker.metric("tocsin_lane_position")) if worker.get("/readyz") else set()


async def until(holds: Callable[[], bool], what: str) -> None:
    """Wait for something that has to be asked for."""
    deadline = time.monotonic() + WAIT_S_MAX
    while not await asyncio.to_thread(holds):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        await asyncio.sleep(0.2)
