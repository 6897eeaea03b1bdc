"""Exports as historians write them: every cell by its own worth, or refused with its place."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.errors import ConfigError
from lab.data.export_files import Source, open_csv, open_parquet
from lab.data.export_sheet import Long, Named, Sheet, TimeColumn
from lab.data.open_data import open_data
from lab.data.readings import Names
from runtime.installation import HOME

SHARED = HOME.parent / "shared" / "cases"
NOON = "2026-03-02T12:00:00Z"


def whole(source: Source) -> tuple[list[float], list[int]]:
    """Values and times of a source, by arrival."""
    blocks = list(source.blocks())
    values = [float(value) for block in blocks for value in block.value]
    return values, [int(time) for block in blocks for time in block.time_ns]


def long_of(
    tmp_path: Path, cells: list[str], sheet: Sheet | None = None, sign: str = ","
) -> Source:
    """A long CSV with a reading a minute."""
    path = tmp_path / "a.csv"
    rows = [f"a{sign}2026-03-02T12:{i:02}:00Z{sign}{cell}" for i, cell in enumerate(cells)]
    path.write_text("\n".join([sign.join(("channel", "time", "value")), *rows]) + "\n")
    return open_csv(path, sheet or Sheet(delimiter=sign), Names())


def times_of(tmp_path: Path, cells: list[str], **how: str) -> Source:
    """A long CSV of one channel with these times."""
    path = tmp_path / "t.csv"
    rows = "".join(f"a;{cell};{i}\n" for i, cell in enumerate(cells))
    path.write_text("channel;time;value\n" + rows)
    return open_csv(path, Sheet(time=TimeColumn(**how), delimiter=";"), Names())  # type: ignore[arg-type]


def hour(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp()) * 10**9


@pytest.mark.parametrize(
    ("cells", "decimal", "numbers"),
    [
        (["0,31", "Bad Input", "-1,5", "2"], ",", [0.31, None, -1.5, 2]),
        (["1.234,5", "1.234", "1,5"], ",", [None, None, 1.5]),
        (["3.1E-01", "Bad", "3.1e-01", "+4"], ".", [0.31, None, 0.31, 4]),
        (["1", '"1,234.5"', "0.31 MPa", "5 %", ".5", "5."], ".", [1, None, None, None, 0.5, 5]),
        (["1", "9223372036854775807"], ".", [1, 2**63]),
        (["18446744073709551615", "1"], ".", [2**64, 1]),
        (["true", "On", "1", ""], ".", [None, None, 1, None]),
        ([" 4 ", "NaN", "inf"], ".", [4, None, None]),
    ],
)
def test_one_cell_never_decides_how_the_others_are_read(
    tmp_path: Path, cells: list[str], decimal: str, numbers: list[float | None]
) -> None:
    sheet = Sheet(decimal=decimal, delimiter=";") if decimal == "," else None
    found, _ = whole(long_of(tmp_path, cells, sheet, ";" if sheet else ","))
    assert [value if np.isfinite(value) else None for value in found] == numbers


def test_words_and_states_have_declared_numbers_and_some_are_holes(tmp_path: Path) -> None:
    sheet = Sheet(values={"Open": 1, "Closed": 0, "true": 2}, holes=["NULL", "-9999"])
    found, times = whole(
        long_of(tmp_path, ["open", "CLOSED", "True", "null", "-9999.0", "3"], sheet)
    )
    assert found == [1, 0, 2, 3]
    assert [time - times[0] for time in times] == [i * 60 * 10**9 for i in (0, 1, 2, 5)]


def test_wide_and_long_agree_about_words_and_a_hole_is_no_reading(tmp_path: Path) -> None:
    path = tmp_path / "w.csv"
    path.write_text(f"time,a,b\n{NOON},Bad,1\n2026-03-02T12:01:00Z,2,\n")
    found = open_csv(path, Sheet(), Names())
    np.testing.assert_equal(whole(found)[0], [np.nan, 1, 2])
    assert found.find(0, hour(NOON), finite=False) == (
        f"{path}:2:2: 'Bad' (declare `values: {{Bad: number}}` if it stands for one)"
    )


@pytest.mark.parametrize(
    ("column", "numbers"),
    [
        (pa.array([2**63 - 1, None], pa.int64()), [float(2**63), None]),
        (pa.array([2**64 - 1, 1], pa.uint64()), [float(2**64), 1.0]),
        (pa.array(["1.5", "Bad"]).dictionary_encode(), [1.5, None]),
        (pa.array([True, False]), [None, None]),
        (pa.array([1, 2], pa.int64()).cast(pa.decimal128(25, 2)), [1.0, 2.0]),
    ],
)
def test_parquet_of_any_number_type_is_read(
    tmp_path: Path, column: pa.Array, numbers: list[float | None]
) -> None:
    times = pa.array([0, 60_000], pa.int64())
    table = pa.table({"channel": ["a", "a"], "time": times, "value": column})
    pq.write_table(table, tmp_path / "a.parquet")
    found, _ = whole(open_parquet(tmp_path / "a.parquet", Sheet(), Names()))
    assert [value if np.isfinite(value) else None for value in found] == numbers


def test_a_column_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"time,a,a\n{NOON},1,2\n")
    with pytest.raises(ConfigError, match="the column `a` once, got it as 2 and 3"):
        open_csv(path, Sheet(), Names())
    path.write_text(f"time,a,b\n{NOON},1,2\n")
    with pytest.raises(ConfigError, match="one column of x, got `a` and `b`"):
        open_csv(path, Sheet(wide={"a": Named("x"), "b": Named("x")}), Names())


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "gbk"])
def test_a_file_that_is_not_utf8_is_named_and_read_when_it_says_so(
    tmp_path: Path, encoding: str
) -> None:
    path = tmp_path / "a.csv"
    column = "压力" if encoding == "gbk" else "Druck °bar"
    path.write_bytes(f"time,{column}\n{NOON},0.31\n".encode(encoding))
    wide = {column: Named("a")}
    with pytest.raises(ConfigError, match=r"a\.csv:1: expected UTF-8, got other bytes; save"):
        open_csv(path, Sheet(wide=wide), Names())
    assert whole(open_csv(path, Sheet(wide=wide, encoding=encoding), Names()))[0] == [0.31]
    with pytest.raises(ConfigError, match="`encoding:`: expected one as utf-8"):
        open_csv(path, Sheet(encoding="latin-99"), Names())


@pytest.mark.parametrize(
    ("cell", "how", "utc"),
    [
        ("2026-03-02T08:00:00+08", {}, "2026-03-02T00:00:00Z"),
        (" 2026-03-02 08:00:00,000 +08:00", {}, "2026-03-02T00:00:00Z"),
        ("1772409600", {"epoch": "s"}, "2026-03-02T00:00:00Z"),
        ("1772409600.000", {"epoch": "s"}, "2026-03-02T00:00:00Z"),
        ("1772409600000", {}, "2026-03-02T00:00:00Z"),
        ("46083.5", {"epoch": "spreadsheet", "zone": "+08"}, "2026-03-02T04:00:00Z"),
        (
            "02.03.2026 09:00:00.000",
            {"format": "%d.%m.%Y %H:%M:%S.%f", "zone": "Europe/Berlin"},
            "2026-03-02T08:00:00Z",
        ),
        (
            "2026/07/02 09:00:00 CEST",
            {"format": "%Y/%m/%d %H:%M:%S %Z", "zone": "Europe/Berlin"},
            "2026-07-02T07:00:00Z",
        ),
        ("2026/03/02 09:00 +0800", {"format": "%Y/%m/%d %H:%M %z"}, "2026-03-02T01:00:00Z"),
    ],
)
def test_times_are_read_as_they_are_declared(
    tmp_path: Path, cell: str, how: dict[str, str], utc: str
) -> None:
    assert whole(times_of(tmp_path, [cell], **how))[1] == [hour(utc)]


@pytest.mark.parametrize(
    ("cells", "how", "said"),
    [
        (
            ["2026/03/02 09:00 CET"],
            {"format": "%Y/%m/%d %H:%M %Z", "zone": "UTC"},
            r"t\.csv:2:2: column `time`: expected a zone as \+08:00 or a name of `zone: UTC`, "
            "got 'CET'",
        ),
        ([NOON, "yesterday"], {}, r"t\.csv:3:2: column `time`: expected times, got 'yesterday'"),
        ([NOON, ""], {}, r"t\.csv:3:2: column `time`: expected a time in every row, got none"),
        (["1772409600000"], {"epoch": "s"}, "which is no `epoch: s`"),
        (["2026-03-02"], {"zone": "Europe/Berlim"}, "`zone:`: expected a name as Europe/Berlin"),
        (["09:00:00.5 1.2.2026"], {"format": "%H:%M:%S.%f %d.%m.%Y"}, "at the end of a format"),
    ],
)
def test_a_time_that_cannot_be_read_is_refused_with_its_place(
    tmp_path: Path, cells: list[str], how: dict[str, str], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        times_of(tmp_path, cells, **how)


def test_seconds_read_as_milliseconds_are_said(tmp_path: Path) -> None:
    (note,) = times_of(tmp_path, ["1772409600"]).notes
    assert "t.csv:2:2: 1 times lie before 1980, '1772409600' in 1970" in note


@pytest.mark.parametrize("falling", [False, True])
@pytest.mark.parametrize("minutes", [1, 60])
def test_the_hour_that_comes_twice_is_settled_by_the_order_of_the_file(
    tmp_path: Path, minutes: int, *, falling: bool
) -> None:
    begin, zone = datetime(2026, 10, 24, 22, tzinfo=UTC), ZoneInfo("Europe/Berlin")
    utc = [begin + timedelta(minutes=i) for i in range(0, 360, minutes)]
    cells = [f"{time.astimezone(zone):%Y-%m-%d %H:%M:%S}" for time in utc]
    found = times_of(tmp_path, cells[::-1] if falling else cells, zone="Europe/Berlin")
    assert whole(found)[1] == [round(time.timestamp()) * 10**9 for time in utc]
    assert found.notes == []


def test_an_hour_in_disorder_is_refused_and_one_that_never_was_is_said(tmp_path: Path) -> None:
    cells = [f"2026-10-25 02:{minute}:00" for minute in (10, 20, 15, 30, 25)]
    with pytest.raises(
        ConfigError, match="the hour that comes twice in Europe/Berlin in the order"
    ):
        times_of(tmp_path, ["2026-10-25 00:00:00", *cells], zone="Europe/Berlin")
    found = times_of(tmp_path, ["2026-03-29 02:30:00"], zone="Europe/Berlin")
    assert whole(found)[1] == [hour("2026-03-29T01:30:00Z")]
    assert "1 times in an hour that Europe/Berlin leaves out" in found.notes[0]


def test_names_in_a_template_are_mapped_and_lowered(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"time,station,in\n{NOON},East Gate,1\n{NOON},WEST,2\n")
    names = Names()
    wide = {"in": Named("m.{station:lower}.in")}
    open_csv(path, Sheet(wide=wide, names={"station": {"East Gate": "East-1"}}), names)
    assert sorted(names.ids) == ["m.east-1.in", "m.west.in"]
    path.write_text(f"time,station,in\n{NOON},,1\n")
    with pytest.raises(ConfigError, match=r"a\.csv:2:2: expected a part of a channel id, got none"):
        open_csv(path, Sheet(wide=wide), Names())


def test_quality_is_a_word_a_number_nothing_or_a_declared_code(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"

    def read(cells: list[str], sheet: Sheet | None = None) -> list[int]:
        rows = [f"a,2026-03-02T12:{i:02}:00Z,1,{cell}\n" for i, cell in enumerate(cells)]
        path.write_text("channel,time,value,quality\n" + "".join(rows))
        (block,) = open_csv(path, sheet or Sheet(), Names()).blocks()
        quality: list[int] = block.quality.tolist()
        return quality

    assert read(["", "Good ", "BAD", "uncertain", "0", "2"]) == [0, 0, 2, 1, 0, 2]
    assert read(["", "", ""]) == [0, 0, 0]
    opc = Sheet(qualities={"192": "good", "0": "bad", "64": "uncertain"})
    assert read(["192", "0", "64", ""], opc) == [0, 2, 1, 0]
    with pytest.raises(ConfigError, match=r"a\.csv:3:4: expected the qualities .*, got '192'"):
        read(["good", "192"])


FIGURES = st.floats(-1e6, 1e6, allow_nan=False).map(lambda x: round(x, 4))
CELLS = st.lists(st.lists(FIGURES | st.none() | st.just("Bad"), min_size=2, max_size=2), max_size=6)


SHANGHAI = ZoneInfo("Asia/Shanghai")
FORMS: dict[str, tuple[TimeColumn, Callable[[datetime], str]]] = {
    "iso": (TimeColumn(), lambda t: t.isoformat()),
    "local": (
        TimeColumn(zone="Asia/Shanghai"),
        lambda t: f"{t.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}",
    ),
    "s": (TimeColumn(epoch="s"), lambda t: f"{t.timestamp():.0f}"),
    "ms": (TimeColumn(), lambda t: f"{t.timestamp() * 1_000:.0f}"),
    "ns": (TimeColumn(epoch="ns"), lambda t: f"{round(t.timestamp()) * 10**9}"),
    "spreadsheet": (
        TimeColumn(zone="UTC", epoch="spreadsheet"),
        lambda t: f"{t.timestamp() / 86_400 + 25_569:.9f}",
    ),
    "noon": (
        TimeColumn(zone="UTC", format="%d-%b-%y %I:%M:%S %p"),
        lambda t: f"{t:%d-%b-%y %I:%M:%S %p}",
    ),
    "offset": (
        TimeColumn(format="%Y%m%d %H%M%S %z"),
        lambda t: f"{t.astimezone(SHANGHAI):%Y%m%d %H%M%S %z}",
    ),
    "fraction": (TimeColumn(epoch="s"), lambda t: f"{t.timestamp():.3f}"),
    "format": (
        TimeColumn(zone="UTC", format="%d/%m/%Y %H:%M:%S.%f"),
        lambda t: f"{t:%d/%m/%Y %H:%M:%S.%f}",
    ),
}
Rows = list[list[float | str | None]]


def wide_and_long(times: list[str], rows: Rows, decimal: str) -> dict[str, list[list[str]]]:
    """The same readings as cells of both kinds of files."""

    def cell(value: float | str | None) -> str:
        text = "" if value is None else str(value)
        return text if value == "Bad" else text.replace(".", decimal)

    wide = [[time, *map(cell, row)] for time, row in zip(times, rows, strict=True)]
    long = [
        [time, name, cell(value)]
        for time, row in zip(times, rows, strict=True)
        for name, value in zip("ab", row, strict=True)
        if value is not None
    ]
    return {"wide": [["time", "a", "b"], *wide], "long": [["time", "channel", "value"], *long]}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    CELLS.filter(bool),
    st.sampled_from([(".", ","), (",", ";"), (".", "\t"), (",", "|")]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252", "gbk"]),
    st.sampled_from(sorted(FORMS)),
)
def test_a_table_in_any_declared_form_is_read_to_the_same_columns(
    tmp_path_factory: pytest.TempPathFactory,
    rows: Rows,
    signs: tuple[str, str],
    encoding: str,
    form: str,
) -> None:
    (decimal, delimiter), (how, write) = signs, FORMS[form]
    begin = datetime(2026, 3, 2, tzinfo=UTC)
    times = [begin + timedelta(minutes=i) for i in range(len(rows))]
    there = [(time, v) for time, row in zip(times, rows, strict=True) for v in row if v is not None]
    folder = tmp_path_factory.mktemp("forms")
    for name, table in wide_and_long([write(time) for time in times], rows, decimal).items():
        path = folder / f"{name}.csv"
        text = "\n".join(delimiter.join(row) for row in table) + "\n"
        path.write_bytes(text.encode(encoding))
        declared = Long() if name == "long" else None
        sheet = Sheet(
            time=how, long=declared, decimal=decimal, delimiter=delimiter, encoding=encoding
        )
        cells = pa.table({name: list(cells) for name, *cells in zip(*table, strict=True)})
        pq.write_table(cells, folder / f"{name}.parquet")
        for source in (
            open_csv(path, sheet, Names()),
            open_parquet(folder / f"{name}.parquet", sheet, Names()),
        ):
            values, at = whole(source)
            np.testing.assert_equal(values, [np.nan if v == "Bad" else v for _, v in there])
            assert at == [round(time.timestamp()) * 10**9 for time, _ in there]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(sorted(FORMS)),
    st.integers(0, 3),
    st.sampled_from(["", "yesterday", "31.02.2026", "2026-13-01 00:00:00", "-5", "1e400", "٣"]),
)
def test_a_time_in_another_form_is_refused_with_its_place_in_any_declared_form(
    tmp_path_factory: pytest.TempPathFactory, form: str, row: int, cell: str
) -> None:
    how, write = FORMS[form]
    begin = datetime(2026, 3, 2, tzinfo=UTC)
    times = [write(begin + timedelta(minutes=i)) for i in range(4)]
    times[row] = cell
    path = tmp_path_factory.mktemp("refused") / "a.csv"
    path.write_text("time;channel;value\n" + "".join(f"{time};a;1\n" for time in times))
    with pytest.raises(ConfigError) as caught:
        open_csv(path, Sheet(time=how, delimiter=";"), Names())
    assert f"a.csv:{row + 2}:1: column `time`: expected" in str(caught.value)


# File below the cases: readings, those without a number, and an error instead.
KNOWN: dict[str, tuple[int, int] | str] = {
    "01-decimal-comma-one-bad-input/a.csv": (135, 1),
    "01-decimal-comma-one-bad-input/clean/a.csv": (135, 0),
    "02-exponent-with-bad/a.csv": (135, 1),
    "02-exponent-with-bad/b.csv": (135, 1),
    "04-format-fraction/a.csv": (135, 0),
    "08-format-with-zone-name/a.csv": "got 'CET'; declare the zone",
    "09-cp1252-header/a.csv": "a.csv:1: expected UTF-8",
    "12-autumn-hour-twice/a.csv": (360, 0),
    "14-big-integers/a.csv": (135, 0),
    "14-big-integers/b.csv": (135, 0),
    "14-big-integers/c.csv": (135, 0),
    "14-big-integers/a.jsonl": (135, 0),
    "15-epochs/f/a.csv": (135, 0),
    "15-epochs/s/a.csv": (135, 0),
    "17-quality-cells/a.csv": (135, 0),
    "17-quality-cells/b.csv": "b.csv:2:4: expected the qualities good, uncertain or bad, got '192'",
    "17-quality-cells/c.csv": (135, 0),
    "17-quality-cells/d.csv": (135, 0),
    "18-numbers-with-more/a.csv": (135, 1),
    "18-numbers-with-more/b.csv": (135, 135),
    "18-numbers-with-more/c.csv": (135, 135),
    "40-column-twice/a.csv": "the column `water.dma-0401.pressure` once",
    "40-column-twice/b.csv": "the column `water.dma-0401.pressure` once",
}


@pytest.mark.skipif(not SHARED.is_dir(), reason="the folder of cases is not beside this checkout")
@pytest.mark.parametrize("case", KNOWN)
def test_a_case_from_a_public_bug_report_is_read_as_is_right(case: str) -> None:
    right = KNOWN[case]
    if isinstance(right, str):
        with pytest.raises(ConfigError) as caught:
            open_data(SHARED / case)
        assert right in str(caught.value)
        return
    data = open_data(SHARED / case)
    values = np.concatenate([block.value for block in data.blocks()])
    assert (len(values), int((~np.isfinite(values)).sum())) == right
    assert bool(data.sources[0].notes) == (case == "15-epochs/s/a.csv")
