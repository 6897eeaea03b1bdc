"""The rule of the Numenta Anomaly Benchmark: early detections in windows earn, others cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

_PROBATION: Final = 0.15
_PROBATION_ROWS: Final = 5000  # the share is taken of this many rows at most


@dataclass(frozen=True)
class Profile:
    """What a window found, a false point and a window missed weigh."""

    hit: float
    false: float
    miss: float


PROFILES: Final = {
    "standard": Profile(1.0, 0.11, 1.0),
    "low FP": Profile(1.0, 0.22, 1.0),
    "low FN": Profile(1.0, 0.11, 2.0),
}


@dataclass(frozen=True)
class Series:
    """Scores of one file with its labelled windows.

    Parameters
    ----------
    scores : NDArray[np.float64]
        Anomaly score of each row.
    windows : sequence of (first, last)
        Row numbers, both inside, rising and apart.
    """

    scores: NDArray[np.float64]
    windows: Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Result:
    """A score from 0 (silence) to 100 (perfect), and what it is made of."""

    score: float
    threshold: float
    hit: int
    windows: int
    false_points: int


def sigmoid(at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Worth of a detection by its place: -1 begins a window, 0 ends it, above 3 is far behind.

    >>> sigmoid(np.array([-1.0, 0.0, 4.0])).round(3).tolist()
    [0.987, 0.0, -1.0]
    """
    return np.where(at > 3.0, -1.0, 2.0 / (1.0 + np.exp(5.0 * np.minimum(at, 3.0))) - 1.0)


def probation(rows: int) -> int:
    """Rows at the beginning that are not judged."""
    return int(_PROBATION * min(rows, _PROBATION_ROWS))


def worth(rows: int, windows: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
    """Worth of a detection at each row before weights: up to 1 in a window, down to -1 outside."""
    value = np.full(rows, -1.0)
    for n, (first, last) in enumerate(windows):
        width = last - first + 1
        inside = np.arange(first, last + 1)
        value[inside] = sigmoid(-(last - inside + 1) / width) / sigmoid(np.array(-1.0))
        until = windows[n + 1][0] if n + 1 < len(windows) else rows
        behind = np.arange(last + 1, until)
        value[behind] = sigmoid((behind - last) / max(width - 1, 1))
    return value


def _owner(rows: int, windows: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    """Number of the window that each row lies in, -1 outside."""
    owner = np.full(rows, -1, np.int64)
    for n, (first, last) in enumerate(windows):
        owner[first : last + 1] = n
    return owner


@dataclass(frozen=True)
class Tally:
    """What the detections in one file are worth by a profile, and what they are."""

    gain: float
    hit: int
    windows: int
    false_points: int


def tally(rings: NDArray[np.bool_], windows: Sequence[tuple[int, int]], profile: Profile) -> Tally:
    """Weigh the detections in one file, shape (rows,); those in its probation do not count."""
    rows = len(rings)
    value, owner = worth(rows, windows), _owner(rows, windows)
    rings = rings & (np.arange(rows) >= probation(rows))
    outside = rings & (owner < 0)
    gain, hit = profile.false * float(value[outside].sum()), 0
    for n in range(len(windows)):
        inside = value[rings & (owner == n)]
        gain += profile.hit * float(inside.max()) if len(inside) else -profile.miss
        hit += bool(len(inside))
    return Tally(gain, hit, len(windows), int(outside.sum()))


def summed(tallies: Sequence[Tally], threshold: float, profile: Profile) -> Result:
    """What the files of a corpus come to; `threshold` is only told on."""
    windows = sum(part.windows for part in tallies)
    total = sum(part.gain for part in tallies)
    hit, false = sum(part.hit for part in tallies), sum(part.false_points for part in tallies)
    return Result(_normal(total, windows, profile), threshold, hit, windows, false)


def judge(corpus: Sequence[Series], threshold: float, profile: Profile) -> Result:
    """Score a corpus at one threshold; a row is a detection when its score is not below it."""
    parts = [tally(series.scores >= threshold, series.windows, profile) for series in corpus]
    return summed(parts, threshold, profile)


def _normal(total: float, windows: int, profile: Profile) -> float:
    silent = -profile.miss * windows
    return float(100.0 * (total - silent) / (profile.hit * windows - silent))


def best_threshold(corpus: Sequence[Series], profile: Profile) -> float:
    """The one threshold under which the corpus scores best; infinite when silence does."""
    scores, value, owner, base = [], [], [], 0
    for series in corpus:
        skip = probation(len(series.scores))
        own = _owner(len(series.scores), series.windows)
        scores.append(series.scores[skip:])
        value.append(worth(len(own), series.windows)[skip:])
        owner.append(np.where(own >= 0, own + base, -1)[skip:])
        base += len(series.windows)
    score, gain, window = (np.concatenate(part) for part in (scores, value, owner))
    order = np.argsort(-score, kind="stable")
    score, gain, window = score[order], gain[order], window[order]
    step = np.where(window < 0, profile.false * gain, 0.0)
    so_far = np.full(base, -profile.miss)
    for i in np.flatnonzero(window >= 0):
        better = max(so_far[window[i]], profile.hit * gain[i])
        step[i], so_far[window[i]] = better - so_far[window[i]], better
    # Rows of one score ring together: only the last of them is a threshold.
    sums = np.cumsum(step)
    sums[np.flatnonzero(np.diff(score) == 0.0)] = -np.inf
    at = int(np.argmax(sums)) if len(sums) else -1
    return float(score[at]) if at >= 0 and sums[at] > 0.0 else float("inf")


def two_fold(corpus: Sequence[Series], profile: Profile) -> Result:
    """Score with each half of the files judged under the other half's best threshold.

    Files alternate between the halves in the order given, so that kinds of files are shared.
    The threshold told is the first half's own.
    """
    halves = corpus[::2], corpus[1::2]
    own = [best_threshold(half, profile) for half in halves]
    parts = [judge(halves[0], own[1], profile), judge(halves[1], own[0], profile)]
    windows = sum(part.windows for part in parts)
    score = sum(part.score * part.windows for part in parts if part.windows) / windows
    hit, false = sum(p.hit for p in parts), sum(p.false_points for p in parts)
    return Result(score, own[0], hit, windows, false)
