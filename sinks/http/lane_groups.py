"""Lanes whose numbers are told together: each by itself, or all those of a lifeline."""

import math
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final, Literal, NamedTuple

from contracts.ports.status import LaneStatus, ShadowStatus
from sinks.http.measures import Measure

# What the label `lane` names: each lane, or the lifeline of all that are counted together.
Series = Literal["lane", "lifeline"]
LANES_MAX: Final = 24  # in a configuration, that have series of their own if nobody says otherwise


def series_of(lanes: int) -> Series:
    """What a configuration with so many lanes tells of, so that a city stays under 2,000 series.

    Of all lanes that are configured and not of those that a process owns: what a series is must
    not change when a lane moves.

    >>> series_of(24), series_of(25)
    ('lane', 'lifeline')
    """
    return "lane" if lanes <= LANES_MAX else "lifeline"


def total(numbers: Iterable[float]) -> float:
    """Sum of the numbers that are known, NaN when none is.

    >>> total([1.0, math.nan, 2.0]), total([math.nan])
    (3.0, nan)
    """
    known = [number for number in numbers if not math.isnan(number)]
    return float(sum(known)) if known else math.nan


def most(numbers: Iterable[float]) -> float:
    """Largest of the numbers that are known, NaN when none is.

    >>> most([1.0, math.nan, 2.0])
    2.0
    """
    return float(max((number for number in numbers if not math.isnan(number)), default=math.nan))


class LaneGroup(NamedTuple):
    """Lanes that have one series of each number.

    Parameters
    ----------
    name : str
        Of the lane, `water-3`, or of the lifeline, `water`.
    lanes : tuple of LaneStatus
        At least one.
    """

    name: str
    lanes: tuple[LaneStatus, ...]

    def shadows(self) -> list[ShadowStatus]:
        """How its lanes' shadows compare, those of one configuration together."""
        running = [lane.shadow for lane in self.lanes if lane.shadow is not None]
        by_config = groupby(sorted(running, key=_config), _config)
        return [_together(config, list(same)) for config, same in by_config]


def grouped(lanes: Iterable[LaneStatus], by: Series) -> list[LaneGroup]:
    """Lanes as they are told of, in the order in which each group was first met."""
    found: dict[str, list[LaneStatus]] = {}
    for lane in lanes:
        found.setdefault(lane.name if by == "lane" else lifeline_of(lane), []).append(lane)
    return [LaneGroup(name, tuple(members)) for name, members in found.items()]


def lifeline_of(lane: LaneStatus) -> str:
    """Lifeline of a lane, by its name."""
    return lane.name.rpartition("-")[0]


def of_groups(measure: Measure[LaneStatus]) -> Measure[LaneGroup]:
    """A number of each lane as a number of each group."""
    over = most if measure.largest else total

    def of(group: LaneGroup, value: str) -> float:
        return over(float(measure.of(lane, value)) for lane in group.lanes)

    return Measure(measure.name, measure.say, measure.counts, of, measure.label, measure.values)


def _config(shadow: ShadowStatus) -> str:
    return shadow.config


def _together(config: str, shadows: Sequence[ShadowStatus]) -> ShadowStatus:
    return ShadowStatus(
        config,
        sum(shadow.both for shadow in shadows),
        sum(shadow.only_live for shadow in shadows),
        sum(shadow.only_shadow for shadow in shadows),
        sum(shadow.live_per_day for shadow in shadows),
        sum(shadow.shadow_per_day for shadow in shadows),
        tuple(sum(counts) for counts in zip(*(shadow.leads for shadow in shadows), strict=True)),
    )
