"""How one desk is served: rates, answers, chattering, fleeting and stale alarms in one record."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from alarms.duty.kpi import Period, Rates, Response, Span, calls, rates, responses, stale
from contracts.desk.answer import CurrentAlarm
from contracts.desk.incident import Incident
from contracts.desk.notice import Notice

_ACKNOWLEDGED: Final = "acknowledged"
_ASSIGNED: Final = "assigned to "


class DeskTold(NamedTuple):
    """What the desk stage told, as far as its topics still hold it.

    Parameters
    ----------
    notices : list of Notice
        In the order in which they were told, with those that were withheld.
    incidents : list of Incident
        Every revision, in that order.
    current : list of CurrentAlarm
        Newest record of every alarm that is open.
    """

    notices: list[Notice]
    incidents: list[Incident]
    current: list[CurrentAlarm]


class DeskKpi(msgspec.Struct, frozen=True):
    """The measures of one desk over a period.

    Parameters
    ----------
    desk : str
    begins_s, ends_s : int
        The period, its end not included; seconds since 1970 UTC.
    rates : Rates
        What it was told, and what was withheld by reason.
    responses : dict of str to Response
        By level, against the clock of the colour.
    chattering, fleeting : list of str
        Alarms of which notices were withheld because they came and went, or were over at once.
    stale : list of str
        Alarms that have been active for more than 24 hours at the end of the period.
    """

    desk: str
    begins_s: int
    ends_s: int
    rates: Rates
    responses: dict[str, Response]
    chattering: list[str]
    fleeting: list[str]
    stale: list[str]


def desk_kpi(told: DeskTold, desk: str, period: Period) -> DeskKpi:
    """The measures of a desk.

    Parameters
    ----------
    told : DeskTold
    desk : str
    period : Period

    Raises
    ------
    ValueError
        When the period does not hold whole windows of ten minutes.
    """
    mine = [notice for notice in told.notices if notice.desk == desk]
    own = [notice for notice in mine if period.begins_s <= _second(notice.at) < period.ends_s]
    return DeskKpi(
        desk=desk,
        begins_s=period.begins_s,
        ends_s=period.ends_s,
        rates=rates(own, desk, period),
        responses=responses(calls(own, answered(told))),
        chattering=_withheld_by("chattering", own),
        fleeting=_withheld_by("fleeting", own),
        stale=stale(_spans(told.current, mine), period.ends_s),
    )


def answered(told: DeskTold) -> dict[str, list[int]]:
    """When each incident or line was acknowledged or assigned, seconds since 1970 UTC, rising."""
    moments: dict[str, set[int]] = {}
    for incident in told.incidents:
        for step in incident.ticket.history:
            if step.what == _ACKNOWLEDGED or step.what.startswith(_ASSIGNED):
                moments.setdefault(incident.id, set()).add(_second(step.at))
    for one in told.current:
        if one.answer.acknowledged and one.answer.at:
            moments.setdefault(one.incident, set()).add(_second(one.answer.at))
    return {incident: sorted(some) for incident, some in moments.items()}


def _withheld_by(reason: str, notices: Iterable[Notice]) -> list[str]:
    kept = [notice for notice in notices if notice.withheld and notice.withheld.by == reason]
    return sorted({notice.alarm for notice in kept})


def _spans(current: Iterable[CurrentAlarm], notices: Sequence[Notice]) -> list[Span]:
    """Active alarms that a desk has to do with."""
    alarms = {notice.alarm for notice in notices}
    incidents = {notice.incident for notice in notices if notice.incident}
    return [
        Span(one.alarm.id, _second(one.alarm.onset), None)
        for one in current
        if one.answer.active and (one.alarm.id in alarms or one.incident in incidents)
    ]


def _second(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())
