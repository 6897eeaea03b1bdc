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
from detectors.change.shift import SHIFT, FalseAlarms, Shift
from detectors.channel.seasonal import SEASONAL, Seasonal
from detectors.fused.parameters import FusedRules
from detectors.fused.scorer import ChannelRules
from detectors.fused.unusual import Sums, Unusual, of_unusual
from detectors.group.consensus import CONSENSUS, Consensus
from detectors.group.regress import REGRESS, Regress
from tests.laws.clean_data import DAY, FLOOR, MINUTE, Clean, alarms, fair
from tests.testkit.kind_case import roster

pytestmark = pytest.mark.slow

SEED = 20_261_123


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
        self.rules = ChannelRules([FusedRules(None, rule)], np.zeros(clean.channels, np.int64))

    def score(
        self, batch: Batch, disposition: Any, span: tuple[int, int], columns: Any
    ) -> Transitions:
        del columns
        return self.rules.score(batch, disposition, span)


def shift_of(clean: Clean, total: float, **words: Any) -> Any:
    rule = Shift(floor=FLOOR, at_most="blue", false_alarms=budget(clean, total), **words)
    return detector(SHIFT, rule, clean)


@pytest.mark.parametrize("charts", ["ewma", "cusum"])
def test_one_chart_of_shift_spends_its_budget(charts: Any) -> None:
    clean = Clean(500, 20_000, MINUTE, SEED)
    found = alarms(clean, [shift_of(clean, 300.0, charts=charts)])
    assert fair(found, 300.0 * (20_000 - 300) / 20_000, 0.95)  # stricter than asked of all
    rule = Shift(floor=1.0, at_most="blue", charts=charts, false_alarms=budget(clean, 300.0))
    false_alarm_rate = SHIFT.false_alarm_rate(rule, clean.scene())
    assert false_alarm_rate is not None
    assert false_alarm_rate.per_day(500, MINUTE * 10**9, 0) == pytest.approx(
        300.0 * DAY / 1.2e6, rel=1e-3
    )


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


def unusual(band: str, smoothing: float, **words: Any) -> Unusual:
    return Unusual(
        model="ewma",
        smoothing=smoothing,
        band=Sigmas(band),
        floor=FLOOR,
        warm_up=1000,
        at_most="blue",
        **words,
    )


def test_unusual_is_beyond_its_band_as_often_as_said() -> None:
    clean = Clean(500, 10_000, MINUTE, SEED + 3)
    rule = unusual("4 sigma", 0.01)
    expected = 9000 * clean.per_round(of_unusual(rule, clean.scene()))
    assert fair(alarms(clean, [Fused(rule, clean)]), expected)


def test_a_delay_makes_unusual_as_rare_as_said() -> None:
    """Two readings in a row beyond the band."""
    clean = Clean(500, 10_000, MINUTE, SEED + 8)
    rule = unusual("3 sigma", 0.02, on_delay=Duration("1 min"))
    expected = 9000 * clean.per_round(of_unusual(rule, clean.scene()), n=2)
    assert fair(alarms(clean, [Fused(rule, clean)]), expected)


def test_sums_of_unusual_ring_no_oftener_than_said() -> None:
    """A mean that follows makes them ring less: 0.4 of the bound here."""
    clean = Clean(500, 10_000, MINUTE, SEED + 9)
    rule = unusual("6 sigma", 0.01, sums=Sums())
    expected = 9000 * clean.per_round(of_unusual(rule, clean.scene()))
    assert 0.2 * expected < alarms(clean, [Fused(rule, clean)]) < expected


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
    false_alarm_rate = SEASONAL.false_alarm_rate(rule, clean.scene())
    assert false_alarm_rate is not None
    expected = (10_000 - skip) * clean.per_round(false_alarm_rate)
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
    false_alarm_rate = REGRESS.false_alarm_rate(rule, clean.scene())
    assert false_alarm_rate is not None
    expected = (10_000 - skip) * clean.per_round(false_alarm_rate, 250)
    assert fair(alarms(clean, [REGRESS.build(1, {"m": rule}, lane)], skip), expected)


def test_consensus_is_beyond_its_band_as_often_as_said() -> None:
    clean = Clean(600, 8000, MINUTE, SEED + 6)
    lane = roster({"m": 600}, group_size=12, period_s=MINUTE)
    rule = Consensus(band=Sigmas("4 sigma"), floor=FLOOR, at_most="blue", warm_up=100, memory=200)
    skip = 1000
    false_alarm_rate = CONSENSUS.false_alarm_rate(rule, clean.scene())
    assert false_alarm_rate is not None
    expected = (clean.rounds - skip) * clean.per_round(false_alarm_rate)
    assert fair(alarms(clean, [CONSENSUS.build(1, {"m": rule}, lane)], skip), expected)
