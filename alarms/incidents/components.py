"""Connected components of alarms: links join them, people part them, nothing else does."""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Final, NamedTuple

from alarms.copies.groups import Groups
from alarms.copies.table import Table
from alarms.incidents.impact import hurts
from alarms.incidents.links import Index, Link
from alarms.incidents.members import CLEAR, Entry, Group, Head
from alarms.incidents.topology import Topology
from contracts.alarm import Alarm

TOGETHER_S: Final = 60  # rules of one channel within it are one member: the longest usual on-delay
ALARMS_MAX: Final = 200_000  # of one incident; a merge beyond is refused
REPEATS_MAX: Final = 8  # returned alarms of one rule and channel that are remembered
APART_MAX: Final = 100  # incidents that people have parted from one; the newest are kept
MERGED_MAX: Final = 20_000  # former ids that are still answered for


class Merge(NamedTuple):
    """An incident that another took in."""

    gone: str
    into: Group


class Components:
    """Which alarms belong together.

    Parameters
    ----------
    topology : Topology
    index : Index
        Of the same topology; it is filled here.
    """

    def __init__(self, topology: Topology, index: Index) -> None:
        self._topology = topology
        self._index = index
        self.groups: Groups[Group] = Groups()
        self.group_of: dict[str, Group] = {}  # by alarm
        self.merged: Table[str, str] = Table()  # former id to the incident that took it in
        self._silent: dict[str, dict[str, None]] = {}  # standing silences by channel
        self.begun = 0

    def resolve(self, incident: str) -> str:
        """The id under which an incident goes on.

        Raises
        ------
        KeyError
            When it is not remembered.
        """
        while incident not in self.groups:
            incident = self.merged[incident]
        return incident

    def begin(self, entry: Entry) -> tuple[Group, list[Merge]]:
        """Take a new alarm in, and join what it links."""
        group = self.new_group(entry)
        self.enter(group, entry)
        self._index.add(entry)
        if entry.silent:
            self._silent.setdefault(entry.channel, {})[entry.id] = None
        merges: list[Merge] = []
        for link in self._index.links(entry):
            self._link(link, merges)
        self._same_asset(entry, merges)
        self._fold(entry)
        self._drop_repeats(entry)
        return self.group_of[entry.id], merges

    def revise(self, entry: Entry, alarm: Alarm) -> list[Group]:
        """Take another revision in; the incidents that it changes, its own first.

        What clears while its channel is silent has not been seen to clear: it stands until the
        channel is heard again.
        """
        group = self.group_of[entry.id]
        before = entry.colour
        group.count(entry, -1)
        entry.revise(alarm)
        if not entry.active and not entry.silent and entry.channel in self._silent:
            entry.colour, entry.state = before, "silent"
        group.count(entry, 1)
        self._reach(group, entry)
        if entry.active or not entry.silent:
            return [group]
        return [group, *self._heard(entry)]

    def _heard(self, silence: Entry) -> list[Group]:
        """A channel is heard again: what cleared meanwhile is over."""
        silences = self._silent.get(silence.channel, {})
        silences.pop(silence.id, None)
        if silences or silence.channel not in self._silent:
            return []
        del self._silent[silence.channel]
        touched: list[Group] = []
        for entry in self._index.at(silence.node):
            if entry.channel == silence.channel and entry.state == "silent":
                group = self.group_of[entry.id]
                group.count(entry, -1)
                entry.colour, entry.state = CLEAR, "cleared"
                group.count(entry, 1)
                touched.append(group)
        return touched

    def new_group(self, entry: Entry, split_from: str = "") -> Group:
        """An empty incident that is named after an alarm."""
        name = f"i-{entry.id[2:]}"
        if split_from or entry.revision > 1 or name in self.groups or name in self.merged:
            name = self._other_name(entry)
        self.begun += 1
        group = Group(Head(name, self.begun, split_from=split_from), self.groups)
        self.groups[name] = group
        return group

    def _other_name(self, entry: Entry) -> str:
        """For an alarm whose own name an incident has had: ids are never used twice."""
        text = f"{entry.id} {entry.revision} {self.begun}"
        return f"i-{blake2b(text.encode(), digest_size=8).hexdigest()}"

    def part(self, source: Group, entry: Entry) -> Group:
        """An empty incident for what a person takes out of another; the two never merge again."""
        group = self.new_group(entry, split_from=source.head.id)
        self._part(source.head.id, group.head.id)
        return group

    def _part(self, one: str, other: str) -> None:
        for name, parted in ((one, other), (other, one)):
            group = self.groups.get(name)
            if group is not None:
                head = group.head
                head.apart = [*(a for a in head.apart if a in self.groups), parted][-APART_MAX:]

    def enter(self, group: Group, entry: Entry) -> None:
        """Put an alarm into an incident."""
        group.add(entry)
        self.group_of[entry.id] = group
        self._reach(group, entry)

    def _reach(self, group: Group, entry: Entry) -> None:
        node = self._topology.node(entry.node)
        if node is not None and node.people and hurts(entry):
            reached, area = group.head.reached, node.area or node.id
            reached[area] = max(reached.get(area, 0), node.people)

    def restore(self, head: Head, entries: Iterable[Entry]) -> None:
        """Put an incident of an earlier state back."""
        group = self.groups[head.id] = Group(head, self.groups)
        for entry in entries:
            group.add(entry)
            self.group_of[entry.id] = group
            self._index.add(entry)
            if entry.silent and entry.active:
                self._silent.setdefault(entry.channel, {})[entry.id] = None

    def forget(self, entry: Entry) -> None:
        """Remember an alarm no longer; its incident is the caller's."""
        del self.group_of[entry.id]
        self._index.remove(entry)
        silences = self._silent.get(entry.channel, {})
        silences.pop(entry.id, None)
        if not silences:
            self._silent.pop(entry.channel, None)

    def detach(self, group: Group, moved: list[Entry]) -> None:
        """Take alarms out of an incident, and what they explained there with them."""
        gone = {entry.id for entry in moved}
        for entry in moved:
            group.remove(entry)
            entry.causes = {}
            entry.pinned = True
        for entry in group.alarms.values():
            kept = {node: cause for node, cause in entry.causes.items() if cause.by not in gone}
            if len(kept) < len(entry.causes):
                group.count(entry, -1)
                entry.causes = kept
                group.count(entry, 1)

    def _link(self, link: Link, merges: list[Merge]) -> None:
        parent, child = link.parent, link.child
        if child.pinned or (parent is not None and parent.pinned):
            return
        if parent is not None and not self._join(parent, child, merges):
            return
        cause, old = link.cause, child.causes.get(link.node)
        if old is None or cause.rank() > old.rank():
            group = self.group_of[child.id]
            group.count(child, -1)
            child.causes = {**child.causes, link.node: cause}
            group.count(child, 1)

    def _same_asset(self, entry: Entry, merges: list[Merge]) -> None:
        """An asset's open incident takes in what else the asset rings."""
        alone = len(self.group_of[entry.id].alarms) == 1
        window_s = self._index.rule.window_s(entry.lifeline)
        for other in self._index.at(entry.node):
            if other is entry or (other.pinned and not alone):
                continue
            near = abs(other.onset_s - entry.onset_s) <= window_s
            if near or not self.group_of[other.id].head.over:
                self._join(other, entry, merges)

    def _fold(self, entry: Entry) -> None:
        """Make it one member with what else its channel rang within a minute."""
        group = self.group_of[entry.id]
        near = [
            other
            for other in self._index.at(entry.node)
            if other.channel == entry.channel
            and other.id in group.alarms
            and abs(other.onset_s - entry.onset_s) <= TOGETHER_S
        ]
        if len(near) == 1:
            return
        leads = dict.fromkeys(other.lead or other.id for other in near)
        also = [group.alarms[one] for lead in leads for one in group.alarms[lead].also]
        _lead(group, {one.id: one for one in [*also, *(group.alarms[lead] for lead in leads)]})

    def _drop_repeats(self, entry: Entry) -> None:
        """Bound what a chattering rule leaves behind."""
        repeats = [
            other
            for other in self._index.at(entry.node)
            if other.channel == entry.channel and other.rule == entry.rule and not other.active
        ]
        for old in repeats[: max(len(repeats) - REPEATS_MAX, 0)]:
            group = self.group_of[old.id]
            if len(group.alarms) == 1:
                continue
            lead = group.alarms[old.lead or old.id]
            some = {one: group.alarms[one] for one in [lead.id, *lead.also]}
            del some[old.id]
            group.remove(old)
            self.forget(old)
            _lead(group, some)

    def _join(self, one: Entry, other: Entry, merges: list[Merge]) -> bool:
        """Merge the incidents of two alarms; whether they are in one now."""
        first, second = self.group_of[one.id], self.group_of[other.id]
        if first is second:
            return True
        too_many = len(first.alarms) + len(second.alarms) > ALARMS_MAX
        if too_many or first.head.id in second.head.apart:
            return False
        large, small = first, second
        if len(first.alarms) < len(second.alarms):
            large, small = second, first
        kept, gone = sorted((large.head, small.head), key=lambda h: (not h.opened, h.number))
        for entry in small.alarms.values():
            small.touch(entry)
            large.add(entry)
            self.group_of[entry.id] = large
        large.head = _merged_head(kept, gone)
        self.groups[kept.id] = large
        del self.groups[gone.id]
        for name in gone.apart:
            self._part(kept.id, name)
        if gone.told is not None:
            self.remember_merged(gone.id, kept.id)
            merges.append(Merge(gone.id, large))
        return True

    def remember_merged(self, gone: str, into: str) -> None:
        """Answer for a former id; the oldest are dropped."""
        self.merged[gone] = into
        while len(self.merged) > MERGED_MAX:
            del self.merged[next(iter(self.merged))]


def _merged_head(kept: Head, gone: Head) -> Head:
    kept.opened = kept.opened or gone.opened
    kept.worst = max(kept.worst, gone.worst)
    kept.over = kept.over and gone.over
    for area, people in gone.reached.items():
        kept.reached[area] = max(kept.reached.get(area, 0), people)
    return kept


def _lead(group: Group, some: dict[str, Entry]) -> None:
    """Make some alarms of a channel one member, under the one that began first."""
    for entry in some.values():
        group.count(entry, -1)
        entry.lead, entry.also = "", []
        group.count(entry, 1)
    rest = sorted(some.values(), key=lambda e: (e.onset_s, e.id))
    for entry in rest[1:]:
        group.count(entry, -1)
        entry.lead = rest[0].id
        group.count(entry, 1)
        rest[0].also.append(entry.id)
