"""The figures of every desk: what was counted, and which of its open alarms stand how."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

import msgspec

from alarms.duty.kpi import STALE_S
from alarms.open_alarms import OpenAlarm, seconds_of
from alarms.performance.counts import Counts
from contracts.desk.answer import Answer
from contracts.desk.performance import Condition, DeskFigures, Performance


class _Begun(msgspec.Struct):
    onset: str


PIECE: Final = 1_000  # open alarms that are looked at in one go: some 10 ms
_BEGUN: Final = msgspec.json.Decoder(_Begun)


class Standing(NamedTuple):
    """An open alarm.

    Parameters
    ----------
    held : OpenAlarm
    answer : Answer
    """

    held: OpenAlarm
    answer: Answer


def surveying(
    counts: Counts,
    standing: Iterable[Standing],
    desks_of: Callable[[str], Iterable[str]],
    time_s: int,
) -> Iterator[Performance | None]:
    """Figures of every desk and level, in pieces: None until all alarms were looked at.

    Parameters
    ----------
    counts : Counts
    standing : iterable of Standing
        All open alarms; what opens or ends between two pieces may or may not be among them.
    desks_of : callable
        Desks that have to do with an incident, or with the line of an alarm.
    time_s : int
        Desk time.
    """
    stand: dict[str, Counter[str]] = {}
    for place, one in enumerate(standing, 1):
        if conditions := list(_conditions(one, time_s)):
            for desk in desks_of(one.held.incident):
                stand.setdefault(desk, Counter()).update(conditions)
        if not place % PIECE:
            yield None
    desks = tuple(
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
    yield Performance(desks, counts.levels())


def _conditions(one: Standing, time_s: int) -> Iterator[Condition]:
    answer = one.answer
    if answer.shelved:
        yield "shelved"
    if answer.out_of_service:
        yield "out of service"
    if answer.chattering:
        yield "chattering"
    if answer.fleeting:
        yield "fleeting"
    if answer.active and seconds_of(_BEGUN.decode(one.held.body).onset) + STALE_S < time_s:
        yield "stale"
