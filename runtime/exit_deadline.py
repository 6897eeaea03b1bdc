"""The end of a worker that was told to stop, whatever hangs meanwhile."""

import logging
import os
import threading
from collections.abc import Callable
from typing import Final

from runtime.exit_codes import FAILED, GOOD

log = logging.getLogger("tocsin.run")

# Lanes are drained or abandoned within 20 s; orchestrators kill after 30 s.
EXIT_S: Final = 28.0


class ExitDeadline:
    """Ends the process some seconds after it was asked to, or at once when asked again.

    A thread of its own does it, so neither a blocked event loop nor a hung client or executor can
    hold the process. Nothing is lost by that: what was not drained is replayed by the next owner.

    Parameters
    ----------
    seconds : float
        Time to leave in good order.
    end : callable
        Ends the process with an exit code.
    """

    def __init__(self, seconds: float = EXIT_S, end: Callable[[int], object] = os._exit) -> None:
        self._seconds = seconds
        self._end = end
        self._asked = False
        self.drained: Callable[[], bool] = lambda: True

    def ask(self) -> None:
        """Somebody told the process to stop."""
        if self._asked:
            log.warning("told to stop again: leaving at once")
            self._leave()
            return
        self._asked = True
        timer = threading.Timer(self._seconds, self._late)
        timer.daemon = True
        timer.start()

    def _late(self) -> None:
        log.error("still not gone after %g s: leaving now", self._seconds)
        self._leave()

    def _leave(self) -> None:
        self._end(GOOD if self.drained() else FAILED)
