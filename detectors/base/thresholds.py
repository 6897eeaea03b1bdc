"""Thresholds by colour, as rules are configured with them."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from contracts.quantities import Duration

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


class OnDelays(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """On-delays of the colours that do not wait as the others do."""

    blue: Duration | None = None
    yellow: Duration | None = None
    orange: Duration | None = None
    red: Duration | None = None
