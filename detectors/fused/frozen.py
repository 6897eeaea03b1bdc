"""A value that stands still for a time: what an engineer writes of it."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from contracts.quantities import ABSOLUTE, DIFFERENCE, Duration
from detectors.base.kind import Fault, Scene
from detectors.fused.row_layout import RUN_MOST


class Frozen(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rings when a value has stood still for a time.

    A run is a chain of readings within `resolution` of its first. Rings when the present run has
    `least` readings and has lasted for `after` in the channel's own event time; the alarm begins
    where the run did. Nothing is learned: it judges from the first day, where `stuck` first learns
    how long a channel stands by itself. The score is the run, in readings.

    Parameters
    ----------
    after : Duration
        How long a value may stand.
    resolution : float
        Readings so close to the first of a run are repeats, in the unit of the class.
    rest : float or None
        Value at which the channel may stand by right: a run that begins within `resolution` of it
        never rings.
    least : int
        Readings that a run needs to ring: two alike at both ends of a gap say nothing.
    at_most : {"blue", "yellow"}
        Colour that rings.
    off_delay : Duration
        As for limits.

    References
    ----------
    Detector class D9 of the project's domain notes.
    """

    STATE_FREE: ClassVar[frozenset[str]] = frozenset({"after", "least", "period", "rest"})

    after: Duration
    resolution: Annotated[float, Meta(ge=0, extra=DIFFERENCE)] = 0.0
    rest: Annotated[float | None, Meta(extra=ABSOLUTE)] = None
    least: Annotated[int, Meta(ge=2, le=RUN_MOST)] = 3
    at_most: Literal["blue", "yellow"]
    off_delay: Duration = Duration("0 s")


def faults(rule: Frozen, scene: Scene) -> Iterator[Fault]:
    """Resolutions that see nothing move, rests that never come, times that every reading breaks."""
    width = scene.high - scene.low
    if rule.resolution >= width:
        text = f"expected below the plausible width ({width:g}), got {rule.resolution:g}"
        yield ("resolution",), f"{text}; every reading would be a repeat"
    if rule.rest is not None and not scene.low <= rule.rest <= scene.high:
        text = f"expected inside the plausible range ({scene.low:g} to {scene.high:g})"
        yield ("rest",), f"{text}, got {rule.rest:g}; the channel would never be at rest"
    if rule.after.ns < (rule.least - 1) * scene.period.ns:
        text = f"expected room for {rule.least} readings every {scene.period}"
        yield ("after",), f"{text}, got {rule.after}; lengthen it or lower `least`"
