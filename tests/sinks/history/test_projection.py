"""Each record is in the history once, however polls are cut and whenever the process dies."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, select

from contracts.errors import RetryableError
from contracts.ports.projection import TopicRecord
from sinks.history.projection import History
from sinks.history.store import Store
from sinks.history.tables import FED, FEED
from tests.sinks.history.conftest import NewStore
from tests.testkit.desk.alarms import alarm
from tests.testkit.desk.topics import (
    ALARMS,
    NAMES,
    Logs,
    RandomTopics,
    Twin,
    batches,
    dump,
    picked,
    written,
)

pytestmark = pytest.mark.slow

RECORDS = 100


class DeathError(Exception):
    """The process is gone."""


@contextmanager
def dying(store: Store, after: int) -> Iterator[None]:
    """Die before the statement behind so many, commits counted as statements."""
    left = after

    def reach(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise DeathError

    for name in ("before_cursor_execute", "commit"):
        event.listen(store.engine, name, reach)
    try:
        yield
    finally:
        for name in ("before_cursor_execute", "commit"):
            event.remove(store.engine, name, reach)


def live(store: Store, logs: Logs, chance: random.Random, deaths: int = 0) -> int:
    """Take all of the logs, through so many deaths; how many there were."""
    died = 0
    while True:
        try:
            with dying(store, chance.randint(5, 25) if died < deaths else 10**9):
                history = History(store, NAMES)
                for records, behind in batches(logs, history.positions(), chance):
                    history.apply(records, behind)
        except DeathError:
            died += 1
            store.close()
        else:
            return died


@pytest.mark.parametrize("seed", range(2))
def test_rows_are_those_of_a_plain_twin_through_deaths_between_any_statements(
    new_store: NewStore, seed: int
) -> None:
    chance = random.Random(seed)
    logs = RandomTopics(chance).fill(RECORDS)
    store = new_store()
    assert live(store, logs, chance, deaths=8) == 8
    Twin(logs).assert_equals(store)
    positions = {place: log[-1].offset + 1 for place, log in logs.items() if log}
    assert History(store, NAMES).positions() == positions


def test_a_history_made_anew_has_the_same_rows(new_store: NewStore) -> None:
    chance = random.Random(7)
    logs = RandomTopics(chance).fill(RECORDS)
    store = new_store()
    live(store, logs, chance, deaths=3)
    was = dump(store)
    draft = store.draft()
    live(draft, logs, random.Random(8))
    store.become(draft)
    assert dump(store) == was
    assert all(was.values()), "every table has rows"


def test_who_writes_goes_on_behind_a_history_made_anew(new_store: NewStore) -> None:
    chance = random.Random(9)
    topics = RandomTopics(chance)
    store = new_store()
    live(store, topics.fill(20), chance)
    history = History(store, NAMES)
    history.positions()

    draft = store.draft()
    live(draft, topics.fill(20), chance)
    store.become(draft)
    logs = topics.fill(20)

    record = TopicRecord(ALARMS, 0, 10**6, 5, b"k", alarm(77), "revision")
    with pytest.raises(RetryableError, match="another process wrote there"):
        history.apply([record], {(ALARMS, 0): 10**6 + 1})
    for records, behind in batches(logs, history.positions(), chance):
        history.apply(records, behind)
    Twin(logs).assert_equals(store)


def test_of_two_writers_one_is_refused_and_neither_doubles_a_row(new_store: NewStore) -> None:
    store = new_store()
    records = [TopicRecord(ALARMS, 0, n, 5, b"k", alarm(n), "revision") for n in range(2)]
    first, second = History(store, NAMES), History(store, NAMES)
    first.positions()
    second.positions()
    first.apply(records[:1], {(ALARMS, 0): 1})
    with pytest.raises(RetryableError, match="another process wrote there"):
        second.apply(records[:1], {(ALARMS, 0): 1})
    assert second.positions() == {(ALARMS, 0): 1}
    second.apply(records[1:], {(ALARMS, 0): 2})
    assert len(picked(store, "alarm_revisions", "id", "revision")) == 2


def test_numbers_rise_with_every_row_and_none_is_given_twice(new_store: NewStore) -> None:
    chance = random.Random(3)
    store = new_store()
    live(store, RandomTopics(chance).fill(RECORDS), chance, deaths=2)
    with store.reading() as connection:
        last = connection.execute(select(FEED.c.seq)).scalar_one()
        numbers = [
            number
            for table, _ in FED.values()
            for number in connection.execute(select(table.c.seq)).scalars()
        ]
    assert len(numbers) == len(set(numbers))
    assert 0 < min(numbers) <= max(numbers) <= last


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"\xff", "invalid"),
        (alarm(1, id="a" * 3_000), "expected `id` of at most 600 characters, got 3000"),
        (alarm(1, revision=2**63), "expected `revision` within 64 bits"),
    ],
    ids=["text", "long", "large"],
)
def test_what_no_row_can_hold_is_kept_as_unreadable_and_the_rest_is_written(
    new_store: NewStore, body: bytes, why: str
) -> None:
    store = new_store()
    good = TopicRecord(ALARMS, 0, 1, 5, b"k", alarm(2), "revision")
    written(store, [TopicRecord(ALARMS, 0, 0, 5, b"k", body, "revision"), good])
    assert len(picked(store, "alarm_revisions", "id")) == 1
    ((offset, kept, size, said),) = picked(
        store, "unreadable", "log_offset", "bytes", "size", "why"
    )
    assert (offset, bytes(kept), size) == (0, body[:1024], len(body))
    assert why.lower() in said.lower()


def test_a_text_with_a_nul_is_kept_without_it(new_store: NewStore) -> None:
    store = new_store()
    written(store, [TopicRecord(ALARMS, 0, 0, 5, b"k", alarm(1, channel="a\0b"), "revision")])
    assert picked(store, "alarm_revisions", "channel") == {("a\ufffdb",)}
