"""Which alarms may explain which: lifelines.md section 19.2, by indexes instead of all pairs."""

import math
from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, TypeVar

from alarms.incidents.edges import (
    DEFAULT_JITTER_S,
    DEFAULT_WINDOW_S,
    by_lifeline,
    seconds,
)
from alarms.incidents.members import WHOLE, Cause, Entry
from alarms.incidents.thin_links import LATEST_S, ThinLinks, way_to
from alarms.incidents.topology import Path, Topology

LINKED: Final = 300  # section 19.2, in thousandths
ASSETS_SUSPECT: Final = 3  # row 6 of section 19.1: a power flag on three lifts
NEIGHBOURS_MAX: Final = 64  # looked at on either side for a suspicion
FAR_S: Final = 1 << 62
Row = tuple[int, str, Entry]  # the order of every list: ids differ, so entries are never compared
K = TypeVar("K")


class Link(NamedTuple):
    """An alarm and what explains it; `parent` belongs to the same incident, if there is one."""

    parent: Entry | None
    child: Entry
    node: str
    cause: Cause


def accepts(words: frozenset[str], entry: Entry) -> bool:
    """Whether an alarm is evidence of the kind asked for: its class, or its lifeline.

    A person's report has no class and counts for all classes of its lifeline.
    """
    if not words or entry.class_name in words or entry.lifeline in words:
        return True
    begins = f"{entry.lifeline}."
    return not entry.class_name and any(word.startswith(begins) for word in words)


class Rule:
    """Section 19.2 over two alarms and a path between their assets."""

    def __init__(self, topology: Topology) -> None:
        self._correlation = topology.correlation
        self._topology = topology
        jitters = map(seconds, self._correlation.jitters.values())
        self.slack_s_max = 2 * max(DEFAULT_JITTER_S, *jitters, 0)

    def jitter_s(self, lifeline: str) -> int:
        """By how much an onset may be off."""
        return by_lifeline(self._correlation.jitters, lifeline, DEFAULT_JITTER_S)

    def window_s(self, lifeline: str) -> int:
        """How far apart alarms of one asset may begin when the first is over."""
        return by_lifeline(self._correlation.windows, lifeline, DEFAULT_WINDOW_S)

    def kept_s(self, entry: Entry) -> int:
        """For how long after its onset an alarm may still be linked to a new one."""
        reach_s = self._topology.reach_s(entry.node)
        return max(self.window_s(entry.lifeline), reach_s + self.slack_s_max)

    def span_s(self, path: Path, child: Entry) -> tuple[int, int]:
        """Earliest and latest onset of an alarm of the parent that explains the child's."""
        slack_s = self.jitter_s(child.lifeline) + self.jitter_s(path.parent.partition(".")[0])
        return (child.onset_s - path.latest_s - slack_s, child.onset_s - path.earliest_s + slack_s)

    def fits(self, path: Path, child: Entry) -> bool:
        """Whether the child's alarm is what the path explains."""
        if path.finding != "any" and child.silent != (path.finding == "silent"):
            return False
        return accepts(path.effects, child)

    def weight(self, path: Path, parent: Entry, child: Entry) -> int:
        """How well one alarm explains the other, in thousandths; 0 when it does not."""
        low, high = self.span_s(path, child)
        if not low <= parent.onset_s <= high or not accepts(path.causes, parent):
            return 0
        if parent.silent and path.finding == "event":
            return 0
        off_s = abs(child.onset_s - parent.onset_s - path.usual_s)
        likely = path.prior * math.exp(-off_s / path.spread_s)
        return int(WHOLE * likely * parent.quality * child.quality)


class _Ways(NamedTuple):
    """Paths up that fit the alarms of one class of one asset.

    The weather is apart, and nobody waits below it: it may have a whole city there.
    """

    paths: tuple[Path, ...]
    weather: tuple[Path, ...]
    below: dict[str, tuple[Path, ...]]  # the paths by the parents at which they begin
    suspicious: tuple[Path, ...]  # edges by which simultaneous trouble throws suspicion
    by_link: bool  # whether its silence throws suspicion on the link by which it speaks


class Index:
    """Alarms by their asset, and by each asset above them whose alarm could explain them.

    A parent that rings after its children finds them waiting under its own name, so nobody ever
    walks down; upwards there are few.

    Parameters
    ----------
    topology : Topology
    channels : mapping of str to int
        How many channels speak by each link.
    """

    def __init__(self, topology: Topology, channels: Mapping[str, int]) -> None:
        self._topology = topology
        self._thin = ThinLinks(channels)
        self.rule = Rule(topology)
        self._at: dict[str, list[Row]] = {}
        self._below: dict[str, list[Row]] = {}
        self._ways_of: dict[tuple[str, str, bool, str], _Ways] = {}  # asset, class, silence, link
        self._direct: dict[tuple[str, str], list[Row]] = {}  # by parent and kind, for suspicions

    def at(self, node: str) -> Iterator[Entry]:
        """Alarms of an asset by onset."""
        return (entry for _, _, entry in self._at.get(node, ()))

    def first_s(self, node: str) -> int:
        """Onset of an asset's first alarm; far away when it has none."""
        rows = self._at.get(node)
        return rows[0][0] if rows else FAR_S

    def add(self, entry: Entry) -> None:
        """Remember an alarm."""
        row = (entry.onset_s, entry.id, entry)
        ways = self._ways(entry)
        insort(self._at.setdefault(entry.node, []), row)
        for parent in ways.below:
            insort(self._below.setdefault(parent, []), row)
        for path in ways.suspicious:
            insort(self._direct.setdefault((path.parent, path.kind), []), row)
        if ways.by_link:
            self._thin.add(entry)

    def remove(self, entry: Entry) -> None:
        """Forget it."""
        ways = self._ways(entry)
        _drop(self._at, entry.node, entry)
        for parent in ways.below:
            _drop(self._below, parent, entry)
        for path in ways.suspicious:
            _drop(self._direct, (path.parent, path.kind), entry)
        if ways.by_link:
            self._thin.remove(entry)

    def links(self, entry: Entry) -> Iterator[Link]:
        """All links of a remembered alarm to others, suspicions included."""
        ways = self._ways(entry)
        for path in ways.paths:
            if path.parent in self._at:
                for parent, cause in self._up(path, entry):
                    yield Link(parent, entry, path.parent, cause)
        yield from self._explains(entry)
        for path in ways.suspicious:
            yield from self._suspected(entry, path)
        if ways.by_link:
            for other, cause in self._thin.crowd(entry):
                yield Link(None if other is entry else entry, other, entry.link, cause)

    def covers(self, entry: Entry) -> Iterator[tuple[Entry, Cause]]:
        """Alarms of the weather that explain it, which are no links."""
        for path in self._ways(entry).weather:
            yield from self._up(path, entry)

    def _ways(self, entry: Entry) -> _Ways:
        key = (entry.node, entry.class_name, entry.silent, entry.link)
        ways = self._ways_of.get(key)
        if ways is None:
            ways = self._ways_of[key] = self._found_ways(entry)
        return ways

    def _found_ways(self, entry: Entry) -> _Ways:
        kinds = self._topology.correlation.kinds
        fit = [p for p in self._topology.paths_to(entry.node) if self.rule.fits(p, entry)]
        suspicious = [p for p in fit if p.hops == 1 and kinds[p.kind].suspect]
        # The topology may know better how the channel's asset hangs on its link.
        by_link = bool(entry.link) and entry.silent and entry.link not in {p.parent for p in fit}
        if by_link:
            fit += self._topology.onward(way_to(entry.link), entry.node)
        weather = [path for path in fit if self._topology.covers(path.parent)]
        paths = [path for path in fit if not self._topology.covers(path.parent)]
        below: dict[str, tuple[Path, ...]] = {}
        for path in paths:
            below[path.parent] = (*below.get(path.parent, ()), path)
        return _Ways(
            paths=tuple(paths),
            weather=tuple(weather),
            below=below,
            suspicious=tuple(p for p in suspicious if not self._topology.covers(p.parent)),
            by_link=by_link,
        )

    def _up(self, path: Path, child: Entry) -> Iterator[tuple[Entry, Cause]]:
        rows = self._at.get(path.parent, [])
        low, high = self.rule.span_s(path, child)
        for _, _, parent in rows[bisect_left(rows, (low,)) : bisect_left(rows, (high + 1,))]:
            weight = self.rule.weight(path, parent, child)
            if weight >= LINKED:
                delay_s = child.onset_s - parent.onset_s
                yield parent, Cause(weight, parent.id, path.kind, path.hops, delay_s)

    def _explains(self, entry: Entry) -> Iterator[Link]:
        rows = self._below.get(entry.node)
        if not rows:
            return
        early_s = entry.onset_s - self.rule.slack_s_max
        reach_s = self._topology.reach_s(entry.node) + LATEST_S  # a link has channels below it
        late_s = entry.onset_s + reach_s + self.rule.slack_s_max
        begin, end = bisect_left(rows, (early_s,)), bisect_left(rows, (late_s + 1,))
        for _, _, child in rows[begin:end]:
            for path in self._ways(child).below[entry.node]:
                weight = self.rule.weight(path, entry, child)
                if weight >= LINKED:
                    delay_s = child.onset_s - entry.onset_s
                    cause = Cause(weight, entry.id, path.kind, path.hops, delay_s)
                    yield Link(entry, child, entry.node, cause)

    def _suspected(self, entry: Entry, path: Path) -> Iterator[Link]:
        """Simultaneous trouble of several children of one parent, this alarm among it.

        All alarms within some stretch of time that holds enough of them belong together. It is
        enough to look at the nearest on either side: a longer stretch is a chain of such.
        """
        kind = self._topology.correlation.kinds[path.kind]
        rows = self._direct[path.parent, path.kind]
        share = math.ceil(kind.share * self._topology.count(path.parent, path.kind))
        enough = _Enough(max(ASSETS_SUSPECT, share), kind.channels)
        at = bisect_left(rows, (entry.onset_s, entry.id))
        near = _near(rows, at, seconds(kind.within), enough)
        for other in _crowd(near, entry, seconds(kind.within), enough):
            weight = int(WHOLE * path.prior * other.quality)
            cause = Cause(weight, "", path.kind, 1, 0)
            yield Link(None if other is entry else entry, other, path.parent, cause)


class _Enough(NamedTuple):
    """How many assets, or how many channels, make a suspicion; 0 channels never do."""

    assets: int
    channels: int

    def holds(self, assets: int, channels: int) -> bool:
        """Whether so many are enough."""
        return assets >= self.assets or 0 < self.channels <= channels


def _near(rows: list[Row], at: int, within_s: int, enough: _Enough) -> list[Entry]:
    """Rows around one of them, on either side as many as could be enough without the other."""
    entry = rows[at][2]
    sides: list[list[Entry]] = []
    for step, end in ((-1, -1), (1, len(rows))):
        side: list[Entry] = []
        assets, channels = {entry.node}, {entry.channel}
        for place in range(at + step, end, step):
            other = rows[place][2]
            far = abs(other.onset_s - entry.onset_s) > within_s or len(side) >= NEIGHBOURS_MAX
            full = other.node not in assets and enough.holds(len(assets), len(channels))
            if far or full:
                break
            side.append(other)
            assets.add(other.node)
            channels.add(other.channel)
        sides.append(side)
    return [*reversed(sides[0]), entry, *sides[1]]


def _crowd(near: list[Entry], entry: Entry, within_s: int, enough: _Enough) -> list[Entry]:
    """All of them that lie in a stretch of time with enough, this one in it."""
    own = near.index(entry)
    found: dict[str, Entry] = {}
    for first in range(own + 1):
        if near[own].onset_s - near[first].onset_s > within_s:
            continue
        some = [e for e in near[first:] if e.onset_s - near[first].onset_s <= within_s]
        if enough.holds(len({e.node for e in some}), len({e.channel for e in some})):
            found |= {e.id: e for e in some}
    return list(found.values())


def _drop(lists: dict[K, list[Row]], key: K, entry: Entry) -> None:
    rows = lists[key]
    del rows[bisect_left(rows, (entry.onset_s, entry.id))]
    if not rows:
        del lists[key]
