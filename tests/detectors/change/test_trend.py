"""Slow movements: the twin, the laws, a season, a temperature, a step, an end."""

import math
from typing import Any

import msgspec
import numpy as np
import pytest

from contracts.quantities import Duration, Sigmas
from detectors.base.kind import Scene
from detectors.base.thresholds import Steps
from detectors.change.trend import TREND, Trend, faults
from detectors.change.trend_fit import YEAR_D, days_left, without
from runtime.installation import HOME
from tests.detectors.change.trend_twin import TrendTwin
from tests.testkit.kind_case import Case, Reading, equals_twin, keeps_the_laws, roster, run
from tests.testkit.kinds.change.trend import DAY_S, RULE, case, stream

GNSS = HOME.parent / "shared/data/subsidence_gnss"


@pytest.mark.parametrize("seed", range(2))
def test_the_kernel_equals_its_twin(seed: int) -> None:
    equals_twin(case(seed), TrendTwin)


def test_the_laws_are_kept() -> None:
    keeps_the_laws(case())


@pytest.mark.parametrize(
    "words",
    [
        {"way": "down", "over": Duration("30 d"), "complete": 0.9},
        {"way": "up", "over": Duration("365 d"), "complete": 0.3, "step": None},
        {"from_hour": 2.0, "to_hour": 12.0, "utc_hours": -5.5, "off_delay": Duration("3 d")},
        {"step_band": Sigmas("6 sigma"), "velocity_change": Steps(yellow=8.0, red=30.0)},
        {"step": Steps(blue=2.0), "step_band": Sigmas("3 sigma"), "step_days": 7},
        {"velocity_change": Steps(blue=5.0), "over": Duration("60 d"), "way": "up"},
    ],
)
def test_other_words_equal_the_twin_too(words: dict[str, Any]) -> None:
    rule = Trend(**{**RULE, **words})
    equals_twin(Case(TREND, {"a.b": rule}, roster({"a.b": 2}), stream(5)), TrendTwin)


def notes_of(rule: Trend, medians: Any, temperature: Any = None) -> Any:
    """Level changes of a channel with one reading a day, and of its companion's if it has one."""
    readings = []
    for day, value in enumerate(medians):
        if temperature is not None:
            readings.append(Reading(1, day * DAY_S + 3e4, float(temperature[day])))
        readings.append(Reading(0, day * DAY_S + 4e4, float(value)))
    classes = {"rail.settle": 1, "weather.t": 1}
    return run(Case(TREND, {"rail.settle": rule}, roster(classes, group_size=2), readings))


DAYS = np.arange(1200)
CHANCE = np.random.default_rng(3)
NOISE = CHANCE.normal(0, 0.15, len(DAYS))
SEASON = 6.0 * np.sin(2 * np.pi * DAYS / YEAR_D)
WEATHER = 12 * np.sin(2 * np.pi * DAYS / YEAR_D) + np.convolve(
    CHANCE.normal(0, 4, len(DAYS)), np.ones(5) / 5, "same"
)
SLOW = Trend(velocity=Steps(blue=10.0))


def test_noise_and_a_slow_drift_ring_nothing() -> None:
    assert not len(notes_of(SLOW, 5.0 * DAYS / YEAR_D + NOISE))


def test_t11_a_year_rings_only_while_nobody_said_that_it_is_one() -> None:
    assert len(notes_of(SLOW, SEASON + NOISE))
    assert not len(notes_of(msgspec.structs.replace(SLOW, yearly=True), SEASON + NOISE))


@pytest.mark.long
def test_t11_a_temperature_rings_only_while_nobody_named_it() -> None:
    driven = msgspec.structs.replace(SLOW, with_class="weather.t")
    assert len(notes_of(SLOW, 0.5 * WEATHER + NOISE))
    assert not len(notes_of(driven, 0.5 * WEATHER + NOISE, WEATHER))
    assert len(notes_of(driven, 0.5 * WEATHER - 14.0 * DAYS / YEAR_D + NOISE, WEATHER)) == 1


@pytest.mark.long
def test_a_companion_keeps_the_laws() -> None:
    rule = msgspec.structs.replace(SLOW, with_class="weather.t", yearly=True)
    readings = []
    for day in range(420):
        for row, value in ((1, WEATHER[day]), (0, WEATHER[day] - 0.04 * day), (2, NOISE[day])):
            readings.append(Reading(row, day * DAY_S + row, float(value)))
    classes = roster({"rail.settle": 1, "weather.t": 2}, group_size=3)
    keeps_the_laws(Case(TREND, {"rail.settle": rule}, classes, readings), changes=1)


def test_a_movement_is_found_and_its_velocity_told() -> None:
    transition = notes_of(SLOW, np.where(DAYS > 500, 12.0 * (DAYS - 500) / YEAR_D, 0.0) + NOISE)[0]
    assert 530 < transition["time_ns"] / 1e9 / DAY_S < 600
    assert transition["score"] > 10
    assert transition["finding"] == 1, "a creep is no step"
    assert math.isnan(transition["expected"])


def test_a_step_rings_once_and_is_no_velocity() -> None:
    rule = msgspec.structs.replace(SLOW, step=Steps(yellow=5.0), off_delay=Duration("7 d"))
    transitions = notes_of(rule, np.where(DAYS >= 300, 9.0, 0.0) + 3.0 * DAYS / YEAR_D + NOISE)
    assert [(int(n["time_ns"] / 1e9 // DAY_S), n["now"]) for n in transitions] == [
        (303, 2),
        (311, 0),
    ]
    assert transitions["finding"].tolist() == [3, 0], "a step, then nothing"
    assert abs(transitions["score"][0] - 9.0) < 1.0, "a step tells its height"
    assert abs(transitions["score"][1] - 3.0) < 2.0, "a channel that is calm its velocity"
    unstepped = notes_of(SLOW, np.where(DAYS >= 300, 9.0, 0.0) + NOISE)
    assert len(unstepped) >= 2, "what is not said to be a step is a movement"


def test_a_step_is_held_against_the_jumps_of_its_own_channel() -> None:
    rule = Trend(step=Steps(yellow=5.0), step_band=Sigmas("6 sigma"), off_delay=Duration("7 d"))
    step, weather = np.where(DAYS >= 300, 9.0, 0.0), 20.0 * NOISE
    quiet = notes_of(rule, step + NOISE)
    assert [int(n["time_ns"] / 1e9 // DAY_S) for n in quiet] == [303, 311]
    assert not len(notes_of(rule, step + weather)), "its days scatter by 3 mm"
    assert len(notes_of(msgspec.structs.replace(rule, step_band=Sigmas("0 sigma")), weather)) > 10
    early = np.where(DAYS >= 30, 9.0, 0.0) + NOISE
    assert not len(notes_of(rule, early[:60])), "before 30 jumps are known none is one"


def test_more_days_on_each_side_feel_a_smaller_step_and_tell_it_once() -> None:
    weather = 12.0 * NOISE
    stepped = np.where(DAYS >= 600, 6.0, 0.0) + weather
    rule = Trend(step=Steps(yellow=4.0), step_band=Sigmas("4 sigma"), step_days=10)
    told = notes_of(rule, stepped)
    assert [int(n["now"]) for n in told] == [2, 0]
    assert 606 <= told["time_ns"][0] / 1e9 / DAY_S < 614
    assert abs(told["score"][0] - 6.0) < 2.0
    growth = np.where(DAYS < 500, 0.0, 0.002 * (DAYS - 500.0) ** 2)[:600]
    assert not len(
        notes_of(msgspec.structs.replace(rule, step_band=Sigmas("0 sigma")), growth[:530])
    )


def test_a_creep_upon_a_plate_that_moves_is_a_change_of_velocity() -> None:
    rule = Trend(velocity_change=Steps(yellow=12.0), over=Duration("180 d"))
    plate = -40.0 * DAYS / YEAR_D + 10.0 * NOISE
    assert not len(notes_of(rule, plate))
    creep = np.clip(20.0 * (DAYS - 500) / YEAR_D, 0.0, 20.0)
    told = notes_of(rule, plate + creep)
    assert 560 < told["time_ns"][0] / 1e9 / DAY_S < 660
    assert told["finding"][0] == 5
    assert 12.0 < told["score"][0] < 16.0
    down = msgspec.structs.replace(rule, way="down")
    assert 860 < notes_of(down, plate + creep)["time_ns"][0] / 1e9 / DAY_S < 1100, "its end"
    assert not len(notes_of(rule, (plate + creep)[:560])), "days of both are not there yet"


def test_one_wild_day_rings_nothing() -> None:
    rule = msgspec.structs.replace(SLOW, step=Steps(yellow=5.0))
    assert not len(notes_of(rule, np.where(DAYS % 97 == 13, 40.0, 0.0) + NOISE))


def test_an_end_is_told_days_before_it_comes() -> None:
    fails = 430.0
    creep = np.where(DAYS < 400, 0.0, -10.0 * np.log(np.maximum(fails - DAYS, 1.0) / 30.0))
    rule = Trend(failure_within=Steps(orange=14.0, red=7.0), way="up")
    transitions = notes_of(rule, creep[:429] + NOISE[:429] / 10)
    assert [int(transition["now"]) for transition in transitions] == [3, 4]
    for transition in transitions:
        told = transition["time_ns"] / 1e9 / DAY_S + transition["expected"]
        assert abs(told - fails) < 4
    assert not len(notes_of(msgspec.structs.replace(rule, way="down"), creep[:429]))


def test_the_line_of_the_inverse_velocity_ends_where_it_was_made_to() -> None:
    t = np.arange(-20.0, 1.0)
    assert math.isclose(days_left(t, -np.log(9.0 - t), 0.8), 9.0, rel_tol=0.02)
    assert math.isnan(days_left(t, t * 0.1, 0.8))


@pytest.mark.parametrize("seed", range(3))
def test_drivers_are_taken_out_as_least_squares_would(seed: int) -> None:
    chance = np.random.default_rng(seed)
    t = np.arange(-399.0, 1.0)
    drivers = np.stack([np.cos(t / 58), np.sin(t / 58), chance.normal(0, 8, 400)])
    y = 3 + 0.02 * t + np.array([2.0, -1.0, 0.3]) @ drivers + chance.normal(0, 0.1, 400)
    whole = np.stack([np.ones(400), t / YEAR_D, *drivers], 1)
    solved = np.linalg.lstsq(whole, y)[0]
    mine = y.copy()
    assert without(t, mine, drivers)
    np.testing.assert_allclose(mine, y - solved[2:] @ drivers, atol=1e-9)


def test_a_driver_that_says_nothing_of_its_own_is_refused() -> None:
    t = np.arange(-99.0, 1.0)
    assert not without(t, t.copy(), np.zeros((1, 100)))
    assert not without(t, t.copy(), (3.0 * t + 1)[None, :])


@pytest.mark.skipif(not GNSS.exists(), reason="the GNSS set is not at hand")
@pytest.mark.parametrize("station", ["G001", "I081", "S106", "Z101"])
def test_an_earthquake_is_a_step_on_its_third_day(station: str) -> None:
    from pyarrow import parquet  # noqa: PLC0415 - only where the set is

    table = parquet.read_table(GNSS / f"{station}.parquet").slice(0, 1000)
    times = table["time"].to_numpy().astype("datetime64[s]").astype(int).tolist()
    moved = table["east_mm"].to_pylist()
    readings = [Reading(0, at, value) for at, value in zip(times, moved, strict=True)]
    rule = Trend(step=Steps(yellow=8.0), failure_within=Steps(red=10.0))
    transitions = run(Case(TREND, {"land.gnss": rule}, roster({"land.gnss": 1}), readings))
    days = [str(np.datetime64(int(transition["time_ns"]), "ns"))[:10] for transition in transitions]
    assert days == ["2011-03-14", "2011-03-15"]


@pytest.mark.parametrize(
    ("words", "path", "text"),
    [
        ({"velocity": None}, (), "expected one of velocity"),
        ({"velocity": Steps()}, ("velocity",), "got none"),
        ({"velocity": Steps(blue=-1.0)}, ("velocity",), "expected steps above 0"),
        ({"velocity": Steps(blue=2.0, red=1.0)}, ("velocity",), "expected rising steps"),
        ({"failure_within": Steps(blue=1.0, red=2.0)}, ("failure_within",), "expected falling"),
        ({"over": Duration("36 h")}, ("over",), "expected whole days from 7 to 400"),
        ({"from_hour": 5.0, "to_hour": 4.0}, ("from_hour",), "no reading would count"),
        ({"step_band": Sigmas("5 sigma")}, ("step_band",), "expected `step` beside it"),
        ({"velocity_change": Steps(), "step": None}, ("velocity_change",), "got none"),
        (
            {"velocity_change": Steps(blue=1.0), "over": Duration("300 d")},
            ("over",),
            "expected at most 200 d",
        ),
        ({"step": Steps(blue=1.0), "on_delay": Duration("1 d")}, ("on_delay",), "expected 0 s"),
    ],
)
def test_words_that_make_no_sense_are_found(
    words: dict[str, Any], path: tuple[str, ...], text: str
) -> None:
    rule = Trend(**{"velocity": Steps(blue=1.0), **words})
    where, said = next(faults(rule, Scene(0.0, 1.0, Duration("60 s"))))
    assert where == path
    assert text in said


def test_sensible_words_pass() -> None:
    assert not list(faults(Trend(**RULE), Scene(0.0, 1.0, Duration("60 s"))))
