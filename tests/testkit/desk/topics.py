"""Random records of all topics of a history, cut anyhow, and a plain twin of the rows."""

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import select

from contracts.alarm import ShelvingEnd, ShelvingRecord, encode_shelving
from contracts.catalogue import Where
from contracts.desk.commands import Acknowledge, Close
from contracts.desk.incident import Impact, Incident, Member, Situation, Ticket, Why
from contracts.desk.journal import DeskEntry, DeskTick, encode_desk_entry
from contracts.desk.notice import Notice, Withheld
from contracts.journal import Entry, Refuse, Shelve, Tick, encode_entry
from contracts.ports.projection import TopicRecord
from contracts.topics import TopicNames
from sinks.history.projection import History
from sinks.history.store import Store
from sinks.history.tables import FEED, METADATA
from tests.testkit.desk.alarms import BEGAN_S, alarm, alarm_id

NAMES = TopicNames()
ALARMS, JOURNAL = NAMES.alarms("water"), NAMES.journal("water")
DESK_JOURNAL = NAMES.journal("desk")
PLACES = [
    *((topic, number) for topic in (ALARMS, JOURNAL) for number in range(2)),
    (DESK_JOURNAL, 0),
    (NAMES.incidents, 0),
    (NAMES.notices, 0),
]
COLOURS = ("blue", "yellow", "orange", "red")
Logs = Mapping[tuple[str, int], list[TopicRecord]]
AT = "2023-11-15T06:13:20+08:00"


def member(number: int) -> Member:
    """A member; of every third one another rule rang, too."""
    return Member(
        alarm_id(number),
        f"feed-{number}",
        f"water.feed-{number}.flow",
        "water",
        "orange",
        "orange",
        "active",
        AT,
        Why("edge", weight=0.5),
        [alarm_id(number + 1000)] if number % 3 == 0 else [],
    )


def incident(number: int, revision: int, **changed: Any) -> Incident:
    """A revision of an incident; `members` are numbers of alarms, `verdict` closes it."""
    members = [member(n) for n in changed.get("members", [number])]
    colour = changed.get("colour", "orange")
    situation = Situation(
        id=f"i-{number:016x}",
        opened=True,
        state=changed.get("state", "active"),
        colour=colour,
        worst=colour,
        raised=[],
        title={"en": f"Feed {number}", "zh": "干管"},
        lifelines=changed.get("lifelines", ["water"]),
        where=Where(changed.get("district", "310101"), "310101002", "", "", None, None),
        root=None,
        alternatives=[],
        members=members,
        counts={"all": len(members)},
        impact=Impact(1200, 0, 0, []),
        next=[],
        redundancy=[],
        onset=AT,
        detected=AT,
        life_safety=False,
    )
    verdict, owner = changed.get("verdict", ""), changed.get("owner", "")
    ticket = Ticket("registered", owner, [], acknowledged=False, verdict=verdict, history=[])
    return Incident(situation.id, revision, "new", AT, situation, ticket, [], False, "c0ffee")


def notice(number: int, of: int, desk: str = "city", withheld: Withheld | None = None) -> Notice:
    """A notice of an incident."""
    return Notice(
        f"n-{number:016x}",
        f"i-{of:016x}",
        alarm_id(of),
        1,
        desk,
        "city",
        ["li.wei"],
        "new",
        "orange",
        AT,
        {"en": "Look.", "zh": "看"},
        withheld,
    )


class RandomTopics:
    """Logs of a day that no desk has lived.

    Parameters
    ----------
    chance : random.Random
    """

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._revisions: dict[str, int] = {}
        self.logs: dict[tuple[str, int], list[TopicRecord]] = {place: [] for place in PLACES}

    def add(self, place: tuple[str, int], kind: str, body: bytes | None) -> None:
        """Append a record, with a hole before it now and then."""
        log = self.logs[place]
        first = log[-1].offset + 1 if log else 0
        offset = first + (self._chance.random() < 0.2)
        stamp_ms = BEGAN_S * 1000 + self._chance.randrange(10_000)
        log.append(TopicRecord(*place, offset, stamp_ms, b"k", body, kind))

    def fill(self, records: int) -> Logs:
        """Append so many records, and some damaged or strange ones among them."""
        kinds = (self._alarm, self._incident, self._notice, self._command, self._shelving)
        for _ in range(records):
            self._chance.choice(kinds)()
            if self._chance.random() < 0.15:
                place = self._chance.choice(PLACES)
                kind = self._chance.choice(("revision", "incident", "notice", "shelving", "entry"))
                body = self._chance.choice((b"\xff{", b"{}", b"", None, b"[" * 2_000, b'"\\ud800"'))
                self.add(place, kind, body)
            if self._chance.random() < 0.2:
                self.add((ALARMS, self._chance.randrange(2)), "mark", b"{}")
        return self.logs

    def _revision(self, name: str) -> int:
        """The next one, or now and then the last one again."""
        known = self._revisions.get(name, 0)
        again = known and self._chance.random() < 0.2
        self._revisions[name] = known if again else known + 1
        return self._revisions[name]

    def _alarm(self) -> None:
        number = self._chance.randrange(20)
        state = self._chance.choice(("active", "cleared", "shelved"))
        body = alarm(
            number,
            BEGAN_S + number,
            revision=self._revision(f"a{number}"),
            state=state,
            colour=self._chance.choice(COLOURS),
        )
        self.add((ALARMS, number % 2), "revision", body)

    def _incident(self) -> None:
        number = self._chance.randrange(6)
        told = incident(
            number,
            self._revision(f"i{number}"),
            members=self._chance.sample(range(20), self._chance.randint(0, 5)),
            colour=self._chance.choice(COLOURS),
            lifelines=self._chance.sample(["water", "power", "metro"], 2),
            verdict=self._chance.choice(("", "", "true")),
        )
        self.add((NAMES.incidents, 0), "incident", msgspec.json.encode(told))

    def _notice(self) -> None:
        kept = self._chance.choice((None, Withheld("budget"), Withheld("shelved", AT, "x\0y")))
        told = notice(self._chance.randrange(40), self._chance.randrange(6), withheld=kept)
        self.add((NAMES.notices, 0), "notice", msgspec.json.encode(told))

    def _command(self) -> None:
        by, n = self._chance.choice(("li.wei", "wang.fang")), self._chance.randrange(6)
        if self._chance.random() < 0.5:
            change: Any = self._chance.choice(
                (
                    DeskTick(BEGAN_S),
                    Acknowledge(target=alarm_id(n), by=by),
                    Close(target=f"i-{n:016x}", verdict="true", by=by, at=5, id="x", expires=9),
                    Refuse(
                        "expired_command", "too late", f'{{"by":"{by}","kind":"close","at":-1}}'
                    ),
                    Refuse("bad_command", "expected JSON", '{"by": "li'),
                )
            )
            body = encode_desk_entry(DeskEntry(change, 7))
            self.add((DESK_JOURNAL, 0), "entry", body)
            return
        shelve = Shelve(f"water.feed-{n}.flow", by, "flushing", 60)
        change = self._chance.choice((Tick(5), shelve, Refuse("forbidden", "no", "[1]")))
        self.add((JOURNAL, n % 2), "entry", encode_entry(Entry(3, change, 7)))

    def _shelving(self) -> None:
        n = self._chance.randrange(4)
        ended = ShelvingEnd(AT, "command", "li.wei", "duty", "done")
        over = self._chance.random() < 0.5
        record = ShelvingRecord(
            f"water.feed-{n}.flow",
            "water",
            "shown" if over else "shelved",
            AT,
            AT,
            "li.wei",
            "duty",
            "flushing",
            "7f3a",
            ended if over else None,
        )
        self.add((ALARMS, n % 2), "shelving", encode_shelving(record))


def batches(
    logs: Logs, positions: Mapping[tuple[str, int], int], chance: random.Random
) -> Iterator[tuple[list[TopicRecord], dict[tuple[str, int], int]]]:
    """What a reader gives from some positions on, in polls of any size and mixture."""
    left = {
        place: [one for one in log if one.offset >= positions.get(place, 0)]
        for place, log in logs.items()
    }
    while any(left.values()):
        records: list[TopicRecord] = []
        behind: dict[tuple[str, int], int] = {}
        for place in sorted(left):
            most = chance.choice((0, 1, 3, 20))
            taken, left[place] = left[place][:most], left[place][most:]
            if taken:
                records += taken
                behind[place] = taken[-1].offset + 1
        yield records, behind


def dump(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """All rows but their numbers, sorted."""
    found = {}
    with store.reading() as connection:
        for table in METADATA.sorted_tables:
            if table is not FEED:
                columns = [column for column in table.columns if column.name != "seq"]
                rows = connection.execute(select(*columns)).all()
                found[table.name] = sorted((tuple(row) for row in rows), key=repr)
    return found


def picked(store: Store, table: str, *columns: str) -> set[tuple[Any, ...]]:
    """Some columns of all rows of a table."""
    known = METADATA.tables[table]
    with store.reading() as connection:
        rows = connection.execute(select(*(known.c[name] for name in columns))).all()
    assert len(set(map(tuple, rows))) == len(rows), f"{columns} tell the rows of {table} apart"
    return set(map(tuple, rows))


class Twin:
    """The rows as whoever reads records one by one would keep them, without a database.

    Parameters
    ----------
    logs : mapping
    """

    def __init__(self, logs: Logs) -> None:
        self.alarms: dict[Any, Any] = {}
        self.incidents: dict[str, Any] = {}
        self.revisions: dict[Any, Any] = {}
        self.notices: dict[str, Any] = {}
        self.commands: set[Any] = set()
        self.shelvings: dict[Any, Any] = {}
        self.unreadable: set[Any] = set()
        for log in logs.values():
            for record in log:
                self._take(record)

    def _take(self, record: TopicRecord) -> None:
        place = record.topic, record.partition, record.offset
        if record.kind == "mark":
            return
        try:
            body = json.loads(record.value or b"")
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict) or not body:
            self.unreadable.add(place)
        elif record.kind == "entry":
            if body["change"]["kind"] != "tick":
                self.commands.add((*place, *self._said(body["change"])))
        else:
            self._keep(record, body)

    def _keep(self, record: TopicRecord, body: dict[str, Any]) -> None:
        if record.kind == "revision":
            lane = f"water-{record.partition}"
            self.alarms[body["id"], body["revision"]] = (body["state"], body["channel"], lane)
        elif record.kind == "incident":
            self.revisions[body["id"], body["revision"]] = body["situation"]["colour"]
            self.incidents[body["id"]] = body
        elif record.kind == "notice":
            kept = body["withheld"]
            detail = kept["detail"].replace("\0", "\ufffd") if kept else ""
            self.notices[body["id"]] = (body["incident"], kept["by"] if kept else None, detail)
        else:
            ended = body["ended"] or {}
            self.shelvings[body["channel"], body["since"]] = body["state"], ended.get("by", "")

    @staticmethod
    def _said(change: dict[str, Any]) -> tuple[str, str, str]:
        if change["kind"] != "refuse":
            return change["kind"], change["by"], ""
        try:
            said = json.loads(change["body"])
        except ValueError:
            said = {}
        said = said if isinstance(said, dict) else {}
        return said.get("kind", ""), said.get("by", ""), change["reason"]

    def assert_equals(self, store: Store) -> None:
        """A store holds what this does."""
        assert picked(store, "alarm_revisions", "id", "revision", "state", "channel", "lane") == {
            (*key, *value) for key, value in self.alarms.items()
        }
        assert picked(store, "incident_revisions", "id", "revision", "colour") == {
            (*key, colour) for key, colour in self.revisions.items()
        }
        assert picked(store, "incidents", "id", "revision", "open", "colour") == {
            (id_, one["revision"], not one["ticket"]["verdict"], one["situation"]["colour"])
            for id_, one in self.incidents.items()
        }
        assert picked(store, "incident_lifelines", "incident", "lifeline") == {
            (id_, name)
            for id_, one in self.incidents.items()
            for name in one["situation"]["lifelines"]
        }
        assert picked(store, "incident_members", "incident", "alarm") == {
            (id_, alarm)
            for id_, one in self.incidents.items()
            for member in one["situation"]["members"]
            for alarm in (member["alarm"], *member["also"])
        }
        self._assert_people(store)

    def _assert_people(self, store: Store) -> None:
        assert picked(store, "notices", "id", "incident", "withheld_by", "withheld_detail") == {
            (id_, *told) for id_, told in self.notices.items()
        }
        place = ("topic", "partition", "log_offset")
        assert picked(store, "commands", *place, "kind", "by", "refused_for") == self.commands
        assert picked(store, "shelvings", "channel", "since", "state", "ended_by") == {
            (*key, *value) for key, value in self.shelvings.items()
        }
        assert picked(store, "unreadable", *place) == self.unreadable


def written(store: Store, records: Sequence[TopicRecord]) -> None:
    """Let a new history take some records as one poll."""
    history = History(store, NAMES)
    history.positions()
    behind = {(one.topic, one.partition): one.offset + 1 for one in records}
    history.apply(records, behind)
