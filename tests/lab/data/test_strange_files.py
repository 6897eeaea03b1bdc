"""Files as spreadsheets, historians and gateways write them: read to the right columns, or refused.

A row is a file, what is declared of it, and either its readings and what is said, or the refusal.
"""

import gzip
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from contracts.errors import ConfigError, DecodeError
from lab.data.look import lines, understood
from lab.data.open_data import open_data

AT = [f"2026-03-02T08:0{minute}:00Z" for minute in range(4)]
BEGIN_NS = 1_772_438_400 * 10**9
READING = '{"channel": "a", "time": "2026-03-02T08:00:00Z", "value": 1}'
NAN = float("nan")


def long(*cells: str, sign: str = ",", head: str = "channel time value") -> str:
    """A long CSV of one channel with a reading a minute."""
    rows = [sign.join(("a", AT[i], cell)) for i, cell in enumerate(cells)]
    return "".join(f"{row}\n" for row in (sign.join(head.split()), *rows))


def at(*cells: str) -> str:
    """A long CSV of one channel with readings of 0, 1, … at these times."""
    return "channel;time;value\n" + "".join(f"a;{cell};{i}\n" for i, cell in enumerate(cells))


def line(**changed: str) -> str:
    """A JSON reading with some members written in another way."""
    members = {"channel": '"a"', "time": f'"{AT[0]}"', "value": "1", **changed}
    return "{" + ", ".join(f'"{name}": {text}' for name, text in members.items()) + "}\n"


@dataclass(frozen=True)
class Case:
    """A file and what is right about it.

    Parameters
    ----------
    body : str or bytes
    declared : str
        Of its columns, as `columns.yaml` has it.
    values : list of float
        By arrival; NaN is a reading without a number.
    minutes : list of float, optional
        Times behind 08:00 UTC.
    said : str
        Part of what `tocsin look` says of it, or of the refusal where `values` is None.
    name : str
        Of the file.
    """

    body: str | bytes
    declared: str = ""
    values: list[float] | None = field(default=None, kw_only=True)
    minutes: list[float] | None = field(default=None, kw_only=True)
    said: str = field(default="", kw_only=True)
    name: str = field(default="x.csv", kw_only=True)


def form(text: str, zone: str = "UTC") -> str:
    """Declaration of a format of times."""
    return f'delimiter: ";"\n    time: {{format: "{text}", zone: "{zone}"}}'


SEMICOLON = 'delimiter: ";"'
COMMA = SEMICOLON + '\n    decimal: ","'
EPOCH_S = SEMICOLON + "\n    time: {epoch: s}"
UTC_ZONE = SEMICOLON + '\n    time: {zone: "UTC"}'
SEPARATOR = "alone; declare `decimal:`, export no separators"
PLAIN = "export plain numbers"
UNREAL = "expected a day and second that exist, got "

TEXTS: dict[str, Case] = {
    # What programs put before, behind and between rows.
    "byte order mark": Case(long("1", "2").encode("utf-8-sig"), values=[1, 2]),
    "mark before time": Case(f"\ufefftime,a\n{AT[0]},1\n", values=[1]),
    "sep line": Case(
        "\ufeffsep=;\r\n" + long("1", sign=";"), SEMICOLON, said="x.csv:1: expected CSV"
    ),
    "separator at each end": Case(
        f"time,a,\n{AT[0]},1,\n",
        values=[1],
        said="no name over 1 of the columns (3), which are left",
    ),
    "two separators": Case(
        f"time,a,,\n{AT[0]},1,,\n", values=[1], said="(3, 4), which are left out"
    ),
    "index of pandas": Case(f",time,a\n0,{AT[0]},1\n", values=[1], said="columns (1), which are"),
    "separators in rows alone": Case(
        f"time,a\n{AT[0]},1,\n", said="x.csv:2: expected as many cells"
    ),
    "comments before": Case(
        "# by X\n# on Y\n" + long("1"), said="x.csv:3: expected as many cells as"
    ),
    "footer": Case(
        long("1") + "(1 row affected)\n", said="x.csv:3: expected as many cells as the head"
    ),
    "cut off": Case(
        long("1") + "a,2026\n", said="x.csv:3: expected as many cells as the head line"
    ),
    "one cell more": Case(
        long("1") + f"a,{AT[1]},1,5\n", said="has (3), got 4; leave lines before"
    ),
    "units below the head": Case(f"time,a\n,MPa\n{AT[0]},1\n", said="x.csv:2:1: column `time`"),
    "sum at the end": Case(f"time,a\n{AT[0]},1\nTotal,1\n", said="x.csv:3:1: column `time`"),
    "all kinds of line ends": Case(
        f"channel,time,value\r\na,{AT[0]},1\na,{AT[1]},2\r\na,{AT[2]},3\r", values=[1, 2, 3]
    ),
    "carriage returns": Case(long("1", "2").replace("\n", "\r"), values=[1, 2]),
    "blank lines": Case(
        "\n\n" + long("1", "Bad").replace("\n", "\n\n"), values=[1, NAN], said=":7:3: "
    ),
    "line breaks in other columns": Case(
        f'channel,time,value,note\na,{AT[0]},1,"x\ny"\na,{AT[1]},Bad,z\n',
        values=[1, NAN],
        said="x.csv:4:3: 'Bad'",
    ),
    "quote never closed in a value": Case(
        long('"1', "2"), said="x.csv:3:3: expected a number or a word on one line"
    ),
    "quote never closed in a note": Case(
        f'channel,time,value,note\na,{AT[0]},1,"x\na,{AT[1]},2,y\na,{AT[2]},3,z"\n',
        values=[1],
        said="2 lines are inside quotes and no rows; is a quote not closed?",
    ),
    "inches": Case(f'channel,time,value,note\na,{AT[0]},1,12" main\n', values=[1]),
    "header alone": Case("channel,time,value\n", values=[], said="no readings in it"),
    "nothing": Case("", said="expected CSV with a head line, got 'Empty CSV file'"),
    "other delimiter": Case(
        long("1", sign="\t"), said='declare `delimiter: "\\t"` in columns.yaml'
    ),
    "capital letters": Case(long("1", head="Channel Time Value"), said="got Channel, Time, Value"),
    "padded names": Case(f"channel,time,value\n a  ,{AT[0]},1\na,{AT[1]},2\n", values=[1, 2]),
    "no order, rows twice": Case(
        f"channel,time,value\na,{AT[2]},3\na,{AT[0]},1\na,{AT[0]},1\n", values=[1, 1, 3]
    ),
    # Encodings.
    "gbk": Case(long("坏", "1").encode("gbk"), said="x.csv:1: expected UTF-8, got other bytes"),
    "mark, but cp1252": Case(
        long("1").encode("utf-8-sig"),
        "encoding: cp1252",
        said="in CP1252, got the byte order mark of utf-8; declare `encoding: utf-8`",
    ),
    "mark of utf-16, but gbk": Case(
        long("1").encode("utf-16"), "encoding: gbk", said="declare `encoding: utf-16`"
    ),
    "utf-16 without mark": Case(
        long("1").encode("utf-16-le"), said="zero bytes; save the export as UTF-8, or declare"
    ),
    "utf-16 without mark, declared": Case(
        long("1").encode("utf-16-le"), "encoding: utf-16-le", values=[1]
    ),
    # Things that are no text.
    "packed": Case(gzip.compress(b"x"), name="x.csv.gz", said="x.csv.gz: unpack it first"),
    "packed, not named so": Case(gzip.compress(b"x"), said="got a gzip file; unpack it"),
    "packed lines": Case(gzip.compress(b"x"), name="x.jsonl", said="got a gzip file; unpack it"),
    "workbook": Case(b"PK\x03\x04", name="x.xlsx", said="save its sheet as CSV UTF-8"),
    "workbook, not named so": Case(b"PK\x03\x04", said="got a zip file or a workbook"),
    "old workbook": Case(b"\xd0\xcf\x11\xe0", said="got an old workbook"),
    "tabs": Case(long("1"), name="x.tsv", said="name it .csv, and declare its `delimiter:`"),
    "capital suffix": Case(long("1"), name="X.CSV", values=[1]),
    # Numbers.
    "apostrophe": Case(long("1'234.5", "2"), values=[NAN, 2], said=SEPARATOR),
    "no-break space": Case(
        long("1\u00a0234,5", "0,5", sign=";"), COMMA, values=[NAN, 0.5], said=SEPARATOR
    ),
    "narrow space": Case(long("1\u202f234.5", "2"), values=[NAN, 2], said=SEPARATOR),
    "comma not declared": Case(long('"0,31"', "1"), values=[NAN, 1], said=SEPARATOR),
    "point, but a comma declared": Case(
        long("0.31", "1", sign=";"), COMMA, values=[NAN, 1], said=SEPARATOR
    ),
    "minus of typography": Case(long("\u22121.5", "2"), values=[NAN, 2], said=PLAIN),
    "minus behind": Case(long("1.5-", "2"), values=[NAN, 2], said=PLAIN),
    "hexadecimal": Case(long("0x1F", "2"), values=[NAN, 2], said=PLAIN),
    "underscore": Case(long("1_000", "2"), values=[NAN, 2], said=PLAIN),
    "exponent of Fortran": Case(long("1.5D+02", "2"), values=[NAN, 2], said=PLAIN),
    "in brackets": Case(long("(1.5)", "2"), values=[NAN, 2], said=PLAIN),
    "text of a spreadsheet": Case(long('="1.5"', "2"), values=[NAN, 2], said=PLAIN),
    "unit": Case(long("1.5 bar", "2"), values=[NAN, 2], said="'bar' stands behind the number"),
    "too large": Case(long("1e999", "2"), values=[NAN, 2], said="'1e999'"),
    "zero byte": Case(long("2\x00", "2"), values=[NAN, 2], said=PLAIN),
    "words of historians": Case(
        f"time,a,b\n{AT[0]},NaN,INF\n{AT[1]},#N/A,I/O Timeout\n{AT[2]},No Data,1\n",
        values=[NAN, NAN, NAN, NAN, NAN, 1],
        said="declare `values: {NaN: number}` if it stands for one",
    ),
    # Times.
    "31 February": Case(
        at("31.02.2026 08:00"), form("%d.%m.%Y %H:%M"), said=UNREAL + "'31.02.2026"
    ),
    "31 April": Case(
        at("30.04.2026 08:00:00.5", "31.04.2026 08:00:00.5"),
        form("%d.%m.%Y %H:%M:%S.%f"),
        said="x.csv:3:2: column `time`: " + UNREAL,
    ),
    "29 February of no leap year": Case(
        at("2026-060 08", "2025-366 08"), form("%Y-%j %H"), said=":3:2"
    ),
    "31 February in ISO": Case(
        at("2026-02-31T08:00:00Z"), SEMICOLON, said="expected times, got '2026"
    ),
    "second 60": Case(at("31.12.2016 23:59:60"), form("%d.%m.%Y %H:%M:%S"), said=UNREAL),
    "second 60 in ISO": Case(
        at("2016-12-31T23:59:60Z"), SEMICOLON, said="expected times, got '2016"
    ),
    "24:00": Case(at("02.03.2026 24:00"), form("%d.%m.%Y %H:%M"), said="got '02.03.2026 24:00'"),
    "24:00 in ISO": Case(at("2026-03-02T24:00:00Z"), SEMICOLON, said="expected times, got '2026"),
    "year of two digits": Case(
        at("02.03.26 08:01"), form("%d.%m.%y %H:%M"), values=[0], minutes=[1]
    ),
    "two digits for four": Case(
        at("02.03.26 08:01"), form("%d.%m.%Y %H:%M"), said="1970 to 2200, got"
    ),
    "four digits for two": Case(
        at("02.03.2026 08:01"), form("%d.%m.%y %H:%M"), said="times as `%d"
    ),
    "month by name": Case(at("02-MAR-2026 08:01"), form("%d-%b-%Y %H:%M"), values=[0], minutes=[1]),
    "name of another language": Case(at("02-Mär-2026 08:01"), form("%d-%b-%Y %H:%M"), said="Mär"),
    "seconds cut off": Case(
        at("2026-03-02 08:00:30"), form("%Y-%m-%d %H:%M"), said="got '2026-03-02"
    ),
    "noon and midnight": Case(
        at("03/02/2026 08:01 PM", "03/02/2026 12:02 am"),
        form("%m/%d/%Y %I:%M %p"),
        values=[1, 0],
        minutes=[-478, 721],
    ),
    "PM of 24 hours": Case(
        at("2026-03-02 08:00 PM"), form("%F %H:%M %p"), said="`%I` and `%p` together"
    ),
    "12 hours, no PM": Case(
        at("2026-03-02 08:00"), form("%F %I:%M"), said="`%I` and `%p` together, or"
    ),
    "ISO week": Case(at("2026-W10-1"), form("%G-W%V-%u"), said="`format:`: expected directives as"),
    "letters of Java": Case(
        at("2026-03-02"), form("yyyy-MM-dd"), said="`format:`: expected directives"
    ),
    "no year": Case(
        at("03-02 08:00"), form("%m-%d %H:%M"), said="expected a year, a month and a day"
    ),
    "no date": Case(at("08:00:00"), form("%H:%M:%S"), said="expected a year, a month and a day"),
    "no date, not declared": Case(at("08:00:00"), UTC_ZONE, said="expected times, got '08:00:00'"),
    "date alone": Case(at("2026-03-02"), UTC_ZONE, values=[0], minutes=[-480]),
    "Chinese": Case(at("2026年3月2日 08:01"), form("%Y年%m月%d日 %H:%M"), values=[0], minutes=[1]),
    "other calendar": Case(
        at("2569-03-02 08:00:00"), UTC_ZONE, said="expected times from 1970 to 2200"
    ),
    "offset of no zone": Case(at("2026-03-02 08:00 +9999"), form("%F %R %z"), said="got '+9999'"),
    "zone of no zone": Case(
        at("2026-03-02 08:00"), form("%F %R", "+25:00"), said="`zone:`: expected"
    ),
    "hour that never was": Case(
        at("2024-03-31 02:30"),
        form("%F %R", "Europe/Berlin"),
        values=[0],
        said="1 times in an hour that Europe/Berlin leaves out",
    ),
    "seven decimals": Case(at("2026-03-02T08:00:00.1234567Z"), SEMICOLON, values=[0]),
    "fraction behind a comma": Case(
        at("2026-03-02 08:00:30,0Z"), SEMICOLON, values=[0], minutes=[0.5]
    ),
    "nanoseconds": Case(
        at("1772438460000000000"), SEMICOLON + "\n    time: {epoch: ns}", values=[0], minutes=[1]
    ),
    "nanoseconds for milliseconds": Case(
        at("1772438460000000000"),
        SEMICOLON,
        said="which is no `epoch: ms`; declare `epoch:` or `format:`",
    ),
    "date as a number": Case(at("20260302080000"), UTC_ZONE, said="declare `epoch:` or `format:`"),
    "epoch with an exponent": Case(at("1.77243846e9"), EPOCH_S, values=[0], minutes=[1]),
    "epoch rounded by a spreadsheet": Case(
        at("1.77244E+12", "1.77245E+12"),
        SEMICOLON,
        said="in whole digits, got '1.77244E+12', which is",
    ),
    "epoch and ISO": Case(at("1772438400000", AT[0]), SEMICOLON, said="x.csv:3:2: column `time`"),
    "clock that began anew": Case(
        at("1772438400000", "0"), SEMICOLON, values=[1, 0], said="'0' in 1970"
    ),
    # JSON lines.
    "lines with a mark": Case(READING.encode("utf-8-sig"), name="x.jsonl", values=[1]),
    "lines of Windows": Case(READING + "\r\n" + READING + "\r\n", name="x.jsonl", values=[1, 1]),
    "no lines": Case("", name="x.jsonl", values=[], said="no readings in it"),
    "NaN": Case(line(value="NaN"), name="x.jsonl", said="which JSON does not have; write null"),
    "null": Case(line(value="null"), name="x.jsonl", values=[NAN], said="x.jsonl:1: none"),
    "number as text": Case(
        line(value='"1.5"'), name="x.jsonl", said="x.jsonl:1: `value`: expected"
    ),
    "1e999": Case(line(value="1e999"), name="x.jsonl", said="`value`: number out of range"),
    "local time": Case(line(time='"2026-03-02 08:00:00"'), name="x.jsonl", said="time with offset"),
    "float time": Case(
        line(time="1772438400.5"), name="x.jsonl", said="x.jsonl:1: `time`: expected"
    ),
    "last line cut off": Case(READING + "\n" + READING[:30], name="x.jsonl", said="x.jsonl:2: "),
    "two on a line": Case(READING * 2, name="x.jsonl", said="x.jsonl:1: JSON is malformed"),
    "telegraf": Case('{"fields": {"value": 1}}', name="x.jsonl", said="unknown field `fields`"),
    "code of quality": Case(line(quality="192"), name="x.jsonl", said="x.jsonl:1: `quality`"),
    "json": Case(READING, name="x.json", said="x.json: write a reading on each line"),
}


def opened(folder: Path, case: Case) -> tuple[list[float], list[int], str]:
    """Values and times of a file, and what `tocsin look` says of it."""
    path, columns = folder / case.name, folder / "c.yaml"
    path.write_bytes(case.body if isinstance(case.body, bytes) else case.body.encode())
    if case.declared:
        columns.write_text(f'exports:\n  - files: "*"\n    {case.declared}\n', encoding="utf-8")
    data = open_data(path, columns if case.declared else None)
    blocks = list(data.blocks())
    values = [float(value) for block in blocks for value in block.value]
    times = [int(time) for block in blocks for time in block.time_ns]
    return values, times, "\n".join(lines(understood(data)))


@pytest.mark.parametrize("name", TEXTS)
def test_a_strange_file_is_read_as_it_is_meant_or_refused_with_its_place(
    tmp_path: Path, name: str
) -> None:
    case = TEXTS[name]
    if case.values is None:
        with pytest.raises((ConfigError, DecodeError)) as caught:
            opened(tmp_path, case)
        assert case.said in str(caught.value)
        assert f"{tmp_path / case.name}" in str(caught.value)
        return
    values, times, said = opened(tmp_path, case)
    numbers = [value if np.isfinite(value) else NAN for value in values]
    np.testing.assert_equal(numbers, case.values)
    assert case.said in said
    if case.minutes is not None:
        assert [(time - BEGIN_NS) / 60e9 for time in times] == case.minutes


STAMPS = [datetime(2026, 3, 2, 8, minute, tzinfo=UTC) for minute in range(3)]
MOMENTS = pa.array(STAMPS, pa.timestamp("us", "UTC"))
LOCAL = pa.array([stamp.replace(tzinfo=None) for stamp in STAMPS], pa.timestamp("us"))
EPOCH_MS = [BEGIN_NS // 10**6 + i * 60_000 for i in range(3)]
BYTES = pa.array([b"1", b"2", b"3"])


def columns(**changed: Any) -> dict[str, Any]:
    """Three readings in Parquet with some columns written in another way."""
    return {"channel": ["a"] * 3, "time": MOMENTS, "value": [1.0, 2.0, 3.0], **changed}


# Columns, and either their values or the refusal.
PARQUET: dict[str, tuple[dict[str, Any], list[float] | str]] = {
    "words in a dictionary": (
        columns(value=pa.array(["1", "Bad", "3"]).dictionary_encode()),
        [1, NAN, 3],
    ),
    "decimal of 128 bits": (
        columns(value=pa.array([Decimal("1.5")] * 3, pa.decimal128(38, 20))),
        [1.5] * 3,
    ),
    "decimal of 256 bits": (
        columns(value=pa.array([Decimal("1.5")] * 3, pa.decimal256(50, 20))),
        [1.5] * 3,
    ),
    "half floats": (columns(value=pa.array(np.array([1, 2, 3], np.float16))), [1, 2, 3]),
    "unsigned": (columns(value=pa.array([2**64 - 1, 2, 3], pa.uint64())), [2.0**64, 2, 3]),
    "bytes": (columns(channel=pa.array([b"a"] * 3), value=BYTES), [1, 2, 3]),
    "bytes that are no text": (
        columns(value=pa.array([b"\xff"] * 3)),
        "column `value`: expected numbers or words, got binary",
    ),
    "large text": (columns(value=pa.array(["1", "2", "3"], pa.large_string())), [1, 2, 3]),
    "nothing but nulls": (columns(value=pa.nulls(3)), [NAN] * 3),
    "nested values": (columns(value=[{"x": 1.0}] * 3), "numbers or words, got struct<x: double>"),
    "lists": (columns(value=[[1.0]] * 3), "expected numbers or words, got list<element: double>"),
    "times for values": (columns(value=LOCAL), "numbers or words, got timestamp[us]"),
    "another leaf of the same name": (
        {"meta": [{"time": 7_000_000_000_000}] * 3, **columns(time=EPOCH_MS)},
        [1, 2, 3],
    ),
    "channel by number": (columns(channel=[1, 1, 1]), [1, 2, 3]),
    "channel of no row": (columns(channel=["a", None, "a"]), ".parquet:2:1: expected a channel"),
    "time of another zone": (
        columns(time=MOMENTS.cast(pa.timestamp("us", "Europe/Berlin"))),
        [1, 2, 3],
    ),
    "time without zone": (columns(time=LOCAL), "expected times with a zone, got local ones"),
    "unsigned times": (columns(time=pa.array(EPOCH_MS, pa.uint64())), [1, 2, 3]),
    "time of no year": (
        columns(time=pa.array([*EPOCH_MS[:2], 2**64 - 1], pa.uint64())),
        ".parquet:3:2: column `time`: expected times from 1970 to 2200, got 18446744073709551615",
    ),
    "time not set": (
        columns(time=pa.array([253_402_300_799] * 3, pa.timestamp("s", "UTC"))),
        "expected times from 1970 to 2200, got 9999-12-31 23:59:59+00:00",
    ),
    "no time": (columns(time=pa.array([STAMPS[0], None, None])), ".parquet:2:2: column `time`"),
    "dates": (columns(time=[date(2026, 3, 2)] * 3), "expected times with a zone, got local ones"),
    "times of day": (
        columns(time=pa.array([1, 2, 3], pa.time32("s"))),
        "expected times, got time32",
    ),
    "times as text": (columns(time=pa.array(AT[:3]).dictionary_encode()), [1, 2, 3]),
    "quality by yes and no": (
        columns(quality=[True, False, None]),
        ".parquet:1:4: expected the qual",
    ),
    "quality as float": (columns(quality=[0.0, 1.0, None]), [1, 2, 3]),
    "twice": (columns(again=[1.0, 2.0, 3.0]), "the column `value` once, got it as 3 and 4"),
}


@pytest.mark.parametrize("name", PARQUET)
def test_strange_parquet_is_read_as_it_is_meant_or_refused_with_its_place(
    tmp_path: Path, name: str
) -> None:
    made, right = PARQUET[name]
    path = tmp_path / "x.parquet"
    names = ["value" if column == "again" else column for column in made]
    pq.write_table(pa.table(list(made.values()), names=names), path)
    if isinstance(right, str):
        with pytest.raises(ConfigError) as caught:
            list(open_data(path).blocks())
        assert right in str(caught.value)
        return
    data = open_data(path)
    blocks = list(data.blocks())
    np.testing.assert_equal([float(value) for block in blocks for value in block.value], right)
    assert data.sources[0].begin_ns <= min(int(block.time_ns[0]) for block in blocks)


def test_files_in_forms_that_are_not_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(long("1"))
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(long("2").encode()))
    (tmp_path / "README.md").write_text("what this is")
    data = open_data(tmp_path)
    assert data.count == 1
    assert data.notes == [f"{tmp_path / 'b.csv.gz'}: left out; unpack it first"]


def test_a_declaration_that_names_no_file_or_both_forms_is_said(tmp_path: Path) -> None:
    path, columns = tmp_path / "PI-1.csv", tmp_path / "columns.yaml"
    columns.write_text('exports:\n  - files: "pi-*.csv"\n    delimiter: ";"\n')
    unnamed = f"{columns}: no `files:` matches PI-1.csv, which is read as it stands"
    path.write_text(long("1"))
    assert open_data(path).notes == [unnamed]
    path.write_text(long("1", sign=";"))
    with pytest.raises(ConfigError) as caught:
        open_data(path)
    assert caught.value.findings[1] == unnamed
    columns.write_text('exports:\n  - {long: {}, wide: {a: {channel: b}}, delimiter: ";"}\n')
    with pytest.raises(ConfigError, match="`long` or `wide` to be declared, got both"):
        open_data(path)
