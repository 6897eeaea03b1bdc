"""Figures of a desk, of alarms that were made to stand in each way; computed by hand."""

from collections.abc import Mapping

import msgspec
import pytest

from alarms.desk import AlarmDesk
from alarms.duty.kpi import DAY_S
from alarms.performance import survey
from alarms.resilience.outages import Outages, ring_of
from alarms.resilience.served import Population, bands, losses_of
from contracts.desk.commands import Maintenance
from contracts.desk.performance import (
    DeskFigures,
    LevelAnswers,
    LifelineAlarms,
    Performance,
    Share,
)
from tests.alarms.incidents.cities import BEGIN_S, Rings, again, cleared, topology
from tests.alarms.test_desk import LIFELINES, desk, said


def performance(stage: AlarmDesk) -> Performance:
    """How well desks are served, looked at in one go."""
    (found,) = filter(None, stage.surveying())
    return found


def lifelines(power: Mapping[tuple[str, Share], int]) -> tuple[LifelineAlarms, ...]:
    """All lifelines of the desk, of which power alone rings."""
    return tuple(
        LifelineAlarms(name, power if name == "power" else {}) for name in sorted(LIFELINES)
    )


def test_a_desk_that_has_nothing_has_no_figures() -> None:
    assert performance(desk()) == Performance(lifelines=lifelines({}))


def test_each_way_in_which_an_alarm_stands_is_counted_for_the_desk_that_knows_of_it() -> None:
    """Four alarms: one shelved, one under repair, one that rang thrice, one that is a day old.

    The default plan has one desk, which was told of the first and of the old one, orange both.
    """
    ring, stage = Rings(), desk()
    stage.take(ring("power.old", colour="orange"))
    later = DAY_S
    shelved = ring("power.shelved", later, colour="orange")
    stage.take(shelved)
    stage.take(again(shelved, state="shelved"))
    now_ms = 1_000 * stage.time_s
    ends = now_ms + 3_600_000
    stage.obey(said(Maintenance, order="WO-1", assets=["power.repaired"], begins=now_ms, ends=ends))
    stage.take(ring("power.repaired", later + 1, colour="orange"))
    for number in range(3):
        one = ring("power.nervous", later + 2 + 2 * number, colour="yellow")
        stage.take(one)
        if number < 2:
            stage.take(again(cleared(one), detected=one.detected))
    (city,), levels, rings, _ = performance(stage)
    assert city.standing == {"shelved": 1, "out of service": 1, "chattering": 1, "stale": 1}
    assert not city.flooded
    assert levels[0].name == "city"
    assert rings == lifelines(
        {
            ("orange", "open"): 3,
            ("orange", "shelved"): 1,
            ("orange", "withheld"): 1,
            ("yellow", "open"): 1,
        }
    )


def test_what_works_now_is_what_outages_say_of_the_same_alarms() -> None:
    """Of 1,000 people 300 are without for sure, and 500 more perhaps: their link is dark."""
    city = topology(
        ("telecom.cell", "carries", "water.far"),
        water__near={"people": 300},
        water__far={"people": 500},
        water__other={"people": 200},
    )
    ring, stage, outages = Rings(), desk(city), Outages()
    over = ring("water.other", 0, colour="red")
    for alarm in (
        over,
        cleared(over),
        ring("water.near", 5, colour="orange"),
        ring("telecom.cell", 9, colour="orange", rule="observability"),
        ring("water.far", 9, colour="yellow"),
    ):
        stage.take(alarm)
        outages.take(ring_of(alarm))
    found = {one.name: (one.worst, one.best) for one in performance(stage).functions}
    assert found == {"telecom": (0, 1), "water": (0.2, 0.7)}
    period = BEGIN_S, BEGIN_S + 60
    for name, band in bands(losses_of(outages.spans(city)), Population(city), *period).items():
        assert found[name] == (band.worst.at(BEGIN_S + 30), band.best.at(BEGIN_S + 30))


def test_an_alarm_is_stale_after_a_day_and_not_before() -> None:
    stage = desk()
    stage.take(Rings()("power.old", colour="orange"))
    stage.advance(stage.time_s + DAY_S)
    assert performance(stage).desks[0].standing == {}
    stage.advance(stage.time_s + 1)
    assert performance(stage).desks[0].standing == {"stale": 1}


def test_what_was_counted_is_known_behind_a_restart() -> None:
    stage, anew = desk(), desk()
    stage.take(Rings()("power.f7", colour="orange"))
    anew.restore(msgspec.json.decode(msgspec.json.encode(stage.state())))
    city = DeskFigures("city", told=1, floods=0, withheld={}, flooded=False, standing={})
    assert (
        performance(anew)
        == performance(stage)
        == Performance(
            (city,),
            (LevelAnswers("city", 1, (0,) * 6, 0.0),),
            lifelines({("orange", "open"): 1}),
        )
    )


def test_alarms_may_open_and_end_between_two_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey, "PIECE", 1)
    ring, stage = Rings(), desk()
    ended, stays = (ring(f"power.{name}", colour="orange") for name in ("ended", "stays"))
    stage.take(ended)
    stage.take(stays)
    stage.advance(stage.time_s + DAY_S + 1)
    looking = stage.surveying()
    assert next(looking) is None, "idle: one alarm is no piece of its own"
    stage.take(cleared(ended))
    stage.take(ring("power.opened", DAY_S + 2, colour="orange"))
    (found,) = filter(None, looking)
    assert found.desks[0].standing == {"stale": 2}
