"""What lies behind an incident: assets that nothing in it explains, by how much they explain."""

from collections.abc import Iterable
from typing import Final

from alarms.incidents.links import Index
from alarms.incidents.members import EXPLAINED, WHOLE, Entry, Group
from alarms.incidents.topology import Topology
from contracts.desk import incident

ALTERNATIVES_MAX: Final = 2  # section 18: at most three hypotheses
CLOSE: Final = 0.8  # section 19.2: alternatives are shown when the best differ by less than 20 %


def scores(group: Group) -> dict[str, int]:
    """Score of each candidate: 1,000 for alarms that nothing explains, and what it explains."""
    candidates = set(group.loose)
    candidates |= {node for node in group.suspects if node not in group.nodes}
    if not candidates:  # a circle: everything is explained by something else
        candidates = set(group.scores)
    return {node: group.scores.get(node, 0) + WHOLE * (node in group.loose) for node in candidates}


def best(found: dict[str, int], index: Index) -> str:
    """The candidate with the greatest score; of equals the one that began first."""
    top = max(found.values())
    return min((index.first_s(node), node) for node, score in found.items() if score == top)[1]


class Roots:
    """Candidates as an incident names them.

    Parameters
    ----------
    topology : Topology
    index : Index
        Of all alarms.
    """

    def __init__(self, topology: Topology, index: Index) -> None:
        self._topology = topology
        self._index = index

    def node(self, group: Group) -> str:
        """The asset behind it, weather aside."""
        if len(group.nodes) == 1 and not group.suspects:
            return next(iter(group.nodes))
        return best(scores(group), self._index)

    def overtaken(self, group: Group, told: str) -> bool:
        """Whether another asset than the told one is now clearly more likely behind it."""
        found = scores(group)
        return told not in found or found[told] < CLOSE * max(found.values())

    def causes(self, group: Group) -> list[incident.Cause]:
        """The root, and behind it what explains nearly as much."""
        found = scores(group)
        root = best(found, self._index)
        total = max(sum(found.values()), 1)
        close = [node for node in found if node != root and found[node] >= CLOSE * found[root]]
        close.sort(key=lambda node: (-found[node], self._index.first_s(node), node))
        ranked = [root, *close[:ALTERNATIVES_MAX]]
        causes = [self._cause(group, node, found[node] / total) for node in ranked]
        return [*self._weather(group, root), *causes]

    def _weather(self, group: Group, root: str) -> Iterable[incident.Cause]:
        """The weather, where it explains what the root began with."""
        entry = self.alarm(group, root)
        if entry is None:
            return
        covering = [
            (cause.weight, parent.onset_s, parent)
            for parent, cause in self._index.covers(entry)
            if cause.weight >= EXPLAINED and parent.active
        ]
        if covering:
            weight, _, parent = max(covering, key=lambda c: (c[0], -c[1], c[2].id))
            yield incident.Cause(
                asset=parent.asset,
                lifeline=parent.lifeline,
                kind=self._kind(parent.node),
                alarm=parent.id,
                hypothesis=dict(parent.say),
                weight=weight / WHOLE,
            )

    def alarm(self, group: Group, node: str) -> Entry | None:
        """The alarm of an asset that began first, if it has one in this incident."""
        return next((entry for entry in self._index.at(node) if entry.id in group.alarms), None)

    def _cause(self, group: Group, node: str, weight: float) -> incident.Cause:
        entry = self.alarm(group, node)
        lifeline, _, asset = node.partition(".")
        return incident.Cause(
            asset=asset,
            lifeline=lifeline,
            kind=self._kind(node),
            alarm="" if entry is None else entry.id,
            hypothesis=self._suspicion(group, node) if entry is None else dict(entry.say),
            weight=round(weight, 3),
        )

    def _kind(self, node: str) -> str:
        known = self._topology.node(node)
        return "" if known is None else known.kind

    def _suspicion(self, group: Group, node: str) -> dict[str, str]:
        known = self._topology.node(node)
        name = {tongue: known.called(tongue) if known else node for tongue in ("en", "zh")}
        count = group.suspects.get(node, 0)
        return {
            "en": f"{name['en']}: suspected, {count} alarms at once below it",
            "zh": f"{name['zh']}：疑似故障，下属 {count} 条告警同时发生",
        }
