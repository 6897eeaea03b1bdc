"""SKAB, valve 1, nested: words chosen on the other files, also where a level settles elsewhere.

Each file is judged under the words that are best on the fifteen others. *Settled elsewhere* is the
same file with the channel that the fault moved most coming back by a part only, from the reading
on at which it comes back: what a rig does whose valve does not close to the same place.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality_data.skab import (
    CALM,
    FLOORS,
    LEARNED,
    SKAB,
    Arm,
    File,
    Rows,
    by_chance,
    departing,
    figures,
    held,
    hotelling,
    read,
    together,
    turns,
)
from benchmarks.support.claims import Claim, Part

KEPT: Final = (0.0, 0.25, 0.5)  # shares of what the fault moved that stay behind it
MOST_PERCENT: Final = 12.0  # of calm rows that ring, on the files that choose
SURE: Final = 5  # readings nearer to where the channel was than to where it went: it is back
RISING_S: Final = 60  # behind the beginning of a fault, until its level stands
BEFORE: Final = 100  # rows in front of a fault that tell where the channel was
DRAWS: Final = 2000
HEAD: Final = (
    *("detector, share left behind", "F1", "19 of 20 draws", "FAR %", "19 of 20 draws"),
    *("changes", "quiet file, %", "chosen"),
)
TIMES: Final = (2.0, 4.0, 6.0, 8.0, 12.0, 16.0, 32.0)
BACK: Final = "`departure`, `back_share`"
Rule = Callable[[File], Rows]
How = Callable[[Rows], Rows]
Counts = NDArray[np.int64]


def settled_elsewhere(file: File, share: float) -> File:
    """The file with a part of what its fault moved left behind in the channel it moved most."""
    ill = np.flatnonzero(file.ill)
    begin, end = int(ill[0]), int(ill[-1]) + 1
    before = np.median(file.values[max(begin - BEFORE, 0) : begin], axis=0)
    moved = np.median(file.values[begin + RISING_S : end], axis=0) - before
    scatter = file.values[:LEARNED].std(axis=0) + np.array(list(FLOORS.values()))
    channel = int(np.argmax(np.abs(moved) / scatter))
    near = np.abs(file.values[:, channel] - before[channel]) < abs(moved[channel]) / 2
    while end > begin + RISING_S and near[end - 1 - SURE : end].all():
        end -= 1
    values = file.values.copy()
    values[end:, channel] += share * moved[channel]
    return replace(file, values=values)


def departures(back_shares: Sequence[float]) -> dict[str, Rule]:
    """Rules `departure` by what tells them apart."""
    return {
        f"{band} sigma, smoothing {smoothing}, memory {memory}"
        + (f", back_share {share}" if share else ""): departing(
            band, smoothing=smoothing, memory=memory, back_share=share
        )
        for band in (4.0, 4.5, 5.0, 5.5)
        for smoothing in (0.1, 0.2)
        for memory in (100, 200)
        for share in back_shares
    }


@dataclass(frozen=True)
class Nested:
    """Rules of one kind, what their rows were, and which of them each file is judged by.

    Parameters
    ----------
    counts : int, shape (rules, worlds, files, 4)
        Rows: ill that rang, calm that rang, ill that did not, calm that did not.
    chosen : int, shape (files,)
    """

    rules: Mapping[str, Rule]
    counts: Counts
    chosen: NDArray[np.int64]

    def judged(self, world: int) -> Counts:
        """Rows of each file under the rule that the others chose, shape (files, 4)."""
        judged: Counts = self.counts[self.chosen, world, np.arange(len(self.chosen))]
        return judged


def counted(file: File, rule: Rule) -> list[int]:
    """Rows of a file, as `Nested` counts them."""
    ill, rings = file.ill[LEARNED:], rule(file)[LEARNED:]
    each = (ill & rings, ~ill & rings, ill & ~rings, ~ill & ~rings)
    return [int(rows.sum()) for rows in each]


def f1(counts: Counts) -> NDArray[np.float64]:
    """F1 of counted rows, over the last axis."""
    hit, false, missed = counts[..., 0], counts[..., 1], counts[..., 2]
    return np.asarray(2.0 * hit / np.maximum(2 * hit + false + missed, 1))


def far_percent(counts: Counts) -> NDArray[np.float64]:
    """Share of calm rows that rang, %."""
    false, calm = counts[..., 1], counts[..., 1] + counts[..., 3]
    return np.asarray(100.0 * false / np.maximum(calm, 1))


def nested(
    worlds: Sequence[Sequence[File]], rules: Mapping[str, Rule], *, as_recorded: bool = False
) -> Nested:
    """Each file under the rule with the largest F1 of the others, over all worlds or the first.

    Of the rules that ring on no more than `MOST_PERCENT` of calm rows; of the one that rings on
    fewest if none does.
    """
    counts = np.array(
        [[[counted(file, rule) for file in files] for files in worlds] for rule in rules.values()]
    )
    seen = counts[:, :1] if as_recorded else counts
    others = seen.sum(axis=(1, 2))[:, None] - seen.sum(axis=1)
    good, false = f1(others), far_percent(others)
    allowed = np.where(false <= MOST_PERCENT, good, -false)
    return Nested(rules, counts, np.argmax(allowed, axis=0))


def interval(counts: Counts, of: Callable[[Counts], NDArray[np.float64]]) -> tuple[float, float]:
    """Where a figure of the files lies in 19 of 20 draws of as many of them."""
    chance = np.random.default_rng(20_261_130)
    drawn = chance.integers(0, len(counts), (DRAWS, len(counts)))
    low, high = np.quantile(of(counts[drawn].sum(axis=1)), (0.025, 0.975))
    return float(low), float(high)


def held_turns(rings: Rows) -> Rows:
    """Changes as the authors of the set take them from rows that flicker."""
    return turns(held(rings))


def itself(rings: Rows) -> Rows:
    """Every row that rings is a change."""
    return rings


def changes(files: Sequence[File], one: Nested, how: How) -> float:
    """Changepoint score of the files, each under its rule."""
    rules = [list(one.rules.values())[place] for place in one.chosen]
    rings = [rule(file)[LEARNED:] for rule, file in zip(rules, files, strict=True)]
    return figures(files, Arm(rings, [how(each) for each in rings]))["standard"]


def line(name: str, share: float, files: Sequence[File], one: Nested, how: How) -> list[str]:
    """Line of the table: a world of files, each judged under the rule that the others chose."""
    judged = one.judged(KEPT.index(share))
    usual, several = int(np.bincount(one.chosen).argmax()), len(set(one.chosen.tolist()))
    name_of, rule = list(one.rules.items())[usual]
    quiet = np.concatenate([rule(file)[LEARNED:] for file in read(CALM)])
    cells = [f"{name}, {share:g}"]
    for of, places in ((f1, 3), (far_percent, 1)):
        low, high = interval(judged, of)
        cells += [f"{float(of(judged.sum(axis=0))):.{places}f}"]
        cells += [f"{low:.{places - 1}f} to {high:.{places - 1}f}"]
    return [
        *cells,
        f"{changes(files, one, how):.1f}",
        f"{100.0 * float(quiet.mean()):.1f}",
        name_of if several == 1 else f"{name_of} (most of {several})",
    ]


def by_times(rule: Callable[[File, float], Rows]) -> dict[str, Rule]:
    """A rule by how many times its limit is too far."""
    return {f"{times:g} times": partial(_times, rule, times) for times in TIMES}


def _times(rule: Callable[[File, float], Rows], times: float, file: File) -> Rows:
    return rule(file, times)


def measure() -> Part | None:
    """Table and claims; None where the set is not at hand."""
    if not SKAB.is_dir():
        return None
    files = read(SKAB)
    worlds = [
        [settled_elsewhere(file, share) if share else file for file in files] for share in KEPT
    ]
    plain = departures((0.0,))
    arms = {
        BACK: (nested(worlds, departures((0.4, 0.5, 0.6, 0.7))), turns),
        "`departure`": (nested(worlds, plain), turns),
        "`departure`, chosen as recorded": (nested(worlds, plain, as_recorded=True), turns),
        "`multivariate`": (
            nested(worlds, by_times(lambda file, times: together(times)(file))),
            turns,
        ),
        "T2 of EWMAs": (nested(worlds, by_times(hotelling)), held_turns),
        "T2 of EWMAs, 4 times q99": (nested(worlds, {"": hotelling}), held_turns),
        "a word at one row in twenty, by chance": (nested(worlds, {"": by_chance}), itself),
    }
    table = [
        line(name, share, files_of, one, how)
        for name, (one, how) in arms.items()
        for share, files_of in zip(KEPT, worlds, strict=True)
    ]
    claims = []
    for world, share in enumerate(KEPT):
        judged = arms[BACK][0].judged(world).sum(axis=0)
        by = f"SKAB valve 1, nested, {BACK}, left behind {share:g}"
        claims += [
            Claim(f"{by}: F1", float(f1(judged)), 0.82, "", "at least"),
            Claim(f"{by}: calm rows that ring", float(far_percent(judged)), 12.0, "%", "at most"),
        ]
    return Part({"settled": (HEAD, table)}, tuple(claims))
