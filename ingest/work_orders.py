"""Work orders from a CSV file: one row an asset, checked as a whole before anything is sent."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from contracts.civil_time import moment_ms
from contracts.desk.commands import LISTED_MAX, Maintenance
from contracts.errors import ConfigError
from contracts.journal import COMMAND_BYTES

COLUMNS: Final = ("order", "asset", "begins", "ends", "reason")
ROWS_MAX: Final = 100_000
SHOWN_MAX: Final = 20  # findings; a file that is wrong throughout is no better understood by more
ORDER_BYTES: Final = COMMAND_BYTES - 512  # beside them go its id, times, role, key and signature


class Row(NamedTuple):
    """One line of the file."""

    line: int
    order: str
    asset: str
    begins: int
    ends: int
    reason: str


def read_work_orders(file: Path, by: str) -> list[Maintenance]:
    """Orders of a file, in the order of their first rows.

    Parameters
    ----------
    file : Path
        UTF-8 with the columns `order`, `asset` (as `water.dma-0417`), `begins`, `ends` (RFC 3339)
        and `reason`. An order has a row for each of its assets, which agree in everything else.
    by : str
        Who gives them.

    Raises
    ------
    ConfigError
        With every line that is wrong.
    """
    rows, findings = _rows(file)
    orders: dict[str, list[Row]] = {}
    for row in rows:
        orders.setdefault(row.order, []).append(row)
    for some in orders.values():
        findings += _faults(some)
    commands = [_command(some, by) for some in orders.values()]
    for some, command in zip(orders.values(), commands, strict=True):
        if (size := len(msgspec.json.encode(command))) > ORDER_BYTES:
            text = f"expected an order of at most {ORDER_BYTES} bytes, got {size}; make two of it"
            findings.append((some[0].line, text))
    if findings:
        raise ConfigError(*(f"{file}:{at}: {text}" for at, text in sorted(findings)[:SHOWN_MAX]))
    return commands


def _rows(file: Path) -> tuple[list[Row], list[tuple[int, str]]]:
    """Rows that can be read, and by line what is wrong with others."""
    rows: list[Row] = []
    findings: list[tuple[int, str]] = []
    try:
        with file.open(encoding="utf-8-sig", newline="") as source:
            table = csv.DictReader(source, strict=True)
            if missing := [name for name in COLUMNS if name not in (table.fieldnames or ())]:
                got = ", ".join(table.fieldnames or ()) or "none"
                text = f"expected the columns {', '.join(COLUMNS)}, got {got}; add {missing[0]}"
                return [], [(1, text)]
            for fields in table:
                if len(rows) >= ROWS_MAX:
                    return rows, [(table.line_num, f"expected at most {ROWS_MAX} rows; split it")]
                _take(fields, table.line_num, rows, findings)
    except (UnicodeDecodeError, csv.Error) as error:
        findings.append(
            (len(rows) + 2, f"expected UTF-8 text in CSV, got {error}; save it as such")
        )
    if not rows and not findings:
        findings.append((1, "expected at least one work order, got none; add a row"))
    return rows, findings


def _take(
    fields: dict[str, str | None], line: int, rows: list[Row], findings: list[tuple[int, str]]
) -> None:
    """Add a row, or what is wrong with it."""
    order, asset, begins, ends, reason = ((fields[name] or "").strip() for name in COLUMNS)
    for name, value in (("order", order), ("asset", asset), ("reason", reason)):
        if not value:
            findings.append((line, f"{name}: expected a text, got none; fill it in"))
    lifeline, dot, name = asset.partition(".")
    if asset and not (lifeline and dot and name):
        text = f"asset: expected a lifeline and an asset, got {asset!r}; write `water.dma-0417`"
        findings.append((line, text))
    try:
        times = moment_ms("begins", begins), moment_ms("ends", ends)
    except ConfigError as error:
        findings.append((line, str(error)))
    else:
        rows.append(Row(line, order, asset, *times, reason))


def _faults(rows: list[Row]) -> Iterator[tuple[int, str]]:
    """What is wrong with the rows of one order."""
    first, seen = rows[0], dict[str, int]()
    for row in rows:
        for name in ("begins", "ends", "reason"):
            if getattr(row, name) != getattr(first, name):
                text = f"{name}: expected that of line {first.line} for order {row.order!r}"
                yield row.line, f"{text}, got another; name a second order"
        if row.asset in seen:
            text = f"asset: expected each once in order {row.order!r}, got that of line "
            yield row.line, f"{text}{seen[row.asset]} again; drop one"
        seen[row.asset] = row.line
    if len(rows) > LISTED_MAX:
        text = f"expected at most {LISTED_MAX} assets in order {first.order!r}, got {len(rows)}"
        yield first.line, f"{text}; make two of it"


def _command(rows: list[Row], by: str) -> Maintenance:
    first = rows[0]
    return Maintenance(
        by=by,
        reason=first.reason,
        order=first.order,
        assets=[row.asset for row in rows],
        begins=first.begins,
        ends=first.ends,
    )
