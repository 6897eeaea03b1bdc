"""What a class takes for a possible reading: what an engineer writes of it."""

from typing import Annotated

import msgspec
from msgspec import Meta

from contracts.quantities import LEVEL, Duration, Rate


class Plausible(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Bounds of the sensor and of its clock; a reading outside is not scored.

    Parameters
    ----------
    range : (float, float)
        Smallest and largest value that the sensor can mean, in the unit of the class.
    fastest : Rate or None
        Faster changes between two readings are the sensor's fault, not the city's.
    future : Duration
        How far an event time may lie ahead of its record's timestamp.
    back_fill : Duration
        Readings further behind their record's timestamp than this are history: they never ring.
    """

    range: Annotated[tuple[float, float], Meta(extra=LEVEL)]
    fastest: Rate | None = None
    future: Duration = Duration("5 min")
    back_fill: Duration = Duration("1 h")
