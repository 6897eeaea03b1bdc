"""SKAB's changepoint score is what a hand computes by its rule."""

import pytest

from lab.scores.changepoints import Changes, judge, windows, worth
from lab.scores.nab import PROFILES

STANDARD, LOW_FP, LOW_FN = PROFILES.values()


def score(told: list[float], true: list[float] | None = None) -> tuple[float, float, float]:
    """Scores of one file under the three profiles."""
    one = [Changes(true or [100.0, 400.0], told)]
    standard, low_fp, low_fn = (round(judge(one, p).score, 4) for p in PROFILES.values())
    return standard, low_fp, low_fn


def test_silence_is_nought_and_a_word_at_each_change_is_a_hundred() -> None:
    assert score([]) == (0.0, 0.0, 0.0)
    assert score([100.0, 400.0]) == (100.0, 100.0, 100.0)


def test_a_word_too_much_costs_its_weight() -> None:
    """Of 4 points between silence and perfection, 6 when a miss weighs two."""
    assert score([100.0, 400.0, 700.0]) == (97.25, 94.5, 98.1667)
    assert score([99.0]) == (-2.75, -5.5, -1.8333)


def test_half_way_through_its_window_a_word_is_worth_the_mean_of_best_and_worst() -> None:
    # x = pi (500 / 999 - 1 / 2) = 0.00157; (1 - 0.11) / 2 - 0.555 tanh(x) / tanh(pi / 2)
    assert worth(0.5, STANDARD) == pytest.approx(0.444048, abs=1e-6)
    # 50 (1.444048 of 4 points, the other window missed)
    assert score([130.0])[0] == pytest.approx(25 * 1.444048, abs=1e-3)


def test_only_the_first_word_of_a_window_counts() -> None:
    assert score([110.0, 111.0, 150.0, 160.0, 400.0]) == score([110.0, 400.0])
    assert judge([Changes([100.0], [160.0])], STANDARD).hit == 1
    assert judge([Changes([100.0], [160.5])], STANDARD).false == 1


def test_a_word_at_the_end_of_its_window_is_worth_less_than_none_but_no_miss() -> None:
    assert worth(1.0, LOW_FP) == pytest.approx(-0.22)
    assert score([160.0, 460.0])[1] == pytest.approx(39.0)  # (1 - 0.22) / 2 of each


def test_of_two_windows_that_touch_the_later_one_is_cut() -> None:
    assert windows([100.0, 157.0, 400.0]) == [(100.0, 160.0), (160.0, 217.0), (400.0, 460.0)]
    # A word on the shared edge ends the one and begins the other.
    found = judge([Changes([100.0, 157.0], [160.0])], STANDARD)
    assert (found.hit, found.false) == (2, 0)
    assert found.score == pytest.approx(100 * (2 + 1.0 - 0.11) / 4)


def test_files_are_summed_before_they_are_divided() -> None:
    both = judge([Changes([100.0], [100.0]), Changes([1.0, 300.0, 500.0], [])], LOW_FN)
    assert (both.hit, both.changes) == (1, 4)
    assert both.score == pytest.approx(25.0)
