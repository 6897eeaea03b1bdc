"""Files of NAB one by one are what their halves are, and intervals hold what they are of."""

import numpy as np
import pytest

from benchmarks.quality_data.nab import Scored
from benchmarks.quality_data.nab_nested import halvings, interval
from lab.scores.nab import PROFILES, Series, summed

FILES = 12


def scored() -> Scored:
    """A detector that sees every other window, and rings falsely now and then."""
    chance = np.random.default_rng(4)
    corpus = []
    for place in range(FILES):
        scores = chance.random(500)
        scores[300] += place % 2
        corpus.append(Series(scores, [(290, 330)]))
    return Scored(corpus)


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_files_one_by_one_come_to_what_their_halves_do(profile: object) -> None:
    arm, order = scored(), list(range(FILES))
    assert isinstance(profile, type(PROFILES["standard"]))
    whole, parts = arm.halved(order, profile), arm.parts(order, profile)
    assert len(parts) == FILES
    one = summed(parts, whole.threshold, profile)
    assert one.score == pytest.approx(whole.score)
    assert (one.hit, one.false_points) == (whole.hit, whole.false_points)


def test_an_interval_of_few_files_is_wide_and_holds_the_score() -> None:
    profile = PROFILES["standard"]
    parts = halvings(scored(), FILES, profile)
    low, high = interval(parts, profile)
    middle = np.median([summed(one, 0.0, profile).score for one in parts])
    assert low < middle < high
    assert high - low > 20.0
    assert interval([parts[0][:1]], profile)[0] == interval([parts[0][:1]], profile)[1]
