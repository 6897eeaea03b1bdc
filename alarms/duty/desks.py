"""Desks on levels that a city names, and which of them owns what: by place and lifeline."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Final, Literal, NamedTuple

import msgspec
from msgspec import Meta

from alarms.rationalisation import Text
from contracts.catalogue import Where
from contracts.quantities import Duration

TRADE: Final = "trade"  # whom a clock may name beside levels: desks of the trades concerned
# Answers to who owns what that are kept: a city has some ten thousand areas, an incident few
# lifelines.
_KNOWN_MAX: Final = 1 << 16

Word = Annotated[str, Meta(min_length=1, max_length=128)]
Area = Literal["", "district", "street", "neighbourhood"]


class Level(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A level of desks.

    Parameters
    ----------
    id : str
        As desks, clocks and receivers of notices name it.
    name : Text
        As notices say it.
    area : {"", "district", "street", "neighbourhood"}
        Column of the catalogues that has the codes of its areas; empty for the highest, the city's.
    trades : bool
        Whether clocks that name the `trade` mean desks from here upwards.
    """

    id: Annotated[str, Meta(min_length=1, max_length=32)]
    name: Text
    area: Area = ""
    trades: bool = False


# What there is where nobody has laid down others, upwards.
LEVELS: Final = (
    Level(id="neighbourhood", name=Text(en="neighbourhood", zh="居村"), area="neighbourhood"),
    Level(id="street", name=Text(en="street", zh="街镇"), area="street"),
    Level(id="district", name=Text(en="district", zh="区级"), area="district", trades=True),
    Level(id="city", name=Text(en="city", zh="市级")),
)


class Desk(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A place where people on duty answer for something.

    Parameters
    ----------
    id : str
    level : str
        Id of its level.
    name : Text
        In both languages.
    area : str
        Code of its area; left out when one desk serves all areas of its level. A desk of the
        highest level has none.
    lifelines : list of str
        What it answers for: a desk of a trade. Left out for all of them: an operations centre.
    roles : list of str
        Roles that its people have.
    people : list of str
        Who is always on duty there, such as a duty phone; others come by the roster.
    daily : str
        Time of day at which it gets its list of blue matters, `08:00`.
    heartbeat : Duration
        How often it is told what share of its channels is watched, at most once a minute, at
        least once a day.
    """

    id: Word
    level: Word
    name: Text
    area: Annotated[str, Meta(max_length=32)] = ""
    lifelines: Annotated[list[Word], Meta(max_length=100)] = []
    roles: Annotated[list[Word], Meta(max_length=20)] = []
    people: Annotated[list[Word], Meta(max_length=100)] = []
    daily: Annotated[str, Meta(max_length=5)] = "08:00"
    heartbeat: Duration = Duration("1 h")

    @property
    def of_trade(self) -> bool:
        """Whether it answers for some lifelines only."""
        return bool(self.lifelines)


class Hole(NamedTuple):
    """A level at which nobody answers for a lifeline in an area.

    Parameters
    ----------
    level, area, lifeline : str
    instead : str
        Desk of a higher level that falls in, empty where there is none.
    """

    level: str
    area: str
    lifeline: str
    instead: str


class CoveredAbove(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where a level has no desk by design: the next one that has a desk answers.

    Parameters
    ----------
    level : str
    areas : list of str
        Codes of that level's areas; left out for all.
    lifelines : list of str
        Left out for all.
    """

    level: Word
    areas: Annotated[list[Annotated[str, Meta(max_length=32)]], Meta(max_length=20_000)] = []
    lifelines: Annotated[list[Word], Meta(max_length=100)] = []

    def holds(self, hole: Hole) -> bool:
        """Whether a hole is meant, and somebody above answers indeed."""
        return (
            bool(hole.instead)
            and hole.level == self.level
            and (not self.areas or hole.area in self.areas)
            and (not self.lifelines or hole.lifeline in self.lifelines)
        )


class Desks:
    """All desks of a city.

    Parameters
    ----------
    desks : iterable of Desk
        With ids that differ, of levels that are there.
    levels : sequence of Level
        Upwards; the last is the whole city.

    Attributes
    ----------
    levels : tuple of Level
    """

    def __init__(self, desks: Iterable[Desk], levels: Sequence[Level] = LEVELS) -> None:
        self.levels = tuple(levels)
        self._place = {level.id: place for place, level in enumerate(levels)}
        self._by_id = {desk.id: desk for desk in sorted(desks, key=lambda desk: desk.id)}
        self._by_area: dict[tuple[str, str], list[Desk]] = {}
        for desk in self._by_id.values():
            self._by_area.setdefault((desk.level, desk.area), []).append(desk)
        self._known: dict[tuple[str, ...], list[Desk]] = {}

    def __iter__(self) -> Iterator[Desk]:
        """All of them, by id."""
        return iter(self._by_id.values())

    def get(self, desk: str) -> Desk | None:
        """The desk of an id, None when there is none."""
        return self._by_id.get(desk)

    @property
    def top(self) -> str:
        """The highest level: nobody is above it."""
        return self.levels[-1].id

    def level(self, name: str) -> Level | None:
        """The level of an id, None when there is none."""
        return self.levels[self._place[name]] if name in self._place else None

    def next_level(self, name: str) -> str:
        """The level above one; the highest above itself, and above one of an earlier plan."""
        return self.levels[
            min(self._place.get(name, len(self.levels)) + 1, len(self.levels) - 1)
        ].id

    def area_of(self, level: str, where: Where) -> str:
        """Code of a level's area that a place lies in; empty when unknown, and for the city."""
        column = self.levels[self._place[level]].area
        return str(getattr(where, column)) if column else ""

    def owners(self, level: str, where: Where, lifelines: Sequence[str]) -> list[Desk]:
        """Desks of a level that own a place and at least one of the lifelines.

        The first is the owner, others are its joint owners: desks of the very area come before
        those of all areas, desks of a trade before operations centres, then ids decide.
        """
        area = self.area_of(level, where)
        if level != self.top and not area:
            return []
        key = (level, area, *lifelines)
        if key not in self._known:
            if len(self._known) == _KNOWN_MAX:
                self._known.clear()
            self._known[key] = self._owners(level, area, lifelines)
        return self._known[key]

    def _owners(self, level: str, area: str, lifelines: Sequence[str]) -> list[Desk]:
        there = [*self._by_area.get((level, area), ())]
        if area:
            there += self._by_area.get((level, ""), ())
        own = (desk for desk in there if not desk.lifelines or _meet(desk.lifelines, lifelines))
        return sorted(own, key=lambda desk: (not desk.area, not desk.of_trade, desk.id))

    def trade(self, where: Where, lifelines: Sequence[str]) -> list[Desk]:
        """Desks of the trades concerned, of the lowest level that has any, of those for trades."""
        first = next((n for n, level in enumerate(self.levels) if level.trades), -1)
        for level in self.levels[first:]:
            if own := [desk for desk in self.owners(level.id, where, lifelines) if desk.of_trade]:
                return own
        return []

    def of(self, party: str, where: Where, lifelines: Sequence[str]) -> list[Desk]:
        """Desks that a clock's word means; those of a higher level where a level has none."""
        if party == TRADE:
            return self.trade(where, lifelines)
        for level in self.levels[self._place[party] :]:
            if own := self.owners(level.id, where, lifelines):
                return own
        return []

    def above(self, desk: Desk, where: Where, lifelines: Sequence[str]) -> Desk | None:
        """Desk that a desk escalates to: the next level's of its own kind, else its first.

        None when there is nobody above.
        """
        for level in self.levels[self._place[desk.level] + 1 :]:
            if own := self.owners(level.id, where, lifelines):
                alike = (other for other in own if other.of_trade == desk.of_trade)
                return next(alike, own[0])
        return None

    def holes(self, places: Iterable[Where], lifelines: Iterable[str]) -> list[Hole]:
        """Levels, areas and lifelines for which there is no desk, each once."""
        found: set[Hole] = set()
        lifelines = sorted(lifelines)
        for where in places:
            for level in (one.id for one in self.levels):
                area = self.area_of(level, where)
                if level != self.top and not area:
                    continue
                for lifeline in lifelines:
                    if not self.owners(level, where, [lifeline]):
                        instead = self.of(level, where, [lifeline])
                        name = instead[0].id if instead else ""
                        found.add(Hole(level, area, lifeline, name))
        return sorted(found)


def _meet(some: Sequence[str], others: Sequence[str]) -> bool:
    return any(one in others for one in some)
