"""NAB's rule gives what its authors' own scorer gave, and what a hand can compute."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from lab.scores.corpus import read
from lab.scores.nab import (
    PROFILES,
    Profile,
    Series,
    best_threshold,
    judge,
    probation,
    two_fold,
    worth,
)
from runtime.installation import HOME

NAB = HOME.parent / "shared" / "data" / "nab"
STANDARD = PROFILES["standard"]
# With the authors' scorer on these files: standard score, windows found, false points.
KNOWN = {
    "ARTime": (78.2, 53, 89),
    "contextOSE": (74.1, 47, 27),
    "numenta": (71.2, 48, 77),
    "randomCutForest": (52.0, 45, 236),
    "windowedGaussian": (36.7, 32, 166),
}


def series(rings: list[int], windows: list[tuple[int, int]], rows: int = 100) -> Series:
    scores = np.zeros(rows)
    scores[rings] = 1.0
    return Series(scores, windows)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.skipif(not NAB.is_dir(), reason="the corpus is not carried and not beside this tree")
def test_published_detections_score_what_the_authors_scorer_gives() -> None:
    table = pq.read_table(NAB / "published_scores" / "scores.parquet")
    names = np.array(table["detector"].to_pylist())
    files = np.array(table["file"].to_pylist())
    scores = table["anomaly_score"].to_numpy()
    corpus = read(NAB)
    for name, (score, hit, false) in KNOWN.items():
        of = [
            Series(scores[(names == name) & (files == file.name)], file.windows) for file in corpus
        ]
        found = judge(of, best_threshold(of, STANDARD), STANDARD)
        assert (round(found.score, 1), found.hit, found.false_points) == (score, hit, false), name


def test_silence_is_nought_and_the_first_row_of_each_window_is_a_hundred() -> None:
    for profile in PROFILES.values():
        assert judge([series([], [(40, 59)])], 0.5, profile).score == 0.0
        assert judge([series([40], [(40, 59)])], 0.5, profile).score == pytest.approx(100.0)


def test_a_false_point_costs_its_weight_and_only_the_earliest_in_a_window_counts() -> None:
    early = judge([series([20, 40], [(40, 59)])], 0.5, STANDARD)
    assert early.score == pytest.approx(100.0 * (1.0 - 0.11 + 1.0) / 2.0)
    assert judge([series([20, 40, 45, 50], [(40, 59)])], 0.5, STANDARD).score == early.score


def test_nothing_is_judged_in_probation() -> None:
    assert [probation(rows) for rows in (100, 4000, 22_000)] == [15, 600, 750]
    assert judge([series([0, 14], [(40, 59)])], 0.5, STANDARD).false_points == 0


def test_just_behind_a_window_costs_little_and_far_behind_all() -> None:
    value = worth(200, [(40, 59)])
    assert value[60] == pytest.approx(2.0 / (1.0 + np.exp(5.0 / 19.0)) - 1.0)
    assert value[150] == -1.0
    assert value[30] == -1.0


def test_the_best_threshold_is_the_best_of_all_by_brute_force() -> None:
    draw = np.random.default_rng(7)
    corpus = [Series(draw.integers(0, 30, 120) / 30.0, [(50, 59), (80, 89)]) for _ in range(4)]
    for profile in (*PROFILES.values(), Profile(1.0, 0.01, 1.0)):
        of = {t: judge(corpus, t, profile).score for t in [*np.arange(30) / 30.0, np.inf]}
        assert of[best_threshold(corpus, profile)] == pytest.approx(max(of.values()))


def test_two_folds_judge_each_half_under_the_others_threshold() -> None:
    loud = Series(series([20, 40], [(40, 59)]).scores * 5.0, [(40, 59)])
    found = two_fold([loud, series([40], [(40, 59)])], STANDARD)
    assert (found.hit, found.windows, found.false_points) == (1, 2, 1)
