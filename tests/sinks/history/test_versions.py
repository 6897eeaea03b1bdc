"""Tables come from the first version to the newest with what is in them, and no further."""

import random
from functools import partial
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import insert, inspect, select, text

from contracts.errors import ConfigError
from sinks.history.projection import History
from sinks.history.queries import changes
from sinks.history.rows import Rows
from sinks.history.sqlite import SqliteStore
from sinks.history.store import Store
from sinks.history.tables import FED, METADATA
from sinks.history.versions import HEAD, check_version, migrate
from tests.sinks.history.conftest import NewStore
from tests.testkit.desk.topics import NAMES, Logs, RandomTopics, Twin, batches, dump

pytestmark = pytest.mark.slow


def fill_first_version(store: Store, logs: Logs) -> None:
    """Rows and positions as the release with the first version left them."""
    migrate(store, "1")
    rows = Rows(NAMES)
    for log in logs.values():
        for record in log:
            rows.take(record)
    with store.writing() as connection:
        for table, found in rows.by_table().items():
            names = [column.name for column in table.columns if column.name != "seq"]
            known = [{name: row[name] for name in names} for row in found]
            for row in known:
                connection.execute(insert(table).values(row))
        positions = METADATA.tables["positions"]
        for (topic, partition), log in logs.items():
            if log:
                row = {"topic": topic, "partition": partition, "next_offset": log[-1].offset + 1}
                connection.execute(insert(positions).values(row))


def test_a_filled_history_of_the_first_version_is_carried_on(new_store: NewStore) -> None:
    topics = RandomTopics(random.Random(5))
    store = new_store()
    fill_first_version(store, topics.fill(60))
    with pytest.raises(ConfigError, match=r"expected version 3 .*, got 1; run `tocsin history mig"):
        History(store, NAMES).positions()

    assert migrate(store) == ("1", HEAD)
    Twin(topics.logs).assert_equals(store)
    with store.reading() as connection:
        numbered = changes(connection)
        counts = [len(connection.execute(select(table)).all()) for table, _ in FED.values()]
    assert [change.seq for change in numbered.changes] == list(range(1, sum(counts) + 1))

    history = History(store, NAMES)
    for records, behind in batches(topics.fill(40), history.positions(), random.Random(6)):
        history.apply(records, behind)
    Twin(topics.logs).assert_equals(store)
    fresh = new_store()
    anew = History(fresh, NAMES)
    for records, behind in batches(topics.logs, anew.positions(), random.Random(7)):
        anew.apply(records, behind)
    assert dump(fresh) == dump(store)


def test_migrations_lead_to_the_tables_of_this_release(new_store: NewStore) -> None:
    store = new_store()
    migrate(store)
    with store.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
        found = inspect(connection)
        for table in METADATA.sorted_tables:
            keys = found.get_pk_constraint(table.name)["constrained_columns"]
            assert keys == [column.name for column in table.primary_key]


def test_a_migration_that_dies_leaves_what_was_there(new_store: NewStore) -> None:
    store = new_store()
    fill_first_version(store, RandomTopics(random.Random(5)).fill(10))
    with store.writing() as connection:
        connection.execute(text("CREATE TABLE feed (one INTEGER)"))  # its last step finds this
    with pytest.raises(Exception, match="feed"):
        migrate(store)
    with store.reading() as connection:
        columns = {one["name"] for one in inspect(connection).get_columns("notices")}
    assert "seq" not in columns


def test_tables_of_a_newer_release_are_refused_and_left_alone(new_store: NewStore) -> None:
    store = new_store()
    migrate(store)
    with store.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '17'"))
    wanted = r"expected version 3 or an earlier one in .*, got 17; take the release of Tocsin"
    for act in (
        partial(migrate, store),
        partial(check_version, store),
        History(store, NAMES).positions,
    ):
        with pytest.raises(ConfigError, match=wanted):
            act()


def test_who_asks_a_history_that_is_not_there_is_told_how_to_begin(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "history.sqlite")
    with pytest.raises(ConfigError, match="got none; `tocsin history run` makes and fills them"):
        check_version(store)
    store.close()
