"""Levels of alarms over time, and incidents of a period: of what resilience is worked out.

Times are milliseconds since 1970 UTC.
"""

from collections.abc import Collection
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select

from contracts.desk.incident import Incident
from sinks.history.queries import ALL_TIMES, Period
from sinks.history.tables import ALARMS, FEED, INCIDENT_REVISIONS, INCIDENTS, MEMBERS

_INCIDENT = msgspec.json.Decoder(Incident)


class AlarmLevel(msgspec.Struct, frozen=True, gc=False):
    """What a revision of an alarm says of its asset; `asset` is its channel where it names none."""

    id: str
    revision: int
    lifeline: str
    asset: str
    rule: str
    state: str
    colour: str
    onset_ms: int
    detected_ms: int


def known_until_ms(connection: Connection) -> int:
    """Up to when a history knows of everything: its last look at the topics, or its last alarm."""
    looked = connection.execute(select(FEED.c.current_ms)).scalar() or 0
    rang = connection.execute(select(func.max(ALARMS.c.detected_ms))).scalar() or 0
    return max(int(looked), int(rang))


def levels(connection: Connection, period: Period = ALL_TIMES) -> list[AlarmLevel]:
    """Revisions of all alarms that stood at any time of a period, by alarm and in order."""
    stands = func.max(case((ALARMS.c.state == "cleared", 1), else_=0)) == 0
    mine = (
        select(ALARMS.c.id)
        .group_by(ALARMS.c.id)
        .having(
            func.min(ALARMS.c.onset_ms) < period.until_ms,
            or_(func.max(ALARMS.c.detected_ms) >= period.since_ms, stands),
        )
    )
    return _levels(connection, and_(ALARMS.c.id.in_(mine), ALARMS.c.detected_ms < period.until_ms))


def levels_of(connection: Connection, incident: str, assets: Collection[str]) -> list[AlarmLevel]:
    """Revisions of the alarms of an incident, and of those of some assets (`water.main-3`)."""
    members = select(MEMBERS.c.alarm).where(MEMBERS.c.incident == incident)
    pairs = [asset.partition(".") for asset in assets]
    named = [and_(ALARMS.c.lifeline == one, ALARMS.c.asset == other) for one, _, other in pairs]
    return _levels(connection, or_(ALARMS.c.id.in_(members), *named))


def _levels(connection: Connection, wanted: ColumnElement[bool]) -> list[AlarmLevel]:
    c = ALARMS.c
    asset = case((c.asset == "", c.channel), else_=c.asset)
    named = (c.id, c.revision, c.lifeline, asset, c.rule, c.state, c.colour)
    timed = c.onset_ms.is_not(None), c.detected_ms.is_not(None)
    asked = select(*named, c.onset_ms, c.detected_ms).where(wanted, *timed)
    return [AlarmLevel(*row) for row in connection.execute(asked.order_by(c.id, c.revision))]


def incident(connection: Connection, name: str) -> Incident | None:
    """The newest revision of an incident, None of one that is not known."""
    found = _incidents(connection, INCIDENTS.c.id == name)
    return found[0] if found else None


def incidents(connection: Connection, period: Period = ALL_TIMES) -> list[Incident]:
    """The newest revision of each incident that had begun by the end of a period and told then.

    Those that were told later still count too; merged ones do not.
    """
    wanted = and_(
        INCIDENTS.c.onset_ms < period.until_ms,
        INCIDENTS.c.told_ms >= period.since_ms,
        INCIDENTS.c.merged_into == "",
    )
    return _incidents(connection, wanted)


def _incidents(connection: Connection, wanted: ColumnElement[bool]) -> list[Incident]:
    told: Any = INCIDENT_REVISIONS
    joined = and_(told.c.id == INCIDENTS.c.id, told.c.revision == INCIDENTS.c.revision)
    asked = select(told.c.body).join(INCIDENTS, joined).where(wanted).order_by(told.c.id)
    return [_INCIDENT.decode(row.body) for row in connection.execute(asked)]
