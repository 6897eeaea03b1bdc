"""What depends on what: assets, the edges between them, and the paths that trouble takes."""

import hashlib
import math
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

from alarms.incidents.edges import Correlation, EdgeKind, seconds
from contracts.errors import ConfigError

HOPS_MAX: Final = 3  # lifelines.md section 19.2: a longer chain explains anything
PATHS_MAX: Final = 64  # to one asset; the likeliest are kept
WEATHER: Final = "weather"  # kind of node that covers many incidents and merges none
METRES_PER_DEGREE: Final = 111_195.0  # of latitude, on a sphere of 6,371 km


class Node(msgspec.Struct, frozen=True):
    """An asset.

    Parameters
    ----------
    id : str
        `<lifeline>.<asset>`: names of assets are unique within their lifeline alone.
    lifeline, asset : str
        As alarms name them.
    kind : str
        What it is: `feeder`, `pump station`; `weather` covers incidents and merges none.
    area : str
        Service area; areas share no people.
    people : int
        How many of its area it serves.
    critical : bool
        Whether lives or the city's working hang on it: hospital, metro, command centre.
    name : dict of str to str
        By language.
    lon, lat : float or None
        WGS 84 degrees.
    """

    id: str
    lifeline: str
    asset: str
    kind: str
    area: str = ""
    people: int = 0
    critical: bool = False
    name: dict[str, str] = {}
    lon: float | None = None
    lat: float | None = None

    def called(self, language: str) -> str:
        """Name in a language, its id without one."""
        return self.name.get(language) or self.asset


class Edge(msgspec.Struct, frozen=True):
    """A dependency.

    Parameters
    ----------
    parent, child : str
        Ids of nodes.
    kind : str
    share : float
        Part of the child's supply that comes this way.
    group : str
        Feeds of a child that stand in for each other carry the same word; empty for the only one.
    buffer_s : int or None
        What this child has to bridge a failure, where that is known better than by kind.
    """

    parent: str
    child: str
    kind: str
    share: float = 1.0
    group: str = ""
    buffer_s: int | None = None


class Path(NamedTuple):
    """One to three edges from a parent down to a child, as one.

    Delays and spreads add up, priors multiply. `causes` and `finding` are what the alarm of the
    parent, and of the child, must be.
    """

    parent: str
    kind: str  # of the edge that reaches the child
    hops: int
    earliest_s: int
    latest_s: int
    usual_s: int
    spread_s: int
    prior: float
    causes: frozenset[str]
    effects: frozenset[str]
    finding: str


class Fault(NamedTuple):
    """What is wrong with a node (`what` is `node`) or an edge, by its place in the list."""

    what: str
    at: int
    text: str


def metres_between(one: Node, other: Node) -> float | None:
    """Distance over ground, None where a place is unknown.

    >>> there = Node("a.b", "a", "b", "k", lon=121.0, lat=31.001)
    >>> round(metres_between(Node("a.a", "a", "a", "k", lon=121.0, lat=31.0), there))
    111
    """
    if one.lon is None or one.lat is None or other.lon is None or other.lat is None:
        return None
    north = (other.lat - one.lat) * METRES_PER_DEGREE
    east = (other.lon - one.lon) * METRES_PER_DEGREE * math.cos(math.radians(one.lat))
    return math.hypot(north, east)


def faults(nodes: Sequence[Node], edges: Sequence[Edge], correlation: Correlation) -> list[Fault]:
    """Everything that is wrong with a topology: duplicates, unknown words, places, circles."""
    found: list[Fault] = []
    known: dict[str, Node] = {}
    for at, node in enumerate(nodes):
        if node.id in known:
            text = f"expected each asset once, got {node.id!r} again; keep one"
            found.append(Fault("node", at, text))
        known.setdefault(node.id, node)
    seen: set[tuple[str, str, str]] = set()
    for at, edge in enumerate(edges):
        texts = list(_of_edge(edge, known, correlation))
        if (edge.parent, edge.child, edge.kind) in seen:
            texts.append(
                f"expected each edge once, got {edge.parent!r} to {edge.child!r} again; drop one"
            )
        seen.add((edge.parent, edge.child, edge.kind))
        found += [Fault("edge", at, text) for text in texts]
    return found or list(_circles(edges, correlation))


def _of_edge(edge: Edge, known: dict[str, Node], correlation: Correlation) -> Iterator[str]:
    for asset in (edge.parent, edge.child):
        if asset not in known:
            yield f"expected an asset of the nodes, got {asset!r}; add it there or fix the name"
    kind = correlation.kinds.get(edge.kind)
    if kind is None:
        yield f"expected a kind of edge, got {edge.kind!r}; add it to the kinds or fix the name"
    if edge.parent == edge.child:
        yield f"expected two assets, got {edge.parent!r} twice; drop the edge"
    if kind is not None and edge.parent in known and edge.child in known:
        yield from _apart(known[edge.parent], known[edge.child], kind)


def _apart(parent: Node, child: Node, kind: EdgeKind) -> Iterator[str]:
    if kind.same_area and parent.area != child.area:
        yield (
            f"expected {parent.id!r} and {child.id!r} in one area, got {parent.area!r} and "
            f"{child.area!r}; fix the areas or drop the edge"
        )
    metres = metres_between(parent, child)
    if kind.metres is not None and metres is not None and metres > kind.metres:
        yield (
            f"expected {parent.id!r} and {child.id!r} at most {kind.metres:g} m apart, got "
            f"{metres:.0f} m; fix the places or drop the edge"
        )


def _circles(edges: Sequence[Edge], correlation: Correlation) -> Iterator[Fault]:
    """Edges that close a circle of kinds which forbid one: what is left when leaves are taken."""
    firm = {at: e for at, e in enumerate(edges) if not correlation.kinds[e.kind].cycles}
    parents: dict[str, list[int]] = {}
    children = {edge.parent: 0 for edge in firm.values()}
    for at, edge in firm.items():
        parents.setdefault(edge.child, []).append(at)
        children[edge.parent] += 1
    leaves = [child for child in parents if child not in children]
    while leaves:
        for at in parents.pop(leaves.pop(), []):
            edge = firm.pop(at)
            children[edge.parent] -= 1
            if not children[edge.parent]:
                leaves.append(edge.parent)
    if firm:
        yield _circle(firm)


def _circle(firm: dict[int, Edge]) -> Fault:
    """One circle among edges of which every child has a way on."""
    on = {edge.parent: at for at, edge in sorted(firm.items(), reverse=True)}
    walked: list[str] = []
    asset = next(iter(sorted(on)))
    while asset not in walked:
        walked.append(asset)
        asset = firm[on[asset]].child
    circle = walked[walked.index(asset) :]
    text = f"expected no circle, got {' > '.join([*circle, asset])}; drop an edge of it"
    return Fault("edge", max(on[one] for one in circle), text)


class Topology:
    """Compiled once: parents and children of each node as tuples, by place in flat lists.

    Parameters
    ----------
    nodes, edges : sequence of Node, of Edge
    correlation : Correlation
        Kinds of edges, windows, holds.

    Raises
    ------
    ConfigError
        When a node is there twice, an edge names something unknown, or edges whose kind forbids
        it form a circle.
    """

    def __init__(
        self, nodes: Sequence[Node], edges: Sequence[Edge], correlation: Correlation
    ) -> None:
        wrong = faults(nodes, edges, correlation)
        if wrong:
            raise ConfigError(*(f"topology: {f.what} {f.at + 1}: {f.text}" for f in wrong))
        self.nodes = tuple(nodes)
        self.correlation = correlation
        self._index = {node.id: i for i, node in enumerate(self.nodes)}
        above: list[list[Edge]] = [[] for _ in self.nodes]
        below: list[list[Edge]] = [[] for _ in self.nodes]
        for edge in sorted(edges, key=lambda edge: (edge.parent, edge.child, edge.kind)):
            above[self._index[edge.child]].append(edge)
            below[self._index[edge.parent]].append(edge)
        self._above = tuple(map(tuple, above))
        self._below = tuple(map(tuple, below))
        self._children = {
            (edge.parent, edge.kind): sum(other.kind == edge.kind for other in edges_of)
            for edges_of in self._below
            for edge in {edge.kind: edge for edge in edges_of}.values()
        }
        self._kinds = {name: _Step(kind) for name, kind in correlation.kinds.items()}
        self._paths: dict[str, tuple[Path, ...]] = {}
        self._reach_s = self._longest()
        self._critical = frozenset(self._feeding_critical())
        content = (self.nodes, [edge for edges_of in self._below for edge in edges_of])
        self.hash = hashlib.blake2b(
            msgspec.msgpack.encode(content) + repr(correlation).encode(), digest_size=16
        ).hexdigest()

    def node(self, asset: str) -> Node | None:
        """Node by id."""
        at = self._index.get(asset)
        return None if at is None else self.nodes[at]

    def parents(self, asset: str) -> tuple[Edge, ...]:
        """Edges that lead to an asset."""
        at = self._index.get(asset)
        return () if at is None else self._above[at]

    def children(self, asset: str) -> tuple[Edge, ...]:
        """Edges that lead away from it."""
        at = self._index.get(asset)
        return () if at is None else self._below[at]

    def count(self, parent: str, kind: str) -> int:
        """How many children hang on it by edges of this kind."""
        return self._children.get((parent, kind), 0)

    def covers(self, asset: str) -> bool:
        """Whether it explains incidents without merging them."""
        node = self.node(asset)
        return node is not None and node.kind == WEATHER

    def feeds_critical(self, asset: str) -> bool:
        """Whether critical users are in an asset, or hang on it alone by one edge."""
        return asset in self._critical

    def _feeding_critical(self) -> Iterator[str]:
        kinds = self.correlation.kinds
        for node, edges in zip(self.nodes, self._below, strict=True):
            # Other feeds of a group carry what one loses; what goes blind loses no supply.
            alone = [e for e in edges if not e.group and kinds[e.kind].finding != "silent"]
            fed = (self.nodes[self._index[edge.child]].critical for edge in alone)
            if node.kind != WEATHER and (node.critical or any(fed)):
                yield node.id

    def reach_s(self, asset: str) -> int:
        """The longest delay of any path that begins or ends at an asset, in seconds."""
        at = self._index.get(asset)
        return 0 if at is None else self._reach_s[at]

    def paths_to(self, asset: str) -> tuple[Path, ...]:
        """Paths of at most three edges that end at an asset, the likeliest first."""
        found = self._paths.get(asset)
        if found is None:
            every = sorted(self._walk_up(asset), key=lambda p: (-p.prior, p.hops, p.parent, p.kind))
            found = self._paths[asset] = tuple(every[:PATHS_MAX])
        return found

    def _walk_up(self, asset: str) -> Iterator[Path]:
        for edge in self.parents(asset):
            yield from self.onward(self._kinds[edge.kind].path(edge), asset)

    def onward(self, path: Path, asset: str) -> Iterator[Path]:
        """A path to an asset, and all of at most three edges that end with it."""
        ends = [(frozenset((asset, path.parent)), path)]
        while ends:
            passed, path = ends.pop()
            yield path
            if path.hops == HOPS_MAX:
                continue
            for edge in self.parents(path.parent):
                if edge.parent not in passed:
                    step = self._kinds[edge.kind]
                    ends.append((passed | {edge.parent}, step.before(edge, path)))

    def _longest(self) -> list[int]:
        """Per node, by three rounds over all edges each way."""
        latest = {name: step.latest_s for name, step in self._kinds.items()}
        ways = ([0] * len(self.nodes), [0] * len(self.nodes))
        for _ in range(HOPS_MAX):
            ways = (
                [
                    max((latest[e.kind] + ways[0][self._index[e.child]] for e in some), default=0)
                    for some in self._below
                ],
                [
                    max((latest[e.kind] + ways[1][self._index[e.parent]] for e in some), default=0)
                    for some in self._above
                ],
            )
        return list(map(max, *ways))


class _Step:
    """A kind of edge in seconds."""

    def __init__(self, kind: EdgeKind) -> None:
        self.latest_s = seconds(kind.latest)
        self._kind = kind

    def path(self, edge: Edge) -> Path:
        kind = self._kind
        return Path(
            edge.parent,
            edge.kind,
            1,
            seconds(kind.earliest),
            self.latest_s,
            seconds(kind.usual),
            max(seconds(kind.spread), 1),
            kind.prior,
            frozenset(kind.parents),
            frozenset(kind.children),
            kind.finding,
        )

    def before(self, edge: Edge, path: Path) -> Path:
        """A path with one more edge above it."""
        first = self.path(edge)
        return path._replace(
            parent=first.parent,
            hops=path.hops + 1,
            earliest_s=first.earliest_s + path.earliest_s,
            latest_s=first.latest_s + path.latest_s,
            usual_s=first.usual_s + path.usual_s,
            spread_s=first.spread_s + path.spread_s,
            prior=first.prior * path.prior,
            causes=first.causes,
        )


NO_TOPOLOGY: Final = Topology((), (), Correlation())
