"""Waiting for what another process does."""

import asyncio
import sys
import time
from collections.abc import Callable
from typing import Final

DEADLINE_S: Final = 150.0
LOOK_S: Final = 0.02


async def until(holds: Callable[[], object], what: str) -> float:
    """Wait for something, which is asked in a thread; how long it took. Ends the benchmark else."""
    began = time.monotonic()
    while not await asyncio.to_thread(holds):
        if time.monotonic() - began > DEADLINE_S:
            sys.exit(f"waited in vain for {what}")
        await asyncio.sleep(LOOK_S)
    return time.monotonic() - began
