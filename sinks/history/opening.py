"""Which store the settings of a history name."""

from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from contracts.errors import ConfigError
from contracts.kafka import masked
from contracts.settings.history import SQLITE, HistorySettings
from sinks.history.postgresql import PostgresStore
from sinks.history.sqlite import SqliteStore
from sinks.history.store import Store

FILE: Final = "history.sqlite"


def store_of(settings: HistorySettings, state: str, *, patient: bool = False) -> Store:
    """The store of a history; connects to nothing yet.

    Parameters
    ----------
    settings : HistorySettings
    state : str
        Where snapshots go; a folder, unless the settings have a URL.
    patient : bool
        Whether statements may take as long as they like: migrations, rebuilds, pruning.

    Raises
    ------
    ConfigError
        When neither a URL nor a folder says where.
    """
    if settings.url is None:
        if "://" in state:
            msg = (
                "history.url: expected an address beside a `state` that is no folder "
                f"({masked(state)}), got none; set it"
            )
            raise ConfigError(msg)
        return SqliteStore(Path(state) / FILE)
    parts = urlsplit(settings.url)
    if parts.scheme == SQLITE:  # behind three slashes, as SQLAlchemy has it
        return SqliteStore(Path(unquote(parts.path[1:])))
    return PostgresStore(settings, patient=patient)
