"""Threads and locks that work takes turns with, and that say how much of it waits."""

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final, Literal, ParamSpec, TypeVar

from contracts.ports.status import QueueStatus

P = ParamSpec("P")
T = TypeVar("T")
TURN_S: Final = 0.000_5


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


@contextmanager
def short_turns() -> Iterator[None]:
    """Let threads give the interpreter away after half a millisecond, in the whole process.

    Python's own 5 ms are waited for at each change of threads while one of them computes: what goes
    to the lane's thread and to the broker and back pays them a dozen times.
    """
    former = sys.getswitchinterval()
    sys.setswitchinterval(TURN_S)
    try:
        yield
    finally:
        sys.setswitchinterval(former)
