"""How fast this machine is right now: ns a reading of the C reference on a small case."""

import time

from benchmarks.support.reference import CRules
from operate.plan.costs import SMALL_CHANNELS, median_ns, small_case


def yardstick_ns() -> float | None:
    """Median ns a reading, None without a C compiler."""
    rules, batch, scored = small_case()
    try:
        arm = CRules(rules, SMALL_CHANNELS)
    except FileNotFoundError:
        return None
    return median_ns(lambda: arm.score(batch, scored), time.perf_counter)
