"""A value that stands still for longer than this channel ever does by itself."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec
import numpy as np
from msgspec import Meta
from numba import njit
from numpy.typing import NDArray

from contracts.batch import Disposition
from contracts.quantities import ABSOLUTE, DIFFERENCE, Duration
from contracts.transition import NEVER, Colour
from detectors.base.companions import CompanionRule
from detectors.base.kind import Fault, Kind, Roster, Scene
from detectors.base.level_step import Levels, figures, may_learn, ring

BUCKETS: Final = 64  # four an octave: a run of 2^16 readings and all longer ones share the last
_FULL: Final = 1 << 31  # weight at which a state is halved before its time; buckets hold 32 bits
_SCORED: Final = int(Disposition.SCORED)


class While(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"equals": "is"}):
    """What a companion says while a channel may stand still.

    Parameters
    ----------
    class : str
        Class of the companion, a channel of the same group.
    is : float
        Its value, met exactly: a state code.
    """

    class_name: str = msgspec.field(name="class")
    equals: float


class Stuck(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rings when a value repeats for far longer than it ever does by itself.

    A run is a chain of readings within `resolution` of its first. Rings when the present run has
    `least` readings and more than `times` the `quantile` of the run lengths learned in the
    present state: at `rest`, or not. Two states because a pump that is off says 0 all night by
    right, while two hours of the same flow from a pump that runs is a dead sensor.

    A run is learned when it ends, if the learning gate was open at its last reading, into buckets
    of its state: four for every doubling of the length, `floor(4 L / 2^o)` in octave `o`. A run of
    `L` readings weighs `L`, because of one night off among ten thousand short runs the readings
    are half of all. The quantile is the largest length of the first bucket that, with all longer
    ones, holds more than `1 - quantile` of the weight. Whenever event time enters another
    multiple of `forget`, weights are halved, rounded down. The score is the run, in readings.

    State: 112 bytes of run and level, and 280 for each state.

    Parameters
    ----------
    times : float
        How many times the learned length is too long.
    least : int
        Readings that a run needs to ring at all.
    quantile : float
        Share of readings that lie in runs no longer than the learned length.
    resolution : float
        Readings so close to the first of a run are repeats, in the unit of the class.
    rest : float or None
        Value at which the channel may stand by right; learned apart.
    ignore_while : While or None
        Runs are broken off, and not learned, while a companion says this.
    warm_up : Duration
        Event time since the state was first seen, before it is judged.
    runs : int
        Runs learned in the state before it is judged.
    forget : Duration
        Half life of what was learned.
    of : str
        Column that is judged.
    at_most : {"blue", "yellow"}
        Colour that rings.
    on_delay, off_delay : Duration
        As for limits.
    relearn_after : Duration
        Age of an alarm after which the run that rings is learned, once it ends.

    References
    ----------
    Detector class D9 and trap T1 of the project's domain notes.
    """

    STATE_FREE: ClassVar[frozenset[str]] = frozenset(
        {"least", "quantile", "runs", "times", "warm_up"}
    )

    times: Annotated[float, Meta(ge=1)] = 2.0
    least: Annotated[int, Meta(ge=2)] = 24
    quantile: Annotated[float, Meta(ge=0.5, lt=1)] = 0.9999
    resolution: Annotated[float, Meta(ge=0, extra=DIFFERENCE)] = 0.0
    rest: Annotated[float | None, Meta(extra=ABSOLUTE)] = None
    ignore_while: While | None = None
    warm_up: Duration = Duration("14 d")
    runs: Annotated[int, Meta(ge=1)] = 20
    forget: Duration = Duration("60 d")
    of: str = "value"
    at_most: Literal["blue", "yellow"]
    on_delay: Duration = Duration("0 s")
    off_delay: Duration = Duration("0 s")
    relearn_after: Duration = Duration("30 d")


def faults(rule: Stuck, scene: Scene) -> Iterator[Fault]:
    """Resolutions that see nothing move, rests that never come, and times too short to learn."""
    width = scene.high - scene.low
    if rule.of == "value" and rule.resolution >= width:
        text = f"expected below the plausible width ({width:g}), got {rule.resolution:g}"
        yield ("resolution",), f"{text}; every reading would be a repeat"
    if rule.of == "value" and rule.rest is not None and not scene.low <= rule.rest <= scene.high:
        text = f"expected inside the plausible range ({scene.low:g} to {scene.high:g})"
        yield ("rest",), f"{text}, got {rule.rest:g}; the channel would never be at rest"
    for name in ("warm_up", "forget", "relearn_after"):
        length = getattr(rule, name)
        if length.ns < rule.least * scene.period.ns:
            text = f"expected room for {rule.least} readings every {scene.period}"
            yield (name,), f"{text}, got {length}; lengthen it or lower `least`"


@njit(cache=True, nogil=True, error_model="numpy")
def bucket(length: int) -> int:
    """Bucket of a run length of at least 1."""
    octave = 0
    while length >> (octave + 1):
        octave += 1
    return min(4 * octave + (((length << 2) >> octave) & 3), BUCKETS - 1)


@njit(cache=True, nogil=True, error_model="numpy")
def longest_in(place: int) -> int:
    """Largest run length of a bucket."""
    return ((5 + (place & 3)) * (1 << (place >> 2)) - 1) >> 2


@njit(cache=True, nogil=True, error_model="numpy")
def usual(weights: NDArray[np.uint32], share: float) -> int:
    """Run length that no more than `share` of the weight exceeds, 0 without any weight."""
    total = 0
    for place in range(BUCKETS):
        total += weights[place]
    tail = 0
    for place in range(BUCKETS - 1, -1, -1):
        tail += weights[place]
        if float(tail) > share * float(total):
            return int(longest_in(place))
    return 0


@njit(cache=True, nogil=True, error_model="numpy")
def _forget(mine: Any, halvings: int) -> None:
    for at in range(len(mine.runs)):
        mine.total[at] = 0
        for place in range(BUCKETS):
            mine.weights[at, place] >>= np.uint32(min(halvings, 31))
            mine.total[at] += mine.weights[at, place]


@njit(cache=True, nogil=True, error_model="numpy")
def _learn(mine: Any, time_ns: int, forget_ns: int) -> None:
    """Take the run that ended into what its state usually does."""
    epoch = time_ns // forget_ns
    if mine.epoch != NEVER and epoch > mine.epoch:
        _forget(mine, epoch - mine.epoch)
    mine.epoch = epoch
    length = min(mine.run, _FULL - 1)
    if mine.total[mine.at] + length > _FULL:
        _forget(mine, 1)
    mine.weights[mine.at, bucket(length)] += np.uint32(length)
    mine.total[mine.at] += length
    mine.runs[mine.at] += 1


@njit(cache=True, nogil=True, error_model="numpy")
def _follow(mine: Any, p: Any, reading: tuple[int, float]) -> None:
    """Lengthen the run by a reading, or end it, learn it, and begin the next."""
    time_ns, value = reading
    at = 1 if abs(value - p.rest) <= p.resolution else 0  # NaN is never near
    if mine.run > 0 and at == mine.at and abs(value - mine.first) <= p.resolution:
        mine.run += 1
        return
    if mine.run > 0 and mine.open:
        _learn(mine, time_ns, p.forget_ns)
    mine.first, mine.run, mine.at = value, 1, at
    if mine.since[at] == NEVER:
        mine.since[at] = time_ns


@njit(cache=True, nogil=True, error_model="numpy")
def _too_long(mine: Any, p: Any, time_ns: int) -> bool:
    if mine.run < p.least or mine.runs[mine.at] < p.runs:
        return False
    if time_ns - mine.since[mine.at] < p.warm_up_ns:
        return False
    length = usual(mine.weights[mine.at], p.share)
    return bool(length > 0 and float(mine.run) > p.times * float(length))


@njit(cache=True, nogil=True, error_model="numpy")
def _kernel(
    levels: Levels, rows: Any, columns: Any, span: tuple[int, int], transitions: NDArray[np.void]
) -> tuple[int, int]:
    place_of, params_of, state, params, (cell, cell_of, said) = rows
    row_of, time_of, value_of, disposition, measured = columns
    told = 0
    for i in range(span[0], span[1]):
        if told == len(transitions):
            return i, told
        if disposition[i] != _SCORED:
            continue
        row, value, time_ns = row_of[i], value_of[i], time_of[i]
        if cell[row] >= 0:
            said[cell[row]] = measured[i]
        place = place_of[row]
        if place < 0 or np.isnan(value):
            continue
        mine, p = state[place], params[params_of[place]]
        if cell_of[place] >= 0 and said[cell_of[place]] == p.ignored:
            mine.run, breached = 0, 0
        else:
            _follow(mine, p, (time_ns, value))
            breached = p.top if _too_long(mine, p, time_ns) else 0
        reading = (i, row, place, time_ns)
        if ring(levels, reading, (breached, breached), (p.on_ns, p.off_ns), transitions[told]):
            figures(transitions[told], value, np.nan, np.nan, float(mine.run))
            told += 1
        mine.open = may_learn(levels, place, breached, time_ns, p.relearn_ns)
    return span[1], told


class StuckValues(CompanionRule):
    """Standing values of one lane's channels."""

    NAME = "stuck"
    PARAMS = np.dtype(
        [
            ("times", np.float64),
            ("least", np.int64),
            ("share", np.float64),
            ("resolution", np.float64),
            ("rest", np.float64),
            ("ignored", np.float64),
            ("warm_up_ns", np.int64),
            ("runs", np.int64),
            ("forget_ns", np.int64),
            ("top", np.int64),
            ("on_ns", np.int64),
            ("off_ns", np.int64),
            ("relearn_ns", np.int64),
        ]
    )
    KERNEL = _kernel

    def __init__(self, slot: int, rules: Any, roster: Roster) -> None:
        self._states = 1 + any(rule.rest is not None for rule in rules.values())
        super().__init__(slot, rules, roster)

    def companion_class(self, rule: Stuck) -> str | None:
        """Class of the companion that excuses a standing value."""
        return None if rule.ignore_while is None else rule.ignore_while.class_name

    def put(self, figures: Any, rule: Stuck, period_ns: int) -> None:
        """Write the figures of one class's rule into its parameter record."""
        del period_ns
        for name in ("times", "least", "resolution", "runs"):
            figures[name] = getattr(rule, name)
        for name in ("warm_up", "forget"):
            figures[f"{name}_ns"] = getattr(rule, name).ns
        figures["share"] = 1.0 - rule.quantile
        figures["rest"] = np.nan if rule.rest is None else rule.rest
        figures["ignored"] = np.nan if rule.ignore_while is None else rule.ignore_while.equals
        figures["top"] = Colour[rule.at_most.upper()]
        figures["on_ns"], figures["off_ns"] = rule.on_delay.ns, rule.off_delay.ns
        figures["relearn_ns"] = rule.relearn_after.ns

    def fresh(self, n: int) -> NDArray[np.void]:
        """State of channels that nobody has heard of yet, shape (n,)."""
        each = (self._states,)
        state = np.zeros(
            n,
            [
                ("first", np.float64),
                ("run", np.int64),
                ("at", np.int64),
                ("open", np.int64),  # whether the gate was open at the last reading
                ("epoch", np.int64),
                ("since", np.int64, each),
                ("runs", np.int64, each),
                ("total", np.int64, each),
                ("weights", np.uint32, (*each, BUCKETS)),
            ],
        )
        state["epoch"] = state["since"] = NEVER
        return state


STUCK: Final = Kind("stuck", Stuck, StuckValues, "D9", faults=faults)
