"""The bundle that governs lanes: equal content, equal bytes, everything comes back."""

from pathlib import Path

import pyarrow as pa
import pytest

from configuration.checks.folder import check, summary
from configuration.configuration import Configuration
from contracts.errors import ConfigError
from ingest.partitioner import home_lane
from tests.testkit.config_folder import CATALOGUE, PACK, again, folder_with, loaded

ROWS = [f"water.{name}.p,water.pressure,{name},water.{name}" for name in "abcdefgh"]
NOTHING: dict[str, pa.Buffer] = {}
FLOW = PACK.replace("water.pressure", "water.flow")


def catalogue_of(rows: list[str]) -> str:
    return "\n".join(["id,class,asset,group", *rows, ""])


def test_a_bundle_gives_back_what_went_into_it(tmp_path: Path) -> None:
    whole = loaded(tmp_path, {"water/flow.yaml": FLOW})
    back = again(whole)
    assert back.packs == whole.packs
    assert list(back.packs) == ["water.flow", "water.pressure"]
    assert back.partitions == {"water": 4}
    assert back.catalogue.table.equals(whole.catalogue.table)
    assert back.bundle() == whole.bundle()
    assert back.hash == whole.hash


def test_neither_the_path_of_the_folder_nor_the_order_of_rows_changes_the_bundle(
    tmp_path: Path,
) -> None:
    first = loaded(tmp_path / "one", {"water/catalogue.csv": catalogue_of(ROWS)})
    second = loaded(tmp_path / "two/deep", {"water/catalogue.csv": catalogue_of(ROWS[::-1])})
    assert first.bundle() == second.bundle()


def test_what_is_the_workers_own_does_not_change_the_bundle(tmp_path: Path) -> None:
    settings = 'kafka: {bootstrap: "k:1"}\nstate: s3://b/c\nlifelines: {water: {partitions: 4}}\n'
    other = loaded(tmp_path / "other", {"tocsin.yaml": settings})
    assert other.hash == loaded(tmp_path / "one", {}).hash


@pytest.mark.parametrize(
    "change",
    [
        {"water/pressure.yaml": PACK.replace("0.14", "0.13")},
        {"water/pressure.yaml": PACK.replace("limit:", "\nlimit:", 1)},
        {"water/catalogue.csv": CATALOGUE.replace(",a,", ",b,")},
        {"tocsin.yaml": 'kafka: {bootstrap: "k:1"}\nlifelines: {water: {partitions: 5}}\n'},
    ],
)
def test_what_governs_a_lane_changes_the_hash(
    change: dict[str, str | bytes], tmp_path: Path
) -> None:
    before, after = loaded(tmp_path / "one", {}), loaded(tmp_path / "two", change)
    assert before.hash != after.hash
    assert len(after.hash) == 16


@pytest.mark.parametrize(
    "data", [b"", b"\x94\x01\x80\x90\xc4\x01x", b"\x93\x01\x80\x90", b"\x93\x02\x80\x90"]
)
def test_other_bytes_are_refused_as_a_bundle(data: bytes, tmp_path: Path) -> None:
    settings = loaded(tmp_path, {}).settings
    with pytest.raises(ConfigError, match="bundle: expected a configuration bundle, got an error"):
        Configuration.from_bundle(data, settings, NOTHING.__getitem__)


def test_a_bundle_of_another_format_is_refused(tmp_path: Path) -> None:
    whole = loaded(tmp_path, {})
    data = b"\x94\x09" + whole.bundle()[2:]
    with pytest.raises(ConfigError, match="bundle: expected format 2, got 9"):
        Configuration.from_bundle(data, whole.settings, NOTHING.__getitem__)


@pytest.mark.parametrize(
    ("group", "hashed"),
    [
        ("21", -973932308),
        ("foobar", -790332482),
        ("a-little-bit-long-string", -985981536),
        ("a-little-bit-longer-string", -1486304829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
    ],
)
def test_a_group_lives_where_kafkas_java_client_puts_its_key(group: str, hashed: int) -> None:
    # Vectors of `UtilsTest.testMurmur2` of Apache Kafka; toPositive masks the sign bit.
    assert home_lane(group, 1 << 31) == hashed & 0x7FFFFFFF
    assert home_lane(group, 4) == (hashed & 0x7FFFFFFF) % 4


def test_a_good_folder_is_summed_up(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, {"water/catalogue.csv": catalogue_of(ROWS)})
    assert check(folder, {}) == []
    lines = summary(Configuration.load(folder, {}))
    assert lines[0] == "water: 8 channels in 4 lanes (3 + 2 + 1 + 2)"
    assert lines[1] == (
        "  water.pressure: 8 channels in MPa every 60 s, rules limit, unusual, silent"
    )
    assert lines[2].startswith("    false alarms on clean data: unusual ")
    assert lines[3].startswith("false alarms on clean data: ")
    assert lines[4].startswith("configuration ")
