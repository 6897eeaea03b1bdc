"""Time as an argument: the wall clock of a worker, or one that a test winds."""

import time
from typing import Protocol


class Clock(Protocol):
    """Tells wall time; nothing in detectors or alarms ever sees one."""

    def now_ms(self) -> int:
        """Milliseconds since 1970 UTC."""


class WallClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        """Milliseconds since 1970 UTC."""
        return time.time_ns() // 1_000_000
