"""Made pits and creeping ground move as they are said to."""

import itertools

import numpy as np
import pytest

from lab.generators import creep, excavation
from lab.generators.made import NS, Made, MadeEvent
from lab.generators.shapes import DAY_S
from tests.lab.generators.same import assert_same

DAY_NS = round(DAY_S) * NS


@pytest.fixture(scope="module")
def pits() -> Made:
    return excavation.make(excavation.Excavation(7))


@pytest.fixture(scope="module")
def ground() -> Made:
    return creep.make(creep.Creep(7))


def event(made: Made, kind: str) -> MadeEvent:
    return next(event for event in made.events if event.drawn["kind"] == kind)


def over_ns(event: MadeEvent) -> int:
    """When trouble is over; what it did may ring for longer."""
    return event.begin_ns + int(event.drawn["lasts_s"]) * NS


def moved(made: Made, channel: str, begin_ns: int, end_ns: int) -> float:
    """How far a channel moves between two times: means of the six hours behind each."""
    time_ns, value = made.of(channel)

    def at(moment_ns: int) -> float:
        return float(value[(time_ns >= moment_ns) & (time_ns < moment_ns + DAY_NS // 4)].mean())

    return at(end_ns) - at(begin_ns)


def test_a_wall_moves_with_its_lifts_and_hardly_between() -> None:
    made = excavation.make(excavation.Excavation(7, creep=0.0))
    _time_ns, value = made.of("pit.m1.deflection_1")
    days = value[: 24 * 45].reshape(45, 24).mean(axis=1)
    steps = np.diff(days)
    assert (steps > 0.5).sum() in range(6, 17)  # four lifts of two to three days
    assert np.abs(steps[steps < 0.2]).max() < 0.2
    assert 8.0 < days[-1] < 20.5


def test_a_wall_that_runs_away_is_faster_from_day_to_day(pits: Made) -> None:
    away = event(pits, "wall runs away")
    spans = np.linspace(away.begin_ns, over_ns(away) - DAY_NS // 4, 4).astype(int).tolist()
    channel = "pit.m2.deflection_1"
    first, second, third = (moved(pits, channel, a, b) for a, b in itertools.pairwise(spans))
    assert third > 2 * second > 2 * first > 0


def test_a_lost_strut_hands_its_force_on(pits: Made) -> None:
    lost = event(pits, "strut lost")
    after = lost.begin_ns + DAY_NS // 24
    forces = [
        moved(pits, f"pit.m3.strut_{level}", lost.begin_ns - DAY_NS // 4, after)
        for level in (1, 2, 3)
    ]
    assert int(np.argmin(forces)) + 1 == lost.drawn["level"]
    assert min(forces) < 0
    assert sum(force > 0 for force in forces) == 2


def test_a_leak_draws_the_well_down_and_the_street_after_it(pits: Made) -> None:
    leak = event(pits, "wall leaks")
    assert moved(pits, "pit.m4.well_1", leak.begin_ns - DAY_NS, over_ns(leak)) < -0.25
    assert moved(pits, "pit.m4.settlement_1", leak.begin_ns - DAY_NS, over_ns(leak)) < -2.0


def test_ground_that_fails_creeps_faster_and_faster(ground: Made) -> None:
    for kind in ("slope fails", "ground fails"):
        fails = event(ground, kind)
        spans = np.linspace(fails.begin_ns, over_ns(fails), 4).astype(int).tolist()
        time_ns, value = ground.of(fails.channels[0])
        slopes = []
        for begin, end in itertools.pairwise(spans):
            mine = (time_ns >= begin) & (time_ns < end)
            slopes.append(np.polyfit((time_ns[mine] - begin) / DAY_NS, value[mine], 1)[0])
        assert slopes[2] < 2 * slopes[1] < 0
        assert slopes[1] < slopes[0] + 0.05


def test_a_knocked_mast_is_a_step_and_a_pump_draws_ground_behind_it(ground: Made) -> None:
    knocked = event(ground, "mast knocked")
    time_ns, value = ground.of(knocked.channels[0])
    at = int(np.searchsorted(time_ns, knocked.begin_ns))
    step = value[at : at + 15].mean() - value[at - 15 : at].mean()
    assert step == pytest.approx(-knocked.drawn["mm"], abs=3.0)
    pumped = event(ground, "well pumped")
    bore, well = pumped.channels
    later = pumped.begin_ns + 45 * DAY_NS
    assert moved(ground, well, pumped.begin_ns - DAY_NS, later) < -0.4
    assert moved(ground, bore, pumped.begin_ns - DAY_NS, later) < -1.0


def test_the_same_seed_makes_the_same_ground(pits: Made, ground: Made) -> None:
    pit, grow = excavation.Excavation, creep.Creep
    assert_same(pits, excavation.make(pit(7)), excavation.make(pit(8)))
    assert_same(ground, creep.make(grow(7)), creep.make(grow(8)))
