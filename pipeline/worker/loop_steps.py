"""What the loops of all lanes share: fetching ahead, and steps told in bounded transactions."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Final, Protocol, TypeVar

from pipeline.lane.outbox import Outbox
from pipeline.worker.lane_context import Computing
from runtime.failpoints import Point, passing

F = TypeVar("F")
_DONE: Final = object()


async def fetch_ahead(
    fetch: Callable[[], Awaitable[F | None]],
    queue: "asyncio.Queue[F | Exception]",
    came: Callable[[], object],
) -> None:
    """Fetch into a bounded queue; a failed fetch travels through it too, and is the last.

    Parameters
    ----------
    fetch : callable
        What came, None when nothing did.
    queue : asyncio.Queue
    came : callable
        Called before each thing is put.
    """
    found: F | Exception | None = None
    while not isinstance(found, Exception):
        try:
            found = await fetch()
            passing(Point.FETCH)
        except Exception as error:  # the lane takes it from the queue and raises it
            found = error
        if found is not None:
            came()
            await queue.put(found)


class Telling(Protocol):
    """A loop that has something to tell."""

    def full(self) -> bool:
        """Whether a transaction's worth waits."""

    async def tell(self) -> None:
        """Tell as much as one transaction holds."""


async def carry_out(
    turns: Iterator[None], ports: Computing, outbox: Outbox, lane: str, loop: Telling
) -> None:
    """Carry out one step of a lane's, however much it has to tell.

    Others compute between its turns, and what fills a transaction is told at once. A life that
    ends in between loses nothing: the next one repeats the step and tells the rest.

    Raises
    ------
    Diverged
        When it repeats something else than was told.
    """
    taking_turns = True
    while taking_turns:
        taking_turns = await ports.compute(next, turns, _DONE) is not _DONE
        if outbox.diverged:
            raise outbox.divergence(lane)
        if loop.full():
            await loop.tell()
            passing(Point.SLICE)
