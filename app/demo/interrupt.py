"""Leaving the demo when somebody interrupts it, at whatever moment that is."""

import asyncio
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Final, NoReturn

from lab.reports.terminal import draws

LEAVE_S: Final = 3.5
CURSOR: Final = "\033[?25h"


def _hush() -> None:
    """Connections that are just being made are closed by the end of the process, without a word."""
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)


class Interrupt:
    """Hears SIGINT and SIGTERM, gives the demo some seconds to end, then ends the process.

    Before the demo runs there is nothing to end, and it leaves at once: half-loaded modules and
    running compilers take no interrupt well.

    Attributes
    ----------
    asked : bool
        Whether somebody interrupted.
    where : callable
        One line on how far the demo is.
    """

    def __init__(self) -> None:
        self.asked = False
        self.where: Callable[[], str] = lambda: "while loading"
        self._loop: asyncio.AbstractEventLoop | None = None
        self._event = asyncio.Event()
        self._late = threading.Event()

    def install(self) -> None:
        """Hear signals from here on."""
        threading.Thread(target=self._watch, name="leaving", daemon=True).start()
        for sign in (signal.SIGINT, signal.SIGTERM):
            signal.signal(sign, self._hear)

    async def wait(self) -> None:
        """Return when somebody interrupts."""
        self._loop = asyncio.get_running_loop()
        if not self.asked:
            await self._event.wait()

    def ask(self) -> None:
        """Interrupt; call it in the event loop."""
        self.asked = True
        _hush()
        self._event.set()

    def _hear(self, *_: object) -> None:
        if self.asked:
            return
        self.asked = True
        _hush()
        if self._loop is None:
            self._end()
        self._late.set()
        self._loop.call_soon_threadsafe(self._event.set)

    def _watch(self) -> None:
        """Wait outside the event loop, which a compiler may hold up."""
        self._late.wait()
        time.sleep(LEAVE_S)
        self._end()

    def _end(self) -> NoReturn:
        show = CURSOR if draws(sys.stdout) else ""
        os.write(1, f"{show}\ninterrupted before the end, {self.where()}\n".encode())
        os._exit(0)

    def leave(self, code: int) -> int:
        """End the process if it was interrupted: threads may still compile, and nobody waits."""
        if self.asked:
            sys.stdout.flush()
            os._exit(code)
        return code
