"""Movements put into positions, what counts as told, and thresholds of the other stations."""

from functools import partial

import numpy as np

from benchmarks.quality_data.gnss import (
    CREEP_D,
    DRAWS,
    LEARNED_D,
    QUAKE,
    STEP_D,
    Positions,
    Rang,
    between,
    by_scatter,
    found,
    moved,
    nested,
    of_pack,
    steps,
)

DAYS = 2400


def still(stations: int = 4) -> Positions:
    return np.zeros((stations, DAYS))


def test_a_step_stays_and_a_creep_ends_after_its_year() -> None:
    steps = moved(still(), creep=False, seed=1)
    assert steps.shape == (4, LEARNED_D + CREEP_D + 1)
    for values in steps:
        assert not values[:LEARNED_D].any()
        assert len(set(values[LEARNED_D:].tolist())) == 1
        assert abs(values[-1]) == 10.0
    for values in moved(still(), creep=True, seed=1):
        assert not values[: LEARNED_D + 1].any()
        assert abs(values[-1]) == 20.0
        assert abs(values[LEARNED_D + 100]) == 20.0 * 100 / 365.25


def test_a_movement_begins_behind_the_earthquake_and_what_it_left() -> None:
    course = np.tile(np.arange(DAYS, dtype=float), (4, 1))
    for seed in range(5):
        begins = moved(course, creep=True, seed=seed)[:, LEARNED_D]
        assert ((begins >= QUAKE + LEARNED_D) & (begins < DAYS - CREEP_D)).all()


def test_told_is_told_in_time_and_the_quake_is_no_other_alarm() -> None:
    def judge(positions: Positions) -> Rang:
        if positions.shape[1] == DAYS:
            return [(0, QUAKE + 1), (0, 700), (0, 20)]
        return [(0, LEARNED_D + 3), (0, LEARNED_D + 9), (1, LEARNED_D + STEP_D + 1), (1, 390)]

    one = found(judge, still(2), creep=False)
    assert one.delays.tolist() == [[3] * DRAWS, [-1] * DRAWS]
    assert one.others.tolist() == [365.25 / (DAYS - LEARNED_D), 0.0]


def only(places: tuple[int, ...], positions: Positions) -> Rang:
    whole = positions.shape[1] == DAYS
    return [] if whole else [(place, LEARNED_D) for place in places]


def test_a_station_has_no_part_in_the_choice_of_its_own_words() -> None:
    rules = {"even": partial(only, (0, 2)), "odd": partial(only, (1, 3))}
    one, chosen = nested(rules, still(), creep=False)
    assert (one.delays == -1).all()
    assert chosen == "even; odd"


def test_the_interval_is_that_of_stations_not_of_movements() -> None:
    told = np.zeros((9, DRAWS), bool)
    told[:5] = True
    low, high = between(told)
    assert low < 100 * 5 / 9 - 20
    assert high > 100 * 5 / 9 + 20
    assert between(np.ones((9, DRAWS), bool)) == (100.0, 100.0)


def test_the_rule_and_the_rival_tell_a_plain_step() -> None:
    positions = np.random.default_rng(5).normal(0.0, 1.0, (2, DAYS))
    positions[1, 1500:] += 10.0
    for rang in (
        by_scatter(10, 5.0, positions),
        *(rule(positions) for rule in steps((6.0,), (3.0,), 10).values()),
        of_pack("north")(positions),
    ):
        assert [station for station, _ in rang] == [1]
        assert 1500 <= rang[0][1] <= 1500 + STEP_D
    assert list(steps((6.0,), (3.0,), 10)) == ["step 6, band 3, 10 days"]
