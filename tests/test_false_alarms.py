"""What statistical kinds promise on clean data is what their kernels do.

Counts lie in the central interval of a Poisson variable that all of these tests together leave in
5 % of the cases (Bonferroni). Seeds were written down before the first run, thresholds are
computed; neither was fitted. docs/false-alarms.md tells the figures.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from contracts.batch import Batch
from contracts.quantities import Duration, Sigmas
from contracts.transition import Transitions
from detectors.channel_rules import ChannelRules
from detectors.parameters import Rules
from detectors.regress import REGRESS, Regress
from detectors.run_length import share_beyond
from detectors.seasonal import SEASONAL, Seasonal
from detectors.shift import SHIFT, FalseAlarms, Shift
from detectors.unusual import Unusual
from tests.clean_data import Clean, alarms, within
from tests.detectors.bench import roster

pytestmark = pytest.mark.slow

SEED = 20_261_123
KINDS = 6  # EWMA, CUSUM, CUSUM of a seasonal residual, unusual, seasonal, regress
SHARE = 1.0 - 0.05 / KINDS
FLOOR = 1e-9  # never reached: a floor only makes a rule ring less
MINUTE = 60
DAY = 86_400


def fair(found: int, expected: float, share: float = SHARE) -> bool:
    """Whether a count is what was promised, and tells something."""
    assert expected >= 100
    low, high = within(expected, share)
    print(f"{found} of {expected:.1f}, {low} to {high}")  # noqa: T201 - figures for the docs
    return low <= found <= high


def budget(clean: Clean, total: float) -> FalseAlarms:
    """Words of a budget that comes to a total over all rounds."""
    days = clean.rounds * clean.period_s / DAY
    return FalseAlarms(per_day=total / days, channels=clean.channels)


def detector(kind: Any, rule: Any, clean: Clean) -> Any:
    """Rule of a kind on all channels."""
    lane = roster({"m": clean.channels}, period_s=clean.period_s)
    return kind.build(1, {"m": rule}, lane)


class Fused:
    """`unusual` on all channels, where kinds of their own have columns."""

    def __init__(self, rule: Unusual, clean: Clean) -> None:
        self.rules = ChannelRules([Rules(None, rule)], np.zeros(clean.channels, np.int64))

    def score(self, batch: Batch, destiny: Any, span: tuple[int, int], columns: Any) -> Transitions:
        del columns
        return self.rules.score(batch, destiny, span)


def shift_of(clean: Clean, total: float, **words: Any) -> Any:
    rule = Shift(floor=FLOOR, at_most="blue", false_alarms=budget(clean, total), **words)
    return detector(SHIFT, rule, clean)


@pytest.mark.parametrize("charts", ["ewma", "cusum"])
def test_one_chart_of_shift_spends_its_budget(charts: str) -> None:
    clean = Clean(500, 20_000, MINUTE, SEED)
    found = alarms(clean, [shift_of(clean, 300.0, charts=charts)])
    assert fair(found, 300.0 * (20_000 - 300) / 20_000, 0.95)  # stricter than asked of all


def test_both_charts_of_shift_stay_below_their_budget() -> None:
    clean = Clean(500, 20_000, MINUTE, SEED + 1)
    found = alarms(clean, [shift_of(clean, 300.0)])
    assert 0.6 * 300 < found < 300


def test_shift_of_a_seasonal_residual_spends_its_budget() -> None:
    """Once slots of workdays have seen as many readings as they remember: 30 days of three."""
    clean = Clean(300, 40_000, 5 * MINUTE, SEED + 2)
    rule = Seasonal(
        slot=Duration("15 min"),
        band=Sigmas("9 sigma"),
        floor=FLOOR,
        at_most="blue",
        warm_up=12,
        memory=90,
    )
    chain = [detector(SEASONAL, rule, clean), shift_of(clean, 300.0, charts="cusum", of="seasonal")]
    skip = 12_000
    assert fair(alarms(clean, chain, skip), 300.0 * (40_000 - skip) / 40_000)


def test_unusual_is_beyond_its_band_as_often_as_said() -> None:
    clean = Clean(500, 10_000, MINUTE, SEED + 3)
    rule = Unusual(
        model="ewma",
        smoothing=0.01,
        band=Sigmas("4 sigma"),
        floor=FLOOR,
        warm_up=1000,
        at_most="blue",
    )
    share = 0.01 / (2 - 0.01)  # variance of the mean, and what the variance is short of
    t = 4.0 * np.sqrt((1 - share) / (1 + share))
    expected = clean.channels * 9000 * share_beyond(float(t), 1 / share - 1)
    assert fair(alarms(clean, [Fused(rule, clean)]), expected)


def test_seasonal_is_beyond_its_band_as_often_as_said() -> None:
    clean = Clean(500, 10_000, DAY, SEED + 4)  # one slot a day: four profiles
    rule = Seasonal(
        slot=Duration("1 d"),
        band=Sigmas("4 sigma"),
        floor=FLOOR,
        at_most="blue",
        warm_up=90,
        memory=90,
    )
    skip = 1000
    expected = clean.channels * (10_000 - skip) * share_beyond(4.0, 0.876 * (2 * 90 - 1))
    assert fair(alarms(clean, [detector(SEASONAL, rule, clean)], skip), expected)


def test_regress_is_beyond_its_band_as_often_as_said() -> None:
    clean = Clean(500, 10_000, MINUTE, SEED + 5)  # every second channel is the other's companion
    lane = roster({"x": 250, "m": 250}, period_s=MINUTE)
    groups = [f"g-{row % 250}" for row in range(500)]
    lane = replace(lane, groups=groups)
    rule = Regress(
        on=["x"],
        band=Sigmas("4 sigma"),
        floor=FLOOR,
        at_most="blue",
        forget=0.995,
        warm_up=500,
    )
    skip = 2000
    expected = 250 * (10_000 - skip) * share_beyond(4.0, 0.876 * (2 / 0.005 - 1))
    assert fair(alarms(clean, [REGRESS.build(1, {"m": rule}, lane)], skip), expected)
