"""Catalogue files to tables of channels, and what is wrong with their rows."""

import csv
import errno
import io
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from configuration.catalogue.columns import (
    CELL_CHARS_MAX,
    COLUMNS,
    DEFAULTS,
    NUMBERS,
    default,
    typed,
)
from configuration.yaml.findings import NOWHERE, Findings, nearest, shown
from configuration.yaml.located import located
from contracts.catalogue import LINK, SCHEMA, WORD

BYTES_MAX: Final = 1 << 30
CHANNELS_MAX: Final = 20_000_000
TOLD_MAX: Final = 20  # findings of one kind per file; more would bury the others

REQUIRED: Final = ("id", "class", "asset", "group")

Columns = dict[str, list[Any]] | dict[str, pa.ChunkedArray]
Spot = tuple[int, int]
SpotOf = Callable[[int], Spot]


@dataclass(frozen=True, slots=True)
class ChannelTable:
    """Channels of one file, and where each row stands in it.

    Parameters
    ----------
    file : str
    table : pyarrow.Table
        Columns of `SCHEMA`, and `LINK` if the file has it; not judged yet.
    spot : callable
        Line and column of a row, zeros where a file has none.
    """

    file: str
    table: pa.Table
    spot: SpotOf


class _Unreadable(Exception):  # noqa: N818 - never leaves this file
    """The file gives no table; the reason is noted."""


def read_channels(path: FilePath, file: str, findings: Findings) -> ChannelTable | None:
    """Table of a `.csv`, `.parquet` or `.yaml` file; None when it could not be read."""
    before = len(findings)
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # a pipe would be waited for, and a device has no end
            raise OSError(errno.EINVAL, "not a regular file")  # noqa: TRY301 - told below as others
        if found.st_size > BYTES_MAX:
            text = f"expected at most {BYTES_MAX} bytes, got more; use Parquet"
            findings.add(file, NOWHERE, "", text)
            return None
        columns, spot = _READERS[path.suffix](path, file, findings)
        table = _typed(columns, file, spot, findings)
    except _Unreadable:
        return None
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # names of Parquet are bytes
        text = f"expected a readable file, got an error: {error}; write it again"
        findings.add(file, NOWHERE, "", text.replace("\n", " "))
        return None
    return ChannelTable(file, table, spot) if len(findings) == before else None


def _known(names: Iterable[str], file: str, place: Spot, findings: Findings) -> None:
    names = list(names)
    before = len(findings)
    for name in dict.fromkeys(names):
        if name not in COLUMNS.names:
            text = f"unknown column {shown(name)}; {nearest(str(name), COLUMNS.names)}"
            findings.add(file, place, "", text)
        elif names.count(name) > 1:
            findings.add(file, place, "", f"expected column {name!r} once, got it again; keep one")
    for name in REQUIRED:
        if name not in names:
            findings.add(file, place, "", f"expected a column {name!r}, got none; add it")
    if len(findings) > before:
        raise _Unreadable


def _from_csv(path: FilePath, file: str, findings: Findings) -> tuple[Columns, SpotOf]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        problem = f"expected UTF-8, got other bytes at {error.start}; save the file as UTF-8"
        findings.add(file, NOWHERE, "", problem)
        raise _Unreadable from None
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    lines: list[int] = []
    cells: list[list[str]] = []
    begin = 1
    try:
        for row in rows:
            if row and not (row[0].startswith("#")):
                lines.append(begin)
                cells.append(row)
            begin = rows.line_num + 1
    except csv.Error as error:
        findings.add(file, (begin, 0), "", f"expected CSV, got an error: {error}; mind the quotes")
        raise _Unreadable from None
    if not cells:
        findings.add(file, (1, 0), "", "expected a line with column names, got none; add it")
        raise _Unreadable
    header = [name.strip() for name in cells.pop(0)]
    _known(header, file, (lines.pop(0), 0), findings)
    _same_width(cells, lines, len(header), (file, findings))
    columns = {name: [row[i] for row in cells] for i, name in enumerate(header)}
    return columns, lambda row: (lines[row], 0)


def _same_width(
    cells: list[list[str]], lines: list[int], width: int, out: tuple[str, Findings]
) -> None:
    file, findings = out
    odd = [i for i, row in enumerate(cells) if len(row) != width]
    for i in odd[:TOLD_MAX]:
        text = f"expected {width} cells, got {len(cells[i])}; mind commas inside names"
        findings.add(file, (lines[i], 0), "", text)
    if odd:
        raise _Unreadable


def _from_parquet(path: FilePath, file: str, findings: Findings) -> tuple[Columns, SpotOf]:
    words = {field.name for field in COLUMNS if field.type == WORD}
    # Lists and the like cannot be read as numbered words; they are told of cell by cell.
    there = [field for field in pq.read_schema(path) if not pa.types.is_nested(field.type)]
    shared = [field.name for field in there if field.name in words]
    with pq.ParquetFile(path, read_dictionary=shared) as source:
        count = source.metadata.num_rows
        if count > CHANNELS_MAX:
            text = f"expected at most {CHANNELS_MAX} channels, got {count}; split the lifeline"
            findings.add(file, NOWHERE, "", text)
            raise _Unreadable
        _known(source.schema_arrow.names, file, NOWHERE, findings)
        table = source.read()
    _check_texts(table, file, findings)
    return {name: table.column(name) for name in table.column_names}, lambda row: (row + 1, 0)


def _check_texts(table: pa.Table, file: str, findings: Findings) -> None:
    """Refuse a table some of whose texts are no UTF-8: nobody has looked at them so far."""
    for name in table.column_names:
        try:
            table.column(name).validate(full=True)
        except pa.ArrowInvalid:
            text = "expected texts in UTF-8, got something else; write the column anew"
            findings.add(file, NOWHERE, name, text)
            raise _Unreadable from None


def _from_yaml(path: FilePath, file: str, findings: Findings) -> tuple[Columns, SpotOf]:
    tree = located(file, path.read_bytes(), findings)
    if tree is None:
        raise _Unreadable
    rows = tree.data
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        text = f"expected a list of channels, got {shown(rows)}; write `- {{id: …, class: …}}`"
        findings.add(file, tree.position(()), "", text)
        raise _Unreadable
    for i, row in enumerate(rows):
        _known([*row], file, tree.position((i,)), findings)
    names = {name for row in rows for name in row} | set(REQUIRED)
    columns = {name: [row.get(name) for row in rows] for name in names}
    return columns, lambda row: tree.position((row,))


_READERS: Final = {".csv": _from_csv, ".parquet": _from_parquet, ".yaml": _from_yaml}
SUFFIXES: Final = tuple(_READERS)


def _typed(columns: Columns, file: str, spot: SpotOf, findings: Findings) -> pa.Table:
    count = len(columns["id"])
    schema = COLUMNS if LINK.name in columns else SCHEMA
    arrays = []
    for name in schema.names:
        cells = columns.get(name)
        if cells is None:
            arrays.append(default(name, count))
            continue
        array = typed(name, cells) if isinstance(cells, pa.ChunkedArray) else None
        arrays.append(_by_cell(name, cells, (file, spot), findings) if array is None else array)
    return pa.Table.from_arrays(arrays, schema=schema)


def _by_cell(
    name: str, column: list[Any] | pa.ChunkedArray, place: tuple[str, SpotOf], findings: Findings
) -> pa.Array:
    """A column of cells that may be anything; those that make no sense are noted."""
    cells = column.to_pylist() if isinstance(column, pa.ChunkedArray) else column
    values = [(_number if name in NUMBERS else _text)(cell) for cell in cells]
    bad = [i for i, value in enumerate(values) if value is _BAD]
    what = "a number" if name in NUMBERS else f"text up to {CELL_CHARS_MAX} characters"
    for i in bad[:TOLD_MAX]:
        file, spot = place
        findings.add(file, spot(i), name, f"expected {what}, got {shown(cells[i])}")
    given = DEFAULTS.get(name, "")
    values = [given if value is None or value is _BAD else value for value in values]
    kind = COLUMNS.field(name).type
    if kind == WORD:
        return pa.array(values, pa.string()).dictionary_encode()
    return pa.array(values, kind, from_pandas=True)


_BAD: Final = object()


def _number(cell: Any) -> Any:
    if cell is None or cell == "":
        return None
    if isinstance(cell, bool) or not isinstance(cell, str | int | float):
        return _BAD
    try:
        return float(cell)
    except (ValueError, OverflowError):
        return _BAD


def _text(cell: Any) -> Any:
    if cell is None:
        return None
    if not isinstance(cell, str) or len(cell) > CELL_CHARS_MAX:
        return _BAD
    return cell.strip() or None
