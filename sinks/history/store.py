"""A database that holds a history: how it is opened, and what its errors mean."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Self

from sqlalchemy import Connection, Engine, Table
from sqlalchemy.exc import DBAPIError

from contracts.errors import FatalError, RetryableError, TocsinError

RETRY_AFTER_S: Final = 1.0


class Store(ABC):
    """One history in one database; used from one thread.

    Attributes
    ----------
    where : str
        To be shown, without credentials.
    engine : Engine
    """

    where: str
    engine: Engine

    @abstractmethod
    def meaning(self, error: BaseException) -> TocsinError:
        """What an error of the driver means for whoever writes."""

    @abstractmethod
    def draft(self) -> Self:
        """An empty store beside this one, where a history is made anew; what was there is gone."""

    @abstractmethod
    def become(self, draft: Self) -> None:
        """Hold what a draft holds, all at once, in place of what was here; the draft is gone."""

    @abstractmethod
    def reclaim(self) -> None:
        """Give back the room of what was deleted."""

    @abstractmethod
    def prepare(self, connection: Connection) -> None:
        """Make what tables are made in."""

    @abstractmethod
    def upsert(self, connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
        """Write rows, of which no two have one key, in place of those with their keys."""

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes: all of it is kept, or nothing.

        Raises
        ------
        RetryableError
            When the database is away, locked or full: the same may succeed later.
        FatalError
            When a person is needed.
        """
        with self._meant(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the history and locks out nobody."""
        with self._meant(), self.engine.connect() as connection:
            yield connection.execution_options(reads=True)

    @contextmanager
    def _meant(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, OSError) as error:
            raise self.meaning(error) from error

    def close(self) -> None:
        """Let go of connections."""
        self.engine.dispose()

    def retry(self, expected: str, got: object, advice: str) -> RetryableError:
        """What is tried again."""
        msg = f"history: expected {expected} {self.where}, got {got}; {advice}"
        return RetryableError(msg, RETRY_AFTER_S)

    def fatal(self, expected: str, got: object, advice: str) -> FatalError:
        """What a person must mend."""
        return FatalError(f"history: expected {expected} {self.where}, got {got}; {advice}")


def replacing(insert: Any, table: Table) -> Any:
    """A dialect's INSERT that replaces what has the same key."""
    keys = [column.name for column in table.primary_key]
    rest = {c.name: insert.excluded[c.name] for c in table.columns if not c.primary_key}
    if not rest:
        return insert.on_conflict_do_nothing(index_elements=keys)
    return insert.on_conflict_do_update(index_elements=keys, set_=rest)
