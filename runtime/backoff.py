"""How long to wait before something that failed is tried again."""

import asyncio
import time
from collections.abc import Callable

from contracts.errors import RetryableError
from contracts.seeded import Generator


class Backoff:
    """Delays between tries of one thing: doubled after each failure, up to a cap.

    Parameters
    ----------
    first_s, most_s : float
        The first delay, and the longest that is chosen here.
    reset_after_s : float, optional
        A try that lasted longer was a success, and the next delay is the first again; by default
        none is.
    jitter : Generator, optional
        Shortens each delay by up to half, so that those who failed together do not return
        together; without one, delays are exact.
    clock : callable, optional
        Seconds that only rise.

    Examples
    --------
    >>> backoff = Backoff(1.0, 5.0)
    >>> [backoff.delay_s() for _ in range(4)]
    [1.0, 2.0, 4.0, 5.0]
    >>> backoff.delay_s(RetryableError("the broker is away", retry_after_s=8.0))
    8.0
    """

    def __init__(
        self,
        first_s: float,
        most_s: float,
        reset_after_s: float = float("inf"),
        *,
        jitter: Generator | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._first_s = self._next_s = first_s
        self._most_s = most_s
        self._reset_after_s = reset_after_s
        self._jitter = jitter
        self._clock = clock
        self._began = clock()

    def begin(self) -> None:
        """A try begins now."""
        self._began = self._clock()

    def delay_s(self, error: BaseException | None = None) -> float:
        """Seconds to wait now that a try has failed; never less than its error asks for."""
        if self._clock() - self._began > self._reset_after_s:
            self._next_s = self._first_s
        delay_s, self._next_s = self._next_s, min(2 * self._next_s, self._most_s)
        if self._jitter is not None:
            delay_s *= 1 - self._jitter.random() / 2
        return max(delay_s, error.retry_after_s) if isinstance(error, RetryableError) else delay_s


async def pause(seconds: float, stopping: asyncio.Event) -> None:
    """Wait, but no longer than until an event is set."""
    try:
        async with asyncio.timeout(seconds):
            await stopping.wait()
    except TimeoutError:
        return
