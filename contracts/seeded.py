"""Numbers that follow from a seed alone: chance for models, and none for replays."""

from random import Random
from typing import Protocol


class Generator(Protocol):
    """Where a model draws from; it is handed in."""

    def random(self) -> float:
        """The next number, 0 <= x < 1."""
        ...


def seeded(seed: int) -> Generator:
    """A generator of its own that draws the same for the same seed, on every build.

    Parameters
    ----------
    seed : int
        0 to 2^32 - 1.

    >>> seeded(42).random()
    0.6394267984578837
    """
    return Random(seed)
