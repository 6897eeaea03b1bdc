"""The fused step by hand in C, compiled where it runs."""

import ctypes
import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.batch import Batch
from contracts.transition import TRANSITION, Transitions
from detectors.parameters import Rules, table
from detectors.rows import new_rows

SOURCE = Path(__file__).with_name("_reference.c")
# Contraction to fused multiply-adds would change the last bit, and numba does not contract either.
FLAGS = ("-O3", "-march=native", "-ffp-contract=off", "-shared", "-fPIC")
NOTES = 1024


@cache
def library() -> Any:
    """The compiled reference; `FileNotFoundError` without a compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        msg = "cc"
        raise FileNotFoundError(msg)
    folder = Path(mkdtemp(prefix="tocsin-reference-"))
    try:
        target = folder / "reference.so"
        subprocess.run([compiler, *FLAGS, "-o", str(target), str(SOURCE), "-lm"], check=True)
        found = ctypes.CDLL(str(target))
    finally:
        shutil.rmtree(folder)
    found.score_readings.restype = ctypes.c_int64
    return found


class CRules:
    """What `detectors.channel_rules.ChannelRules` does, in C.

    Parameters
    ----------
    rules : Rules
        Of all channels.
    channels : int
    """

    def __init__(self, rules: Rules, channels: int) -> None:
        self._score = library().score_readings
        self._params = table([rules]).params
        self.rows = new_rows(np.zeros(channels, np.int64))
        self._notes = np.zeros(NOTES, TRANSITION)
        self._count = ctypes.c_int64()
        self._state = (_at(self.rows), _at(self._params))
        self._room = (_at(self._notes), ctypes.c_int64(NOTES), ctypes.byref(self._count))

    def score(self, batch: Batch, destiny: NDArray[np.uint8]) -> list[Transitions]:
        """Score a batch; its level changes."""
        columns = (_at(batch.row), _at(batch.time_ns), _at(batch.value), _at(destiny))
        first, last, found = 0, len(batch), []
        end = ctypes.c_int64(last)
        while first < last:
            first = self._score(*self._state, *columns, ctypes.c_int64(first), end, *self._room)
            if self._count.value:
                found.append(self._notes[: self._count.value].copy())
        return found


def _at(array: NDArray[Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)
