"""Limits with four colours on either side of a value: what an engineer writes of them."""

from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from contracts.quantities import DIFFERENCE, LEVEL, Duration

COLOURS = ("blue", "yellow", "orange", "red")


class Steps(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Threshold of each colour, in the unit of the class; absent colours never ring."""

    blue: float | None = None
    yellow: float | None = None
    orange: float | None = None
    red: float | None = None

    def array(self, absent: float) -> NDArray[np.float64]:
        """Thresholds from blue to red, shape (4,), `absent` where there is none."""
        steps = [getattr(self, colour) for colour in COLOURS]
        return np.array([absent if step is None else step for step in steps], np.float64)


class Limit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rings when the value lies beyond a colour's threshold for the on-delay.

    Parameters
    ----------
    low, high : Steps or None
        Rings strictly below a low threshold, strictly above a high one.
    on_delay, off_delay : Duration
        In the channel's own event time: how long a colour must be breached before it rings, and
        how long it must be left before it is lowered.
    hysteresis : float
        How far back inside the threshold the value must come to leave a colour, in the unit of
        the class.

    References
    ----------
    Detector class D1 of the project's domain notes; on-delay, off-delay and deadband as in
    ANSI/ISA-18.2-2016 (known to the project from secondary sources).
    """

    low: Annotated[Steps | None, Meta(extra=LEVEL)] = None
    high: Annotated[Steps | None, Meta(extra=LEVEL)] = None
    on_delay: Duration = Duration("0 s")
    off_delay: Duration = Duration("0 s")
    hysteresis: Annotated[float, Meta(ge=0, extra=DIFFERENCE)] = 0.0
