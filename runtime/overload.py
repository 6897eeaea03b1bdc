"""Whether a lane has had more to do than it can, for too long: then its shadow goes first."""

import time


class Overload:
    """How long records have waited each time that a lane had taken some.

    Parameters
    ----------
    patience_s : float
        How long that may be so.
    """

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._since_s: float | None = None

    def note(self, *, waiting: bool) -> None:
        """Whether further records wait, now that the lane has taken some or looked in vain."""
        if not waiting:
            self._since_s = None
        elif self._since_s is None:
            self._since_s = time.monotonic()

    @property
    def too_much(self) -> bool:
        """Whether it has been so for longer than patience allows."""
        return self._since_s is not None and time.monotonic() - self._since_s >= self._patience_s
