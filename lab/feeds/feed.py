"""What a feed is: readings in order, and the events that rules should ring for."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, NamedTuple

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
class Feed:
    """Telemetry of one lifeline.

    Parameters
    ----------
    lifeline : str
    source : str
        Where the readings come from, in one sentence.
    readings : list of Reading
        By event time.
    known : list of Known
    """

    lifeline: str
    source: str
    readings: list[Reading]
    known: list[Known]

    def channels(self) -> set[str]:
        """Ids that come in the readings."""
        return {reading.channel for reading in self.readings}


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
