"""NAB: 31 of its 58 files, by its own rule, thresholds from files not judged."""

from collections.abc import Sequence
from statistics import median
from typing import Final, Protocol

import numpy as np
import pyarrow.parquet as pq
from numpy.lib.stride_tricks import sliding_window_view

from benchmarks.quality_data.nab_rules import OURS, RULES
from benchmarks.support.claims import Claim, Part
from benchmarks.support.thresholds import Ladder, Reals, Rungs, climb
from lab.scores.corpus import File, read
from lab.scores.nab import (
    PROFILES,
    Profile,
    Result,
    Series,
    Tally,
    best_threshold,
    judge,
    summed,
    tally,
    two_fold,
)
from lab.scores.volume import vus_pr
from runtime.installation import HOME

NAB: Final = HOME.parent / "shared" / "data" / "nab"
SPLITS: Final = 20
WIDEST: Final = 100  # rows of the widest buffer of VUS-PR
HELD: Final = 100  # rows for which a score stands in VUS-PR, as alarms of rules do
STANDARD: Final = PROFILES["standard"]
LOW_FP: Final = PROFILES["low FP"]
HEAD: Final = (
    *("detector", "two-fold", "low FP", "low FN", "hit", "false"),
    *("splits", "splits, low FP", "fitted", "VUS-PR"),
)


class Arm(Protocol):
    """A detector over all files."""

    def halved(self, order: Sequence[int], profile: Profile) -> Result:
        """Each half of the files under the threshold that is best on the other."""

    def parts(self, order: Sequence[int], profile: Profile) -> list[Tally]:
        """The same file by file: first every other one in this order, then those between."""

    def fitted(self, profile: Profile) -> Result:
        """All files under the threshold that is best on them."""

    def scores(self) -> list[Reals]:
        """Larger is worse, row by row."""


class Scored:
    """A score for each row."""

    def __init__(self, corpus: list[Series]) -> None:
        self._corpus = corpus

    def halved(self, order: Sequence[int], profile: Profile) -> Result:
        """Files alternate between the halves."""
        return two_fold([self._corpus[i] for i in order], profile)

    def parts(self, order: Sequence[int], profile: Profile) -> list[Tally]:
        """As they are judged by the other half."""
        halves = [[self._corpus[i] for i in order[first::2]] for first in (0, 1)]
        best = [best_threshold(half, profile) for half in reversed(halves)]
        return [
            tally(series.scores >= threshold, series.windows, profile)
            for half, threshold in zip(halves, best, strict=True)
            for series in half
        ]

    def fitted(self, profile: Profile) -> Result:
        """As published figures are."""
        return judge(self._corpus, best_threshold(self._corpus, profile), profile)

    def scores(self) -> list[Reals]:
        """The highest of the last rows, as an alarm stands for a while."""
        before = np.full(HELD, -np.inf)
        return [
            sliding_window_view(np.concatenate([before, series.scores]), HELD + 1).max(axis=1)
            for series in self._corpus
        ]


class Rung:
    """A rule of the product under each of its thresholds: an alarm that begins is a detection."""

    def __init__(self, ladder: Ladder, files: list[File]) -> None:
        self._rungs: list[Rungs] = [climb(ladder, file.time_s, file.values) for file in files]
        self._thresholds = ladder.thresholds
        self._tallies: dict[str, list[list[Tally]]] = {
            name: [
                [tally(rises, file.windows, profile) for rises in rungs.rises]
                for file, rungs in zip(files, self._rungs, strict=True)
            ]
            for name, profile in PROFILES.items()
        }

    def _at(self, files: Sequence[int], rung: int, profile: Profile) -> list[Tally]:
        name = next(name for name, other in PROFILES.items() if other is profile)
        return [self._tallies[name][file][rung] for file in files]

    def _best(self, files: Sequence[int], profile: Profile) -> int:
        gains = [
            sum(part.gain for part in self._at(files, rung, profile))
            for rung in range(len(self._thresholds))
        ]
        return int(np.argmax(gains))

    def halved(self, order: Sequence[int], profile: Profile) -> Result:
        """Files alternate between the halves."""
        of_one = self._best(order[::2], profile)
        return summed(self.parts(order, profile), self._thresholds[of_one], profile)

    def parts(self, order: Sequence[int], profile: Profile) -> list[Tally]:
        """As they are judged by the other half."""
        one, other = order[::2], order[1::2]
        of_one, of_other = self._best(one, profile), self._best(other, profile)
        return [*self._at(one, of_other, profile), *self._at(other, of_one, profile)]

    def fitted(self, profile: Profile) -> Result:
        """The best rung of all files."""
        files = range(len(self._rungs))
        best = self._best(files, profile)
        return summed(self._at(files, best, profile), self._thresholds[best], profile)

    def scores(self) -> list[Reals]:
        """How high an alarm stands."""
        return [rungs.scores() for rungs in self._rungs]


def measure() -> Part | None:
    """Scores of all arms, and claims of novelty."""
    if not NAB.is_dir():
        return None
    files = read(NAB)
    arms = {**_rules(files), **simple(files), **published(files)}
    standard, low = (median(_splits(arms[OURS], len(files), p)) for p in (STANDARD, LOW_FP))
    by = f"median of {SPLITS} two-fold splits, by alarms of {OURS}"
    claims = (
        Claim(f"NAB standard, {by}", standard, 65.0, "points", "at least"),
        Claim(f"NAB standard (stretch), {by}", standard, 74.0, "points", "at least"),
        Claim(f"NAB low FP, {by}", low, 60.0, "points", "at least"),
    )
    return Part({"nab": (HEAD, [_row(name, arm, files) for name, arm in arms.items()])}, claims)


def _rules(files: list[File]) -> dict[str, Arm]:
    return {name: Rung(ladder, files) for name, ladder in RULES.items()}


def simple(files: list[File]) -> dict[str, Arm]:
    """NAB's range rule, and draws without looking."""
    return {
        "range rule": Scored([Series(outside(file.values), file.windows) for file in files]),
        "chance": Scored([Series(_chance(file.values), file.windows) for file in files]),
    }


def outside(values: Reals) -> Reals:
    """NAB's range rule: 1 where the value leaves the range heard before by 5 % of it."""
    low, high = np.minimum.accumulate(values)[:-1], np.maximum.accumulate(values)[:-1]
    slack = 0.05 * (high - low)
    rings = (values[1:] > high + slack) | (values[1:] < low - slack)
    return np.concatenate([[0.0], rings.astype(np.float64)])


def _chance(values: Reals) -> Reals:
    """A seeded draw for each row, which knows nothing."""
    return np.random.default_rng(11).random(len(values))


def published(files: list[File]) -> dict[str, Arm]:
    """Detectors whose scores come with NAB."""
    table = pq.read_table(NAB / "published_scores" / "scores.parquet")
    detectors = np.array(table["detector"].to_pylist())
    names = np.array(table["file"].to_pylist())
    scores = table["anomaly_score"].to_numpy()
    return {
        f"published: {detector}": Scored(
            [
                Series(scores[(detectors == detector) & (names == file.name)], file.windows)
                for file in files
            ]
        )
        for detector in sorted(set(detectors))
    }


def _splits(arm: Arm, files: int, profile: Profile) -> list[float]:
    draw = np.random.default_rng(5)
    return [arm.halved(draw.permutation(files).tolist(), profile).score for _ in range(SPLITS)]


def _span(arm: Arm, files: int, profile: Profile) -> str:
    splits = _splits(arm, files, profile)
    return f"{min(splits):.1f}, {median(splits):.1f}, {max(splits):.1f}"


def _volume(arm: Arm, files: list[File]) -> float:
    """Mean VUS-PR over the files that have windows."""
    found = []
    for file, scores in zip(files, arm.scores(), strict=True):
        truth = np.zeros(len(scores), np.bool_)
        for first, last in file.windows:
            truth[first : last + 1] = True
        if truth.any():
            found.append(vus_pr(truth, scores, WIDEST))
    return float(np.mean(found))


def _row(name: str, arm: Arm, files: list[File]) -> list[str]:
    order = range(len(files))
    standard, low_fp, low_fn = (arm.halved(order, profile) for profile in PROFILES.values())
    return [
        name,
        *(f"{result.score:.1f}" for result in (standard, low_fp, low_fn)),
        f"{standard.hit} of {standard.windows}",
        f"{standard.false_points}",
        *(_span(arm, len(files), profile) for profile in (STANDARD, LOW_FP)),
        f"{arm.fitted(STANDARD).score:.1f}",
        f"{_volume(arm, files):.3f}",
    ]
