"""A history in a schema of a PostgreSQL database."""

import ssl
from functools import cache
from typing import Any, Final, Self

import msgspec
from sqlalchemy import (
    JSON,
    Connection,
    Engine,
    Table,
    Text,
    bindparam,
    cast,
    column,
    create_engine,
    event,
    func,
    select,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from broker.access import secret_text
from contracts.errors import AccessDenied, TocsinError
from contracts.kafka import masked
from contracts.settings.history import HistorySettings
from sinks.history.store import RETRY_AFTER_S, Store, replacing

SCHEMA: Final = "tocsin_history"
DRAFT: Final = "tocsin_history_draft"
OLD: Final = "tocsin_history_old"
CALL_S: Final = 60  # for an answer; a migration or a rebuild may keep a table for longer
LOCK_S: Final = 5
# Classes of SQLSTATE: connection, resources, operator's intervention, system.
_AWAY: Final = ("08", "53", "57", "58")
_CONTENDED: Final = {"40001", "40P01", "55P03"}
_DENIED: Final = ("28", "3D", "42501")


class PostgresStore(Store):
    """The history in a schema of its own.

    Parameters
    ----------
    settings : HistorySettings
        With a URL of PostgreSQL.
    schema : str
    patient : bool
        Whether statements may take as long as they like.
    """

    def __init__(
        self, settings: HistorySettings, schema: str = SCHEMA, *, patient: bool = False
    ) -> None:
        assert settings.url is not None, "a history without one is a file"
        self._settings = settings
        self._schema = schema
        self._patient = patient
        self.where = f"{masked(settings.url)} (schema {schema})"
        self.engine: Engine = create_engine(
            make_url(settings.url),
            poolclass=QueuePool,
            pool_size=1,
            max_overflow=0,
            pool_pre_ping=True,
            connect_args={"timeout": None if patient else CALL_S},
            hide_parameters=True,
        )
        event.listen(self.engine, "do_connect", self._log_in)
        event.listen(self.engine, "connect", self._choose_schema)

    def _log_in(self, _: Any, __: Any, ___: Any, options: dict[str, Any]) -> None:
        """Add the secrets as they are now."""
        if self._settings.password is not None:
            options["password"] = secret_text("history.password", self._settings.password)
        if self._settings.tls:
            options["ssl_context"] = ssl.create_default_context(cafile=self._settings.ca_file)

    def _choose_schema(self, connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(f'SET search_path TO "{self._schema}"')
        cursor.execute(f"SET lock_timeout TO '{0 if self._patient else LOCK_S}s'")
        connection.commit()
        cursor.close()

    def prepare(self, connection: Connection) -> None:
        """See `Store`."""
        connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{self._schema}"'))

    def upsert(self, connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
        """See `Store`; all rows go as one parameter.

        The driver would send and await each row by itself: a quarter of what is wanted a second.
        """
        body = msgspec.json.encode([_as_json(row) for row in rows]).decode()
        connection.execute(_upsert_into(table), {"rows": body})

    def meaning(self, error: BaseException) -> TocsinError:
        """See `Store`."""
        cause = error.orig if isinstance(error, DBAPIError) else error
        said = cause.args[0] if cause is not None and cause.args else None
        code = str(said.get("C", "")) if isinstance(said, dict) else ""
        got = f"{code} {said.get('M', '')}" if isinstance(said, dict) else cause
        if code.startswith(_DENIED):
            msg = f"history: expected to be let into {self.where}, got {got}"
            msg += "; see to `history.url`, `history.password` and rights"
            return AccessDenied(msg, RETRY_AFTER_S)
        if code.startswith("53"):
            return self.retry("room in", got, "free some, or `tocsin history prune`; retrying")
        if code in _CONTENDED:
            return self.retry("to write to", got, "another process is writing there; retrying")
        if not code or code.startswith(_AWAY):
            return self.retry("an answer of", got, "see whether it runs; retrying")
        return self.fatal("its own tables in", got, "run `tocsin history rebuild`")

    def draft(self) -> Self:
        """See `Store`."""
        draft = type(self)(self._settings, DRAFT, patient=True)
        with draft.writing() as connection:
            connection.execute(text(f'DROP SCHEMA IF EXISTS "{DRAFT}" CASCADE'))
        return draft

    def become(self, draft: Self) -> None:
        """Give the draft's schema this one's name."""
        draft.close()
        with self.writing() as connection:
            connection.execute(text(f'DROP SCHEMA IF EXISTS "{OLD}" CASCADE'))
            connection.execute(text(f'ALTER SCHEMA "{self._schema}" RENAME TO "{OLD}"'))
            connection.execute(text(f'ALTER SCHEMA "{DRAFT}" RENAME TO "{self._schema}"'))
            connection.execute(text(f'DROP SCHEMA "{OLD}" CASCADE'))

    def reclaim(self) -> None:
        """Nothing: autovacuum does it."""


@cache
def _upsert_into(table: Table) -> Any:
    columns = [column(own.name, own.type) for own in table.columns]
    rows = func.json_to_recordset(cast(bindparam("rows", type_=Text), JSON))
    given = rows.table_valued(*columns).render_derived(with_types=True)
    names = [own.name for own in table.columns]
    return replacing(postgresql.insert(table).from_select(names, select(given)), table)


def _as_json(row: dict[str, Any]) -> dict[str, Any]:
    """A row whose bytes are written as PostgreSQL reads them."""
    return {
        name: f"\\x{value.hex()}" if isinstance(value, bytes) else value
        for name, value in row.items()
    }
