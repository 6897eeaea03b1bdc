"""What a ledger says of an asset over its life, and of those who answer for incidents."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from statistics import median

import msgspec

from contracts.alarm import decode_alarm
from contracts.desk.commands import Maintenance
from contracts.desk.incident import Incident
from contracts.desk.journal import decode_desk_entry
from contracts.transition import COLOURS
from sinks.ledger.entry import Entry

REVISION = "revision"
INCIDENT = "incident"


class AssetLife(msgspec.Struct, kw_only=True):
    """One asset, by all entries about it.

    Parameters
    ----------
    asset : str
        With its lifeline: `water.dma-0417`.
    alarms : dict of str to int
        Alarms by the worst colour that each had.
    owners : dict of str to list of str
        Who had to answer for its alarms: level and role, with the first and the last detection.
    incidents : dict of str to str
        State of the ticket, or its verdict, of each that it was a member of.
    responsible : dict of str to int
        Who had these tickets, alone or jointly, and how many.
    maintenance : list of str
        Work orders: begin, end, name, who gave it and why; oldest first.
    """

    asset: str
    alarms: dict[str, int] = {}
    owners: dict[str, list[str]] = {}
    incidents: dict[str, str] = {}
    responsible: dict[str, int] = {}
    maintenance: list[str] = []


class Responder(msgspec.Struct, kw_only=True):
    """Whoever had tickets when they were closed, or has them now.

    Parameters
    ----------
    name : str
        Desk or person; `nobody` for tickets without one.
    tickets, closed : int
    minutes : float or None
        Median from detection to closing, None while nothing is closed.
    verdicts : dict of str to int
    """

    name: str
    tickets: int
    closed: int
    minutes: float | None
    verdicts: dict[str, int]


def asset_life(entries: Iterable[Entry], asset: str) -> AssetLife:
    """All that a ledger's entries say of one asset."""
    life, worst, newest = AssetLife(asset=asset), dict[str, str](), dict[str, Incident]()
    for entry in entries:
        if entry.header.kind == REVISION:
            alarm = decode_alarm(entry.value)
            if f"{alarm.lifeline}.{alarm.asset}" == asset:
                worst[alarm.id] = max(worst.get(alarm.id, "clear"), alarm.colour, key=_rank)
                owner = f"{alarm.owner.level}: {alarm.owner.role}"
                first = life.owners.get(owner, [alarm.detected])[0]
                life.owners[owner] = [first, alarm.detected]
        elif entry.header.kind == INCIDENT:
            incident = _incident(entry)
            members = {f"{one.lifeline}.{one.asset}" for one in incident.situation.members}
            if asset in members or incident.id in newest:
                newest[incident.id] = incident
        elif (order := _order(entry)) is not None and asset in order.assets:
            life.maintenance.append(_line(order))
    life.alarms = dict(Counter(worst.values()))
    life.incidents = {i: one.ticket.verdict or one.ticket.state for i, one in newest.items()}
    life.responsible = dict(
        Counter(
            name
            for one in newest.values()
            for name in (one.ticket.owner or "nobody", *one.ticket.joint)
        )
    )
    return life


def responders(entries: Iterable[Entry]) -> list[Responder]:
    """Closing times and verdicts of everyone who has had a ticket, by name; no drills."""
    newest: dict[str, Incident] = {}
    closed: dict[str, str] = {}  # when the verdict was first told, by incident
    for entry in entries:
        if entry.header.kind != INCIDENT or (incident := _incident(entry)).drill:
            continue
        newest[incident.id] = incident
        if incident.ticket.verdict:
            closed.setdefault(incident.id, incident.at)
        else:
            closed.pop(incident.id, None)  # it was given back
    by_name: dict[str, list[Incident]] = {}
    for incident in newest.values():
        by_name.setdefault(incident.ticket.owner or "nobody", []).append(incident)
    return [_responder(name, by_name[name], closed) for name in sorted(by_name)]


def _responder(name: str, tickets: list[Incident], closed: dict[str, str]) -> Responder:
    done = [one for one in tickets if one.id in closed]
    minutes = [
        (_moment(closed[one.id]) - _moment(one.situation.detected)).total_seconds() / 60
        for one in done
    ]
    return Responder(
        name=name,
        tickets=len(tickets),
        closed=len(done),
        minutes=round(median(minutes), 1) if minutes else None,
        verdicts=dict(Counter(one.ticket.verdict for one in done)),
    )


def _rank(colour: str) -> int:
    return COLOURS.index(colour)


def _incident(entry: Entry) -> Incident:
    return msgspec.json.decode(entry.value, type=Incident)


def _order(entry: Entry) -> Maintenance | None:
    """The work order that an entry of the desk stage's journal gives, if it does."""
    if not entry.header.topic.endswith(".journal.desk"):
        return None
    change = decode_desk_entry(entry.value).change
    return change if isinstance(change, Maintenance) else None


def _line(order: Maintenance) -> str:
    begins, ends = (
        datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="seconds")
        for at in (order.begins, order.ends)
    )
    return f"{begins} to {ends} {order.order}, by {order.by}: {order.reason}"


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
