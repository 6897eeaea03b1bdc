"""What a channel measured in a time, read again where it still lies.

Times are milliseconds since 1970 UTC.
"""

from typing import NamedTuple, Protocol

import msgspec


class Window(NamedTuple):
    """From when to when, and what matters most of it where it cannot all be read."""

    begin_ms: int
    end_ms: int
    at_ms: int


class RefusedReading(msgspec.Struct, frozen=True):
    """A reading that no rule scored.

    Parameters
    ----------
    time_ms : int
        Event time; of what cannot be read, the stamp of its record.
    value : float or None
        In the unit of the channel's class, None where there is none.
    reason : str
        Disposition: `out_of_range`, `late`, `undecodable` …
    """

    time_ms: int
    value: float | None
    reason: str


class ReadingsSpan(msgspec.Struct, frozen=True):
    """Readings of one channel.

    Parameters
    ----------
    begin_ms, end_ms : int
        What was asked for.
    from_ms, until_ms : int or None
        Stamps of the first and the last record that was looked at, None where there was none.
    times_ms : list of int
    values : list of float
        In the unit of the channel's class, one for each time.
    refused : list of RefusedReading
    cut : bool
        Whether more lay in the window than may be read at once.
    looks : int
        Of a window of more than a day that was too much: how many short reads are spread over it,
        otherwise 0.
    log_begins_ms : int or None
        Stamp of the first record that the log still has, where that lies within the window.
    """

    begin_ms: int
    end_ms: int
    from_ms: int | None
    until_ms: int | None
    times_ms: list[int]
    values: list[float]
    refused: list[RefusedReading]
    cut: bool
    looks: int = 0
    log_begins_ms: int | None = None


class ChannelReadings(Protocol):
    """Readings where lanes take theirs from."""

    async def around(self, lifeline: str, lane: int, channel: str, window: Window) -> ReadingsSpan:
        """Readings of a channel of the catalogue.

        Raises
        ------
        TocsinError
            When they cannot be read now.
        """
