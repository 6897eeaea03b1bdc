"""What people ask: open incidents, timelines, alarms, audits, withheld notices, what is new."""

import random

import msgspec
import pytest
from sqlalchemy import Connection

from contracts.desk.commands import Acknowledge
from contracts.desk.incident import Incident
from contracts.desk.journal import DeskEntry, encode_desk_entry
from contracts.desk.notice import Notice, Withheld
from contracts.journal import Refuse
from contracts.ports.projection import TopicRecord
from sinks.history.queries import (
    IncidentFilter,
    Period,
    alarms_of,
    audit,
    changes,
    open_incidents,
    timeline,
    unreadable,
    withheld,
)
from sinks.history.retention import prune
from sinks.history.store import Store
from tests.sinks.history.conftest import NewStore
from tests.testkit.desk.alarms import BEGAN_S, alarm, alarm_id
from tests.testkit.desk.topics import (
    ALARMS,
    DESK_JOURNAL,
    NAMES,
    RandomTopics,
    incident,
    notice,
    picked,
    written,
)

pytestmark = pytest.mark.slow

DAY_MS = 86_400_000
OLD_MS, NEW_MS = 10 * DAY_MS, 100 * DAY_MS


class Day:
    """Records, each a millisecond behind the one before."""

    def __init__(self, began_ms: int = 1_000) -> None:
        self.records: list[TopicRecord] = []
        self._at_ms = began_ms

    def add(self, topic: str, kind: str, body: bytes) -> None:
        self._at_ms += 1
        number = len(self.records)
        self.records.append(TopicRecord(topic, 0, number, self._at_ms, b"k", body, kind))

    def alarm(self, number: int, **changed: object) -> None:
        self.add(ALARMS, "revision", alarm(number, BEGAN_S + number, **changed))

    def incident(self, told: Incident) -> None:
        self.add(NAMES.incidents, "incident", msgspec.json.encode(told))

    def notice(self, told: Notice) -> None:
        self.add(NAMES.notices, "notice", msgspec.json.encode(told))

    def command(self, change: Acknowledge | Refuse) -> None:
        self.add(DESK_JOURNAL, "entry", encode_desk_entry(DeskEntry(change, 4)))


def i(number: int) -> str:
    return f"i-{number:016x}"


@pytest.fixture
def store(new_store: NewStore) -> Store:
    """A day with four incidents, of which one is closed and one merged."""
    day = Day()
    day.alarm(1)
    day.incident(incident(1, 1, members=[1, 5]))
    day.notice(notice(1, 1, "water-310101"))
    day.notice(notice(2, 1, "city", Withheld("budget", "2023-11-15T07:00:00+08:00", "b")))
    day.command(Acknowledge(target=i(1), by="li.wei", reason="seen", role="duty", key="k1"))
    day.command(Refuse("expired_command", "late", f'{{"by":"wang","target":"{alarm_id(5)}"}}'))
    day.incident(incident(2, 1, colour="red", lifelines=["power", "water"], district="310104"))
    day.incident(incident(3, 1))
    day.incident(incident(3, 2, verdict="true"))
    day.incident(incident(4, 1, state="merged"))
    day.incident(incident(1, 2, members=[1, 5], owner="district"))
    day.alarm(1, revision=2, state="cleared")
    day.add(ALARMS, "revision", b"{")
    store = new_store()
    written(store, day.records)
    return store


def ids(connection: Connection, **wanted: str) -> list[str]:
    return [one.id for one in open_incidents(connection, IncidentFilter(**wanted))]


def test_open_incidents_are_found_by_what_they_have(store: Store) -> None:
    with store.reading() as connection:
        assert ids(connection) == [i(2), i(1)]
        assert ids(connection, lifeline="power") == [i(2)]
        assert ids(connection, district="310101") == [i(1)]
        assert ids(connection, colour="red", lifeline="water") == [i(2)]
        assert ids(connection, owner="district") == [i(1)]
        assert ids(connection, desk="water-310101") == [i(1)]
        assert ids(connection, desk="city") == [], "what was kept back was not told"
        (first, _) = open_incidents(connection)
        assert (first.title_en, first.people, first.revision) == ("Feed 2", 1200, 1)


def test_a_timeline_tells_all_that_happened_in_order(store: Store) -> None:
    with store.reading() as connection:
        found = timeline(connection, i(1))
        assert timeline(connection, "i-none") == []
    assert [(one.kind, one.what, one.who, one.detail) for one in found] == [
        ("alarm", "active", "water.feed-1.flow", "yellow"),
        ("incident", "new", "", "orange"),
        ("notice", "new", "water-310101", ""),
        ("notice", "new", "city", "budget"),
        ("command", "acknowledge", "li.wei", ""),
        ("command", "", "wang", "expired_command"),
        ("incident", "new", "district", "orange"),
        ("alarm", "cleared", "water.feed-1.flow", "yellow"),
    ]


def test_alarms_of_a_channel_and_what_people_did(store: Store) -> None:
    with store.reading() as connection:
        found = alarms_of(connection, "water.feed-1.flow")
        assert [(one.revision, one.state) for one in found] == [(2, "cleared"), (1, "active")]
        assert alarms_of(connection, "water.feed-1.flow", Period(0, 5)) == []
        done, refused = audit(connection, "li.wei"), audit(connection, "wang")
        assert len(audit(connection)) == 2
        assert audit(connection, "li.wei", Period(0, 1_001)) == []
        kept, other = withheld(connection, "city"), withheld(connection, "water-310101")
        (damaged,) = unreadable(connection)
    assert [(a.kind, a.target, a.role, a.signed_by, a.refused) for a in done] == [
        ("acknowledge", i(1), "duty", "k1", False)
    ]
    assert [(a.target, a.refused_for) for a in refused] == [(alarm_id(5), "expired_command")]
    assert [(n.incident, n.withheld_by, n.withheld_detail) for n in kept] == [(i(1), "budget", "b")]
    assert other == []
    assert damaged.place.startswith(f"{ALARMS}[0]@")


def test_whoever_follows_with_a_cursor_misses_nothing_and_sees_nothing_twice(
    new_store: NewStore,
) -> None:
    chance = random.Random(1)
    topics, store = RandomTopics(chance), new_store()
    seen: list[tuple[str, str]] = []
    numbers: list[int] = []
    cursor, taken = "", 0
    for _ in range(3):
        everything = [one for log in topics.fill(20).values() for one in log]
        written(store, everything[taken:])
        taken = len(everything)
        with store.reading() as connection:
            while (found := changes(connection, cursor, most=7)).changes:
                assert not found.anew
                cursor = found.cursor
                seen += [(one.kind, one.id) for one in found.changes]
                numbers += [one.seq for one in found.changes]
    assert numbers == sorted(set(numbers))
    told = {("notice", id_) for (id_,) in picked(store, "notices", "id")}
    assert told <= set(seen)


@pytest.mark.parametrize("cursor", ["0000000000000000-3", "nonsense", "-", "5"])
def test_a_cursor_of_another_history_is_told_to_begin_anew(store: Store, cursor: str) -> None:
    with store.reading() as connection:
        found = changes(connection, cursor)
        assert (found.changes, found.anew) == ([], True)
        assert changes(connection, found.cursor) == ([], found.cursor, False)


def test_what_is_over_and_old_is_removed_and_what_is_open_stays(new_store: NewStore) -> None:
    day = Day(OLD_MS)
    for number in (1, 2, 3, 4):
        day.alarm(number)
    for number in (1, 2, 4):
        day.alarm(number, revision=2, state="cleared")
    day.incident(incident(1, 1, members=[1]))
    day.incident(incident(2, 1, members=[2], verdict="true"))
    day.notice(notice(1, 1))
    day.notice(notice(2, 2))
    day.command(Acknowledge(target=i(1), by="li.wei"))
    day.command(Acknowledge(target=i(2), by="li.wei"))
    day.add(ALARMS, "revision", b"{")
    late = Day(NEW_MS)
    late.records = list(day.records)
    late.alarm(9)
    late.alarm(9, revision=2, state="cleared")
    late.notice(notice(9, 2))
    store = new_store()
    written(store, late.records)

    removed = prune(store, NEW_MS)
    assert {name: count for name, count in removed.items() if count} == {
        "alarm_revisions": 4,
        "incidents": 1,
        "incident_revisions": 1,
        "incident_lifelines": 1,
        "incident_members": 1,
        "notices": 1,
        "commands": 1,
        "unreadable": 1,
    }
    assert {id_ for id_, _ in picked(store, "alarm_revisions", "id", "revision")} == {
        alarm_id(number) for number in (1, 3, 9)
    }
    assert picked(store, "incidents", "id") == {(i(1),)}
    assert picked(store, "notices", "id") == {(f"n-{number:016x}",) for number in (1, 9)}
    assert picked(store, "commands", "target") == {(i(1),)}
    assert sum(prune(store, NEW_MS).values()) == 0
