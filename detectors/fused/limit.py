"""Limits with four colours on either side of a value: what an engineer writes of them."""

from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from contracts.civil_time import DayType
from contracts.quantities import ABSOLUTE, DIFFERENCE, Duration
from detectors.base.thresholds import COLOURS, OnDelays, Steps


class Sides(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Thresholds of one kind of day; a side that is left out is that of all days."""

    low: Annotated[Steps | None, Meta(extra=ABSOLUTE)] = None
    high: Annotated[Steps | None, Meta(extra=ABSOLUTE)] = None


class DaySides(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Kinds of day with thresholds of their own."""

    workday: Sides | None = None
    saturday: Sides | None = None
    sunday: Sides | None = None
    eve: Sides | None = None


class Limit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rings when the value lies beyond a colour's threshold for the on-delay.

    Parameters
    ----------
    low, high : Steps or None
        Rings strictly below a low threshold, strictly above a high one.
    on_delay, off_delay : Duration
        In the channel's own event time: how long a colour must be breached before it rings, and
        how long it must be left before it is lowered.
    on_delays : OnDelays or None
        On-delays of colours that have one of their own: red at once, yellow after ten minutes. A
        value that breaches a worse colour breaches the milder ones too, and rings in them first
        where they wait for less.
    hysteresis : float
        How far back inside the threshold the value must come to leave a colour, in the unit of
        the class.
    days : DaySides or None
        Kinds of day with other thresholds: holidays count as Sundays, make-up workdays as
        workdays, as the calendar says. Colour and delays go on over midnight.
    utc_offset : Duration
        The city's civil time ahead of UTC.
    calendar : dict of str to str
        Date (`2025-10-01`) to `workday`, `saturday`, `sunday` or `eve`. By default what the
        configuration's calendar says.

    References
    ----------
    Detector class D1 of the project's domain notes; on-delay, off-delay and deadband as in
    ANSI/ISA-18.2-2016 (known to the project from secondary sources).
    """

    low: Annotated[Steps | None, Meta(extra=ABSOLUTE)] = None
    high: Annotated[Steps | None, Meta(extra=ABSOLUTE)] = None
    on_delay: Duration = Duration("0 s")
    off_delay: Duration = Duration("0 s")
    on_delays: OnDelays | None = None
    hysteresis: Annotated[float, Meta(ge=0, extra=DIFFERENCE)] = 0.0
    days: DaySides | None = None
    utc_offset: Duration = Duration("8 h")
    calendar: dict[str, DayType] = {}

    def waits(self) -> NDArray[np.int64]:
        """On-delay of each colour, ns, shape (4,).

        One that no side has waits as long as the next worse one: it never rings by itself.
        """
        waits = np.full(len(COLOURS), self.on_delay.ns, np.int64)
        for i, colour in reversed([*enumerate(COLOURS)]):
            sides = (self.low, self.high)
            own = getattr(self.on_delays, colour, None)
            if all(side is None or getattr(side, colour) is None for side in sides):
                waits[i] = waits[min(i + 1, len(COLOURS) - 1)]
            elif own is not None:
                waits[i] = own.ns
        return waits

    def on(self, day: DayType) -> "Limit":
        """The same limits with the thresholds of one kind of day."""
        sides = None if self.days is None else getattr(self.days, day)
        if sides is None:
            return self
        low = self.low if sides.low is None else sides.low
        high = self.high if sides.high is None else sides.high
        return msgspec.structs.replace(self, low=low, high=high)
