"""NAB by a kind of rule and words that all other corpora with a daily course chose, without NAB.

Only the threshold is of NAB, two-fold over its files, or not even that. Intervals are of files
drawn with replacement, under thresholds of twenty halvings.
"""

from collections.abc import Sequence
from itertools import chain
from statistics import median
from typing import Final

import numpy as np

from benchmarks.quality_data.corpora import judged
from benchmarks.quality_data.labelled import others, sheets
from benchmarks.quality_data.labelled.choice import by_others
from benchmarks.quality_data.labelled.grids import LADDERS
from benchmarks.quality_data.nab import NAB, SPLITS, Arm, Rung, published, simple
from benchmarks.support.claims import Claim, Part
from benchmarks.support.thresholds import Ladder
from lab.scores.corpus import read
from lab.scores.nab import PROFILES, Profile, Tally, summed

DRAWS: Final = 50  # for each halving
THRESHOLDS: Final = 40
HEAD: Final = (
    *("detector", "standard", "19 of 20 draws", "low FP", "19 of 20 draws"),
    *("low FN", "hit", "false", "words from"),
)


def measure() -> Part | None:
    """Scores with intervals, and claims; None where NAB is not at hand."""
    if not NAB.is_dir():
        return None
    files = read(NAB)
    kind, chosen = without_nab()
    lines, scores = [], {}
    for name in dict.fromkeys([kind, "novelty"]):
        variant, ladder, threshold = chosen[name]
        spread = np.geomspace(ladder.thresholds[0], ladder.thresholds[-1], THRESHOLDS).tolist()
        what = f"`{name}`, {variant.rpartition(',')[0] or 'no other words'}"
        two = Rung(ladder._replace(thresholds=spread), files)
        one = Rung(ladder._replace(thresholds=[threshold]), files)
        said = "other corpora, the kind of rule too" if name == kind else "other corpora"
        lines += [
            line(f"{what}, threshold two-fold", two, len(files), said),
            line(f"{what}, threshold {threshold:.3g}", one, len(files), f"{said}, all"),
        ]
        scores[name] = {"threshold two-fold": two, "threshold of the others": one}
    beside = {**simple(files), **published(files)}
    lines += [line(name, arm, len(files), "its authors") for name, arm in beside.items()]
    claims = [_claims(kind, how, arm, len(files)) for how, arm in scores[kind].items()]
    return Part({"nab_nested": (HEAD, lines)}, tuple(chain(*claims)))


def without_nab() -> tuple[str, dict[str, tuple[str, Ladder, float]]]:
    """The kind of rule that others would take, and by kind: variant, ladder, threshold."""
    readers = {name: sheets.read(name) for name in sheets.SHEETS}
    readers |= {name: read_one() for name, read_one in others.OTHERS.items()}
    daily = {n: one for n, one in readers.items() if one and one.signal == sheets.DAILY}
    rules, fields = judged(daily)
    picked = {}
    for name, ladders in LADDERS.items():
        k = rules[name].chosen["nab"][1]
        steps = [(v, ladder, t) for v, ladder in ladders.items() for t in ladder.thresholds]
        picked[name] = steps[k]
    return by_others({name: fields[name] for name in LADDERS}, "nab"), picked


def halvings(arm: Arm, files: int, profile: Profile) -> list[list[Tally]]:
    """Files in twenty random orders, each judged by the other half."""
    draw = np.random.default_rng(5)
    return [arm.parts(draw.permutation(files).tolist(), profile) for _ in range(SPLITS)]


def interval(parts: Sequence[Sequence[Tally]], profile: Profile) -> tuple[float, float]:
    """Ends of 19 of 20 scores of files drawn with replacement."""
    chance = np.random.default_rng(104)
    scores = []
    for one in parts:
        for drawn in chance.integers(0, len(one), (DRAWS, len(one))).tolist():
            tallies = [one[i] for i in drawn]
            if any(part.windows for part in tallies):
                scores.append(summed(tallies, 0.0, profile).score)
    low, high = np.percentile(scores, (2.5, 97.5))
    return float(low), float(high)


def line(name: str, arm: Arm, files: int, said: str) -> list[str]:
    """A line of the table: medians over halvings."""
    cells = []
    for title, profile in PROFILES.items():
        parts = halvings(arm, files, profile)
        cells.append(f"{_middle(parts, profile):.1f}")
        if title != "low FN":
            cells.append("{:.1f} to {:.1f}".format(*interval(parts, profile)))
    each = [summed(one, 0.0, profile) for one in halvings(arm, files, PROFILES["standard"])]
    hit, false = (median(getattr(one, key) for one in each) for key in ("hit", "false_points"))
    return [name, *cells, f"{hit:.0f} of {each[0].windows}", f"{false:.0f}", said]


def _middle(parts: Sequence[Sequence[Tally]], profile: Profile) -> float:
    return median(summed(one, 0.0, profile).score for one in parts)


def _claims(kind: str, how: str, arm: Arm, files: int) -> tuple[Claim, ...]:
    by = f"`{kind}`, kind and words chosen without NAB, {how}"
    return tuple(
        Claim(
            f"NAB {title}, {by}",
            _middle(halvings(arm, files, PROFILES[title]), PROFILES[title]),
            *(goal, "points", "at least"),
        )
        for title, goal in (("standard", 68.0), ("low FP", 60.0))
    )
