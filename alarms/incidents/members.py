"""An alarm as an incident remembers it, and the incident with sums over its alarms."""

from datetime import datetime
from typing import Final

import msgspec

from alarms.copies.groups import Groups
from contracts.alarm import Alarm
from contracts.catalogue import Where
from contracts.transition import COLOURS

CLEAR, BLUE, YELLOW, ORANGE, RED = range(5)
WHOLE: Final = 1_000  # weights are counted in thousandths: sums must not depend on their order
EXPLAINED: Final = 500  # section 19.2: from here on an alarm is explained by another
LINK_RULE: Final = "observability"  # a link tells that its channels are silent
BY_LINK: Final = "link"  # how a channel hangs on the link by which it speaks
WITHIN_S: Final = 180  # section 19.2 item 5: what falls silent together
DARK: Final = 10  # silent channels by which a suspected link stays dark: half of what it takes, [E]
SILENT_RULES: Final = frozenset({"silent", LINK_RULE})
# How far an alarm can be trusted as evidence. Limits and states are measured, people have looked;
# the other rules are statistics, and silence may be the sensor's own.
MEASURED: Final = frozenset({"limit", "sequence", "report"})
MEASURED_QUALITY, STATISTICAL_QUALITY, SILENT_QUALITY = 1.0, 0.95, 0.95  # [E]


class Cause(msgspec.Struct, array_like=True, gc=False):
    """How an asset explains an alarm.

    Parameters
    ----------
    weight : int
        In thousandths.
    by : str
        Alarm of that asset; empty where it is suspected by its effects.
    kind : str
        Kind of the last edge.
    hops, delay_s : int
    """

    weight: int
    by: str
    kind: str
    hops: int
    delay_s: int

    def rank(self) -> tuple[int, bool, int, str]:
        """The greatest is kept: order of arrival must not matter."""
        return (self.weight, bool(self.by), -self.hops, self.by)


class Entry(msgspec.Struct, array_like=True, gc=False):
    """What is kept of an alarm.

    Parameters
    ----------
    node : str
        `<lifeline>.<asset>`.
    colour, worst : int
        Place in `COLOURS`; `colour` of an alarm that is over is 0.
    lead : str
        Alarm of the same channel with which it is one member; empty when it is the member.
    also : list of str
        Alarms that it leads.
    causes : dict of str to Cause
        By the node that explains it.
    pinned : bool
        Whether a person put it where it is.
    taken : int
        Its place in order of arrival.
    link : str
        By what a silent channel speaks.
    approaches : bool
        Whether it reaches the next limit within the time to respond, if it goes on as it does.
    muted : bool
        Whether it is suppressed by design: it counts as blue, whatever it rings.
    """

    id: str
    revision: int
    node: str
    channel: str
    lifeline: str
    class_name: str
    rule: str
    state: str
    colour: int
    worst: int
    onset_s: int
    onset: str
    detected: str
    critical: bool
    life_safety: bool
    say: dict[str, str]
    where: Where
    taken: int
    lead: str = ""
    also: list[str] = []
    causes: dict[str, Cause] = {}
    pinned: bool = False
    link: str = ""
    approaches: bool = False
    muted: bool = False

    @property
    def shade(self) -> int:
        """Colour that it gives its incident."""
        return min(self.colour, BLUE) if self.muted else self.colour

    @property
    def silent(self) -> bool:
        """Whether it says that nothing is heard."""
        return self.rule in SILENT_RULES

    @property
    def active(self) -> bool:
        """Whether its condition stands, as far as anybody can tell."""
        return self.colour > CLEAR

    @property
    def quality(self) -> float:
        """How far it can be trusted as evidence, above 0 to 1."""
        if self.silent:
            return SILENT_QUALITY
        return MEASURED_QUALITY if self.rule in MEASURED else STATISTICAL_QUALITY

    @property
    def asset(self) -> str:
        """Asset without its lifeline."""
        return self.node.partition(".")[2]

    def best(self) -> tuple[str, Cause] | None:
        """The node that explains it best; an alarm's word goes before a suspicion."""
        if not self.causes:
            return None
        return max(self.causes.items(), key=lambda c: (bool(c[1].by), c[1].rank(), c[0]))

    def explained(self) -> bool:
        """Whether something else is behind it."""
        return any(cause.weight >= EXPLAINED for cause in self.causes.values())

    def by_link(self) -> bool:
        """Whether it is silent since the link by which it speaks is."""
        return bool(self.link) and any(c.kind == BY_LINK for c in self.causes.values())

    def suspects_link(self) -> bool:
        """Whether it is one of those by which its link is known to be dark: no alarm says so."""
        cause = self.causes.get(self.link) if self.link else None
        return cause is not None and cause.kind == BY_LINK and not cause.by

    def revise(self, alarm: Alarm) -> None:
        """Take over what another revision says."""
        self.revision = alarm.revision
        self.state = alarm.state
        self.colour = CLEAR if alarm.state == "cleared" else COLOURS.index(alarm.colour)
        self.worst = max(self.worst, self.colour)
        self.life_safety = self.life_safety or alarm.life_safety
        self.approaches = bool(alarm.approach)
        if alarm.state != "cleared":
            self.say = alarm.say


def entry_of(alarm: Alarm, taken: int) -> Entry:
    """A first entry of an alarm that stands."""
    colour = COLOURS.index(alarm.colour)
    return Entry(
        id=alarm.id,
        revision=alarm.revision,
        node=f"{alarm.lifeline}.{alarm.asset or alarm.channel}",
        channel=alarm.channel,
        lifeline=alarm.lifeline,
        class_name=alarm.class_name,
        rule=alarm.rule.name,
        state=alarm.state,
        colour=colour,
        worst=colour,
        onset_s=int(datetime.fromisoformat(alarm.onset).timestamp()),
        onset=alarm.onset,
        detected=alarm.detected,
        critical=alarm.criticality == "critical",
        life_safety=alarm.life_safety,
        say=alarm.say,
        where=alarm.where,
        taken=taken,
        also=[],
        causes={},
        link=alarm.link or "",
        approaches=bool(alarm.approach),
    )


class Told(msgspec.Struct, array_like=True, gc=False):
    """What people have been told of an incident, and when."""

    at_s: int
    colour: int
    root: str
    lifelines: int
    people: int
    members: int


class Head(msgspec.Struct, gc=False):
    """What an incident is beside the sum of its alarms.

    Parameters
    ----------
    number : int
        Order of their beginnings.
    opened : bool
        False while it is a line.
    colour, worst : int
        As told: `colour` falls after a hold time alone.
    lower_at_s : int
        When it may fall, or end; 0 while nothing is better.
    looked_at_s : int
        When its root was last held against the one that was told.
    due_s : int
        When it has something to do; 0 for never.
    over : bool
        Whether nothing in it has been active for the hold time.
    apart : list of str
        Incidents that a person has parted from it.
    reached : dict of str to int
        By service area: the most people that any of its assets serves. It only grows, so that
        "twice as many" is told once.
    told : Told or None
    """

    id: str
    number: int
    opened: bool = False
    colour: int = CLEAR
    worst: int = CLEAR
    lower_at_s: int = 0
    looked_at_s: int = 0
    due_s: int = 0
    over: bool = False
    split_from: str = ""
    apart: list[str] = []
    reached: dict[str, int] = {}
    told: Told | None = None


class Group:
    """An incident: its head, its alarms, and sums over them that need no walk.

    Parameters
    ----------
    head : Head
    copies : Groups
        Hears of whatever is about to change.

    Attributes
    ----------
    copied : int
        The newest copy of all groups that needs nothing of it any more.
    """

    __slots__ = (
        "_copies",
        "_head",
        "active_lifelines",
        "ahead",
        "alarms",
        "by_colour",
        "copied",
        "critical",
        "dark",
        "life_safety",
        "lifelines",
        "loose",
        "members",
        "nodes",
        "scores",
        "suspects",
    )

    def __init__(self, head: Head, copies: "Groups[Group]") -> None:
        self._copies = copies
        self.copied = copies.copies
        self._head = head
        self.alarms: dict[str, Entry] = {}
        self.members = 0
        self.critical = 0
        self.life_safety = 0
        self.by_colour = [0, 0, 0, 0, 0]
        self.ahead = [0, 0, 0, 0, 0]  # what is about to reach a limit, by one colour above its own
        self.lifelines: dict[str, int] = {}
        self.active_lifelines: dict[str, int] = {}
        self.dark: dict[str, int] = {}  # silent channels of links that no alarm names
        self.loose: dict[str, int] = {}  # nodes with alarms that nothing explains
        self.suspects: dict[str, int] = {}  # nodes that no alarm names
        self.scores: dict[str, int] = {}  # by node, of the alarms that it explains
        self.nodes: dict[str, int] = {}

    @property
    def head(self) -> Head:
        """What it is beside its alarms; whoever asks may change it."""
        self._copies.touch(self)
        return self._head

    @head.setter
    def head(self, head: Head) -> None:
        self._copies.touch(self)
        self._head = head

    def touch(self, entry: Entry) -> None:
        """An alarm of it is about to change, or to leave it."""
        self._copies.touch(self, entry)

    def add(self, entry: Entry) -> None:
        """Take an alarm in."""
        self.touch(entry)
        self.alarms[entry.id] = entry
        self.count(entry, 1)

    def remove(self, entry: Entry) -> None:
        """Let an alarm go."""
        self.touch(entry)
        del self.alarms[entry.id]
        self.count(entry, -1)

    def count(self, entry: Entry, sign: int) -> None:
        """Add an alarm to all sums, or with -1 take it out: before and after it changes."""
        self.touch(entry)
        self.by_colour[entry.shade] += sign
        if entry.active and entry.approaches and not entry.muted:
            self.ahead[min(entry.colour + 1, RED)] += sign
        self.life_safety += sign * entry.life_safety
        self.members += sign * (not entry.lead)
        _count(self.nodes, entry.node, sign)
        _count(self.lifelines, entry.lifeline, sign)
        if entry.active and not entry.by_link():  # who goes blind with its link loses nothing
            self.critical += sign * entry.critical
            _count(self.active_lifelines, entry.lifeline, sign)
        if entry.active and entry.suspects_link():
            _count(self.dark, entry.link, sign)
        if not entry.explained():
            _count(self.loose, entry.node, sign)
        for node, cause in entry.causes.items():
            # A suspicion counts half of an alarm's word.
            _count(self.scores, node, sign * (cause.weight if cause.by else cause.weight // 2))
            if not cause.by:
                _count(self.suspects, node, sign)

    def shade(self) -> int:
        """Colour of its worst active alarm; a dark link is orange, whoever tells of it."""
        worst = self._worst()
        return max(worst, ORANGE) if self._dark() else worst

    def soon(self) -> int:
        """Colour of the worst alarm that is about to reach a limit, one above its own."""
        return _worst(self.ahead)

    def _worst(self) -> int:
        return _worst(self.by_colour)

    def _dark(self) -> bool:
        return any(channels >= DARK for channels in self.dark.values())

    def raised(self) -> list[str]:
        """Why it stands above its worst alarm (section 0.3; 19.2 item 5 for mass silence)."""
        dark = ["mass silence"] if self.shade() > self._worst() else []
        soon = ["next limit"] if self.soon() > self.shade() else []
        return [*self._raised(), *soon, *dark]

    def _raised(self) -> list[str]:
        """Why it stands one colour above what its alarms tell."""
        if not self.head.opened or self.shade() in (CLEAR, RED):
            return []
        linked = len(self.active_lifelines) >= 2
        reasons = (("critical users", self.critical > 0), ("linked lifelines", linked))
        return [reason for reason, holds in reasons if holds]

    def colour(self) -> int:
        """Colour that its alarms give it now; however many reasons there are, they raise once."""
        return max(self.shade() + bool(self._raised()), self.soon())


def _worst(counts: list[int]) -> int:
    return next((c for c in (RED, ORANGE, YELLOW, BLUE) if counts[c]), CLEAR)


def _count(sums: dict[str, int], key: str, by: int) -> None:
    new = sums.get(key, 0) + by
    if new:
        sums[key] = new
    else:
        sums.pop(key, None)
