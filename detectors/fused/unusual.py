"""Unusual values against an exponentially weighted mean: what an engineer writes of it."""

import math
from collections.abc import Callable, Iterator
from functools import partial
from math import sqrt
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from contracts.quantities import DIFFERENCE, Duration, Sigmas
from detectors.base.kind import Fault
from detectors.change.shift import CLIP
from detectors.false_alarm_rate.rate import EVEN, FalseAlarmRate
from detectors.false_alarm_rate.run_length import in_a_row, narrowed, summed


class Sums(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Sums of scores, upwards and downwards: small deviations ring when they last.

    With each score `z`, clipped at five so that one wild reading is no shift,
    `up = max(0, up + z - k)` and `down = max(0, down - z - k)`.

    Parameters
    ----------
    k : Sigmas
        Deviation that does not count: half of the one that is looked for.
    h : Sigmas
        Sum that rings.

    References
    ----------
    E. S. Page, Continuous Inspection Schemes, Biometrika 41, 1954. Detector class D3 of the
    project's domain notes.
    """

    STATE_FREE: ClassVar[frozenset[str]] = frozenset({"h"})

    k: Sigmas = Sigmas("0.5 sigma")
    h: Sigmas = Sigmas("8 sigma")


class Unusual(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rings when the value leaves a band around its exponentially weighted mean.

    With `d = x - m`, the score is `z = d / max(sqrt(v), floor)` against the state before the
    value; then, if the learning gate is open, `m += a d` and `v = (1 - a)(v + a d^2)`.
    The gate closes while a rule of the channel rings or is about to, so that a fault is not
    learned as normal, and opens again after `relearn_after`.

    With `sums` it rings too when `up` or `down` exceeds `h`, at once, for a sum has waited already;
    then both begin at 0 anew with the next reading, and the colour stays for `off_delay`, longer
    while they fill again. The level change then tells the band that counts, `k` sigmas around the
    mean (the reading that fills a sum lies outside it), and as its score the sum, below 0 for one
    downwards. Mean and deviation follow a step while nothing rings, so that a sum grows only
    for a while: the smaller `smoothing`, the smaller a step can be.

    Parameters
    ----------
    model : {"ewma"}
        The only model so far.
    smoothing : float
        `a`, share of a new value in the mean, 0 < a <= 1.
    band : Sigmas
        Half width of the band.
    floor : float
        Smallest standard deviation that is believed, in the unit of the class: the resolution of
        the sensor. Keeps a quantised, flat channel from ringing at its first step.
    warm_up : int
        Readings learned before the first score; until then the score is NaN.
    at_most : {"blue", "yellow"}
        Colour that rings: a statistical finding alone is never worse than yellow.
    on_delay, off_delay : Duration
        As for limits.
    hysteresis : Sigmas
        How far inside the band the value must come back.
    relearn_after : Duration
        Age at which a closed gate opens: the new level is then learned as normal.
    sums : Sums or None
        Whether small deviations ring when they last.

    References
    ----------
    S. W. Roberts, Control Chart Tests Based on Geometric Moving Averages, Technometrics 1(3),
    1959 (the chart); D. J. West, Updating Mean and Variance Estimates: An Improved Method,
    CACM 22(9), 1979, in its exponentially weighted form (the variance).
    """

    STATE_FREE: ClassVar[frozenset[str]] = frozenset({"band", "floor", "period", "sums"})

    model: Literal["ewma"]
    smoothing: Annotated[float, Meta(gt=0, le=1)]
    band: Sigmas
    floor: Annotated[float, Meta(gt=0, extra=DIFFERENCE)]
    warm_up: Annotated[int, Meta(ge=2, le=1_000_000)]
    at_most: Literal["blue", "yellow"]
    on_delay: Duration = Duration("0 s")
    off_delay: Duration = Duration("0 s")
    hysteresis: Sigmas = Sigmas("0 sigma")
    relearn_after: Duration = Duration("1 d")
    sums: Sums | None = None


def sum_faults(rule: Unusual) -> Iterator[Fault]:
    """Sums that one wild reading fills, that no deviation fills, or whose colour nobody sees.

    Lengths are in time already.
    """
    if rule.sums is None:
        return
    k, h = rule.sums.k.count, rule.sums.h.count
    if not 0.0 < k < CLIP:
        text = f"expected above 0 and below {CLIP:g} sigma, got {str(rule.sums.k)!r}"
        yield ("sums", "k"), f"{text}; sums would only grow, or never"
        return
    if h <= CLIP - k:
        text = f"expected more than {CLIP - k:.3g} sigma, got {str(rule.sums.h)!r}"
        yield ("sums", "h"), f"{text}; one wild reading would ring"
    if (most := _fills(rule.smoothing, min(rule.band.count, CLIP), k, h)) <= h:
        text = f"expected below {most:.3g} sigma, got {str(rule.sums.h)!r}"
        advice = "the mean would follow any step before it rings, lower it or `smoothing`"
        yield ("sums", "h"), f"{text}; {advice}"
    if not rule.off_delay.ns:
        text = "expected more than 0 s with `sums`, got 0 s"
        yield ("off_delay",), f"{text}; the next reading would clear what a sum has rung"


def _fills(a: float, step: float, k: float, enough: float) -> float:
    """What a step of so many sigmas adds up to until it is learned, or more than enough."""
    total, variance = 0.0, 1.0
    while step / sqrt(variance) > k and total <= enough:
        total += step / sqrt(variance) - k
        variance = max((1.0 - a) * (variance + a * (step * step + 1.0)), 1.0)
        step *= 1.0 - a
    return total


def of_unusual(rule: Any, scene: Any) -> FalseAlarmRate:
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
        return FalseAlarmRate(beyond, exact=a <= EVEN)
    sums = summed(rule.sums.k.count * short, rule.sums.h.count * short, free)
    return FalseAlarmRate(partial(_either, beyond, sums), exact=False)


def _either(share: Callable[[int], float], more: float, n: int) -> float:
    """A share of so many readings in a row, and one that waits for nothing."""
    return share(n) + more
