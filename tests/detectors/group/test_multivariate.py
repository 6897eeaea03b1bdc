"""Groups of channels: the twin, the laws, a correlation that breaks, limits beside scipy."""

import math
from typing import Any

import msgspec
import numpy as np
import pytest

from contracts.quantities import Duration
from detectors.base.kind import Scene
from detectors.group.multivariate import MULTIVARIATE, Multivariate, Multivariates, faults
from detectors.group.principal import fit, judge, spe_limit, t2_limit
from tests.detectors.group.multivariate_twin import group_notes
from tests.testkit.kind_case import (
    FIGURES,
    SLOT,
    Case,
    Reading,
    keeps_the_laws,
    reborn,
    run,
)
from tests.testkit.kinds.group.multivariate import QUICK, case, lane, stream


def equals_groups(one: Case) -> None:
    expected, got = group_notes(one), run(one)
    assert len(got) >= 4, "idle"
    keys = ("ordinal", "row", "was", "now", "onset_ns", "time_ns")
    assert [tuple(int(transition[key]) for key in keys) for transition in got] == [
        told[: len(keys)] for told in expected
    ]
    for i, name in enumerate(FIGURES):
        mine = np.array([told[len(keys) + i] for told in expected], np.float64)
        np.testing.assert_array_equal(np.ascontiguousarray(got[name]), mine)


@pytest.mark.parametrize("seed", range(3))
def test_the_kernel_equals_its_twin_bit_for_bit(seed: int) -> None:
    equals_groups(case(seed))


@pytest.mark.parametrize(
    "words",
    [
        {"with_classes": {"pump.power": 0.1, "pump.heat": 0.02}, "at_most": "blue"},
        {"on_delay": Duration("2 min"), "off_delay": Duration("4 min"), "times": 1.5, "keep": 0.6},
    ],
)
def test_other_words_equal_the_twin_too(words: dict[str, Any]) -> None:
    rules = {"pump.power": Multivariate(**{**QUICK, **words})}
    rules["pump.flow"] = Multivariate(**{**QUICK, "train": 100, "floor": 0.5})
    equals_groups(Case(MULTIVARIATE, rules, lane(), stream(5)))


def test_the_laws_are_kept() -> None:
    keeps_the_laws(case())


RULE = Multivariate(
    with_classes={"pump.flow": 0.01, "pump.heat": 0.02},
    floor=0.01,
    sync=Duration("60 s"),
    at_most="yellow",
)


def notes_of(rows: Any, rule: Multivariate = RULE) -> Any:
    """Level changes of one group: power, flow and two temperatures, a row a minute."""
    readings = [
        Reading((row + 1) % 4, 60.0 * step + 5.0 * row, float(values[(row + 1) % 4]))
        for step, values in enumerate(rows)
        for row in range(4)
    ]
    return run(Case(MULTIVARIATE, {"pump.power": rule}, lane(1), readings))


def pumps(n: int, seed: int = 0) -> Any:
    """A load that all four follow, by hours; noise."""
    chance = np.random.default_rng(seed)
    load = 1 + np.sin(np.arange(n) / 60) + chance.normal(0, 0.2, n)
    return load[:, None] * np.array([2.0, 1.0, 3.0, 3.0]) + chance.normal(0, 0.05, (n, 4))


def test_what_breaks_a_correlation_inside_all_ranges_rings_and_is_named() -> None:
    rows = pumps(3000)
    rows[2500:2520, 1] = 2.4 - rows[2500:2520, 1]  # flow falls as power rises
    transitions = notes_of(rows)
    assert [int(transition["now"]) for transition in transitions] == [2, 0] * (
        len(transitions) // 2
    )
    first = transitions[0]
    assert 4 * 2500 <= first["ordinal"] < 4 * 2504
    assert first["row"] == 0
    assert first["observed"] in rows[2499:2504, 1], "the flow is the one that is told"
    assert abs(first["expected"] - first["observed"]) > 0.2


def test_t6_what_moves_all_alike_inside_what_was_seen_rings_nothing() -> None:
    rows = pumps(3000)
    rows[2000:2100] = rows[2000:2100] * 0.5 + np.array([1.0, 0.5, 1.5, 1.5])
    calm = msgspec.structs.replace(RULE, on_delay=Duration("2 min"))
    assert not len(notes_of(rows, calm))


def test_t1_channels_that_stood_still_in_training_may_take_a_step() -> None:
    rows = pumps(2000)
    rows[:, 1], rows[:, 2] = 0.0, rows[:, 3]  # a closed valve, and a copy of a thermometer
    rows[1500:, 1] = 0.01
    calm = msgspec.structs.replace(RULE, on_delay=Duration("2 min"))
    assert not len(notes_of(rows, calm))
    rows[1500:, 1] = 0.2
    assert len(notes_of(rows, calm))


def test_normal_rows_are_outside_the_limits_as_often_as_they_should_be() -> None:
    chance = np.random.default_rng(4)
    mix = chance.normal(0, 1, (12, 12)) * np.linspace(2, 0.2, 12)
    rows = chance.normal(0, 1, (22_000, 12)) @ mix.T
    model = fit(rows[:2000].copy(), np.full(12, 1e-9), 0.9, 0.99)
    out = np.empty((2, 12))
    scores = np.array([judge(row, model, out)[:2] for row in rows[2000:]])
    assert 0.005 < (scores[:, 0] > 1).mean() < 0.02
    assert 0.005 < (scores[:, 1] > 1).mean() < 0.02


def test_t2_of_all_components_is_the_mahalanobis_distance() -> None:
    chance = np.random.default_rng(5)
    rows = chance.normal(0, 1, (300, 5)) @ chance.normal(0, 1, (5, 5))
    model = fit(rows, np.full(5, 1e-12), 0.9, 0.99)._replace(kept=5)
    x, out = rows[0] + 1.0, np.empty((2, 5))
    off = x - rows.mean(axis=0)
    expected = off @ np.linalg.inv(np.cov(rows.T)) @ off
    assert math.isclose(judge(x, model, out)[0] * model.limits[0], expected, rel_tol=1e-9)
    assert math.isclose(out[1].sum(), expected, rel_tol=1e-9), "shares of T2 add up to it"


def test_limits_are_those_of_the_papers() -> None:
    stats = pytest.importorskip("scipy.stats")
    quantile = stats.f.ppf(0.999, 3, 497)
    assert math.isclose(t2_limit(500, 3, 0.999), 3 * (500**2 - 1) / (500 * 497) * quantile)
    for n in (1, 4, 20):  # equal variances: SPE is a chi-square
        limit = spe_limit(np.full(n, 0.5), 0.999)
        assert math.isclose(limit, 0.5 * stats.chi2.ppf(0.999, n), rel_tol=0.04)
    strange = spe_limit(np.array([1.0] + [0.005] * 60), 0.999)  # h0 below 0
    draws = np.random.default_rng(0).chisquare(1, (20_000, 61)) @ np.array([1.0] + [0.005] * 60)
    assert math.isclose(strange, np.quantile(draws, 0.999), rel_tol=0.3)


def test_a_group_that_lost_a_channel_begins_anew_and_keeps_its_level() -> None:
    one = case()
    batch, disposition = one.batch()
    old = reborn(one, one.detector())
    old.score(batch, disposition, (0, len(batch)), {"value": batch.value})
    fewer = Multivariates(SLOT, one.rules, one.roster)
    rows = np.arange(8)
    rows[-1] = -1  # a thermometer of the second group is a new one
    fewer.restore(old.arrays(), rows)
    counts = fewer.arrays()["multivariate.counts"]
    assert counts[0, 0] > 0
    assert counts[1, 0] == 0
    assert np.array_equal(
        fewer.arrays()["multivariate.levels"], old.arrays()["multivariate.levels"]
    )


@pytest.mark.parametrize(
    ("words", "path", "text"),
    [
        ({"with_classes": {}}, ("with",), "expected a class"),
        ({"sync": Duration("0 s")}, ("sync",), "no row would be whole"),
        ({"floor": 2.0}, ("floor",), "expected below the plausible width (1)"),
    ],
)
def test_words_that_make_no_sense_are_found(
    words: dict[str, Any], path: tuple[str, ...], text: str
) -> None:
    rule = Multivariate(**{**QUICK, **words})
    where, said = next(faults(rule, Scene(0.0, 1.0, Duration("60 s"))))
    assert where == path
    assert text in said


def test_sensible_words_pass() -> None:
    assert not list(faults(Multivariate(**QUICK), Scene(0.0, 1.0, Duration("60 s"))))
