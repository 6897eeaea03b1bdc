"""How lifelines recovered, for the console: the figures of `tocsin resilience`, cut to a page."""

import asyncio
from collections.abc import Sequence
from itertools import groupby
from typing import Final

from alarms.incidents.topology import Topology
from alarms.resilience.figures import (
    IncidentFigures,
    LifelineFigures,
    incident_figures,
    period_figures,
)
from alarms.resilience.phases import Milestones
from configuration.configuration import Configuration
from contracts.ports.recovery import (
    PHASES,
    IncidentLoss,
    LifelineRecovery,
    Moments,
    Recovery,
    SecondFeed,
)
from operate.resilience.sources import MS_PER_S, Asked, of_history, of_incident

MINUTE_S: Final = 60
INCIDENTS_MAX: Final = 20
FEEDS_MAX: Final = 5
BINS: Final = 200  # of a curve; each keeps four points at most
Points = Sequence[tuple[float, float, float]]


class HistoryRecoveries:
    """Recoveries of the history that a configuration names; see `contracts.ports.recovery`.

    Parameters
    ----------
    configuration : Configuration
    topology : Topology
    """

    def __init__(self, configuration: Configuration, topology: Topology) -> None:
        self._configuration = configuration
        self._topology = topology

    async def since(self, begins_ms: int) -> Recovery:
        """See `Recoveries`; takes its time in another thread."""
        return await asyncio.to_thread(self._since, begins_ms)

    async def of_incident(self, incident: str) -> Recovery:
        """See `Recoveries`; takes its time in another thread."""
        return await asyncio.to_thread(self._of_incident, incident)

    def _since(self, begins_ms: int) -> Recovery:
        told, period = of_history(self._configuration, Asked(begins_ms / MS_PER_S, None))
        found = period_figures(told, self._topology, period)
        titles = {one.id: one.situation.title for one in told.incidents}
        return Recovery(
            _ms(found.begins_s),
            _ms(found.ends_s),
            [_lifeline(one, found.begins_s) for one in found.lifelines],
            found.unplaced,
            incidents=[
                IncidentLoss(
                    one.incident, titles.get(one.incident, {}), one.lifeline, one.lost_minutes
                )
                for one in found.incidents[:INCIDENTS_MAX]
            ],
        )

    def _of_incident(self, incident: str) -> Recovery:
        known = of_incident(self._configuration, incident, Asked(None, None))
        found = incident_figures(known.incident, known.outages, self._topology, known.known_s)
        coupled = found.coupled
        return Recovery(
            _ms(found.begins_s),
            _ms(found.ends_s),
            [_lifeline(one, found.moments.event_s) for one in found.lifelines],
            found.unplaced,
            max(found.unlisted, 0),
            title=found.title,
            over=found.over,
            moments_ms=_moments(found.moments),
            dependent=None if coupled is None else coupled.share,
            second_feeds=_second_feeds(found),
        )


def _second_feeds(found: IncidentFigures) -> list[SecondFeed]:
    savings = [] if found.coupled is None else found.coupled.savings
    return [
        SecondFeed(one.parent, one.child, (one.saved[0] / MINUTE_S, one.saved[1] / MINUTE_S))
        for one in savings[:FEEDS_MAX]
    ]


def _moments(told: Milestones) -> dict[str, int]:
    known = {name: getattr(told, f"{name}_s") for name in ("event", *PHASES)}
    return {name: _ms(at_s) for name, at_s in known.items() if at_s is not None}


def _lifeline(one: LifelineFigures, event_s: float) -> LifelineRecovery:
    worst, best = one.worst, one.best

    def moments(after: tuple[float | None, float | None]) -> Moments:
        low, high = (None if s is None else _ms(event_s + s) for s in after)
        return low, high

    return LifelineRecovery(
        lifeline=one.lifeline,
        unit=one.unit,
        of=one.of,
        now=one.curve[-1][1:],
        lowest=(worst.lowest, best.lowest),
        lost_minutes=one.lost_minutes,
        basic_ms=moments((worst.t80_s, best.t80_s)),
        restored_ms=moments((worst.restored_after_s, best.restored_after_s)),
        before=one.before,
        curve=[(_ms(at_s), low, high) for at_s, low, high in thinned(one.curve)],
    )


def thinned(points: Points, bins: int = BINS) -> Points:
    """Points of a curve that show its course: of each bin of time its ends and how low it fell.

    Parameters
    ----------
    points : sequence of (float, float, float)
        Time, lowest and highest value, in order of time.
    bins : int

    Examples
    --------
    >>> thinned([(0, 1, 1), (1, 0.5, 1), (2, 0.2, 0.9), (3, 0.7, 1), (4, 1, 1)], 1)
    [(0, 1, 1), (2, 0.2, 0.9), (4, 1, 1)]
    """
    width = (points[-1][0] - points[0][0]) / bins
    if width <= 0 or len(points) <= bins:
        return points
    kept = []
    for _, some in groupby(
        range(len(points)), lambda at: min(int((points[at][0] - points[0][0]) / width), bins - 1)
    ):
        places = list(some)
        lowest = min(places, key=lambda at: points[at][1])
        least = min(places, key=lambda at: points[at][2])
        kept += sorted({places[0], lowest, least, places[-1]})
    return [points[at] for at in kept]


def _ms(at_s: float) -> int:
    return round(at_s * MS_PER_S)
