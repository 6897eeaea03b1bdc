"""What people ask a history: small functions over a connection, with typed answers.

Times are milliseconds since 1970 UTC.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
from sqlalchemy import Connection, Row, Select, case, literal, or_, select, union_all

from sinks.history.tables import (
    ALARMS,
    COMMANDS,
    FED,
    FEED,
    INCIDENT_LIFELINES,
    INCIDENT_REVISIONS,
    INCIDENTS,
    MEMBERS,
    NOTICES,
    UNREADABLE,
)

MOST: Final = 1_000
COLOURS: Final = ("red", "orange", "yellow", "blue")  # the most urgent first
URGENCY: Final = case(
    {colour: rank for rank, colour in enumerate(COLOURS)},
    value=INCIDENTS.c.colour,
    else_=len(COLOURS),
)


class IncidentLine(msgspec.Struct, frozen=True):
    """An incident as it stands."""

    id: str
    revision: int
    colour: str
    state: str
    ticket_state: str
    owner: str
    acknowledged: bool
    district: str
    title_en: str
    title_zh: str
    people: int
    alarms: int
    life_safety: bool
    drill: bool
    onset_ms: int | None
    told_ms: int | None


class Event(msgspec.Struct, frozen=True):
    """Something in the course of an incident.

    Parameters
    ----------
    logged_ms : int
        Stamp of its record.
    kind : str
        `alarm`, `incident`, `notice` or `command`.
    id : str
        Of the alarm, incident, notice or command.
    what : str
        Its reason, state or kind.
    who : str
        Person who commanded, desk that was told, owner of the ticket.
    detail : str
        Colour, what withheld a notice, why a command was refused or given.
    """

    logged_ms: int
    kind: str
    id: str
    what: str
    who: str
    detail: str


class Revision(msgspec.Struct, frozen=True):
    """A revision of an alarm."""

    id: str
    revision: int
    state: str
    colour: str
    rule: str
    finding: str
    onset_ms: int | None
    detected_ms: int | None
    body: str


class Act(msgspec.Struct, frozen=True):
    """A command and what came of it."""

    logged_ms: int
    lane: str
    kind: str
    target: str
    by: str
    role: str
    reason: str
    signed_by: str
    refused: bool
    refused_for: str
    refused_detail: str


class WithheldNotice(msgspec.Struct, frozen=True):
    """A notice that its desk did not get, and why."""

    id: str
    incident: str
    desk: str
    reason: str
    colour: str
    at_ms: int | None
    withheld_by: str
    withheld_until_ms: int | None
    withheld_detail: str
    drill: bool


class UnreadableRecord(msgspec.Struct, frozen=True):
    """A record that is not what its topic and header say: where it lies, and why."""

    place: str
    logged_ms: int
    why: str


class IncidentFilter(NamedTuple):
    """Which incidents; what is empty does not matter.

    Parameters
    ----------
    lifeline, district, colour, owner : str
    desk : str
        One that was told of it.
    """

    lifeline: str = ""
    district: str = ""
    colour: str = ""
    owner: str = ""
    desk: str = ""


class Period(NamedTuple):
    """From a time on, up to but without another one."""

    since_ms: int = 0
    until_ms: int = 2**63 - 1


class Change(msgspec.Struct, frozen=True):
    """A row that was written: what it is of, its key, its number."""

    seq: int
    kind: str
    id: str
    logged_ms: int


class Changes(NamedTuple):
    """What was written behind a cursor.

    Parameters
    ----------
    changes : list of Change
        In the order of writing.
    cursor : str
        To ask for what follows.
    anew : bool
        Whether the cursor was of a history that is no more: read everything again.
    """

    changes: list[Change]
    cursor: str
    anew: bool


T = TypeVar("T")
ALL_TIMES: Final = Period()
ALL_INCIDENTS: Final = IncidentFilter()


def open_incidents(
    connection: Connection, wanted: IncidentFilter = ALL_INCIDENTS, most: int = MOST
) -> list[IncidentLine]:
    """Incidents that nobody has closed, the most urgent first."""
    asked = _columns(IncidentLine, INCIDENTS).where(INCIDENTS.c.open)
    for name in ("district", "colour", "owner"):
        if value := getattr(wanted, name):
            asked = asked.where(INCIDENTS.c[name] == value)
    if wanted.lifeline:
        of_lifeline = INCIDENT_LIFELINES.c.lifeline == wanted.lifeline
        asked = asked.where(
            INCIDENTS.c.id.in_(select(INCIDENT_LIFELINES.c.incident).where(of_lifeline))
        )
    if wanted.desk:
        told = NOTICES.c.desk == wanted.desk, NOTICES.c.withheld_by.is_(None)
        asked = asked.where(INCIDENTS.c.id.in_(select(NOTICES.c.incident).where(*told)))
    asked = asked.order_by(URGENCY, INCIDENTS.c.onset_ms, INCIDENTS.c.id).limit(most)
    return _answers(IncidentLine, connection.execute(asked).all())


def timeline(connection: Connection, incident: str) -> list[Event]:
    """All that happened to an incident: its alarms, revisions, notices and commands, in order."""
    members = select(MEMBERS.c.alarm).where(MEMBERS.c.incident == incident)
    told = INCIDENT_REVISIONS.c
    parts = (
        _events("alarm", ALARMS, "id", ("state", "channel", "colour")).where(
            ALARMS.c.id.in_(members)
        ),
        _events("incident", INCIDENT_REVISIONS, "id", ("reason", "owner", "colour")).where(
            told.id == incident
        ),
        _events("notice", NOTICES, "id", ("reason", "desk", "withheld_by")).where(
            NOTICES.c.incident == incident
        ),
        _events("command", COMMANDS, "command", ("kind", "by", "refused_for")).where(
            or_(COMMANDS.c.target == incident, COMMANDS.c.target.in_(members))
        ),
    )
    everything = union_all(*parts).subquery()
    ordered = select(everything).order_by(
        everything.c.logged_ms, everything.c.kind, everything.c.log_offset, everything.c.id
    )
    rows = connection.execute(ordered).all()
    return [Event(r.logged_ms, r.kind, r.id, r.what, r.who, r.detail or "") for r in rows]


def _events(kind: str, table: Any, id_: str, named: tuple[str, str, str]) -> Select[Any]:
    what, who, detail = (table.c[name] for name in named)
    return select(
        table.c.logged_ms,
        literal(kind).label("kind"),
        table.c[id_].label("id"),
        what.label("what"),
        who.label("who"),
        detail.label("detail"),
        table.c.log_offset,
    )


def alarms_of(
    connection: Connection, channel: str, period: Period = ALL_TIMES, most: int = MOST
) -> list[Revision]:
    """Revisions of a channel's alarms by when they were detected, the newest first."""
    detected = ALARMS.c.detected_ms
    asked = _columns(Revision, ALARMS).where(
        ALARMS.c.channel == channel, detected >= period.since_ms, detected < period.until_ms
    )
    asked = asked.order_by(detected.desc(), ALARMS.c.id, ALARMS.c.revision.desc()).limit(most)
    return _answers(Revision, connection.execute(asked).all())


def audit(
    connection: Connection, by: str = "", period: Period = ALL_TIMES, most: int = MOST
) -> list[Act]:
    """What a person commanded, or everybody, by the stamps of the journals, the newest first."""
    logged = COMMANDS.c.logged_ms
    asked = _columns(Act, COMMANDS).where(logged >= period.since_ms, logged < period.until_ms)
    if by:
        asked = asked.where(COMMANDS.c.by == by)
    asked = asked.order_by(logged.desc(), COMMANDS.c.topic, COMMANDS.c.log_offset.desc())
    return _answers(Act, connection.execute(asked.limit(most)).all())


def withheld(
    connection: Connection, desk: str = "", period: Period = ALL_TIMES, most: int = MOST
) -> list[WithheldNotice]:
    """Notices that were kept back from a desk, or from all of them, the newest first."""
    at = NOTICES.c.at_ms
    asked = _columns(WithheldNotice, NOTICES).where(
        NOTICES.c.withheld_by.is_not(None), at >= period.since_ms, at < period.until_ms
    )
    if desk:
        asked = asked.where(NOTICES.c.desk == desk)
    asked = asked.order_by(at.desc(), NOTICES.c.id).limit(most)
    return _answers(WithheldNotice, connection.execute(asked).all())


def unreadable(connection: Connection, most: int = MOST) -> list[UnreadableRecord]:
    """Records that could not be read, the newest first."""
    asked = select(UNREADABLE).order_by(UNREADABLE.c.logged_ms.desc(), UNREADABLE.c.log_offset)
    return [
        UnreadableRecord(f"{row.topic}[{row.partition}]@{row.log_offset}", row.logged_ms, row.why)
        for row in connection.execute(asked.limit(most))
    ]


def changes(connection: Connection, cursor: str = "", most: int = MOST) -> Changes:
    """What was written behind a cursor: the `Last-Event-ID` of a feed.

    Parameters
    ----------
    connection : Connection
    cursor : str
        As an earlier answer had it; an empty one is the beginning.
    most : int

    Examples
    --------
    A cursor is a generation and a number: `5f3a9c1e0b7d2468-1203`.
    """
    feed = connection.execute(select(FEED)).one()
    generation, _, number = cursor.rpartition("-")
    if cursor and not (generation == feed.generation and number.isdecimal()):
        return Changes([], f"{feed.generation}-{feed.seq}", anew=True)
    after = min(int(number or 0), feed.seq)
    parts = [
        select(
            table.c.seq,
            literal(kind).label("kind"),
            table.c[named].label("id"),
            table.c.logged_ms,
        ).where(table.c.seq > after)
        for kind, (table, named) in FED.items()
    ]
    everything = union_all(*parts).subquery()
    asked = select(everything).order_by(everything.c.seq).limit(most)
    found = _answers(Change, connection.execute(asked).all())
    last = found[-1].seq if len(found) == most else feed.seq
    return Changes(found, f"{feed.generation}-{last}", anew=False)


def _columns(kind: type[msgspec.Struct], table: Any) -> Select[Any]:
    return select(*(table.c[name] for name in kind.__struct_fields__))


def _answers(kind: Callable[..., T], rows: Sequence[Row[Any]]) -> list[T]:
    return [kind(*row) for row in rows]
