"""What a running worker, and whoever keeps several, does on a signal."""

import asyncio
import logging
import signal
from collections.abc import Callable

log = logging.getLogger("tocsin.run")


def heed_signals(stop: Callable[[], object], reload: Callable[[], object] | None = None) -> None:
    """Stop on SIGTERM and SIGINT, and reload or survive on SIGHUP, on the loop that runs now.

    Parameters
    ----------
    stop : callable
        Called for each SIGTERM and SIGINT.
    reload : callable, optional
        Called for each SIGHUP.
    """
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    loop.add_signal_handler(signal.SIGHUP, reload or _no_reload)


def _no_reload() -> None:
    log.warning(
        "SIGHUP: ignored, this process does not read its configuration again; "
        "restart it to take a changed one"
    )
