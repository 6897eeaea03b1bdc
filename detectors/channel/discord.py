"""Stretches that look like none before: a streaming matrix profile and its discords."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec
import numpy as np
from msgspec import Meta
from numba import njit
from numpy.typing import NDArray

from contracts.batch import Disposition
from contracts.quantities import DIFFERENCE, Duration
from contracts.transition import NEVER, Colour
from detectors.base.kind import Fault, Kind, Roster, Scene
from detectors.base.level_step import Levels, calm_so_far, figures, may_learn, ring, severity
from detectors.base.row_rule import RowRule
from detectors.base.score_quantile import BUCKETS, learn, usual
from detectors.channel.left_profile import nearest, normal
from detectors.false_alarm_rate.rate import of_quantile

NAME: Final = "discord"
_SCORED: Final = int(Disposition.SCORED)


class Discord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rings when the newest window of readings is like no window of the history.

    A window of `m` readings is normalised, `z = (x - mean) / max(sd, floor)`, the deviation over
    `m`: only its shape counts, and what moves less than the resolution of the sensor has none, so
    that a channel at rest is like itself at rest. The distance `d` of the newest window is the
    smallest Euclidean one, `sqrt(sum (z - z')^2)`, to a window of the last `history` readings
    that ended before the newest began (nearer ones are trivial matches). It is the left matrix
    profile; every window is compared, none is sampled.

    Distances are learned into 512 buckets from 0 to `2 sqrt(m)`, the largest there is, once the
    history is full. The usual distance is the upper edge of the first bucket that, with all
    farther ones, holds more than `1 - quantile` of the weight. Whenever the weight reaches twice
    `memory`, it is halved. The score is the distance in usual distances, rings above `times`.

    While the gate is closed no window may be a neighbour later: the same fault rings again. Of
    distances it lets through the first of a run: without any of those that ring, what is usual
    would shrink from ring to ring; so it is what begins to ring that is rare. A window with a gap
    in it is neither judged nor a neighbour.

    State: `24 history + 8 window + 2 176` bytes, with its level.

    Parameters
    ----------
    window : int
        Readings of a window: a day, a trip, a cycle.
    history : int
        Readings that neighbours are sought in: several windows of each kind of day.
    floor : float
        Smallest deviation of a window that is believed, in the unit of the class.
    gap : Duration
        A longer time between two readings tears the windows that hold both.
    quantile : float
        Share of the learned distances that is usual.
    times : float
        Usual distances that are too far.
    warm_up : int
        Distances learned before one is judged.
    memory : int
        Distances after which old ones fade.
    of : str
        Column that is judged.
    at_most : {"blue", "yellow"}
        Colour that rings: a statistical finding alone is never worse than yellow.
    on_delay, off_delay : Duration
        As for limits.
    hysteresis : float
        How far below `times` the score must come.
    relearn_after : Duration
        Age at which a closed learning gate opens: the new shape is learned as normal.

    References
    ----------
    C.-C. M. Yeh et al., Matrix Profile I, IEEE ICDM 2016 (the profile, and STAMPI, which moves it
    on); Y. Lu et al., Matrix Profile XXIV: Scaling Time Series Anomaly Detection to Trillions of
    Datapoints, KDD 2022 (only the left neighbour, and a search that gives candidates up early);
    detector class D8 of the project's domain notes.
    """

    STATE_FREE: ClassVar[frozenset[str]] = frozenset({"quantile", "times"})

    window: Annotated[int, Meta(ge=8, le=4096)]
    history: Annotated[int, Meta(ge=32, le=65_536)]
    floor: Annotated[float, Meta(gt=0, extra=DIFFERENCE)]
    gap: Duration = Duration("3 periods")
    quantile: Annotated[float, Meta(ge=0.9, lt=1)] = 0.999
    times: Annotated[float, Meta(ge=1)] = 1.2
    warm_up: Annotated[int, Meta(ge=100, le=1_000_000)] = 2000
    memory: Annotated[int, Meta(ge=100, le=1_000_000)] = 20_000
    of: str = "value"
    at_most: Literal["blue", "yellow"]
    on_delay: Duration = Duration("0 s")
    off_delay: Duration = Duration("0 s")
    hysteresis: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    relearn_after: Duration = Duration("7 d")


def faults(rule: Discord, scene: Scene) -> Iterator[Fault]:
    """Histories without a neighbour, quantiles of too little, floors that see no shape."""
    if rule.history < 3 * rule.window:
        text = f"expected at least three windows ({3 * rule.window})"
        yield ("history",), f"{text}, got {rule.history}; too few neighbours to choose from"
    if rule.warm_up > rule.memory:
        yield ("warm_up",), f"expected at most memory ({rule.memory}), got {rule.warm_up}"
    if rule.warm_up * (1.0 - rule.quantile) < 0.999:
        text = f"expected at least {1 / (1 - rule.quantile):.0f} distances"
        yield ("warm_up",), f"{text} for quantile {rule.quantile:g}, got {rule.warm_up}"
    if rule.of == "value" and rule.floor >= (scene.high - scene.low) / 2:
        text = f"expected below half the plausible width ({(scene.high - scene.low) / 2:g})"
        yield ("floor",), f"{text}, got {rule.floor:g}; every window would be flat"
    if rule.gap.ns < scene.period.ns:
        yield ("gap",), f"expected at least the period ({scene.period}), got {rule.gap}"


@njit(cache=True, nogil=True, error_model="numpy")
def _keep(mine: Any, p: Any, time_ns: int, value: float) -> bool:
    """Put a reading into the history; whether the window that it ends is whole."""
    at = mine.kept % p.history
    mine.kept += 1
    mine.whole = 1 if mine.last == NEVER or time_ns - mine.last > p.gap_ns else mine.whole + 1
    mine.last = time_ns
    mine.values[at] = value
    if at < p.window:  # again behind the end, so that every window lies in one piece
        mine.values[at + p.history] = value
    mine.mean[at], mine.scale[at] = np.nan, np.nan
    if mine.whole < p.window:
        return False
    begin = (at - p.window + 1) % p.history
    mine.mean[at], mine.scale[at] = normal(mine.values[begin : begin + p.window], p.floor)
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def _kernel(
    levels: Levels, rows: Any, columns: Any, span: tuple[int, int], transitions: NDArray[np.void]
) -> tuple[int, int]:
    place_of, params_of, state, params = rows
    row_of, time_of, value_of, disposition = columns
    told = 0
    for i in range(span[0], span[1]):
        if told == len(transitions):
            return i, told
        place = place_of[row_of[i]] if disposition[i] == _SCORED else -1
        value, time_ns = value_of[i], time_of[i]
        if place < 0 or np.isnan(value):
            continue
        mine, p = state[place], params[params_of[place]]
        whole = _keep(mine, p, time_ns, value)
        full = whole and mine.kept >= p.history
        distance = nearest(mine, p.window, p.history) if full else np.nan
        breached = 0
        if mine.learned >= p.warm_up and not np.isnan(distance):
            score = distance / usual(mine, p)
            seen = severity(score, p.bounds, p.back)
            breached = seen[0]
            reading = (i, row_of[i], place, time_ns)
            if ring(levels, reading, seen, (p.on_ns, p.off_ns), transitions[told]):
                figures(transitions[told], value, np.nan, np.nan, score)
                told += 1
        first = calm_so_far(levels, place)
        learns = may_learn(levels, place, breached, time_ns, p.relearn_ns)
        if not learns:
            mine.scale[(mine.kept - 1) % p.history] = np.nan  # never a neighbour
        if (learns or first) and not np.isnan(distance):
            learn(mine, p, distance)
    return span[1], told


class Discords(RowRule):
    """Discords of one lane's channels."""

    NAME = NAME
    PARAMS = np.dtype(
        [
            ("window", np.int64),
            ("history", np.int64),
            ("floor", np.float64),
            ("gap_ns", np.int64),
            ("share", np.float64),
            ("width", np.float64),  # of a bucket
            ("bounds", np.float64, (4,)),
            ("back", np.float64),
            ("warm_up", np.int64),
            ("memory", np.int64),
            ("on_ns", np.int64),
            ("off_ns", np.int64),
            ("relearn_ns", np.int64),
        ]
    )
    KERNEL = _kernel

    def __init__(self, slot: int, rules: Mapping[str, Discord], roster: Roster) -> None:
        history = max(rule.history for rule in rules.values())
        window = max(rule.window for rule in rules.values())
        self._dtype = np.dtype(
            [
                ("shape", np.int64, (2,)),  # window and history that the rest is of
                ("kept", np.int64),
                ("whole", np.int64),  # readings since the last gap
                ("last", np.int64),  # time of the last reading, or NEVER
                ("near", np.int64),  # where the last neighbour ended
                ("learned", np.int64),
                ("weight", np.float64),
                ("weights", np.float32, (BUCKETS,)),
                ("values", np.float64, (history + window,)),
                ("mean", np.float64, (history,)),  # of the window that ends here
                ("scale", np.float64, (history,)),  # NaN for what is no neighbour
            ]
        )
        super().__init__(slot, rules, roster)

    def fresh(self, n: int) -> NDArray[np.void]:
        """Histories that hold nothing, shape (n,)."""
        state = np.zeros(n, self._dtype)
        mine = self._params[self._params_of]
        state["shape"] = np.stack([mine["window"], mine["history"]], axis=1)
        state["last"] = NEVER
        state["mean"] = state["scale"] = np.nan
        return state

    def restore(self, arrays: Mapping[str, NDArray[Any]], old_row: NDArray[np.int64]) -> None:
        """Take over state from a snapshot; histories of another shape begin anew."""
        super().restore(arrays, old_row)
        fresh = self.fresh(len(self.rows))
        other = (self.state["shape"] != fresh["shape"]).any(axis=1)
        self.state[other] = fresh[other]

    def put(self, figures: Any, rule: Discord, period_ns: int) -> None:
        """Write the figures of one class's rule into its parameter record."""
        for name in ("window", "history", "floor", "warm_up", "memory"):
            figures[name] = getattr(rule, name)
        figures["gap_ns"] = rule.gap.resolve(Duration(f"{period_ns // 1_000_000} ms")).ns
        figures["share"] = 1.0 - rule.quantile
        figures["width"] = 2.0 * np.sqrt(rule.window) / BUCKETS
        figures["bounds"] = np.inf
        figures["bounds"][: Colour[rule.at_most.upper()]] = rule.times
        figures["back"] = rule.hysteresis
        figures["on_ns"], figures["off_ns"] = rule.on_delay.ns, rule.off_delay.ns
        figures["relearn_ns"] = rule.relearn_after.ns


DISCORD: Final = Kind(NAME, Discord, Discords, "D8", faults=faults, false_alarm_rate=of_quantile)
