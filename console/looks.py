"""What takes its time to be answered: a few at once, made once for all who ask, kept a moment."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Final, Generic, NamedTuple, TypeVar

from console.answers import Refusal
from contracts.errors import TocsinError

log = logging.getLogger("tocsin.console")

KEPT_MAX: Final = 32
T = TypeVar("T")


class Bounds(NamedTuple):
    """How many are made at once, how many may wait, and for how many seconds one is kept."""

    at_once: int
    waiting: int
    kept_s: float


class Looks(Generic[T]):
    """Answers by what was asked.

    Parameters
    ----------
    name : str
        Refusals are `<name>_busy` and `<name>_away`.
    bounds : Bounds
    clock : callable
        Monotonic seconds.
    """

    def __init__(
        self, name: str, bounds: Bounds, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._name = name
        self._bounds = bounds
        self._clock = clock
        self._kept: OrderedDict[Hashable, tuple[float, asyncio.Task[T]]] = OrderedDict()
        self._turn = asyncio.Semaphore(bounds.at_once)
        self._waiting = 0

    async def at(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """Whatever answers a key, made now unless it is kept.

        Raises
        ------
        Refusal
            When too many wait, or it cannot be made.
        """
        self._forget()
        _, making = self._kept.get(key, (0.0, None))
        if making is None:
            if self._waiting >= self._bounds.waiting:
                raise Refusal(code=f"{self._name}_busy")
            self._waiting += 1
            making = asyncio.create_task(self._made(make), name=self._name)
            self._kept[key] = self._clock() + self._bounds.kept_s, making
        try:
            return await asyncio.shield(making)
        except TocsinError as error:
            self._kept.pop(key, None)
            log.warning("%s: %s", self._name, error)
            raise Refusal(code=f"{self._name}_away", detail=str(error)) from error

    async def _made(self, make: Callable[[], Awaitable[T]]) -> T:
        try:
            async with self._turn:
                return await make()
        finally:
            self._waiting -= 1

    def _forget(self) -> None:
        """Let go of what is old; the oldest first."""
        now_s = self._clock()
        while self._kept:
            key, (until_s, making) = next(iter(self._kept.items()))
            if not making.done() or (until_s > now_s and len(self._kept) <= KEPT_MAX):
                return
            del self._kept[key]

    async def close(self) -> None:
        """Make no more."""
        making: list[asyncio.Task[Any]] = [task for _, task in self._kept.values()]
        for task in making:
            task.cancel()
        await asyncio.gather(*making, return_exceptions=True)
