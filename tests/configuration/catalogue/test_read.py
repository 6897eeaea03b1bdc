"""Catalogues from CSV, Parquet and YAML, and rows that no lane could use."""

import csv
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from configuration.catalogue.read import SUFFIXES
from contracts.catalogue import Where
from tests.testkit.config_folder import CATALOGUE, findings_of, loaded

HEAD = "id,class,asset,group"
ROWS = [
    {"id": "water.b.p", "class": "water.pressure", "asset": "b", "group": "water.b", "lon": "121.5",
     "lat": "31.25", "scale": "0.001", "name_zh": "乙"},
    {"id": "water.a.p", "class": "water.pressure", "asset": "a", "group": "water.a"},
]  # fmt: skip


def as_csv(rows: list[dict[str, str]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, sorted({key for row in rows for key in row}))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def as_parquet(rows: list[dict[str, str]]) -> bytes:
    table = pa.table({key: [row.get(key) for row in rows] for row in rows for key in row})
    for name in ("lon", "lat", "scale"):
        column = table.column(name).cast(pa.float64())
        table = table.set_column(table.column_names.index(name), name, column)
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def as_yaml(rows: list[dict[str, str]]) -> str:
    return "".join(
        "- {" + ", ".join(f"{key}: {value}" for key, value in row.items()) + "}\n" for row in rows
    )


CONTENT: dict[str, str | bytes] = {
    ".csv": as_csv(ROWS),
    ".parquet": as_parquet(ROWS),
    ".yaml": as_yaml(ROWS),
}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_each_format_gives_channels_sorted_by_id_with_defaults(suffix: str, tmp_path: Path) -> None:
    catalogue = loaded(tmp_path, {f"water/catalogue{suffix}": CONTENT[suffix]}).catalogue
    assert catalogue.ids == ["water.a.p", "water.b.p"]
    assert catalogue.column("scale").tolist() == [1.0, 0.001]
    assert catalogue.column("offset").tolist() == [0.0, 0.0]
    plain, placed = catalogue.channel(0), catalogue.channel(1)
    assert plain.name == {"en": "water.a.p", "zh": "water.a.p"}
    assert plain.where == Where("", "", "", "", None, None)
    assert plain.criticality == "normal"
    assert (placed.where.lon, placed.where.lat) == (121.5, 31.25)
    assert placed.name == {"en": "water.b.p", "zh": "乙"}


def test_each_format_gives_the_same_bundle(tmp_path: Path) -> None:
    bundles = {
        loaded(tmp_path / suffix[1:], {f"water/catalogue{suffix}": CONTENT[suffix]}).bundle()
        for suffix in SUFFIXES
    }
    assert len(bundles) == 1


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        (
            f"{HEAD}\nw.a,water.pressure,a,g\nw.b,water.pressure,a,g\nw.a,water.pressure,a,g\n",
            "water/catalogue.csv:4: id: expected each id once, got 'w.a' again after "
            "water/catalogue.csv:2; keep one",
        ),
        (
            f"{HEAD}\nw.a,water.presure,a,g\n",
            "water/catalogue.csv:2: class: unknown class 'water.presure'; "
            "nearest is 'water.pressure'",
        ),
        (
            f"{HEAD}\nw.a,gas.pressure,a,g\n",
            "water/catalogue.csv:2: class: expected a class of water, got 'gas.pressure'; "
            "move the row",
        ),
        (
            f"{HEAD}\n# spare\n\nW 1,water.pressure,a,g\n",
            "water/catalogue.csv:4: id: expected lower-case letters, digits, `.`, `_` and `-`, "
            "at most 128, got 'W 1'; rename it",
        ),
        (
            f"{HEAD}\nw.a\\nx,water.pressure,a,g\n".replace("w.a\\nx", '"w.a\nx"'),
            "water/catalogue.csv:2: id: expected lower-case letters, digits, `.`, `_` and `-`, "
            "at most 128, got 'w.a\\nx'; rename it",
        ),
        (
            f"{HEAD}\nw.a,water.pressure,a,\n",
            "water/catalogue.csv:2: group: expected lower-case letters, digits, `.`, `_` and `-`, "
            "at most 128, got nothing; rename it",
        ),
        (
            f"{HEAD}\nw.a,water.pressure,,g\n",
            "water/catalogue.csv:2: asset: expected the name of an asset, got nothing; name it",
        ),
        (
            f"{HEAD},scale\nw.a,water.pressure,a,g,inf\n",
            "water/catalogue.csv:2: scale: expected a finite number other than 0, got inf",
        ),
        (
            f"{HEAD},scale\nw.a,water.pressure,a,g,nan\n",
            "water/catalogue.csv:2: scale: expected a finite number other than 0, got nothing",
        ),
        (
            f"{HEAD},offset\nw.a,water.pressure,a,g,1O\n",
            "water/catalogue.csv:2: offset: expected a number, got '1O'",
        ),
        (
            f"{HEAD},lon,lat\nw.a,water.pressure,a,g,31.2,121.4\n",
            "water/catalogue.csv:2: lat: expected degrees from -90 to 90, got 121.4",
        ),
        (
            f"{HEAD},lon\nw.a,water.pressure,a,g,121.4\n",
            "water/catalogue.csv:2: lon: expected both lon and lat or neither, got one; "
            "add the other",
        ),
        (
            f"{HEAD},distrikt\nw.a,water.pressure,a,g,x\n",
            "water/catalogue.csv:1: unknown column 'distrikt'; nearest is 'district'",
        ),
        (
            "id,class,asset\nw.a,water.pressure,a\n",
            "water/catalogue.csv:1: expected a column 'group', got none; add it",
        ),
        (
            f"{HEAD}\nw.a,water.pressure,a,g,1\n",
            "water/catalogue.csv:2: expected 4 cells, got 5; mind commas inside names",
        ),
        (
            f'{HEAD}\nw.a,water.pressure,"a\n',
            "water/catalogue.csv:2: expected CSV, got an error: unexpected end of data; "
            "mind the quotes",
        ),
        ("", "water/catalogue.csv:1: expected a line with column names, got none; add it"),
        (
            f"{HEAD}\nw.a,water.pressure,{'a' * 501},g\n",
            f"water/catalogue.csv:2: asset: expected text up to 500 characters, got '{'a' * 60}…'",
        ),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(text: str, finding: str, tmp_path: Path) -> None:
    assert findings_of(tmp_path, {"water/catalogue.csv": text}) == [finding]


def test_a_bad_row_of_yaml_has_a_column_too(tmp_path: Path) -> None:
    text = "- {id: w.a, class: water.pressure, asset: a, group: 7}\n"
    assert findings_of(tmp_path, {"water/catalogue.yaml": text}) == [
        "water/catalogue.yaml:1:3: group: expected text up to 500 characters, got 7"
    ]


def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path) -> None:
    found = findings_of(tmp_path, {"water/catalogue.parquet": b"id,class"})
    assert len(found) == 1
    assert found[0].startswith("water/catalogue.parquet: expected a readable file, got an error")


def test_lists_in_a_parquet_are_told_of_cell_by_cell(tmp_path: Path) -> None:
    row = {"id": "w.a", "class": "water.pressure", "asset": "a", "group": "g"}
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({**{key: [cell] for key, cell in row.items()}, "tags": [["a"]]}), sink)
    assert findings_of(tmp_path, {"water/catalogue.parquet": sink.getvalue().to_pybytes()}) == [
        "water/catalogue.parquet:1: tags: expected text up to 500 characters, got a list of 1"
    ]


def test_two_catalogues_of_one_lifeline_are_refused(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "water/catalogue.csv": CATALOGUE,
        "water/catalogue.yaml": CONTENT[".yaml"],
    }
    assert findings_of(tmp_path, files) == [
        "water: expected one of catalogue.csv, catalogue.parquet, catalogue.yaml, got "
        "catalogue.csv and catalogue.yaml; keep one"
    ]


def test_a_thousand_bad_rows_are_told_by_twenty_and_a_count(tmp_path: Path) -> None:
    rows = "".join(f"w.{i},water.none,a,g\n" for i in range(1000))
    found = findings_of(tmp_path, {"water/catalogue.csv": f"{HEAD}\n{rows}"})
    assert len(found) == 21
    assert found[0] == "water/catalogue.csv: class: 980 more rows are wrong like those above"


def test_a_broken_pack_does_not_make_its_channels_unknown(tmp_path: Path) -> None:
    found = findings_of(tmp_path, {"water/pressure.yaml": "class: [water.pressure"})
    assert len(found) == 1
    assert found[0].startswith("water/pressure.yaml:1:23: expected YAML")
