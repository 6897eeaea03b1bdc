"""What a running worker, and whoever keeps several, does on a signal."""

import asyncio
import logging
import signal
from collections.abc import Callable

log = logging.getLogger("tocsin.run")


def heed_signals(stop: Callable[[], object]) -> None:
    """Stop on SIGTERM and SIGINT, and survive SIGHUP, on the event loop that runs now.

    Parameters
    ----------
    stop : callable
        Called for each SIGTERM and SIGINT.
    """
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    loop.add_signal_handler(signal.SIGHUP, _no_reload)


def _no_reload() -> None:
    log.warning(
        "SIGHUP: ignored, a running worker does not read its configuration again; "
        "restart it to take a changed one"
    )
