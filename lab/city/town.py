"""Channels and dependencies of the made city: those that are shipped, once for each district."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from contracts.quantities import Duration
from lab.city.tables import Span


class Sensor(NamedTuple):
    """What a class says of its sensors: period in seconds, smallest and largest value."""

    period_s: float
    low: float
    high: float


class Edge(NamedTuple):
    """A dependency of one district, without the district's name."""

    parent: str
    child: str
    kind: str


@dataclass(frozen=True)
class Town:
    """What stands in each district.

    Parameters
    ----------
    rows : sequence of dict
        Catalogue rows of one district: at least `id`, `class`, `asset`, `group`.
    sensors : dict of str to Sensor
        By class.
    edges : sequence of Edge
    delays_s : dict of str to tuple of float
        Earliest and latest that trouble takes over an edge, by its kind.
    people : dict of str to int
        Whom an asset serves.
    """

    rows: Sequence[dict[str, Any]]
    sensors: dict[str, Sensor]
    edges: Sequence[Edge]
    delays_s: dict[str, Span]
    people: dict[str, int]

    @cached_property
    def below(self) -> dict[str, list[Edge]]:
        """Edges by their parent."""
        found: dict[str, list[Edge]] = {}
        for edge in self.edges:
            found.setdefault(edge.parent, []).append(edge)
        return found


def read_town(configs: Path) -> Town:
    """The town of a configuration's catalogues, classes and topology.

    Parameters
    ----------
    configs : Path
        Folder with a folder for each lifeline, and `topology/`.
    """
    catalogues = sorted(configs.glob("*/catalogue.csv"))
    rows = [row for path in catalogues for row in table(path)]
    sensors = dict(_sensors(configs))
    text = (configs / "topology" / "edges.yaml").read_text(encoding="utf-8")
    delays = {
        name: (_seconds(kind["earliest"]), _seconds(kind["latest"]))
        for name, kind in yaml.safe_load(text)["kinds"].items()
    }
    edges = [
        Edge(row["parent"], row["child"], row["kind"])
        for row in table(configs / "topology" / "edges.csv")
    ]
    nodes = table(configs / "topology" / "nodes.csv")
    people = {row["id"]: int(row["people"] or 0) for row in nodes}
    return Town(rows, sensors, edges, delays, people)


def asset_of(row: dict[str, Any]) -> str:
    """An asset as topologies name it."""
    return f"{row['class'].partition('.')[0]}.{row['asset']}"


def in_district(row: dict[str, Any], district: int) -> dict[str, Any]:
    """A catalogue row as that of a district: id, asset and group carry its number."""
    renamed = {key: _named(row[key], district) for key in ("id", "group")}
    return {**row, **renamed, "asset": f"d{district}-{row['asset']}"}


def table(path: Path) -> list[dict[str, str]]:
    """Rows of a table, comments left out."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def _named(name: str, district: int) -> str:
    lifeline, _, rest = name.partition(".")
    return f"{lifeline}.d{district}-{rest}"


def _sensors(configs: Path) -> Iterator[tuple[str, Sensor]]:
    for path in sorted(configs.glob("*/*.yaml")):
        if path.name.endswith(".test.yaml"):
            continue
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
        if isinstance(said, dict) and "class" in said:
            low, high = said["plausible"]["range"]
            yield said["class"], Sensor(_seconds(said["period"]), float(low), float(high))


def _seconds(text: str) -> float:
    return Duration(text).ns / 1e9
