"""How far long work is, on standard error."""

import sys
import time
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from typing import Final, TextIO

from contracts.civil_time import CITY
from contracts.quantities import NS_PER_MS
from contracts.records import Records
from lab.reports.terminal import draws

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
    piped : bool
        Whether lines are told where nothing can be written over.
    zone : timezone
        Of the dates in them.
    """

    def __init__(
        self,
        what: str,
        total: int,
        out: TextIO | None = None,
        *,
        piped: bool = True,
        zone: timezone = CITY,
    ) -> None:
        self._zone = zone
        self._what, self._total, self._out = what, total, out or sys.stderr
        self._drawn = draws(self._out)
        self._told_at_all = self._drawn or piped
        self._began = self._told = time.monotonic()
        self.taken = 0

    @property
    def elapsed_s(self) -> float:
        """Seconds since it began."""
        return max(time.monotonic() - self._began, 1e-9)

    def __call__(self, taken: int, time_ns: int) -> None:
        """Note how many readings were taken, and the event time reached."""
        self.taken = taken
        if not self._told_at_all or time.monotonic() - self._told < EVERY_S:
            return
        self._told = time.monotonic()
        share, rate = taken / max(self._total, 1), taken / self.elapsed_s
        left_s = (self._total - taken) / rate
        at = f"{datetime.fromtimestamp(time_ns / 1e9, self._zone):%Y-%m-%d}"
        line = f"{self._what}: {share:.0%}, {at}, {rate:,.0f} readings/s, {left_s:.0f} s left"
        self._out.write(f"\r{line}\x1b[K" if self._drawn else f"{line}\n")
        self._out.flush()

    def over(self, chunks: Iterable[Records]) -> Iterator[Records]:
        """The same records, noted as they pass."""
        for chunk in chunks:
            yield chunk
            self(self.taken + len(chunk), int(chunk.timestamp_ms[-1]) * NS_PER_MS)

    def clear(self) -> None:
        """Take the line away, for something else to be said."""
        if self._drawn:
            self._out.write("\r\x1b[K")
            self._out.flush()

    def end(self) -> None:
        """Say how long it took."""
        start = "\r\x1b[K" if self._drawn else ""
        rate = self.taken / self.elapsed_s
        self._out.write(
            f"{start}{self._what}: {self.taken:,} readings in {self.elapsed_s:.1f} s "
            f"({rate:,.0f}/s)\n"
        )
