"""What a feed is: readings in order, and the events that rules should ring for."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, NamedTuple

from contracts.alarm import Alarm
from contracts.civil_time import milliseconds

NOT_INJECTED: Final = ""


class Reading(NamedTuple):
    """One reading: event time in milliseconds since 1970 UTC, channel, value."""

    time_ms: int
    channel: str
    value: float


@dataclass(frozen=True, slots=True)
class Known:
    """Something that is known to be in the readings.

    Parameters
    ----------
    name : str
        What happens and when, as a person says it.
    begin, end : datetime
        An alarm whose `detected` lies between the two, of one of the channels and rules, rang for
        it.
    channels : frozenset of str
    rules : frozenset of str
    injected : str
        What was changed in recorded readings, or made, empty when the event was there before.
    """

    name: str
    begin: datetime
    end: datetime
    channels: frozenset[str]
    rules: frozenset[str]
    injected: str = NOT_INJECTED

    def rings(self, channel: str, rule: str, detected: datetime) -> bool:
        """Whether an alarm rang for this event."""
        mine = channel in self.channels and rule in self.rules
        return mine and self.begin <= detected <= self.end


@dataclass(frozen=True, slots=True)
class KnownIncident:
    """Something that is known to trouble several lifelines at once.

    Parameters
    ----------
    name : str
        What happens and when, as a person says it.
    begin : datetime
    root : str
        Asset that all of it comes from, with its lifeline: `power.feeder-0102`.
    assets : frozenset of str
        Those that one incident should hold, with their lifelines.
    injected : str
        How it was made.
    """

    name: str
    begin: datetime
    root: str
    assets: frozenset[str]
    injected: str


@dataclass(frozen=True, slots=True)
class Feed:
    """Telemetry of one lifeline, or of several that share a clock.

    Parameters
    ----------
    lifeline : str
        Its name; `district` for that of several.
    source : str
        Where the readings come from, in one sentence.
    readings : list of Reading
        By event time.
    known : list of Known
    incidents : tuple of KnownIncident
    """

    lifeline: str
    source: str
    readings: list[Reading]
    known: list[Known]
    incidents: tuple[KnownIncident, ...] = ()

    def channels(self) -> set[str]:
        """Ids that come in the readings."""
        return {reading.channel for reading in self.readings}

    def injections(self) -> list[tuple[str, str]]:
        """Name of each event that was put in or made, and how."""
        names = [(event.name, event.injected) for event in self.known]
        names += [(event.name, event.injected) for event in self.incidents]
        return [(name, what) for name, what in names if what]

    def rung(self, alarms: Iterable[Alarm]) -> list[Alarm]:
        """Those among some alarms that rang over its readings: a channel may be in two feeds."""
        channels = self.channels()
        begin_ms, end_ms = self.readings[0].time_ms, self.readings[-1].time_ms
        return [
            alarm
            for alarm in alarms
            if alarm.channel in channels
            and begin_ms <= milliseconds(datetime.fromisoformat(alarm.detected)) <= end_ms
        ]

    def by_lifeline(self) -> list["Feed"]:
        """The readings of each lifeline by itself, without what is known of them."""
        parts: dict[str, list[Reading]] = {}
        for reading in self.readings:
            parts.setdefault(reading.channel.partition(".")[0], []).append(reading)
        return [Feed(name, self.source, parts[name], []) for name in sorted(parts)]


def changed(readings: list[Reading], known: Known, factor: float, hours: float) -> list[Reading]:
    """The readings of an event's channels times a factor, for some hours from its beginning."""
    begin = milliseconds(known.begin)
    end = begin + round(hours * 3_600_000)
    return [
        reading._replace(value=reading.value * factor)
        if reading.channel in known.channels and begin <= reading.time_ms < end
        else reading
        for reading in readings
    ]


def injected(known: Known, what: str) -> Known:
    """The event, with what was done to make it."""
    return replace(known, injected=what)
