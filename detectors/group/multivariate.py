"""Channels of a group that do not do together what they always did together."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec
import numpy as np
from msgspec import Meta
from numba import njit
from numpy.typing import NDArray

from contracts.batch import Batch, Disposition
from contracts.quantities import DIFFERENCE, Duration
from contracts.transition import TRANSITION, Colour, Transitions, end_to_end, no_transitions
from detectors.base.kind import Columns, Fault, Kind, Roster, Scene
from detectors.base.level_step import Levels, may_learn, new_levels, ring, severity, views
from detectors.base.meaning import fingerprints, same_meaning
from detectors.base.row_rule import NOTES, copy_leading, joined, stacked
from detectors.false_alarm_rate.rate import FalseAlarmRate, at_most
from detectors.group.members import Members
from detectors.group.principal import fit, judge

_SCORED: Final = int(Disposition.SCORED)


@njit(cache=True, nogil=True, error_model="numpy")
def _row(circle: Any, place: int, time_ns: int, p: Any, x: NDArray[np.float64]) -> bool:
    """What the channels of a place said last; whether all did, and in time."""
    _, cells_of, said, said_at = circle
    for i in range(len(x)):
        cell = cells_of[place, i]
        x[i] = said[p.source, cell]
        if np.isnan(x[i]) or abs(time_ns - said_at[p.source, cell]) > p.sync_ns:
            return False
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def _judged(state: Any, place: int, x: NDArray[np.float64], shown: Any) -> float:
    """Score of a row; `shown` becomes value and expected value of the channel that adds most."""
    counts, _, mean, scale, parts, variance, limits = state
    n = len(x)
    model = (
        counts[place, 1],
        mean[place, :n],
        scale[place, :n],
        parts[place],
        variance[place],
        limits[place],
    )
    out = np.empty((2, n))
    t2, spe, most = judge(x, model, out)
    shown[0], shown[1] = x[most], out[0, most]
    return float(max(t2, spe))


@njit(cache=True, nogil=True, error_model="numpy")
def _learn(state: Any, place: int, x: NDArray[np.float64], p: Any) -> bool:
    """Keep a clean row; whether a new model is due."""
    counts, clean = state[0], state[1]
    clean[place, counts[place, 0] % p.train, : len(x)] = x
    counts[place, 0] += 1
    more = counts[place, 0] - p.train
    return bool(more >= 0 and more % p.retrain == 0)


@njit(cache=True, nogil=True, error_model="numpy")
def _hear(circle: Any, cell: int, said: NDArray[np.float64], time_ns: int) -> None:
    """Keep what a channel said, by column."""
    for source in range(len(said)):
        if not np.isnan(said[source]):
            circle[2][source, cell] = said[source]
            circle[3][source, cell] = time_ns


@njit(cache=True, nogil=True, error_model="numpy")
def _judge_and_ring(
    levels: Levels, reading: tuple[int, int, int, int], tables: Any, x: Any, transition: Any
) -> tuple[int, int]:
    """Judge a row and advance the level; colour breached, and how many transitions were written."""
    state, p = tables
    if state[0][reading[2], 1] == 0:
        return 0, 0
    shown = np.empty(2)
    score = _judged(state, reading[2], x, shown)
    seen = severity(score, p.bounds, p.back)
    if not ring(levels, reading, seen, (p.on_ns, p.off_ns), transition):
        return seen[0], 0
    transition.observed, transition.expected = shown[0], shown[1]
    transition.low, transition.high, transition.score = np.nan, np.nan, score
    return seen[0], 1


@njit(cache=True, nogil=True, error_model="numpy")
def advance(
    levels: Levels, rows: Any, columns: Any, span: tuple[int, int], transitions: NDArray[np.void]
) -> tuple[int, int, int]:
    """Walk over readings, in order, as far as transitions and models go.

    Parameters
    ----------
    rows : tuple
        Place of each lane row or -1; parameters, by place and in all; channels by place; what a
        `Members` gives; counts, clean rows, and the model by place.
    columns : (row, time_ns, values by source, disposition)

    Returns
    -------
    (int, int, int)
        Reading to go on with, transitions written, and the place that is due for a model, or -1.
    """
    place_of, params_of, params, width_of, circle, state = rows
    row_of, time_of, values, disposition = columns
    told = 0
    for i in range(span[0], span[1]):
        if told == len(transitions):
            return i, told, -1
        row, time_ns = row_of[i], time_of[i]
        if disposition[i] != _SCORED or circle[0][row] < 0:
            continue
        _hear(circle, circle[0][row], values[:, i], time_ns)
        place = place_of[row]
        if place < 0:
            continue
        p, x = params[params_of[place]], np.empty(width_of[place])
        if np.isnan(values[p.source, i]) or not _row(circle, place, time_ns, p, x):
            continue
        reading = (i, row, place, time_ns)
        breached, more = _judge_and_ring(levels, reading, (state, p), x, transitions[told])
        told += more
        learns = may_learn(levels, place, breached, time_ns, p.relearn_ns)
        if learns and _learn(state, place, x, p):
            return i + 1, told, place
    return span[1], told, -1


NAME: Final = "multivariate"
MOST: Final = 40  # channels of a group: D11 of the domain notes


class Multivariate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rings when channels of a group do not go together as they did.

    The anchor is the first channel of the rule's class in its group; with it go all channels of
    the classes `with`, in the order of the lane, 40 in all at most. Whenever the anchor is read,
    what every channel said last makes a row, if none of it is further than `sync` away. The
    first `train` rows, and then every `retrain` rows the last `train` ones, tell means,
    deviations and correlations; their principal components are kept up to a share `keep` of the
    variance. A row is judged twice: Hotelling's T2 is how far it lies out along the kept
    components, and SPE (also Q) how far off them. To every channel a noise of its floor is added
    in thought, so that a channel that stood still may take its first step.

    Only rows that the gate lets through are learned. The score is the larger of both, each in
    its limit. Level changes are told on the anchor. They show the channel that adds most to the
    score: `observed` is its value, and `expected` what the others let expect of it, by the kept
    components.

    State: `8 p (train + p + 3) + 104` bytes for the `p` channels of the widest group, and 16 for
    each channel.

    Parameters
    ----------
    with : dict of str to float
        Classes to floors: the smallest deviation that is believed, in the unit of that class.
        The rule's own class may be among them.
    floor : float
        The same for the anchor.
    sync : Duration
        How old, or how much newer, the word of another channel may be.
    train, retrain : int
        Rows that a model is made of, and after which it is made again.
    keep : float
        Share of the variance that the kept components have.
    quantile : float
        Share of normal rows inside each limit.
    times : float
        How many limits are too far. Rows of real channels are neither normal nor independent.
    of : str
        Column that is judged, of all of them.
    at_most : {"blue", "yellow"}
        Colour that rings: a statistical finding alone is never worse than yellow.
    on_delay, off_delay : Duration
        As for limits.
    hysteresis : float
        How far below `times` the score must come.
    relearn_after : Duration
        Age at which a closed learning gate opens: what they do now is learned as normal.

    References
    ----------
    H. Hotelling, Multivariate Quality Control, 1947; J. E. Jackson and G. S. Mudholkar,
    Technometrics 21(3), 1979; P. Miller, R. E. Swanson and C. E. Heckler, Contribution Plots,
    Applied Mathematics and Computer Science 8(4), 1998; detector class D11 of the domain notes.
    """

    STATE_FREE: ClassVar[frozenset[str]] = frozenset({"times"})

    with_classes: dict[str, Annotated[float, Meta(gt=0)]] = msgspec.field(name="with")
    floor: Annotated[float, Meta(gt=0, extra=DIFFERENCE)]
    sync: Duration = Duration("2 periods")
    train: Annotated[int, Meta(ge=100, le=10_000)] = 500
    retrain: Annotated[int, Meta(ge=10, le=1_000_000)] = 1000
    keep: Annotated[float, Meta(ge=0.5, lt=1)] = 0.9
    quantile: Annotated[float, Meta(ge=0.9, lt=1)] = 0.999
    times: Annotated[float, Meta(ge=1)] = 1.0
    of: str = "value"
    at_most: Literal["blue", "yellow"]
    on_delay: Duration = Duration("0 s")
    off_delay: Duration = Duration("0 s")
    hysteresis: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    relearn_after: Duration = Duration("7 d")


def faults(rule: Multivariate, scene: Scene) -> Iterator[Fault]:
    """Groups of one, words that are always too old, floors that see nothing."""
    if not rule.with_classes:
        yield ("with",), "expected a class, got none; name those that go with this one"
    if not rule.sync.ns:
        yield ("sync",), f"expected more than 0 s, got {rule.sync}; no row would be whole"
    if rule.of == "value" and rule.floor >= scene.high - scene.low:
        text = f"expected below the plausible width ({scene.high - scene.low:g})"
        yield ("floor",), f"{text}, got {rule.floor:g}; nothing would be far"


PARAMS: Final = np.dtype(
    [
        ("source", np.int64),  # of the columns
        *((name, np.int64) for name in ("sync_ns", "train", "retrain")),
        ("bounds", np.float64, (4,)),
        ("back", np.float64),
        *((name, np.int64) for name in ("on_ns", "off_ns", "relearn_ns")),
    ]
)
# By name: type, and whether a model has one, a number a channel, or a number a pair or a row.
_STATE: Final[Mapping[str, tuple[type, str]]] = {
    "counts": (np.int64, "3"),  # rows learned, components kept (0 without a model), `train`
    "clean": (np.float64, "rp"),
    "mean": (np.float64, "p"),
    "scale": (np.float64, "p"),
    "parts": (np.float64, "pp"),
    "variance": (np.float64, "p"),
    "limits": (np.float64, "2"),
}


class Multivariates:
    """Groups of one lane and what their channels do together."""

    def __init__(self, slot: int, rules: Mapping[str, Multivariate], roster: Roster) -> None:
        self._slot = slot
        labels = sorted(rules)
        self._rules = [rules[label] for label in labels]
        self._sources = sorted({rule.of for rule in self._rules})
        wanted = {label: tuple(rules[label].with_classes) for label in labels}
        self._circle = Members(NAME, wanted, roster, most=MOST, sources=self._sources)
        self._rows = self._circle.anchors
        kinds = [roster.labels[i] for i in roster.class_of[self._rows]]
        self._params_of = np.array([labels.index(kind) for kind in kinds], np.int64)
        self._floors = [self._floors_of(place, roster) for place in range(len(self._rows))]
        self._place = np.full(len(roster.class_of), -1, np.int64)
        self._place[self._rows] = np.arange(len(self._rows))
        self._params = np.zeros(len(labels), PARAMS)
        period_ns = dict(zip(roster.labels, roster.period_ns, strict=True))
        for label, rule, p in zip(labels, self._rules, self._params, strict=True):
            self._put(p, rule, period_ns[label])
        self._meaning = fingerprints(rules, roster)[self._params_of]
        self.relearning = 0
        self._transitions = np.zeros(NOTES, TRANSITION)
        self._begin()

    def _floors_of(self, place: int, roster: Roster) -> NDArray[np.float64]:
        rule = self._rules[self._params_of[place]]
        others = self._circle.members(place)[1:]
        named = [roster.classes[i] for i in roster.class_of[others]]
        return np.array([rule.floor, *(rule.with_classes[name] for name in named)])

    def _put(self, figures: Any, rule: Multivariate, period_ns: int) -> None:
        """Write the figures of one class's rule into its parameter record."""
        figures["source"] = self._sources.index(rule.of)
        figures["sync_ns"] = rule.sync.resolve(Duration(f"{period_ns // 1_000_000} ms")).ns
        figures["train"], figures["retrain"] = rule.train, rule.retrain
        figures["bounds"] = np.inf
        figures["bounds"][: Colour[rule.at_most.upper()]] = rule.times
        figures["back"] = rule.hysteresis
        figures["on_ns"], figures["off_ns"] = rule.on_delay.ns, rule.off_delay.ns
        figures["relearn_ns"] = rule.relearn_after.ns

    def _begin(self) -> None:
        """State of groups that nobody has heard of yet."""
        sizes = {
            "2": 2,
            "3": 3,
            "p": self._circle.widest,
            "r": max(rule.train for rule in self._rules),
        }
        n = len(self._rows)
        self._state: dict[str, NDArray[Any]] = {
            name: np.zeros((n, *(sizes[letter] for letter in shape)), kind)
            for name, (kind, shape) in _STATE.items()
        }
        self._state["counts"][:, 2] = self._params["train"][self._params_of]
        self._levels = new_levels(n)

    def score(
        self,
        batch: Batch,
        disposition: NDArray[np.uint8],
        span: tuple[int, int],
        columns: Columns,
    ) -> Transitions:
        """Judge the readings of a span, in order; level changes by rising ordinal come back."""
        if not len(self._rows):
            return no_transitions()
        values = stacked([columns[name] for name in self._sources])
        readings = (batch.row, batch.time_ns, values, disposition)
        state = tuple(self._state.values())
        rows = (
            *(self._place, self._params_of, self._params, self._circle.width_of),
            *(self._circle.words(), state),
        )
        first, last = span
        found: list[Transitions] = []
        while first < last:
            first, told, due = advance(
                views(self._levels), rows, readings, (first, last), self._transitions
            )
            if told:
                found.append(self._transitions[:told].copy())
            if due >= 0:
                self._fit(due)
        transitions = end_to_end(found)
        transitions["rule"] = self._slot
        return transitions

    def _fit(self, place: int) -> None:
        """Make the model of a place anew, from its clean rows."""
        rule, width = self._rules[self._params_of[place]], int(self._circle.width_of[place])
        mine = {name: array[place] for name, array in self._state.items()}
        rows = np.ascontiguousarray(mine["clean"][: rule.train, :width])
        model = fit(rows, self._floors[place], rule.keep, rule.quantile)
        mine["counts"][1], mine["limits"][:] = model.kept, model.limits
        mine["mean"][:width], mine["scale"][:width] = model.mean, model.scale
        mine["variance"][:width], mine["parts"][:width, :width] = model.variance, model.parts

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """State to be put into a snapshot; not a copy."""
        mine = {f"{NAME}.{name}": array for name, array in self._state.items()}
        own = {f"{NAME}.levels": self._levels, f"{NAME}.meaning": self._meaning}
        return {**own, **mine, **self._circle.arrays()}

    def restore(self, arrays: Mapping[str, NDArray[Any]], old_row: NDArray[np.int64]) -> None:
        """Take over state that means the same; groups of other channels begin anew."""
        self._begin()
        self.relearning = 0
        same = self._circle.restore(arrays, old_row)
        mine, theirs = joined(old_row[self._rows], arrays.get(f"{NAME}.anchors", np.empty(0, int)))
        if not len(mine):
            return
        self._levels[mine] = arrays[f"{NAME}.levels"][theirs]
        had = {name: arrays[f"{NAME}.{name}"] for name in self._state}
        kept = same[mine] & (had["counts"][theirs, 2] == self._state["counts"][mine, 2])
        kept &= same_meaning(NAME, arrays, self._meaning, (mine, theirs))
        if f"{NAME}.meaning" not in arrays:
            kept &= all(had[n].shape[1:] == new.shape[1:] for n, new in self._state.items())
        for name, array in self._state.items():
            copy_leading(array, had[name], (mine[kept], theirs[kept]))
        self.relearning = int(np.count_nonzero(~kept))


def of_multivariate(rule: Any, scene: Any) -> FalseAlarmRate:
    """Two limits, T2 and SPE, each with its quantile of normal rows inside.

    A bound, as Jackson and Mudholkar's limit of SPE lies too far out beyond a quantile of 0.99: of
    two equal components by 5 % at 0.9999, where 65 % of the promised rows are beyond it.
    """
    del scene
    return FalseAlarmRate(partial(at_most, 1.0 - rule.quantile**2), exact=False, per="group")


_FIELDS: Final = frozenset({"observed", "expected", "score"})
MULTIVARIATE: Final = Kind(
    NAME, Multivariate, Multivariates, "D11", _FIELDS, faults, false_alarm_rate=of_multivariate
)
