"""Lane time of records and of the readings in them."""

from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from contracts.quantities import NS_PER_MS

MS_PER_S: Final = 1_000


# A clock that is off by less is a matter for `plausible.future`; no two clocks that work differ so.
STAMP_AHEAD_S: Final = 86_400


def believed(timestamp_ms: NDArray[np.int64], now_s: int, before_s: int) -> NDArray[np.int64]:
    """Stamps of records, those from the far future replaced by lane time.

    Parameters
    ----------
    timestamp_ms : int64, shape (n,)
        Stamps of records, in no order.
    now_s : int
        A worker's clock when the newest such record came.
    before_s : int
        Lane time before the first one, below 0 when it has not begun.

    Examples
    --------
    >>> believed(np.array([1_000, 9_000_000_000, 3_000]), 5, 2).tolist()
    [1000, 2000, 3000]
    >>> believed(np.array([1_000, 9_000_000_000]), 5, -1).tolist()
    [1000, 1000]
    """
    far = timestamp_ms > (now_s + STAMP_AHEAD_S) * MS_PER_S
    if not far.any():
        return timestamp_ms
    # Only a lane that begins with such a record begins at the clock: however records are cut.
    begun_s = now_s if before_s < 0 and far[0] else before_s
    kept = np.where(far, begun_s * MS_PER_S, timestamp_ms)
    return np.where(far, lane_times(kept, begun_s) * MS_PER_S, kept)


@njit(cache=True, nogil=True, error_model="numpy")
def lane_times(timestamp_ms: NDArray[np.int64], before_s: int) -> NDArray[np.int64]:
    """Lane time in seconds behind each record: the newest stamp so far, never less than before.

    Parameters
    ----------
    timestamp_ms : int64, shape (n,)
        Stamps of records, in no order.
    before_s : int
        Lane time before the first one.
    """
    found = np.empty(len(timestamp_ms), np.int64)
    newest_s = np.int64(before_s)
    for i in range(len(timestamp_ms)):
        newest_s = max(newest_s, timestamp_ms[i] // MS_PER_S)
        found[i] = newest_s
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def by_reading(
    timestamp_ms: NDArray[np.int64], lane_time_s: NDArray[np.int64], record: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Stamp in ns and lane time in s of the record of each reading.

    Parameters
    ----------
    timestamp_ms, lane_time_s : int64, shape (n,)
        By record.
    record : int32, shape (m,)
        Record of each reading.
    """
    stamp_ns = np.empty(len(record), np.int64)
    moment_s = np.empty(len(record), np.int64)
    for i in range(len(record)):
        stamp_ns[i] = timestamp_ms[record[i]] * NS_PER_MS
        moment_s[i] = lane_time_s[record[i]]
    return stamp_ns, moment_s
