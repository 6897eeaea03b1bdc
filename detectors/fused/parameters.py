"""What the fused kernel knows of the rules of one class: one record of figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contracts.civil_time import DAY_TYPES
from contracts.transition import Colour
from detectors.base.days import columns, numbered
from detectors.fused.frozen import Frozen
from detectors.fused.limit import Limit
from detectors.fused.unusual import Unusual

LIMIT_SLOT: Final = 0
UNUSUAL_SLOT: Final = 1
FROZEN_SLOT: Final = 3  # 2 is of silence, 4 of invalid readings
SLOTS: Final = 3  # of the three above

_NEVER_WARM: Final = np.iinfo(np.int64).max
_SMALLEST: Final = 1e-290

# What every reading looks at comes first.
PARAMS: Final = np.dtype(
    [
        ("calm_low", np.float64),  # between these two the limit rings in no colour
        ("calm_high", np.float64),
        ("warm_up", np.int64),  # beyond all counts where the class has no unusual rule
        ("smoothing", np.float64),  # 0 where the class has no unusual rule
        ("band", np.float64),
        ("floor", np.float64),
        ("calm_square", np.float64),  # of the band, rounded inwards; 0 where it cannot be told
        ("floor_square", np.float64),
        ("k", np.float64),
        ("h", np.float64),  # 0 where the class has no sums
        ("after_ns", np.int64),  # 0 where the class has no frozen rule
        ("resolution", np.float64),
        ("rest", np.float64),  # NaN where there is none
        ("least", np.int64),
        ("days", np.int64),  # first of the records of its kinds of day, 0 where all are alike
        ("first", np.int64),  # part of the calendar that is this class's
        ("last", np.int64),
        ("offset_ns", np.int64),  # civil time ahead of UTC
        ("relearn_ns", np.int64),
        ("unusual_top", np.int64),  # colour of an unusual value
        ("frozen_top", np.int64),
        ("low", np.float64, (4,)),  # thresholds by colour, -inf where absent
        ("high", np.float64, (4,)),  # +inf where absent
        ("back", np.float64),  # hysteresis of the limits
        ("band_back", np.float64),  # where the value counts as back inside the band
        ("limit_on_ns", np.int64),
        ("limit_off_ns", np.int64),
        ("unusual_on_ns", np.int64),
        ("unusual_off_ns", np.int64),
        ("frozen_off_ns", np.int64),
        ("limit_waits", np.int64, (4,)),  # on-delay of the limit by colour
    ]
)


@dataclass(frozen=True, slots=True)
class FusedRules:
    """The cheap rules of one class; None where it has none.

    `unit` is that of the class, in which means and runs are kept.
    """

    limit: Limit | None
    unusual: Unusual | None
    frozen: Frozen | None = None
    unit: str = ""


class Table(NamedTuple):
    """Figures for `score_readings`.

    Parameters
    ----------
    params : PARAMS, shape (classes + 4 by_day,)
        One record a class, and behind them four for each that tells kinds of day apart.
    days, kinds : int64, shape (dates,)
        Calendars of the classes, one behind another.
    """

    params: NDArray[np.void]
    days: NDArray[np.int64]
    kinds: NDArray[np.int64]


def table(classes: Sequence[FusedRules]) -> Table:
    """Parameters of some classes."""
    by_day = [rules for rules in classes if rules.limit is not None and rules.limit.days]
    params = np.zeros(len(classes) + len(DAY_TYPES) * len(by_day), PARAMS)
    params["low"], params["high"] = -np.inf, np.inf
    params["band"] = params["band_back"] = np.inf
    params["floor"] = 1.0
    params["warm_up"] = _NEVER_WARM
    dates: list[tuple[int, int]] = []
    behind = len(classes)
    for mine, rules in zip(params, classes, strict=False):
        _put(mine, rules.limit, rules)
        if rules.limit is None or rules.limit.days is None:
            continue
        mine["days"], mine["offset_ns"] = behind, rules.limit.utc_offset.ns
        mine["first"] = len(dates)
        dates += numbered(rules.limit.calendar)
        mine["last"] = len(dates)
        for day in DAY_TYPES:
            _put(params[behind], rules.limit.on(day), rules)
            behind += 1
    params["calm_low"] = params["low"].max(axis=1)
    params["calm_high"] = params["high"].min(axis=1)
    _put_squares(params)
    return Table(params, *columns(dates))


def _put(mine: Any, limit: Limit | None, rules: FusedRules) -> None:
    if limit is not None:
        _put_limit(mine, limit)
    if rules.unusual is not None:
        _put_unusual(mine, rules.unusual)
    if rules.frozen is not None:
        _put_frozen(mine, rules.frozen)


def _put_squares(params: NDArray[np.void]) -> None:
    """Squares a little inside the band, where none of them loses digits to underflow."""
    with np.errstate(over="ignore", under="ignore"):
        band, floor = params["band"] ** 2, params["floor"] ** 2
        told = (floor > _SMALLEST) & (band * floor > _SMALLEST)
    params["calm_square"] = np.where(told, band * (1.0 - 1e-9), 0.0)
    params["floor_square"] = floor


def _put_limit(mine: Any, limit: Limit) -> None:
    if limit.low is not None:
        mine["low"] = limit.low.array(-np.inf)
    if limit.high is not None:
        mine["high"] = limit.high.array(np.inf)
    mine["back"] = limit.hysteresis
    mine["limit_waits"] = limit.waits()
    mine["limit_on_ns"], mine["limit_off_ns"] = limit.on_delay.ns, limit.off_delay.ns


def _put_unusual(mine: Any, unusual: Unusual) -> None:
    mine["smoothing"] = unusual.smoothing
    mine["band"] = unusual.band.count
    mine["band_back"] = unusual.band.count - unusual.hysteresis.count
    mine["floor"] = unusual.floor
    mine["warm_up"] = unusual.warm_up
    mine["relearn_ns"] = unusual.relearn_after.ns
    mine["unusual_top"] = Colour[unusual.at_most.upper()]
    mine["unusual_on_ns"], mine["unusual_off_ns"] = unusual.on_delay.ns, unusual.off_delay.ns
    if unusual.sums is not None:
        mine["k"], mine["h"] = unusual.sums.k.count, unusual.sums.h.count


def _put_frozen(mine: Any, frozen: Frozen) -> None:
    mine["after_ns"] = frozen.after.ns
    mine["resolution"] = frozen.resolution
    mine["rest"] = np.nan if frozen.rest is None else frozen.rest
    mine["least"] = frozen.least
    mine["frozen_top"] = Colour[frozen.at_most.upper()]
    mine["frozen_off_ns"] = frozen.off_delay.ns
