"""A catalogue in columns gives what one Python object a channel would give."""

import string
from bisect import bisect_left
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configuration.catalogue.columns import typed
from configuration.catalogue.id_hashes import id_hashes
from configuration.catalogue.read import _by_cell
from configuration.catalogue.store import content, in_order, opened
from configuration.configuration import Configuration
from configuration.lane_plan import plan_of
from configuration.yaml.findings import Findings
from contracts.catalogue import SCHEMA, WORD, Catalogue, RowOf, Words, id_hash
from ingest.partitioner import home_lane
from tests.testkit.config_folder import PACK, again, labels_of, loaded

pytestmark = pytest.mark.slow

TEXTS = st.text(st.sampled_from("aB9._-é \t\n\x1c\x85\u2003水"), max_size=6)
NOTHING: dict[str, pa.Buffer] = {}
IDS = st.lists(st.text(string.ascii_lowercase + ".-", min_size=1, max_size=9), unique=True)


@settings(deadline=None)  # the first call compiles
@given(st.lists(st.text(max_size=300) | st.just("x" * 128) | st.just("y" * 256), max_size=20))
def test_ids_are_hashed_as_one_by_one(ids: list[str]) -> None:
    half = len(ids) // 2
    column = pa.chunked_array([ids[:half], ids[half:]], pa.string())
    assert id_hashes(column).tolist() == [id_hash(channel) for channel in ids]


@given(
    st.sampled_from(["id", "class", "name_zh", "criticality", "tags"]),
    st.lists(TEXTS | st.none() | st.just("z" * 501), min_size=1, max_size=8),
    st.booleans(),
)
def test_texts_in_a_column_read_as_cell_by_cell(
    name: str, cells: list[str | None], coded: bool
) -> None:
    column = pa.chunked_array([pa.array(cells, pa.string())])
    findings = Findings()
    wanted = _by_cell(name, cells, ("f", lambda row: (row, 0)), findings)
    found = typed(name, column.dictionary_encode() if coded else column)
    if found is None:
        assert len(findings)
        return
    assert not len(findings)
    assert found.type == SCHEMA.field(name).type
    assert found.to_pylist() == wanted.to_pylist()


@given(
    st.sampled_from(["scale", "lon"]),
    st.lists(st.floats() | st.integers(-9, 9) | st.none(), min_size=1, max_size=8),
)
def test_numbers_in_a_column_read_as_cell_by_cell(name: str, cells: list[float | None]) -> None:
    column = pa.chunked_array([pa.array(cells, pa.float64(), from_pandas=False)])
    wanted = _by_cell(name, cells, ("f", lambda row: (row, 0)), Findings())
    found = typed(name, column)
    assert found is not None
    assert found.to_pylist() == wanted.to_pylist()


@pytest.mark.parametrize("cells", [pa.array([True, False]), pa.array(["1", "x"]), pa.array([b"1"])])
def test_other_kinds_of_numbers_are_looked_at_one_by_one(cells: pa.Array) -> None:
    assert typed("lon", pa.chunked_array([cells])) is None
    assert typed("id", pa.chunked_array([pa.array([1, 2])])) is None


@given(IDS, IDS, st.data())
def test_a_row_is_found_as_in_a_dict(
    some: list[str], others: list[str], data: st.DataObject
) -> None:
    runs = [sorted(set(some)), sorted(set(others) - set(some))]
    ids = [*runs[0], *runs[1]]
    catalogue = Catalogue(opened(content(table_of(ids)).data))
    wanted = {channel: row for row, channel in enumerate(ids)}
    row_of = catalogue.row_of
    assert dict(row_of) == wanted
    for channel in [*ids, *data.draw(IDS)]:
        assert row_of.get(channel) == wanted.get(channel)
        assert (channel in row_of) == (channel in wanted)
    assert catalogue.ids == ids
    assert catalogue.ids[1:3] == ids[1:3]
    assert catalogue.ids != [*ids, "more"]
    assert catalogue.id_hashes.tolist() == [id_hash(channel) for channel in ids]


@given(IDS, st.data())
def test_channels_looked_up_together_are_those_looked_up_one_by_one(
    some: list[str], data: st.DataObject
) -> None:
    ids = sorted(set(some))
    catalogue = Catalogue(opened(content(table_of(ids)).data))
    rows = data.draw(st.lists(st.sampled_from(range(len(ids))))) if ids else []
    together = catalogue.channels(np.array(rows, np.int32))
    assert together == [catalogue.channel(row) for row in rows]


def table_of(ids: list[str]) -> pa.Table:
    words = {"class": "water.pressure", "group": "g", "criticality": "normal"}
    columns = [
        pa.array(ids, pa.string())
        if field.name == "id"
        else pa.array([1.0 if field.type == pa.float64() else words.get(field.name, "")] * len(ids))
        for field in SCHEMA
    ]
    table = pa.table(dict(zip(SCHEMA.names, columns, strict=True)))
    return table.cast(SCHEMA)


def test_words_that_nobody_uses_and_the_order_of_their_numbers_do_not_change_the_content() -> None:
    plain = table_of(["a", "b", "c"])
    words = pa.DictionaryArray.from_arrays(pa.array([2, 0, 2], pa.int32()), ["y", "no", "x"])
    other = pa.DictionaryArray.from_arrays(pa.array([0, 1, 0], pa.int32()), ["x", "y"])
    place = SCHEMA.get_field_index("street")
    one, two = (plain.set_column(place, SCHEMA.field("street"), w) for w in (words, other))
    assert content(one) == content(two)
    assert content(one).digest != content(plain).digest
    assert opened(content(one).data).column("street").to_pylist() == ["x", "y", "x"]
    assert opened(content(one).data).schema.field("street").type == WORD


def test_lanes_are_parts_of_one_table_whose_groups_live_there(tmp_path: Path) -> None:
    rows = [f"water.{i:02d}.p,water.pressure,a,water.g{i % 7}" for i in range(40)]
    files: dict[str, str | bytes] = {
        "water/catalogue.csv": "\n".join(["id,class,asset,group", *rows[::-1], ""])
    }
    plan = plan_of(loaded(tmp_path, files), "water")
    seen = []
    for lane in range(plan.partitions):
        catalogue = plan.parts(lane).catalogue
        assert list(catalogue.ids) == sorted(catalogue.ids)
        assert {home_lane(group, plan.partitions) for group in catalogue.groups()} <= {lane}
        seen += list(catalogue.ids)
    assert sorted(seen) == [row.split(",")[0] for row in rows]
    assert list(plan.catalogue.ids) == seen


def test_a_bundle_of_the_former_format_keeps_its_hash(tmp_path: Path) -> None:
    tags = "id,class,asset,group,tags\nwater.b.p,water.pressure,b,water.b,old\n"
    text = PACK + "overrides: {tag:old: {limit.hysteresis: 0.02}}\n"
    files: dict[str, str | bytes] = {"water/catalogue.csv": tags, "water/pressure.yaml": text}
    whole = loaded(tmp_path, files)
    head = msgspec.msgpack.decode(whole.bundle())
    table = whole.catalogue.table.drop_columns(["hash"])
    plain = [(f.name, pa.string() if f.type == WORD else f.type) for f in SCHEMA]
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, pa.schema(plain)) as writer:
        writer.write_table(table.cast(pa.schema(plain)))
    former = msgspec.msgpack.encode([1, head[1], head[2], sink.getvalue().to_pybytes()])
    back = Configuration.from_bundle(former, whole.settings, NOTHING.__getitem__)
    assert back.catalogue.table.equals(whole.catalogue.table)
    assert labels_of(back) == labels_of(whole) == ["water.pressure tag:old"]
    assert back.bundle() == former
    assert back.hash != whole.hash
    assert again(whole).hash == whole.hash


def test_halving_looks_at_few_ids() -> None:
    words = Words(pa.chunked_array([[f"{i:06d}" for i in range(100_000)]]))
    assert bisect_left(words, "070000") == RowOf(words, [0])["070000"] == 70_000
    assert in_order(table_of([]), 3).num_rows == 0
    assert np.array_equal(Catalogue(table_of([])).id_hashes, [])


@given(st.lists(TEXTS, max_size=40), st.lists(TEXTS, max_size=40), st.integers(1, 3))
def test_ids_looked_up_side_by_side_are_those_that_are_found_one_by_one(
    there: list[str], others: list[str], chunks: int
) -> None:
    runs = [sorted(set(there)), sorted(set(others[::2]) - set(there)), []]
    begins = [0, len(runs[0]), len(runs[0]) + len(runs[1])]
    row_of = RowOf(Words(pa.chunked_array(runs[:chunks], pa.string())), begins[:chunks])
    wanted = [*others, *there, ""]
    assert row_of.among(wanted).tolist() == [channel in row_of for channel in wanted]
    assert row_of.among([]).tolist() == []


def test_numbers_are_alike_where_words_are() -> None:
    """Also where a file names a word twice in its dictionary, or has one for each of its parts."""
    codes = np.array([0, 1, 2, 0], np.int32)
    twice = pa.DictionaryArray.from_arrays(codes, pa.array(["g-1", "g-2", "g-1"]))
    texts = {f.name: pa.array(["1"] * 4).cast(f.type) for f in SCHEMA if f.name != "group"}
    table = pa.table({**texts, "group": twice}, pa.schema([(f.name, f.type) for f in SCHEMA]))
    first, second, third, fourth = Catalogue(table).numbers("group").tolist()
    assert first == third == fourth != second
    parts = pa.concat_tables([table, table])
    assert len(set(Catalogue(parts).numbers("group").tolist())) == 2
