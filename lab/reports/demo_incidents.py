"""Incidents on the demo's page: root, members and why they joined, clocks, who was told what."""

from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from contracts.desk.incident import ClockState, Incident, Member
from contracts.desk.notice import Notice
from lab.reports.plot import FILL
from lab.reports.style import when

NOTICES_MAX: Final = 60  # of an incident; what is left out is said


def incidents_chapter(incidents: Sequence[Incident], notices: Sequence[Notice]) -> list[str]:
    """Every incident with its root, members and notices; nothing when no desk told any.

    Parameters
    ----------
    incidents : sequence of Incident
        Revisions in the order in which they were told; the newest of each is shown.
    notices : sequence of Notice
        Those that were withheld too.
    """
    newest = {incident.id: incident for incident in incidents}
    there = [one for one in newest.values() if one.situation.state != "merged"]
    if not there:
        return []
    told = sum(notice.withheld is None for notice in notices)
    desks = Counter(notice.desk for notice in notices if notice.withheld is None)
    most = max(desks.values(), default=0)
    said = (
        f"{told} notices to {len(desks)} desks, at most {most} to one; "
        f"{len(notices) - told} withheld. Nobody answers in the demo, so clocks run out."
    )
    return [
        "<h2>Incidents</h2>",
        f'<p class="soft">{escape(said)}</p>',
        *(_incident(one, _most_people(one.id, incidents), notices) for one in there),
        *_lines([notice for notice in notices if notice.incident not in newest]),
    ]


def _most_people(incident: str, revisions: Iterable[Incident]) -> int:
    """People without service when it was at its worst."""
    return max(one.situation.impact.people for one in revisions if one.id == incident)


def _incident(incident: Incident, people: int, notices: Sequence[Notice]) -> str:
    told = incident.situation
    worst = told.worst or told.colour
    badge = f'<span class="badge" style="background:{FILL[worst]}">{worst}</span>'
    own = [notice for notice in notices if notice.incident == incident.id]
    return (
        f'<section class="incident"><h3>{badge}{escape(told.title["en"])}</h3>'
        f'<p lang="zh">{escape(told.title["zh"])}</p>{_root(incident)}'
        f'<p class="soft">{escape(incident.id)}, revision {incident.revision}, '
        f"onset {when(told.onset)}, {told.counts['active']} of {told.counts['all']} alarms "
        f"active; ticket {escape(incident.ticket.state)}; {people:,} people without service "
        f"at its worst</p>"
        f"{_members(told.members)}{_clocks(incident.clocks)}{_notices(own)}</section>"
    )


def _root(incident: Incident) -> str:
    root = incident.situation.root
    if root is None:
        return "<p>No root is known.</p>"
    asset = f"{root.lifeline}.{root.asset}"
    return (
        f"<p><b>Root</b> {escape(asset)}, weight {root.weight:.2f}: "
        f'{escape(root.hypothesis["en"])}</p><p lang="zh">{escape(root.hypothesis["zh"])}</p>'
    )


def _table(head: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    """A table that becomes a list on a phone; cells are HTML."""
    names = list(head)
    lines = "".join(
        "<tr>"
        + "".join(
            f'<td data-what="{escape(name)}">{cell}</td>'
            for name, cell in zip(names, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    heads = "".join(f"<th>{escape(name)}</th>" for name in names)
    head_row = f"<thead><tr>{heads}</tr></thead>"
    return f'<div class="wide"><table class="rows">{head_row}{lines}</table></div>'


def _members(members: Sequence[Member]) -> str:
    channels = {member.alarm: member.channel for member in members}
    rows = [
        (
            escape(member.channel),
            escape(member.worst),
            escape(member.state),
            when(member.onset),
            escape(why_joined(member, channels)),
        )
        for member in members
    ]
    return _table(("member", "worst", "state", "onset", "why it joined"), rows)


def why_joined(member: Member, channels: dict[str, str]) -> str:
    """Why an alarm belongs to its incident, in words.

    Parameters
    ----------
    member : Member
    channels : dict of str to str
        Channels of the incident's alarms.
    """
    why = member.why
    if why.how == "first":
        return "nothing else explains it"
    if why.how != "edge":
        return why.how
    delay = f"{abs(why.delay_s)} s {'after' if why.delay_s >= 0 else 'before'}"
    by = channels.get(why.by, why.by)
    return f"{why.edge.replace('_', ' ')}: {delay} {by}, weight {why.weight:.2f}"


def _clocks(clocks: Sequence[ClockState]) -> str:
    if not clocks:
        return ""
    rows = [
        (
            escape(clock.desk),
            escape(clock.level),
            when(clock.acknowledge_by),
            f"ran out {when(clock.fired)}" if clock.fired else "runs",
            escape(clock.escalates_to),
        )
        for clock in clocks
    ]
    return _table(("desk", "level", "acknowledge by", "clock", "then"), rows)


def _notices(notices: Sequence[Notice]) -> str:
    rows = [
        (
            when(notice.at),
            escape(notice.desk),
            escape(notice.reason),
            escape(f"withheld: {notice.withheld.by} {notice.withheld.detail}".strip())
            if notice.withheld
            else "told",
            f'{escape(notice.text["en"])}<br><span lang="zh">{escape(notice.text["zh"])}</span>',
        )
        for notice in notices[:NOTICES_MAX]
    ]
    more = len(notices) - NOTICES_MAX
    left = f"<p>{more} more in notices.jsonl</p>" if more > 0 else ""
    table = _table(("at", "desk", "reason", "told", "sentence"), rows)
    return f"<details><summary>{len(notices)} notices</summary>{table}{left}</details>"


def _lines(notices: Sequence[Notice]) -> list[str]:
    """What desks were told of alarms that are part of no incident."""
    if not notices:
        return []
    return ["<h3>Alarms that belong to no incident</h3>", _notices(notices)]
