"""A worker: the lanes it owns now, and how it lets go of them."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from contracts.lane import LaneName
from contracts.ports.status import LaneStatus
from pipeline.worker.lane_context import LaneContext
from pipeline.worker.lane_runner import LaneRunner, Runner

log = logging.getLogger("tocsin.worker")


AnyRunner = Runner[Any, Any, Any]


class Worker:
    """Starts and drains lanes as the group assigns and revokes them.

    Parameters
    ----------
    runner_for : callable
        A new runner of a lane from its number.
    drain_s : float
        One deadline for all lanes of a revocation.
    """

    def __init__(self, runner_for: Callable[[int], AnyRunner], drain_s: float) -> None:
        self._runner_for = runner_for
        self._drain_s = drain_s
        self._runners: dict[int, tuple[AnyRunner, asyncio.Task[None]]] = {}
        self._settled = False

    async def assigned(self, lanes: list[int]) -> None:
        """Take lanes over; each recovers in a task of its own."""
        for number in lanes:
            runner = self._runner_for(number)
            task = asyncio.create_task(runner.run(), name=str(runner.name))
            self._runners[number] = (runner, task)
        self._settled = True
        log.info("took lanes %s", sorted(self._runners))

    async def revoked(self, lanes: list[int]) -> None:
        """Drain lanes within one shared deadline; what is not done by then is abandoned.

        An abandoned lane is safe: its producer is fenced by the next owner, which replays.
        """
        self._settled = False
        leaving = [self._runners.pop(number) for number in lanes if number in self._runners]
        for runner, _ in leaving:
            runner.stop()
        tasks = [task for _, task in leaving]
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=self._drain_s)
        for task in late:
            log.warning("%s: not drained within %.0f s, abandoned", task.get_name(), self._drain_s)
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def drain(self) -> None:
        """Let go of every lane, as if the group had taken them all."""
        await self.revoked(list(self._runners))

    async def abandon(self) -> None:
        """Let go of every lane at once; whoever takes them next replays."""
        self._settled = False
        leaving, self._runners = list(self._runners.values()), {}
        for _, task in leaving:
            task.cancel()
        if leaving:
            await asyncio.wait([task for _, task in leaving], timeout=self._drain_s)

    def owned(self) -> dict[int, LaneStatus]:
        """Lanes by number."""
        return {number: runner.status for number, (runner, _) in self._runners.items()}

    def lanes(self) -> list[LaneStatus]:
        """Every lane that this worker owns."""
        return [runner.status for runner, _ in self._runners.values()]

    @property
    def settled(self) -> bool:
        """Whether the group has said which lanes the worker has."""
        return self._settled

    def ready(self) -> bool:
        """Whether every owned lane is running and ownership is settled."""
        return self._settled and all(status.ready for status in self.lanes())


def lane_worker(name_of: Callable[[int], LaneName], context: LaneContext, drain_s: float) -> Worker:
    """A worker of a lifeline's lanes.

    Parameters
    ----------
    name_of : callable
        Name of a lane from its number.
    context : LaneContext
    drain_s : float
        One deadline for all lanes of a revocation.
    """
    return Worker(lambda number: LaneRunner(name_of(number), context), drain_s)
