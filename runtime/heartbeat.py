"""Whether the event loop turns, and how late it was."""

import asyncio
import time
from collections import deque
from typing import Final

BLOCKED_S: Final = 30.0  # an event loop that has not turned for so long is taken for dead
BEAT_S: Final = 0.5
KEPT_S: Final = 60.0


class Heartbeat:
    """Wakes up twice a second and notes how late it was; depends on nothing but the loop."""

    def __init__(self) -> None:
        self._turned_at = time.monotonic()
        self._late: deque[tuple[float, float]] = deque(maxlen=int(KEPT_S / BEAT_S))

    async def run(self) -> None:
        """Note that the event loop turns, for ever."""
        while True:
            self._turned_at = time.monotonic()
            await asyncio.sleep(BEAT_S)
            now = time.monotonic()
            self._late.append((now, max(now - self._turned_at - BEAT_S, 0.0)))

    def alive(self) -> bool:
        """Whether the event loop turned lately."""
        return time.monotonic() - self._turned_at < BLOCKED_S

    def lag_s(self) -> float:
        """Longest delay of a callback that was due, within the last minute."""
        since = time.monotonic() - KEPT_S
        return max((late for when, late in self._late if when >= since), default=0.0)
