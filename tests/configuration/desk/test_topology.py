"""The folder `topology`: what is wrong in it is told with file and line, and the demo's is good."""

from pathlib import Path

import pytest

from configuration.checks.folder import judged
from configuration.configuration import Configuration
from contracts.quantities import Duration
from runtime.installation import HOME
from tests.testkit.config_folder import findings_of, folder_with, loaded

pytestmark = pytest.mark.slow

KINDS = """\
kinds:
  feeds:
    number: 1
    en: pumps stop
    zh: 水泵停运
    earliest: 0 s
    latest: 30 s
    usual: 5 s
    spread: 5 min
    prior: 0.9
    source: made
    metres: 100
"""
NODES = """\
# made
id,kind,area,people,critical,name_en,name_zh,lon,lat
power.f1,feeder,,,,Feeder 1,一号馈线,121.0,31.0
water.a,pump,g1,"1200",yes,,,121.0,31.0001
water.b,pump,,,,,,121.0,31.1
"""
EDGES = "parent,child,kind,share,group,buffer\npower.f1,water.a,feeds,0.5,supply,2 h\n"
GOOD = {
    "topology/edges.yaml": KINDS,
    "topology/nodes.csv": NODES,
    "topology/edges.csv": EDGES,
}


def test_a_topology_is_part_of_the_configuration_and_of_no_bundle(tmp_path: Path) -> None:
    whole = loaded(tmp_path / "with", dict(GOOD))
    plain = loaded(tmp_path / "without", {})
    assert whole.hash == plain.hash
    assert plain.topology.nodes == ()
    pump = whole.topology.node("water.a")
    assert pump is not None
    assert (pump.people, pump.critical, pump.area) == (1200, True, "g1")
    assert whole.topology.parents("water.a")[0].buffer_s == 7_200
    assert whole.topology.node("power.f1").called("zh") == "一号馈线"  # type: ignore[union-attr]
    other = loaded(tmp_path / "other", {**GOOD, "topology/edges.csv": EDGES.replace("0.5", "0.4")})
    assert whole.topology.hash == loaded(tmp_path / "again", dict(GOOD)).topology.hash
    assert whole.topology.hash != other.topology.hash


@pytest.mark.parametrize(
    ("file", "was", "now", "finding"),
    [
        ("edges.csv", "water.a", "water.c", "edges.csv:2: expected an asset of the nodes, got "
         "'water.c'; add it there or fix the name"),
        ("edges.csv", "feeds", "fedes", "edges.csv:2: expected a kind of edge, got 'fedes'; "
         "add it to the kinds or fix the name"),
        ("edges.csv", "water.a", "water.b", "edges.csv:2: expected 'power.f1' and 'water.b' at "
         "most 100 m apart, got 11120 m; fix the places or drop the edge"),
        ("edges.csv", "2 h\n", "2 h\nwater.a,power.f1,feeds,,,\n", "edges.csv:3: expected no "
         "circle, got power.f1 > water.a > power.f1; drop an edge of it"),
        ("edges.csv", "2 h", "soon", "edges.csv:2: buffer: expected a time such as `500 ms`, "
         "`30 s`, `5 min`, `2 h`, `1 d` or `3 periods`, got 'soon'"),
        ("edges.csv", "0.5", "2", "edges.csv:2: share: expected a number from 0 to 1, got '2'"),
        ("edges.csv", "2 h\n", "2 h\npower.f1,water.a,feeds,,,\n", "edges.csv:3: expected each "
         "edge once, got 'power.f1' to 'water.a' again; drop one"),
        ("edges.csv", "power.f1,water.a", "water.a,water.a", "edges.csv:2: expected two assets, "
         "got 'water.a' twice; drop the edge"),
        ("edges.csv", "share", "shear", "edges.csv:1: unknown column 'shear'; nearest is 'share'"),
        ("nodes.csv", "water.b", "water.a", "nodes.csv:5: expected each asset once, got "
         "'water.a' again; keep one"),
        ("nodes.csv", "water.b", "b", "nodes.csv:5: id: expected <lifeline>.<asset>, got 'b'; "
         "name both"),
        ("nodes.csv", '"1200"', "many", "nodes.csv:4: people: expected a number from 0 to "
         "100000000, got 'many'"),
        ("nodes.csv", "yes", "true", "nodes.csv:4: critical: expected yes, no or nothing, got "
         "'true'"),
        ("nodes.csv", "power.f1,feeder,", "power.f1,feeder", "nodes.csv:3: expected 9 cells, "
         "got 8; mind commas inside names"),
        ("edges.yaml", "usual: 5 s", "usual: 5 min", "edges.yaml:2:3: kinds.feeds: expected "
         "earliest, usual, latest in this order, got 0 s, 5 min, 30 s; sort them"),
        ("edges.yaml", "source: made", "source: made\n    children: [water.presure]",
         "edges.yaml:12:16: kinds.feeds.children[0]: expected a class or a lifeline, got "
         "'water.presure'; nearest is 'water.pressure'"),
        ("edges.yaml", "prior: 0.9", "prior: 2", "edges.yaml:10:12: kinds.feeds.prior: expected "
         "a number above 0 and at most 1, got 2"),
        ("edges.yaml", "prior:", "priro:", "edges.yaml:10:5: kinds.feeds: unknown key "
         "'priro'; nearest is 'prior'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line(
    file: str, was: str, now: str, finding: str, tmp_path: Path
) -> None:
    name = f"topology/{file}"
    assert was in GOOD[name]
    files: dict[str, str | bytes] = {**GOOD, name: GOOD[name].replace(was, now, 1)}
    assert findings_of(tmp_path, files) == [f"topology/{finding}"]


def test_a_missing_table_is_asked_for(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {name: GOOD[name] for name in GOOD if "nodes" not in name}
    found = findings_of(tmp_path, files)
    assert found == [
        "topology/nodes.csv: expected a table, got an error: No such file or directory; "
        "add the file"
    ]


def test_channels_without_an_asset_are_warned_of(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        **GOOD,
        "water/catalogue.csv": "id,class,asset,group\n"
        "water.a.p,water.pressure,a,water.a\nwater.z.p,water.pressure,z,water.z\n",
    }
    folder = folder_with(tmp_path, files)
    wrong, warned = judged(folder, {})
    assert wrong == []
    assert [line for line in warned if ": asset:" in line] == [
        f"{folder.as_posix()}/water/catalogue.csv: asset: expected assets of topology/nodes.csv, "
        "got others for 1 channels (z); add them, or their alarms join by asset alone"
    ]


def test_links_without_a_node_are_warned_of(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        **GOOD,
        "water/catalogue.csv": "id,class,asset,group,link\n"
        "water.a.p,water.pressure,a,water.a,water.a\n"
        "water.a.q,water.pressure,a,water.a,telecom.cell-9\n"
        "water.a.r,water.pressure,a,water.a,\n",
    }
    folder = folder_with(tmp_path, files)
    wrong, warned = judged(folder, {})
    assert wrong == []
    assert [line for line in warned if ": link:" in line] == [
        f"{folder.as_posix()}/water/catalogue.csv: link: expected links of topology/nodes.csv, "
        "got 1 others (telecom.cell-9); add them, or nothing explains why they are dark"
    ]


def test_the_demo_city_has_a_topology_of_all_its_assets() -> None:
    topology = Configuration.load(HOME / "configs", {}).topology
    assert len(topology.correlation.kinds) == 30
    numbers = sorted(kind.number for kind in topology.correlation.kinds.values())
    assert numbers == list(range(1, 31))
    assert judged(HOME / "configs", {})[1] == []


# lifelines.md 19.1, row by row: earliest, latest. Where the table says "hours", "weeks" or nothing
# the bound is of the project [E], and None here.
DELAYS: dict[int, tuple[str | None, str | None]] = {
    1: ("0 s", "30 s"), 2: ("10 s", "10 min"), 3: ("0 s", "2 h"), 4: ("0 s", "5 s"),
    5: ("3 min", "30 min"), 6: ("0 s", "10 s"), 7: ("0 s", "4 h"), 8: ("0 s", "5 min"),
    9: ("0 s", "40 min"), 10: ("0 s", "15 min"), 11: ("30 min", "6 h"), 12: ("0 s", "10 min"),
    13: ("1 h", None), 14: ("0 s", "60 s"), 15: (None, None), 16: (None, None), 17: (None, None),
    18: (None, "180 min"), 19: (None, None), 20: ("12 h", "96 h"), 21: ("0 s", "2 h"),
    22: ("10 min", "3 h"), 23: (None, None), 24: ("5 min", "20 min"),
}  # fmt: skip


def test_the_table_of_dependencies_is_delivered_row_by_row() -> None:
    kinds = Configuration.load(HOME / "configs", {}).topology.correlation.kinds.values()
    of_number = {kind.number: kind for kind in kinds}
    assert set(DELAYS) <= set(of_number)
    for number, (earliest, latest) in DELAYS.items():
        kind = of_number[number]
        if earliest is not None:
            assert kind.earliest.ns == Duration(earliest).ns, number
        if latest is not None:
            assert kind.latest.ns == Duration(latest).ns, number
    foshan = of_number[17]
    assert foshan.earliest.ns <= Duration("100 min").ns <= foshan.latest.ns
