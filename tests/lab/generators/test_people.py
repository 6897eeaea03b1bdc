"""Made lifts and stations do by day what lifts and stations do, and fail as they are said to."""

import numpy as np
import pytest

from lab.generators import crowd, elevator
from lab.generators.made import NS, Made, MadeEvent
from tests.lab.generators.same import assert_same

HOUR_NS = 3600 * NS


@pytest.fixture(scope="module")
def lifts() -> Made:
    return elevator.make(elevator.Elevator(7))


@pytest.fixture(scope="module")
def station() -> Made:
    return crowd.make(crowd.Crowd(7))


def event(made: Made, kind: str) -> MadeEvent:
    return next(event for event in made.events if event.drawn["kind"] == kind)


def during(made: Made, channel: str, span: tuple[int, int]) -> np.ndarray:
    time_ns, value = made.of(channel)
    return value[(time_ns >= span[0]) & (time_ns < span[1])]


def test_a_lift_moves_with_its_doors_shut_but_once(lifts: Made) -> None:
    for number in range(1, 7):
        _, state = lifts.of(f"elevator.lift-m{number}.car_state")
        changes = state[np.flatnonzero(np.diff(state, prepend=-1.0))]
        before = changes[:-1][np.isin(changes[1:], [1.0, 2.0])]
        assert (before == 4.0).sum() == (number == 1)  # the lift that moves with open doors
        assert set(before) <= {0.0, 4.0}


def test_wear_of_a_lift_grows_to_what_was_drawn(lifts: Made) -> None:
    for kind, channel, usual in (
        ("door wears", "elevator.lift-m2.door_time", 100.0),
        ("levelling drifts", "elevator.lift-m3.levelling", 0.0),
    ):
        wear = event(lifts, kind)
        last = during(lifts, channel, (wear.end_ns - 6 * HOUR_NS, wear.end_ns))
        first = during(lifts, channel, (0, wear.begin_ns))
        assert np.median(first) == pytest.approx(usual, abs=4.0)
        grown = np.median(last) - np.median(first)
        assert grown == pytest.approx(wear.drawn["size"], rel=0.15)


def test_people_shut_in_are_counted_while_the_car_stands(lifts: Made) -> None:
    shut = event(lifts, "people shut in")
    confined = during(lifts, "elevator.lift-m5.confined", (shut.begin_ns, shut.end_ns))
    assert confined.max() == pytest.approx(shut.drawn["size"], abs=60.0)
    assert during(lifts, "elevator.lift-m5.confined", (0, shut.begin_ns)).max() == 0.0


def test_a_dead_box_says_nothing_at_all(lifts: Made) -> None:
    dead = event(lifts, "box dead")
    end = dead.begin_ns + (dead.drawn["lasts_s"] - 30) * NS
    for channel in dead.channels:
        assert not len(during(lifts, channel, (dead.begin_ns, end)))


def test_a_station_has_its_peaks_and_its_trouble(station: Made) -> None:
    _time_ns, count = station.of("metro.made.gate_in_a")
    hours = count[: 28 * 1440].reshape(28, 24, 60).sum(axis=2)
    assert hours[0].argmax() in (17, 18)
    assert hours[:, 1:5].sum() == 0
    closed = event(station, "station closed")
    end = closed.begin_ns + round(closed.drawn["hours"] * HOUR_NS)
    for gate in crowd.GATES:
        span = (closed.begin_ns + 60 * NS, end - 60 * NS)
        assert not during(station, f"metro.made.gate_{gate}", span).any()


def test_gates_that_are_off_send_people_to_the_others(station: Made) -> None:
    off = event(station, "gates off")
    end = off.begin_ns + round(off.drawn["hours"] * HOUR_NS) - 60 * NS
    span = (off.begin_ns + 60 * NS, end)
    week = 7 * 24 * HOUR_NS
    usual = (span[0] - week, span[1] - week)
    assert not during(station, "metro.made.gate_in_a", span).any()
    channel = "metro.made.gate_in_b"
    assert during(station, channel, span).sum() > 1.3 * during(station, channel, usual).sum()


def test_a_platform_fills_while_no_train_comes() -> None:
    made = crowd.make(crowd.of_days(7))
    gap = event(made, "train gap")
    density = during(made, "metro.made.density_platform", (gap.begin_ns, gap.end_ns - 60 * NS))
    assert density[-30:].mean() > 0.8 * gap.drawn["per_m2"] > density[:30].mean()


def test_the_same_seed_makes_the_same_lifts_and_stations(lifts: Made, station: Made) -> None:
    lift, crowds = elevator.Elevator, crowd.Crowd
    assert_same(lifts, elevator.make(lift(7)), elevator.make(lift(8)))
    assert_same(station, crowd.make(crowds(7)), crowd.make(crowds(8)))
