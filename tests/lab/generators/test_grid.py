"""A made grid keeps Kirchhoff's laws as pandapower does, and its trouble does what it says."""

import numpy as np
import pytest

from lab.generators import grid_flow as flow
from lab.generators.grid import Grid, make
from lab.generators.made import Made, MadeEvent
from tests.lab.generators.same import assert_same

pytestmark = pytest.mark.slow  # pandapower takes seconds to import


@pytest.fixture(scope="module")
def made() -> Made:
    return make(Grid(7))


def event(made: Made, kind: str) -> MadeEvent:
    return next(event for event in made.events if event.drawn["kind"] == kind)


def inside(made: Made, channel: str, of: MadeEvent) -> tuple[np.ndarray, np.ndarray]:
    """Values of a channel in the middle of an event, and outside of it."""
    time_ns, value = made.of(channel)
    third = (of.end_ns - of.begin_ns) // 3
    middle = (time_ns > of.begin_ns + third) & (time_ns < of.end_ns - third)
    return value[middle], value[(time_ns < of.begin_ns) | (time_ns > of.end_ns)]


def test_the_response_is_what_the_power_flow_gives() -> None:
    chance = np.random.default_rng(3)
    net = flow.net_of()
    for _ in range(3):
        inputs = flow.BASE + 0.8 * flow.REACH * chance.uniform(-1.0, 1.0, len(flow.BASE))
        off = np.abs(flow.response().at(inputs[None])[0] - flow.solve(net, inputs))
        assert off[: flow.LOW.stop].max() < 0.002  # voltages, in parts of nominal
        assert off[flow.LOW.stop :].max() < 4.0  # loads, in percent


def test_a_feeder_that_is_off_leaves_the_others_more_voltage() -> None:
    with_all, without = (flow.response(f).at(flow.BASE[None])[0] for f in (flow.NO_FEEDER, 0))
    assert without[flow.STATIONS][:2].tolist() == [0.0, 0.0]
    assert (without[flow.STATIONS][2:] > with_all[flow.STATIONS][2:]).all()
    assert without[flow.SUBSTATION] < 0.7 * with_all[flow.SUBSTATION]


def test_a_trip_drops_load_and_voltage_of_its_feeder_alone(made: Made) -> None:
    trip = event(made, "feeder trip")
    mine = str(trip.drawn["at"])
    other = next(f"power.feeder-m{i}" for i in (1, 2) if f"power.feeder-m{i}" != mine)
    for what in ("load", "voltage"):
        off, before = inside(made, f"{mine}.{what}", trip)
        assert (off == 0.0).all()
        assert before.min() > 0.0
        assert inside(made, f"{other}.{what}", trip)[0].min() > 0.0
    states = inside(made, f"{mine}.switch", trip)
    assert set(states[0]) == {2.0}


def test_trouble_of_a_grid_moves_what_it_should(made: Made) -> None:
    overload = event(made, "overload")
    during, before = inside(made, f"{overload.drawn['at']}.load", overload)
    assert np.median(during) > 0.8 * overload.drawn["percent"] > np.median(before)
    earth = inside(made, "power.sub-m1.phase_to_earth", event(made, "earth fault"))
    assert earth[0].min() > 1.25 * earth[1].max()
    sag = event(made, "voltage sag")
    low, usual = inside(made, "power.area-m3.voltage_a", sag)
    assert np.median(low) == pytest.approx((1 - sag.drawn["share"]) * np.median(usual), rel=0.04)


def test_oil_gets_warm_when_cooling_is_lost() -> None:
    cooled, lost = (
        make(Grid(7, 4, 1, ("cooling",), terminals=False, cooling=(times, times)))
        for times in (1.0, 1.8)
    )
    warmer = lost.of("power.sub-m1.top_oil")[1] - cooled.of("power.sub-m1.top_oil")[1]
    assert 3.0 < warmer.max() < 40.0
    assert warmer[:1440].max() == 0.0  # a day before anything is lost


def test_the_same_seed_makes_the_same_grid(made: Made) -> None:
    assert_same(made, make(Grid(7)), make(Grid(8)))


def test_a_kind_of_trouble_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match=r"kinds: expected some of cooling, .*, got flood"):
        make(Grid(1, kinds=("flood",)))
