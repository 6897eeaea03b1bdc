"""How often a rule rings when nothing is wrong."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple

from detectors.run_length import in_a_row, narrowed, summed

DAY_NS: Final = 86_400_000_000_000
EVEN: Final = 0.02  # smoothing up to which weights are as good as alike
OF_DEVIATIONS: Final = 0.876  # efficiency of a mean absolute deviation on normal data


class Promise(NamedTuple):
    """What a rule does on clean data: independent and normal, mean and deviation staying.

    Parameters
    ----------
    share : callable
        From n to the share of n readings of a channel in a row that are all beyond.
    exact : bool
        Whether it is that share and not only an upper bound; tests/test_false_alarms.py counts.
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


def no_promise(rule: Any, scene: Any) -> Promise | None:
    """Physical rules, and those whose rate hangs on what clean data are like."""
    del rule, scene
    return None


def of_unusual(rule: Any, scene: Any) -> Promise:
    """Weights `a (1 - a)^k`: a mean of `(2 - a) / a` readings that its own variance is short of.

    Weights that are not alike make it an upper bound with a smoothing above 0.02. Below 3 sigma
    it says too little (881 for 761 at 2.7 with a delay of one reading). Sums ring at most as often
    as those around a mean that is known, whatever the delay.
    """
    del scene
    a = rule.smoothing
    share = a / (2.0 - a)
    short, free = math.sqrt((1.0 - share) / (1.0 + share)), max(1.0 / share - 1.0, 1.0)
    beyond = partial(in_a_row, narrowed(rule.band.count, squares=True) * short, free, 2)
    if rule.sums is None:
        return Promise(beyond, exact=a <= EVEN)
    sums = summed(rule.sums.k.count * short, rule.sums.h.count * short, free)
    return Promise(partial(_either, beyond, sums), exact=False)


def _either(share: Callable[[int], float], more: float, n: int) -> float:
    """A share of so many readings in a row, and one that waits for nothing."""
    return share(n) + more


def of_seasonal(rule: Any, scene: Any) -> Promise:
    """A band around the mean of a slot."""
    del scene
    return Promise(band(rule.band.count, rule.memory, rule.side))


def of_regress(rule: Any, scene: Any) -> Promise:
    """A band around what companions explain."""
    del scene
    return Promise(band(rule.band.count, 1.0 / (1.0 - rule.forget), rule.side))


def of_consensus(rule: Any, scene: Any) -> Promise:
    """A band around what neighbours do."""
    del scene
    return Promise(band(rule.band.count, rule.memory))


def of_multivariate(rule: Any, scene: Any) -> Promise:
    """Two limits, T2 and SPE, each with its quantile of normal rows inside.

    A bound, as Jackson and Mudholkar's limit of SPE lies too far out beyond a quantile of 0.99: of
    two equal components by 5 % at 0.9999, where 65 % of the promised rows are beyond it.
    """
    del scene
    return Promise(partial(at_most, 1.0 - rule.quantile**2), exact=False, per="group")


def of_departure(rule: Any, scene: Any) -> Promise:
    """A band around a mean, for readings that hang together.

    An EWMA's successive values correlate by `r = 1 - smoothing`, so that `n` of their squares are
    worth `n (1 - r^2) / (1 + r^2)`. Readings beyond come in runs: there are fewer alarms.
    """
    del scene
    r = 1.0 - rule.smoothing
    known = min(rule.warm_up - rule.memory, rule.settle)
    free = max(known * (1.0 - r * r) / (1.0 + r * r), 1.0)
    t = narrowed(rule.band.count, squares=True)
    sides = 2 if rule.side == "both" else 1
    return Promise(partial(in_a_row, t, free, sides), exact=False)


def of_quantile(rule: Any, scene: Any) -> Promise:
    """A quantile of scores learned from the channel itself, rounded up, times a factor."""
    del scene
    return Promise(partial(at_most, 1.0 - rule.quantile), exact=False)


def of_spectrum(rule: Any, scene: Any) -> Promise:
    """The worst of its bands, upwards, once in a hop; logs of powers have a lighter tail."""
    del scene
    bands = len(rule.bands) * (1 + rule.envelope)
    share = bands * band(rule.band.count, rule.memory, "above")(1)
    return Promise(partial(at_most, min(share, 1.0) / rule.hop), exact=False)


def of_drift(rule: Any, scene: Any) -> Promise | None:
    """Adwin's chance at each trial; Page and Hinkley's sums are in the unit of the class."""
    del scene
    if rule.adwin is None:
        return None
    return Promise(partial(at_most, rule.adwin.chance / rule.adwin.every), exact=False)
