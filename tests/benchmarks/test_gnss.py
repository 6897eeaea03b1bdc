"""Movements put into positions, what counts as told, and thresholds of the other stations."""

import numpy as np

from benchmarks.quality_data.gnss import (
    CREEP_D,
    LEARNED_D,
    QUAKE,
    STEP_D,
    Positions,
    Rang,
    by_scatter,
    by_trend,
    found,
    moved,
    nested,
    trends,
)
from contracts.quantities import Duration
from detectors.base.thresholds import Steps

DAYS = 2400


def still(stations: int = 4) -> Positions:
    return np.zeros((stations, DAYS))


def test_a_step_stays_and_a_creep_ends_after_its_year() -> None:
    steps, begins = moved(still(), creep=False, seed=1)
    assert all(QUAKE + LEARNED_D <= day < DAYS - CREEP_D for day in begins)
    for values, day in zip(steps, begins, strict=True):
        assert not values[:day].any()
        assert set(np.abs(values[day:]).tolist()) == {10.0}
    creeps, begins = moved(still(), creep=True, seed=1)
    for values, day in zip(creeps, begins, strict=True):
        assert not values[: day + 1].any()
        assert abs(values[-1]) == 20.0
        assert abs(values[day + 100]) == 20.0 * 100 / 365.25


def test_told_is_told_in_time_and_the_quake_is_no_other_alarm() -> None:
    begins = moved(still(2), creep=False, seed=24)[1]

    def judge(both: Positions) -> Rang:
        assert len(both) == 4
        late = begins[1] + STEP_D + 1
        return [(0, QUAKE + 1), (0, 700), (0, 20), (2, begins[0] + 3), (3, late), (2, 500)]

    one = found(judge, still(2), creep=False)
    assert one.delays.tolist() == [3, -1]
    assert one.others.tolist() == [365.25 / (DAYS - LEARNED_D), 0.0]


def test_a_station_has_no_part_in_the_choice_of_its_own_words() -> None:
    begins = moved(still(), creep=False, seed=24)[1]

    def even(both: Positions) -> Rang:
        return [(4 + place, begins[place]) for place in (0, 2)]

    def odd(both: Positions) -> Rang:
        return [(4 + place, begins[place]) for place in (1, 3)]

    one, chosen = nested({"even": even, "odd": odd}, still(), creep=False)
    assert one.delays.tolist() == [-1, -1, -1, -1]
    assert chosen == "even; odd"


def test_the_rule_and_the_rival_tell_a_plain_step() -> None:
    positions = np.random.default_rng(5).normal(0.0, 1.0, (2, DAYS))
    positions[1, 1500:] += 10.0
    for rang in (
        by_scatter(10, 5.0, positions),
        by_trend({"step": Steps(yellow=6.0), "off_delay": Duration("30 d")}, positions),
    ):
        assert [station for station, _ in rang] == [1]
        assert 1500 <= rang[0][1] <= 1500 + STEP_D
    assert list(trends("step", (6.0, 7.0))) == ["step 6", "step 7"]
