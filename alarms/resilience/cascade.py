"""Losses that pass along the topology: buffers, and what second feeds would save."""

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal

import msgspec

from alarms.incidents.edges import EdgeKind, seconds
from alarms.incidents.impact import PROBABLE
from alarms.incidents.topology import WEATHER, Edge, Topology
from alarms.resilience.served import PEOPLE, Loss, Population, steps_of
from alarms.resilience.system import interdependence

Steps = Sequence[tuple[float, float]]  # from each time on a lost share; nothing before the first
Delays = Literal["earliest", "latest"]
VISITS_MAX: Final = 16  # of one asset: circles of dependences settle or are cut off
EDGES_MAX: Final = 30  # that are tried for what a second feed would save
PARENTS_MAX: Final = 2_000  # that are tried for the greatest single loss
SAVINGS_MAX: Final = 10
NOTHING: Final[Mapping[str, float]] = MappingProxyType({})


class Saving(msgspec.Struct, frozen=True):
    """What a second feed of an asset would have saved, in seconds of people, lowest and highest."""

    parent: str
    child: str
    kind: str
    saved: tuple[float, float]


class Coupled(msgspec.Struct, frozen=True):
    """What a loss becomes by dependences, in seconds of people of all lifelines.

    Parameters
    ----------
    own : float
        Lost by what failed for reasons of its own: RL(uncoupled).
    coupled : tuple of float
        RL(coupled), lowest with the latest delays and greatest buffers, highest with the others.
    share : tuple of float
        1 − RL(uncoupled) / RL(coupled) of both.
    assets : tuple of int
        How many assets lose something.
    savings : list of Saving
        Of second feeds, the greatest first.
    """

    own: float
    coupled: tuple[float, float]
    share: tuple[float, float]
    assets: tuple[int, int]
    savings: list[Saving]


def value_at(steps: Steps, at_s: float) -> float:
    """Lost share at a time.

    >>> [value_at([(10, 1.0), (20, 0.0)], at) for at in (9, 10, 20)]
    [0.0, 1.0, 0.0]
    """
    place = bisect_right(steps, at_s, key=lambda step: step[0])
    return steps[place - 1][1] if place else 0.0


def held_back(steps: Steps, buffer_s: float) -> Steps:
    """What a child lacks of a parent's loss behind a buffer: what has lasted for that long.

    Q_child(t) = max over [t − buffer, t] of Q_parent: a buffer bridges the whole of a loss until it
    is empty, and is full again at once. From the delays of lifelines.md 19.1; the form is the
    project's [E].

    >>> held_back([(0, 1.0), (100, 0.0)], 60), held_back([(0, 1.0), (50, 0.0)], 60)
    ([(60, 1.0), (100, 0.0)], [])
    """
    times = sorted({at_s for at_s, _ in steps} | {at_s + buffer_s for at_s, _ in steps})
    found: list[tuple[float, float]] = []
    for at_s in times:
        inner = [lost for since_s, lost in steps if at_s - buffer_s < since_s <= at_s]
        lost = min([value_at(steps, at_s - buffer_s), *inner])
        if lost != (found[-1][1] if found else 0.0):
            found.append((at_s, lost))
    return found


def _joined(some: Sequence[Steps], how: Callable[[list[float]], float]) -> Steps:
    """Several losses as one, at each time by a function of them."""
    found: list[tuple[float, float]] = []
    for at_s in sorted({at_s for steps in some for at_s, _ in steps}):
        lost = how([value_at(steps, at_s) for steps in some])
        if lost != (found[-1][1] if found else 0.0):
            found.append((at_s, lost))
    return found


def _until(steps: Steps, ends_s: float) -> Steps:
    """A loss that is over at a time."""
    before = [step for step in steps if step[0] < ends_s]
    return [*before, (ends_s, 0.0)] if before and before[-1][1] else before


class Cascade:
    """What follows from losses by the edges of a topology.

    An edge with share s hands on s times what its parent lacks, behind its delay and buffer. Feeds
    of one group stand in for each other: only when all of them lack something does the child, and
    then the sum of their parts. Of all edges and its own failure the greatest loss counts, so
    Q_j = min(own_j, min over parents): lifelines.md 19.1, next-capabilities.md E. Edges that only
    make blind hand on nothing, nor do those with a prior below 0.2 (19.2 item 6).

    Parameters
    ----------
    topology : Topology
    delays : str
        Of each kind `earliest` with its least buffer, or `latest` with its greatest.
    back : mapping of str to float
        Assets that are known to work again, and since when, whatever their parents do: what was
        torn is mended by itself.
    without : Edge or None
        An edge that is left out, as if another feed stood in for it.
    """

    def __init__(
        self,
        topology: Topology,
        delays: Delays,
        back: Mapping[str, float] = NOTHING,
        without: Edge | None = None,
    ) -> None:
        self._topology = topology
        self._earliest = delays == "earliest"
        self._back = back
        self._without = without

    def losses(self, own: Mapping[str, Steps]) -> dict[str, Steps]:
        """What every asset lacks, those that lack nothing left out."""
        found: dict[str, Steps] = dict(own)
        visits: dict[str, int] = {}
        waiting = dict.fromkeys(sorted(own))
        while waiting:
            parent = next(iter(waiting))
            del waiting[parent]
            for child in sorted({edge.child for edge in self._topology.children(parent)}):
                lost = self._of(child, own, found)
                if lost != found.get(child, []) and visits.get(child, 0) < VISITS_MAX:
                    visits[child] = visits.get(child, 0) + 1
                    found[child] = lost
                    waiting[child] = None
        return {node: steps for node, steps in found.items() if steps}

    def _of(self, child: str, own: Mapping[str, Steps], found: Mapping[str, Steps]) -> Steps:
        groups: dict[str, list[Steps]] = {}
        some: list[Steps] = [own[child]] if child in own else []
        for edge in self._topology.parents(child):
            kind = self._topology.correlation.kinds[edge.kind]
            if edge == self._without or kind.finding == "silent" or kind.prior < PROBABLE:
                continue
            steps = held_back(found.get(edge.parent, ()), self._delay_s(edge, kind))
            passed = [(at_s, lost * edge.share) for at_s, lost in steps]
            if edge.group:
                groups.setdefault(edge.group, []).append(passed)
            else:
                some.append(passed)
        some += [_joined(feeds, _standing_in) for feeds in groups.values()]
        whole = _joined(some, lambda lost: max(lost, default=0.0))
        return _until(whole, self._back[child]) if child in self._back else whole

    def _delay_s(self, edge: Edge, kind: EdgeKind) -> int:
        delay, buffer = (
            (kind.earliest, kind.buffer_least)
            if self._earliest
            else (kind.latest, kind.buffer_most)
        )
        return seconds(delay) + (seconds(buffer) if edge.buffer_s is None else edge.buffer_s)


def _standing_in(lost: list[float]) -> float:
    return min(math.fsum(lost), 1.0) if all(lost) else 0.0


def lost_people_s(
    losses: Mapping[str, Steps], population: Population, begins_s: float, ends_s: float
) -> float:
    """Seconds of people lost between two times, of all lifelines that count people."""
    told = (Loss(at_s, node, node, lost) for node, steps in losses.items() for at_s, lost in steps)
    parts = []
    for lifeline, steps in steps_of(told, population).items():
        if population.units[lifeline] == PEOPLE:
            ends = [at_s for at_s, _, _ in steps[1:]] + [ends_s]
            for (at_s, people, _), until_s in zip(steps, ends, strict=True):
                took_s = min(until_s, ends_s) - max(at_s, begins_s)
                parts.append(people * max(took_s, 0.0))
    return math.fsum(parts)


def coupled(
    topology: Topology,
    population: Population,
    own: Mapping[str, Steps],
    period: tuple[float, float],
    back: Mapping[str, float] = NOTHING,
) -> Coupled:
    """What some failures become by dependences, and which second feeds would have saved most.

    Parameters
    ----------
    topology : Topology
    population : Population
    own : mapping of str to Steps
        What failed for reasons of its own, by asset.
    period : tuple of float
        Over which time losses are counted.
    back : mapping of str to float
        As for `Cascade`.
    """
    ways: tuple[Delays, Delays] = ("latest", "earliest")

    def lost(without: Edge | None) -> list[float]:
        some = (Cascade(topology, way, back, without).losses(own) for way in ways)
        return [lost_people_s(one, population, *period) for one in some]

    found = [Cascade(topology, way, back).losses(own) for way in ways]
    whole, alone = lost(None), lost_people_s(own, population, *period)
    savings = []
    for edge in _single_feeds(topology, own, found[1]):
        low, high = sorted(all_ - rest for all_, rest in zip(whole, lost(edge), strict=True))
        if high > 0:
            savings.append(Saving(edge.parent, edge.child, edge.kind, (low, high)))
    savings.sort(key=lambda one: (-one.saved[1], one.parent, one.child, one.kind))
    shares = [interdependence(one, alone) or 0.0 for one in whole]
    return Coupled(
        alone,
        (whole[0], whole[1]),
        (shares[0], shares[1]),
        (len(found[0]), len(found[1])),
        savings[:SAVINGS_MAX],
    )


def _single_feeds(
    topology: Topology, own: Mapping[str, Steps], losses: Mapping[str, Steps]
) -> list[Edge]:
    """Edges without a second feed by which something was lost; nobody builds a second rain."""
    kinds = topology.correlation.kinds
    found = [
        edge
        for child in losses
        if child not in own
        for edge in topology.parents(child)
        if edge.parent in losses
        and not edge.group
        and not topology.covers(edge.parent)
        and kinds[edge.kind].finding != "silent"
    ]
    found.sort(key=lambda e: (-len(topology.children(e.child)), e.parent, e.child, e.kind))
    return found[:EDGES_MAX]


def redundancy(
    topology: Topology, population: Population, lifeline: str
) -> tuple[float, str] | None:
    """N−1: what a lifeline still serves, as a share, after the greatest loss of any one parent.

    Buffers are empty by then. Bruneau et al. 2003 name redundancy among the four properties; the
    measure is the project's [E].

    Returns
    -------
    tuple of float and str, or None
        With the parent; None of a lifeline that nothing feeds or that serves nobody.
    """
    total = population.totals.get(lifeline, 0)
    parents = [n.id for n in topology.nodes if topology.children(n.id) and n.kind != WEATHER]
    parents.sort(key=lambda name: (-len(topology.children(name)), name))
    worst: tuple[float, str] | None = None
    for parent in parents[:PARENTS_MAX] if total else ():
        losses = Cascade(topology, "earliest").losses({parent: [(0.0, 1.0)]})
        ends = [Loss(0.0, node, node, steps[-1][1]) for node, steps in losses.items()]
        for _, people, _ in steps_of(ends, population).get(lifeline, ())[-1:]:
            found = (1 - people / total, parent)
            worst = found if worst is None else min(worst, found)
    return worst
