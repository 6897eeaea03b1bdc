"""Threads and locks that work takes turns with, and that say how much of it waits."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Literal, ParamSpec, TypeVar

from contracts.ports.status import QueueStatus

P = ParamSpec("P")
T = TypeVar("T")


class OneThread(ThreadPoolExecutor):
    """A thread for work off the event loop.

    Parameters
    ----------
    name : str
        Of the thread, and of its queue in metrics.
    """

    def __init__(self, name: str) -> None:
        super().__init__(1, name)
        self._name = name
        self._lock = threading.Lock()  # work ends on the thread, or where it is cancelled
        self._jobs = 0

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """See `ThreadPoolExecutor.submit`."""
        future = super().submit(fn, *args, **kwargs)
        with self._lock:
            self._jobs += 1
        future.add_done_callback(self._ended)
        return future

    def _ended(self, _: Future[Any]) -> None:
        with self._lock:
            self._jobs -= 1

    def queue(self) -> QueueStatus:
        """Work that runs, and work that waits for it."""
        return QueueStatus.of(self._name, self._jobs, 1)


class CountedLock(asyncio.Lock):
    """A lock that knows how many tasks wait for it.

    Parameters
    ----------
    name : str
        In metrics.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self._tasks = 0

    async def acquire(self) -> Literal[True]:
        """See `asyncio.Lock.acquire`."""
        self._tasks += 1
        try:
            return await super().acquire()
        except BaseException:
            self._tasks -= 1
            raise

    def release(self) -> None:
        """See `asyncio.Lock.release`."""
        super().release()
        self._tasks -= 1

    def queue(self) -> QueueStatus:
        """The task that holds it, and those that wait."""
        return QueueStatus.of(self._name, self._tasks, 1)
