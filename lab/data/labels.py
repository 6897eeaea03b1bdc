"""Events that are known to be in the data: a file that names when, where and how bad each was."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from configuration.configuration import Configuration
from configuration.pack import RULES
from configuration.yaml.fill import Page, fill
from configuration.yaml.findings import Findings, Place, nearest
from configuration.yaml.findings import Path as FieldPath
from configuration.yaml.located import Located, located, utf8
from contracts.alarm import Alarm
from contracts.catalogue import Catalogue
from contracts.errors import ConfigError

COMPARED_MAX: Final = 20_000  # channel ids that an unknown one is compared with
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


@dataclass(frozen=True, slots=True)
class KnownNames:
    """What a label may name: everything that some configurations have."""

    channels: Sequence[Mapping[str, int]]
    classes: frozenset[str]
    places: frozenset[str]

    @classmethod
    def of(cls, configurations: Sequence[Configuration]) -> "KnownNames":
        """Names of some configurations together."""
        catalogues = [configuration.catalogue for configuration in configurations]
        packs = [pack for one in configurations for pack in one.packs.values()]
        columns = [one.table.column(name) for one in catalogues for name in PLACES]
        return cls(
            [catalogue.row_of for catalogue in catalogues],
            frozenset(pack.class_name for pack in packs),
            frozenset(text for column in columns for text in column.unique().to_pylist() if text),
        )

    def unknown(self, label: Label) -> Iterator[tuple[str, str, str]]:
        """Field, unknown name in it, and advice."""
        for channel in label.channel.split():
            if not any(channel in ids for ids in self.channels):
                yield "channel", channel, nearest(channel, self._like(channel))
        if label.class_name and label.class_name not in self.classes:
            yield "class", label.class_name, nearest(label.class_name, self.classes)
        if label.place and label.place not in self.places:
            yield "place", label.place, nearest(label.place, self.places)
        for rule in label.rules.split():
            if rule not in RULES:
                yield "rules", rule, nearest(rule, RULES)

    def _like(self, channel: str) -> list[str]:
        """Ids to compare with; of a whole city only those that begin alike."""
        ids = [name for known in self.channels for name in known]
        if len(ids) <= COMPARED_MAX:
            return ids
        head = channel[: len(channel) // 2]
        return [name for name in ids if name.startswith(head)][:COMPARED_MAX]


def read_labels(path: Path, configurations: Sequence[Configuration] = ()) -> list[Label]:
    """Labels of a file, YAML or CSV, with one key or column for each field of `Label`.

    Parameters
    ----------
    path : Path
    configurations : sequence of Configuration
        One of them must have each channel, class and place that a label names; without any only
        the names of rules are checked.

    Raises
    ------
    ConfigError
        With every finding in the file.
    """
    findings = Findings()
    name = path.as_posix()
    if path.suffix.lower() == ".csv":
        tree: Located | None = _rows(name, path.read_bytes(), findings)
    else:
        tree = located(name, path.read_bytes(), findings)
    found = fill(Labels, Page(name, tree, findings)) if tree else None
    if found is not None and tree is not None:
        _check_times(found.events, Page(name, tree, findings))
        _check_names(found.events, Page(name, tree, findings), configurations)
    if found is None or findings.found:
        raise ConfigError(*findings.lines())
    return found.events


def _rows(name: str, source: bytes, findings: Findings) -> Located | None:
    """Rows of CSV as if they were written in YAML, with the line of each."""
    text = utf8(name, source, findings)
    if text is None:
        return None
    reader = csv.reader(io.StringIO(text, newline=""))
    rows = ((reader.line_num, row) for row in reader if row)
    _, head = next(rows, (1, []))
    for column in sorted({column for column in head if head.count(column) > 1}):
        findings.add(name, (1, 1), "", f"expected the column {column!r} once, got it again")
    events: list[dict[str, Any]] = []
    places: dict[FieldPath, Place] = {(): (1, 1)}
    for line, row in rows:
        if len(row) > len(head):
            msg = f"expected {len(head)} cells as in the head line, got {len(row)}"
            findings.add(name, (line, 1), "", msg + "; put names with commas in quotes")
        places["events", len(events)] = (line, 1)
        events.append({key: cell for key, cell in zip(head, row, strict=False) if cell})
    if not events:
        findings.add(name, (1, 1), "", "expected a head line and an event in each row, got none")
    return Located({"events": events}, places)


_WHAT: Final = {
    "channel": "a channel",
    "class": "a class",
    "place": "a group or place",
    "rules": "the name of a rule",
}


def _check_names(
    labels: Sequence[Label], page: Page, configurations: Sequence[Configuration]
) -> None:
    known = KnownNames.of(configurations)
    for i, label in enumerate(labels):
        for key, name, advice in known.unknown(label):
            if configurations or key == "rules":
                text = f"expected {_WHAT[key]} that exists, got {name!r}; {advice}"
                page.find(("events", i, key), text)


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
