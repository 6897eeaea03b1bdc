"""What is over is kept for so long; what is open is kept."""

from collections.abc import Iterator
from typing import Final

from sqlalchemy import ColumnElement, Table, and_, delete, exists, func, or_, select, tuple_

from sinks.history.store import Store
from sinks.history.tables import (
    ALARMS,
    COMMANDS,
    INCIDENT_LIFELINES,
    INCIDENT_REVISIONS,
    INCIDENTS,
    MEMBERS,
    NOTICES,
    SHELVINGS,
    UNREADABLE,
)

ROWS_A_TRANSACTION: Final = 5_000  # who writes beside it waits for no more than these

_OPEN: Final = select(INCIDENTS.c.id).where(INCIDENTS.c.open)


def prune(store: Store, before_ms: int) -> dict[str, int]:
    """Remove what was logged before a time and is over, a few thousand rows in a transaction.

    Kept are open incidents with their revisions, members and notices, alarms that have not cleared
    or are in one of those, shelvings that last, and commands to any of these.

    Parameters
    ----------
    store : Store
    before_ms : int
        Milliseconds since 1970 UTC, by the stamps of the topics.

    Returns
    -------
    dict of str to int
        Rows removed, by table.
    """
    found = {table.name: _remove(store, table, over) for table, over in _over(before_ms)}
    store.reclaim()
    return found


def newest_ms(store: Store) -> int:
    """Stamp of the newest record that a history holds, 0 when it holds none.

    Ages count from here on where the clock of this machine is ahead: one that has jumped by years
    would make everything old.
    """
    with store.reading() as connection:
        found = [
            connection.execute(select(func.max(table.c.logged_ms))).scalar_one()
            for table in (ALARMS, INCIDENT_REVISIONS, NOTICES, COMMANDS)
        ]
    return max(one or 0 for one in found)


def _over(before_ms: int) -> Iterator[tuple[Table, ColumnElement[bool]]]:
    """What may go from which table; incidents last, since they say what is open."""
    cleared = select(ALARMS.c.id).where(ALARMS.c.state == "cleared", ALARMS.c.logged_ms < before_ms)
    held = select(MEMBERS.c.alarm).where(MEMBERS.c.incident.in_(_OPEN))
    old = ALARMS.c.logged_ms < before_ms
    yield ALARMS, and_(old, ALARMS.c.id.in_(cleared), ALARMS.c.id.not_in(held))
    standing = or_(COMMANDS.c.target.in_(_OPEN), COMMANDS.c.target.in_(select(ALARMS.c.id)))
    yield COMMANDS, and_(COMMANDS.c.logged_ms < before_ms, ~standing)
    old = SHELVINGS.c.logged_ms < before_ms
    yield SHELVINGS, and_(old, or_(SHELVINGS.c.state == "shown", SHELVINGS.c.until_ms < before_ms))
    yield UNREADABLE, UNREADABLE.c.logged_ms < before_ms
    old = NOTICES.c.logged_ms < before_ms
    yield NOTICES, and_(old, NOTICES.c.incident.not_in(_OPEN))
    old = INCIDENT_REVISIONS.c.logged_ms < before_ms
    yield INCIDENT_REVISIONS, and_(old, INCIDENT_REVISIONS.c.id.not_in(_OPEN))
    yield INCIDENTS, and_(INCIDENTS.c.logged_ms < before_ms, ~INCIDENTS.c.open)
    for parts in (INCIDENT_LIFELINES, MEMBERS):
        yield parts, ~exists().where(INCIDENTS.c.id == parts.c.incident)


def _remove(store: Store, table: Table, over: ColumnElement[bool]) -> int:
    keys = list(table.primary_key)
    some = select(*keys).where(over).limit(ROWS_A_TRANSACTION)
    removed = 0
    while True:
        with store.writing() as connection:
            count = connection.execute(delete(table).where(tuple_(*keys).in_(some))).rowcount
        removed += count
        if count < ROWS_A_TRANSACTION:
            return removed
