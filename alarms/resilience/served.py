"""How many people lifelines serve, and how many they leave without, over time and by incident."""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from alarms.incidents.topology import WEATHER, Topology
from alarms.resilience.curve import WHOLE, Curve
from alarms.resilience.functional import Band
from alarms.resilience.outages import Span

PEOPLE, ASSETS = "people", "assets"
MILLION: Final = 1_000_000
NOBODY: Final = ""  # to whom a loss without an incident belongs


class Loss(NamedTuple):
    """What an asset lacks from a time on, for one reason.

    Parameters
    ----------
    at_s : float
    node : str
    source : str
        Alarm, or whatever else is the reason; of several the greatest loss counts.
    share : float
        0 when it works again.
    blind : bool
        Whether it is unknown rather than lost.
    """

    at_s: float
    node: str
    source: str
    share: float
    blind: bool = False


def losses_of(spans: Iterable[Span]) -> Iterator[Loss]:
    """Spans as what begins and what ends."""
    for span in spans:
        yield Loss(span.begins_s, span.node, span.alarm, WHOLE, span.blind)
        if span.ends_s is not None:
            yield Loss(span.ends_s, span.node, span.alarm, 0.0, span.blind)


class Population:
    """Whom each lifeline serves (lifelines.md 19.3).

    People of an area are counted once for each lifeline, by the asset that serves most of them, as
    incidents count them. A lifeline of which the topology knows no people counts its assets: lifts
    in service, underpasses that are passable.

    Parameters
    ----------
    topology : Topology
    """

    def __init__(self, topology: Topology) -> None:
        self._weights: dict[str, dict[str, tuple[str, int]]] = {}
        self.units: dict[str, str] = {}
        self.totals: dict[str, int] = {}
        of: dict[str, list[tuple[str, str, int]]] = {}
        for node in topology.nodes:
            if node.kind != WEATHER:
                of.setdefault(node.lifeline, []).append((node.id, node.area, node.people))
        for lifeline in sorted(of):
            self._count(lifeline, of[lifeline])

    def _count(self, lifeline: str, nodes: list[tuple[str, str, int]]) -> None:
        counted = any(people for _, _, people in nodes)
        self.units[lifeline] = PEOPLE if counted else ASSETS
        weights = {
            name: (area or name, people) if counted else (name, 1) for name, area, people in nodes
        }
        most: dict[str, int] = {}
        for area, people in weights.values():
            most[area] = max(most.get(area, 0), people)
        self._weights[lifeline] = weights
        self.totals[lifeline] = sum(most.values())

    def place(self, node: str) -> tuple[str, str, int] | None:
        """Lifeline, area and weight of an asset; None of one that nobody knows."""
        lifeline = node.partition(".")[0]
        found = self._weights.get(lifeline, {}).get(node)
        return None if found is None else (lifeline, *found)


class Area:
    """What one area lacks of one lifeline."""

    __slots__ = ("blind", "lost")

    def __init__(self) -> None:
        self.lost: dict[tuple[str, str], float] = {}
        self.blind: dict[tuple[str, str], float] = {}

    def take(self, loss: Loss, people: int) -> None:
        """Count what an asset that serves so many lacks from now on."""
        held = self.blind if loss.blind else self.lost
        held.pop((loss.source, loss.node), None)
        if loss.share:
            held[loss.source, loss.node] = people * loss.share

    def without(self) -> tuple[float, float]:
        """How many are surely without, and how many may be."""
        lost = max(self.lost.values(), default=0.0)
        return lost, max(lost, *self.blind.values(), 0.0)

    def by_incident(
        self, incident_of: Mapping[str, str], order: Mapping[str, int]
    ) -> dict[str, float]:
        """Who is surely without, by incident: the earliest has them all, later ones what is more.

        The parts sum to the whole.
        """
        most: dict[str, float] = {}
        for (source, _), people in self.lost.items():
            incident = incident_of.get(source, NOBODY)
            most[incident] = max(most.get(incident, 0.0), people)
        found, before = {}, 0.0
        for incident in sorted(most, key=lambda one: (order.get(one, len(order)), one)):
            found[incident] = max(most[incident] - before, 0.0)
            before = max(before, most[incident])
        return found


Areas = dict[tuple[str, str], Area]


def held_in(areas: Areas, loss: Loss, population: Population) -> str | None:
    """Count a loss in its area; its lifeline, None of an asset that nobody knows."""
    if (place := population.place(loss.node)) is None:
        return None
    lifeline, area, people = place
    held = areas.setdefault((lifeline, area), Area())
    held.take(loss, people)
    if not (held.lost or held.blind):
        del areas[lifeline, area]
    return lifeline


def steps_of(
    losses: Iterable[Loss], population: Population
) -> dict[str, list[tuple[float, float, float]]]:
    """By lifeline, from each time on: how many are surely without, and how many may be."""
    areas: Areas = {}
    sums: dict[str, list[int]] = {}  # in millionths: what is added comes off again to the last one
    found: dict[str, list[tuple[float, float, float]]] = {}
    for at_s, some in _by_time(losses):
        touched: dict[str, None] = {}
        for loss in some:
            if (place := population.place(loss.node)) is not None:
                lifeline, area = place[:2]
                before = _millionths(areas.get((lifeline, area)))
                held_in(areas, loss, population)
                after = _millionths(areas.get((lifeline, area)))
                both = sums.setdefault(lifeline, [0, 0])
                both[0] += after[0] - before[0]
                both[1] += after[1] - before[1]
                touched[lifeline] = None
        for lifeline in touched:
            lost, maybe = sums[lifeline]
            found.setdefault(lifeline, []).append((at_s, lost / MILLION, maybe / MILLION))
    return found


def _millionths(area: Area | None) -> tuple[int, int]:
    if area is None:
        return 0, 0
    lost, maybe = area.without()
    return round(lost * MILLION), round(maybe * MILLION)


def _by_time(losses: Iterable[Loss]) -> Iterator[tuple[float, list[Loss]]]:
    """What changes at the same time, in an order of its own: ends first."""
    some: list[Loss] = []
    for loss in sorted(losses, key=lambda one: (one.at_s, one.share, one.node, one.source)):
        if some and some[0].at_s != loss.at_s:
            yield some[0].at_s, some
            some = []
        some.append(loss)
    if some:
        yield some[0].at_s, some


def bands(
    losses: Iterable[Loss], population: Population, begins_s: float, ends_s: float
) -> dict[str, Band]:
    """Q(t) of every lifeline that lost something or went blind between two times."""
    found = {}
    for lifeline, steps in steps_of(losses, population).items():
        total = population.totals[lifeline]
        if total and any(at_s < ends_s and worst for at_s, _, worst in steps):
            worst = [(at_s, (total - most) / total) for at_s, _, most in steps]
            best = [(at_s, (total - lost) / total) for at_s, lost, _ in steps]
            ends = (begins_s, ends_s)
            found[lifeline] = Band(Curve.of_steps(worst, *ends), Curve.of_steps(best, *ends))
    return found


def by_incident(
    losses: Iterable[Loss],
    population: Population,
    incident_of: Mapping[str, str],
    began_s: Mapping[str, float],
    period: tuple[float, float],
) -> dict[str, dict[str, float]]:
    """Seconds of people (or assets) lost in a period, by lifeline and incident.

    Where two incidents take the same people, the one that began first has them; so the parts of
    a lifeline sum to its loss.

    Parameters
    ----------
    losses : iterable of Loss
    population : Population
    incident_of : mapping of str to str
        By source; what is left out belongs to `NOBODY`.
    began_s : mapping of str to float
        By incident.
    period : tuple of float
        From when to when.
    """
    order = {name: at for at, name in enumerate(sorted(began_s, key=lambda n: (began_s[n], n)))}
    areas: Areas = {}
    since: dict[tuple[str, str], float] = {}
    parts: dict[str, dict[str, list[float]]] = {}

    def settle(place: tuple[str, str], at_s: float) -> None:
        took_s = min(at_s, period[1]) - max(since.get(place, at_s), period[0])
        since[place] = at_s
        if took_s > 0:
            of_lifeline = parts.setdefault(place[0], {})
            for incident, people in areas[place].by_incident(incident_of, order).items():
                of_lifeline.setdefault(incident, []).append(people * took_s)

    for at_s, some in _by_time(losses):
        for loss in some:
            if (known := population.place(loss.node)) is not None:
                place = known[:2]
                settle(place, at_s)
                areas.setdefault(place, Area()).take(loss, known[2])
    for place in list(areas):
        settle(place, period[1])
    return {
        lifeline: {incident: math.fsum(some) for incident, some in of_lifeline.items()}
        for lifeline, of_lifeline in parts.items()
    }
