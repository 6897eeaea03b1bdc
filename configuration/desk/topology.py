"""What depends on what, from the folder `topology`: assets, edges, and kinds of edges."""

import csv
import io
import math
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from alarms.incidents.edges import Correlation, seconds
from alarms.incidents.topology import Edge, Node, Topology, faults
from configuration.catalogue.read import ChannelTable
from configuration.yaml.fill import Page, fill
from configuration.yaml.findings import NOWHERE, Findings, nearest, shown
from configuration.yaml.located import located
from configuration.yaml.source import read_regular, source_of
from contracts.catalogue import Catalogue
from contracts.quantities import Duration

FOLDER: Final = "topology"
NODES, EDGES, KINDS = "nodes.csv", "edges.csv", "edges.yaml"
TABLE_BYTES_MAX: Final = 1 << 28
PEOPLE_MAX: Final = 100_000_000
NODE_COLUMNS: Final = (
    "id", "kind", "area", "people", "critical", "name_en", "name_zh", "lon", "lat",
)  # fmt: skip
EDGE_COLUMNS: Final = ("parent", "child", "kind", "share", "group", "buffer")
TOLD_MAX: Final = 20  # findings of one kind per file; more would bury the others


class Row(NamedTuple):
    """A line of a table: where it stands, and its cells by column."""

    line: int
    cells: dict[str, str]


def read_topology(
    folder: Path, called: Callable[[Path], str], classes: Collection[str], findings: Findings
) -> Topology | None:
    """Topology of a configuration folder; None when it has none, or what is wrong is noted.

    Parameters
    ----------
    folder : Path
        `topology` within the configuration.
    called : callable
        What messages call a path.
    classes : collection of str
        Those whose names can be judged: of their lifelines all are known.
    findings : Findings
    """
    if not folder.is_dir():
        return None
    before = len(findings)
    correlation = _read_kinds(folder / KINDS, called(folder / KINDS), classes, findings)
    nodes_in = _Table(folder / NODES, called(folder / NODES), findings)
    edges_in = _Table(folder / EDGES, called(folder / EDGES), findings)
    node_rows = nodes_in.rows(NODE_COLUMNS, ("id", "kind"))
    edge_rows = edges_in.rows(EDGE_COLUMNS, ("parent", "child", "kind"))
    nodes = [nodes_in.node(row) for row in node_rows]
    edges = [edges_in.edge(row) for row in edge_rows]
    if correlation is None or len(findings) > before:
        return None
    told = {"node": 0, "edge": 0}
    for fault in faults(nodes, edges, correlation):
        told[fault.what] += 1
        if told[fault.what] <= TOLD_MAX:
            table, rows = (nodes_in, node_rows) if fault.what == "node" else (edges_in, edge_rows)
            table.find(rows[fault.at], "", fault.text)
    return None if any(told.values()) else Topology(nodes, edges, correlation)


def _read_kinds(
    path: Path, file: str, classes: Collection[str], findings: Findings
) -> Correlation | None:
    source = source_of(path, file, findings, "kinds of edges")
    tree = None if source is None else located(file, source, findings)
    if tree is None:
        return None
    page = Page(file, tree, findings)
    correlation = fill(Correlation, page)
    for name, kind in (correlation.kinds if correlation else {}).items():
        got = f"{kind.earliest}, {kind.usual}, {kind.latest}"
        if not kind.earliest.ns <= kind.usual.ns <= kind.latest.ns:
            text = f"expected earliest, usual, latest in this order, got {got}; sort them"
            page.find(("kinds", name), text, key=True)
        if kind.buffer_least.ns > kind.buffer_most.ns > 0:
            text = f"expected at least {kind.buffer_least}, got {kind.buffer_most}"
            page.find(("kinds", name, "buffer_most"), text)
        for key, words in (("parents", kind.parents), ("children", kind.children)):
            _check_classes(words, ("kinds", name, key), classes, page)
    return correlation


def _check_classes(
    words: Sequence[str], path: tuple[str, ...], classes: Collection[str], page: Page
) -> None:
    """A class that does not exist would never be evidence of anything, and nobody would know."""
    lifelines = {name.partition(".")[0] for name in classes}
    for at, word in enumerate(words):
        lifeline, dot, _ = word.partition(".")
        if dot and lifeline in lifelines and word not in classes:
            text = f"expected a class or a lifeline, got {shown(word)}; {nearest(word, classes)}"
            page.find((*path, at), text)


class _Table:
    """A CSV file whose cells are judged one by one."""

    def __init__(self, path: Path, file: str, findings: Findings) -> None:
        self._path = path
        self._file = file
        self._findings = findings

    def find(self, row: Row | None, column: str, text: str) -> None:
        """Note what is wrong with a row, or with the whole file."""
        place = NOWHERE if row is None else (row.line, 0)
        self._findings.add(self._file, place, column, text)

    def rows(self, columns: Sequence[str], required: Sequence[str]) -> list[Row]:
        """All rows with their lines; none when the file cannot be read as a table."""
        text = self._text()
        if text is None:
            return []
        header: list[str] | None = None
        rows: list[Row] = []
        for line, cells in self._lines(text):
            if header is None:
                header = cells
                if not self._known(header, columns, required, line):
                    return []
            elif len(cells) != len(header):
                what = f"expected {len(header)} cells, got {len(cells)}"
                self.find(Row(line, {}), "", f"{what}; mind commas inside names")
            else:
                rows.append(Row(line, dict(zip(header, cells, strict=True))))
        if header is None:
            self.find(None, "", "expected a line with column names, got none; add it")
        return rows

    def _lines(self, text: str) -> Iterator[tuple[int, list[str]]]:
        """Lines with cells, without comments."""
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        begin = 1
        try:
            for cells in reader:
                if cells and not cells[0].startswith("#"):
                    yield begin, [cell.strip() for cell in cells]
                begin = reader.line_num + 1
        except csv.Error as error:
            what = f"expected CSV, got an error: {error}; mind the quotes"
            self.find(Row(begin, {}), "", what)

    def _text(self) -> str | None:
        try:
            source = read_regular(self._path, TABLE_BYTES_MAX)
            if len(source) > TABLE_BYTES_MAX:
                self.find(None, "", f"expected at most {TABLE_BYTES_MAX} bytes, got more; cut it")
                return None
            return source.decode("utf-8-sig")
        except OSError as error:
            self.find(None, "", f"expected a table, got an error: {error.strerror}; add the file")
        except UnicodeDecodeError as error:
            what = f"expected UTF-8, got other bytes at {error.start}; save the file as UTF-8"
            self.find(None, "", what)
        return None

    def _known(
        self, header: list[str], columns: Sequence[str], required: Sequence[str], line: int
    ) -> bool:
        row, before = Row(line, {}), len(self._findings)
        for name in dict.fromkeys(header):
            if name not in columns:
                self.find(row, "", f"unknown column {shown(name)}; {nearest(name, columns)}")
            elif header.count(name) > 1:
                self.find(row, "", f"expected column {name!r} once, got it again; keep one")
        for name in required:
            if name not in header:
                self.find(row, "", f"expected a column {name!r}, got none; add it")
        return len(self._findings) == before

    def node(self, row: Row) -> Node:
        """An asset."""
        cells = row.cells
        name = cells["id"]
        lifeline, dot, asset = name.partition(".")
        if not (lifeline and dot and asset):
            text = f"expected <lifeline>.<asset>, got {shown(name)}; name both"
            self.find(row, "id", text)
        if not cells["kind"]:
            self.find(row, "kind", "expected what it is, such as pump, got nothing; say it")
        names = {tongue: cells.get(f"name_{tongue}", "") for tongue in ("en", "zh")}
        return Node(
            id=name,
            lifeline=lifeline,
            asset=asset,
            kind=cells["kind"],
            area=cells.get("area", ""),
            people=int(self._number(row, "people", (0, PEOPLE_MAX)) or 0),
            critical=self._yes(row, "critical"),
            name={tongue: word for tongue, word in names.items() if word},
            lon=self._number(row, "lon", (-180, 180)),
            lat=self._number(row, "lat", (-90, 90)),
        )

    def edge(self, row: Row) -> Edge:
        """A dependency."""
        cells = row.cells
        share = self._number(row, "share", (0, 1))
        return Edge(
            parent=cells["parent"],
            child=cells["child"],
            kind=cells["kind"],
            share=1.0 if share is None else share,
            group=cells.get("group", ""),
            buffer_s=self._duration(row, "buffer"),
        )

    def _number(self, row: Row, column: str, span: tuple[float, float]) -> float | None:
        cell = row.cells.get(column, "")
        if not cell:
            return None
        try:
            value = float(cell)
        except ValueError:
            value = math.nan
        if not span[0] <= value <= span[1]:
            text = f"expected a number from {span[0]} to {span[1]}, got {shown(cell)}"
            self.find(row, column, text)
            return None
        return value

    def _yes(self, row: Row, column: str) -> bool:
        cell = row.cells.get(column, "")
        if cell not in {"", "yes", "no"}:
            self.find(row, column, f"expected yes, no or nothing, got {shown(cell)}")
        return cell == "yes"

    def _duration(self, row: Row, column: str) -> int | None:
        cell = row.cells.get(column, "")
        if not cell:
            return None
        try:
            return seconds(Duration(cell))
        except ValueError as error:
            self.find(row, column, str(error))
            return None


def unplaced(topology: Topology | None, tables: Sequence[ChannelTable]) -> list[str]:
    """Warnings of assets and links that the topology does not know: they group by asset alone."""
    if topology is None:
        return []
    found = Findings()
    for channels in tables:
        lifeline = Path(channels.file).parent.name
        known = [node.asset for node in topology.nodes if node.lifeline == lifeline]
        assets: Any = channels.table.column("asset")
        strange = assets.filter(pc.invert(pc.is_in(assets, value_set=pa.array(known, pa.string()))))
        if len(strange):
            named = ", ".join(sorted(strange.unique().to_pylist())[:3])
            text = (
                f"expected assets of topology/{NODES}, got others for {len(strange)} channels "
                f"({named}); add them, or their alarms join by asset alone"
            )
            found.add(channels.file, NOWHERE, "asset", text)
        links, _ = Catalogue(channels.table).links()
        if strays := sorted({*links} - {node.id for node in topology.nodes}):
            text = (
                f"expected links of topology/{NODES}, got {len(strays)} others "
                f"({', '.join(strays[:3])}); add them, or nothing explains why they are dark"
            )
            found.add(channels.file, NOWHERE, "link", text)
    return found.lines()
