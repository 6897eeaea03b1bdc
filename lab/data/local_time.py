"""Local times to UTC through the hours that come twice, and those that never come."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from contracts.quantities import NS_PER_S

Nanos = NDArray[np.int64]
_LOCAL: Final = pa.timestamp("ns")
_DAY_NS: Final = 86_400 * NS_PER_S
# Behind the longest hour that is left out, the clock before it is still in force.
_BEFORE_NS: Final = 3 * 3_600 * NS_PER_S


def _nothing() -> Nanos:
    return np.empty(0, np.int64)


@dataclass(frozen=True)
class Settled:
    """Local times as UTC.

    Parameters
    ----------
    time_ns : int64, shape (n,)
    missing, once, unsettled : int64
        Places of times that never were, of an hour that comes twice but stands here once, and of
        one whose order does not say which of both is meant.
    """

    time_ns: Nanos
    missing: Nanos = field(default_factory=_nothing)
    once: Nanos = field(default_factory=_nothing)
    unsettled: Nanos = field(default_factory=_nothing)


class LocalHours:
    """Times of a zone, read batch after batch in the order of a file.

    Parameters
    ----------
    zone : str
        As Arrow takes it.
    """

    def __init__(self, zone: str) -> None:
        self._zone = zone
        # By stream: newest local time of the hour that comes twice, and whether it was the second.
        self._last: dict[int, tuple[int, bool]] = {}

    def to_utc(self, local_ns: Nanos, streams: NDArray[np.int32]) -> Settled:
        """Local times as UTC; which of two hours is meant follows from the order of each stream.

        Where a stream's clock falls back inside the hour, the second begins.
        """
        try:
            return Settled(self._utc(local_ns, "raise"))
        except pa.ArrowInvalid:
            first, second = self._utc(local_ns, "earliest"), self._utc(local_ns, "latest")
        apart = second - first
        missing = np.flatnonzero(apart == 1)  # Arrow gives the instants beside the change
        first[missing] = self._utc(local_ns[missing] - _BEFORE_NS, "earliest") + _BEFORE_NS
        twice = np.flatnonzero(apart > 1)
        once, unsettled = list[int](), list[int]()
        for stream in np.unique(streams[twice]).tolist():
            mine = np.flatnonzero(streams == stream)
            falls = local_ns[mine[0]] > local_ns[mine[-1]]
            places = twice[streams[twice] == stream]
            places = places[::-1] if falls else places
            hours = np.flatnonzero(np.abs(np.diff(local_ns[places])) > _DAY_NS) + 1
            for hour in np.split(places, hours):
                begin = self._second(local_ns[hour], stream)
                if begin is None:
                    unsettled.append(int(hour[0]))
                elif begin == len(hour):
                    once += hour.tolist()
                else:
                    first[hour[begin:]] = second[hour[begin:]]
        return Settled(first, missing, np.array(once, np.int64), np.array(unsettled, np.int64))

    def _utc(self, local_ns: Nanos, odd: str) -> Nanos:
        column = pa.array(local_ns, _LOCAL)
        found = pc.assume_timezone(column, self._zone, ambiguous=odd, nonexistent=odd)
        return np.array(found.cast(pa.int64()).to_numpy())

    def _second(self, local_ns: Nanos, stream: int) -> int | None:
        """Place at which the second hour begins, None where the order does not say it."""
        before, was_second = self._last.get(stream, (0, False))
        if abs(before - int(local_ns[0])) > _DAY_NS:
            before, was_second = int(local_ns[0]) - 1, False
        steps = np.diff(local_ns, prepend=before)
        back = np.flatnonzero(steps < 0)
        if not len(back):
            back = np.flatnonzero(steps == 0)[:1]  # one reading an hour stands there twice
        begin = 0 if was_second else int(back[0]) if len(back) else len(local_ns)
        self._last[stream] = (int(local_ns[-1]), begin < len(local_ns))
        return None if len(back) > (0 if was_second else 1) else begin
