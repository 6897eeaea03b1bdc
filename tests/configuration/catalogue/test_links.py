"""The column `link`: read from every format, kept with the bundle, left out when it is empty."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from configuration.catalogue.store import content, names_links, opened
from configuration.lane_plan import plan_of
from contracts.catalogue import LINK, Catalogue
from tests.testkit.config_folder import again, findings_of, loaded

HEAD = "id,class,asset,group,link\n"
ROWS = (
    "water.a.p,water.pressure,a,water.a,telecom.cell-1\n"
    "water.b.p,water.pressure,b,water.b,\n"
    "water.c.p,water.pressure,c,water.c,power.feeder-07\n"
)
LINKS = ["telecom.cell-1", "", "power.feeder-07"]


def parquet(links: list[str | None], place: Path) -> bytes:
    rows = [row.split(",")[:4] for row in ROWS.splitlines()]
    columns = dict(zip(("id", "class", "asset", "group"), zip(*rows, strict=True), strict=True))
    path = place / "some.parquet"
    pq.write_table(pa.table({**columns, "link": pa.array(links, pa.string())}), path)
    return path.read_bytes()


@pytest.mark.parametrize("name", ["csv", "parquet", "yaml"])
def test_a_link_is_read_from_every_format_and_kept_with_the_bundle(
    tmp_path: Path, name: str
) -> None:
    yaml = "".join(
        f"- {{id: {i}, class: {c}, asset: {a}, group: {g}{f', link: {by}' if by else ''}}}\n"
        for i, c, a, g, by in (row.split(",") for row in ROWS.splitlines())
    )
    written: dict[str, str | bytes] = {
        "csv": HEAD + ROWS,
        "parquet": parquet([link or None for link in LINKS], tmp_path),
        "yaml": yaml,
    }
    files = {f"water/catalogue.{name}": written[name]}
    configuration = loaded(tmp_path / "configs", files)
    for found in (configuration, again(configuration)):
        catalogue = found.catalogue
        names, link_of = catalogue.links()
        assert [names[at] if at >= 0 else "" for at in link_of] == LINKS
        assert sorted(names) == sorted(filter(None, LINKS))
        part = catalogue.part(1, 3)
        assert part.links()[1].tolist() == link_of[1:].tolist()
    assert again(configuration).hash == configuration.hash
    assert len(list(plan_of(configuration, "water").catalogue.ids)) == 3


def test_a_column_without_a_link_leaves_the_hash_as_it_was(tmp_path: Path) -> None:
    empty = "".join(f"{row.rsplit(',', 1)[0]},\n" for row in ROWS.splitlines())
    plain = "".join(f"{row.rsplit(',', 1)[0]}\n" for row in ROWS.splitlines())
    tables = [
        loaded(tmp_path / name, {"water/catalogue.csv": text})
        for name, text in (("a", HEAD + empty), ("b", "id,class,asset,group\n" + plain))
    ]
    assert tables[0].hash == tables[1].hash
    table = tables[0].catalogues["water"].table
    assert not names_links(table)
    assert LINK.name not in opened(content(table).data).column_names
    assert Catalogue(table).links()[0] == []


def test_catalogues_with_and_without_links_are_looked_at_together(tmp_path: Path) -> None:
    lifelines = "lifelines: {water: {partitions: 2}, power: {partitions: 1}}\n"
    pack = (Path(__file__).parents[1] / "broken" / "good.yaml").read_text(encoding="utf-8")
    files: dict[str, str | bytes] = {
        "tocsin.yaml": f'kafka: {{bootstrap: "127.0.0.1:9092"}}\n{lifelines}',
        "water/catalogue.csv": HEAD + ROWS,
        "power/pressure.yaml": pack.replace("water.pressure", "power.pressure"),
        "power/catalogue.csv": "id,class,asset,group\npower.x.p,power.pressure,x,power.x\n",
    }
    whole = loaded(tmp_path, files)
    names, link_of = whole.catalogue.links()
    assert [names[at] if at >= 0 else "" for at in link_of] == ["", *LINKS]
    assert whole.with_channels(whole.catalogue).hash == whole.hash


@pytest.mark.parametrize("link", ["cell-1", "Telecom.cell", "telecom.", ".cell", "telecom.cell 1"])
def test_a_link_that_no_topology_could_name_is_refused(tmp_path: Path, link: str) -> None:
    text = f"{HEAD}water.a.p,water.pressure,a,water.a,{link}\n"
    assert findings_of(tmp_path, {"water/catalogue.csv": text}) == [
        f"water/catalogue.csv:2: link: expected `<lifeline>.<asset>` of the link as the topology "
        f"has it, or nothing, got {link!r}"
    ]
