"""Small lasting shifts of a column: an EWMA chart and a two-sided CUSUM beside one mean."""

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec
import numpy as np
from msgspec import Meta
from numba import njit
from numpy.typing import NDArray

from contracts.batch import Disposition
from contracts.quantities import DIFFERENCE, Duration, Sigmas
from contracts.transition import Colour
from detectors.base.findings import SIDES, by_score
from detectors.base.kind import Fault, Kind, Scene
from detectors.base.level_step import Levels, figures, may_learn, ring
from detectors.base.row_rule import RowRule
from detectors.false_alarm_rate.rate import FalseAlarmRate, at_most
from detectors.false_alarm_rate.run_length import (
    LONGEST,
    cusum_length,
    cusum_limit,
    ewma_band,
    ewma_length,
    run_length,
)

CLIP: Final = 5.0  # sigmas: normal data are beyond once in 1.7 million readings


SHORTEST: Final = 100.0  # readings: a chart that rings more often tells nothing


class FalseAlarms(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How many false alarms a class may have on clean data.

    Parameters
    ----------
    per_day : float
        Of all its channels together.
    channels : int
        How many these are.
    """

    per_day: Annotated[float, Meta(gt=0)]
    channels: Annotated[int, Meta(ge=1, le=100_000_000)]


class Shift(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rings when the mean has shifted by little, but for long.

    Each value `x` becomes `z`, standard normal on clean normal data however few were learned:
    `t = (x - m) / (u sqrt(1 + q))`, `z = c sqrt(v ln(1 + t^2 / v))` with the sign of `t`,
    `v = 1 / q - 1` and `c = (8 v + 1) / (8 v + 3)`, clipped at five so that one wild reading is no
    shift. Then `e += smoothing (z - e)`, `up = max(0, up + z - k)` and
    `down = max(0, down - z - k)`. It is a shift when `|e|` exceeds `band` deviations of `e`, which
    are `sqrt(smoothing / (2 - smoothing))`, or `up` or `down` exceeds `h`. Then `e`, `up` and
    `down` begin at 0 anew with the next reading, so that the times between alarms on clean data
    are independent, and alarms of many channels are as good as a Poisson process. The colour
    stays for `off_delay`, and longer while the shift is told again; a shift by `d` sigmas is, after
    about `h / (d - k)` readings.

    Learned are mean `m` and deviation `u = max(sqrt(s / (1 - q)), floor)`: with
    `a = 1 / min(n, memory)` for the n-th reading and `d = x - m`, once warm clipped at `5 u`,
    `m += a d`, `s = (1 - a) (s + a d^2)` and `q = (1 - a)^2 q + a^2`, the variance of `m` in that
    of `x`; it begins with `m = x`, `s = 0`, `q = 1`. As long as nothing is forgotten, successive
    `z` are independent (Hawkins); beyond `memory` they lean a little against each other, and
    charts ring a little less.

    The score is the larger chart in its threshold, below 0 for a shift downwards.

    Parameters
    ----------
    floor : float
        Smallest `u` that is believed, in the unit of the class.
    at_most : {"blue", "yellow"}
        Colour that rings: a statistical finding alone is never worse than yellow.
    charts : {"both", "ewma", "cusum"}
        Which of them ring.
    smoothing : float
        Share of a new value in `e`.
    k : Sigmas
        Distance from the mean that does not count: half the shift that is looked for.
    band, h : Sigmas or None
        Thresholds of EWMA and CUSUM.
    false_alarms : FalseAlarms or None
        Instead of thresholds, how often they may ring when nothing is wrong. Each of two
        charts gets half of it; as they ring together often, they ring less than that.
    of : str
        Column that is judged: `seasonal`, never a value that swings with the day.
    warm_up : int
        Readings learned before anything is judged.
    memory : int
        Readings after which old ones fade: many, for a mean that is off by little shortens runs by
        a lot.
    on_delay : Duration
        0 s: a chart has waited already.
    off_delay : Duration
        How long the colour stays.
    relearn_after : Duration
        Age at which a closed learning gate opens: the new level is learned as normal.

    References
    ----------
    E. S. Page, Continuous Inspection Schemes, Biometrika 41, 1954 (the CUSUM); S. W. Roberts,
    Technometrics 1, 1959 (the EWMA); D. M. Hawkins, Self-Starting Cusum Charts for Location and
    Scale, The Statistician 36, 1987 (the standard normal `z`); D. L. Wallace, Bounds on normal
    approximations to Student's and the chi-square distributions, Annals of Mathematical Statistics
    30, 1959 (its form); D. J. West, CACM 22, 1979 (the variance). Detector class D3 of the
    project's domain notes. State: 56 bytes, and 64 of the level.
    """

    STATE_FREE: ClassVar[frozenset[str]] = frozenset(
        {"band", "charts", "false_alarms", "floor", "h"}
    )

    floor: Annotated[float, Meta(gt=0, extra=DIFFERENCE)]
    at_most: Literal["blue", "yellow"]
    charts: Literal["both", "ewma", "cusum"] = "both"
    smoothing: Annotated[float, Meta(ge=0.02, le=1)] = 0.1
    k: Sigmas = Sigmas("0.5 sigma")
    band: Sigmas | None = None
    h: Sigmas | None = None
    false_alarms: FalseAlarms | None = None
    of: str = "value"
    warm_up: Annotated[int, Meta(ge=10, le=1_000_000)] = 300
    memory: Annotated[int, Meta(ge=10, le=1_000_000)] = 5000
    on_delay: Duration = Duration("0 s")
    off_delay: Duration = Duration("0 s")
    relearn_after: Duration = Duration("7 d")


def thresholds(rule: Shift, period_ns: int) -> tuple[float, float]:
    """Thresholds of EWMA and CUSUM in sigmas, infinite for a chart that does not ring."""
    has_ewma, has_cusum = rule.charts != "cusum", rule.charts != "ewma"
    if rule.false_alarms is None:
        band = np.inf if rule.band is None else rule.band.count
        h = np.inf if rule.h is None else rule.h.count
        return (band if has_ewma else np.inf), (h if has_cusum else np.inf)
    share = run_length(rule.false_alarms.per_day, rule.false_alarms.channels, period_ns)
    share *= has_ewma + has_cusum
    band = ewma_band(rule.smoothing, share) if has_ewma else np.inf
    return band, cusum_limit(rule.k.count, share) if has_cusum else np.inf


def false_alarm_rate(rule: Shift, scene: Scene) -> FalseAlarmRate:
    """Each chart once in its mean run, an upper bound for two that ring together often."""
    lengths = []
    band, h = thresholds(rule, scene.period.ns)
    if np.isfinite(band):
        lengths.append(ewma_length(rule.smoothing, band))
    if np.isfinite(h):
        lengths.append(cusum_length(rule.k.count, h) / 2.0)
    share = sum(1.0 / length for length in lengths)
    return FalseAlarmRate(partial(at_most, share), exact=len(lengths) == 1)


def faults(rule: Shift, scene: Scene) -> Iterator[Fault]:
    """Thresholds twice or not at all, and charts that one wild reading rings."""
    if not rule.k.count:
        yield ("k",), f"expected more than 0 sigma, got {str(rule.k)!r}; sums would only grow"
    if rule.on_delay.ns:
        yield ("on_delay",), f"expected 0 s, got {rule.on_delay}; a chart has waited already"
    if rule.warm_up > rule.memory:
        yield ("warm_up",), f"expected at most memory ({rule.memory}), got {rule.warm_up}"
    if CLIP * rule.floor >= scene.high - scene.low:
        text = f"expected five inside the plausible width, got {rule.floor:g}"
        yield ("floor",), f"{text}; lower it"
    if rule.false_alarms is not None:
        yield from _budget_faults(rule, rule.false_alarms, scene)
    else:
        yield from _given_faults(rule)


def _budget_faults(rule: Shift, budget: FalseAlarms, scene: Scene) -> Iterator[Fault]:
    for name in ("band", "h"):
        if getattr(rule, name) is not None:
            yield (name,), "expected none beside `false_alarms`, which it is computed from"
    length = run_length(budget.per_day, budget.channels, scene.period.ns)
    if not SHORTEST <= length <= LONGEST:
        text = f"expected an alarm a channel in {SHORTEST:g} to {LONGEST:g} readings"
        yield ("false_alarms",), f"{text}, got one in {length:g}"


def _given_faults(rule: Shift) -> Iterator[Fault]:
    deviation = float(np.sqrt(rule.smoothing / (2.0 - rule.smoothing)))
    least = {
        "band": CLIP * rule.smoothing / deviation if rule.charts != "cusum" else -1.0,
        "h": CLIP - rule.k.count if rule.charts != "ewma" else -1.0,
    }
    for name, alone in least.items():
        given: Sigmas | None = getattr(rule, name)
        if alone < 0.0:
            continue
        if given is None:
            yield (name,), "expected a threshold, got none; or write `false_alarms`"
        elif given.count <= alone:
            text = f"expected more than {alone:.3g} sigma, got {str(given)!r}"
            yield (name,), f"{text}; one wild reading would ring"


NAME: Final = "shift"
_SCORED: Final = int(Disposition.SCORED)


@njit(cache=True, nogil=True, error_model="numpy")
def _unit(mine: Any, p: Any) -> Any:
    """What one sigma is taken for."""
    return max(np.sqrt(mine.spread / (1.0 - mine.share)), p.floor)


@njit(cache=True, nogil=True, error_model="numpy")
def _standard(mine: Any, p: Any, value: float) -> Any:
    """The value as a standard normal one, clipped."""
    free = 1.0 / mine.share - 1.0
    t = (value - mine.mean) / (_unit(mine, p) * np.sqrt(1.0 + mine.share))
    size = (8.0 * free + 1.0) / (8.0 * free + 3.0) * np.sqrt(free * np.log(1.0 + t * t / free))
    size = min(size, CLIP)
    return size if t >= 0.0 else -size


@njit(cache=True, nogil=True, error_model="numpy")
def _score(mine: Any, p: Any, value: float) -> Any:
    """Advance both charts; the larger in its threshold, with the sign of its way."""
    z = _standard(mine, p, value)
    mine.ewma += p.smoothing * (z - mine.ewma)
    mine.up = max(0.0, mine.up + z - p.k)
    mine.down = max(0.0, mine.down - z - p.k)
    up = max(mine.ewma / p.reach, mine.up / p.h)
    down = max(-mine.ewma / p.reach, mine.down / p.h)
    return up if up >= down else -down


@njit(cache=True, nogil=True, error_model="numpy")
def _learn(mine: Any, p: Any, value: float) -> None:
    """Move mean and deviation towards the value."""
    mine.learned += 1
    if mine.learned == 1:
        mine.mean, mine.spread, mine.share = value, 0.0, 1.0
        return
    off = value - mine.mean
    if mine.learned > p.warm_up:
        most = CLIP * _unit(mine, p)
        off = min(max(off, -most), most)
    gain = 1.0 / min(mine.learned, p.memory)
    mine.mean += gain * off
    mine.spread = (1.0 - gain) * (mine.spread + gain * off * off)
    mine.share = (1.0 - gain) * (1.0 - gain) * mine.share + gain * gain


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
        colour = 0
        if mine.learned >= p.warm_up:
            score = _score(mine, p, value)
            if abs(score) > 1.0:
                colour = p.colour
                mine.ewma, mine.up, mine.down = 0.0, 0.0, 0.0
            reading = (i, row_of[i], place, time_ns)
            if ring(levels, reading, (colour, colour), (p.on_ns, p.off_ns), transitions[told]):
                figures(transitions[told], value, mine.mean, np.nan, score)
                told += 1
        if may_learn(levels, place, colour, time_ns, p.relearn_ns):
            _learn(mine, p, value)
    return span[1], told


class Shifts(RowRule):
    """Lasting shifts of one lane's channels."""

    NAME = NAME
    STATE = np.dtype(
        [
            ("learned", np.int64),
            ("mean", np.float64),
            ("spread", np.float64),
            ("share", np.float64),  # variance of the mean in that of a reading
            ("ewma", np.float64),
            ("up", np.float64),
            ("down", np.float64),
        ]
    )
    PARAMS = np.dtype(
        [
            *((name, np.int64) for name in ("colour", "warm_up", "memory")),
            *((name, np.float64) for name in ("smoothing", "k", "reach", "h", "floor")),
            *((name, np.int64) for name in ("on_ns", "off_ns", "relearn_ns")),
        ]
    )
    KERNEL = _kernel

    def put(self, figures: Any, rule: Shift, period_ns: int) -> None:
        """Write the figures of one class's rule into its parameter record."""
        band, figures["h"] = thresholds(rule, period_ns)
        figures["reach"] = band * np.sqrt(rule.smoothing / (2.0 - rule.smoothing))
        figures["colour"] = Colour[rule.at_most.upper()]
        figures["k"] = rule.k.count
        for name in ("warm_up", "memory", "smoothing", "floor"):
            figures[name] = getattr(rule, name)
        figures["on_ns"], figures["off_ns"] = rule.on_delay.ns, rule.off_delay.ns
        figures["relearn_ns"] = rule.relearn_after.ns


_FIELDS: Final = frozenset({"observed", "expected", "score"})
SHIFT: Final = Kind(
    NAME,
    Shift,
    Shifts,
    "D3",
    _FIELDS,
    faults,
    false_alarm_rate=false_alarm_rate,
    findings=SIDES,
    finding=by_score,
)
