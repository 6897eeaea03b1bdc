"""How often a rule rings when nothing is wrong."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple

from detectors.false_alarm_rate.run_length import in_a_row, narrowed

DAY_NS: Final = 86_400_000_000_000
EVEN: Final = 0.02  # smoothing up to which weights are as good as alike
OF_DEVIATIONS: Final = 0.876  # efficiency of a mean absolute deviation on normal data


class FalseAlarmRate(NamedTuple):
    """What a rule does on clean data: independent and normal, mean and deviation staying.

    Parameters
    ----------
    share : callable
        From n to the share of n readings of a channel in a row that are all beyond.
    exact : bool
        Whether it is that share and not only an upper bound; `test_false_alarms` counts.
    per : {"channel", "group"}
        What is judged: every channel, or one row of a group's channels at a time.
    """

    share: Callable[[int], float]
    exact: bool = True
    per: str = "channel"

    def per_day(self, judged: int, period_ns: int, on_delay_ns: int) -> float:
        """False alarms a day of so many channels or groups, read once a period each.

        With an `on_delay` every reading of it has to be beyond.
        """
        readings = 1 + math.ceil(on_delay_ns / period_ns)
        return judged * DAY_NS / period_ns * self.share(readings)


def band(sigmas: float, memory: float, side: str = "both") -> Callable[[int], float]:
    """Shares beyond a band around a mean, in mean absolute deviations of `memory` readings.

    >>> round(1e6 * band(4.0, 500)(1))
    69
    """
    free = OF_DEVIATIONS * (2.0 * memory - 1.0)
    sides = 2 if side == "both" else 1
    return partial(in_a_row, narrowed(sigmas, squares=False), free, sides)


def at_most(share: float, n: int) -> float:
    """A share of readings that are not independent: as many in a row at the worst."""
    del n
    return share


def no_promise(rule: Any, scene: Any) -> FalseAlarmRate | None:
    """Physical rules, and those whose rate hangs on what clean data are like."""
    del rule, scene
    return None


def of_quantile(rule: Any, scene: Any) -> FalseAlarmRate:
    """A quantile of scores learned from the channel itself, rounded up, times a factor."""
    del scene
    return FalseAlarmRate(partial(at_most, 1.0 - rule.quantile), exact=False)
