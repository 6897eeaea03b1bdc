"""What a configuration says of the city, written down: the console serves it and loads no rules."""

import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import msgspec

from contracts.ports.console import (
    BESIDE_MAX,
    AssetFacts,
    ChannelFacts,
    DeskFacts,
    LifelineFacts,
    Text,
)

Outlines = Mapping[str, list[list[tuple[float, float]]]]
# Beyond so many the console reads the configuration itself: each is written once, at every start.
CHANNELS_MAX: Final = 300_000
_TABLE: Final = (
    "CREATE TABLE channel (id TEXT, lifeline TEXT, asset TEXT, label TEXT, facts BLOB, "
    "PRIMARY KEY (id, lifeline)) WITHOUT ROWID"
)
_FACTS: Final = msgspec.msgpack.Decoder(ChannelFacts)


class CityDescription(msgspec.Struct, frozen=True):
    """A `City` as data, but for its channels.

    Parameters
    ----------
    states : dict of str to list of str
        States that a ticket may go to, by that which it has.
    rules : dict of str to list of dict
        Values that govern channels, by the label of their class and what overrides it.
    """

    name: Text
    zone: str
    heartbeat_ms: int | None
    offset_minutes: int
    lifelines: list[LifelineFacts]
    districts: list[tuple[str, Text]]
    outlines: dict[str, list[list[tuple[float, float]]]]
    desks: list[DeskFacts]
    assets: list[AssetFacts]
    feeds: list[tuple[str, str]]
    states: dict[str, list[str]]
    rules: dict[str, list[dict[str, Any]]]


def write_channels(path: Path, channels: Iterable[tuple[str, ChannelFacts]]) -> None:
    """Write channels to a new file, each with the label of what governs it."""
    rows = (
        (facts.channel, facts.lifeline, facts.asset, label, msgspec.msgpack.encode(facts))
        for label, facts in channels
    )
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("PRAGMA journal_mode = OFF")
        file.execute("PRAGMA synchronous = OFF")
        file.execute("BEGIN")
        file.execute(_TABLE)
        file.executemany("INSERT INTO channel VALUES (?, ?, ?, ?, ?)", rows)
        file.execute("CREATE INDEX channel_asset ON channel (lifeline, asset)")
        file.execute("COMMIT")


class DescribedCity:
    """A `City` of a description.

    Parameters
    ----------
    description : CityDescription
    channels : Path
        File that `write_channels` wrote; it may be deleted once the city is made.
    """

    def __init__(self, description: CityDescription, channels: Path) -> None:
        self._description = description
        address = f"{channels.resolve().as_uri()}?mode=ro&immutable=1"
        self._file = sqlite3.connect(address, uri=True, check_same_thread=False)
        self._turn = threading.Lock()  # rules are asked for in another thread than channels
        self._ask("SELECT count(*) FROM channel")
        self.name: Text = description.name
        self.zone = description.zone
        self.heartbeat_ms = description.heartbeat_ms
        self.offset_minutes = description.offset_minutes
        self.lifelines: Sequence[LifelineFacts] = description.lifelines
        self.districts: Sequence[tuple[str, Text]] = description.districts
        self.outlines: Outlines = description.outlines
        self.desks: Sequence[DeskFacts] = description.desks
        self.assets: Sequence[AssetFacts] = description.assets
        self.feeds: Sequence[tuple[str, str]] = description.feeds

    def _rows(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        with self._turn:
            return self._file.execute(query, values).fetchall()

    def _ask(self, query: str, *values: str) -> tuple[Any, ...] | None:
        return next(iter(self._rows(query, *values)), None)

    def lifeline_of(self, channel: str) -> str | None:
        """See `City`."""
        row = self._ask("SELECT lifeline FROM channel WHERE id = ?", channel)
        return None if row is None else str(row[0])

    def channel(self, lifeline: str, channel: str) -> ChannelFacts | None:
        """See `City`."""
        query = "SELECT facts FROM channel WHERE id = ? AND lifeline = ?"
        row = self._ask(query, channel, lifeline)
        return None if row is None else _FACTS.decode(row[0])

    def beside(self, lifeline: str, channel: str) -> list[str]:
        """See `City`."""
        found = self.channel(lifeline, channel)
        if found is None:
            return []
        query = "SELECT id FROM channel WHERE lifeline = ? AND asset = ? AND id <> ? ORDER BY id"
        rows = self._rows(f"{query} LIMIT {BESIDE_MAX}", lifeline, found.asset, channel)
        return [str(row[0]) for row in rows]

    def rules(self, channel: str) -> list[dict[str, object]]:
        """See `City`."""
        row = self._ask("SELECT label FROM channel WHERE id = ?", channel)
        return [] if row is None else self._description.rules[row[0]]

    def next_states(self, state: str) -> list[str]:
        """See `City`."""
        return self._description.states.get(state, [])

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
