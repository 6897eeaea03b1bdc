"""The normal has changed: tests for a lasting change of the mean, as a signal to people."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec
import numpy as np
from msgspec import Meta
from numba import njit
from numpy.typing import NDArray

from contracts.batch import Disposition
from contracts.quantities import DIFFERENCE, Duration
from contracts.transition import Colour
from detectors.base.findings import SIDES, by_expected
from detectors.base.kind import Fault, Kind, Roster, Scene
from detectors.base.level_step import Levels, figures, ring
from detectors.base.row_rule import RowRule
from detectors.change.adwin import Adwin, adwin_step, sizes, window_dtype
from detectors.false_alarm_rate.rate import FalseAlarmRate, at_most

NAME: Final = "drift"
_SIDES: Final = {"both": 0, "above": 1, "below": -1}
_SCORED: Final = int(Disposition.SCORED)


class PageHinkley(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Page's cumulated sums around the mean of all values since the last change, both ways.

    With `m += (x - m) / n` and `d = x - m`, the sums are `u = f u + d - slack` and
    `l = f l + d + slack`; it is a change when `u` lies more than `threshold` above its smallest or
    `l` more than that below its largest, of at least `least` values. Then all begins anew. The
    largest `l` begins at -1, as in river, which this equals to the last bit.

    Parameters
    ----------
    threshold : float
        In the unit of the class, summed over readings: 20 is a shift by 1 for 20 readings.
    slack : float
        Distance from the mean that does not count, in the unit of the class.
    forget : float
        Weight `f` that the sums keep at each reading.
    least : int
        Values before a change can be told.
    side : {"both", "above", "below"}
        Which way is a change.

    References
    ----------
    E. S. Page, Continuous Inspection Schemes, Biometrika 41, 1954; D. V. Hinkley, Inference about
    the change-point from cumulative sum tests, Biometrika 58, 1971. State: 56 bytes.
    """

    STATE_FREE: ClassVar[frozenset[str]] = frozenset({"least", "side", "threshold"})

    threshold: Annotated[float, Meta(gt=0, extra=DIFFERENCE)]
    slack: Annotated[float, Meta(ge=0, extra=DIFFERENCE)] = 0.005
    forget: Annotated[float, Meta(gt=0, le=1)] = 0.9999
    least: Annotated[int, Meta(ge=1, le=100_000)] = 30
    side: Literal["both", "above", "below"] = "both"


class Drift(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rings when the normal has changed for good, so that somebody accepts it or looks for why.

    A test learns every reading, those of a fault too: that a change lasts is what it is there to
    tell, and so it has no learning gate. It is told at one reading, and the test goes on from
    what is normal now; the colour stays for `off_delay`, a day by default. With `page_hinkley` the
    score is the sum that crossed the threshold, and `expected` the mean since the last change;
    with `adwin` the score is how far the mean has moved, and `expected` the mean before.

    A season is a change of the mean every time: judge `of: seasonal` where there is one.

    Parameters
    ----------
    page_hinkley, adwin : PageHinkley, Adwin
        The test; one of them.
    of : str
        Column that is tested.
    at_most : {"blue", "yellow"}
        Colour that rings.
    on_delay : Duration
        0 s: a change is told but once.
    off_delay : Duration
        How long the colour stays.

    References
    ----------
    Those of the tests. State: 120 bytes, and the largest window of the lane's rules; 120 more
    where there is none.
    """

    page_hinkley: PageHinkley | None = None
    adwin: Adwin | None = None
    of: str = "value"
    at_most: Literal["blue", "yellow"] = "blue"
    on_delay: Duration = Duration("0 s")
    off_delay: Duration = Duration("1 d")


def faults(rule: Drift, scene: Scene) -> Iterator[Fault]:
    """No test or two, and words with which none would ever tell anything."""
    width = scene.high - scene.low
    if (rule.page_hinkley is None) == (rule.adwin is None):
        yield (), "expected `page_hinkley` or `adwin`, one of them"
    if rule.on_delay.ns:
        yield ("on_delay",), f"expected 0 s, got {rule.on_delay}; a change is told but once"
    if rule.page_hinkley is not None and rule.page_hinkley.slack >= width:
        text = f"expected below the plausible width ({width:g}), got {rule.page_hinkley.slack:g}"
        yield ("page_hinkley", "slack"), f"{text}; it could never ring, lower it"
    if rule.adwin is not None:
        yield from _window_faults(rule.adwin, width)


def _window_faults(adwin: Adwin, width: float) -> Iterator[Fault]:
    if adwin.span > width:
        text = f"expected at most the plausible width ({width:g}), got {adwin.span:g}"
        yield ("adwin", "span"), f"{text}; lower it"
    if adwin.window < 2 * max(adwin.part, adwin.least):
        text = f"expected at least {2 * max(adwin.part, adwin.least)}, twice `least` and `part`"
        yield ("adwin", "window"), f"{text}, got {adwin.window}; it could never be cut"


@njit(cache=True, nogil=True, error_model="numpy")
def _page_hinkley(mine: Any, p: Any, value: float) -> tuple[bool, float, float]:
    """Take in a value; whether it tells of a change, the mean, and the worse of both sums."""
    if mine.told:
        mine.told, mine.n, mine.mean, mine.up, mine.down = 0, 0.0, 0.0, 0.0, 0.0
    if mine.n == 0.0:
        mine.smallest, mine.largest = np.inf, -1.0
    mine.n += 1.0
    mine.mean += (1.0 / mine.n) * (value - mine.mean)
    off = value - mine.mean
    mine.up = p.forget * mine.up + off - p.slack
    mine.down = p.forget * mine.down + off + p.slack
    mine.smallest = min(mine.smallest, mine.up)
    mine.largest = max(mine.largest, mine.down)
    above, below = mine.up - mine.smallest, mine.largest - mine.down
    score = max(above, below) if p.side == 0 else (above if p.side > 0 else below)
    changed = mine.n >= p.least and score > p.threshold
    mine.told = 1 if changed else 0
    return changed, mine.mean, score


@njit(cache=True, nogil=True, error_model="numpy")
def _step(mine: Any, p: Any, value: float) -> Any:
    """Take in a value; whether it tells of a change, what was expected, and the score."""
    if p.sizes == 0:
        return _page_hinkley(mine.sums, p, value)
    changed, was, now = adwin_step(mine.window, p, value)
    return changed, was, now - was


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
        p = params[params_of[place]]
        changed, expected, score = _step(state[place], p, value)
        colour = p.colour if changed else 0
        reading = (i, row_of[i], place, time_ns)
        if ring(levels, reading, (colour, colour), (p.on_ns, p.off_ns), transitions[told]):
            figures(transitions[told], value, expected, np.nan, score)
            told += 1
    return span[1], told


SUMS: Final = np.dtype(
    [
        ("told", np.int64),  # whether the last value told of a change
        ("n", np.float64),
        ("mean", np.float64),
        ("up", np.float64),
        ("down", np.float64),
        ("smallest", np.float64),
        ("largest", np.float64),
    ]
)


class Drifts(RowRule):
    """Lasting changes of one lane's channels."""

    NAME = NAME
    PARAMS = np.dtype(
        [
            ("sizes", np.int64),  # of buckets; 0 with Page and Hinkley's test
            ("colour", np.int64),
            ("least", np.int64),
            ("side", np.int64),
            ("every", np.int64),
            ("part", np.int64),
            ("threshold", np.float64),
            ("slack", np.float64),
            ("forget", np.float64),
            ("chance", np.float64),
            ("span", np.float64),
            ("on_ns", np.int64),
            ("off_ns", np.int64),
        ]
    )
    KERNEL = _kernel

    def __init__(self, slot: int, rules: Mapping[str, Drift], roster: Roster) -> None:
        windows = [rule.adwin.window for rule in rules.values() if rule.adwin is not None]
        window = window_dtype(max(windows, default=1))
        self._dtype = np.dtype([("sums", SUMS), ("window", window)])
        super().__init__(slot, rules, roster)

    def fresh(self, n: int) -> NDArray[np.void]:
        """Channels that nobody has heard of yet, shape (n,)."""
        return np.zeros(n, self._dtype)

    def put(self, figures: Any, rule: Drift, period_ns: int) -> None:
        """Write the figures of one class's rule into its parameter record."""
        del period_ns
        figures["colour"] = Colour[rule.at_most.upper()]
        figures["on_ns"], figures["off_ns"] = rule.on_delay.ns, rule.off_delay.ns
        if rule.page_hinkley is not None:
            figures["least"], figures["side"] = (
                rule.page_hinkley.least,
                _SIDES[rule.page_hinkley.side],
            )
            for name in ("threshold", "slack", "forget"):
                figures[name] = getattr(rule.page_hinkley, name)
        if rule.adwin is not None:
            figures["sizes"] = sizes(rule.adwin.window)
            for name in ("least", "every", "part", "chance", "span"):
                figures[name] = getattr(rule.adwin, name)


def of_drift(rule: Any, scene: Any) -> FalseAlarmRate | None:
    """Adwin's chance at each trial; Page and Hinkley's sums are in the unit of the class."""
    del scene
    if rule.adwin is None:
        return None
    return FalseAlarmRate(partial(at_most, rule.adwin.chance / rule.adwin.every), exact=False)


DRIFT: Final = Kind(
    NAME,
    Drift,
    Drifts,
    "D10",
    fields=frozenset({"observed", "expected", "score"}),
    faults=faults,
    findings=SIDES,
    finding=by_expected,
    false_alarm_rate=of_drift,
)
