"""Resilience of a city over a period, and of one incident, in records."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from alarms.incidents.topology import Topology
from alarms.resilience.cascade import Coupled, Steps, coupled, redundancy
from alarms.resilience.curve import Curve
from alarms.resilience.functional import Band
from alarms.resilience.outages import Outages, Ring, Span
from alarms.resilience.phases import Bounds, Milestones, milestones, shares_before
from alarms.resilience.process import CONTROL_S, Passage, passage
from alarms.resilience.served import Population, bands, by_incident, losses_of
from alarms.resilience.system import city, weakest
from contracts.desk.incident import Incident

AFTER_S: Final = 1_800  # behind the last end: a level is reached when it has stayed for 30 min
MINUTE_S: Final = 60
UNREAL: Final = frozenset({"false", "test"})  # verdicts on what has not happened


class LifelineFigures(msgspec.Struct, frozen=True):
    """How a lifeline fared.

    Parameters
    ----------
    lifeline : str
    unit : str
        What is counted: `people`, or `assets` where the topology knows no people.
    of : int
        How many it serves.
    worst, best : Passage
        With what was blind as lost, and as served; the same where nothing was blind.
    lost_minutes : tuple of float
        Minutes of people, or assets, lost: `CML` (lifelines.md 19.3), lowest and highest.
    before : dict of str to tuple of float or None
        Share of the loss before each phase; only of incidents.
    curve : list of (float, float, float)
        Points of Q(t): seconds since 1970 UTC, worst, best.
    """

    lifeline: str
    unit: str
    of: int
    worst: Passage
    best: Passage
    lost_minutes: Bounds
    before: dict[str, Bounds | None]
    curve: list[tuple[float, float, float]]


class IncidentFigures(msgspec.Struct, frozen=True):
    """Resilience in one incident.

    Parameters
    ----------
    incident : str
    title : dict of str to str
    begins_s, ends_s : float
        From its first onset as far as anything is known; of one that is over for the control time,
        and to half an hour behind its last end at least.
    over : bool
        Whether nothing of it is lost any more.
    moments : Milestones
    lifelines : list of LifelineFigures
    coupled : Coupled or None
        What its root alone would become by the topology; None without a root that is known there.
    unplaced : int
        Assets that the topology does not know: they count nowhere.
    unlisted : int
        Alarms that its record counts and does not list: they count nowhere.
    """

    incident: str
    title: dict[str, str]
    begins_s: float
    ends_s: float
    over: bool
    moments: Milestones
    lifelines: list[LifelineFigures]
    coupled: Coupled | None
    unplaced: int
    unlisted: int


class Share(msgspec.Struct, frozen=True):
    """What an incident took of a lifeline: minutes of its people, or assets."""

    incident: str
    lifeline: str
    lost_minutes: float


class SingleLoss(msgspec.Struct, frozen=True):
    """The parent whose loss would cost a lifeline most, and what is still served then (N−1)."""

    lifeline: str
    parent: str
    served: float


class PeriodFigures(msgspec.Struct, frozen=True):
    """Resilience of a city over a period.

    Parameters
    ----------
    begins_s, ends_s : float
    lifelines : list of LifelineFigures
        Those that lost something or went blind.
    city, weakest : Passage or None
        Of Σ w_i Q_i over all lifelines with equal weights, and of min_i Q_i / 0.8, with what was
        blind as lost; None where nothing was lost.
    incidents : list of Share
        The parts sum to the loss of each lifeline; `incident` is empty for alarms of none.
    redundancy : list of SingleLoss
        Of all lifelines that something feeds.
    unplaced : int
    """

    begins_s: float
    ends_s: float
    lifelines: list[LifelineFigures]
    city: Passage | None
    weakest: Passage | None
    incidents: list[Share]
    redundancy: list[SingleLoss]
    unplaced: int


class Told(NamedTuple):
    """What a city's lanes and desk told.

    Parameters
    ----------
    rings : sequence of Ring
        Of each alarm in order of revision.
    incidents : sequence of Incident
        The newest revision of each.
    """

    rings: Sequence[Ring]
    incidents: Sequence[Incident]


def lifeline_figures(
    lifeline: str, band: Band, event_s: float, counted: tuple[str, int], control_s: float
) -> LifelineFigures:
    """Figures of one lifeline; `counted` is what it counts and how many it serves."""
    worst, best = (passage(curve, event_s, control_s) for curve in (band.worst, band.best))
    unit, of = counted
    times = sorted({*band.worst.times.tolist(), *band.best.times.tolist()})
    curve = []
    for at_s in times:
        ends = [(band.worst.before(at_s), band.best.before(at_s))]
        if (after := (band.worst.at(at_s), band.best.at(at_s))) != ends[0]:
            ends.append(after)
        curve += [(at_s, *both) for both in ends]
    lost = (best.loss_s * of / MINUTE_S, worst.loss_s * of / MINUTE_S)
    return LifelineFigures(lifeline, unit, of, worst, best, lost, {}, curve)


def incident_figures(
    incident: Incident,
    outages: Outages,
    topology: Topology,
    now_s: float,
    control_s: float = CONTROL_S,
) -> IncidentFigures:
    """Resilience in an incident, as far as it has come.

    Parameters
    ----------
    incident : Incident
        A revision; the newest known.
    outages : Outages
        With its alarms.
    topology : Topology
    now_s : float
        What is known reaches up to here.
    control_s : float
        T_LC.
    """
    spans = list(outages.spans(topology, _alarms(incident)))
    population, moments = Population(topology), milestones(incident)
    over = all(span.ends_s is not None for span in spans)
    last_s = max((span.ends_s or now_s for span in spans), default=moments.event_s)
    begins_s = min([moments.event_s, *(span.begins_s for span in spans)])
    shown_s = max(last_s + AFTER_S, begins_s + control_s)
    ends_s = max(min(shown_s, now_s) if over else now_s, begins_s)
    moments = msgspec.structs.replace(moments, event_s=begins_s)
    lifelines = []
    found = bands(losses_of(spans), population, begins_s, ends_s) if begins_s < ends_s else {}
    for name, band in sorted(found.items()):
        counted = population.units[name], population.totals[name]
        figures = lifeline_figures(name, band, begins_s, counted, control_s)
        before = shares_before(band, moments)
        lifelines.append(msgspec.structs.replace(figures, before=before))
    own = _own(incident, outages, spans, topology)
    return IncidentFigures(
        incident=incident.id,
        title=incident.situation.title,
        begins_s=begins_s,
        ends_s=ends_s,
        over=over,
        moments=moments,
        lifelines=lifelines,
        coupled=coupled(topology, population, own, (begins_s, ends_s), _back(spans))
        if own
        else None,
        unplaced=_unplaced(spans, population),
        unlisted=incident.situation.counts.get("all", 0) - len(incident.situation.members),
    )


def _alarms(incident: Incident) -> set[str]:
    """Alarms that its record lists."""
    return {name for one in incident.situation.members for name in (one.alarm, *one.also)}


def _own(
    incident: Incident, outages: Outages, spans: Sequence[Span], topology: Topology
) -> dict[str, Steps]:
    """What failed for reasons of its own: the root, no later than what it caused.

    A root that no alarm names has failed for as long as anything of the incident was lost.
    """
    root = incident.situation.root
    node = f"{root.lifeline}.{root.asset}" if root is not None else ""
    lost = [span for span in spans if not span.blind]
    if topology.node(node) is None or not lost:
        return {}
    first_s = min(span.begins_s for span in lost)
    mine = [
        span
        for span in outages.spans_at(node)
        if not span.blind and (span.ends_s is None or span.ends_s > first_s)
    ] or lost
    steps = [(min(first_s, *(span.begins_s for span in mine)), 1.0)]
    if (until_s := _last(mine)) is not None:
        steps.append((until_s, 0.0))
    return {node: steps}


def _last(spans: Iterable[Span]) -> float | None:
    """When the last of some losses ended, None while one lasts."""
    ends = [span.ends_s for span in spans]
    return None if None in ends else max(end for end in ends if end is not None)


def _back(spans: Iterable[Span]) -> dict[str, float]:
    """Assets that were lost and work again, and since when."""
    of: dict[str, list[Span]] = {}
    for span in spans:
        if not span.blind:
            of.setdefault(span.node, []).append(span)
    return {node: end for node, some in of.items() if (end := _last(some)) is not None}


def _unplaced(spans: Iterable[Span], population: Population) -> int:
    return len({span.node for span in spans if population.place(span.node) is None})


def period_figures(
    told: Told, topology: Topology, period: tuple[float, float], control_s: float = CONTROL_S
) -> PeriodFigures:
    """Resilience of a city between two times, seconds since 1970 UTC.

    What people judged false or a test, and what was a drill, is left out: nothing was lost.
    """
    outages = Outages()
    unreal = {
        alarm
        for one in told.incidents
        if one.drill or one.ticket.verdict in UNREAL
        for alarm in _alarms(one)
    }
    for ring in told.rings:
        if ring.alarm not in unreal:
            outages.take(ring)
    spans, population = list(outages.spans(topology)), Population(topology)
    found = bands(losses_of(spans), population, *period)
    figures = [
        lifeline_figures(
            name, band, period[0], (population.units[name], population.totals[name]), control_s
        )
        for name, band in sorted(found.items())
    ]
    curves = {name: band.worst for name, band in found.items()}
    of_city = passage(_city(curves, population, period), period[0], control_s) if curves else None
    singles = {
        name: single
        for name in population.totals
        if (single := redundancy(topology, population, name)) is not None
    }
    return PeriodFigures(
        begins_s=period[0],
        ends_s=period[1],
        lifelines=figures,
        city=of_city,
        weakest=passage(weakest(curves, {}), period[0], control_s) if curves else None,
        incidents=_shares(told.incidents, spans, population, period),
        redundancy=[SingleLoss(name, one[1], one[0]) for name, one in singles.items()],
        unplaced=_unplaced(spans, population),
    )


def _city(
    curves: Mapping[str, Curve], population: Population, period: tuple[float, float]
) -> Curve:
    """Σ w_i Q_i over all lifelines: those that lost nothing are whole."""
    whole = {
        name: Curve([(period[0], 1.0), (period[1], 1.0)])
        for name, total in population.totals.items()
        if total
    }
    return city({**whole, **curves}, {})


def _shares(
    incidents: Sequence[Incident],
    spans: Sequence[Span],
    population: Population,
    period: tuple[float, float],
) -> list[Share]:
    """What each incident took, the most first."""
    incident_of = {alarm: one.id for one in incidents for alarm in _alarms(one)}
    began_s = {one.id: milestones(one).event_s for one in incidents}
    parts = by_incident(losses_of(spans), population, incident_of, began_s, period)
    found = [
        Share(incident, lifeline, lost / MINUTE_S)
        for lifeline, of_lifeline in parts.items()
        for incident, lost in of_lifeline.items()
        if lost > 0
    ]
    return sorted(found, key=lambda one: (-one.lost_minutes, one.incident, one.lifeline))
