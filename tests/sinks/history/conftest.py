"""A history in either database."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from sinks.history.postgresql import PostgresStore
from sinks.history.sqlite import SqliteStore
from sinks.history.store import Store
from tests.testkit.postgres.server import PostgresServer, needed

NewStore = Callable[[], Store]


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One server, started by the first test that asks: make databases of your own."""
    needed()
    with PostgresServer() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def new_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NewStore]:
    """Makes an empty store; its connections are closed at the end."""
    with ExitStack() as stack:
        made: list[Store] = []

        def make() -> Store:
            store: Store
            if request.param == "sqlite":
                store = SqliteStore(tmp_path / f"history-{len(made)}.sqlite")
            else:
                store = PostgresStore(request.getfixturevalue("postgres").database())
            made.append(store)
            stack.callback(store.close)
            return store

        yield make
