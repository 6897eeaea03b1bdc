"""Inputs of a lane whose judging raised: found out over its recoveries, and passed over at last."""

from itertools import pairwise
from typing import Final

import numpy as np

from contracts.errors import InputError
from contracts.records import Records

# Pieces in which suspected records are judged again: each life narrows them down so far.
PIECES: Final = 1_000


class Suspects:
    """What one lane could not judge, remembered by this worker while the lane is recovered.

    The first time is taken for chance: the lane recovers and tries the same again, in pieces. What
    raises again is narrowed down by each life, until it is one record.

    Attributes
    ----------
    convicted : int or None
        Offset of a record that raised by itself, after it had raised among others or alone.
    why : str
        What was raised last.
    commands : set of int
        Offsets behind commands that raised when they took effect.
    entry : int or None
        Journal offset of an entry that raised twice when it was to take effect.
    """

    def __init__(self) -> None:
        self.convicted: int | None = None
        self.why = ""
        self.commands: set[int] = set()
        self.entry: int | None = None
        self._first, self._last = -1, -1
        self._entry = -1
        self._piece = 1

    def note(self, error: InputError) -> None:
        """Remember what raised."""
        self.why = error.detail
        if error.command is not None:
            self.commands.add(error.command)
        elif error.entry is not None:
            self.entry = error.entry if error.entry == self._entry else None
            self._entry = error.entry
        elif error.records:
            first, last = error.offsets
            again = self._first <= first and last <= self._last
            self.convicted = first if again and error.records == 1 else None
            self._first, self._last = first, last
            self._piece = -(-error.records // PIECES)

    def cut(self, records: Records) -> list[Records]:
        """Records in the pieces in which they are judged: whole where nothing is suspected."""
        begin = int(np.searchsorted(records.offset, self._first))
        end = int(np.searchsorted(records.offset, self._last, "right"))
        if self._first < 0 or begin == end:
            return [records]
        cuts = [0, *range(begin, end, self._piece), end, len(records)]
        return [records.cut(first, last) for first, last in pairwise(cuts) if first < last]
