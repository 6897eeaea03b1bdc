"""How many channels each desk has, how many of them are watched, and which of its areas are blind.

A finding of `BLIND_RULES` says that nothing is known of its channel, or of as many as it counts; a
lane that stands leaves all of its channels unwatched.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from alarms.duty.desks import Desks
from contracts.alarm import Alarm
from contracts.catalogue import Where

# Rules that say that nothing is known of one channel; and of a link, of whose `expected` channels
# `observed` are heard.
BLIND_RULES: Final = frozenset({"silent", "invalid"})
BLIND_LINK_RULES: Final = frozenset({"observability"})
# Rules of a lane's own red alarm: it stands until a person confirms that this is dealt with.
STANDING_RULES: Final = frozenset({"hidden", "diverged", "data_loss"})
BLIND_SHARE: Final = 0.5  # of an area's channels of one lifeline, from which on it is blind [E]


class Zone(NamedTuple):
    """The channels of a lifeline in an area; an area that is wider than others has empty codes.

    Parameters
    ----------
    lifeline : str
    district, street, neighbourhood : str
    """

    lifeline: str
    district: str
    street: str
    neighbourhood: str

    @property
    def where(self) -> Where:
        """The area as a place."""
        return Where(self.district, self.street, self.neighbourhood, "", None, None)

    @property
    def code(self) -> str:
        """Code of the smallest area that it names; empty for the city."""
        return self.neighbourhood or self.street or self.district

    def around(self) -> list["Zone"]:
        """Itself and the wider ones that hold it, each once.

        >>> [zone.code for zone in Zone("water", "310101", "", "n-5").around()]
        ['n-5', '310101', '']
        """
        lifeline, district, street, _ = self
        wider = (
            self,
            Zone(lifeline, district, street, ""),
            Zone(lifeline, district, "", ""),
            Zone(lifeline, "", "", ""),
        )
        return list(dict.fromkeys(wider))


@dataclass(frozen=True)
class Inventory:
    """How many channels there are to be watched, by lifeline and area.

    Parameters
    ----------
    channels : mapping of Zone to int
        As catalogues have them, one zone for each area that channels lie in.
    lanes : mapping of str to int
        Lanes of each lifeline.
    links : mapping of str to int
        How many channels of all lifelines speak by each link.
    """

    channels: Mapping[Zone, int] = field(default_factory=dict)
    lanes: Mapping[str, int] = field(default_factory=dict)
    links: Mapping[str, int] = field(default_factory=dict)


class View(NamedTuple):
    """What a desk can see.

    Parameters
    ----------
    channels, dark : int
        How many it has, and of how many nothing is known.
    areas : list of Zone
        Blind ones, that with most channels first.
    standing : list of str
        Lifelines of which a lane stands.
    """

    channels: int
    dark: int
    areas: list[Zone]
    standing: list[str]


class Coverage:
    """Follows which channels are blind, by the alarms that say so.

    Parameters
    ----------
    desks : Desks
    inventory : Inventory
    """

    def __init__(self, desks: Desks, inventory: Inventory) -> None:
        self._desks = desks
        self._lanes = inventory.lanes
        self._channels: dict[str, dict[str, int]] = {}  # of a desk, by lifeline
        self._within: dict[Zone, int] = {}  # channels of a zone and all that it holds
        for zone, count in inventory.channels.items():
            for desk in self._owners(zone):
                of_desk = self._channels.setdefault(desk, {})
                of_desk[zone.lifeline] = of_desk.get(zone.lifeline, 0) + count
            for wider in zone.around():
                self._within[wider] = self._within.get(wider, 0) + count
        self._blind: dict[str, tuple[Zone, int]] = {}  # by alarm
        self._dark: dict[Zone, int] = {}
        self._standing: dict[str, dict[str, None]] = {}  # alarms of lanes that stand, by lifeline

    def channels(self, desk: str) -> int:
        """How many channels a desk answers for."""
        return sum(self._channels.get(desk, {}).values())

    def note(self, alarm: Alarm) -> None:
        """Let the newest revision of an alarm take effect, whatever it is about."""
        self.forget(alarm.id)
        if alarm.state == "cleared":
            return
        if alarm.rule.name in STANDING_RULES and alarm.colour == "red":
            self._standing.setdefault(alarm.lifeline, {})[alarm.id] = None
        elif (count := _dark_channels(alarm)) > 0:
            where = alarm.where
            zone = Zone(alarm.lifeline, where.district, where.street, where.neighbourhood)
            self._blind[alarm.id] = zone, count
            self._dark[zone] = self._dark.get(zone, 0) + count

    def forget(self, alarm: str) -> None:
        """Let go of an alarm that is no longer what is said of its channels."""
        self.resumed(alarm)
        if (held := self._blind.pop(alarm, None)) is not None:
            zone, count = held
            self._dark[zone] -= count
            if not self._dark[zone]:
                del self._dark[zone]

    def resumed(self, alarm: str) -> None:
        """Somebody says of the alarm of a lane that it stands no more; nothing for any other."""
        for lifeline, alarms in list(self._standing.items()):
            alarms.pop(alarm, None)
            if not alarms:
                del self._standing[lifeline]

    def views(self) -> dict[str, View]:
        """What each desk with channels can see."""
        dark: dict[str, dict[str, int]] = {}
        areas: dict[str, list[Zone]] = {}
        for zone, count in self._dark.items():
            whole = self._within.get(zone, 0)
            for desk in self._owners(zone):
                of_desk = dark.setdefault(desk, {})
                of_desk[zone.lifeline] = of_desk.get(zone.lifeline, 0) + count
                if count >= max(BLIND_SHARE * whole, 1):
                    areas.setdefault(desk, []).append(zone)
        return {desk: self._view(desk, dark.get(desk, {}), areas.get(desk, [])) for desk in self}

    def __iter__(self) -> Iterator[str]:
        """Desks that have channels."""
        return iter(self._channels)

    def _view(self, desk: str, dark: Mapping[str, int], areas: list[Zone]) -> View:
        unseen = 0
        for lifeline, channels in self._channels[desk].items():
            lanes = max(self._lanes.get(lifeline, 1), 1)
            standing = min(len(self._standing.get(lifeline, ())), lanes)
            # Channels are spread evenly over lanes; which of those are silent too is not known.
            of_lanes = -(-channels * standing // lanes)
            unseen += min(max(of_lanes, dark.get(lifeline, 0)), channels)
        return View(
            self.channels(desk),
            unseen,
            sorted(areas, key=lambda zone: (-self._within.get(zone, 0), zone)),
            sorted(self._standing.keys() & self._channels[desk].keys()),
        )

    def _owners(self, zone: Zone) -> list[str]:
        return [
            desk.id
            for level in self._desks.levels
            for desk in self._desks.owners(level.id, zone.where, (zone.lifeline,))
        ]


def is_blind(rule: str) -> bool:
    """Whether alarms of a rule can say that something is not watched."""
    return rule in BLIND_RULES or rule in BLIND_LINK_RULES or rule in STANDING_RULES


def _dark_channels(alarm: Alarm) -> int:
    """Of how many channels an alarm says that nothing is known."""
    if alarm.rule.name in BLIND_LINK_RULES:
        return max(int((alarm.expected or 0) - (alarm.observed or 0)), 1)
    return int(alarm.rule.name in BLIND_RULES)
