"""An incident as the desks have it: whom it was told to, who had it, which clocks run."""

from typing import Any, Final

import msgspec

from alarms.duty.budget import Matter
from alarms.duty.clocks import Clock
from contracts.catalogue import Where
from contracts.desk.incident import Situation
from contracts.transition import RINGING

TOLD: Final = "told"


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What others know of an incident: who keeps it back, and what people do first.

    Parameters
    ----------
    maintenance : str
        Work order that covers its assets.
    shelved : str
        Who has shelved its channels.
    duplicate_of : str
        Open incident of the same asset and fault.
    inhibited_by : str
        Incident that was told and explains it.
    chattering, fleeting, drill : bool
    until : str
        RFC 3339, when the order or the shelving ends.
    fault : str
        Class of fault: an open incident absorbs what the same asset rings of the same fault.
    first : dict of str to str
        What to do first, by language.
    """

    maintenance: str = ""
    shelved: str = ""
    duplicate_of: str = ""
    inhibited_by: str = ""
    chattering: bool = False
    fleeting: bool = False
    drill: bool = False
    until: str = ""
    fault: str = ""
    first: dict[str, str] = {}


class Case(msgspec.Struct):
    """What is remembered of an incident while it is open.

    Parameters
    ----------
    incident, alarm : str
        Its id, and its first alarm's.
    desks : dict of str to str
        Who was considered, in that order: `told`, or what kept the last notice back.
    held : str
        What keeps all of it back, empty when nothing does.
    opened, answered, over : bool
        Whether it is an incident and not the line of one alarm; whether somebody has it; whether
        nothing in it is active any more.
    told_colour : int
        The worst colour that was told, by its place in `RINGING`; -1 before.
    owners : list of str
        To whom it was assigned, the newest last.
    clocks : list of Clock
    sent : dict of str to int
        How many notices this revision has had, by desk and reason.
    """

    incident: str
    alarm: str
    revision: int
    colour: str
    title: dict[str, str]
    where: Where
    lifelines: list[str]
    life_safety: bool
    drill: bool
    people: int
    critical: int
    first: dict[str, str]
    asset: str
    fault: str
    opened: bool = False
    answered: bool = False
    over: bool = False
    held: str = ""
    told_colour: int = -1
    desks: dict[str, str] = msgspec.field(default_factory=dict)
    owners: list[str] = msgspec.field(default_factory=list)
    clocks: list[Clock] = msgspec.field(default_factory=list)
    sent: dict[str, int] = msgspec.field(default_factory=dict)

    @property
    def urgent(self) -> bool:
        """Whether it is told whatever a budget says."""
        return self.life_safety or RINGING.index(self.colour) >= RINGING.index("orange")

    @property
    def matter(self) -> Matter:
        """Itself, as a list names it."""
        order = [-RINGING.index(self.colour), -self.critical, -self.people]
        return Matter(order, self.incident, self.title["en"], self.title["zh"])

    def clock_of(self, desk: str) -> Clock | None:
        """The clock that a desk must answer, run or fired; None when it has none."""
        return next((clock for clock in self.clocks if clock.desk == desk), None)


def case_of(incident: Situation, revision: int, facts: Facts, before: Case | None) -> Case:
    """Case of an incident's newest revision, with what was remembered before."""
    first = incident.members[0] if incident.members else None
    case = Case(
        incident=incident.id,
        alarm=first.alarm if first else "",
        revision=revision,
        colour=_last_colour(incident, before),
        title=incident.title,
        where=incident.where,
        lifelines=incident.lifelines,
        life_safety=incident.life_safety,
        drill=facts.drill,
        people=incident.impact.people,
        critical=len(incident.impact.critical),
        first=facts.first,
        asset=first.asset if first else "",
        fault=facts.fault,
        opened=incident.opened,
        over=incident.state != "active" or incident.colour == "clear",
    )
    if before is not None:
        case.held, case.told_colour = before.held, before.told_colour
        case.answered = before.answered
        case.desks, case.owners, case.clocks = before.desks, before.owners, before.clocks
        case.fault = facts.fault or before.fault
        case.first = facts.first or before.first
        case.sent = before.sent if before.revision == revision else {}
    return case


def _last_colour(incident: Situation, before: Case | None) -> str:
    """Its colour; of one that is over and has none any more, the last that it had."""
    known = [incident.colour, before.colour if before else "", incident.worst, RINGING[0]]
    return next(colour for colour in known if colour in RINGING)


def case_from(plain: Any) -> Case:
    """Case from plain data."""
    return msgspec.convert(plain, Case)
