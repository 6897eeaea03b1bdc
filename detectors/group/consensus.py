"""A channel that leaves its neighbours: a sensor's own fault, told from what moves an area."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec
import numpy as np
from msgspec import Meta
from numba import njit
from numpy.typing import NDArray

from contracts.batch import Batch, Disposition
from contracts.quantities import DIFFERENCE, Duration, Sigmas
from contracts.transition import NEVER, Colour
from detectors.base.findings import SIDES, by_expected
from detectors.base.kind import Columns, Fault, Kind, Roster, Scene
from detectors.base.level_step import Levels, figures, may_learn, ring, severity
from detectors.base.neighbours import nearest_in_group
from detectors.base.row_rule import RowRule
from detectors.channel.seasonal import CLIP, SIGMA_PER_DEVIATION
from detectors.false_alarm_rate.rate import FalseAlarmRate, band

NAME: Final = "consensus"
MOST: Final = 8
QUIET: Final = 2.0  # D6 of the domain notes: neighbours below 2
_SCORED: Final = int(Disposition.SCORED)


class Consensus(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rings when a channel moves away from its neighbours.

    Every channel keeps a running mean `m` of its value `x` and tells its neighbours how far it
    lies from it, `r = x - m`. Neighbours are the `nearest` channels of the same class in the same
    group, by place, and by their order where places are unknown. The median of what those told
    that were heard within `sync` of the reading is what moves the area; the rest,
    `d = r - median`, is the channel's own. The score is `d / u` with `u = max(1.2533 s, floor)`
    and `s` the mean absolute `d`, learned clipped at three `u`. `m` and `s` are learned with
    `a = 1 / min(n, memory)`; while the gate is closed, `m` follows the neighbours' median instead
    of `x`. Other rules judge `d` under the name `consensus`.

    What all channels do alike (a season, a storm, a step of the reference) leaves every `d` where
    it was once all of them have been heard, so `on_delay` is a period at least. One wrong channel
    moves no median: it rings alone. Where half an area moves, who is wrong cannot be told: nothing
    begins to ring unless neighbours are quiet, the median of their own scores below 2.

    Parameters
    ----------
    band : Sigmas
        Half width of the band, in `u`.
    floor : float
        Smallest `u` that is believed, in the unit of the class.
    at_most : {"blue", "yellow"}
        Colour that rings: a statistical finding alone is never worse than yellow.
    of : str
        Column that is judged.
    nearest : int
        Neighbours, 8 at most.
    least : int
        Neighbours that must have been heard; with fewer, nothing is judged.
    sync : Duration
        How old, or how much newer, the word of a neighbour may be.
    warm_up : int
        Readings before a channel tells anything, and after them before it is judged.
    memory : int
        Readings after which old ones fade.
    on_delay, off_delay : Duration
        As for limits.
    hysteresis : Sigmas
        How far inside the band the value must come back.
    relearn_after : Duration
        Age at which a closed learning gate opens: where the channel is now is learned as normal.

    References
    ----------
    Detector class D6 of the domain notes (median residual of 5 to 8 neighbours); the clipping is
    Huber's, Annals of Mathematical Statistics 35, 1964. State: 120 bytes for each channel, and 64
    for its neighbours' numbers.
    """

    STATE_FREE: ClassVar[frozenset[str]] = frozenset({"band", "floor", "least"})

    band: Sigmas
    floor: Annotated[float, Meta(gt=0, extra=DIFFERENCE)]
    at_most: Literal["blue", "yellow"]
    of: str = "value"
    nearest: Annotated[int, Meta(ge=3, le=MOST)] = 5
    least: Annotated[int, Meta(ge=3, le=MOST)] = 3
    sync: Duration = Duration("2 periods")
    warm_up: Annotated[int, Meta(ge=2, le=100_000)] = 30
    memory: Annotated[int, Meta(ge=2, le=1_000_000)] = 100
    on_delay: Duration = Duration("0 s")
    off_delay: Duration = Duration("0 s")
    hysteresis: Sigmas = Sigmas("0 sigma")
    relearn_after: Duration = Duration("7 d")


def faults(rule: Consensus, scene: Scene) -> Iterator[Fault]:
    """More words wanted than there are neighbours, bands that never ring or never clear."""
    if rule.on_delay.ns < scene.period.ns:
        text = f"expected a period ({scene.period}) at least, got {rule.on_delay}"
        yield ("on_delay",), f"{text}; what moves all would ring on those that are read first"
    if rule.least > rule.nearest:
        yield ("least",), f"expected at most nearest ({rule.nearest}), got {rule.least}"
    if not rule.sync.ns:
        yield ("sync",), f"expected more than 0 s, got {rule.sync}; nobody would be heard"
    if not rule.band.count:
        yield ("band",), f"expected more than 0 sigma, got {str(rule.band)!r}"
    elif rule.hysteresis.count >= rule.band.count:
        text = f"expected below the band ({rule.band}), got {str(rule.hysteresis)!r}"
        yield ("hysteresis",), f"{text}; it could never clear, lower it"
    if rule.of == "value" and rule.band.count * rule.floor >= 2 * (scene.high - scene.low):
        text = "expected a band inside the plausible width"
        yield ("floor",), f"{text}, got {rule.floor:g}; lower it"


@njit(cache=True, nogil=True, error_model="numpy")
def _median(told: NDArray[np.float64], n: int) -> Any:
    """Median of the first `n`, which are put in order."""
    for i in range(1, n):
        word, at = told[i], i
        while at > 0 and told[at - 1] > word:
            told[at] = told[at - 1]
            at -= 1
        told[at] = word
    middle = n // 2
    return told[middle] if n % 2 else (told[middle - 1] + told[middle]) / 2.0


@njit(cache=True, nogil=True, error_model="numpy")
def _area(
    state: NDArray[np.void], near: NDArray[np.int64], p: Any, time_ns: int, room: Any
) -> tuple[float, float]:
    """Medians of what neighbours told within `sync`, and of how far each was from its own."""
    told, scores = room
    n = 0
    for place in near:
        if place >= 0 and n < p.nearest:
            other = state[place]
            if other.seen > p.warm_up and abs(time_ns - other.at) <= p.sync_ns:
                told[n], scores[n] = other.said, abs(other.score)
                n += 1
    if n < p.least:
        return np.nan, np.nan
    return _median(told, n), _median(scores, n)


@njit(cache=True, nogil=True, error_model="numpy")
def _learn(mine: Any, p: Any, value: float, own: float) -> None:
    """Move the mean, and what is usual beside the neighbours, towards the reading."""
    mine.seen += 1
    if mine.seen == 1:
        mine.mean = value
        return
    mine.mean += (value - mine.mean) / min(mine.seen, p.memory)
    if np.isnan(own):
        return
    off = abs(own)
    if mine.compared >= p.warm_up:
        off = min(off, CLIP * max(SIGMA_PER_DEVIATION * mine.deviation, p.floor))
    mine.compared += 1
    mine.deviation += (off - mine.deviation) / min(mine.compared, p.memory)


@njit(cache=True, nogil=True, error_model="numpy")
def _follow(mine: Any, p: Any, expected: float) -> None:
    """Move the mean with the neighbours while the gate is closed.

    They learn what moves the area; a mean that stood still would ring for it once the channel is
    mended.
    """
    if not np.isnan(expected):
        mine.mean += (expected - mine.mean) / min(mine.seen, p.memory)


@njit(cache=True, nogil=True, error_model="numpy")
def _kernel(
    levels: Levels, rows: Any, columns: Any, span: tuple[int, int], transitions: NDArray[np.void]
) -> tuple[int, int]:
    place_of, params_of, state, params, neighbours, made = rows
    row_of, time_of, value_of, disposition = columns
    told, room = 0, (np.empty(MOST), np.empty(MOST))
    for i in range(span[0], span[1]):
        if told == len(transitions):
            return i, told
        place = place_of[row_of[i]] if disposition[i] == _SCORED else -1
        value, time_ns = value_of[i], time_of[i]
        if place < 0 or np.isnan(value):
            continue
        mine, p = state[place], params[params_of[place]]
        area, unrest = _area(state, neighbours[place], p, time_ns, room)
        own, score, breached = np.nan, 0.0, 0
        if mine.seen > p.warm_up:
            own = value - mine.mean - area
            made[i] = own
        if mine.compared >= p.warm_up and not np.isnan(own):
            unit = max(SIGMA_PER_DEVIATION * mine.deviation, p.floor)
            score = own / unit
            seen = severity(abs(score), p.bounds, p.back)
            breached = seen[0] if unrest < QUIET else 0
            reading = (i, row_of[i], place, time_ns)
            if ring(levels, reading, (breached, seen[1]), (p.on_ns, p.off_ns), transitions[told]):
                figures(transitions[told], value, value - own, p.band * unit, score)
                told += 1
        mine.said, mine.at, mine.score = value - mine.mean, time_ns, score
        if may_learn(levels, place, breached, time_ns, p.relearn_ns):
            _learn(mine, p, value, own)
        else:
            _follow(mine, p, value - own)
    return span[1], told


class Consensuses(RowRule):
    """Channels of one lane beside their neighbours; also the model that makes `consensus`."""

    NAME = NAME
    STATE = np.dtype(
        [
            ("seen", np.int64),
            ("compared", np.int64),
            ("mean", np.float64),
            ("deviation", np.float64),
            ("said", np.float64),
            ("score", np.float64),
            ("at", np.int64),
        ]
    )
    PARAMS = np.dtype(
        [
            *((name, np.int64) for name in ("nearest", "least", "sync_ns", "warm_up", "memory")),
            ("band", np.float64),
            ("floor", np.float64),
            ("bounds", np.float64, (4,)),
            ("back", np.float64),
            *((name, np.int64) for name in ("on_ns", "off_ns", "relearn_ns")),
        ]
    )
    KERNEL = _kernel

    def __init__(self, slot: int, rules: Mapping[str, Consensus], roster: Roster) -> None:
        super().__init__(slot, rules, roster)
        self._neighbours = nearest_in_group(self.rows, roster, MOST)

    def fresh(self, n: int) -> NDArray[np.void]:
        """Channels that nobody has heard of yet, shape (n,)."""
        state = np.zeros(n, self.STATE)
        state["at"] = NEVER
        return state

    def put(self, figures: Any, rule: Consensus, period_ns: int) -> None:
        """Write the figures of one class's rule into its parameter record."""
        figures["nearest"], figures["least"] = rule.nearest, rule.least
        figures["sync_ns"] = rule.sync.resolve(Duration(f"{period_ns // 1_000_000} ms")).ns
        figures["warm_up"], figures["memory"] = rule.warm_up, rule.memory
        figures["band"], figures["floor"] = rule.band.count, rule.floor
        figures["bounds"] = np.inf
        figures["bounds"][: Colour[rule.at_most.upper()]] = rule.band.count
        figures["back"] = rule.hysteresis.count
        figures["on_ns"], figures["off_ns"] = rule.on_delay.ns, rule.off_delay.ns
        figures["relearn_ns"] = rule.relearn_after.ns

    def tables(self, batch: Batch, columns: Columns) -> tuple[Any, ...]:
        """State, figures and neighbours for the kernel, and the column that it fills."""
        if NAME not in columns:
            columns[NAME] = np.full(len(batch), np.nan)
        return (*super().tables(batch, columns), self._neighbours, columns[NAME])


def of_consensus(rule: Any, scene: Any) -> FalseAlarmRate:
    """A band around what neighbours do."""
    del scene
    return FalseAlarmRate(band(rule.band.count, rule.memory))


CONSENSUS: Final = Kind(
    NAME,
    Consensus,
    Consensuses,
    "D6",
    fields=frozenset({"observed", "expected", "low", "high", "score"}),
    faults=faults,
    findings=SIDES,
    finding=by_expected,
    makes=NAME,
    false_alarm_rate=of_consensus,
)
