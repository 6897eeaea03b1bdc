"""Weeks of a lane's log in one bounded look: short reads spread evenly over it.

Of a channel that speaks once in so many records each read is long enough to meet it twice; where
that would take more than may be read, there are fewer reads.
"""

import time
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from contracts.records import Records
from ingest.kafka.telemetry import KafkaSource

FETCH_S: Final = 0.5
PROBE: Final = 4_000  # records in which a channel is looked for first
LOOKS_MIN, LOOKS_MAX = 8, 240
LEAST: Final = 20  # records of a look
TWICE: Final = 2
BINS: Final = 600  # of a drawn trend, each with its lowest and its highest reading
Names = Callable[[Records], int]


def spread(total: int, size: int, looks: int) -> Iterator[int]:
    """Where reads of a size begin in so many records: even at every moment it may be left.

    >>> list(spread(80, 10, 4))
    [0, 40, 20, 60]
    """
    depth = max(looks - 1, 1).bit_length()
    for place in range(1 << depth):
        at = int(f"{place:0{depth}b}"[::-1], 2)
        if at < looks:
            yield min(at * total // looks, total - size)


def size_of(most: int, total: int, seen: int, of: int) -> tuple[int, int]:
    """How long each look is and how many there are, by how often a channel was met.

    Parameters
    ----------
    most : int
        Records that may be read.
    total : int
        Records that there are, more than that.
    seen, of : int
        Records with the channel among those of a probe.

    Examples
    --------
    >>> size_of(6_000, 1_000_000, 40, 4_000), size_of(6_000, 1_000_000, 0, 4_000)
    ((200, 30), (750, 8))
    """
    size = TWICE * of // seen if seen else most
    size = min(max(size, LEAST), max(most // LOOKS_MIN, 1), total)
    return size, max(min(most // size, LOOKS_MAX, total // size), 1)


class Sampler:
    """Reads of one lane, until a moment of the monotonic clock in seconds."""

    def __init__(self, source: KafkaSource, lane: int, until_s: float) -> None:
        self._source = source
        self._lane = lane
        self._until_s = until_s

    async def between(self, begin: int, end: int, most: int, names: Names) -> list[Records]:
        """Records of looks between two offsets, in order.

        Parameters
        ----------
        begin, end : int
        most : int
            Records that may be read; fewer than there are.
        names : callable
            How many of some records name the channel.
        """
        probe = await self._some(max(begin, end - min(PROBE, most)), end)
        met = sum(map(names, probe))
        size, looks = size_of(most, end - begin, met, max(sum(map(len, probe)), 1))
        found: list[Records] = []
        for ahead in spread(end - begin, size, looks):
            if time.monotonic() > self._until_s:
                break
            found += await self._some(begin + ahead, begin + ahead + size)
        return sorted(found, key=lambda records: int(records.offset[0]))

    async def _some(self, begin: int, end: int) -> list[Records]:
        found: list[Records] = []
        await self._source.seek(self._lane, begin)
        while self._source.position(self._lane) < end and time.monotonic() <= self._until_s:
            records = await self._source.fetch(self._lane, FETCH_S)
            if records is not None and len(records):
                part = records.cut(0, int((records.offset < end).sum()))
                found += [part] if len(part) else []
        return found


def extremes(
    taken: list[tuple[int, float]], begin: int, end: int, bins: int = BINS
) -> list[tuple[int, float]]:
    """The lowest and the highest reading of each part of a time, at their own times.

    >>> extremes([(0, 1.0), (1, 3.0), (2, 2.0), (9, 5.0)], 0, 10, 2)
    [(0, 1.0), (1, 3.0), (9, 5.0)]
    """
    times = np.array([at for at, _ in taken], np.int64)
    values = np.array([value for _, value in taken], np.float64)
    part = (times - begin) * bins // max(end - begin, 1)
    lowest, highest = np.lexsort((values, part)), np.lexsort((-values, part))
    kept = set()
    for order in (lowest, highest):
        first = np.flatnonzero(np.diff(part[order], prepend=part.min() - 1 if len(part) else 0))
        kept.update(order[first].tolist())
    return [taken[at] for at in sorted(kept)]
