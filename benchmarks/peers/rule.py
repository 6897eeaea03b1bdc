"""The job's rule for the peers that run Python: limits and an EWMA band for each channel."""

import json
import math
import os
import sys
import time


class Count:
    """Rate over the last four fifths of so many readings; printed at the end of them.

    Parameters
    ----------
    readings : int
    """

    def __init__(self, readings: int) -> None:
        self._first = readings // 5
        self._last = readings
        self._taken = 0
        self._began = 0.0

    def one(self) -> None:
        """Note one reading; the process ends with the last."""
        self.upto(self._taken + 1)

    def upto(self, taken: int) -> None:
        """Note that so many readings have been taken."""
        before, self._taken = self._taken, taken
        if before < self._first <= taken:
            self._began = time.perf_counter()
        if taken >= self._last:
            print((self._last - self._first) / (time.perf_counter() - self._began))
            sys.stdout.flush()
            os._exit(0)


def step(state: "list[float] | None", value: float) -> "tuple[list[float], bool]":
    """Mean, variance, readings learned and whether it rings, and whether that has changed."""
    mean, variance, learned, rings = state or [0.0, 0.0, 0, 0]
    off = value - mean
    z = 0.0 if learned < 50 else off / max(math.sqrt(variance), 0.05)
    now = int(value < 2.0 or value > 8.0 or abs(z) > 5.0)
    if not learned:
        mean = value
    elif not now:
        mean += 0.05 * off
        variance = 0.95 * (variance + 0.05 * off * off)
    return [mean, variance, learned + 1, now], now != rings


def parsed(body: bytes) -> "tuple[str, float]":
    """Channel and value of one message."""
    reading = json.loads(body)
    return reading["channel"], reading["value"]
