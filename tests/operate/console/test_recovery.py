"""What of a curve reaches a page: few points, and none of its depths lost."""

from hypothesis import given
from hypothesis import strategies as st

from operate.console.recovery import thinned

SHARE = st.floats(0, 1)
POINTS = st.lists(st.tuples(st.integers(0, 500), SHARE, SHARE), min_size=2, max_size=300).map(
    lambda some: [(float(at), min(a, b), max(a, b)) for at, a, b in sorted(some)]
)


@given(POINTS, st.integers(1, 40))
def test_few_points_keep_ends_order_and_depths(
    points: list[tuple[float, float, float]], bins: int
) -> None:
    few = list(thinned(points, bins))
    assert len(few) <= max(4 * bins, 2) or points[0][0] == points[-1][0]
    assert (few[0], few[-1]) == (points[0], points[-1])
    assert [at for at, _, _ in few] == sorted(at for at, _, _ in few)
    assert set(few) <= set(points)
    for which in (1, 2):
        assert min(one[which] for one in few) == min(one[which] for one in points)


def test_a_curve_of_few_points_is_left_as_it_is() -> None:
    points = [(0.0, 1.0, 1.0), (1.0, 0.5, 1.0), (1.0, 0.5, 0.5), (2.0, 1.0, 1.0)]
    assert thinned(points) == points
