"""SKAB's changepoint score: the first word in the minute behind a change earns, others cost."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from lab.scores.nab import Profile

WINDOW_S: Final = 60.0
_STEPS: Final = 1000  # places of a window that its authors' scorer tells apart


@dataclass(frozen=True)
class Changes:
    """Times of one file, seconds, rising: when it changed, and when a detector said so."""

    true_s: Sequence[float]
    told_s: Sequence[float]


@dataclass(frozen=True)
class Found:
    """A score from 0 (silence) to 100 (perfect), and what it is made of."""

    score: float
    hit: int
    changes: int
    false: int


def worth(place: float, profile: Profile) -> float:
    """Worth of the first word in a window, by its place from 0 (its beginning) to 1 (its end).

    `(a + b) / 2 - (a - b) / 2 tanh(x) / tanh(pi / 2)` with `x` from `-pi / 2` to `pi / 2`, from
    `a`, what a hit weighs, down to `b`, what a false word costs.

    >>> from lab.scores.nab import PROFILES
    >>> [round(worth(place, PROFILES["standard"]), 3) for place in (0.0, 0.5, 1.0)]
    [1.0, 0.444, -0.11]
    """
    step = min(int(place * _STEPS), _STEPS - 1)
    x = math.pi * (step / (_STEPS - 1) - 0.5)
    best, worst = profile.hit, -profile.false
    return (best + worst) / 2.0 - (best - worst) / 2.0 * math.tanh(x) / math.tanh(math.pi / 2.0)


def windows(true_s: Sequence[float]) -> list[tuple[float, float]]:
    """A minute behind each change; what two share belongs to the earlier one.

    >>> windows([100.0, 150.0])
    [(100.0, 160.0), (160.0, 210.0)]
    """
    found = [(at, at + WINDOW_S) for at in true_s]
    cut = [(max(late, end), last) for (_, end), (late, last) in pairwise(found)]
    return found[:1] + cut


def judge(files: Sequence[Changes], profile: Profile) -> Found:
    """Score the words of a detector on some files together.

    In each window, both edges in it, the first word counts by its place, and others there do not
    matter; a word outside all windows costs, a window without one is a miss.

    References
    ----------
    I. Katser and V. Kozitsin, Skoltech Anomaly Benchmark, Kaggle, 2020, with the rule of its
    scorer, after A. Lavin and S. Ahmad, Evaluating Real-time Anomaly Detection Algorithms, 2015.
    """
    total, hit, changes, false = 0.0, 0, 0, 0
    for file in files:
        places = windows(file.true_s)
        changes += len(places)
        for first, last in places:
            inside = [at for at in file.told_s if first <= at <= last]
            hit += bool(inside)
            early = (min(inside) - first) / (last - first) if inside else 0.0
            total += worth(early, profile) if inside else -profile.miss
        outside = sum(not any(a <= at <= b for a, b in places) for at in file.told_s)
        total -= profile.false * outside
        false += outside
    silent = -profile.miss * changes
    return Found(100.0 * (total - silent) / (profile.hit * changes - silent), hit, changes, false)
