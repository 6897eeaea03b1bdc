"""Unusual values against an exponentially weighted mean: what an engineer writes of it."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from contracts.quantities import DIFFERENCE, Duration, Sigmas


class Unusual(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rings when the value leaves a band around its exponentially weighted mean.

    With `d = x - m`, the score is `z = d / max(sqrt(v), floor)` against the state before the
    value; then, if the learning gate is open, `m += a d` and `v = (1 - a)(v + a d^2)`.
    The gate closes while a rule of the channel rings or is about to, so that a fault is not
    learned as normal, and opens again after `relearn_after`.

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

    References
    ----------
    S. W. Roberts, Control Chart Tests Based on Geometric Moving Averages, Technometrics 1(3),
    1959 (the chart); D. J. West, Updating Mean and Variance Estimates: An Improved Method,
    CACM 22(9), 1979, in its exponentially weighted form (the variance).
    """

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
