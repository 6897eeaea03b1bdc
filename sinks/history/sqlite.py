"""A history in one SQLite file: WAL, synced, readable by its owner alone."""

import os
import sqlite3
from pathlib import Path
from typing import Any, Final, Self

from sqlalchemy import Connection, Engine, Table, create_engine, event
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from contracts.errors import TocsinError
from runtime.durable_file import make_private
from sinks.history.store import Store, replacing

BUSY_S: Final = 5.0  # how long another writer is waited for within a transaction
_DAMAGED: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_BUSY: Final = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


class SqliteStore(Store):
    """The history in a file.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.where = str(path)
        self.engine: Engine = create_engine(
            "sqlite://", creator=self._connect, poolclass=QueuePool, pool_size=1, max_overflow=0
        )
        event.listen(self.engine, "begin", _begin)

    def _connect(self) -> sqlite3.Connection:
        make_private(self._path.parent)
        # SQLite gives its other files the mode of this one.
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        # Without its own transactions: the driver would commit before statements that make tables.
        connection = sqlite3.connect(
            self._path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # heeded in an empty file alone
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
        except BaseException:
            connection.close()
            raise
        return connection

    def prepare(self, connection: Connection) -> None:
        """See `Store`; a connection makes the file."""

    def upsert(self, connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
        """See `Store`."""
        connection.execute(replacing(sqlite.insert(table), table), rows)

    def meaning(self, error: BaseException) -> TocsinError:
        """See `Store`."""
        cause = error.orig if isinstance(error, DBAPIError) else error
        code = getattr(cause, "sqlite_errorcode", None)
        code = None if code is None else code & 0xFF  # without what extended codes add
        if code in _BUSY:
            wanted, advice = "to write to", "another process is writing there; retrying"
        elif code == sqlite3.SQLITE_FULL:
            wanted, advice = "room for", "free some space, or `tocsin history prune`; retrying"
        elif code in _DAMAGED:
            advice = "move the file away and run `tocsin history rebuild`"
            return self.fatal("a sound database in", cause, advice)
        elif code in {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH}:
            return self.fatal("its own tables in", cause, "run `tocsin history rebuild`")
        else:  # input and output, rights, a folder that is gone
            wanted, advice = "to use", "see to its disk and rights; retrying"
        return self.retry(wanted, cause, advice)

    def draft(self) -> Self:
        """See `Store`."""
        path = self._path.with_name(f"{self._path.name}.draft")
        for left in ("", "-wal", "-shm"):
            path.with_name(path.name + left).unlink(missing_ok=True)
        return type(self)(path)

    def become(self, draft: Self) -> None:
        """Copy a draft's pages over this file's in one transaction, for all who have it open."""
        draft.close()
        with self._meant():
            source, target = draft._connect(), self._connect()
            try:
                source.backup(target)
            finally:
                source.close()
                target.close()
        self.draft().close()

    def reclaim(self) -> None:
        """Give what was deleted back to the file system."""
        with self._meant(), self.engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            driver.execute("PRAGMA incremental_vacuum").fetchall()


def _begin(connection: Connection) -> None:
    """Begin as a writer at once: who begins as a reader may find its place taken."""
    reads = connection.get_execution_options().get("reads", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
