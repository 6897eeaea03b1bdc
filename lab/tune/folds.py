"""Readings in four parts: earlier and later, and two halves of the places.

A proposal is found in one part and judged in the other three, which the search never sees.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from statistics import median
from typing import Final

from contracts.catalogue import Catalogue
from lab.backtest.result import BacktestResult
from lab.backtest.score import YEAR_NS, Episode, episodes, explained
from lab.data.labels import Event

NS: Final = 10**9
SEARCHED: Final = "searched places"


@dataclass(frozen=True)
class Part:
    """Some channels during some time.

    Parameters
    ----------
    name : str
    channels : frozenset of str
    begin, end : datetime
        From the one up to, and not including, the other.
    """

    name: str
    channels: frozenset[str]
    begin: datetime
    end: datetime

    def holds(self, channel: str, time: datetime) -> bool:
        """Whether something at a channel belongs here."""
        return channel in self.channels and self.begin <= time < self.end


@dataclass(frozen=True)
class Seen:
    """What a configuration did in a part.

    Parameters
    ----------
    events, found : int
    delay_s : float or None
        Median from an event's beginning to its alarm; None when none was found.
    false_alarms : int
    channel_years : float
    """

    events: int
    found: int
    delay_s: float | None
    false_alarms: int
    channel_years: float

    @property
    def false_rate(self) -> float:
        """False alarms per channel-year."""
        return self.false_alarms / self.channel_years if self.channel_years else 0.0


def parts(result: BacktestResult, channels: Iterable[str]) -> list[Part]:
    """The four parts of some channels; the first is for the search.

    Time is cut in the middle of what was read. Places are groups of the catalogue, so that the
    channels of one asset stay together; they are dealt out by turns in the order of a hash of
    their names, which follows nothing that a detector could.
    """
    tuned = [name for name in channels if name in result.spans]
    if not tuned:
        return []
    first = min(result.spans[name][1] for name in tuned)
    last = max(result.spans[name][2] for name in tuned)
    zone = result.configuration.civil_time
    begin, middle, end = (_at(ns, zone) for ns in (first, (first + last) // 2, last))
    places = halves(result.configuration.catalogue, tuned)
    times = {"earlier": (begin, middle), "later": (middle, end + timedelta(seconds=1))}
    return [
        Part(f"{when}, {where}", mine, *span)
        for when, span in times.items()
        for where, mine in places.items()
    ]


def _at(ns: int, zone: timezone) -> datetime:
    return datetime.fromtimestamp(ns / NS, zone)


def halves(catalogue: Catalogue, tuned: Sequence[str]) -> dict[str, frozenset[str]]:
    """Channels dealt out by their groups, those that are searched and those that judge."""
    groups = dict(zip(catalogue.ids, catalogue.table.column("group").to_pylist(), strict=True))
    names = sorted(
        {groups[name] for name in tuned}, key=lambda name: hashlib.blake2b(name.encode()).digest()
    )
    first = set(names[::2])
    return {
        SEARCHED: frozenset(name for name in tuned if groups[name] in first),
        "other places": frozenset(name for name in tuned if groups[name] not in first),
    }


def seen(result: BacktestResult, events: Sequence[Event], part: Part) -> Seen:
    """Figures of a part: alarms of its channels that rang in its time, events that began in it."""
    told = [e for e in episodes(result.alarms) if e.first.channel in part.channels]
    outcomes = explained(told, events)
    true = {e.first.id for outcome in outcomes for e in outcome.rung}
    mine = [
        outcome
        for outcome in outcomes
        if outcome.event.channels & part.channels and part.begin <= outcome.event.begin < part.end
    ]
    delays = [d for outcome in mine if (d := outcome.delay_s) is not None]
    return Seen(
        len(mine),
        len(delays),
        median(delays) if delays else None,
        sum(_false(e, part, true) for e in told),
        _channel_years(result, part),
    )


def _false(episode: Episode, part: Part, true: set[str]) -> bool:
    first = episode.first
    return first.id not in true and part.holds(first.channel, episode.detected)


def _channel_years(result: BacktestResult, part: Part) -> float:
    total = 0.0
    for name in part.channels:
        _, first, last = result.spans.get(name, (0, 0, 0))
        begin = max(first, part.begin.timestamp() * NS)
        total += max(0.0, min(last, part.end.timestamp() * NS) - begin)
    return total / YEAR_NS
