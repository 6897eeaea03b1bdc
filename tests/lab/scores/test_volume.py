"""The volume under precision and recall, beside the figures of its authors' own package."""

import numpy as np
import pytest
from numpy.typing import NDArray

from lab.scores.volume import vus_pr

Series = tuple[NDArray[np.bool_], NDArray[np.float64]]


def series(seed: int, rows: int, events: list[tuple[int, int]]) -> Series:
    """Scores to one decimal, so that many are equal; higher in events."""
    chance, truth = np.random.default_rng(seed), np.zeros(rows, np.bool_)
    for first, last in events:
        truth[first : last + 1] = True
    lifted = 1.5 * truth.astype(np.float64)
    scores: NDArray[np.float64] = np.round(chance.normal(0.0, 1.0, rows) + lifted, 1)
    return truth, scores


# What `RangeAUC_volume_opt` of the package vus 0.0.6 gives for the same series.
@pytest.mark.parametrize(
    ("made", "widest", "thresholds", "published"),
    [
        ((1, 200, [(40, 60), (120, 121), (150, 170)]), 20, 50, 0.7358681465271688),
        ((2, 300, [(0, 5), (30, 35), (290, 299)]), 31, 250, 0.564196312660012),
        ((3, 120, [(10, 12), (16, 18), (60, 90)]), 12, 30, 0.739333297962488),
        ((4, 400, [(100, 140)]), 0, 100, 0.5648773755205154),
    ],
)
def test_it_gives_the_figures_of_the_authors_package(
    made: tuple[int, int, list[tuple[int, int]]], widest: int, thresholds: int, published: float
) -> None:
    assert vus_pr(*series(*made), widest, thresholds) == pytest.approx(published, rel=1e-12)


def test_without_a_buffer_it_is_average_precision_by_hand() -> None:
    truth, scores = np.array([0, 1, 0, 1], bool), np.array([0.1, 0.9, 0.8, 0.7])
    # Rings 1, 2, 3, 4 rows: precision 1, 1/2, 2/3, 1/2 at recall 1/2, 1/2, 1, 1; each time a row
    # of the first event rings, and of the second from the third on: recall 1/4, 1/4, 1, 1.
    assert vus_pr(truth, scores, 0, 4) == pytest.approx(1 / 4 * 1 + 3 / 4 * 2 / 3)


def test_a_perfect_score_beats_a_late_one_and_that_one_beats_chance() -> None:
    truth, _ = series(5, 300, [(100, 140), (200, 210)])
    perfect = truth.astype(np.float64)
    random = np.random.default_rng(6).random(300)
    figures = [vus_pr(truth, found, 20) for found in (perfect, np.roll(perfect, 5), random)]
    assert figures == sorted(figures, reverse=True)
