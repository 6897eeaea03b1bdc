"""How far a backtest is, on standard error."""

import sys
import time
from datetime import datetime
from typing import Final, TextIO

from lab.feeds.feed import CITY

EVERY_S: Final = 2.0


class Progress:
    """Tells every two seconds how far it is; a terminal's line is written over.

    Parameters
    ----------
    what : str
        Named at the start of each line.
    total : int
        Readings to come.
    out : TextIO, optional
        Standard error by default.
    """

    def __init__(self, what: str, total: int, out: TextIO | None = None) -> None:
        self._what, self._total, self._out = what, total, out or sys.stderr
        self._began = self._told = time.monotonic()
        self.taken = 0

    @property
    def elapsed_s(self) -> float:
        """Seconds since it began."""
        return max(time.monotonic() - self._began, 1e-9)

    def __call__(self, taken: int, time_ns: int) -> None:
        """Note how many readings were taken, and the event time reached."""
        self.taken = taken
        if time.monotonic() - self._told < EVERY_S:
            return
        self._told = time.monotonic()
        share, rate = taken / max(self._total, 1), taken / self.elapsed_s
        left_s = (self._total - taken) / rate
        at = f"{datetime.fromtimestamp(time_ns / 1e9, CITY):%Y-%m-%d}"
        line = f"{self._what}: {share:.0%}, {at}, {rate:,.0f} readings/s, {left_s:.0f} s left"
        self._out.write(f"\r{line}\x1b[K" if self._out.isatty() else f"{line}\n")
        self._out.flush()

    def end(self) -> None:
        """Say how long it took."""
        start = "\r\x1b[K" if self._out.isatty() else ""
        rate = self.taken / self.elapsed_s
        self._out.write(
            f"{start}{self._what}: {self.taken:,} readings in {self.elapsed_s:.1f} s "
            f"({rate:,.0f}/s); an interrupted run begins anew\n"
        )
