"""Incidents as the desk stage publishes them: alarms of one cause, and how they are answered."""

from typing import Literal

import msgspec

from contracts.alarm import Where

Text = dict[str, str]  # by language: `en`, `zh`
# Why an incident is told anew; the first that holds.
Reason = Literal[
    "new", "merged", "split", "colour", "root", "lifeline", "impact", "members", "ticket", "over",
    "reminder",
]  # fmt: skip


class Why(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a member belongs to an incident.

    Parameters
    ----------
    how : str
        `first`, `same asset`, `edge`, `link`, or `person` when somebody put it there.
    by : str
        Alarm that explains it, empty for the first.
    edge : str
        Kind of the edge between the two, empty where there is none.
    hops : int
        Edges of the path.
    delay_s : int
        Lane time between the two onsets; negative where the effect was seen first.
    weight : float
        How well it is explained, 0 to 1.
    """

    how: Literal["first", "same asset", "edge", "link", "person"]
    by: str = ""
    edge: str = ""
    hops: int = 0
    delay_s: int = 0
    weight: float = 1.0


class Member(msgspec.Struct, frozen=True):
    """An alarm within an incident; several rules of one channel at once are one member."""

    alarm: str
    asset: str
    channel: str
    lifeline: str
    colour: str
    worst: str
    state: str
    onset: str
    why: Why
    also: list[str] = []  # alarms of other rules of the same channel


class Cause(msgspec.Struct, frozen=True):
    """A candidate for what lies behind an incident.

    Parameters
    ----------
    asset, lifeline, kind : str
        Where, and what it is.
    alarm : str
        Its own alarm, empty where it is suspected by its effects alone.
    hypothesis : dict of str to str
        In both languages.
    weight : float
        0 to 1; those of all candidates sum to at most 1.
    """

    asset: str
    lifeline: str
    kind: str
    alarm: str
    hypothesis: Text
    weight: float


class Impact(msgspec.Struct, frozen=True):
    """Whom it hurts: people now, in 30 and in 60 minutes, and critical users by asset."""

    people: int
    in_30_min: int
    in_60_min: int
    critical: list[str]


class NextLoss(msgspec.Struct, frozen=True):
    """An asset that fails next if nothing is done; times RFC 3339, people served by it."""

    asset: str
    lifeline: str
    edge: str
    earliest: str
    latest: str
    probability: float
    people: int


class Redundancy(msgspec.Struct, frozen=True):
    """An asset that runs on its last feed.

    Parameters
    ----------
    asset, group : str
        Asset, and its group of feeds.
    left : list of str
        Parents that still feed it; empty when none does.
    """

    asset: str
    group: str
    left: list[str]


class Situation(msgspec.Struct, frozen=True):
    """What the alarms say of one cause; the part of an incident that nobody answers by hand.

    Parameters
    ----------
    id : str
        `i-` and the rest of its first alarm's id.
    opened : bool
        False while it is one alarm below orange: that is a line of its own, not an incident.
    state : str
        `active`, `over` when nothing in it is active any more, `merged` into another.
    colour, worst : str
        Of the incident, one up for critical users, linked lifelines and a limit that is about to be
        reached; the worst it ever had.
    raised : list of str
        Why it stands above its worst member: `critical users`, `linked lifelines`, `next limit`,
        `mass silence`.
    members : list of Member
        The first of them in order of joining; `counts` has them all.
    counts : dict of str to int
        `all`, `active`, `returned`, and how many by colour.
    life_safety : bool
        Whether lives hang on any of its alarms.
    merged_into, split_from : str
        Another incident's id, or empty.
    """

    id: str
    opened: bool
    state: Literal["active", "over", "merged"]
    colour: str
    worst: str
    raised: list[str]
    title: Text
    lifelines: list[str]
    where: Where
    root: Cause | None
    alternatives: list[Cause]
    members: list[Member]
    counts: dict[str, int]
    impact: Impact
    next: list[NextLoss]
    redundancy: list[Redundancy]
    onset: str
    detected: str
    life_safety: bool
    merged_into: str = ""
    split_from: str = ""


class Change(msgspec.Struct, frozen=True):
    """Something about a situation changed that a person may want to know."""

    incident: str
    reason: Reason


class Step(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of a ticket's history: what was done, by whom, in which role, when, and why."""

    at: str
    what: str
    by: str
    role: str = ""
    reason: str = ""
    command: str = ""


class Ticket(msgspec.Struct, frozen=True):
    """How an incident is being handled.

    Parameters
    ----------
    state : str
        One of the ticket's states, as configured.
    owner : str
        Who has it, empty while nobody does.
    joint : list of str
        Who else works on it.
    acknowledged : bool
        Whether somebody has said so.
    verdict : str
        Of a closed ticket, else empty.
    history : list of Step
        The newest steps, oldest first.
    steps : int
        All of them, those that are no longer told too.
    due, until : str
        RFC 3339: when it should leave its state, and when a parked or extended one goes on by
        itself; empty where no time is set.
    """

    state: str
    owner: str
    joint: list[str]
    acknowledged: bool
    verdict: str
    history: list[Step]
    steps: int = 0
    due: str = ""
    until: str = ""


class ClockState(msgspec.Struct, frozen=True):
    """An escalation clock.

    Parameters
    ----------
    level, desk : str
        Who must answer.
    acknowledge_by : str
        RFC 3339.
    escalates_to : str
        Desk that is told when nobody has.
    fired : str
        When it fired, empty before.
    late : bool
        Whether it fired after a restart, later than it was due.
    escalates_at : str
        When it fires unless somebody acknowledges; RFC 3339.
    """

    level: str
    desk: str
    acknowledge_by: str
    escalates_to: str
    fired: str = ""
    late: bool = False
    escalates_at: str = ""


class Responsibility(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a city has laid down for an incident.

    Parameters
    ----------
    risk, plan : str
        Ids in its risk catalogue and of its emergency plans.
    names : dict of str to Text
        Of `risk` and `plan`, and of who bears which kind of responsibility: `territory`,
        `industry`, `owner`, `supervision`. What is not laid down is left out.
    """

    risk: str = ""
    plan: str = ""
    names: dict[str, Text] = {}


class Incident(msgspec.Struct, frozen=True):
    """One revision of an incident; (`situation.id`, `revision`) is its key everywhere."""

    id: str
    revision: int
    reason: Reason
    at: str
    situation: Situation
    ticket: Ticket
    clocks: list[ClockState]
    drill: bool
    config: str
    # Left out where nothing is laid down: a replay under a former configuration tells the same.
    responsibility: Responsibility | msgspec.UnsetType = msgspec.UNSET
