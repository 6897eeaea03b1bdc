"""Rows of features where hardly any were lately: half-space trees."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Final, Literal
from zlib import crc32

import msgspec
import numpy as np
from msgspec import Meta
from numba import njit
from numpy.typing import NDArray

from contracts.batch import Batch, Disposition
from contracts.quantities import Duration
from contracts.seeded import seeded
from contracts.transition import Colour
from detectors.base.companions import Companions
from detectors.base.kind import Columns, Fault, Kind, Roster, Scene
from detectors.base.level_step import Levels, calm_so_far, figures, may_learn, ring, severity
from detectors.base.row_rule import VALUE, RowRule, copy_leading, joined, stacked
from detectors.base.score_quantile import BUCKETS, learn, usual
from detectors.false_alarm_rate.rate import of_quantile
from detectors.group.half_space_trees import build, count_row, isolation

COLUMN: Final = 0
CHANGE: Final = 1
COMPANION: Final = 2
_SCORED: Final = int(Disposition.SCORED)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _row(reading: tuple[int, int, int], mine: Any, p: Any, tables: Any, x: Any) -> bool:
    """Features of a reading; whether all are known. `mine.last` is still the reading before."""
    i, place, time_ns = reading
    _, kind_of, at_of, columns, (_, cells_of, said, said_at) = tables
    for k in range(p.features):
        kind, at = kind_of[p.number, k], at_of[p.number, k]
        if kind == COLUMN:
            x[k] = columns[at, i]
        elif kind == CHANGE:
            x[k] = columns[0, i] - mine.last
        else:
            cell = cells_of[place, at]
            known = cell >= 0 and abs(time_ns - said_at[max(cell, 0)]) <= p.sync_ns
            x[k] = said[cell] if known else np.nan
        if np.isnan(x[k]):
            return False
    return True


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _count(mine: Any, trees: Any, shape: tuple[int, int, int], masses: Any, x: Any) -> None:
    """Count a row; a window that is full becomes the one that judges."""
    count_row(trees, shape, masses[1 - mine.turn], x)
    mine.rows += 1
    if mine.rows == shape[2]:
        mine.rows, mine.turn, mine.ready = 0, 1 - mine.turn, 1
        masses[1 - mine.turn] = 0


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _judge(
    levels: Levels,
    reading: tuple[int, int, int, int],
    pair: Any,
    judged: tuple[float, float],
    transition: Any,
) -> tuple[int, int]:
    """Ring by a score; colour breached, and how many transitions were written."""
    mine, p = pair
    value, score = judged
    if np.isnan(score) or mine.learned < p.warm_up:
        return 0, 0
    seen = severity(score - max(p.above, usual(mine, p)), p.bounds, p.back)
    if not ring(levels, reading, seen, (p.on_ns, p.off_ns), transition):
        return seen[0], 0
    figures(transition, value, np.nan, np.nan, score)
    return seen[0], 1


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _hear(companions: Any, row: int, value: float, time_ns: int) -> None:
    """Keep what a companion said."""
    cell = companions[0][row]
    if cell >= 0:
        companions[2][cell] = value
        companions[3][cell] = time_ns


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _see(
    levels: Levels, reading: tuple[int, int, int, int], pair: Any, room: Any, transition: Any
) -> int:
    """Judge and learn a row; how many transitions were written."""
    mine, p = pair
    trees, masses, x, value = room
    shape, time_ns = (p.trees, p.height, p.window), reading[3]
    score = isolation(trees, shape, masses[mine.turn], x) if mine.ready else np.nan
    breached, told = _judge(levels, reading, pair, (value, score), transition)
    first = calm_so_far(levels, reading[2])
    learns = may_learn(levels, reading[2], breached, time_ns, p.relearn_ns)
    if learns:
        _count(mine, trees, shape, masses, x)
    if (learns or first) and not np.isnan(score):
        learn(mine, p, score)
    return int(told)


@njit(cache=True, nogil=True, error_model="numpy")
def advance(
    levels: Levels, rows: Any, columns: Any, span: tuple[int, int], transitions: NDArray[np.void]
) -> tuple[int, int]:
    """Walk over readings, in order: the kernel of a `RowRule`.

    `rows` goes on with the masses by place, and the tables: features and thresholds of the trees
    by class, kind of each feature and its place by class, columns by name, and a `Companions`.
    """
    place_of, params_of, state, params, masses, tables = rows
    row_of, time_of, value_of, disposition = columns
    told = 0
    x = np.empty(tables[1].shape[1])  # room for the features of any class
    for i in range(span[0], span[1]):
        if told == len(transitions):
            return i, told
        if disposition[i] != _SCORED or np.isnan(value_of[i]):
            continue
        row, value, time_ns = row_of[i], value_of[i], time_of[i]
        _hear(tables[4], row, value, time_ns)
        place = place_of[row]
        if place < 0:
            continue
        mine, p = state[place], params[params_of[place]]
        whole = _row((i, place, time_ns), mine, p, tables, x)
        mine.last = value
        if whole:
            trees = (tables[0][0][p.number], tables[0][1][p.number])
            room = (trees, masses[place], x, value)
            told += _see(levels, (i, row, place, time_ns), (mine, p), room, transitions[told])
    return span[1], told


NAME: Final = "isolation"


class Span(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a feature mostly is; it may leave it, but what lies beyond is not told apart."""

    low: float
    high: float


class Isolation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rings when a row of features lies where hardly any row lay in the last window.

    Half-space trees: each cuts the room of all features at random in halves of halves, `height`
    times, and counts in every part the rows of one window while it judges by those of the last.
    The score is 1 less the weighted mass around the row; for the same seed and words it is that
    of `river.anomaly.HalfSpaceTrees`, bit for bit.

    Rings when the score exceeds `above` and also what it usually is: the upper edge of the first
    of 512 buckets that, with all higher ones, holds more than `1 - quantile` of the weight.
    Whenever the weight reaches twice `memory`, it is halved. Only rows that the gate lets through
    are learned, and of scores also the first of a run that it does not: without any of those that
    ring, what is usual would shrink from ring to ring. A row in which a feature is unknown is none.

    State: `4 trees (2^(height + 1) - 1) + 2 168` bytes, with its level; 16 for each companion.

    Parameters
    ----------
    features : dict of str to Span
        What a row is made of, and where that mostly is: `value`; `change` since the reading
        before; a column that a model makes, such as `seasonal`; a class of the same group, for
        what its first channel said last.
    sync : Duration
        How old, or how much newer, the word of such a channel may be.
    trees, height : int
        Number of trees, and cuts from the root to a leaf.
    window : int
        Rows of a window.
    seed : int
        Of the cuts, which are the same for all channels of the class.
    above : float
        Score below which nothing rings.
    quantile : float
        Share of the learned scores that is usual.
    warm_up : int
        Scores learned before one is judged.
    memory : int
        Scores after which old ones fade.
    at_most : {"blue", "yellow"}
        Colour that rings: a statistical finding alone is never worse than yellow.
    on_delay, off_delay : Duration
        As for limits.
    hysteresis : float
        How far back the score must come.
    relearn_after : Duration
        Age at which a closed learning gate opens.

    References
    ----------
    S. C. Tan, K. M. Ting and T. F. Liu, Fast Anomaly Detection for Streaming Data, IJCAI 2011.
    """

    STATE_FREE: ClassVar[frozenset[str]] = frozenset({"above", "quantile"})

    features: dict[str, Span]
    sync: Duration = Duration("2 periods")
    trees: Annotated[int, Meta(ge=1, le=100)] = 25
    height: Annotated[int, Meta(ge=1, le=12)] = 6
    window: Annotated[int, Meta(ge=10, le=50_000)] = 250
    seed: Annotated[int, Meta(ge=0, le=4_294_967_295)] = 42
    above: Annotated[float, Meta(ge=0, lt=1)] = 0.9
    quantile: Annotated[float, Meta(ge=0.9, lt=1)] = 0.999
    warm_up: Annotated[int, Meta(ge=100, le=1_000_000)] = 2000
    memory: Annotated[int, Meta(ge=100, le=1_000_000)] = 20_000
    at_most: Literal["blue", "yellow"]
    on_delay: Duration = Duration("0 s")
    off_delay: Duration = Duration("0 s")
    hysteresis: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    relearn_after: Duration = Duration("7 d")


def faults(rule: Isolation, scene: Scene) -> Iterator[Fault]:
    """Features without room, quantiles of too little, scores that never come back."""
    del scene
    if not rule.features:
        yield ("features",), "expected a feature, got none; `value` is one"
    for name, span in rule.features.items():
        if span.low >= span.high:
            text = f"expected low below high, got {span.low:g} and {span.high:g}"
            yield ("features", name), f"{text}; it could not be cut"
    if rule.warm_up > rule.memory:
        yield ("warm_up",), f"expected at most memory ({rule.memory}), got {rule.warm_up}"
    if rule.warm_up * (1.0 - rule.quantile) < 0.999:
        text = f"expected at least {1 / (1 - rule.quantile):.0f} scores"
        yield ("warm_up",), f"{text} for quantile {rule.quantile:g}, got {rule.warm_up}"
    if rule.hysteresis >= rule.above:
        yield ("hysteresis",), f"expected below above ({rule.above:g}); it could never clear"


class Isolations(RowRule):
    """Half-space trees of one lane's channels."""

    NAME = NAME
    STATE = np.dtype(
        [
            ("words", np.int64),  # of what the masses are
            ("last", np.float64),  # value, NaN before the first
            ("rows", np.int64),  # of the window that is counted
            ("turn", np.int64),  # which of the masses judge
            ("ready", np.int64),  # whether a window is full
            ("learned", np.int64),
            ("weight", np.float64),
            ("weights", np.float32, (BUCKETS,)),
        ]
    )
    PARAMS = np.dtype(
        [
            ("number", np.int64),  # of the class, in the tables
            ("words", np.int64),
            *((name, np.int64) for name in ("features", "trees", "height", "window", "sync_ns")),
            *((name, np.float64) for name in ("above", "share", "width", "back")),
            ("bounds", np.float64, (4,)),
            *((name, np.int64) for name in ("warm_up", "memory")),
            *((name, np.int64) for name in ("on_ns", "off_ns", "relearn_ns")),
        ]
    )
    KERNEL = advance

    def __init__(self, slot: int, rules: Mapping[str, Isolation], roster: Roster) -> None:
        named = [rules[label] for label in sorted(rules)]
        wanted = {label: _companions(rule) for label, rule in rules.items()}
        models = {name for rule in named for name in rule.features if _is_column(name)}
        self._columns = [VALUE, *sorted(models - {VALUE})]
        self._companions = Companions(NAME, roster.rows_of(rules), wanted, roster)
        branches = 2 ** max(rule.height for rule in named) - 1
        count, width = max(rule.trees for rule in named), max(len(r.features) for r in named)
        self._sizes = (2, count, 2 * branches + 1)
        self._trees = (
            np.zeros((len(named), count, branches), np.int32),
            np.zeros((len(named), count, branches)),
        )
        self._kind_of = np.zeros((len(named), width), np.int64)
        self._at_of = np.zeros((len(named), width), np.int64)
        for number, rule in enumerate(named):
            self._plant(number, rule)
        super().__init__(slot, rules, roster)
        self._params["number"] = np.arange(len(named))
        self._masses = self._bare(len(self.rows))

    def _plant(self, number: int, rule: Isolation) -> None:
        """Trees of a class, and where its features come from."""
        limits = [(rule.features[name].low, rule.features[name].high) for name in _order(rule)]
        features, thresholds = build(seeded(rule.seed), limits, rule.trees, rule.height)
        self._trees[0][number, : rule.trees, : features.shape[1]] = features
        self._trees[1][number, : rule.trees, : features.shape[1]] = thresholds
        for k, name in enumerate(_order(rule)):
            if name == "change":
                source = CHANGE, 0
            elif "." in name:
                source = COMPANION, _companions(rule).index(name)
            else:
                source = COLUMN, self._columns.index(name)
            self._kind_of[number, k], self._at_of[number, k] = source

    def _bare(self, n: int) -> NDArray[np.uint16]:
        """Masses of channels that nobody has heard of yet."""
        return np.zeros((n, *self._sizes), np.uint16)

    def put(self, figures: Any, rule: Isolation, period_ns: int) -> None:
        """Write the figures of one class's rule into its parameter record."""
        figures["words"] = _words(rule)
        for name in ("trees", "height", "window", "above", "warm_up", "memory"):
            figures[name] = getattr(rule, name)
        figures["features"] = len(rule.features)
        figures["sync_ns"] = rule.sync.resolve(Duration(f"{period_ns // 1_000_000} ms")).ns
        figures["share"], figures["width"] = 1.0 - rule.quantile, 1.0 / BUCKETS
        figures["bounds"] = np.inf
        figures["bounds"][: Colour[rule.at_most.upper()]] = 0.0
        figures["back"] = rule.hysteresis
        figures["on_ns"], figures["off_ns"] = rule.on_delay.ns, rule.off_delay.ns
        figures["relearn_ns"] = rule.relearn_after.ns

    def fresh(self, n: int) -> NDArray[np.void]:
        """State of channels that nobody has heard of yet, shape (n,)."""
        state = np.zeros(n, self.STATE)
        state["last"] = np.nan
        state["words"] = self._params["words"][self._params_of]
        return state

    def tables(self, batch: Batch, columns: Columns) -> tuple[Any, ...]:
        """State and figures for the kernel, masses, trees, features and companions."""
        values = stacked([columns[name] for name in self._columns])
        companions = self._companions
        words = (companions.cell, companions.cells_of, companions.said, companions.said_at)
        tables = (self._trees, self._kind_of, self._at_of, values, words)
        return (*super().tables(batch, columns), self._masses, tables)

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """State to be put into a snapshot; not a copy."""
        return {
            **super().arrays(),
            f"{NAME}.masses": self._masses,
            **self._companions.arrays(),
        }

    def restore(self, arrays: Mapping[str, NDArray[Any]], old_row: NDArray[np.int64]) -> None:
        """Take over state from a snapshot; trees that were cut otherwise begin anew."""
        super().restore(arrays, old_row)
        self._companions.restore(arrays, old_row)
        self._masses, fresh = self._bare(len(self.rows)), self.fresh(len(self.rows))
        same = self.state["words"] == fresh["words"]
        if f"{NAME}.masses" in arrays:
            had = arrays[f"{NAME}.masses"]
            mine, theirs = joined(old_row[self.rows], arrays[f"{NAME}.rows"])
            if f"{NAME}.meaning" not in arrays:
                same &= had.shape[1:] == self._masses.shape[1:]
            kept = same[mine] & self.kept(arrays, (mine, theirs))
            copy_leading(self._masses, had, (mine[kept], theirs[kept]))
        self.state[~same] = fresh[~same]


def _is_column(name: str) -> bool:
    return name != "change" and "." not in name


def _order(rule: Isolation) -> list[str]:
    """Features in the order in which river cuts them."""
    return sorted(rule.features)


def _companions(rule: Isolation) -> list[str]:
    return [name for name in _order(rule) if "." in name]


def _words(rule: Isolation) -> int:
    """Number of those words of a rule of which a change makes the masses others."""
    features = [(name, rule.features[name].low, rule.features[name].high) for name in _order(rule)]
    return crc32(repr((rule.trees, rule.height, rule.window, rule.seed, features)).encode())


ISOLATION: Final = Kind(
    NAME, Isolation, Isolations, "D11", faults=faults, false_alarm_rate=of_quantile
)
