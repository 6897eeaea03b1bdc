"""Of what resilience is worked out: levels of alarms and incidents, in either database."""

import msgspec
import pytest

from contracts.ports.projection import TopicRecord
from sinks.history.levels import (
    incident,
    incidents,
    known_until_ms,
    levels,
    levels_of,
)
from sinks.history.projection import History
from sinks.history.queries import Period
from sinks.history.store import Store
from tests.sinks.history.conftest import NewStore
from tests.testkit.desk.alarms import BEGAN_S, alarm, alarm_id
from tests.testkit.desk.topics import ALARMS, NAMES, written
from tests.testkit.desk.topics import incident as told

pytestmark = pytest.mark.slow


def i(number: int) -> str:
    return f"i-{number:016x}"


@pytest.fixture
def store(new_store: NewStore) -> Store:
    """Alarm 1 is over after 100 s, alarm 2 stands, alarm 3 comes at 200 s on an asset by name."""
    bodies = [
        (ALARMS, "revision", alarm(1)),
        (ALARMS, "revision", alarm(2, BEGAN_S + 10)),
        (ALARMS, "revision", alarm(1, BEGAN_S + 100, revision=2, state="cleared")),
        (ALARMS, "revision", alarm(3, BEGAN_S + 200, asset="feed-3", colour="red")),
        (NAMES.incidents, "incident", msgspec.json.encode(told(1, 1, members=[1]))),
        (NAMES.incidents, "incident", msgspec.json.encode(told(1, 2, members=[1, 2]))),
        (NAMES.incidents, "incident", msgspec.json.encode(told(2, 1, members=[3]))),
    ]
    records = [
        TopicRecord(topic, 0, at, 1_000 + at, b"k", body, kind)
        for at, (topic, kind, body) in enumerate(bodies)
    ]
    store = new_store()
    written(store, records)
    return store


def seen(store: Store, begins_s: int, ends_s: int) -> set[tuple[str, int]]:
    period = Period((BEGAN_S + begins_s) * 1_000, (BEGAN_S + ends_s) * 1_000)
    with store.reading() as connection:
        return {(one.id, one.revision) for one in levels(connection, period)}


def test_of_a_period_are_the_alarms_that_stood_in_it(store: Store) -> None:
    first, second, third = (alarm_id(number) for number in (1, 2, 3))
    assert seen(store, 0, 50) == {(first, 1), (second, 1)}
    assert seen(store, 50, 150) == {(first, 1), (first, 2), (second, 1)}
    assert seen(store, 150, 190) == {(second, 1)}, "what stands has begun long ago"
    assert seen(store, 150, 500) == {(second, 1), (third, 1)}
    assert seen(store, -50, 0) == set()


def test_of_an_incident_are_its_alarms_and_those_of_its_root(store: Store) -> None:
    with store.reading() as connection:
        mine = levels_of(connection, i(1), [])
        assert [(one.id, one.revision) for one in mine] == sorted(
            [(alarm_id(1), 1), (alarm_id(1), 2), (alarm_id(2), 1)]
        )
        assert {one.asset for one in mine} == {"water.feed-1.flow", "water.feed-2.flow"}
        rooted = levels_of(connection, i(1), ["water.feed-3"])
    (third,) = (one for one in rooted if one.id == alarm_id(3))
    assert (third.asset, third.colour, third.rule) == ("feed-3", "red", "limit")
    assert third.onset_ms == third.detected_ms == (BEGAN_S + 200) * 1_000


def test_of_each_incident_is_the_newest_revision(store: Store) -> None:
    with store.reading() as connection:
        found = incident(connection, i(1))
        assert found is not None
        assert (found.revision, len(found.situation.members)) == (2, 2)
        assert incident(connection, "i-none") is None
        assert {one.id for one in incidents(connection)} == {i(1), i(2)}
        assert incidents(connection, Period(until_ms=1_000)) == []


def test_what_is_known_reaches_to_the_last_look_or_the_last_alarm(new_store: NewStore) -> None:
    store = new_store()
    written(store, [TopicRecord(ALARMS, 0, 0, 1_000, b"k", alarm(1, BEGAN_S), "revision")])
    with store.reading() as connection:
        assert known_until_ms(connection) == BEGAN_S * 1_000
    history = History(store, NAMES)
    history.positions()
    history.current((BEGAN_S + 60) * 1_000)
    with store.reading() as connection:
        assert known_until_ms(connection) == (BEGAN_S + 60) * 1_000
