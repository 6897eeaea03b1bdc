"""Memory for the copy of one lane, used again and again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from runtime.queues import CountedLock, OneThread

ALIGNMENT: Final = 64


class CopyBuffer:
    """One buffer that grows to the largest lane.

    New pages are handed out by the operating system one by one: a copy of a million rows into fresh
    memory holds a lane for a second, into memory that was used before for a tenth of it.
    """

    def __init__(self) -> None:
        self._buffer: NDArray[np.uint8] = np.empty(0, np.uint8)

    def copies(self, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Copies side by side in the buffer; those of the call before are gone."""
        places: dict[str, int] = {}
        end = 0
        for name, array in arrays.items():
            places[name] = end
            end += array.nbytes + -array.nbytes % ALIGNMENT
        if end > len(self._buffer):
            self._buffer = np.zeros(end, np.uint8)
        return {name: self._copy(array, places[name]) for name, array in arrays.items()}

    def _copy(self, array: NDArray[Any], place: int) -> NDArray[Any]:
        if not array.nbytes:
            return array.copy()
        there = self._buffer[place : place + array.nbytes]
        there[:] = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        return there.view(array.dtype).reshape(array.shape)


@dataclass
class SnapshotSlot:
    """What the lanes of a process take turns with, whatever their lifeline.

    Parameters
    ----------
    work : OneThread
        Thread for packing and file work.
    room : CopyBuffer
        For the copy of one lane at a time.
    copying : CountedLock
        Held from the copy to the file.
    """

    work: OneThread
    room: CopyBuffer = field(default_factory=CopyBuffer)
    copying: CountedLock = field(default_factory=lambda: CountedLock("snapshot_copy"))
