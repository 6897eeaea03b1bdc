"""An incident as its record tells it."""

from typing import Final

from alarms.incidents.impact import Outlook
from alarms.incidents.members import LINK_RULE, WHOLE, Entry, Group
from alarms.incidents.roots import Roots
from alarms.incidents.topology import Topology
from contracts.catalogue import Where
from contracts.desk.incident import Impact, Member, Situation, Text, Why
from contracts.transition import COLOURS, RINGING

MEMBERS_KEPT: Final = 100  # of an incident are told one by one; a record stays below 100 KB


class Situations:
    """Tells what is known of an incident.

    Parameters
    ----------
    topology : Topology
    roots : Roots
    outlook : Outlook
    """

    def __init__(self, topology: Topology, roots: Roots, outlook: Outlook) -> None:
        self._topology = topology
        self._roots = roots
        self._outlook = outlook

    def tell(self, group: Group) -> Situation:
        """Everything about an incident, from the alarms that it has now."""
        head = group.head
        entries = sorted(group.alarms.values(), key=lambda entry: entry.taken)
        causes = self._roots.causes(group)
        root = self._roots.node(group)
        first = min(entries, key=lambda entry: (entry.onset_s, entry.id))
        behind = self._roots.alarm(group, root)
        losses = self._outlook.losses(group, root)
        members = [entry for entry in entries if not entry.lead]
        dark = behind is None and any(entry.link == root for entry in entries)
        raised = [] if head.colour != group.colour() else group.raised()
        return Situation(
            id=head.id,
            opened=head.opened,
            state="over" if head.over else "active",
            colour=COLOURS[head.colour],
            worst=COLOURS[head.worst],
            raised=raised,
            title=self._title(group, root, behind),
            lifelines=sorted(group.lifelines),
            where=_common(entries) if dark else (behind or first).where,
            root=causes[0],
            alternatives=causes[1:],
            members=[_member(group, entry) for entry in members[:MEMBERS_KEPT]],
            counts=_counts(group, members),
            impact=self._outlook.impact(group, losses),
            next=self._outlook.next(losses),
            redundancy=self._outlook.redundancy(group),
            onset=first.onset,
            detected=entries[0].detected,
            life_safety=group.life_safety > 0,
            split_from=head.split_from,
        )

    def _title(self, group: Group, root: str, behind: Entry | None) -> Text:
        if group.members == 1 and behind is not None:
            return dict(behind.say)
        node = self._topology.node(root)
        name = {tongue: node.called(tongue) if node else root for tongue in ("en", "zh")}
        silent = sum(entry.silent for entry in group.alarms.values())
        lifelines = len(group.lifelines)
        if 2 * silent > len(group.alarms):
            return _blind(group, name)
        across = f" in {lifelines} lifelines" if lifelines > 1 else ""
        across_zh = f"，涉及 {lifelines} 类生命线" if lifelines > 1 else ""
        return {
            "en": f"{name['en']}: {group.members} alarms{across}",
            "zh": f"{name['zh']}：{group.members} 条告警{across_zh}",
        }


def _blind(group: Group, name: Text) -> Text:
    """Title of an incident that is about what nobody hears."""
    silent = [entry for entry in group.alarms.values() if entry.silent]
    links = len({entry.node for entry in silent if entry.rule == LINK_RULE})
    channels = sum(entry.rule != LINK_RULE for entry in silent)
    told: list[tuple[str, str]] = []
    if links:
        told.append((f"{links} link{'s' * (links > 1)} dark", f"{links} 条链路中断"))
    if channels:
        told.append(
            (f"{channels} channel{'s' * (channels > 1)} silent", f"{channels} 个测点无数据")
        )
    en, zh = zip(*told, strict=True)
    return {
        "en": f"{name['en']}: blind, {' and '.join(en)}",
        "zh": f"{name['zh']}：监测中断，{'、'.join(zh)}",
    }


def _common(entries: list[Entry]) -> Where:
    """As much of the place as all share: of a link that no alarm names its channels say where."""
    places = [entry.where for entry in entries]

    def shared(level: str) -> str:
        codes = {getattr(place, level) for place in places}
        return str(codes.pop()) if len(codes) == 1 else ""

    levels = ("district", "street", "neighbourhood", "grid")
    return Where(**{level: shared(level) for level in levels}, lon=None, lat=None)


def merged(into: Situation, gone: str) -> Situation:
    """What is left of an incident that has become part of another."""
    return Situation(
        id=gone,
        opened=into.opened,
        state="merged",
        colour=into.colour,
        worst=into.worst,
        raised=[],
        title=into.title,
        lifelines=into.lifelines,
        where=into.where,
        root=into.root,
        alternatives=[],
        members=[],
        counts={"all": 0, "active": 0, "returned": 0},
        impact=Impact(0, 0, 0, []),
        next=[],
        redundancy=[],
        onset=into.onset,
        detected=into.detected,
        life_safety=into.life_safety,
        merged_into=into.id,
    )


def _together(group: Group, entry: Entry) -> list[Entry]:
    """Alarms of one member."""
    return [entry, *(group.alarms[other] for other in entry.also if other in group.alarms)]


def _member(group: Group, entry: Entry) -> Member:
    some = _together(group, entry)
    colour = max(one.colour for one in some)
    standing = next((one.state for one in some if one.active), "returned")
    return Member(
        alarm=entry.id,
        asset=entry.asset,
        channel=entry.channel,
        lifeline=entry.lifeline,
        colour=COLOURS[colour],
        worst=COLOURS[max(one.worst for one in some)],
        state=standing,
        onset=entry.onset,
        why=_why(group, entry),
        also=[one.id for one in some[1:]],
    )


def _why(group: Group, entry: Entry) -> Why:
    if entry.pinned:
        return Why("person")
    found = entry.best()
    if found is not None:
        cause = found[1]
        by = (cause.by, cause.kind, cause.hops, cause.delay_s, cause.weight / WHOLE)
        return Why("link", *by) if entry.silent else Why("edge", *by)
    return Why("same asset") if _is_repeat(group, entry) else Why("first")


def _is_repeat(group: Group, entry: Entry) -> bool:
    """Whether another alarm of its asset began the incident before it."""
    return group.nodes[entry.node] > 1 and any(
        other.node == entry.node and other.taken < entry.taken for other in group.alarms.values()
    )


def _counts(group: Group, members: list[Entry]) -> dict[str, int]:
    counts = {"all": len(members), "active": 0, "returned": 0, **dict.fromkeys(RINGING, 0)}
    for entry in members:
        colour = max(one.colour for one in _together(group, entry))
        counts["active" if colour else "returned"] += 1
        if colour:
            counts[COLOURS[colour]] += 1
    return counts
