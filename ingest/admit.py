"""Admission: one disposition for every reading, judged by its record's timestamp, never by now."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec
import numpy as np
from msgspec import Meta
from numba import njit
from numpy.typing import NDArray

from contracts.batch import Batch, Disposition, Quality
from contracts.catalogue import RowOf
from contracts.ports.lane_parts import carry
from contracts.quantities import ABSOLUTE, Duration, Rate
from contracts.transition import NEVER


class Plausible(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Bounds of the sensor and of its clock; a reading outside is not scored.

    Parameters
    ----------
    range : (float, float)
        Smallest and largest value that the sensor can mean, in the unit of the class.
    fastest : Rate or None
        Faster changes between two readings are the sensor's fault, not the city's.
    future : Duration
        How far an event time may lie ahead of its record's timestamp.
    back_fill : Duration
        Readings further behind their record's timestamp than this are history: they never ring.
    """

    range: Annotated[tuple[float, float], Meta(extra=ABSOLUTE)]
    fastest: Rate | None = None
    future: Duration = Duration("5 min")
    back_fill: Duration = Duration("1 h")


REMEMBERED: Final = 4  # event times per channel among which a repeat is known as a duplicate

# What admission remembers of a channel: one cache line.
SEEN: Final = np.dtype(
    [
        ("times", np.int64, (REMEMBERED,)),  # the last admitted event times, a ring
        ("value", np.float64),  # last value inside the range, NaN before the first
        ("value_ns", np.int64),  # its event time
        ("class", np.int64),
        ("cursor", np.uint8),  # next place in the ring
        ("shelved", np.uint8),
        ("spare", np.uint8, (6,)),
    ]
)
assert SEEN.itemsize == 64

# Readings whose rows are asked for together: at a million channels each is a cache miss, and
# misses that do not wait for one another overlap.
_BLOCK: Final = 32

_BAD = int(Quality.BAD)
_SCORED, _HELD = int(Disposition.SCORED), int(Disposition.HELD)
_BACK_FILLED, _DUPLICATE, _LATE = (
    int(Disposition.BACK_FILLED),
    int(Disposition.DUPLICATE),
    int(Disposition.LATE),
)
_UNKNOWN, _FUTURE = int(Disposition.UNKNOWN_CHANNEL), int(Disposition.FUTURE)
_NOT_FINITE, _OUT_OF_RANGE, _TOO_FAST = (
    int(Disposition.NOT_FINITE),
    int(Disposition.OUT_OF_RANGE),
    int(Disposition.TOO_FAST),
)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _by_time(mine: np.void, time_ns: int, stamp_ns: int, bounds: tuple[int, int]) -> int:
    """Destiny that the event time alone decides, SCORED when it is in order."""
    newest = mine.times[(mine.cursor + REMEMBERED - 1) % REMEMBERED]  # type: ignore[attr-defined]
    if time_ns - stamp_ns > bounds[0]:
        return _FUTURE
    for k in range(REMEMBERED):
        if mine.times[k] == time_ns:  # type: ignore[attr-defined]
            return _DUPLICATE
    if stamp_ns - time_ns > bounds[1]:
        return _BACK_FILLED
    return _LATE if time_ns < newest else _SCORED


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _by_value(
    mine: np.void,
    time_ns: int,
    value: float,
    quality: int,
    bounds: tuple[float, float, float],
) -> int:
    """Destiny that value and quality decide; remembers the value if it can be compared with."""
    if quality == _BAD or mine.shelved:  # type: ignore[attr-defined]
        return _HELD
    if not np.isfinite(value):
        return _NOT_FINITE
    if value < bounds[0] or value > bounds[1]:
        return _OUT_OF_RANGE
    elapsed_s = (time_ns - mine.value_ns) / 1e9  # type: ignore[attr-defined]
    moved = abs(value - mine.value)  # type: ignore[attr-defined]
    # NaN before the first value: never too fast. The value is remembered even when it came too
    # fast, so that a real step costs one reading and not all that follow.
    too_fast = moved > bounds[2] * elapsed_s
    mine.value = value  # type: ignore[attr-defined]
    mine.value_ns = time_ns  # type: ignore[attr-defined]
    return _TOO_FAST if too_fast else _SCORED


@njit(cache=True, nogil=True, error_model="numpy")
def admit_readings(
    seen: NDArray[np.void],
    params: tuple[NDArray[np.float64], NDArray[np.int64]],
    columns: tuple[Any, ...],
    span: tuple[int, int],
    disposition: NDArray[np.uint8],
) -> None:
    """Fill `disposition` for a span of readings, in order.

    Parameters
    ----------
    seen : SEEN (rows,)
        Changed in place.
    params : (float64 (classes, 3), int64 (classes, 2))
        Smallest, largest value and fastest change per second; future and back-fill bound, ns.
    columns : (stamp_ns, row, time_ns, value, quality)
        `stamp_ns` is the timestamp of the reading's record.
    """
    stamp_of, row_of, time_of, value_of, quality_of = columns
    reals, wholes = params
    classes = np.zeros(_BLOCK, np.uint64)
    for begin in range(span[0], span[1], _BLOCK):
        end = min(begin + _BLOCK, span[1])
        # Unsigned places: no test for those that count from the end.
        for i in range(np.uint64(begin), np.uint64(end)):
            if row_of[i] >= 0:
                classes[i - np.uint64(begin)] = seen[np.uint32(row_of[i])]["class"]
        for i in range(np.uint64(begin), np.uint64(end)):
            if row_of[i] < 0:
                disposition[i] = _UNKNOWN
                continue
            mine = seen[np.uint32(row_of[i])]
            kind = classes[i - np.uint64(begin)]
            # Figures one by one: a slice of an array costs two atomic counts of references.
            window = (wholes[kind, 0], wholes[kind, 1])
            verdict = _by_time(mine, time_of[i], stamp_of[i], window)
            if verdict == _SCORED:
                mine.times[mine.cursor] = time_of[i]
                mine.cursor = (mine.cursor + 1) % REMEMBERED
                bounds = (reals[kind, 0], reals[kind, 1], reals[kind, 2])
                verdict = _by_value(mine, time_of[i], value_of[i], quality_of[i], bounds)
            disposition[i] = verdict


class Admission:
    """What one lane remembers of its channels to judge their readings.

    Parameters
    ----------
    classes : sequence of Plausible
        Bounds of each class.
    class_of : int, shape (n,)
        Index into `classes` for every lane row.
    elsewhere : RowOf, optional
        Ids that other lanes own: such a reading was sent to the wrong partition.
    """

    def __init__(
        self,
        classes: Sequence[Plausible],
        class_of: NDArray[Any],
        elsewhere: RowOf | None = None,
    ) -> None:
        fastest = [np.inf if p.fastest is None else p.fastest.per_s for p in classes]
        reals = [(*p.range, f) for p, f in zip(classes, fastest, strict=True)]
        wholes = [(p.future.ns, p.back_fill.ns) for p in classes]
        self._params = (
            np.array(reals, np.float64).reshape(-1, 3),
            np.array(wholes, np.int64).reshape(-1, 2),
        )
        self._class_of = class_of
        self._elsewhere = elsewhere
        self.seen = self._fresh()

    def _fresh(self) -> NDArray[np.void]:
        size = len(self._class_of) * SEEN.itemsize
        raw = np.zeros(size + SEEN.itemsize, np.uint8)
        skip = -raw.ctypes.data % SEEN.itemsize  # a row that straddles cache lines costs two misses
        seen: NDArray[np.void] = raw[skip : skip + size].view(SEEN)
        seen["times"] = NEVER
        seen["value"] = np.nan
        seen["class"] = self._class_of
        return seen

    def admit(
        self,
        batch: Batch,
        stamp_ns: NDArray[np.int64],
        span: tuple[int, int],
        disposition: NDArray[np.uint8],
    ) -> None:
        """Fill `disposition` for the readings of a span, in order.

        Parameters
        ----------
        batch : Batch
        stamp_ns : int64, shape (n,)
            Timestamp of each reading's record.
        span : (int, int)
            First reading, and the one behind the last.
        disposition : uint8, shape (n,)
            Filled with `Disposition`.
        """
        columns = (stamp_ns, batch.row, batch.time_ns, batch.value, batch.quality)
        admit_readings(self.seen, self._params, columns, span, disposition)
        self._tell_misplaced(batch, span, disposition)

    def _tell_misplaced(
        self, batch: Batch, span: tuple[int, int], disposition: NDArray[np.uint8]
    ) -> None:
        """Tell unknown ids of a span that other lanes own; each id is looked up once."""
        places = (np.flatnonzero(batch.row[span[0] : span[1]] < 0) + span[0]).tolist()
        if not places or self._elsewhere is None:
            return
        ids = list({batch.unknown_id[place] for place in places})
        owned = {ids[i] for i in np.flatnonzero(self._elsewhere.among(ids))}
        lost = [place for place in places if owned and batch.unknown_id[place] in owned]
        disposition[lost] = Disposition.MISPLACED_GROUP

    def shelve(self, row: int, *, shelved: bool) -> None:
        """Hold a channel's readings from now on, or score them again; `restore` forgets it."""
        self.seen["shelved"][row] = shelved

    def arrays(self) -> Mapping[str, NDArray[np.void]]:
        """State to be put into a snapshot; not a copy."""
        return {"seen": self.seen}

    def restore(self, arrays: Mapping[str, NDArray[np.void]], old_row: NDArray[np.int64]) -> None:
        """Take over state from a snapshot.

        Parameters
        ----------
        arrays : mapping
            What `arrays` gave.
        old_row : int64, shape (n,)
            Row in the snapshot for every present row, -1 for new channels.
        """
        if (old_row < 0).any():  # else every row is replaced
            self.seen = self._fresh()
        carry(self.seen, arrays["seen"], old_row)
        self.seen["class"] = self._class_of
        self.seen["shelved"] = False  # the lane knows, and says it anew
