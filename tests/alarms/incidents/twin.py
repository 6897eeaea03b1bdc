"""Incidents by the words of the rule: all pairs of alarms, all paths, no index and no order."""

import math
from itertools import product

from alarms.incidents.members import SILENT_RULES, Entry, entry_of
from alarms.incidents.topology import Edge, Topology
from contracts.alarm import Alarm

JITTER_S = {"power": 10, "elevator": 60}
QUALITY = {"limit": 1.0, "silent": 0.95, "unusual": 0.95}


def chains(edges: list[Edge]) -> dict[tuple[str, str], list[list[Edge]]]:
    """All paths of one to three edges that pass no asset twice, by their ends."""
    found: dict[tuple[str, str], list[list[Edge]]] = {}
    for length in (1, 2, 3):
        for chain in product(edges, repeat=length):
            passed = [chain[0].parent, *(edge.child for edge in chain)]
            joined = all(chain[i].child == chain[i + 1].parent for i in range(length - 1))
            if joined and len(set(passed)) == len(passed):
                found.setdefault((passed[0], passed[-1]), []).append(list(chain))
    return found


class Twin:
    """Membership and root of a handful of alarms on a small topology."""

    def __init__(self, topology: Topology, edges: list[Edge], alarms: list[Alarm]) -> None:
        self.kinds = topology.correlation.kinds
        self.edges = edges
        self.entries = [entry_of(alarm, 0) for alarm in alarms]
        self.links: list[set[str]] = []
        self.causes: dict[tuple[str, str], tuple[int, bool]] = {}  # (alarm, node): best weight
        self._explanations()
        self._suspicions()
        for one, other in product(self.entries, repeat=2):
            if one.node == other.node:
                self.links.append({one.id, other.id})
        self.parts = self._components()

    def _explanations(self) -> None:
        paths = chains(self.edges)
        for a, b in product(self.entries, repeat=2):
            for chain in paths.get((a.node, b.node), []):
                weight = self._weight(chain, a, b)
                if weight >= 300:
                    self.links.append({a.id, b.id})
                    known = self.causes.get((b.id, a.node), (0, False))
                    self.causes[b.id, a.node] = max(known, (weight, True))

    def _weight(self, chain: list[Edge], a: Entry, b: Entry) -> int:
        kinds = [self.kinds[edge.kind] for edge in chain]
        finding = kinds[-1].finding
        a_silent, b_silent = a.rule in SILENT_RULES, b.rule in SILENT_RULES
        if finding != "any" and b_silent != (finding == "silent"):
            return 0
        if a_silent and finding == "event":
            return 0
        slack = JITTER_S.get(a.lifeline, 120) + JITTER_S.get(b.lifeline, 120)
        delay = b.onset_s - a.onset_s
        low = sum(kind.earliest.ns for kind in kinds) // 10**9 - slack
        high = sum(kind.latest.ns for kind in kinds) // 10**9 + slack
        if not low <= delay <= high:
            return 0
        usual = sum(kind.usual.ns for kind in kinds) // 10**9
        spread = sum(kind.spread.ns for kind in kinds) // 10**9
        prior = 1.0
        for kind in reversed(kinds):  # as it is multiplied on the way up: to the last bit
            prior = kind.prior * prior
        likely = prior * math.exp(-abs(delay - usual) / spread)
        return int(1000 * likely * QUALITY[a.rule] * QUALITY[b.rule])

    def _suspicions(self) -> None:
        for parent, (name, kind) in product(
            {edge.parent for edge in self.edges}, self.kinds.items()
        ):
            children = {e.child for e in self.edges if (e.parent, e.kind) == (parent, name)}
            some = [
                entry
                for entry in self.entries
                if kind.suspect and entry.node in children
                and (entry.rule in SILENT_RULES) == (kind.finding == "silent")
            ]  # fmt: skip
            assets = max(3, math.ceil(kind.share * len(children)))
            for first in some:
                end_s = first.onset_s + kind.within.ns // 10**9
                crowd = [e for e in some if first.onset_s <= e.onset_s <= end_s]
                if len({e.node for e in crowd}) >= assets or (
                    kind.channels and len({e.channel for e in crowd}) >= kind.channels
                ):
                    self.links.append({e.id for e in crowd})
                    for entry in crowd:
                        weight = int(1000 * kind.prior * QUALITY[entry.rule])
                        known = self.causes.get((entry.id, parent), (0, False))
                        self.causes[entry.id, parent] = max(known, (weight, False))

    def _components(self) -> list[set[str]]:
        parts = [{entry.id} for entry in self.entries]
        for link in self.links:
            touched = [part for part in parts if part & link]
            parts = [part for part in parts if not part & link]
            parts.append(set().union(*touched))
        return parts

    def root(self, part: set[str]) -> str:
        """The asset behind one component."""
        entries = [entry for entry in self.entries if entry.id in part]
        causes = {key: cause for key, cause in self.causes.items() if key[0] in part}
        explained = {alarm for (alarm, _), (weight, _) in causes.items() if weight >= 500}
        nodes = {entry.node for entry in entries}
        loose = {entry.node for entry in entries if entry.id not in explained}
        suspects = {node for (_, node), (_, heard) in causes.items() if not heard}
        candidates = loose | (suspects - nodes) or {node for _, node in causes}
        score = {
            node: 1000 * (node in loose)
            + sum(
                weight if heard else weight // 2
                for (_, by), (weight, heard) in causes.items()
                if by == node
            )
            for node in candidates
        }
        onset = {
            node: min((e.onset_s for e in self.entries if e.node == node), default=1 << 62)
            for node in candidates
        }
        return min(candidates, key=lambda node: (-score[node], onset[node], node))
