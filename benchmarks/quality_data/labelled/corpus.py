"""Labelled recordings of many lifelines in one shape: what was read, and what should be told."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lab.scores.nab import probation

GRACE: Final = 5  # readings behind an event in which an alarm may still begin for it
CHANNELS: Final = 12  # of a recording; of more, as many evenly apart
READINGS: Final = 300_000  # of a corpus; recordings that are longer are read as means of rows
Reals = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Event:
    """Something that should be told from its first to its last second.

    Parameters
    ----------
    channels : frozenset of str
        Channels that may tell it; none are all.
    wanted : bool
        False for what may ring and need not.
    """

    first_s: float
    last_s: float
    channels: frozenset[str] = frozenset()
    wanted: bool = True

    def concerns(self, channel: str) -> bool:
        """Whether an alarm of a channel may be for it; one of all channels is named `*`."""
        return not self.channels or channel == "*" or channel in self.channels


@dataclass(frozen=True)
class Recording:
    """Channels that were read together.

    Parameters
    ----------
    time_s : float64, shape (rows,)
    values : float64, shape (rows, channels)
        NaN where there is no reading.
    """

    name: str
    time_s: Reals
    values: Reals
    channels: tuple[str, ...]
    events: tuple[Event, ...]

    @property
    def period_s(self) -> float:
        """Seconds from one row to the next, usually."""
        apart = np.diff(self.time_s)
        return float(np.median(apart[apart > 0]))

    @property
    def wanted(self) -> list[Event]:
        """Events that should be told."""
        return [event for event in self.events if event.wanted]

    def channel(self, place: int) -> tuple[Reals, Reals]:
        """Times and values of a channel, where it was read."""
        there = ~np.isnan(self.values[:, place])
        return self.time_s[there], self.values[there, place]

    def within(self, event: Event, time_s: Reals) -> Flags:
        """Rows at which an alarm is for an event; the rows that all rules learn of are not."""
        rows: Flags = (time_s >= event.first_s) & (time_s <= event.last_s + GRACE * self.period_s)
        return rows & judged(len(time_s))


@dataclass(frozen=True)
class Corpus:
    """Recordings of one source.

    Parameters
    ----------
    signal : str
        Kind of signal: one configuration serves all corpora of a kind.
    """

    name: str
    signal: str
    recordings: tuple[Recording, ...]


def judged(rows: int) -> Flags:
    """Rows that are judged: not the first 15 %, 750 at most, as NAB has it."""
    return np.arange(rows) >= probation(rows)


def corpus(name: str, signal: str, recordings: Sequence[Recording]) -> Corpus:
    """A corpus no wider and longer than is run here, with events that could be told at all."""
    narrow = [_narrowed(one) for one in recordings]
    most = READINGS // sum(len(one.channels) for one in narrow)
    short = [_thinned(one, -(-len(one.time_s) // most)) for one in narrow]
    return Corpus(name, signal, tuple(_possible(one) for one in short))


def _narrowed(one: Recording) -> Recording:
    """The channels that were read at all, or some of them."""
    read = np.flatnonzero((~np.isnan(one.values)).sum(axis=0) >= 100)
    if len(read) > CHANNELS:
        read = read[np.linspace(0, len(read) - 1, CHANNELS).round().astype(int)]
    return replace(one, values=one.values[:, read], channels=tuple(one.channels[i] for i in read))


def _thinned(one: Recording, by: int) -> Recording:
    """Means of as many rows, told with the last of them."""
    if by < 2:
        return one
    rows = len(one.time_s) // by
    blocks = one.values[: rows * by].reshape(rows, by, -1)
    there = (~np.isnan(blocks)).sum(axis=1)
    total = np.nansum(blocks, axis=1)
    means = np.where(there > 0, total / np.maximum(there, 1), np.nan)
    return replace(one, time_s=one.time_s[by - 1 : rows * by : by], values=means)


def _possible(one: Recording) -> Recording:
    """Events that touch are one; those without a judged reading of their channels are none."""
    channels = [(name, one.channel(i)[0]) for i, name in enumerate(one.channels)]
    kept = [
        event
        for event in _joined(one)
        if any(one.within(event, t).any() for name, t in channels if event.concerns(name))
    ]
    return replace(one, events=tuple(kept))


def _joined(one: Recording) -> list[Event]:
    apart = GRACE * one.period_s
    found: list[Event] = []
    for event in sorted(one.events, key=lambda e: (sorted(e.channels), e.wanted, e.first_s)):
        last = found[-1] if found else None
        alike = last and (last.channels, last.wanted) == (event.channels, event.wanted)
        if last and alike and event.first_s <= last.last_s + apart:
            found[-1] = replace(last, last_s=max(last.last_s, event.last_s))
        else:
            found.append(event)
    return found
