"""What the console asks of a history."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, and_, case, exists, func, literal, select, tuple_

from contracts.ports.console import (
    Answered,
    Cell,
    DeskLoad,
    IncidentQuery,
    Line,
    Marked,
    News,
    Overview,
    Rows,
    Story,
    Ticket,
    TimelineEntry,
    Written,
)
from sinks.history import queries
from sinks.history.queries import COLOURS, URGENCY
from sinks.history.store import Store
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
    SHELVINGS,
)

DAY_MS: Final = 86_400_000
USUAL_DAYS: Final = 28  # over which the usual rate of alarms is counted
RECOUNT_MS: Final = 600_000  # how long that holds: past days change while a history catches up
LOAD_MS: Final = 600_000
MEMBERS_MAX: Final = 200  # whose alarms and whose notices a page of an incident shows
NEVER_MS: Final = 2**62
_ORDER: Final = tuple_(
    URGENCY, func.coalesce(INCIDENTS.c.due_ms, literal(NEVER_MS)), INCIDENTS.c.id
)


class _Step(msgspec.Struct):
    what: str
    by: str


class _Ticket(msgspec.Struct):
    joint: list[str]
    history: list[_Step]
    due: str = ""


class _Clock(msgspec.Struct):
    acknowledge_by: str
    fired: str = ""


class _Answered(msgspec.Struct):
    """What a line shows of an incident's record beside its columns."""

    ticket: _Ticket
    clocks: list[_Clock]


class _Beat(msgspec.Struct):
    """What a heartbeat says and to whom: in words, and how many channels and areas."""

    text: dict[str, str]
    to: list[str] = []
    counts: dict[str, int] = {}


class _On(msgspec.Struct):
    on: bool


class _Order(msgspec.Struct):
    """What a list shows of a work order beside who gave it."""

    order: str
    assets: list[str]
    begins: int
    ends: int
    area: str = ""


_ANSWERED: Final = msgspec.json.Decoder(_Answered)
_BEAT: Final = msgspec.json.Decoder(_Beat)
_ON: Final = msgspec.json.Decoder(_On)
_ORDERED: Final = msgspec.json.Decoder(_Order)


_Counted = dict[tuple[str, str], int]  # by lifeline and district


class HistoryReading:
    """A `ConsoleHistory` over a store.

    Parameters
    ----------
    store : Store
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._usual: tuple[object, _Counted | None] = (None, None)
        # Generation and number up to which commands were looked through, and what they said last.
        self._drill: tuple[str, int, bool] = ("", 0, False)

    def news(self, cursor: str) -> News:
        """See `ConsoleHistory`."""
        with self._store.reading() as connection:
            feed = connection.execute(select(FEED)).one()
            newest = {
                table: connection.execute(select(func.max(table.c.logged_ms))).scalar() or 0
                for table, _ in FED.values()
            }
            stamps = max(newest.values()), newest[NOTICES], feed.current_ms
            if not cursor:
                return News([], [], f"{feed.generation}-{feed.seq}", False, feed.writes, *stamps)
            found = queries.changes(connection, cursor)
            changes = [Written(one.kind, one.id, one.seq) for one in found.changes]
            numbers = [one.seq for one in changes if one.kind == "command"]
            answers = _answers(connection, numbers)
        return News(changes, answers, found.cursor, found.anew, feed.writes, *stamps)

    def overview(self, now_ms: int, midnight_ms: int) -> Overview:
        """See `ConsoleHistory`."""
        with self._store.reading() as connection:
            cells = _cells(connection, midnight_ms, self._counted(connection, now_ms, midnight_ms))
            loads = _loads(connection, now_ms)
            counted = select(INCIDENTS.c.colour, func.count()).where(INCIDENTS.c.open)
            found = connection.execute(counted.group_by(INCIDENTS.c.colour)).all()
            drill = self._drill_lasts(connection)
        return Overview(cells, loads, {row[0]: row[1] for row in found}, drill)

    def _counted(self, connection: Connection, now_ms: int, midnight_ms: int) -> _Counted | None:
        """Alarms of the days before: counted now and then, not for each page that looks."""
        generation = connection.execute(select(FEED.c.generation)).scalar()
        key = (generation, midnight_ms, now_ms // RECOUNT_MS)
        if key != self._usual[0]:
            self._usual = key, _usual(connection, midnight_ms)
        return self._usual[1]

    def _drill_lasts(self, connection: Connection) -> bool:
        """Whether the last drill that was commanded has not been ended; looks at what is new."""
        feed = connection.execute(select(FEED)).one()
        generation, looked, on = self._drill
        if generation != feed.generation:
            looked, on = 0, False
        given = COMMANDS.c
        asked = select(given.body).where(given.seq > looked, given.kind == "drill")
        asked = asked.where(given.refused.is_(False)).order_by(given.seq.desc()).limit(1)
        body = connection.execute(asked).scalar()
        on = on if body is None else _ON.decode(body).on
        self._drill = feed.generation, feed.seq, on
        return on

    def lines(self, wanted: IncidentQuery, now_ms: int) -> tuple[list[Line], bool]:
        """See `ConsoleHistory`."""
        with self._store.reading() as connection:
            # Sorted without their records, which would be most of what is moved.
            ids = select(INCIDENTS.c.id).order_by(*_ORDER.clauses).limit(wanted.limit + 1)
            for condition in _conditions(connection, wanted):
                ids = ids.where(condition)
            asked = _lines().where(INCIDENTS.c.id.in_(ids)).order_by(*_ORDER.clauses)
            rows = connection.execute(asked).all()
            more, rows = len(rows) > wanted.limit, rows[: wanted.limit]
            return _made(connection, rows, now_ms), more

    def story(self, incident: str, now_ms: int) -> Story | None:
        """See `ConsoleHistory`."""
        with self._store.reading() as connection:
            rows = connection.execute(_lines().where(INCIDENTS.c.id == incident)).all()
            if not rows:
                return None
            (line,) = _made(connection, rows, now_ms)
            told = select(NOTICES.c.body).where(NOTICES.c.incident == incident)
            notices = connection.execute(
                told.order_by(NOTICES.c.at_ms.desc()).limit(MEMBERS_MAX)
            ).scalars()
            return Story(
                line,
                _raw(rows[0].body),
                [_raw(body) for body in _newest_alarms(connection, incident)],
                [
                    TimelineEntry(e.logged_ms, e.kind, e.id, e.what, e.who, e.detail)
                    for e in queries.timeline(connection, incident)
                ],
                [_raw(body) for body in notices],
            )

    def ticket(self, incident: str, revision: int | None = None) -> Ticket | None:
        """See `ConsoleHistory`."""
        told = INCIDENT_REVISIONS.c
        asked = select(told.revision, told.state, told.ticket_state, told.owner, told.verdict)
        asked = asked.where(told.id == incident)
        if revision is not None:
            asked = asked.where(told.revision == revision)
        with self._store.reading() as connection:
            row = connection.execute(asked.order_by(told.revision.desc()).limit(1)).first()
        return None if row is None else Ticket(*row)

    def scope(self, target: str) -> tuple[list[str], str] | None:
        """See `ConsoleHistory`."""
        with self._store.reading() as connection:
            if target.startswith("a-"):
                asked = select(ALARMS.c.lifeline, ALARMS.c.district).where(ALARMS.c.id == target)
                row = connection.execute(asked.limit(1)).first()
                return None if row is None else ([row.lifeline], row.district)
            asked_district = select(INCIDENTS.c.district).where(INCIDENTS.c.id == target)
            district = connection.execute(asked_district).scalar()
            if district is None:
                return None
            return _lifelines(connection, [target]).get(target, []), district

    def alarms(self, channel: str, lifeline: str, limit: int) -> Rows:
        """See `ConsoleHistory`."""
        names = ("id", "revision", "state", "colour", "rule", "finding", "onset_ms", "detected_ms")
        asked = select(*(ALARMS.c[name] for name in names), ALARMS.c.body)
        if channel:
            asked = asked.where(ALARMS.c.channel == channel)
        if lifeline:
            asked = asked.where(ALARMS.c.lifeline == lifeline)
        asked = asked.order_by(ALARMS.c.detected_ms.desc(), ALARMS.c.revision.desc()).limit(limit)
        with self._store.reading() as connection:
            rows = connection.execute(asked).all()
        return [
            {**{name: getattr(row, name) for name in names}, "record": _raw(row.body)}
            for row in rows
        ]

    def marked(self) -> dict[tuple[str, str], Marked]:
        """See `ConsoleHistory`."""
        marks = ("id", "colour", "drill")
        asked = (
            select(MEMBERS.c.lifeline, MEMBERS.c.asset, *(INCIDENTS.c[name] for name in marks))
            .join(INCIDENTS, INCIDENTS.c.id == MEMBERS.c.incident)
            .where(INCIDENTS.c.open, MEMBERS.c.state == "active")
            .order_by(URGENCY.desc(), INCIDENTS.c.id)
        )
        with self._store.reading() as connection:
            rows = connection.execute(asked).all()
        return {(row.lifeline, row.asset): Marked(row.id, row.colour, row.drill) for row in rows}

    def shelvings(self, channel: str = "") -> Rows:
        """See `ConsoleHistory`."""
        names = ("channel", "lifeline", "since_ms", "until_ms", "by", "role", "reason", "command")
        asked = select(*(SHELVINGS.c[name] for name in names))
        asked = asked.where(SHELVINGS.c.state == "shelved", SHELVINGS.c.ended_how == "")
        if channel:
            asked = asked.where(SHELVINGS.c.channel == channel)
        with self._store.reading() as connection:
            rows = connection.execute(asked.order_by(SHELVINGS.c.until_ms)).all()
        return [row._asdict() for row in rows]

    def withheld(self, desk: str, limit: int) -> Rows:
        """See `ConsoleHistory`."""
        with self._store.reading() as connection:
            return _rows(queries.withheld(connection, desk, most=limit))

    def audit(self, by: str, limit: int) -> Rows:
        """See `ConsoleHistory`."""
        with self._store.reading() as connection:
            return _rows(queries.audit(connection, by, most=limit))

    def orders(self, limit: int) -> Rows:
        """See `ConsoleHistory`."""
        given = COMMANDS.c
        asked = select(given.by, given.role, given.reason, given.logged_ms, given.body)
        asked = asked.where(given.kind == "maintenance", given.refused.is_(False))
        with self._store.reading() as connection:
            rows = connection.execute(asked.order_by(given.logged_ms.desc()).limit(limit)).all()
        newest: dict[str, dict[str, object]] = {}
        for row in rows:
            order = _ORDERED.decode(row.body)
            if order.order not in newest:
                newest[order.order] = _ordered(order, row)
        return list(newest.values())

    def close(self) -> None:
        """See `ConsoleHistory`."""
        self._store.close()


def _rows(found: Iterable[msgspec.Struct]) -> Rows:
    return [msgspec.to_builtins(one) for one in found]


def _ordered(order: _Order, row: Any) -> dict[str, object]:
    return {
        "order": order.order,
        "assets": ", ".join(order.assets),
        "area": order.area,
        "begins_ms": order.begins,
        "ends_ms": order.ends,
        "by": row.by,
        "role": row.role,
        "reason": row.reason,
        "logged_ms": row.logged_ms,
    }


def _raw(body: str) -> msgspec.Raw:
    return msgspec.Raw(body.encode())


def _answers(connection: Connection, numbers: list[int]) -> list[Answered]:
    """What became of the commands with these numbers that have an id."""
    if not numbers:
        return []
    given = COMMANDS.c
    asked = select(given.command, given.refused, given.refused_for, given.refused_detail)
    asked = asked.where(given.seq.in_(numbers), given.command != "")
    return [Answered(*row) for row in connection.execute(asked.order_by(given.seq))]


def _lines() -> Any:
    same = and_(
        INCIDENT_REVISIONS.c.id == INCIDENTS.c.id,
        INCIDENT_REVISIONS.c.revision == INCIDENTS.c.revision,
    )
    return select(INCIDENTS, INCIDENT_REVISIONS.c.body).join(INCIDENT_REVISIONS, same)


def _conditions(connection: Connection, wanted: IncidentQuery) -> list[Any]:
    """What rows of `INCIDENTS` must hold for."""
    found: list[Any] = [INCIDENTS.c.open] if wanted.only_open else []
    equal = {
        "district": wanted.district, "colour": wanted.colour, "ticket_state": wanted.state,
    }  # fmt: skip
    found += [INCIDENTS.c[name] == value for name, value in equal.items() if value]
    if wanted.lifeline:
        of = INCIDENT_LIFELINES.c
        found.append(exists().where(of.incident == INCIDENTS.c.id, of.lifeline == wanted.lifeline))
    if wanted.desk:
        told = NOTICES.c
        there = (told.incident == INCIDENTS.c.id, told.desk == wanted.desk)
        found.append(exists().where(*there, told.withheld_by.is_(None)))
    if wanted.after:
        last = select(URGENCY, func.coalesce(INCIDENTS.c.due_ms, NEVER_MS), INCIDENTS.c.id)
        row = connection.execute(last.where(INCIDENTS.c.id == wanted.after)).first()
        if row is not None:
            found.append(tuple_(*map(literal, row)) < _ORDER)
    return found


def _made(connection: Connection, rows: Sequence[Row[Any]], now_ms: int) -> list[Line]:
    ids = [row.id for row in rows]
    lifelines, shelved = _lifelines(connection, ids), _shelved(connection, ids)
    return [_line(row, lifelines.get(row.id, []), row.id in shelved, now_ms) for row in rows]


def _line(row: Row[Any], lifelines: list[str], shelved: bool, now_ms: int) -> Line:
    said = _ANSWERED.decode(row.body)
    due_ms, due_for = _due(said, row.ticket_state, acknowledged=row.acknowledged)
    who = next((s.by for s in reversed(said.ticket.history) if s.what == "acknowledged"), "")
    return Line(
        row.id,
        row.revision,
        row.colour,
        row.state,
        row.ticket_state,
        row.owner,
        said.ticket.joint,
        row.acknowledged,
        who,
        row.district,
        lifelines,
        {"en": row.title_en, "zh": row.title_zh},
        row.people,
        row.alarms,
        row.life_safety,
        row.drill,
        shelved,
        row.onset_ms,
        row.told_ms,
        due_ms,
        due_for,
        due_ms is not None and due_ms < now_ms,
    )


def _due(said: _Answered, state: str, *, acknowledged: bool) -> tuple[int | None, str]:
    """The next deadline and what for: an acknowledgement, or leaving the ticket's state."""
    asked = [] if acknowledged else [one.acknowledge_by for one in said.clocks]
    times = sorted(found for text in asked if (found := _ms(text)) is not None)
    if times:
        return times[0], "acknowledge"
    due_ms = _ms(said.ticket.due)
    return due_ms, "" if due_ms is None else state


def _ms(text: str) -> int | None:
    return int(datetime.fromisoformat(text).timestamp() * 1000) if text else None


def _lifelines(connection: Connection, ids: list[str]) -> dict[str, list[str]]:
    of = INCIDENT_LIFELINES.c
    asked = select(of.incident, of.lifeline).where(of.incident.in_(ids)).order_by(of.lifeline)
    found: dict[str, list[str]] = {}
    for incident, lifeline in connection.execute(asked):
        found.setdefault(incident, []).append(lifeline)
    return found


def _shelved(connection: Connection, ids: list[str]) -> set[str]:
    """Those of which every active member is on a shelved channel."""
    held = exists().where(
        SHELVINGS.c.channel == MEMBERS.c.channel,
        SHELVINGS.c.state == "shelved",
        SHELVINGS.c.ended_how == "",
    )
    here = MEMBERS.c.incident.in_(ids), MEMBERS.c.state != "cleared"
    some = set(connection.execute(select(MEMBERS.c.incident).where(*here, held)).scalars())
    free = set(connection.execute(select(MEMBERS.c.incident).where(*here, ~held)).scalars())
    return some - free


def _shelved_cells(connection: Connection) -> _Counted:
    """Incidents that nobody has acknowledged and that are shelved: by lifeline and district."""
    lasting = select(SHELVINGS.c.channel).where(
        SHELVINGS.c.state == "shelved", SHELVINGS.c.ended_how == ""
    )
    waiting = select(INCIDENTS.c.id).where(INCIDENTS.c.open, ~INCIDENTS.c.acknowledged)
    some = select(MEMBERS.c.incident).where(
        MEMBERS.c.channel.in_(lasting), MEMBERS.c.incident.in_(waiting)
    )
    quiet = _shelved(connection, list(connection.execute(some.distinct()).scalars()))
    of = INCIDENT_LIFELINES.c
    asked = (
        select(of.lifeline, INCIDENTS.c.district, func.count())
        .join(INCIDENTS, INCIDENTS.c.id == of.incident)
        .where(INCIDENTS.c.id.in_(quiet))
        .group_by(of.lifeline, INCIDENTS.c.district)
    )
    return {(row[0], row[1]): row[2] for row in connection.execute(asked)}


def _newest_alarms(connection: Connection, incident: str) -> list[str]:
    """Newest revision of each alarm of an incident, in the order of joining."""
    other = ALARMS.alias("other")
    newest = select(func.max(other.c.revision)).where(other.c.id == ALARMS.c.id).scalar_subquery()
    asked = (
        select(ALARMS.c.body)
        .join(MEMBERS, MEMBERS.c.alarm == ALARMS.c.id)
        .where(MEMBERS.c.incident == incident, ALARMS.c.revision == newest)
        .order_by(MEMBERS.c.place)
        .limit(MEMBERS_MAX)
    )
    return list(connection.execute(asked).scalars())


def _usual(connection: Connection, midnight_ms: int) -> _Counted | None:
    """Alarms of `USUAL_DAYS` before midnight, None of a history that is shorter."""
    since_ms = midnight_ms - USUAL_DAYS * DAY_MS
    first = connection.execute(select(func.min(ALARMS.c.logged_ms))).scalar() or NEVER_MS
    return _rung(connection, since_ms, midnight_ms) if first <= since_ms else None


def _cells(connection: Connection, midnight_ms: int, usual: _Counted | None) -> list[Cell]:
    of = INCIDENT_LIFELINES.c
    asked = (
        select(
            of.lifeline,
            INCIDENTS.c.district,
            func.min(URGENCY).label("rank"),
            func.count().label("open"),
            func.sum(case((INCIDENTS.c.acknowledged, 0), else_=1)).label("unacknowledged"),
        )
        .join(INCIDENTS, INCIDENTS.c.id == of.incident)
        .where(INCIDENTS.c.open)
        .group_by(of.lifeline, INCIDENTS.c.district)
    )
    standing = {(row.lifeline, row.district): row for row in connection.execute(asked)}
    today, shelved = _rung(connection, midnight_ms, NEVER_MS), _shelved_cells(connection)
    cells = []
    for place in sorted({*standing, *today, *(usual or {})}):
        row = standing.get(place)
        cells.append(
            Cell(
                *place,
                None if row is None else (*COLOURS, "clear")[row.rank],
                0 if row is None else row.open,
                0 if row is None else row.unacknowledged - shelved.get(place, 0),
                None if usual is None else round(usual.get(place, 0) / USUAL_DAYS, 3),
                today.get(place, 0),
            )
        )
    return cells


def _rung(connection: Connection, since_ms: int, until_ms: int) -> _Counted:
    """Alarms that began in a time, by lifeline and district."""
    asked = select(ALARMS.c.lifeline, ALARMS.c.district, func.count()).where(
        ALARMS.c.revision == 1, ALARMS.c.logged_ms >= since_ms, ALARMS.c.logged_ms < until_ms
    )
    rows = connection.execute(asked.group_by(ALARMS.c.lifeline, ALARMS.c.district))
    return {(lifeline, district): count for lifeline, district, count in rows}


def _loads(connection: Connection, now_ms: int) -> list[DeskLoad]:
    told = NOTICES.c
    asked = select(told.desk, func.count()).where(
        told.withheld_by.is_(None), told.reason != "heartbeat", told.at_ms >= now_ms - LOAD_MS
    )
    counts = {row[0]: row[1] for row in connection.execute(asked.group_by(told.desk))}
    last = (
        select(told.desk, func.max(told.at_ms).label("at_ms"))
        .where(told.reason == "heartbeat")
        .group_by(told.desk)
        .subquery()
    )
    same = and_(told.desk == last.c.desk, told.at_ms == last.c.at_ms, told.reason == "heartbeat")
    rows = connection.execute(select(told.desk, told.body, told.at_ms).join(last, same))
    beats = {desk: (_BEAT.decode(body), at_ms) for desk, body, at_ms in rows}
    return [_load(desk, counts.get(desk, 0), beats.get(desk)) for desk in sorted({*counts, *beats})]


def _load(desk: str, notices: int, heard: tuple[_Beat, int] | None) -> DeskLoad:
    if heard is None:
        return DeskLoad(desk, notices, None)
    beat, at_ms = heard
    channels = beat.counts.get("channels", 0)
    share = beat.counts.get("watched", 0) / channels if channels else None
    blind = beat.counts.get("blind areas", 0)
    return DeskLoad(desk, notices, share, blind, beat.text, at_ms, beat.to)
