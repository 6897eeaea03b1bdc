"""What a service manager is told: that the process is up, lives, reloads, and leaves.

The protocol is `sd_notify` of systemd: lines in a datagram to the socket that it names.
"""

import asyncio
import os
import socket
import time
from collections.abc import Callable

SOCKET = "NOTIFY_SOCKET"
WATCHDOG_US = "WATCHDOG_USEC"


def tell(*lines: str) -> bool:
    """Tell the service manager some lines; False where there is none, or it does not listen.

    >>> tell("READY=1")
    False
    """
    address = os.environ.get(SOCKET, "")
    if not address:
        return False
    if address.startswith("@"):  # an abstract socket, of which no file is made
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as plug:
            plug.sendto("\n".join(lines).encode(), address)
    except OSError:
        return False
    return True


async def live(alive: Callable[[], bool]) -> None:
    """Say that the process is up, then that it lives for as long as it does, until cancelled.

    A watchdog hears twice in each of its intervals; one that hears nothing kills the process.

    Parameters
    ----------
    alive : callable
        Whether it does its work; it is asked on the event loop, so a loop that stands is silent.
    """
    tell("READY=1")
    try:
        every_s = int(os.environ.get(WATCHDOG_US, "0")) / 2e6
    except ValueError:
        every_s = 0.0
    try:
        while every_s > 0:
            await asyncio.sleep(every_s)
            if alive():
                tell("WATCHDOG=1")
        await asyncio.Event().wait()
    finally:
        tell("STOPPING=1")


def reloading() -> bool:
    """Say that the configuration is being read again; `READY=1` ends it."""
    return tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
