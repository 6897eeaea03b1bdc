"""Rectangle, triangle and exponential have figures on paper; so have lifelines two by two."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alarms.resilience.curve import Curve, combined
from alarms.resilience.functional import Sample, band_of, time_to, unserved_share, works
from alarms.resilience.process import loss, passage, recovery_ratio
from alarms.resilience.system import (
    city,
    inoperability,
    inoperability_after,
    interdependence,
    speed,
    weakest,
)

HOUR_S = 3_600.0
DAY_S = 24 * HOUR_S


def rectangle(depth: float, lasts_s: float, ends_s: float = DAY_S) -> Curve:
    return Curve.of_steps([(0, 1 - depth), (lasts_s, 1.0)], -HOUR_S, ends_s)


def triangle(depth: float, lasts_s: float, ends_s: float = DAY_S) -> Curve:
    """A fall at once, a straight recovery."""
    return Curve([(-HOUR_S, 1), (0, 1), (0, 1 - depth), (lasts_s, 1), (ends_s, 1)])


def test_a_rectangle_loses_depth_times_length() -> None:
    found = passage(rectangle(0.6, 2 * HOUR_S), 0.0)
    assert found.loss_s == pytest.approx(0.6 * 2 * HOUR_S)
    assert (found.before, found.lowest, found.absorption) == (1, 0.4, 0.4)
    assert (found.lowest_after_s, found.restored_after_s) == (0, 2 * HOUR_S)
    assert found.drop_per_h is None, "it fell at once"
    assert found.rapidity_per_h == pytest.approx(0.3)
    assert (found.centre_s, found.spread_s) == (2 * HOUR_S, 0)
    assert (found.t50_s, found.t80_s, found.t95_s) == (2 * HOUR_S,) * 3
    assert found.below_s == 2 * HOUR_S
    assert found.normalised == pytest.approx((1 - 1.2 / 24,) * 2)


def test_a_triangle_loses_half_of_that_and_recovers_at_its_slope() -> None:
    found = passage(triangle(0.6, 2 * HOUR_S), 0.0)
    assert found.loss_s == pytest.approx(0.5 * 0.6 * 2 * HOUR_S)
    assert found.rapidity_per_h == pytest.approx(0.3)
    assert found.centre_s == pytest.approx(HOUR_S)
    assert found.spread_s == pytest.approx(2 * HOUR_S / math.sqrt(12)), "uniform over two hours"
    assert found.t50_s == pytest.approx(HOUR_S / 3), "0.4 + 0.3/h"
    assert found.t80_s == pytest.approx(HOUR_S * 4 / 3)
    assert found.below_s == pytest.approx(HOUR_S * 4 / 3)
    assert recovery_ratio(triangle(0.6, 2 * HOUR_S), 0.0, HOUR_S) == pytest.approx(0.5)


def test_a_slow_fall_has_a_speed() -> None:
    curve = Curve([(-HOUR_S, 1), (0, 1), (HOUR_S / 2, 0.2), (HOUR_S, 0.2), (2 * HOUR_S, 1)])
    found = passage(curve, 0.0)
    assert found.drop_per_h == pytest.approx(1.6)
    assert found.rapidity_per_h == pytest.approx(0.8 / 1.5)
    assert found.loss_s == pytest.approx(HOUR_S * (0.2 + 0.4 + 0.4))


@pytest.mark.parametrize(
    ("depth", "tau_s", "lasts_s"), [(0.9, 1_800.0, 7_200.0), (0.5, 900.0, 900.0)]
)
def test_an_exponential_recovery_loses_what_its_integral_says(
    depth: float, tau_s: float, lasts_s: float
) -> None:
    times = np.linspace(0, lasts_s, 2_001)
    points = [(float(t), 1 - depth * math.exp(-t / tau_s)) for t in times]
    curve = Curve([(-HOUR_S, 1), (0, 1), *points])
    exact = depth * tau_s * (1 - math.exp(-lasts_s / tau_s))
    step_s = times[1]
    assert abs(loss(curve) - exact) <= depth / tau_s**2 * step_s**2 / 12 * lasts_s
    if depth == 0.9:
        assert time_to(curve, 0.0) == pytest.approx(tau_s * math.log(depth / 0.2), rel=1e-5)


def test_what_is_not_restored_is_open_and_bounds_are_given() -> None:
    found = passage(rectangle(0.5, DAY_S, ends_s=6 * HOUR_S), 0.0)
    assert found.restored_after_s is None
    assert found.rapidity_per_h is None
    assert found.t80_s is None
    assert found.loss_s == 3 * HOUR_S
    assert found.normalised == (3 / 24, 3 / 24 + 18 / 24)


def test_a_level_counts_when_it_has_stayed_for_half_an_hour() -> None:
    steps = [(0, 0.2), (HOUR_S, 1.0), (HOUR_S + 1_200, 0.5), (2 * HOUR_S, 0.9)]
    curve = Curve.of_steps(steps, -1.0, DAY_S)
    assert time_to(curve, 0.0) == 2 * HOUR_S
    assert time_to(curve, 0.0, hold_s=1_200) == HOUR_S
    assert not works(curve, 0.0)
    assert works(curve, HOUR_S)


def test_recoveries_of_equal_loss_are_told_apart_by_their_spread() -> None:
    """The centre is the loss over the depth, whatever the shape: ∫ τ dQ = ∫ (Q(t_r) − Q) dt."""
    at_once, slowly = rectangle(0.8, 1.5 * HOUR_S), triangle(0.8, 3 * HOUR_S)
    assert loss(at_once) == pytest.approx(loss(slowly))
    found = [passage(curve, 0.0) for curve in (at_once, slowly)]
    assert [one.centre_s for one in found] == pytest.approx([loss(slowly) / 0.8] * 2)
    assert [one.spread_s for one in found] == pytest.approx([0, 3 * HOUR_S / math.sqrt(12)])


def test_blind_samples_give_an_interval() -> None:
    samples = [
        Sample(0, 100, 100), Sample(600, 100, 100), Sample(1_200, None, 100),
        Sample(1_800, 50, 100), Sample(2_400, 120, 100),
    ]  # fmt: skip
    band = band_of(samples)
    known = 600 * 0.25  # from 50 % up to all of it, straight
    assert loss(band.worst) == 1_200 + known
    assert loss(band.best) == known
    heard = band_of([one for one in samples if one.supply is not None])
    assert loss(band.best) <= loss(heard.worst) == loss(heard.best) <= loss(band.worst)


def test_only_what_is_asked_for_can_be_lost() -> None:
    demand = Curve([(0, 100), (3_600, 100), (3_600, 20), (7_200, 20)])
    supply = Curve([(0, 60), (7_200, 60)])
    assert unserved_share(demand, supply) == pytest.approx(40 / 120)
    ramp = Curve([(0, 120), (7_200, 0)])  # meets the demand of 20 at 6,000 s
    area = 40 * 2_400 / 2 + 20 * 1_200 / 2  # two triangles: 100 is met until 1,200 s
    assert unserved_share(demand, ramp) == pytest.approx(area / (120 * 3_600))


def test_two_by_two_by_hand() -> None:
    """Power loses 0.1; water hangs on power by 0.5, power on water by 0.2: det = 1 − 0.1 = 0.9."""
    dependence = np.array([[0.0, 0.2], [0.5, 0.0]])
    lost = inoperability(dependence, np.array([0.1, 0.0]))
    assert lost == pytest.approx([0.1 / 0.9, 0.05 / 0.9])
    assert interdependence(float(lost.sum()), 0.1) == pytest.approx(1 - 0.1 / (0.15 / 0.9))
    assert interdependence(0.0, 0.0) is None
    with pytest.raises(ValueError, match=r"spectral radius below 1, got 1\.22"):
        inoperability(np.array([[0.0, 1.5], [1.0, 0.0]]), np.array([0.1, 0.0]))


def test_dynamic_inoperability_decays_as_by_hand() -> None:
    """Without dependences each decays by itself; with them it ends where the static one is."""
    speeds = np.array([1 / 3_600, 2 / 3_600])
    alone, none = np.zeros((2, 2)), np.zeros(2)
    after = inoperability_after(alone, none, speeds, np.array([0.8, 0.4]), 3_600)
    assert after == pytest.approx([0.8 * math.exp(-1), 0.4 * math.exp(-2)])
    assert speed(0.8, 0.8 * math.exp(-1), 3_600) == pytest.approx(speeds[0])
    dependence, lost = np.array([[0.0, 0.2], [0.5, 0.0]]), np.array([0.1, 0.0])
    ends = inoperability_after(dependence, lost, speeds, np.array([1.0, 1.0]), 100 * HOUR_S)
    assert ends == pytest.approx(inoperability(dependence, lost))
    step_s = 1.0  # a plain twin by small steps
    state = np.array([0.3, 0.0])
    for _ in range(3_600):
        state = state + step_s * speeds * (dependence @ state + lost - state)
    closed = inoperability_after(dependence, lost, speeds, np.array([0.3, 0.0]), 3_600)
    assert closed == pytest.approx(state, rel=1e-3)


def test_a_city_is_the_weighted_sum_and_its_weakest_link() -> None:
    curves = {"water": rectangle(0.4, HOUR_S), "power": rectangle(0.1, 2 * HOUR_S)}
    assert loss(city(curves, {})) == pytest.approx((0.4 + 0.2) * HOUR_S / 2)
    assert loss(city(curves, {"water": 3})) == pytest.approx(
        0.75 * 0.4 * HOUR_S + 0.25 * 0.2 * HOUR_S
    )
    least = weakest(curves, {"power": 1.0})
    assert least.at(0) == pytest.approx(0.6 / 0.8)
    assert least.at(HOUR_S) == pytest.approx(0.9)


def test_great_britain_and_iberia_have_the_figures_of_the_text() -> None:
    """lifelines.md 19.3: 1.1 million customers, 40 to 45 min; 18 h to 92 %, as a triangle."""
    minutes = 42.5
    assert 1.1e6 * loss(rectangle(1.0, minutes * 60)) / 60 == pytest.approx(4.7e7, rel=0.01)
    assert 1.1e6 * loss(triangle(1.0, minutes * 60)) / 60 == pytest.approx(2.4e7, rel=0.03)
    iberia = Curve([(0, 1), (0, 0), (18 * HOUR_S, 0.92), (20 * HOUR_S, 0.92)])
    assert time_to(iberia, 0.0, level=0.92) == pytest.approx(18 * HOUR_S)
    iberia = iberia.within(0, 18 * HOUR_S)
    assert 800 <= loss(iberia) / 36 <= 1_000, "per cent hours"


POINTS = st.lists(
    st.tuples(st.integers(1, 500), st.integers(0, 16)), min_size=2, max_size=12
)  # steps of time, and sixteenths of functionality: sums are exact


def made(points: list[tuple[int, int]]) -> Curve:
    at, found = 0, [(0.0, 1.0)]
    for step, value in points:
        at += step
        found.append((float(at), value / 16))
    return Curve(found)


@given(POINTS)
def test_time_reversed_and_in_other_units_the_same_is_lost(points: list[tuple[int, int]]) -> None:
    curve = made(points)
    back = Curve([(-t, v) for t, v in zip(curve.times[::-1], curve.values[::-1], strict=True)])
    assert loss(back) == loss(curve)
    assert back.below(0.8) == pytest.approx(curve.below(0.8))
    hours = Curve([(t / 4, v) for t, v in zip(curve.times, curve.values, strict=True)])
    assert loss(hours) * 4 == loss(curve)
    mine, theirs = passage(curve, 0.0), passage(hours, 0.0)
    assert (mine.lowest, mine.absorption) == (theirs.lowest, theirs.absorption)


@given(POINTS, POINTS, st.integers(1, 400))
def test_cut_in_two_the_parts_sum_and_the_lower_envelope_is_the_lowest(
    one: list[tuple[int, int]], other: list[tuple[int, int]], cut: int
) -> None:
    first, second = made(one), made(other)
    ends = min(first.ends, second.ends)
    first, second = first.within(0, ends), second.within(0, ends)
    at = min(float(cut), ends)
    parts = loss(first.within(0, at)) + loss(first.within(at, ends))
    assert parts == pytest.approx(loss(first))
    lower = combined([first, second], "min", [1.0, 1.0])
    for t in np.linspace(0, ends, 37):
        assert lower.at(float(t)) == pytest.approx(min(first.at(float(t)), second.at(float(t))))


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ([(0, 1)], "two or more finite points, got 1"),
        ([(0, 1), (1, math.nan)], "two or more finite points"),
        ([(0, 1), (2, 1), (1, 1)], "times in order, got 1.0 behind 2.0"),
    ],
)
def test_what_is_no_curve_is_refused(points: list[tuple[float, float]], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Curve(points)


def test_a_demand_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="more than 0, got 0 at 5 s"):
        band_of([Sample(0, 1, 1), Sample(5, 1, 0)])
    nothing = Curve([(0, 0), (1, 0)])
    with pytest.raises(ValueError, match="LoR is not defined"):
        unserved_share(nothing, nothing)
    with pytest.raises(ValueError, match="over the same time"):
        combined([nothing, Curve([(0, 0), (2, 0)])], "sum", [1.0, 1.0])
