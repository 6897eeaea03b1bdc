"""Looks that are spread over a log, and the extremes that are drawn of a long trend."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from operate.console.sampling import LOOKS_MAX, extremes, size_of, spread

READINGS = st.lists(
    st.tuples(st.integers(0, 9_999), st.floats(-100, 100)), max_size=200, unique_by=lambda r: r[0]
).map(sorted)


@given(st.integers(2, 60_000), st.integers(0, 4_000), st.integers(1, 4_000), st.data())
def test_looks_are_within_bounds(most: int, seen: int, of: int, data: st.DataObject) -> None:
    total = data.draw(st.integers(most + 1, 10_000_000))
    size, looks = size_of(most, total, min(seen, of), of)
    assert 1 <= looks <= LOOKS_MAX
    assert 1 <= size <= total
    assert size * looks <= most
    places = list(spread(total, size, looks))
    assert len(places) == looks
    assert all(0 <= at <= total - size for at in places)
    ends = sorted(places)
    assert all(b - a >= size for a, b in pairwise(ends)), "none is read twice"


def test_whenever_looks_are_left_they_cover_the_whole() -> None:
    places = list(spread(6_400, 10, 64))
    for count in (8, 16, 32, 64):
        some = sorted(places[:count])
        gaps = [b - a for a, b in zip(some, [*some[1:], 6_400], strict=True)]
        assert max(gaps) <= 2 * 6_400 / count


@given(READINGS, st.integers(1, 50))
def test_extremes_are_readings_and_hold_the_lowest_and_the_highest(
    taken: list[tuple[int, float]], bins: int
) -> None:
    few = extremes(taken, 0, 10_000, bins)
    assert len(few) <= 2 * bins
    assert set(few) <= set(taken)
    assert few == sorted(few)
    if taken:
        for pick in (min, max):
            assert pick(value for _, value in few) == pick(value for _, value in taken)
