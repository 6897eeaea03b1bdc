"""What a channel has not said before: values and short stretches far from all that was heard."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec
import numpy as np
from msgspec import Meta
from numba import njit
from numpy.typing import NDArray

from contracts.batch import Disposition
from contracts.quantities import DIFFERENCE, Duration
from contracts.transition import Colour
from detectors.base.kind import Fault, Kind, Roster, Scene
from detectors.base.level_step import Levels, figures, ring, severity
from detectors.base.row_rule import RowRule
from detectors.base.value_memory import CELLS, distance, hear, width_heard

NAME: Final = "novelty"
VIEWS: Final = 4
_SCORED: Final = int(Disposition.SCORED)


class Novelty(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rings when a channel does what it has not done before, as two of four views agree.

    The views of a reading: its value; of the last `window` readings the mean, the deviation, and
    the mean size of a step from one to the next. Of each the distance `d` to the nearest that was
    heard before is taken, as a share of the range `r` heard before (`floor` at least). The score
    is `sqrt(n) d / r` of the second most novel view, after `n` readings: gaps between what was
    heard close as more is heard. Rings above `above`: 0.75 is 7.5 % of the range after 100
    readings, 0.75 % after 10,000. One view alone is often new by chance, two at a time seldom.

    What was heard is no longer new: everything is learned, trouble too. So it rings when
    something begins, and clears an `off_delay` after the last that was new; the same fault
    again rings nothing. Between `memory` and twice as many readings are remembered, as bits of
    1,024 cells a view, which widen with the range; a distance falls short by a cell at most.

    It promises no rate on clean data. How often a reading lies far from all before depends on the
    tails of what the channel measures: normal ones leave them seldom, heavy ones again and again.

    State: `8 window + 1 384` bytes, with its level.

    Parameters
    ----------
    window : int
        Readings that the views look back on.
    floor : float
        Smallest range that is believed, in the unit of the class: what the sensor resolves.
    above : float
        Score that rings. The default was best on the part of NAB that docs/quality.md tells of.
    warm_up : int
        Readings heard before one is judged.
    memory : int
        Readings after which what was heard begins to be forgotten.
    of : str
        Column that is judged.
    at_most : {"blue", "yellow"}
        Colour that rings: a statistical finding alone is never worse than yellow.
    on_delay, off_delay : Duration
        As for limits; of one novelty the second reading is none, so that delays before it rings
        leave only what goes on changing.

    References
    ----------
    F. E. Grubbs, Procedures for Detecting Outlying Observations in Samples, Technometrics 11, 1969,
    and W. J. Dixon, Processing Data for Outliers, Biometrics 9, 1953 (a gap as a share of the
    range); E. M. Knorr and R. T. Ng, Algorithms for Mining Distance-Based Outliers in Large
    Datasets, VLDB 1998 (distance to the nearest).
    """

    STATE_FREE: ClassVar[frozenset[str]] = frozenset({"above"})

    window: Annotated[int, Meta(ge=3, le=1024)] = 12
    floor: Annotated[float, Meta(gt=0, extra=DIFFERENCE)]
    above: Annotated[float, Meta(gt=0)] = 0.75
    warm_up: Annotated[int, Meta(ge=2, le=1_000_000)] = 500
    memory: Annotated[int, Meta(ge=100, le=10_000_000)] = 20_000
    of: str = "value"
    at_most: Literal["blue", "yellow"]
    on_delay: Duration = Duration("0 s")
    off_delay: Duration = Duration("100 periods")


def faults(rule: Novelty, scene: Scene) -> Iterator[Fault]:
    """Memories that never judge, floors as wide as all that is plausible."""
    if rule.warm_up > rule.memory:
        yield ("warm_up",), f"expected at most memory ({rule.memory}), got {rule.warm_up}"
    if rule.of == "value" and rule.floor >= scene.high - scene.low:
        text = f"expected below the plausible width ({scene.high - scene.low:g})"
        yield ("floor",), f"{text}, got {rule.floor:g}; nothing would be far"


@njit(cache=True, nogil=True, error_model="numpy")
def _look(mine: Any, window: int, views: NDArray[np.float64]) -> None:
    """Value, mean, deviation and mean step of the last `window` readings, from the oldest on."""
    total, steps, before = 0.0, 0.0, np.nan
    for k in range(mine.kept - window, mine.kept):
        value = mine.values[k % window]
        total += value
        if k > mine.kept - window:
            steps += abs(value - before)
        before = value
    mean, squares = total / window, 0.0
    for k in range(mine.kept - window, mine.kept):
        off = mine.values[k % window] - mean
        squares += off * off
    views[0], views[1] = before, mean
    views[2], views[3] = np.sqrt(squares / window), steps / (window - 1)


@njit(cache=True, nogil=True, error_model="numpy")
def _score(mine: Any, floor: float, views: NDArray[np.float64]) -> float:
    """Distance of the second most novel view, in ranges, times the root of what was heard."""
    first, second = 0.0, 0.0
    for view in range(VIEWS):
        far = distance(mine, view, views[view]) / max(width_heard(mine, view), floor)
        first, second = max(first, far), max(second, min(first, far))
    score: float = second * np.sqrt(float(mine.count[0] + mine.count[1]))
    return score


@njit(cache=True, nogil=True, error_model="numpy")
def _hear(mine: Any, p: Any, views: NDArray[np.float64]) -> None:
    """Keep what was seen; a generation that is full becomes the former one."""
    if mine.count[mine.turn] >= p.memory:
        mine.turn = 1 - mine.turn
        mine.count[mine.turn] = 0
    for view in range(VIEWS):
        hear(mine, mine.turn, view, views[view], p.floor)
    mine.count[mine.turn] += 1


@njit(cache=True, nogil=True, error_model="numpy")
def _kernel(
    levels: Levels, rows: Any, columns: Any, span: tuple[int, int], transitions: NDArray[np.void]
) -> tuple[int, int]:
    place_of, params_of, state, params = rows
    row_of, time_of, value_of, disposition = columns
    told = 0
    views = np.empty(VIEWS)
    for i in range(span[0], span[1]):
        if told == len(transitions):
            return i, told
        place = place_of[row_of[i]] if disposition[i] == _SCORED else -1
        if place < 0 or not np.isfinite(value_of[i]):
            continue
        mine, p = state[place], params[params_of[place]]
        mine.values[mine.kept % p.window] = value_of[i]
        mine.kept += 1
        if mine.kept < p.window:
            continue
        _look(mine, p.window, views)
        if mine.count[0] + mine.count[1] >= p.warm_up:
            score = _score(mine, p.floor, views)
            seen = severity(score, p.bounds, 0.0)
            reading = (i, row_of[i], place, time_of[i])
            if ring(levels, reading, seen, (p.on_ns, p.off_ns), transitions[told]):
                figures(transitions[told], value_of[i], np.nan, np.nan, score)
                told += 1
        _hear(mine, p, views)
    return span[1], told


class Novelties(RowRule):
    """What the channels of one lane have said, and what is new to them."""

    NAME = NAME
    PARAMS = np.dtype(
        [
            ("window", np.int64),
            ("floor", np.float64),
            ("bounds", np.float64, (4,)),
            ("warm_up", np.int64),
            ("memory", np.int64),
            ("on_ns", np.int64),
            ("off_ns", np.int64),
        ]
    )
    KERNEL = _kernel

    def __init__(self, slot: int, rules: Mapping[str, Novelty], roster: Roster) -> None:
        window = max(rule.window for rule in rules.values())
        self._dtype = np.dtype(
            [
                ("window", np.int64),  # that the rest is of
                ("kept", np.int64),  # readings ever
                ("turn", np.int64),  # generation that listens
                ("count", np.int64, (2,)),
                *((name, np.float64, (2, VIEWS)) for name in ("base", "width", "low", "high")),
                ("values", np.float64, (window,)),
                ("cells", np.uint8, (2, VIEWS, CELLS // 8)),
            ]
        )
        super().__init__(slot, rules, roster)

    def fresh(self, n: int) -> NDArray[np.void]:
        """State of channels that nobody has heard of yet, shape (n,)."""
        state = np.zeros(n, self._dtype)
        state["window"] = self._params["window"][self._params_of]
        return state

    def restore(self, arrays: Mapping[str, NDArray[Any]], old_row: NDArray[np.int64]) -> None:
        """Take over state from a snapshot; what was seen through another window begins anew."""
        super().restore(arrays, old_row)
        fresh = self.fresh(len(self.rows))
        other = self.state["window"] != fresh["window"]
        self.state[other] = fresh[other]

    def put(self, figures: Any, rule: Novelty, period_ns: int) -> None:
        """Write the figures of one class's rule into its parameter record."""
        del period_ns
        for name in ("window", "floor", "warm_up", "memory"):
            figures[name] = getattr(rule, name)
        figures["bounds"] = np.inf
        figures["bounds"][: Colour[rule.at_most.upper()]] = rule.above
        figures["on_ns"], figures["off_ns"] = rule.on_delay.ns, rule.off_delay.ns


NOVELTY: Final = Kind(NAME, Novelty, Novelties, "D8", faults=faults)
