"""Whom an incident hurts, what fails next, and what runs on its last feed."""

import heapq
import math
from collections.abc import Iterator, Mapping
from datetime import timezone
from typing import Final, NamedTuple

from alarms.incidents.edges import seconds
from alarms.incidents.links import Index
from alarms.incidents.members import ORANGE, YELLOW, Entry, Group
from alarms.incidents.topology import HOPS_MAX, Topology
from alarms.wording import clock
from contracts.desk.incident import Impact, NextLoss, Redundancy
from contracts.quantities import NS_PER_S

PROBABLE: Final = 0.2  # section 19.2: walk edges with at least this probability
NEXT_MAX: Final = 20  # losses that are named; the earliest
WALKED_MAX: Final = 2_000  # assets that one look ahead visits
LISTED_MAX: Final = 50  # critical users and thin feeds that are named
HALF_HOUR_S, HOUR_S = 1_800, 3_600


class Loss(NamedTuple):
    """An asset that is expected to fail; times in seconds since 1970.

    `share` is the part of its supply that it loses: the shares of the edges on the way, multiplied.
    """

    earliest_s: int
    node: str
    latest_s: int
    kind: str
    probability: float
    hops: int
    share: float = 1.0


def hurts(entry: Entry) -> bool:
    """Whether an alarm says that people are without something: yellow or worse, and heard."""
    return entry.worst >= YELLOW and not entry.silent


class Outlook:
    """What an incident means for others.

    Parameters
    ----------
    topology : Topology
    index : Index
        Of all alarms, of other incidents too: a feed that is lost elsewhere feeds nobody.
    zone : timezone
        Of the city.
    """

    def __init__(self, topology: Topology, index: Index, zone: timezone) -> None:
        self._topology = topology
        self._index = index
        self._zone = zone

    def impact(self, group: Group, losses: list[Loss]) -> Impact:
        """People now and later, nobody twice: of an area the most that any asset in it serves."""
        now = sorted({e.node for e in group.alarms.values() if e.active and hurts(e)})
        begins_s = max((e.onset_s for e in group.alarms.values()), default=0)
        cut = dict.fromkeys(now, 1.0)
        soon = {
            loss.node: loss.share for loss in losses if loss.earliest_s <= begins_s + HALF_HOUR_S
        }
        later = {loss.node: loss.share for loss in losses if loss.earliest_s <= begins_s + HOUR_S}
        critical = [node for node in now if (known := self._topology.node(node)) and known.critical]
        return Impact(
            people=self.people(cut),
            in_30_min=self.people({**soon, **cut}),
            in_60_min=self.people({**later, **cut}),
            critical=critical[:LISTED_MAX],
        )

    def people(self, cut: Mapping[str, float]) -> int:
        """How many people some assets leave without; by the share of supply that is cut."""
        by_area: dict[str, int] = {}
        for name, share in cut.items():
            node = self._topology.node(name)
            if node is not None:
                area = node.area or node.id
                by_area[area] = max(by_area.get(area, 0), _part(node.people, share))
        return sum(by_area.values())

    def losses(self, group: Group, root: str) -> list[Loss]:
        """What fails next, the earliest first."""
        down = _down_since(group)
        if root not in down and root in group.suspects:
            down[root] = min(e.onset_s for e in group.alarms.values())
        heap = [Loss(down[node], node, down[node], "", 1.0, 0) for node in sorted(down)]
        heap = heap[:WALKED_MAX]
        heapq.heapify(heap)
        found: dict[str, Loss] = {}
        for _ in range(WALKED_MAX):
            if not heap:
                break
            loss = heapq.heappop(heap)
            if loss.hops and (loss.node in found or loss.node in group.nodes):
                continue
            if loss.hops:
                found[loss.node] = loss
            for child in self._children(loss):
                heapq.heappush(heap, child)
        return list(found.values())

    def _children(self, loss: Loss) -> Iterator[Loss]:
        for edge in self._topology.children(loss.node) if loss.hops < HOPS_MAX else ():
            kind = self._topology.correlation.kinds[edge.kind]
            probability = loss.probability * kind.prior
            if kind.finding == "silent" or probability < PROBABLE:
                continue
            if edge.group and self._left(edge.child, edge.group, loss.node):
                continue  # another feed carries it
            least_s = seconds(kind.buffer_least) if edge.buffer_s is None else edge.buffer_s
            most_s = seconds(kind.buffer_most) if edge.buffer_s is None else edge.buffer_s
            yield Loss(
                loss.earliest_s + seconds(kind.earliest) + least_s,
                edge.child,
                loss.latest_s + seconds(kind.latest) + most_s,
                edge.kind,
                probability,
                loss.hops + 1,
                loss.share * edge.share,
            )

    def _left(self, child: str, group: str, lost: str) -> list[str]:
        """Parents of a group of feeds that still feed it."""
        feeds = {e.parent for e in self._topology.parents(child) if e.group == group}
        return [p for p in sorted(feeds - {lost}) if not any(map(_down, self._index.at(p)))]

    def next(self, losses: list[Loss]) -> list[NextLoss]:
        """What fails next, as records tell it."""
        return [self._told(loss) for loss in losses[:NEXT_MAX]]

    def _told(self, loss: Loss) -> NextLoss:
        lifeline, _, asset = loss.node.partition(".")
        node = self._topology.node(loss.node)
        return NextLoss(
            asset=asset,
            lifeline=lifeline,
            edge=loss.kind,
            earliest=self._clock(loss.earliest_s),
            latest=self._clock(loss.latest_s),
            probability=round(loss.probability, 3),
            people=0 if node is None else _part(node.people, loss.share),
        )

    def _clock(self, time_s: int) -> str:
        return clock(time_s * NS_PER_S, self._zone)

    def redundancy(self, group: Group) -> list[Redundancy]:
        """Assets below this incident that run on their last feed, or on none."""
        found: dict[tuple[str, str], Redundancy] = {}
        for lost in sorted(_down_since(group)):
            for edge in self._topology.children(lost):
                if not edge.group or (edge.child, edge.group) in found:
                    continue
                left = self._left(edge.child, edge.group, lost)
                if len(left) <= 1:
                    thin = Redundancy(edge.child, edge.group, left)
                    found[edge.child, edge.group] = thin
            if len(found) >= LISTED_MAX:
                break
        return [found[key] for key in sorted(found)][:LISTED_MAX]


def _part(people: int, share: float) -> int:
    """A share of people, each of them whole: nobody is rounded away."""
    return math.ceil(round(people * share, 6))


def _down(entry: Entry) -> bool:
    """Whether an alarm says that its asset does not do its work: orange or worse, and heard."""
    return entry.colour >= ORANGE and not entry.silent


def _down_since(group: Group) -> dict[str, int]:
    """Assets of an incident that do not do their work, and since when."""
    since: dict[str, int] = {}
    for entry in group.alarms.values():
        if _down(entry):
            since[entry.node] = min(since.get(entry.node, entry.onset_s), entry.onset_s)
    return since
