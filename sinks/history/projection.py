"""The projection: rows and positions in one transaction, so that each record is there once."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, select, update

from contracts.ports.projection import Positions, TopicRecord
from contracts.topics import TopicNames
from sinks.history.rows import PARTS, Rows
from sinks.history.store import Store
from sinks.history.tables import FEED, POSITIONS
from sinks.history.versions import check_version


def history_topics(names: TopicNames, partitions: dict[str, int]) -> dict[str, int]:
    """Topics of which a history is made, with their partitions.

    Parameters
    ----------
    names : TopicNames
    partitions : dict of str to int
        Lanes of each lifeline.

    Examples
    --------
    >>> list(history_topics(TopicNames(), {"water": 4}))[:2]
    ['tocsin.alarms.water', 'tocsin.journal.water']
    """
    found: dict[str, int] = {}
    for lifeline, count in partitions.items():
        found |= {names.alarms(lifeline): count, names.journal(lifeline): count}
    return found | {names.journal("desk"): 1, names.incidents: 1, names.notices: 1}


class History:
    """`Projection` of alarms, incidents, notices, commands and shelvings into SQL.

    Rows are written by their keys: a record that is taken again leaves what was there. So a history
    that is made anew from the topics has the same rows, but for `seq`, which counts what this one
    has written.

    Parameters
    ----------
    store : Store
    names : TopicNames

    Attributes
    ----------
    unreadable : int
        Records since this was made that are not what they say.
    """

    def __init__(self, store: Store, names: TopicNames) -> None:
        self._store = store
        self._names = names
        # Of what this process read or wrote last: another writer's traces are seen by it.
        self._generation = ""
        self._writes = -1
        self.unreadable = 0

    def positions(self) -> Positions:
        """See `Projection`; makes the tables where there are none.

        Raises
        ------
        ConfigError
            When the tables are of another version.
        """
        check_version(self._store, make=True)
        with self._store.reading() as connection:
            feed = connection.execute(select(FEED)).one()
            self._generation, self._writes = feed.generation, feed.writes
            found = connection.execute(select(POSITIONS)).all()
        return {(row.topic, row.partition): row.next_offset for row in found}

    def apply(self, records: Sequence[TopicRecord], behind: Positions) -> None:
        """See `Projection`."""
        rows = Rows(self._names)
        for record in records:
            rows.take(record)
        with self._store.writing() as connection:
            seq = rows.number(self._alone(connection))
            self._write(connection, rows, behind)
            connection.execute(update(FEED).values(seq=seq, writes=self._writes + 1))
        self._writes += 1
        self.unreadable += rows.unreadable

    def current(self, time_ms: int) -> None:
        """See `Projection`."""
        with self._store.writing() as connection:
            self._alone(connection)
            connection.execute(update(FEED).values(current_ms=time_ms, writes=self._writes + 1))
        self._writes += 1

    def _alone(self, connection: Connection) -> int:
        """Number of the last change; `RetryableError` when somebody else has written since."""
        feed = connection.execute(select(FEED).with_for_update()).one()
        if (feed.generation, feed.writes) != (self._generation, self._writes):
            wanted = f"write {self._writes} of {self._generation} to be the last in"
            got = f"write {feed.writes} of {feed.generation}"
            advice = "another process wrote there; reading positions anew"
            raise self._store.retry(wanted, got, advice)
        return int(feed.seq)

    def _write(self, connection: Connection, rows: Rows, behind: Positions) -> None:
        if rows.incidents:
            for table in PARTS:
                connection.execute(delete(table).where(table.c.incident.in_(rows.incidents)))
        for table, found in rows.by_table().items():
            self._store.upsert(connection, table, found)
        if behind:
            self._store.upsert(connection, POSITIONS, _positions(behind))

    def close(self) -> None:
        """See `Projection`."""
        self._store.close()


def _positions(behind: Positions) -> list[dict[str, Any]]:
    return [
        {"topic": topic, "partition": partition, "next_offset": at}
        for (topic, partition), at in sorted(behind.items())
    ]
