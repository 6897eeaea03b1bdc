"""A child process that ends with the process that started it."""

import ctypes
import os
import signal
import sys
from collections.abc import Mapping
from typing import Final

VARIABLE: Final = "TOCSIN_PARENT"  # process id of the parent, for a child that is to end with it
_PR_SET_PDEATHSIG: Final = 1


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
