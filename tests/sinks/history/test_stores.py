"""What a database's troubles mean: tried again where the world is at fault, nothing lost."""

import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import event, text

from contracts.errors import AccessDenied, ConfigError, FatalError, RetryableError
from contracts.kafka import Secret
from contracts.ports.projection import TopicRecord
from contracts.settings.history import HistorySettings
from sinks.history import postgresql, sqlite
from sinks.history.opening import store_of
from sinks.history.postgresql import PostgresStore
from sinks.history.projection import History
from sinks.history.sqlite import SqliteStore
from tests.sinks.history.conftest import NewStore
from tests.testkit.desk.alarms import alarm
from tests.testkit.desk.topics import ALARMS, NAMES, picked
from tests.testkit.postgres.server import PASSWORD, PostgresServer

pytestmark = pytest.mark.slow

FILLS = (  # behind the first row there is no room
    """CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.log_offset > 0 THEN RAISE 'could not extend file' USING ERRCODE = 'disk_full'; END IF;
    RETURN NEW; END $$""",
    "CREATE TRIGGER fills BEFORE INSERT ON alarm_revisions FOR EACH ROW EXECUTE FUNCTION fill()",
)
FULL = 60  # pages, a quarter of a megabyte: tables, and some alarms


def record(number: int) -> TopicRecord:
    return TopicRecord(ALARMS, 0, number, 5, b"k", alarm(number), "revision")


@pytest.fixture
def file(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "state" / "history.sqlite")
    yield store
    store.close()


def test_a_file_and_its_folder_are_for_their_owner_alone(file: SqliteStore) -> None:
    History(file, NAMES).positions()
    folder = Path(file.where).parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert set(modes.values()) == {0o600}, modes
    assert "history.sqlite-wal" in modes


def test_a_locked_file_is_tried_again(file: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_S", 0.05)
    history = History(file, NAMES)
    history.positions()
    with closing(sqlite3.connect(file.where, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RetryableError, match="another process is writing there; retrying"):
            history.apply([record(0)], {(ALARMS, 0): 1})
        other.execute("ROLLBACK")
    history.apply([record(0)], {(ALARMS, 0): 1})
    assert len(picked(file, "alarm_revisions", "id")) == 1


def test_a_disk_that_fills_loses_nothing(file: SqliteStore) -> None:
    history = History(file, NAMES)
    history.positions()

    def bound(pages: int) -> None:
        with file.reading() as connection:
            connection.execute(text(f"PRAGMA max_page_count = {pages}"))

    bound(FULL)
    taken = 0

    def take() -> None:
        nonlocal taken
        while True:
            history.apply([record(taken)], {(ALARMS, 0): taken + 1})
            taken += 1

    with pytest.raises(RetryableError, match="free some space, or `tocsin history prune`"):
        take()
    assert taken
    assert history.positions() == {(ALARMS, 0): taken}
    bound(10**6)
    history.apply([record(taken)], {(ALARMS, 0): taken + 1})
    assert len(picked(file, "alarm_revisions", "id")) == taken + 1


def test_a_damaged_file_ends_it_with_what_to_do(file: SqliteStore) -> None:
    path = Path(file.where)
    path.parent.mkdir()
    path.write_bytes(b"no database at all " * 100)
    with pytest.raises(FatalError, match="move the file away and run `tocsin history rebuild`"):
        History(file, NAMES).positions()


def test_tables_that_are_gone_end_it_with_what_to_do(new_store: NewStore) -> None:
    store = new_store()
    history = History(store, NAMES)
    history.positions()
    with store.writing() as connection:
        connection.execute(text("DROP TABLE alarm_revisions"))
    with pytest.raises(FatalError, match="run `tocsin history rebuild`"):
        history.apply([record(0)], {(ALARMS, 0): 1})


def test_a_folder_where_nothing_can_be_written_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "history.sqlite").mkdir()
    store = SqliteStore(tmp_path / "history.sqlite")
    with pytest.raises(RetryableError, match="see to its disk and rights; retrying"):
        History(store, NAMES).positions()


def test_a_server_that_is_away_is_waited_for_and_nothing_is_lost(
    postgres: PostgresServer,
) -> None:
    store = PostgresStore(postgres.database())
    history = History(store, NAMES)
    history.positions()
    history.apply([record(0)], {(ALARMS, 0): 1})
    postgres.stop()
    try:
        for _ in range(2):
            with pytest.raises(RetryableError, match="see whether it runs; retrying"):
                history.apply([record(1)], {(ALARMS, 0): 2})
    finally:
        postgres.start()
    history.apply([record(1)], {(ALARMS, 0): 2})
    assert len(picked(store, "alarm_revisions", "id")) == 2
    store.close()


def test_tables_that_another_session_holds_are_tried_again(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "LOCK_S", 1)
    store, other = (PostgresStore(settings) for settings in [postgres.database()] * 2)
    history = History(store, NAMES)
    history.positions()
    with other.writing() as connection:
        connection.execute(text("LOCK TABLE alarm_revisions IN ACCESS EXCLUSIVE MODE"))
        with pytest.raises(RetryableError, match="another process is writing there; retrying"):
            history.apply([record(0)], {(ALARMS, 0): 1})
    assert history.positions() == {}
    history.apply([record(0)], {(ALARMS, 0): 1})
    assert len(picked(store, "alarm_revisions", "id")) == 1
    store.close()
    other.close()


def test_a_server_whose_disk_fills_loses_nothing(postgres: PostgresServer) -> None:
    """The server itself says so, within a write: 53100 is its code for a full disk."""
    store = PostgresStore(postgres.database())
    history = History(store, NAMES)
    history.positions()
    with store.writing() as connection:
        for statement in FILLS:
            connection.execute(text(statement))
    history.apply([record(0)], {(ALARMS, 0): 1})
    for _ in range(2):
        with pytest.raises(RetryableError, match="free some, or `tocsin history prune`; retrying"):
            history.apply([record(1), record(2)], {(ALARMS, 0): 3})
        assert history.positions() == {(ALARMS, 0): 1}
    assert len(picked(store, "alarm_revisions", "id")) == 1
    with store.writing() as connection:
        connection.execute(text("DROP TRIGGER fills ON alarm_revisions"))
    history.apply([record(1), record(2)], {(ALARMS, 0): 3})
    assert len(picked(store, "alarm_revisions", "id")) == 3
    store.close()


def test_a_connection_that_breaks_within_a_write_keeps_nothing_of_it(
    postgres: PostgresServer,
) -> None:
    store, other = (PostgresStore(settings) for settings in [postgres.database()] * 2)
    history = History(store, NAMES)
    history.positions()

    def end_it(*_: Any) -> None:
        with other.writing() as connection:
            mine = "pid <> pg_backend_pid() AND datname = current_database()"
            ends = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {mine}"
            connection.execute(text(ends))

    event.listen(store.engine, "commit", end_it, once=True)
    with pytest.raises(RetryableError):
        history.apply([record(0)], {(ALARMS, 0): 1})
    assert history.positions() == {}
    history.apply([record(0)], {(ALARMS, 0): 1})
    assert len(picked(store, "alarm_revisions", "id")) == 1
    store.close()
    other.close()


def test_a_password_that_is_refused_is_not_printed(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = postgres.database()
    monkeypatch.setenv(PASSWORD, "hunter2")
    store = PostgresStore(settings)
    with pytest.raises(AccessDenied, match=r"see to `history\.url`") as raised:
        History(store, NAMES).positions()
    shown = f"{raised.value} {raised.value.__cause__!r} {settings!r} {store.where} {store.engine!r}"
    assert "hunter2" not in shown
    absent = msgspec.structs.replace(settings, password=Secret("${env:TOCSIN_NOWHERE}"))
    with pytest.raises(AccessDenied, match="expected the variable TOCSIN_NOWHERE, got none"):
        History(PostgresStore(absent), NAMES).positions()


def test_a_history_lies_in_the_folder_of_the_state_unless_it_is_told_where(tmp_path: Path) -> None:
    assert store_of(HistorySettings(), str(tmp_path)).where == str(tmp_path / "history.sqlite")
    named = HistorySettings(url=f"sqlite:///{tmp_path}/other.sqlite")
    assert store_of(named, "s3://bucket/x").where == f"{tmp_path}/other.sqlite"
    with pytest.raises(ConfigError, match=r"history.url: expected an address .*s3://bucket/x"):
        store_of(HistorySettings(), "s3://bucket/x")
