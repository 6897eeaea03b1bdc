"""What the fused kernel knows of the rules of one class: one record of figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contracts.day_types import DAY_TYPES
from contracts.transition import Colour
from detectors.days import columns, numbered
from detectors.limit import Limit
from detectors.unusual import Unusual

LIMIT_SLOT: Final = 0
UNUSUAL_SLOT: Final = 1
SLOTS: Final = 2

_SMALLEST: Final = 1e-290

PARAMS: Final = np.dtype(
    [
        ("calm_low", np.float64),  # between these two the limit rings in no colour
        ("calm_high", np.float64),
        ("calm_square", np.float64),  # of the band, rounded inwards; 0 where it cannot be told
        ("floor_square", np.float64),
        ("band", np.float64),  # infinite where the class has no unusual rule
        ("smoothing", np.float64),
        ("floor", np.float64),
        ("warm_up", np.int64),  # 0 where the class has no unusual rule
        ("relearn_ns", np.int64),
        ("top", np.int64),  # colour of an unusual value
        ("days", np.int64),  # first of the records of its kinds of day, 0 where all are alike
        ("first", np.int64),  # part of the calendar that is this class's
        ("last", np.int64),
        ("offset_ns", np.int64),  # civil time ahead of UTC
        ("low", np.float64, (4,)),  # thresholds by colour, -inf where absent
        ("high", np.float64, (4,)),  # +inf where absent
        ("back", np.float64),  # hysteresis of the limits
        ("band_back", np.float64),  # where the value counts as back inside the band
        ("on_ns", np.int64, (SLOTS,)),
        ("off_ns", np.int64, (SLOTS,)),
    ]
)


@dataclass(frozen=True, slots=True)
class Rules:
    """The cheap rules of one class; None where it has none."""

    limit: Limit | None
    unusual: Unusual | None


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


def table(classes: Sequence[Rules]) -> Table:
    """Parameters of some classes."""
    by_day = [rules for rules in classes if rules.limit is not None and rules.limit.days]
    params = np.zeros(len(classes) + len(DAY_TYPES) * len(by_day), PARAMS)
    params["low"], params["high"] = -np.inf, np.inf
    params["band"] = params["band_back"] = np.inf
    params["floor"] = 1.0
    dates: list[tuple[int, int]] = []
    behind = len(classes)
    for mine, rules in zip(params, classes, strict=False):
        _put(mine, rules.limit, rules.unusual)
        if rules.limit is None or rules.limit.days is None:
            continue
        mine["days"], mine["offset_ns"] = behind, rules.limit.utc_offset.ns
        mine["first"] = len(dates)
        dates += numbered(rules.limit.calendar)
        mine["last"] = len(dates)
        for day in DAY_TYPES:
            _put(params[behind], rules.limit.on(day), rules.unusual)
            behind += 1
    params["calm_low"] = params["low"].max(axis=1)
    params["calm_high"] = params["high"].min(axis=1)
    _put_squares(params)
    return Table(params, *columns(dates))


def _put(mine: Any, limit: Limit | None, unusual: Unusual | None) -> None:
    if limit is not None:
        _put_limit(mine, limit)
    if unusual is not None:
        _put_unusual(mine, unusual)


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
    mine["on_ns"][LIMIT_SLOT] = limit.on_delay.ns
    mine["off_ns"][LIMIT_SLOT] = limit.off_delay.ns


def _put_unusual(mine: Any, unusual: Unusual) -> None:
    mine["smoothing"] = unusual.smoothing
    mine["band"] = unusual.band.count
    mine["band_back"] = unusual.band.count - unusual.hysteresis.count
    mine["floor"] = unusual.floor
    mine["warm_up"] = unusual.warm_up
    mine["relearn_ns"] = unusual.relearn_after.ns
    mine["top"] = Colour[unusual.at_most.upper()]
    mine["on_ns"][UNUSUAL_SLOT] = unusual.on_delay.ns
    mine["off_ns"][UNUSUAL_SLOT] = unusual.off_delay.ns
