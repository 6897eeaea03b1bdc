"""Which version of the tables a store has, and how it comes to the newest."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from contracts.errors import ConfigError
from runtime.installation import folder_of
from sinks.history.store import Store

HEAD: Final = "3"
_FOLDER: Final[Path] = folder_of("sinks.history.migrations")


def version_of(connection: Connection) -> str | None:
    """Version of a store's tables, None where there are none."""
    return MigrationContext.configure(connection).get_current_revision()


def migrate(store: Store, version: str = HEAD) -> tuple[str | None, str]:
    """Bring a store's tables to a version in one transaction; the version before, and that.

    Raises
    ------
    ConfigError
        When a newer release made them.
    """
    with store.writing() as connection:
        store.prepare(connection)
        before = version_of(connection)
        _refuse_newer(store, before)
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
        command.upgrade(config, version)
    return before, version


def check_version(store: Store, *, make: bool = False) -> None:
    """Refuse tables of another version.

    Parameters
    ----------
    store : Store
    make : bool
        Whether tables are made where there are none.

    Raises
    ------
    ConfigError
        With what to do.
    """
    with store.reading() as connection:
        found = version_of(connection)
    _refuse_newer(store, found)
    if found is None and make:
        migrate(store)
    elif found is None:
        text = f"history: expected tables in {store.where}, got none"
        msg = f"{text}; `tocsin history run` makes and fills them"
        raise ConfigError(msg)
    elif found != HEAD:
        text = f"history: expected version {HEAD} of the tables in {store.where}, got {found}"
        msg = f"{text}; run `tocsin history migrate`"
        raise ConfigError(msg)


def _refuse_newer(store: Store, version: str | None) -> None:
    if version is not None and not (version.isdecimal() and int(version) <= int(HEAD)):
        text = f"history: expected version {HEAD} or an earlier one in {store.where}, got {version}"
        msg = f"{text}; take the release of Tocsin that made it, or `tocsin history rebuild`"
        raise ConfigError(msg)
