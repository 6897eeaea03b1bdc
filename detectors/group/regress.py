"""What companions explain of a value: least squares that forget, and the residual."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec
import numpy as np
from msgspec import Meta
from numba import njit
from numpy.typing import NDArray

from contracts.batch import Batch, Disposition
from contracts.quantities import DIFFERENCE, Duration, Sigmas
from contracts.transition import Colour
from detectors.base.companions import Companions
from detectors.base.findings import SIDES, by_expected
from detectors.base.kind import Columns, Fault, Kind, Roster, Scene
from detectors.base.level_step import Levels, figures, may_learn, ring, severity
from detectors.base.row_rule import RowRule
from detectors.channel.seasonal import CLIP, SIGMA_PER_DEVIATION
from detectors.false_alarm_rate.rate import FalseAlarmRate, band

NAME: Final = "regress"
MADE: Final = "regressed"
INPUTS_MAX: Final = 8
PRIOR: Final = 1e6  # variance of a coefficient before anything is known, in that of the noise
_SCORED: Final = int(Disposition.SCORED)


class Regress(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rings when the value is not what channels of the same group explain.

    With `f = (1, x_1 - o_1, ..., x_k - o_k)`, where `x` are the companions' last values and `o`
    the first ones that were learned, the value is expected at `t . f`. A reading is learned with
    `g = P f` and `z = f . g`: `t += g e / (1 + z)` for the error `e`, once warm clipped at three
    `u` so that a fault moves little, and `P -= w g g'` with `w = c / (1 + c z)` and
    `c = l - (1 - l) / z`, `l` being `forget`: the memory fades only in the direction in which
    there is news, so that a month of the same temperature does not wear out what is known of its
    effect (plain forgetting would: the gain winds up and the next warm day rings). It begins with
    `t = 0` but the first value, and `P = 1e6` on the diagonal.

    The score is `(y - t . f) / u` with `u = max(1.2533 s, floor)`, where `s` is the mean absolute
    error, learned as `s += a (|e| - s)`, `a = max(1 / n, 1 - l)`, n counting from the middle of
    the warm-up.
    Other rules judge the error under the name `regressed`. Where a companion has said nothing, or
    nothing within `sync` of the reading, there is no error and nothing is judged or learned.

    Parameters
    ----------
    on : list of str
        Classes of the companions in the same group; at its first row where there are several.
    band : Sigmas
        Half width of the band, in `u`.
    floor : float
        Smallest `u` that is believed, in the unit of the class.
    at_most : {"blue", "yellow"}
        Colour that rings.
    of : str
        Column that is explained.
    forget : float
        Weight that a reading keeps at the next one.
    sync : Duration
        Age, or lead, at which the word of a companion is no longer used.
    side : {"both", "above", "below"}
        Which way is unusual.
    warm_up : int
        Readings that are learned before anything is judged.
    on_delay, off_delay : Duration
        As for limits.
    hysteresis : Sigmas
        How far inside the band the value must come back.
    relearn_after : Duration
        Age at which a closed learning gate opens.

    References
    ----------
    R. Kulhavy, Restricted exponential forgetting in real-time identification, Automatica 23,
    1987; P. J. Huber, Robust Estimation of a Location Parameter, Annals of Mathematical
    Statistics 35, 1964 (the clipping). State with k companions: 80 bytes, 8 (k + 1) (k + 3) for
    o, t and P, and 16 for each companion; 160 bytes with one.
    """

    STATE_FREE: ClassVar[frozenset[str]] = frozenset({"band", "floor", "side"})

    on: Annotated[list[str], Meta(min_length=1, max_length=INPUTS_MAX)]
    band: Sigmas
    floor: Annotated[float, Meta(gt=0, extra=DIFFERENCE)]
    at_most: Literal["blue", "yellow"]
    of: str = "value"
    forget: Annotated[float, Meta(ge=0.9, lt=1)] = 0.999
    sync: Duration = Duration("2 periods")
    side: Literal["both", "above", "below"] = "both"
    warm_up: Annotated[int, Meta(ge=4, le=100_000)] = 100
    on_delay: Duration = Duration("0 s")
    off_delay: Duration = Duration("0 s")
    hysteresis: Sigmas = Sigmas("0 sigma")
    relearn_after: Duration = Duration("7 d")


def faults(rule: Regress, scene: Scene) -> Iterator[Fault]:
    """Companions that are none, bands that never clear, too little to learn from."""
    for i, name in enumerate(rule.on):
        if "." not in name:
            yield ("on", str(i)), f"expected a class such as 'power.temperature', got {name!r}"
    if len(set(rule.on)) < len(rule.on):
        yield ("on",), f"expected each class once, got {', '.join(rule.on)}"
    if not rule.band.count:
        yield ("band",), f"expected more than 0 sigma, got {str(rule.band)!r}"
    elif rule.hysteresis.count >= rule.band.count:
        text = f"expected below the band ({rule.band}), got {str(rule.hysteresis)!r}"
        yield ("hysteresis",), f"{text}; it could never clear, lower it"
    if rule.band.count * rule.floor >= scene.high - scene.low:
        text = f"expected a band inside the plausible width, got {rule.floor:g}"
        yield ("floor",), f"{text}; lower it"
    if rule.warm_up < 4 * (len(rule.on) + 1):
        text = f"expected at least {4 * (len(rule.on) + 1)} for {len(rule.on)} companions"
        yield ("warm_up",), f"{text}, got {rule.warm_up}; raise it"


@njit(cache=True, nogil=True, error_model="numpy")
def _hear(companions: Any, row: int, value: float, time_ns: int) -> None:
    """Note what a channel says, if somebody listens."""
    cell = companions[0][row]
    if cell >= 0:
        companions[2][cell], companions[3][cell] = value, time_ns


@njit(cache=True, nogil=True, error_model="numpy")
def _listen(companions: Any, place: int, time_ns: int, p: Any, x: NDArray[np.float64]) -> bool:
    """Write the companions' words to `x[1:]`; whether all have said one in time."""
    _, cells_of, said, said_at = companions
    for j in range(p.inputs):
        cell = cells_of[place, j]
        if cell < 0 or np.isnan(said[cell]) or abs(time_ns - said_at[cell]) > p.sync_ns:
            return False
        x[j + 1] = said[cell]
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def _expected(mine: Any, p: Any, x: NDArray[np.float64], value: float) -> float:
    """What the companions explain; `x` becomes the distances from the origins."""
    if mine.learned == 0:
        mine.theta[0], mine.spread[0, 0] = value, PRIOR
        for j in range(1, p.inputs + 1):
            mine.origin[j], mine.spread[j, j] = x[j], PRIOR
    total = mine.theta[0]
    for j in range(1, p.inputs + 1):
        x[j] -= mine.origin[j]
        total += mine.theta[j] * x[j]
    return float(total)


@njit(cache=True, nogil=True, error_model="numpy")
def _learn(mine: Any, p: Any, x: NDArray[np.float64], error: float) -> None:
    """Move the coefficients, and what is known of them, by one reading."""
    n = p.inputs + 1
    gain = np.zeros(INPUTS_MAX + 1)
    z = 0.0
    for i in range(n):
        for j in range(n):
            gain[i] += mine.spread[i, j] * x[j]
        z += x[i] * gain[i]
    news = p.forget - (1.0 - p.forget) / z
    weight = news / (1.0 + news * z)
    for i in range(n):
        mine.theta[i] += gain[i] * error / (1.0 + z)
        for j in range(i + 1):
            mine.spread[i, j] -= weight * gain[i] * gain[j]
            mine.spread[j, i] = mine.spread[i, j]


@njit(cache=True, nogil=True, error_model="numpy")
def _take(mine: Any, p: Any, x: NDArray[np.float64], error: float, unit: float) -> None:
    """Learn an error, clipped once there is a measure for it, and its size."""
    mine.learned += 1
    if mine.learned > p.warm_up:
        error = min(max(error, -CLIP * unit), CLIP * unit)
    _learn(mine, p, x, error)
    counted = mine.learned - p.warm_up // 2
    if counted > 0:
        share = max(1.0 / counted, 1.0 - p.forget)
        mine.deviation += share * (abs(error) - mine.deviation)


@njit(cache=True, nogil=True, error_model="numpy")
def _seen(p: Any, score: float) -> Any:
    """Colours breached and held."""
    return severity(abs(score) if p.side == 0 else p.side * score, p.bounds, p.back)


@njit(cache=True, nogil=True, error_model="numpy")
def _kernel(
    levels: Levels, rows: Any, columns: Any, span: tuple[int, int], transitions: NDArray[np.void]
) -> tuple[int, int]:
    place_of, params_of, state, params, companions, measured, residual = rows
    row_of, time_of, value_of, disposition = columns
    x, told = np.ones(INPUTS_MAX + 1), 0
    for i in range(span[0], span[1]):
        if told == len(transitions):
            return i, told
        if disposition[i] != _SCORED or row_of[i] < 0:
            continue
        value, time_ns, place = value_of[i], time_of[i], place_of[row_of[i]]
        _hear(companions, row_of[i], measured[i], time_ns)
        p = params[params_of[place]]  # of anyone where place is -1
        if place < 0 or np.isnan(value) or not _listen(companions, place, time_ns, p, x):
            continue
        mine = state[place]
        expected, breached = _expected(mine, p, x, value), 0
        error, unit = value - expected, max(SIGMA_PER_DEVIATION * mine.deviation, p.floor)
        if mine.learned >= p.warm_up:
            residual[i] = error
            seen, reading = _seen(p, error / unit), (i, row_of[i], place, time_ns)
            breached = seen[0]
            if ring(levels, reading, seen, (p.on_ns, p.off_ns), transitions[told]):
                figures(transitions[told], value, expected, p.band * unit, error / unit)
                told += 1
        if may_learn(levels, place, breached, time_ns, p.relearn_ns):
            _take(mine, p, x, error, unit)
    return span[1], told


class Regressions(RowRule):
    """What companions explain of one lane's channels; also the model that makes `regressed`."""

    NAME = NAME
    PARAMS = np.dtype(
        [
            ("inputs", np.int64),
            ("side", np.int64),  # 1 above, -1 below, 0 both
            ("warm_up", np.int64),
            ("sync_ns", np.int64),
            ("forget", np.float64),
            ("band", np.float64),
            ("floor", np.float64),
            ("bounds", np.float64, (4,)),
            ("back", np.float64),
            ("on_ns", np.int64),
            ("off_ns", np.int64),
            ("relearn_ns", np.int64),
        ]
    )
    KERNEL = _kernel

    def __init__(self, slot: int, rules: Mapping[str, Regress], roster: Roster) -> None:
        width = max(len(rule.on) for rule in rules.values()) + 1
        self._dtype = np.dtype(
            [
                ("learned", np.int64),
                ("deviation", np.float64),
                ("origin", np.float64, (width,)),
                ("theta", np.float64, (width,)),
                ("spread", np.float64, (width, width)),
            ]
        )
        super().__init__(slot, rules, roster)
        wanted = {label: rule.on for label, rule in rules.items()}
        self._companions = Companions(NAME, self.rows, wanted, roster)

    def fresh(self, n: int) -> NDArray[np.void]:
        """Channels that have learned nothing, shape (n,)."""
        return np.zeros(n, self._dtype)

    def put(self, figures: Any, rule: Regress, period_ns: int) -> None:
        """Write the figures of one class's rule."""
        del period_ns
        figures["inputs"], figures["warm_up"] = len(rule.on), rule.warm_up
        figures["side"] = {"both": 0, "above": 1, "below": -1}[rule.side]
        figures["sync_ns"], figures["forget"] = rule.sync.ns, rule.forget
        figures["band"], figures["floor"] = rule.band.count, rule.floor
        colours = np.arange(4) < Colour[rule.at_most.upper()]
        figures["bounds"] = np.where(colours, rule.band.count, np.inf)
        figures["back"] = rule.hysteresis.count
        figures["on_ns"], figures["off_ns"] = rule.on_delay.ns, rule.off_delay.ns
        figures["relearn_ns"] = rule.relearn_after.ns

    def tables(self, batch: Batch, columns: Columns) -> tuple[Any, ...]:
        """State, figures and companions for the kernel, and the column that it fills."""
        if MADE not in columns:
            columns[MADE] = np.full(len(batch), np.nan)
        ours = self._companions
        companions = (ours.cell, ours.cells_of, ours.said, ours.said_at)
        return (*super().tables(batch, columns), companions, batch.value, columns[MADE])

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """State to be put into a snapshot; not a copy."""
        return {**super().arrays(), **self._companions.arrays()}

    def restore(self, arrays: Mapping[str, NDArray[Any]], old_row: NDArray[np.int64]) -> None:
        """Take over state from a snapshot."""
        super().restore(arrays, old_row)
        self._companions.restore(arrays, old_row)


def of_regress(rule: Any, scene: Any) -> FalseAlarmRate:
    """A band around what companions explain."""
    del scene
    return FalseAlarmRate(band(rule.band.count, 1.0 / (1.0 - rule.forget), rule.side))


_FIELDS: Final = frozenset({"observed", "expected", "low", "high", "score"})
REGRESS: Final = Kind(
    NAME,
    Regress,
    Regressions,
    "D5",
    _FIELDS,
    faults,
    MADE,
    false_alarm_rate=of_regress,
    findings=SIDES,
    finding=by_expected,
)
