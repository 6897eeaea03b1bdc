"""A process and who supervises it: a parent that it ends with, a service manager that it tells.

What a service manager is told follows `sd_notify` of systemd: lines in a datagram to the socket
that it names.
"""

import asyncio
import ctypes
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from typing import Final

VARIABLE: Final = "TOCSIN_PARENT"  # process id of the parent, for a child that is to end with it
_PR_SET_PDEATHSIG: Final = 1
SOCKET: Final = "NOTIFY_SOCKET"
WATCHDOG_US: Final = "WATCHDOG_USEC"


def environment_of_child() -> Mapping[str, str]:
    """Environment of a child that calls `end_with_parent` when it starts."""
    return os.environ | {VARIABLE: str(os.getpid())}


def end_with_parent() -> None:
    """Get SIGTERM when the parent named by the environment is gone; Linux alone can.

    The child itself asks for it: between fork and exec no Python may run safely where the parent
    has threads. A parent that died before is noticed by its process id, and everywhere.

    Raises
    ------
    SystemExit
        When the parent is gone already.
    """
    # Children of this process have a parent of their own.
    if (parent := os.environ.pop(VARIABLE, None)) is None:
        return
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):  # it may have died before the kernel was asked
        msg = (
            f"worker: expected process {parent} as its parent, got {os.getppid()}; the parent is "
            "gone, start `tocsin run` again"
        )
        raise SystemExit(msg)


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
