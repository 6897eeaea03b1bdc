"""Alarms into incidents: connected components of what explains what, kept as alarms come."""

import heapq
from collections.abc import Mapping
from datetime import timezone
from types import MappingProxyType
from typing import Any, Final

import msgspec

from alarms.copies.records import copies_of
from alarms.copies.table import Table
from alarms.deadlines import ALL
from alarms.incidents.components import Components
from alarms.incidents.edges import DEFAULT_HOLD_S, by_lifeline
from alarms.incidents.impact import Outlook
from alarms.incidents.links import Index
from alarms.incidents.members import CLEAR, ORANGE, Entry, Group, Head, Told, entry_of
from alarms.incidents.roots import Roots
from alarms.incidents.situations import Situations, merged
from alarms.incidents.topology import Topology
from contracts.alarm import Alarm
from contracts.desk.incident import Change, Reason, Situation
from contracts.ports.desk import SlicedCopy
from contracts.transition import COLOURS

REMIND_S: Final = 1_800  # section 18: an open incident is told again every 30 minutes
PACE_S: Final = 60  # between changes of one incident other than new, worse, over
LOOK_S: Final = 10  # between looks for another root, which walk all candidates
QUIET_MAX: Final = 50_000  # incidents that are over and not closed; the oldest is forgotten
CLOSED_MAX: Final = 200_000  # alarms that still stand although their incident was closed
STALE_MAX: Final = 10_000  # deadlines that were put off and are still in the heap
NEVER_S: Final = 1 << 62
NO_LINKS: Final[Mapping[str, int]] = MappingProxyType({})


class Incidents:
    """Puts alarms of one cause together and says what a person would want to know of it.

    A function of the alarms, the moves of people and the time that is handed in. Two alarms belong
    together when they are of one asset, when one explains the other along the topology, or when
    several children of one parent ring at once; an incident is a connected component. All three
    depend on the two alarms alone, so the order in which they come does not matter.

    Parameters
    ----------
    topology : Topology
    zone : timezone
        Of the city, for times in records.
    channels : mapping of str to int
        How many channels speak by each link, in all lanes.

    References
    ----------
    docs/incidents.md has the rules with their sources.
    """

    def __init__(
        self, topology: Topology, zone: timezone, channels: Mapping[str, int] = NO_LINKS
    ) -> None:
        self.topology = topology
        self._index = Index(topology, channels)
        self._outlook = Outlook(topology, self._index, zone)
        self._roots = Roots(topology, self._index)
        self._situations = Situations(topology, self._roots, self._outlook)
        self._components = Components(topology, self._index)
        self._groups = self._components.groups
        self._closed: Table[str, int] = Table()  # alarm to its colour when its incident was closed
        self._quiet: Table[str, None] = Table()  # incidents that are over, the oldest first
        self._due: list[tuple[int, int, str]] = []
        self._taken = 0

    def take(self, alarm: Alarm, time_s: int, *, muted: bool = False) -> list[Change]:
        """What one alarm revision changes; `advance` to this time comes first.

        Parameters
        ----------
        alarm : Alarm
            A revision that was taken before changes nothing.
        time_s : int
            Desk time in seconds since 1970.
        muted : bool
            Whether one that is new is suppressed by design.
        """
        group = self._components.group_of.get(alarm.id)
        if group is None:
            return self._begin(alarm, time_s, muted=muted)
        entry = group.alarms[alarm.id]
        if alarm.revision <= entry.revision:
            return []
        changes: list[Change] = []
        for touched in dict.fromkeys(self._components.revise(entry, alarm)):
            changes += self._look(touched, time_s)
        return changes

    def mute(self, alarm: str, time_s: int, *, on: bool) -> list[Change]:
        """Let a remembered alarm be suppressed by design, or count again; what that changes."""
        group = self._components.group_of[alarm]
        entry = group.alarms[alarm]
        if entry.muted == on:
            return []
        group.count(entry, -1)
        entry.muted = on
        group.count(entry, 1)
        return self._look(group, time_s)

    def _begin(self, alarm: Alarm, time_s: int, *, muted: bool) -> list[Change]:
        if alarm.state == "cleared":
            self._closed.pop(alarm.id, None)
            return []
        closed = self._closed.get(alarm.id)
        if closed is not None:
            if COLOURS.index(alarm.colour) <= closed:
                return []
            del self._closed[alarm.id]
        self._taken += 1
        entry = entry_of(alarm, self._taken)
        entry.muted = muted
        feeds = not entry.silent and self.topology.feeds_critical(entry.node)
        entry.critical = entry.critical or feeds
        group, merges = self._components.begin(entry)
        for merge in merges:
            self._quiet.pop(merge.gone, None)
        changes = [Change(merge.gone, "merged") for merge in merges]
        return [*changes, *self._look(group, time_s)]

    def advance(self, time_s: int, most: int = ALL) -> list[Change]:
        """What the passing of time changes: reminders, colours that fall, incidents that end.

        Parameters
        ----------
        time_s : int
        most : int, optional
            Deadlines that fire at once; what else is due waits for the next call.
        """
        changes: list[Change] = []
        while most > 0 and self._due and self._due[0][0] <= time_s:
            due_s, _, name = heapq.heappop(self._due)
            group = self._groups.get(name)
            if group is not None and group.head.due_s == due_s:
                group.head.due_s = 0
                changes += self._fire(group, time_s)
                most -= 1
        return changes

    @property
    def soonest_s(self) -> int:
        """When `advance` next has something to do; `NEVER_S` when nothing waits."""
        while self._due:
            due_s, _, name = self._due[0]
            group = self._groups.get(name)
            if group is not None and group.head.due_s == due_s:
                return due_s
            heapq.heappop(self._due)
        return NEVER_S

    def knows(self, incident: str) -> bool:
        """Whether an incident is remembered under its own id."""
        return incident in self._groups

    def quiet(self, incident: str) -> bool:
        """Whether nothing of a remembered incident is active now, however long it is held."""
        return self._groups[incident].shade() == CLEAR

    def of_alarm(self, alarm: str) -> str | None:
        """The incident that an alarm belongs to; None when it is not remembered."""
        group = self._components.group_of.get(alarm)
        return None if group is None else group.head.id

    def alarms_of(self, incident: str) -> list[str]:
        """All alarms of an incident in the order in which they came; empty when it is unknown."""
        group = self._groups.get(incident)
        if group is None:
            return []
        return [e.id for e in sorted(group.alarms.values(), key=lambda entry: entry.taken)]

    def situation(self, incident: str) -> Situation:
        """What is known of an incident now; of a merged one, what it has become.

        Raises
        ------
        KeyError
            When it is not remembered.
        """
        now = self._components.resolve(incident)
        told = self._situations.tell(self._groups[now])
        return told if now == incident else merged(told, incident)

    def close(self, incident: str) -> None:
        """Forget an incident whose ticket is closed.

        What of it still stands stays answered: it comes back, as an incident of its own, only when
        it gets worse.
        """
        group = self._groups.pop(incident, None)
        if group is None:
            return
        for entry in group.alarms.values():
            if entry.active:
                self._closed[entry.id] = entry.colour
            self._components.forget(entry)
        while len(self._closed) > CLOSED_MAX:
            del self._closed[next(iter(self._closed))]
        self._quiet.pop(incident, None)

    def move(self, alarm: str, to: str, time_s: int) -> list[Change]:
        """Put an alarm where a person says; it stays there, whatever explains it.

        Parameters
        ----------
        alarm : str
        to : str
            An incident, or empty for one of its own.
        time_s : int
            Desk time.

        Returns
        -------
        list of Change
            Empty when one of the two is not remembered.
        """
        parts = self._components
        source = parts.group_of.get(alarm)
        if source is None or (to and to not in self._groups):
            return []
        entry = source.alarms[alarm]
        lead = source.alarms[entry.lead] if entry.lead else entry
        moved = [lead, *(source.alarms[one] for one in lead.also)]
        if to == source.head.id or (not to and len(moved) == len(source.alarms)):
            for one in moved:
                source.touch(one)
                one.pinned = True
            return []
        parts.detach(source, moved)
        origin = source.head.id
        target = self._groups[to] if to else parts.part(source, lead)
        for one in moved:
            parts.enter(target, one)
        changes = self._say(target, "members" if to else "split", time_s)
        if source.alarms:
            return [*changes, *self._say(source, "members" if to else "split", time_s)]
        del self._groups[origin]
        self._quiet.pop(origin, None)
        parts.remember_merged(origin, to)
        return [Change(origin, "merged"), *changes]

    def state(self) -> dict[str, Any]:
        """Everything that is remembered, as plain data."""
        # Piece by piece: one call for all would hold the interpreter for seconds.
        plain = msgspec.to_builtins
        groups = [
            {"head": plain(group.head), "alarms": [plain(e) for e in group.alarms.values()]}
            for group in self._groups.values()
        ]
        return {
            "groups": groups,
            "merged": self._components.merged.state(),
            "closed": self._closed.state(),
            "quiet": list(self._quiet),
            "taken": self._taken,
            "begun": self._components.begun,
        }

    def copying(self) -> SlicedCopy:
        """Begin a copy of what `state` gives now."""
        parts = {
            "groups": self._groups.copying(),
            "merged": self._components.merged.copying(),
            "closed": self._closed.copying(),
            "quiet": self._quiet.copying(list),
        }
        return copies_of(parts, taken=self._taken, begun=self._components.begun)

    def restore(self, state: dict[str, Any]) -> None:
        """Take over what `state` gave, into one that has taken nothing yet.

        Incidents stay as they were put together: another topology governs alarms to come.
        """
        for group in state["groups"]:
            entries = msgspec.convert(group["alarms"], list[Entry])
            self._components.restore(msgspec.convert(group["head"], Head), entries)
        self._due = self._waiting()
        self._components.merged.update(state["merged"])
        self._components.begun = state["begun"]
        self._closed.update(state["closed"])
        self._quiet.update(dict.fromkeys(state["quiet"]))
        self._taken = state["taken"]

    def _look(self, group: Group, time_s: int) -> list[Change]:
        """Hold an incident against what was told of it, after something in it changed."""
        head = group.head
        shade = max(group.shade(), group.soon())
        opens = not head.opened and (group.members >= 2 or shade >= ORANGE)
        head.opened = head.opened or opens
        colour = group.colour()
        head.colour = max(head.colour, colour)
        head.worst = max(head.worst, head.colour)
        head.over = head.over and not colour
        if not head.over:
            self._quiet.pop(head.id, None)
        self._watch(group, colour, time_s)
        if opens or head.told is None:
            return self._say(group, "new", time_s)
        if head.colour > head.told.colour:
            return self._say(group, "colour", time_s)
        return self._minor(group, time_s)

    def _watch(self, group: Group, colour: int, time_s: int) -> None:
        """Begin or end the wait before a colour falls; lives at stake let none fall by itself."""
        head = group.head
        if colour >= head.colour or (head.opened and group.life_safety):
            head.lower_at_s = 0
        elif not head.lower_at_s:
            head.lower_at_s = time_s + self._hold_s(group)

    def _hold_s(self, group: Group) -> int:
        holds = self.topology.correlation.holds
        return max(by_lifeline(holds, lifeline, DEFAULT_HOLD_S) for lifeline in group.lifelines)

    def _minor(self, group: Group, time_s: int) -> list[Change]:
        """What may wait until the last word is a minute old."""
        told = group.head.told
        if told is None or not group.head.opened or group.head.over:
            return self._plan(group)
        if time_s < told.at_s + PACE_S:
            return self._plan(group, told.at_s + PACE_S)
        reason: Reason | None = None
        if len(group.lifelines) > told.lifelines:
            reason = "lifeline"
        elif sum(group.head.reached.values()) >= 2 * max(told.people, 1):
            reason = "impact"
        elif group.members >= 2 * told.members:
            reason = "members"
        return self._minor_root(group, told, reason, time_s)

    def _minor_root(
        self, group: Group, told: Told, reason: Reason | None, time_s: int
    ) -> list[Change]:
        """Whether the root is another now: with every change, else looked for from time to time."""
        head = group.head
        if reason is None and time_s < head.looked_at_s + LOOK_S:
            return self._plan(group, head.looked_at_s + LOOK_S)
        head.looked_at_s = time_s
        if self._roots.overtaken(group, told.root):
            reason = "root"
        return self._plan(group) if reason is None else self._say(group, reason, time_s)

    def _say(self, group: Group, reason: Reason, time_s: int) -> list[Change]:
        head = group.head
        head.told = Told(
            at_s=time_s,
            colour=head.colour,
            root=self._roots.node(group),
            lifelines=len(group.lifelines),
            people=sum(head.reached.values()),
            members=group.members,
        )
        self._plan(group)
        return [Change(head.id, reason)]

    def _plan(self, group: Group, minor_s: int = 0) -> list[Change]:
        """Set when this incident next has something to do."""
        head = group.head
        remind_s = head.told.at_s + REMIND_S if head.told and head.opened and not head.over else 0
        forget_s = self._forget_s(group) if head.over and not head.opened else 0
        waits = [wait for wait in (head.lower_at_s, remind_s, forget_s, minor_s) if wait]
        due_s = min(waits, default=0)
        if due_s != head.due_s:
            head.due_s = due_s
            if due_s:
                heapq.heappush(self._due, (due_s, head.number, head.id))
            if len(self._due) > 2 * len(self._groups) + STALE_MAX:
                self._due = self._waiting()
        return []

    def _waiting(self) -> list[tuple[int, int, str]]:
        """The heap without what has been put off."""
        heads = (group.head for group in self._groups.values())
        due = [(head.due_s, head.number, head.id) for head in heads if head.due_s]
        heapq.heapify(due)
        return due

    def _forget_s(self, group: Group) -> int:
        """When a line that is over can no longer be linked to anything, and its end was told."""
        kept_s, told = self._index.rule.kept_s, group.head.told
        linked_s = max(entry.onset_s + kept_s(entry) for entry in group.alarms.values())
        return max(linked_s, told.at_s + 1) if told else linked_s

    def _fire(self, group: Group, time_s: int) -> list[Change]:
        head = group.head
        if head.over and not head.opened and self._forget_s(group) <= time_s:
            self._drop(group)
            return []
        if head.lower_at_s and head.lower_at_s <= time_s:
            return self._lower(group, time_s)
        told_s = head.told.at_s if head.told else time_s
        if head.opened and not head.over and told_s + REMIND_S <= time_s:
            return self._say(group, "reminder", time_s)
        return self._minor(group, time_s)

    def _lower(self, group: Group, time_s: int) -> list[Change]:
        head = group.head
        head.lower_at_s = 0
        head.colour = group.colour()
        head.over = head.colour == CLEAR
        if not head.over:
            return self._say(group, "colour", time_s)
        self._quiet[head.id] = None
        changes = self._say(group, "over", time_s)
        while len(self._quiet) > QUIET_MAX:
            self._drop(self._groups[next(iter(self._quiet))])
        return changes

    def _drop(self, group: Group) -> None:
        """Forget what is over."""
        del self._groups[group.head.id]
        self._quiet.pop(group.head.id, None)
        for entry in group.alarms.values():
            self._components.forget(entry)
