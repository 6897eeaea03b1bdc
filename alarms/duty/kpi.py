"""How well a desk is served by its alarms: measures of ISA-18.2 and EEMUA 191 over notices.

What counts is what a desk was told: a notice that was withheld, an acknowledgement, the end of an
alarm or a heartbeat is no annunciation.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from statistics import median
from typing import Final, NamedTuple

import msgspec

from contracts.desk.notice import Notice

WINDOW_S: Final = 600
DAY_S: Final = 86_400
FLOOD_BEGINS: Final = 10  # more than so many in a window
FLOOD_ENDS: Final = 5  # fewer than so many
STALE_S: Final = DAY_S
DAYS_MIN: Final = 30  # ISA-18.2 asks for so many; figures over fewer are indicative


class Period(NamedTuple):
    """From when to when (exclusive), in seconds since 1970 UTC; whole windows of ten minutes."""

    begins_s: int
    ends_s: int


class Flood(NamedTuple):
    """Windows in a row in which nobody could keep up.

    It begins with a window of more than 10 notices, and ends before the first of fewer than 5.
    """

    begins_s: int
    ends_s: int
    notices: int


class Rates(msgspec.Struct, frozen=True):
    """How much a desk was told.

    Parameters
    ----------
    notices : int
    mean : float
        In ten minutes; 1 is very likely acceptable, 2 the most that can be managed.
    above : float
        Share of windows with more than 10, empty ones included; below 0.01.
    peak : int
        Most in one window.
    floods : list of Flood
        Share of time in them below 0.01.
    upset : float
        Mean over days of each day's worst window (EEMUA 191): how a desk fares in an upset.
    colours : dict of str to int
        Of what was told.
    foremost : float
        Share of the ten incidents most told of; below 0.05.
    withheld : dict of str to int
        What was not told, by reason.
    indicative : bool
        Whether the period is shorter than 30 days.
    """

    notices: int
    mean: float
    above: float
    peak: int
    floods: list[Flood]
    upset: float
    colours: dict[str, int]
    foremost: float
    withheld: dict[str, int]
    indicative: bool


class Response(msgspec.Struct, frozen=True):
    """How soon a level answers what it was called for.

    Parameters
    ----------
    asked, answered, in_time : int
        Calls, those that were acknowledged at all, and by when they had to be.
    median_s, worst_s : int
        Of those that were answered; 0 where none was.
    """

    asked: int
    answered: int
    in_time: int
    median_s: int
    worst_s: int


class Asked(NamedTuple):
    """A call of a desk, and what became of it; times in seconds since 1970 UTC.

    Parameters
    ----------
    level, incident : str
    at_s, by_s : int
        When it was told, and when an acknowledgement became late.
    answered_s : int or None
        None when nobody did.
    """

    level: str
    incident: str
    at_s: int
    by_s: int
    answered_s: int | None


class Span(NamedTuple):
    """A time in which an alarm was active; None for one that still is."""

    alarm: str
    begins_s: int
    ends_s: int | None


def rates(notices: Sequence[Notice], desk: str, period: Period) -> Rates:
    """How much a desk was told in a period.

    Parameters
    ----------
    notices : sequence of Notice
        In any order; those of other desks and times do not count.
    desk : str
    period : Period

    Raises
    ------
    ValueError
        When the period does not hold whole windows.
    """
    length_s = period.ends_s - period.begins_s
    if length_s <= 0 or length_s % WINDOW_S:
        msg = f"period: expected whole windows of {WINDOW_S} s, got {length_s} s; round its ends"
        raise ValueError(msg)
    own = [
        notice
        for notice in notices
        if notice.desk == desk
        and notice.reason != "heartbeat"
        and period.begins_s <= _second(notice.at) < period.ends_s
    ]
    told = [notice for notice in own if notice.withheld is None]
    counts = _windows([_second(notice.at) for notice in told], period)
    by_incident = Counter(notice.incident for notice in told if notice.incident)
    return Rates(
        notices=len(told),
        mean=len(told) / len(counts),
        above=sum(count > FLOOD_BEGINS for count in counts) / len(counts),
        peak=max(counts),
        floods=_floods(counts, period.begins_s),
        upset=_upset(counts),
        colours=dict(sorted(Counter(notice.colour for notice in told).items())),
        foremost=sum(n for _, n in by_incident.most_common(10)) / max(len(told), 1),
        withheld=dict(sorted(Counter(n.withheld.by for n in own if n.withheld).items())),
        indicative=length_s < DAYS_MIN * DAY_S,
    )


def _windows(times: Iterable[int], period: Period) -> list[int]:
    """How many in each window of the period, empty ones included."""
    counts = [0] * ((period.ends_s - period.begins_s) // WINDOW_S)
    for time_s in times:
        counts[(time_s - period.begins_s) // WINDOW_S] += 1
    return counts


def _floods(counts: Sequence[int], begins_s: int) -> list[Flood]:
    floods: list[Flood] = []
    first, size = -1, 0
    for window, count in enumerate([*counts, 0]):
        if first < 0 and count > FLOOD_BEGINS:
            first, size = window, 0
        elif first >= 0 and count < FLOOD_ENDS:
            ends = (begins_s + first * WINDOW_S, begins_s + window * WINDOW_S)
            floods.append(Flood(*ends, size))
            first = -1
        size += count
    return floods


def _upset(counts: Sequence[int]) -> float:
    """Mean of the days' worst windows; a day begins with the period and may be cut by its end."""
    windows = DAY_S // WINDOW_S
    worst = [max(counts[first : first + windows]) for first in range(0, len(counts), windows)]
    return sum(worst) / len(worst)


def calls(notices: Iterable[Notice], answers: Mapping[str, Sequence[int]]) -> list[Asked]:
    """What desks were asked, and when somebody answered.

    Parameters
    ----------
    notices : iterable of Notice
        Those that were told and ask for an acknowledgement count.
    answers : mapping of str to sequence of int
        When each incident was acknowledged or assigned, in seconds since 1970 UTC, rising.
    """
    found = []
    for notice in notices:
        if notice.withheld is None and notice.acknowledge_by:
            at_s, moments = _second(notice.at), answers.get(notice.incident, ())
            first = bisect_left(moments, at_s)
            answered_s = moments[first] if first < len(moments) else None
            by_s = _second(notice.acknowledge_by)
            found.append(Asked(notice.level, notice.incident, at_s, by_s, answered_s))
    return found


def responses(calls: Iterable[Asked]) -> dict[str, Response]:
    """How soon each level answers, against the clock that its colour has."""
    of_level: dict[str, list[Asked]] = {}
    for call in calls:
        of_level.setdefault(call.level, []).append(call)
    found: dict[str, Response] = {}
    for level, asked in sorted(of_level.items()):
        answers = [(call, call.answered_s) for call in asked if call.answered_s is not None]
        took = [answered_s - call.at_s for call, answered_s in answers]
        found[level] = Response(
            asked=len(asked),
            answered=len(took),
            in_time=sum(answered_s <= call.by_s for call, answered_s in answers),
            median_s=round(median(took)) if took else 0,
            worst_s=max(took, default=0),
        )
    return found


def chattering(spans: Iterable[Span], times: int = 3, within_s: int = 60) -> list[str]:
    """Alarms that became active so often within so short a time.

    The standards leave the figures open; three in a minute is what most systems take.
    """
    begun: dict[str, list[int]] = {}
    for span in spans:
        begun.setdefault(span.alarm, []).append(span.begins_s)
    return sorted(alarm for alarm, moments in begun.items() if _crowded(moments, times, within_s))


def _crowded(moments: list[int], times: int, within_s: int) -> bool:
    moments = sorted(moments)
    return any(
        bisect_left(moments, first + within_s) - number >= times
        for number, first in enumerate(moments)
    )


def fleeting(spans: Sequence[Span], under_s: int = 10, alone_s: int = 60) -> list[str]:
    """Alarms that were over before anybody could answer, and did not come again soon after."""
    begun: dict[str, list[int]] = {}
    for span in spans:
        begun.setdefault(span.alarm, []).append(span.begins_s)
    for moments in begun.values():
        moments.sort()
    found = set()
    for span in spans:
        if span.ends_s is not None and span.ends_s - span.begins_s < under_s:
            moments = begun[span.alarm]
            after = bisect_left(moments, span.begins_s + 1)
            if after == len(moments) or moments[after] > span.ends_s + alone_s:
                found.add(span.alarm)
    return sorted(found)


def stale(spans: Iterable[Span], at_s: int) -> list[str]:
    """Alarms that are active at a time and have been for more than 24 hours."""
    return sorted(
        span.alarm
        for span in spans
        if span.begins_s + STALE_S < at_s and (span.ends_s is None or span.ends_s > at_s)
    )


def _second(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())
