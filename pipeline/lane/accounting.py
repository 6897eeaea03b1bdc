"""Every reading counted once: received equals the sum of its dispositions."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from contracts.batch import Disposition
from contracts.ports.lane_parts import Parts
from contracts.ports.status import HEARING

# Channels of a lane by district, of each the number of those that are heard as `HEARING` says.
Hearing = dict[str, tuple[int, ...]]

_KEYS: Final = ("received", *(disposition.word for disposition in Disposition))


class Accounts:
    """Counts of one lane since it began."""

    def __init__(self, counts: dict[str, int] | None = None) -> None:
        counts = counts or {}
        self.received = counts.get("received", 0)
        self._by_destiny = np.zeros(len(Disposition), np.int64)
        for disposition in Disposition:
            self._by_destiny[disposition] = counts.get(disposition.word, 0)

    def book(self, disposition: NDArray[np.uint8], refused: int) -> None:
        """Count readings, and messages that could not be decoded, each as one."""
        self.received += len(disposition) + refused
        odd = disposition[np.flatnonzero(disposition)]  # nearly all readings are scored
        self._by_destiny += np.bincount(odd, minlength=len(Disposition))
        self._by_destiny[Disposition.SCORED] += len(disposition) - len(odd)
        self._by_destiny[Disposition.UNDECODABLE] += refused

    def balanced(self) -> bool:
        """The accounting law."""
        return self.received == int(self._by_destiny.sum())

    def counts(self) -> dict[str, int]:
        """Received, then each disposition by its word."""
        numbers = (self.received, *self._by_destiny.tolist())
        return dict(zip(_KEYS, numbers, strict=True))

    def summary(self) -> dict[str, int]:
        """The equation of the design: all quarantined dispositions as one."""
        total = {"received": self.received}
        for disposition in Disposition:
            word = "quarantined" if disposition.quarantined else disposition.word
            total[word] = total.get(word, 0) + int(self._by_destiny[disposition])
        return total


def hearing_of(parts: Parts) -> Hearing:
    """How a lane's channels are heard, counted by district; looks at every channel."""
    words, codes = parts.catalogue.codes("district")
    ways = len(HEARING)
    counts = np.bincount(codes * ways + parts.silence.hearing(), minlength=len(words) * ways)
    by_district = zip(words, counts.reshape(-1, ways).tolist(), strict=True)
    return {district: tuple(of) for district, of in by_district if any(of)}
