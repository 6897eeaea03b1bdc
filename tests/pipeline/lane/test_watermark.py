"""Lane time equals what plain Python makes of the same stamps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.lane.offset_index import OffsetIndex
from pipeline.lane.watermark import STAMP_AHEAD_S, believed, by_reading, lane_times

FAR = STAMP_AHEAD_S + 1_000  # seconds, of a clock that says 5
stamps = st.lists(st.one_of(st.integers(-1, 400_000), st.integers(-1, 2**41)), max_size=30)


def plainly(timestamp_ms: list[int], before_s: int) -> list[int]:
    found: list[int] = []
    for stamp_ms in timestamp_ms:
        before_s = max(before_s, stamp_ms // 1000)
        found.append(before_s)
    return found


@settings(deadline=None)  # the first example compiles the kernels
@given(stamps, st.integers(-1, 1_000), st.data())
def test_lane_time_is_the_newest_stamp_so_far(
    timestamp_ms: list[int], before_s: int, draws: st.DataObject
) -> None:
    stamp = np.array(timestamp_ms, np.int64)
    found = lane_times(stamp, before_s)
    assert found.tolist() == plainly(timestamp_ms, before_s)
    places = st.integers(0, max(len(stamp) - 1, 0))
    record = sorted(draws.draw(st.lists(places, max_size=40))) if timestamp_ms else []
    stamp_ns, moment_s = by_reading(stamp, found, np.array(record, np.int32))
    assert stamp_ns.tolist() == [timestamp_ms[i] * 1_000_000 for i in record]
    assert moment_s.tolist() == [int(found[i]) for i in record]


@given(st.lists(stamps.map(sorted), max_size=4))
def test_the_index_holds_the_first_offset_of_each_minute(polls: list[list[int]]) -> None:
    index, offset, newest_s = OffsetIndex(), 0, -1
    first: dict[int, int] = {}
    for timestamp_ms in polls:
        lane_time_s = plainly(timestamp_ms, newest_s)
        offsets = list(range(offset, offset + len(lane_time_s)))
        for second, place in zip(lane_time_s, offsets, strict=True):
            first.setdefault(second // 60, place)
        index.add(np.array(lane_time_s, np.int64), np.array(offsets, np.int64))
        offset, newest_s = offset + len(offsets), max([newest_s, *lane_time_s])
    assert index.state() == [list(pair) for pair in sorted(first.items())]


@pytest.mark.parametrize("before_s", [-1, 3])
@pytest.mark.parametrize("seconds", [[1, FAR, 3, FAR, 9], [FAR, 1, FAR, 9], [FAR, FAR, 2]])
def test_lane_time_under_far_stamps_is_the_same_however_they_are_cut(
    seconds: list[int], before_s: int
) -> None:
    def lane_time(stamp_ms: NDArray[np.int64], since_s: int) -> NDArray[np.int64]:
        found: NDArray[np.int64] = lane_times(believed(stamp_ms, 5, since_s), since_s)
        return found

    stamp_ms = np.array(seconds, np.int64) * 1_000
    whole = lane_time(stamp_ms, before_s)
    for cut in range(1, len(seconds)):
        first = lane_time(stamp_ms[:cut], before_s)
        second = lane_time(stamp_ms[cut:], int(first[-1]))
        assert [*first, *second] == whole.tolist(), cut
