"""Which share of each lifeline works now, by the alarms that stand: for metrics."""

from collections.abc import Iterator
from functools import cached_property

from alarms.incidents.members import LINK_RULE
from alarms.incidents.topology import Topology
from alarms.resilience.outages import BLIND, WORKS, Ring, blinded
from alarms.resilience.served import Areas, Loss, Population, held_in
from contracts.desk.performance import LifelineFunction


class Working:
    """Q(t) at present of every lifeline that the topology knows.

    Parameters
    ----------
    topology : Topology
    """

    def __init__(self, topology: Topology) -> None:
        self._topology = topology

    @cached_property
    def _population(self) -> Population:
        return Population(self._topology)

    def look(self) -> "Look":
        """Begin to look at all alarms that stand."""
        return Look(self._topology, self._population)


class Look:
    """A look at the alarms that stand, one after another."""

    def __init__(self, topology: Topology, population: Population) -> None:
        self._topology = topology
        self._population = population
        self._areas: Areas = {}

    def take(self, ring: Ring) -> None:
        """Count the newest revision of an alarm; one whose asset works counts nothing."""
        if (level := ring.level) == WORKS:
            return
        nodes = [ring.node]
        if ring.rule == LINK_RULE:
            nodes += blinded(self._topology, ring.node)
        for node in nodes:
            loss = Loss(0.0, node, ring.alarm, 1.0, level == BLIND)
            held_in(self._areas, loss, self._population)

    def functions(self) -> Iterator[LifelineFunction]:
        """Of each lifeline, those that lack nothing too."""
        lost = dict.fromkeys(self._population.totals, 0.0)
        blind = dict(lost)
        for (lifeline, _), area in self._areas.items():
            surely, maybe = area.without()
            lost[lifeline] += surely
            blind[lifeline] += maybe
        for lifeline, total in self._population.totals.items():
            if total:
                worst, best = (total - some[lifeline] for some in (blind, lost))
                yield LifelineFunction(lifeline, worst / total, best / total)
