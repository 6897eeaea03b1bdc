"""Every reading counted once: received equals the sum of its destinies."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from contracts.batch import Destiny

_WORDS: Final = tuple(destiny.word for destiny in Destiny)


class Accounts:
    """Counts of one lane since it began."""

    def __init__(self, counts: dict[str, int] | None = None) -> None:
        counts = counts or {}
        self.received = counts.get("received", 0)
        self._by_destiny = np.zeros(len(Destiny), np.int64)
        for destiny in Destiny:
            self._by_destiny[destiny] = counts.get(destiny.word, 0)

    def book(self, destiny: NDArray[np.uint8], refused: int) -> None:
        """Count readings, and messages that could not be decoded, each as one."""
        self.received += len(destiny) + refused
        odd = destiny[np.flatnonzero(destiny)]  # nearly all readings are scored
        self._by_destiny += np.bincount(odd, minlength=len(Destiny))
        self._by_destiny[Destiny.SCORED] += len(destiny) - len(odd)
        self._by_destiny[Destiny.UNDECODABLE] += refused

    def balanced(self) -> bool:
        """The accounting law."""
        return self.received == int(self._by_destiny.sum())

    def counts(self) -> dict[str, int]:
        """Received, then each destiny by its word."""
        by_word = zip(_WORDS, self._by_destiny.tolist(), strict=True)
        return {"received": self.received, **dict(by_word)}

    def summary(self) -> dict[str, int]:
        """The equation of the design: all quarantined destinies as one."""
        total = {"received": self.received}
        for destiny in Destiny:
            word = "quarantined" if destiny.quarantined else destiny.word
            total[word] = total.get(word, 0) + int(self._by_destiny[destiny])
        return total
