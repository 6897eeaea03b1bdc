"""Exports of historians: long and wide, CSV and Parquet, local time, units, words for values."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ConfigError
from lab.data.export_files import Sizes, Source, open_csv, open_lines, open_parquet
from lab.data.export_sheet import Long, Named, Sheet, TimeColumn
from lab.data.readings import Ahead, Names, Readings, merged

SMALL = Sizes(block=2, sorted_max=0)
SHANGHAI = TimeColumn(column="TS", zone="Asia/Shanghai")


def rows(source: Source, names: Names) -> list[tuple[str, str, float]]:
    """Readings as (channel, time in UTC, value)."""
    found = []
    for block in source.blocks():
        for code, time_ns, value in zip(block.code, block.time_ns, block.value, strict=True):
            at = datetime.fromtimestamp(time_ns / 1e9, UTC)
            found.append((names.ids[code], f"{at:%m-%d %H:%M}", float(value)))
    return found


def test_a_wide_csv_in_local_time_has_a_reading_a_cell_and_none_for_a_hole(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("TS;P 1;P 2\n2022-03-20 11:00;0,5;\n2022-03-20 10:00;0,25;7\n")
    wide = {"P 1": Named("a.p", "kPa"), "P 2": Named("b.p")}
    sheet = Sheet(time=SHANGHAI, wide=wide, delimiter=";", decimal=",")
    names = Names()
    assert rows(open_csv(path, sheet, names), names) == [
        ("a.p", "03-20 02:00", 0.25),
        ("b.p", "03-20 02:00", 7.0),
        ("a.p", "03-20 03:00", 0.5),
    ]
    assert names.units == {"a.p": "kPa"}


def test_a_long_csv_names_its_tags_and_its_words_are_no_numbers(tmp_path: Path) -> None:
    path = tmp_path / "pi.csv"
    path.write_text("TAG,TS,VAL\nPI.1,20.03.2022 11:00:00,Bad\nPI.2,20.03.2022 10:00:00, 4 \n")
    when = TimeColumn(column="TS", zone="+08:00", format="%d.%m.%Y %H:%M:%S")
    sheet = Sheet(time=when, long=Long("TAG", "VAL"), channels={"PI.1": Named("a.p")})
    names = Names()
    first, second = rows(open_csv(path, sheet, names), names)
    assert first == ("PI.2", "03-20 02:00", 4.0)
    assert second[:2] == ("a.p", "03-20 03:00")
    assert np.isnan(second[2])


def test_a_channel_may_be_named_by_other_columns(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("time,station,in,out\n2022-01-01T00:00Z,east,1,2\n2022-01-01T00:00Z,west,3,4\n")
    sheet = Sheet(wide={side: Named("m.{station}." + side) for side in ("in", "out")})
    names = Names()
    found = {name: value for name, _, value in rows(open_csv(path, sheet, names), names)}
    assert found == {"m.east.in": 1, "m.east.out": 2, "m.west.in": 3, "m.west.out": 4}


@pytest.mark.parametrize(
    ("text", "sheet", "said"),
    [
        ("time,a\n2022-01-01 00:00,1\n", Sheet(), "expected times with a zone, got local ones"),
        ("when,a\n2022-01-01 00:00,1\n", Sheet(), "expected a column `time`, got when, a"),
        ("time,a\nyesterday,1\n", Sheet(), "column `time`: expected times, got"),
        ("time,a\n1969-01-01T00:00Z,1\n", Sheet(), "expected times from 1970 to 2200"),
        (
            "time,channel,value,quality\n2022-01-01T00:00Z,a,1,dubious\n",
            Sheet(),
            "expected the qualities good, uncertain or bad",
        ),
    ],
)
def test_what_is_wrong_with_an_export_is_said(
    tmp_path: Path, text: str, sheet: Sheet, said: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said):
        open_csv(path, sheet, Names())


def parquet(path: Path, hours: list[int], ids: list[str], zone: str | None = "UTC") -> Path:
    """A long file with a reading of each channel at each hour, in the order given."""
    begin = datetime(2022, 1, 1)  # noqa: DTZ001 - the column says which zone
    times = [begin + timedelta(hours=hour) for hour in hours for _ in ids]
    kind = pa.timestamp("us", zone)
    columns = {
        "channel": pa.array(ids * len(hours)),
        "time": pa.array(times, pa.timestamp("us")).cast(kind) if zone else pa.array(times, kind),
        "value": pa.array([float(i) for i in range(len(times))]),
    }
    pq.write_table(pa.table(columns), path, row_group_size=4)
    return path


def test_small_parquet_is_put_into_order_and_large_must_be(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", [2, 0, 1], ["a", "b"])
    names = Names()
    small = rows(open_parquet(path, Sheet(), names), names)
    assert [row[2] for row in small] == [2.0, 3.0, 4.0, 5.0, 0.0, 1.0]
    names = Names()
    ordered = parquet(tmp_path / "b.parquet", [0, 1, 2], ["a", "b"])
    large = open_parquet(ordered, Sheet(), names, SMALL)
    assert large.channels() == {0, 1}
    assert [row[2] for row in rows(large, names)] == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    with pytest.raises(ConfigError, match="expected 6 readings by time, got them unsorted"):
        rows(open_parquet(path, Sheet(), names, SMALL), names)


def test_local_parquet_needs_a_zone_and_wide_parquet_is_read_in_parts(tmp_path: Path) -> None:
    local = parquet(tmp_path / "a.parquet", [0], ["a"], None)
    with pytest.raises(ConfigError, match="got local ones; declare"):
        open_parquet(local, Sheet(), Names())
    names = Names()
    found = open_parquet(local, Sheet(time=TimeColumn(zone="Asia/Shanghai")), names)
    assert rows(found, names) == [("a", "12-31 16:00", 0.0)]
    stamps = pa.array([0, 3_600_000, 7_200_000], pa.int64())
    never = pa.array([None, None, None], pa.float64())
    table = pa.table({"time": stamps, "a": [None, None, 2.0], "b": [3.0, 4.0, 5.0], "c": never})
    pq.write_table(table, tmp_path / "w.parquet")
    names = Names()
    wide = open_parquet(tmp_path / "w.parquet", Sheet(), names, SMALL)
    assert wide.count == 9
    assert {names.ids[code] for code in wide.channels()} == {"a", "b"}
    assert [row[2] for row in rows(wide, names)] == [3.0, 4.0, 2.0, 5.0]


def test_lines_keep_their_order_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    lines = [
        {"channel": "a", "time": 7_200_000, "value": 1},
        {"channel": "a", "time": 0, "value": 2},
    ]
    path.write_text("\n".join(map(json.dumps, lines)) + "\n\n")
    names = Names()
    (block,) = open_lines(path, names).blocks()
    assert block.value.tolist() == [1.0, 2.0]
    assert block.arrival_ns.tolist() == [7_200_000_000_000] * 2
    path.write_text("\n")
    assert open_lines(path, names).count == 0
    path.write_text('{"channel": "a", "time": "never", "value": 1}\n')
    with pytest.raises(ConfigError, match=r"a\.jsonl:1"):
        open_lines(path, names)


@given(
    st.lists(st.lists(st.integers(0, 20), max_size=12).map(sorted), max_size=4),
    st.integers(1, 5),
    st.lists(st.booleans(), min_size=1, max_size=4),
)
def test_merging_in_parts_equals_sorting_all(
    sources: list[list[int]], size: int, told: list[bool]
) -> None:
    def blocks(source: int) -> list[Readings]:
        time = np.array(sources[source], np.int64)
        code = np.full(len(time), source, np.int32)
        whole = Readings(code, time, time.astype(float), np.zeros(len(time), np.uint8), time)
        return [whole.cut(first, first + size) for first in range(0, len(time), size)]

    def ahead(source: int) -> Ahead:
        begins_ns = sources[source][0] if sources[source] and told[source % len(told)] else -1
        return Ahead(begins_ns, iter(blocks(source)))

    found = list(merged(ahead(source) for source in range(len(sources))))
    order = [
        (int(t), int(c)) for part in found for t, c in zip(part.time_ns, part.code, strict=True)
    ]
    assert order == sorted((t, i) for i, times in enumerate(sources) for t in times)


def test_a_file_is_read_when_its_time_has_come(tmp_path: Path) -> None:
    names = Names()
    files = [
        open_parquet(parquet(tmp_path / f"{day}.parquet", [24 * day], ["a"]), Sheet(), names)
        for day in range(5)
    ]
    begun: list[int] = []

    def blocks(day: int) -> Iterator[Readings]:
        begun.append(day)
        yield from files[day].blocks()

    order = [4, 0, 3, 1, 2]
    for place, _ in enumerate(merged(Ahead(files[day].begin_ns, blocks(day)) for day in order)):
        assert begun == list(range(place + 1))
    assert [file.begin_ns for file in files] == sorted(file.begin_ns for file in files)
