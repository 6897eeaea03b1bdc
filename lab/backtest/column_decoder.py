"""What a lane of a backtest hears: columns instead of payloads, counted on their way."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contracts.batch import Batch
from contracts.ports.lane_parts import Arrays, Decoder
from contracts.records import Records

NEVER_NS = np.iinfo(np.int64).max
COUNTED: Final = ("count", "first_ns", "last_ns")
Points = dict[str, list[tuple[int, float]]]


@dataclass(frozen=True)
class Window:
    """Readings to be kept for a picture.

    Parameters
    ----------
    channels : frozenset of str
    begin_ns, end_ns : int
        Event times, both inclusive.
    points : dict of str to list of (int, float)
        Filled at the end: time in ms and value, by channel.
    """

    channels: frozenset[str]
    begin_ns: int
    end_ns: int
    points: Points = field(default_factory=dict)


class ColumnDecoder:
    """Decoder of one lane that also takes columns as they are, and notes what comes.

    Parameters
    ----------
    ids : sequence of str
        Channels by lane row.
    decoder : Decoder
        The lane's own, for payloads.
    windows : sequence of Window

    Attributes
    ----------
    count, first_ns, last_ns : int64, shape (rows,)
        Readings of each channel, and the event times of the first and of the newest.
    """

    def __init__(self, ids: Sequence[str], decoder: Decoder, windows: Sequence[Window]) -> None:
        self._ids = ids
        self._decoder = decoder
        self._given: Batch | None = None
        self._windows = windows
        mine = [np.array([name in window.channels for name in ids]) for window in windows]
        self._kept = [(i, here, Points()) for i, here in enumerate(mine) if here.any()]
        self.count = np.zeros(len(ids), np.int64)
        self.first_ns = np.full(len(ids), NEVER_NS, np.int64)
        self.last_ns = np.full(len(ids), -1, np.int64)

    def give(self, batch: Batch) -> None:
        """Take the readings of the records that come next."""
        self._given = batch

    def decode(self, records: Records) -> Batch:
        """Readings that were given, or those of payloads."""
        batch, self._given = self._given, None
        if batch is None:
            batch = self._decoder.decode(records)
        self.look(batch)
        return batch

    def look(self, batch: Batch) -> None:
        """Count readings, and keep of them what is wanted for pictures."""
        known = batch.row >= 0
        if known.all():
            self._note(batch.row, batch.time_ns, batch.value)
        else:
            self._note(batch.row[known], batch.time_ns[known], batch.value[known])

    def arrays(self) -> Arrays:
        """What was counted, for a snapshot."""
        return {name: getattr(self, name).copy() for name in COUNTED}

    def pictured(self) -> dict[int, Points]:
        """Readings that were kept for pictures, by window."""
        return {place: points for place, _, points in self._kept}

    def restore(self, arrays: Arrays, pictured: dict[int, Points]) -> None:
        """Go on from what `arrays` and `pictured` gave."""
        for name in COUNTED:
            getattr(self, name)[:] = arrays[name]
        for place, _, points in self._kept:
            points.update({name: [(t, v) for t, v in p] for name, p in pictured[place].items()})

    def _note(
        self, row: NDArray[np.int32], time_ns: NDArray[np.int64], value: NDArray[np.float64]
    ) -> None:
        if not len(row):
            return
        new = (self.count == 0).any()
        self.count += np.bincount(row, minlength=len(self.count))
        self.last_ns[row] = time_ns  # of several the last one, and the newest nearly always
        if new:
            np.minimum.at(self.first_ns, row, time_ns)
        if self._kept:
            self._keep(row, time_ns, value)

    def _keep(
        self, row: NDArray[np.int32], time_ns: NDArray[np.int64], value: NDArray[np.float64]
    ) -> None:
        first, last = int(time_ns.min()), int(time_ns.max())
        for place, mine, points in self._kept:
            window = self._windows[place]
            if last < window.begin_ns or first > window.end_ns:
                continue
            inside = mine[row] & (time_ns >= window.begin_ns) & (time_ns <= window.end_ns)
            for i in np.flatnonzero(inside & np.isfinite(value)).tolist():
                series = points.setdefault(self._ids[row[i]], [])
                series.append((int(time_ns[i]) // 1_000_000, float(value[i])))
