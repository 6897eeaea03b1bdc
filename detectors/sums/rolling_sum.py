"""Sums over the last hours: rain of a day, degree-minutes, how long a value was out of range."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec
import numpy as np
from msgspec import Meta
from numba import njit
from numpy.typing import NDArray

from contracts.batch import Batch, Disposition
from contracts.quantities import ABSOLUTE, DIFFERENCE, NS_PER_S, Duration
from contracts.transition import NEVER, Colour, Finding
from detectors.base.findings import THRESHOLD
from detectors.base.kind import Columns, Fault, Kind, Roster, Scene
from detectors.base.level_step import Levels, figures, ring, severity
from detectors.base.row_rule import RowRule, copy_leading, joined
from detectors.base.thresholds import COLOURS, Steps

NAME: Final = "rolling_sum"
SLICES: Final = f"{NAME}.slices"
WINDOWS_MAX: Final = 6
SLICES_MAX: Final = 1440  # a day by the minute: 5.8 kB a channel
SLICES_LEAST: Final = 4  # of the shortest window: a quarter of it at most is not counted
MINUTE_NS: Final = 60 * NS_PER_S
HOUR_NS: Final = 60 * MINUTE_NS
_SCORED: Final = int(Disposition.SCORED)
_READINGS, _AMOUNT, _DOSE, _TIME = 0, 1, 2, 3
WAYS: Final = ("readings", "amount", "dose", "time")
FOUND: Final = {"readings": "sum", "amount": "amount", "dose": "dose", "time": "time"}


class Window(Steps, frozen=True, forbid_unknown_fields=True):
    """Thresholds of one window by colour: they may change while sums are kept."""

    STATE_FREE: ClassVar[frozenset[str]] = frozenset(COLOURS)


class RollingSum(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rings when what came in one of the last stretches of time adds up to too much.

    Windows end at the newest reading and move on by `every`: one holds the slice of time that runs
    and the whole slices behind it that lie within its length, so that it never counts more than
    its length, and up to `every` less. Slices are kept in single precision. Each window has
    thresholds of its own, and the worst colour of all counts: that is how weather services write
    rain signals, in one rule. Other rules judge the sum of the shortest window under the name
    `rolling_sum`.

    What is added is

    - `readings`: each reading, an amount by itself, as the rain of a minute;
    - `amount`: a rate per hour times the hours that it stood: mm/h become mm;
    - `dose`: what lies beyond `above` or `below`, times the minutes that it stood: degree-minutes;
    - `time`: the minutes for which the value lay beyond.

    A reading stands until the next one, but no longer than `gap`: what nobody measured is not
    added. Nor is what was held back while its channel was shelved.

    Parameters
    ----------
    over : dict of str to Window
        Length of each window, 6 at most, and its thresholds: of `readings` in the unit of the
        class, of `amount` in that without its hour, of `dose` in that times minutes, of `time` in
        minutes.
    add : {"readings", "amount", "dose", "time"}
        What is added.
    above, below : float or None
        One of them for `dose` and `time`, in the unit of the class.
    every : Duration
        Length of a slice; each window holds a whole number of them, 4 or more, the longest 1,440.
    gap : Duration
        How long a reading stands at most.
    on_delay, off_delay : Duration
        As for limits.
    hysteresis : float
        How far back inside its threshold a sum must come to leave a colour.

    References
    ----------
    Rain sums, time above limit and dose of the project's domain notes, sections 2, 3 and 17. State:
    152 bytes with its level, and 4 for each slice of the longest window of the lane.
    """

    STATE_FREE: ClassVar[frozenset[str]] = frozenset({"gap", "period"})

    over: Annotated[dict[str, Window], Meta(extra=DIFFERENCE)]
    add: Literal["readings", "amount", "dose", "time"] = "readings"
    above: Annotated[float | None, Meta(extra=ABSOLUTE)] = None
    below: Annotated[float | None, Meta(extra=ABSOLUTE)] = None
    every: Duration = Duration("5 min")
    gap: Duration = Duration("3 periods")
    on_delay: Duration = Duration("0 s")
    off_delay: Duration = Duration("0 s")
    hysteresis: Annotated[float, Meta(ge=0, extra=DIFFERENCE)] = 0.0


def windows_of(rule: RollingSum) -> list[tuple[int, str]]:
    """Length in ns and key of each window, the shortest first."""
    return sorted((Duration(key).ns, key) for key in rule.over)


def faults(rule: RollingSum, scene: Scene) -> Iterator[Fault]:
    """Windows that are none, sums that cannot be made, thresholds that cannot ring."""
    found = [*_bad_windows(rule), *_bad_bounds(rule, scene)]
    yield from found
    if found:
        return
    for ns, key in windows_of(rule):
        yield from _bad_steps(rule, key, _most(rule, scene, ns))
    if scene.low >= 0 or rule.add in {"dose", "time"}:  # sums only grow with the window
        yield from _idle_steps(rule)


def _bad_windows(rule: RollingSum) -> Iterator[Fault]:
    """Lengths that slices do not fill."""
    if not 0 < len(rule.over) <= WINDOWS_MAX:
        yield ("over",), f"expected 1 to {WINDOWS_MAX} windows, got {len(rule.over)}"
    if not rule.every.ns:
        yield ("every",), f"expected more than 0 s, got {rule.every}"
        return
    seen: dict[int, str] = {}
    for key in rule.over:
        try:
            ns = Duration(key).ns
        except ValueError as error:
            yield ("over", key), str(error)
            continue
        slices = ns // rule.every.ns
        if ns in seen:
            yield ("over", key), f"expected windows that differ, got {seen[ns]} again; drop one"
        elif ns % rule.every.ns or not SLICES_LEAST <= slices <= SLICES_MAX:
            text = f"expected {SLICES_LEAST} to {SLICES_MAX} whole slices of {rule.every}"
            yield ("over", key), f"{text}, got {key}; change it or `every`"
        seen[ns] = key


def _bad_bounds(rule: RollingSum, scene: Scene) -> Iterator[Fault]:
    """A bound too many or too few, and readings that stand for no time."""
    given = [name for name in ("above", "below") if getattr(rule, name) is not None]
    if rule.add in {"dose", "time"}:
        if len(given) != 1:
            got = " and ".join(given) or "none"
            yield (), f"expected one of above and below, beyond which it adds, got {got}"
        if rule.gap.ns < scene.period.ns:
            text = f"expected at least the period ({scene.period}), got {rule.gap}"
            yield ("gap",), f"{text}; part of the time would not be counted"
    elif given:
        text = f"expected none with `add: {rule.add}`"
        yield (given[0],), f"{text}, got {getattr(rule, given[0]):g}; drop it, or add dose or time"


def _most(rule: RollingSum, scene: Scene, ns: int) -> float:
    """The most that a window can hold, as far as plausible readings go."""
    if rule.add == "readings":
        return scene.high * (ns // scene.period.ns + 1)
    if rule.add == "amount":
        return scene.high * (ns / HOUR_NS)
    if rule.add == "time":
        return ns / MINUTE_NS
    beyond = scene.high - rule.above if rule.above is not None else (rule.below or 0.0) - scene.low
    return max(beyond, 0.0) * (ns / MINUTE_NS)


def _bad_steps(rule: RollingSum, key: str, most: float) -> Iterator[Fault]:
    """Thresholds of one window that always ring or never."""
    steps = [step for step in msgspec.structs.astuple(rule.over[key]) if step is not None]
    if not steps:
        yield ("over", key), "expected a threshold, got none; add one or drop the window"
    elif steps != sorted(set(steps)):
        text = "expected rising steps from blue to red"
        yield ("over", key), f"{text}; a milder one never rings alone"
    elif steps[0] <= rule.hysteresis:
        text = f"expected steps above the hysteresis ({rule.hysteresis:g}), got {steps[0]:g}"
        yield ("over", key), f"{text}; it would never clear"
    elif steps[-1] >= most:
        text = f"expected below what a window can hold at most ({most:g})"
        yield ("over", key), f"{text}, got {steps[-1]:g}; it could never ring"


def _idle_steps(rule: RollingSum) -> Iterator[Fault]:
    """Thresholds that a longer window passes first."""
    for colour in COLOURS:
        longer, where = np.inf, ""
        for _, key in reversed(windows_of(rule)):
            step = getattr(rule.over[key], colour)
            if step is None:
                continue
            if step >= longer:
                text = f"expected below that of {where} ({longer:g}), got {step:g}"
                yield ("over", key, colour), f"{text}; the longer window would ring before it"
            longer, where = min(step, longer), key


@njit(cache=True, nogil=True, error_model="numpy")
def _reach(mine: Any, kept: Any, slices: int, number: int) -> None:
    """Make a slice the newest one; those between hold nothing."""
    if mine.newest == NEVER:
        mine.newest = number
    if number <= mine.newest:
        return
    kept[mine.newest % slices] = mine.now
    for skipped in range(max(mine.newest + 1, number - slices), number):
        kept[skipped % slices] = 0.0
    mine.newest, mine.now = number, 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _close(mine: Any, kept: Any, p: Any) -> None:
    """Add up the slices behind the newest one that lie in each window, the newest first."""
    empty = mine.filled < mine.newest - p.slices
    total, back = 0.0, 0
    for window in range(p.windows):
        while not empty and back < p.behind[window]:
            back += 1
            total += kept[(mine.newest - back) % p.slices]
        mine.closed[window] = total


@njit(cache=True, nogil=True, error_model="numpy")
def _strength(p: Any, value: float) -> float:
    """What a reading adds in a unit of time, as long as it stands."""
    if p.way == _AMOUNT:
        return value
    beyond = p.sign * (value - p.bound)
    if beyond <= 0.0:
        return 0.0
    return 1.0 if p.way == _TIME else beyond


@njit(cache=True, nogil=True, error_model="numpy")
def _pour(mine: Any, kept: Any, p: Any, until: int) -> None:
    """Add what the reading before has stood for, slice by slice."""
    at = mine.time_ns
    while at < until:
        number = at // p.every_ns
        _reach(mine, kept, p.slices, number)
        edge = min(until, (number + 1) * p.every_ns)
        mine.now += mine.strength * (float(edge - at) / p.unit_ns)
        mine.filled = number
        at = edge


@njit(cache=True, nogil=True, error_model="numpy")
def _take(mine: Any, kept: Any, p: Any, time_ns: int, value: float) -> None:
    """Take a reading into the slices."""
    number, before = time_ns // p.every_ns, mine.newest
    if p.way == _READINGS:
        _reach(mine, kept, p.slices, number)
        mine.now += value
        if value != 0.0:
            mine.filled = number
    else:
        if mine.time_ns != NEVER and mine.strength != 0.0:
            _pour(mine, kept, p, min(time_ns, mine.time_ns + p.gap_ns))
        _reach(mine, kept, p.slices, number)
        mine.time_ns, mine.strength = time_ns, _strength(p, value)
    if mine.newest != before:
        _close(mine, kept, p)


@njit(cache=True, nogil=True, error_model="numpy")
def _judge(mine: Any, p: Any) -> tuple[int, int]:
    """Worst colour that some window breaches, and worst one that some has not come back from."""
    breached, held = 0, 0
    for window in range(p.windows):
        total = mine.closed[window] + mine.now
        if total > p.calm[window]:
            one, other = severity(total, p.bounds[window], p.back)
            breached, held = max(breached, one), max(held, other)
    return breached, held


@njit(cache=True, nogil=True, error_model="numpy")
def _telling(mine: Any, p: Any, now: int) -> int:
    """The window to tell of: the shortest beyond its threshold of a colour, or of the worst."""
    best, chosen = -1, 0
    for window in range(p.windows):
        total = mine.closed[window] + mine.now
        breached, held = severity(total, p.bounds[window], p.back)
        own = now > 0 and total > p.bounds[window, now - 1]
        rank = 3 if own else 2 if breached >= now else 1 if held >= now else 0
        if rank > best:
            best, chosen = rank, window
    return chosen


@njit(cache=True, nogil=True, error_model="numpy")
def _kernel(
    levels: Levels, rows: Any, columns: Any, span: tuple[int, int], transitions: NDArray[np.void]
) -> tuple[int, int]:
    place_of, params_of, state, slices, params, made = rows
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
        _take(mine, slices[place], p, time_ns, value)
        made[i] = mine.closed[0] + mine.now
        reading = (i, row_of[i], place, time_ns)
        if ring(levels, reading, _judge(mine, p), (p.on_ns, p.off_ns), transitions[told]):
            window = _telling(mine, p, transitions[told].now)
            total = mine.closed[window] + mine.now
            figures(transitions[told], total, np.nan, np.nan, total)
            transitions[told].finding = window + 1
            told += 1
    return span[1], told


class RollingSums(RowRule):
    """Rolling sums of one lane's channels; also the model that makes `rolling_sum`."""

    NAME = NAME
    STATE = np.dtype(
        [
            ("newest", np.int64),  # slice that runs, or NEVER
            ("filled", np.int64),  # newest slice that holds anything, or NEVER
            ("time_ns", np.int64),  # of the reading before, or NEVER
            ("strength", np.float64),  # what that adds in a unit of time
            ("now", np.float64),  # sum of the slice that runs
            ("closed", np.float64, (WINDOWS_MAX,)),  # sums of whole slices, by window
        ]
    )
    PARAMS = np.dtype(
        [
            *((name, np.int64) for name in ("windows", "slices", "way")),
            *((name, np.int64) for name in ("every_ns", "gap_ns", "on_ns", "off_ns")),
            ("behind", np.int64, (WINDOWS_MAX,)),  # whole slices that lie in each window
            ("bounds", np.float64, (WINDOWS_MAX, 4)),
            ("calm", np.float64, (WINDOWS_MAX,)),  # up to here a window holds no colour
            *((name, np.float64) for name in ("sign", "bound", "unit_ns", "back")),
        ]
    )
    KERNEL = _kernel

    def __init__(self, slot: int, rules: Mapping[str, RollingSum], roster: Roster) -> None:
        super().__init__(slot, rules, roster)
        self.slices = self._empty()

    def _empty(self) -> NDArray[np.float32]:
        """Slices that hold nothing, shape (channels, slices of the longest window)."""
        room = int(max(self._params["slices"], default=0))
        return np.zeros((len(self.rows), room), np.float32)

    def fresh(self, n: int) -> NDArray[np.void]:
        """Channels that nobody has heard of yet, shape (n,)."""
        state = np.zeros(n, self.STATE)
        for name in ("newest", "filled", "time_ns"):
            state[name] = NEVER
        return state

    def put(self, figures: Any, rule: RollingSum, period_ns: int) -> None:
        """Write the figures of one class's rule into its parameter record."""
        del period_ns
        figures["way"], figures["every_ns"] = WAYS.index(rule.add), rule.every.ns
        figures["gap_ns"], figures["back"] = rule.gap.ns, rule.hysteresis
        figures["on_ns"], figures["off_ns"] = rule.on_delay.ns, rule.off_delay.ns
        figures["unit_ns"] = HOUR_NS if rule.add == "amount" else MINUTE_NS
        figures["sign"] = 1.0 if rule.below is None else -1.0
        figures["bound"] = (rule.above or 0.0) if rule.below is None else rule.below
        figures["bounds"] = np.inf
        windows = windows_of(rule)
        for i, (ns, key) in enumerate(windows):
            figures["behind"][i] = ns // rule.every.ns - 1
            figures["bounds"][i] = rule.over[key].array(np.inf)
        figures["calm"] = figures["bounds"].min(axis=1) - rule.hysteresis
        figures["windows"], figures["slices"] = len(windows), figures["behind"].max()

    def tables(self, batch: Batch, columns: Columns) -> tuple[Any, ...]:
        """State, slices and figures for the kernel, and the column that it fills."""
        if NAME not in columns:
            columns[NAME] = np.full(len(batch), np.nan)
        place, params_of, state, params = super().tables(batch, columns)
        return place, params_of, state, self.slices, params, columns[NAME]

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """State to be put into a snapshot; not a copy."""
        return {**super().arrays(), SLICES: self.slices}

    def restore(self, arrays: Mapping[str, NDArray[Any]], old_row: NDArray[np.int64]) -> None:
        """Take over sums and their slices; those of a class lie at the beginning of its row."""
        super().restore(arrays, old_row)
        self.slices = self._empty()
        if SLICES not in arrays:
            return
        mine, theirs = joined(old_row[self.rows], arrays[f"{NAME}.rows"])
        same = self.kept(arrays, (mine, theirs))
        copy_leading(self.slices, arrays[SLICES], (mine[same], theirs[same]))


def finding(rule: RollingSum, transition: Any) -> Finding:
    """Which window was too full, and from where on: times in seconds."""
    name = FOUND[rule.add]
    windows, number = windows_of(rule), int(transition["finding"])
    if not 0 < number <= len(windows):
        return Finding(name)
    ns, key = windows[number - 1]
    told = {"within": ns / NS_PER_S}
    scale = MINUTE_NS / NS_PER_S if rule.add == "time" else 1.0
    told["observed"] = scale * float(transition["observed"])
    if (step := _passed(rule.over[key], int(transition["now"]))) is not None:
        told[THRESHOLD] = scale * step
    bound = rule.above if rule.below is None else rule.below
    return Finding(name, told if bound is None else {**told, "bound": bound})


def _passed(steps: Steps, colour: int) -> float | None:
    """Threshold of a colour, or of the nearest worse one, or else of the worst that is milder."""
    order = (*range(colour, Colour.RED + 1), *range(colour - 1, 0, -1))
    given = (getattr(steps, Colour(one).word) for one in order if one)
    return next((step for step in given if step is not None), None)


ROLLING_SUM: Final = Kind(
    NAME,
    RollingSum,
    RollingSums,
    "D1",
    frozenset({"observed", "score", "threshold"}),
    faults,
    makes=NAME,
    findings=tuple(FOUND.values()),
    finding=finding,
)
