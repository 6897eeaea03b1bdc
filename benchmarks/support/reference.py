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
from detectors.fused.parameters import FusedRules, table
from detectors.fused.row_layout import new_rows, new_waits

SOURCE = Path(__file__).with_name("reference.c")
# Contraction to fused multiply-adds would change the last bit, and numba does not contract either.
FLAGS = ("-O3", "-march=native", "-ffp-contract=off", "-shared", "-fPIC")
NOTES = 1024


class _Work(ctypes.Structure):
    """What the C code takes: `work_t`."""

    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("rows", "waits", "params")),
        *((name, ctypes.c_void_p) for name in ("row_of", "time_of", "value_of", "disposition")),
        *(("transitions", ctypes.c_void_p), ("told", ctypes.c_int64)),
    ]


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
    if has_wide(found):
        found.score_wide.restype = ctypes.c_int64
    return found


def has_wide(found: Any) -> bool:
    """Whether this CPU has what the arm of eight readings at a time needs."""
    return bool(found.has_wide())


class CRules:
    """What `detectors.fused.scorer.ChannelRules` does, in C.

    Parameters
    ----------
    rules : FusedRules
        Of all channels.
    channels : int
    wide : bool
        Eight readings at a time, with AVX-512; for rules that have sums and a frozen one.
    """

    def __init__(self, rules: FusedRules, channels: int, *, wide: bool = False) -> None:
        self._score = library().score_wide if wide else library().score_readings
        self._params = table([rules]).params
        self.rows, self.waits = new_rows(np.zeros(channels, np.int64)), new_waits(channels)
        self._transitions = np.zeros(NOTES, TRANSITION)
        self._count = ctypes.c_int64()
        self._room = (ctypes.c_int64(NOTES), ctypes.byref(self._count))
        fixed = (self.rows, self.waits, self._params)
        self._work = _Work(*map(_at, fixed), transitions=_at(self._transitions))

    def score(self, batch: Batch, disposition: NDArray[np.uint8]) -> list[Transitions]:
        """Score a batch; its level changes."""
        work = self._work
        columns: tuple[NDArray[Any], ...] = (batch.row, batch.time_ns, batch.value, disposition)
        work.row_of, work.time_of, work.value_of, work.disposition = map(_at, columns)
        first, last, found = 0, len(batch), []
        end, at = ctypes.c_int64(last), ctypes.byref(work)
        while first < last:
            first = self._score(at, ctypes.c_int64(first), end, *self._room)
            if self._count.value:
                found.append(self._transitions[: self._count.value].copy())
        return found


def _at(array: NDArray[Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)
