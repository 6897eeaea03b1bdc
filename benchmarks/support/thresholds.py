"""A rule of the product over one series, under many thresholds at once: where its level rises.

Each threshold is a channel of its own that hears the same readings. What comes back is what an
operator would see: when an alarm begins, and while it stands.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contracts.batch import Batch, Disposition
from contracts.quantities import Duration
from contracts.transition import Transitions
from detectors.base.kind import Columns, Detector, Kind, Roster
from detectors.fused.parameters import FusedRules
from detectors.fused.scorer import ChannelRules
from detectors.fused.unusual import Unusual

LEARNING: Final = 0.15  # share of a series, 750 rows at most, that words may be taken from
LEARNING_ROWS: Final = 5000
RESOLUTION: Final = 1e-3  # a floor, as a share of the range of that part

Flags = NDArray[np.bool_]
Reals = NDArray[np.float64]


@dataclass(frozen=True)
class Scene:
    """What an engineer knows of a channel before its series is judged.

    Parameters
    ----------
    floor : float
        What the sensor resolves: a thousandth of the range that its first part has.
    low, high : float
        That range.
    pause : Duration
        100 reporting periods: how long each rule must be calm before its level falls.
    """

    floor: float
    low: float
    high: float
    period_ns: int
    pause: Duration

    @classmethod
    def of(cls, time_s: Reals, values: Reals) -> "Scene":
        """Words from the part of a series that is not judged."""
        first = values[: int(LEARNING * min(len(values), LEARNING_ROWS))]
        low, high = float(first.min()), float(first.max())
        period_s = float(np.median(np.diff(time_s)))
        floor = max(RESOLUTION * (high - low), 1e-9)
        return cls(floor, low, high, round(period_s * 1e9), Duration(f"{100 * period_s:.0f} s"))


class Rungs(NamedTuple):
    """Shape (thresholds, rows): where levels rise, and whether they are up."""

    rises: Flags
    up: Flags

    def scores(self) -> Reals:
        """Number of thresholds that are rung by, row by row."""
        counted: Reals = self.up.sum(axis=0).astype(np.float64)
        return counted


Words = Callable[[float, Scene], Any]


class Ladder(NamedTuple):
    """One configuration of a rule, and the thresholds that it is tried with.

    Parameters
    ----------
    kind : Kind or None
        None for the fused `unusual`.
    words : callable
        The rule's words from (threshold, scene).
    thresholds : sequence of float
        Rising.
    model : (Kind, words) or None
        A model that makes the column which the rule judges.
    """

    kind: Kind | None
    words: Words
    thresholds: Sequence[float]
    model: tuple[Kind, Words] | None = None


class _Fused:
    """`unusual` where kinds of their own have columns."""

    def __init__(self, rules: Mapping[str, Unusual]) -> None:
        figures = [FusedRules(None, rule) for rule in rules.values()]
        self.rules = ChannelRules(figures, np.arange(len(rules)))

    def score(
        self, batch: Batch, disposition: Any, span: tuple[int, int], _: Columns
    ) -> Transitions:
        return self.rules.score(batch, disposition, span)


def climb(ladder: Ladder, time_s: Reals, values: Reals, scene: Scene | None = None) -> Rungs:
    """Run a rule over a series as a lane would, once for each threshold.

    Readings that come out of order are late, as admission says of them. Without a scene it is
    that of the series.
    """
    scene, rows, rungs = scene or Scene.of(time_s, values), len(values), len(ladder.thresholds)
    batch = Batch(
        np.arange(rows * rungs, dtype=np.int32),
        np.tile(np.arange(rungs, dtype=np.int32), rows),
        np.repeat((time_s * 1e9).astype(np.int64), rungs),
        np.repeat(values, rungs),
        np.zeros(rows * rungs, np.uint8),
    )
    newest = np.concatenate([[-np.inf], np.maximum.accumulate(time_s)[:-1]])
    disposition = np.where(time_s > newest, Disposition.SCORED, Disposition.LATE).astype(np.uint8)
    disposition, columns = np.repeat(disposition, rungs), {"value": batch.value}
    span = (0, len(batch))
    *_, rule = [d.score(batch, disposition, span, columns) for d in _detectors(ladder, scene)]
    return _rungs(rule, rows, rungs)


def _detectors(ladder: Ladder, scene: Scene) -> list[Any]:
    """The model, where there is one, and the rule."""
    labels = [f"rung.{k:03d}" for k in range(len(ladder.thresholds))]
    n = len(labels)
    roster = Roster(
        *(labels, labels, np.arange(n), ["g"] * n, [scene.period_ns] * n, np.full((n, 2), np.nan))
    )
    found: list[Detector | _Fused] = []
    for slot, (kind, words) in enumerate([*filter(None, [ladder.model]), ladder[:2]], 1):
        rules = {
            label: words(threshold, scene)
            for label, threshold in zip(labels, ladder.thresholds, strict=True)
        }
        found.append(_Fused(rules) if kind is None else kind.build(slot, rules, roster))
    return found


def _rungs(transitions: Transitions, rows: int, rungs: int) -> Rungs:
    """Level changes as flags by row."""
    rises, up = np.zeros((rungs, rows), np.bool_), np.zeros((rungs, rows), np.bool_)
    for transition in transitions:
        rung, row = int(transition["row"]), int(transition["ordinal"]) // rungs
        rises[rung, row] = transition["now"] > transition["was"]
        up[rung, row:] = transition["now"] > 0
    return Rungs(rises, up)
