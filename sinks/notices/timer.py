"""Time for deliveries: a wall clock for what is written, a monotonic one for what is awaited."""

import asyncio
import time
from typing import Protocol

from contracts.ports.clock import Clock, WallClock
from runtime.backoff import pause


class Timer(Clock, Protocol):
    """What deliveries know of time; a wall clock that jumps moves no delay."""

    def elapsed_s(self) -> float:
        """Seconds that only rise."""

    async def wait(self, seconds: float, until: asyncio.Event | None = None) -> None:
        """Wait, but no longer than until an event is set."""


class MachineTimer(WallClock):
    """The machine's clocks."""

    def elapsed_s(self) -> float:
        """Seconds that only rise."""
        return time.monotonic()

    async def wait(self, seconds: float, until: asyncio.Event | None = None) -> None:
        """Wait, but no longer than until an event is set."""
        await pause(seconds, until or asyncio.Event())
