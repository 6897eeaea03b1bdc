"""Figures of desks and lifelines: what was counted, and which of the open alarms stand how."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import starmap
from typing import Final, NamedTuple

import msgspec

from alarms.duty.case import TOLD
from alarms.duty.kpi import STALE_S
from alarms.open_alarms import OpenAlarm, seconds_of
from alarms.performance.counts import Counts
from alarms.resilience.now import Look
from alarms.resilience.outages import Ring
from contracts.desk.answer import Answer
from contracts.desk.performance import (
    Condition,
    DeskFigures,
    LifelineAlarms,
    Performance,
    Share,
)
from contracts.transition import Colour


class _Rule(msgspec.Struct):
    name: str


class _Shown(msgspec.Struct):
    id: str
    revision: int
    onset: str
    lifeline: str
    channel: str
    state: str
    colour: str
    rule: _Rule
    asset: str = ""

    def ring(self) -> Ring:
        """What it says of its asset; when does not matter to how things stand."""
        node = f"{self.lifeline}.{self.asset or self.channel}"
        told = (self.rule.name, self.state, self.colour)
        return Ring(self.id, self.revision, node, *told, 0.0, 0.0)


PIECE: Final = 1_000  # open alarms that are looked at in one go: some 10 ms
_SHOWN: Final = msgspec.json.Decoder(_Shown)
_CLEAR: Final = Colour.CLEAR.word


class Standing(NamedTuple):
    """An open alarm.

    Parameters
    ----------
    held : OpenAlarm
    answer : Answer
    """

    held: OpenAlarm
    answer: Answer


class Lifelines(NamedTuple):
    """What is looked at of lifelines.

    Parameters
    ----------
    names : collection of str
        Whose alarms are counted.
    look : Look
        At what works; a new one.
    """

    names: Collection[str]
    look: Look


def surveying(
    counts: Counts,
    standing: Iterable[Standing],
    told: Callable[[str], Mapping[str, str]],
    lifelines: Lifelines,
    time_s: int,
) -> Iterator[Performance | None]:
    """Figures of every desk, level and lifeline, in pieces: None until all were looked at.

    Parameters
    ----------
    counts : Counts
    standing : iterable of Standing
        All open alarms; what opens or ends between two pieces may or may not be among them.
    told : callable
        Desks that have to do with an incident, or with the line of an alarm, and for each `TOLD`
        or why it was not.
    lifelines : Lifelines
    time_s : int
        Desk time.
    """
    stand: dict[str, Counter[str]] = {}
    rings: dict[str, Counter[tuple[str, Share]]] = {
        name: Counter() for name in sorted(lifelines.names)
    }
    for place, one in enumerate(standing, 1):
        shown, desks = _SHOWN.decode(one.held.body), told(one.held.incident)
        lifelines.look.take(shown.ring())
        if conditions := list(_conditions(one, shown, time_s)):
            for desk in desks:
                stand.setdefault(desk, Counter()).update(conditions)
        if shown.lifeline in rings and shown.colour != _CLEAR:
            rings[shown.lifeline].update((shown.colour, share) for share in _shares(one, desks))
        if not place % PIECE:
            yield None
    figures = tuple(
        DeskFigures(
            name=name,
            told=one.told,
            floods=one.floods,
            withheld=dict(one.withheld),
            flooded=one.flooded(time_s),
            standing=stand.get(name, {}),
        )
        for name, one in counts.desks()
    )
    of_lifelines = tuple(starmap(LifelineAlarms, rings.items()))
    yield Performance(figures, counts.levels(), of_lifelines, tuple(lifelines.look.functions()))


def _shares(one: Standing, desks: Mapping[str, str]) -> Iterator[Share]:
    yield "open"
    if one.answer.shelved:
        yield "shelved"
    if desks and TOLD not in desks.values():
        yield "withheld"


def _conditions(one: Standing, shown: _Shown, time_s: int) -> Iterator[Condition]:
    answer = one.answer
    if answer.shelved:
        yield "shelved"
    if answer.out_of_service:
        yield "out of service"
    if answer.chattering:
        yield "chattering"
    if answer.fleeting:
        yield "fleeting"
    if answer.active and seconds_of(shown.onset) + STALE_S < time_s:
        yield "stale"
