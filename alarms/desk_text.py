"""Incidents and alarms as lines of a terminal, for those who answer them there."""

from collections.abc import Iterator
from typing import Final

from contracts.desk.answer import CurrentAlarm
from contracts.desk.incident import Incident

MEMBERS_SHOWN: Final = 10


def line(one: Incident | CurrentAlarm) -> str:
    """One line: colour, id, how far it is answered, what it is."""
    if isinstance(one, CurrentAlarm):
        alarm = one.alarm
        return f"{alarm.colour:6} {alarm.id} {one.answer.state}: {alarm.say['en']}"
    told, ticket = one.situation, one.ticket
    whose = ticket.owner or ("acknowledged" if ticket.acknowledged else "nobody has it")
    counts = f"{told.counts.get('active', 0)} of {told.counts.get('all', 0)} active"
    return f"{told.colour:6} {one.id} {ticket.state}, {whose}, {counts}: {told.title['en']}"


def whole(one: Incident | CurrentAlarm) -> Iterator[str]:
    """All that a person wants to know of one, both languages."""
    yield line(one)
    lines = _of_alarm(one) if isinstance(one, CurrentAlarm) else _of_incident(one)
    yield from (f"  {text}" for text in lines)


def _of_alarm(one: CurrentAlarm) -> Iterator[str]:
    yield one.alarm.say["zh"]
    yield f"since {one.alarm.onset}, incident {one.incident or 'none'}"
    yield f"first: {'; '.join(one.alarm.respond.first)}"
    if (shelving := one.answer.shelving) is not None:
        until = "until it is over, at the latest " if shelving.once else "until "
        yield f"shelved by {shelving.by}, {until}{shelving.until}: {shelving.reason}".rstrip(": ")
    if one.answer.by:
        yield f"{one.answer.at} {one.answer.by}: {one.answer.reason}".rstrip(": ")


def _of_incident(one: Incident) -> Iterator[str]:
    told = one.situation
    yield told.title["zh"]
    causes = [("root", told.root), *(("or", cause) for cause in told.alternatives)]
    for word, cause in causes:
        if cause is not None:
            yield f"{word}: {cause.hypothesis['en']} ({cause.asset}, {cause.weight:.2f})"
    yield f"people: {told.impact.people} now, {told.impact.in_60_min} in 60 min"
    for loss in told.next:
        yield f"next: {loss.asset} ({loss.edge}) from {loss.earliest}, p {loss.probability:.2f}"
    for clock in one.clocks:
        yield f"{clock.desk} by {clock.acknowledge_by}, then {clock.escalates_to}"
    yield from _people_and_members(one)


def _people_and_members(one: Incident) -> Iterator[str]:
    told = one.situation
    for member in told.members[:MEMBERS_SHOWN]:
        yield f"{member.colour:6} {member.alarm} {member.asset} {member.state}: {member.why.how}"
    if (more := told.counts.get("all", 0) - MEMBERS_SHOWN) > 0:
        yield f"and {more} more"
    for step in one.ticket.history:
        yield f"{step.at} {step.by}: {step.what} {step.reason}".rstrip()
