"""Events that are known to be in the data: a file that names when, where and how bad each was."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from configuration.yaml.fill import Page, fill
from configuration.yaml.findings import Findings, Place
from configuration.yaml.findings import Path as FieldPath
from configuration.yaml.located import Located, located
from contracts.alarm import Alarm
from contracts.catalogue import Catalogue
from contracts.errors import ConfigError

PLACES: Final = ("asset", "group", "district", "street", "neighbourhood", "grid")
Words = Annotated[str, Meta(max_length=100_000)]


class Label(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
    rename={"begin": "from", "end": "to", "class_name": "class"},
):
    """One known event.

    Parameters
    ----------
    name : str
    begin, end : str
        RFC 3339 times, in the file `from` and `to`: an alarm that first rings between them, both
        included, rang for the event.
    channel : str
        Ids with spaces between, empty for any.
    class_name : str
        In the file `class`; empty for any.
    place : str
        Asset, group, district, street, neighbourhood or grid cell; empty for any.
    rules : str
        Names with spaces between of the rules that may ring for it, empty for any.
    colour : str
        Worst colour that should be reached, empty where nobody knows.
    verdict : str
        `nuisance` when operators judged what rang here to be no event: alarms that it covers are
        false, whatever other label covers them too.
    """

    name: Annotated[str, Meta(min_length=1, max_length=500)]
    begin: str
    end: str
    channel: Words = ""
    class_name: Words = ""
    place: Words = ""
    rules: Words = ""
    colour: Literal["", "blue", "yellow", "orange", "red"] = ""
    verdict: Literal["event", "nuisance"] = "event"


class Labels(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of events."""

    events: list[Label]


@dataclass(frozen=True, slots=True)
class Event:
    """A known event on the channels of one configuration."""

    label: Label
    begin: datetime
    end: datetime
    channels: frozenset[str]
    classes: frozenset[str]

    def rung_by(self, alarm: Alarm) -> bool:
        """Whether the first revision of an alarm rang for this event."""
        rules = self.label.rules.split()
        mine = alarm.channel in self.channels and (not rules or alarm.rule.name in rules)
        return mine and self.begin <= datetime.fromisoformat(alarm.detected) <= self.end


def read_labels(path: Path) -> list[Label]:
    """Labels of a file, YAML or CSV, with one key or column for each field of `Label`.

    Raises
    ------
    ConfigError
        With every finding in the file.
    """
    findings = Findings()
    name = path.as_posix()
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [dict(row) for row in csv.DictReader(file)]
        tree: Located | None = _rows(rows)
    else:
        tree = located(name, path.read_bytes(), findings)
    found = fill(Labels, Page(name, tree, findings)) if tree else None
    if found is not None and tree is not None:
        _check_times(found.events, Page(name, tree, findings))
    if found is None or findings.found:
        raise ConfigError(*findings.lines())
    return found.events


def _rows(rows: Sequence[dict[str, Any]]) -> Located:
    """Rows of CSV as if they were written in YAML, with the line of each."""
    events = [{key: text for key, text in row.items() if text} for row in rows]
    places: dict[FieldPath, Place] = {("events", i): (i + 2, 1) for i in range(len(rows))}
    return Located({"events": events}, {(): (1, 1), **places})


def _check_times(labels: Sequence[Label], page: Page) -> None:
    for i, label in enumerate(labels):
        times = {"from": _time(label.begin), "to": _time(label.end)}
        for key, time in times.items():
            if time is None:
                said = label.begin if key == "from" else label.end
                page.refuse(("events", i, key), "an RFC 3339 time with its zone", said)
        begin, end = times.values()
        if begin is not None and end is not None and end < begin:
            page.refuse(("events", i, "to"), "a time behind `from`", label.end)
        if not (label.channel or label.class_name or label.place):
            page.find(("events", i), "expected a channel, a class or a place, got none")


def _time(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if time.tzinfo is None else time


def events_on(labels: Sequence[Label], catalogue: Catalogue) -> list[Event]:
    """Events with the channels that each is about; none where the catalogue lacks them."""
    columns = {name: catalogue.table.column(name).to_pylist() for name in ("id", "class", *PLACES)}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return [_event(label, rows) for label in labels]


def _event(label: Label, rows: Sequence[dict[str, str]]) -> Event:
    mine = list(_about(label, rows))
    return Event(
        label,
        datetime.fromisoformat(label.begin),
        datetime.fromisoformat(label.end),
        frozenset(row["id"] for row in mine),
        frozenset(row["class"] for row in mine),
    )


def _about(label: Label, rows: Sequence[dict[str, str]]) -> Iterator[dict[str, str]]:
    channels = frozenset(label.channel.split())
    for row in rows:
        if channels and row["id"] not in channels:
            continue
        if label.class_name and row["class"] != label.class_name:
            continue
        if label.place and label.place not in {row[name] for name in PLACES}:
            continue
        yield row
