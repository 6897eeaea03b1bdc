"""SKAB's, BATADAL's and the ranges' figures, on cases that a hand can compute."""

import numpy as np
import pytest

from lab.scores.points import batadal, pointwise
from lab.scores.ranges import range_precision, range_recall


def rows(n: int, *spans: tuple[int, int]) -> np.ndarray:
    out = np.zeros(n, np.bool_)
    for first, last in spans:
        out[first : last + 1] = True
    return out


def test_points_are_counted_over_all_rows() -> None:
    found = pointwise(rows(100, (20, 39)), rows(100, (30, 49)))
    assert found.f1 == pytest.approx(0.5)
    assert found.far_percent == pytest.approx(12.5)
    assert found.mar_percent == pytest.approx(50.0)


def test_without_any_ring_nothing_is_false_and_all_is_missed() -> None:
    found = pointwise(rows(10, (3, 4)), rows(10))
    assert (found.f1, found.far_percent, found.mar_percent) == (0.0, 0.0, 100.0)


def test_an_attack_told_at_half_its_time_and_one_never() -> None:
    found = batadal(rows(100, (25, 29)), [(20, 29), (60, 69)])
    assert found.soon == pytest.approx(1.0 - (0.5 + 1.0) / 2.0)
    assert found.sorted_well == pytest.approx((5 / 20 + 1.0) / 2.0)
    assert found.score == pytest.approx((0.25 + 0.625) / 2.0)


def test_a_perfect_battle_scores_one_and_silence_a_quarter() -> None:
    assert batadal(rows(50, (10, 19)), [(10, 19)]).score == 1.0
    assert batadal(rows(50), [(10, 19)]).score == pytest.approx(0.25)


def test_ranges_met_in_pieces_count_less() -> None:
    real = [(10, 19), (40, 49)]
    assert range_recall(real, [(10, 14)]) == pytest.approx(0.25)
    assert range_recall(real, [(10, 12), (14, 15)]) == pytest.approx(0.125)
    assert range_recall(real, [(10, 14)], alpha=0.5) == pytest.approx(0.375)
    assert range_precision(real, [(10, 14), (60, 69)]) == pytest.approx(0.5)
    assert range_recall([], real) == range_precision(real, []) == 0.0
