"""Kinds that promise at most so many false alarms on clean data keep to it.

What they judge is not independent from one reading to the next, or their limits are bounds; so a
count has only to stay below the upper end of its Poisson interval. As in
tests/laws/test_false_alarms.py seeds were written down before the first run, and nothing is fitted.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from contracts.quantities import Sigmas
from detectors.base.kind import Kind, Roster
from detectors.change.adwin import Adwin
from detectors.change.departure import DEPARTURE, Departure
from detectors.change.drift import DRIFT, Drift
from detectors.channel.discord import DISCORD, Discord
from detectors.channel.spectrum import SPECTRUM, Spectrum
from detectors.group.half_space import ISOLATION, Isolation, Span
from detectors.group.multivariate import MULTIVARIATE, Multivariate
from detectors.registry import KINDS
from tests.laws.clean_data import FLOOR, MINUTE, Clean, Values, alarms, kept
from tests.testkit.kind_case import roster

SEED = 20_261_124
# Physical kinds; joint ones are as rare as what they join, river's models are not ours, and how
# often something is new hangs on the tails of what is measured.
PROMISE_NOTHING = {
    *("balance", "total", "rolling_sum", "fall", "rise", "stuck", "unit_change", "sequence"),
    *("trend", "missing", "repeated", "late", "joint", "river", "novelty"),
}


def bounded(kind: Kind, rule: Any, clean: Clean, lane: Roster | None = None, skip: int = 0) -> bool:
    """Whether a rule on clean data keeps to what it promises at most."""
    judged = 0 if lane is None else len(set(lane.groups))
    lane = lane or roster({"m": clean.channels}, period_s=clean.period_s)
    false_alarm_rate = kind.false_alarm_rate(rule, clean.scene())
    assert false_alarm_rate is not None
    assert not false_alarm_rate.exact
    rules: Mapping[str, Any] = {"m": rule}
    found = alarms(clean, [kind.build(1, rules, lane)], skip)
    return kept(found, (clean.rounds - skip) * clean.per_round(false_alarm_rate, judged))


def loaded(values: Values) -> Values:
    """Four channels in a group that follow one load, each with as much noise of its own."""
    groups = values.shape[1] // 5
    loads = values[:, 4 * groups :]
    return np.concatenate([values[:, : 4 * groups] + np.tile(loads, 4), loads], axis=1)


@pytest.mark.slow
def test_multivariate_keeps_to_its_limits() -> None:
    groups = 100
    clean = Clean(5 * groups, 10_000, MINUTE, SEED, loaded)
    lane = roster({"m": groups, "x": 3 * groups, "load": groups}, period_s=MINUTE)
    lane = replace(lane, groups=[f"g-{row % groups}" for row in range(5 * groups)])
    rule = Multivariate(
        with_classes={"x": FLOOR},
        floor=FLOOR,
        train=2000,
        retrain=2000,
        keep=0.6,
        quantile=0.9999,
        at_most="blue",
    )
    assert bounded(MULTIVARIATE, rule, clean, lane, skip=2000)


@pytest.mark.slow
def test_discord_keeps_to_its_quantile() -> None:
    rule = Discord(window=16, history=256, floor=FLOOR, quantile=0.999, times=1.0, at_most="blue")
    assert bounded(DISCORD, rule, Clean(50, 12_000, MINUTE, SEED + 1), skip=3000)


@pytest.mark.slow
def test_isolation_keeps_to_its_quantile() -> None:
    features = {"value": Span(-4.0, 4.0), "change": Span(-6.0, 6.0)}
    rule = Isolation(features=features, above=0.0, quantile=0.999, at_most="blue")
    assert bounded(ISOLATION, rule, Clean(50, 12_000, MINUTE, SEED + 2), skip=3000)


@pytest.mark.slow
def test_spectrum_keeps_to_its_tail() -> None:
    rule = Spectrum(
        bands={"low": [0.1, 0.2], "high": [0.2, 0.5]},
        band=Sigmas("3 sigma"),
        floor=FLOOR,
        spread=1e-6,
        frame=64,
        hop=64,
        at_most="blue",
    )
    assert bounded(SPECTRUM, rule, Clean(200, 25_000, 1, SEED + 3), skip=7000)


@pytest.mark.slow
def test_adwin_keeps_to_its_chance() -> None:
    rule = Drift(adwin=Adwin(span=4.0, chance=0.05), at_most="blue")
    assert bounded(DRIFT, rule, Clean(100, 10_000, MINUTE, SEED + 4))


@pytest.mark.slow
def test_departure_keeps_to_its_band() -> None:
    rule = Departure(band=Sigmas("4 sigma"), floor=FLOOR, warm_up=2000, at_most="blue")
    assert bounded(DEPARTURE, rule, Clean(200, 12_000, MINUTE, SEED + 5), skip=2000)


def test_every_statistical_kind_promises() -> None:
    silent = {kind.name for kind in KINDS if kind.false_alarm_rate is Kind.false_alarm_rate}
    assert silent == PROMISE_NOTHING
