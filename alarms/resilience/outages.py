"""Which assets do not do their work, and since when, by what alarms tell; kept as it happens."""

from collections.abc import Container, Iterator
from datetime import datetime
from typing import Final, NamedTuple

from alarms.incidents.members import LINK_RULE, ORANGE, SILENT_RULES
from alarms.incidents.topology import NO_TOPOLOGY, Topology
from contracts.alarm import Alarm
from contracts.transition import COLOURS

CLEARED: Final = "cleared"
WORKS, LOST, BLIND = range(3)


class Ring(NamedTuple):
    """What a revision of an alarm says of an asset; times in seconds since 1970 UTC.

    Parameters
    ----------
    alarm : str
        Id.
    revision : int
    node : str
        `<lifeline>.<asset>`.
    rule, state, colour : str
    onset_s, detected_s : float
        When the breach began, and when this revision was detected.
    """

    alarm: str
    revision: int
    node: str
    rule: str
    state: str
    colour: str
    onset_s: float
    detected_s: float

    @property
    def level(self) -> int:
        """Orange or worse is a lost function (19.3: below 0.14 MPa); silence may be anything."""
        if self.state == CLEARED or self.colour not in COLOURS:
            return WORKS
        if self.rule in SILENT_RULES:
            return BLIND
        return LOST if COLOURS.index(self.colour) >= ORANGE else WORKS


def ring_of(alarm: Alarm) -> Ring:
    """What a record says."""
    onset, detected = (datetime.fromisoformat(t).timestamp() for t in (alarm.onset, alarm.detected))
    node = f"{alarm.lifeline}.{alarm.asset or alarm.channel}"
    told = (alarm.rule.name, alarm.state, alarm.colour)
    return Ring(alarm.id, alarm.revision, node, *told, onset, detected)


def blinded(topology: Topology, link: str) -> list[str]:
    """Assets that nobody hears while a link is dark."""
    kinds = topology.correlation.kinds
    return [e.child for e in topology.children(link) if kinds[e.kind].finding == "silent"]


class Span(NamedTuple):
    """A time in which an asset was lost, or nobody knew.

    Parameters
    ----------
    node, alarm : str
    begins_s : float
    ends_s : float or None
        None while it lasts.
    blind : bool
    """

    node: str
    alarm: str
    begins_s: float
    ends_s: float | None
    blind: bool


class _Course:
    """Levels of one alarm, each from a time on."""

    __slots__ = ("changes", "node", "revision", "rule")

    def __init__(self, ring: Ring) -> None:
        self.node, self.rule = ring.node, ring.rule
        self.revision = ring.revision
        # It was so before it was detected; of one that became worse only the detection is known.
        self.changes = [(ring.onset_s, ring.level)]

    def take(self, ring: Ring) -> None:
        self.revision = ring.revision
        at_s, level = self.changes[-1]
        if ring.level != level:
            self.changes.append((max(ring.detected_s, at_s), ring.level))


class Outages:
    """Outages of a city, by revisions of alarms as they come.

    Of each alarm the revisions come in order; repeated ones change nothing. Alarms come in any
    order: what was detected late reaches back to its onset.
    """

    def __init__(self) -> None:
        self._of: dict[str, _Course] = {}

    def take(self, ring: Ring) -> None:
        """Take a revision in."""
        held = self._of.get(ring.alarm)
        if held is None:
            self._of[ring.alarm] = _Course(ring)
        elif ring.revision > held.revision:
            held.take(ring)

    def spans(self, topology: Topology, alarms: Container[str] | None = None) -> Iterator[Span]:
        """Outages of some alarms, or of all, by alarm; what a dark link carries is blind."""
        for name in sorted(self._of):
            if alarms is None or name in alarms:
                yield from self._spans(name, self._of[name], topology)

    def spans_at(self, node: str) -> Iterator[Span]:
        """Outages of one asset by alarms of its own."""
        for name in sorted(self._of):
            if self._of[name].node == node:
                yield from self._spans(name, self._of[name], NO_TOPOLOGY)

    def _spans(self, name: str, course: _Course, topology: Topology) -> Iterator[Span]:
        nodes = [course.node]
        if course.rule == LINK_RULE:
            nodes += blinded(topology, course.node)
        ends = [at_s for at_s, _ in course.changes[1:]] + [None]
        for (begins_s, level), ends_s in zip(course.changes, ends, strict=True):
            if level != WORKS and begins_s != ends_s:
                for node in nodes:
                    yield Span(node, name, begins_s, ends_s, level == BLIND)
