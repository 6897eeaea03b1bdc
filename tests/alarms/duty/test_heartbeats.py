"""Heartbeats: what share of its channels a desk sees, where it is blind, and when it is told."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from alarms.desk import AlarmDesk
from alarms.duty.coverage import BLIND_LINK_RULES, BLIND_RULES, STANDING_RULES, Inventory, Zone
from alarms.duty.desks import Desks
from alarms.duty.plan import DutyPlan
from alarms.duty.roster import Roster, Shift
from alarms.rationalisation import Text
from contracts.alarm import Alarm
from contracts.catalogue import Where
from contracts.civil_time import CITY
from contracts.desk.commands import Acknowledge, Confirm
from contracts.desk.notice import Notice
from contracts.ports.lane_log import Message
from contracts.quantities import Duration
from tests.alarms.duty.city import NOON, desk
from tests.alarms.incidents.cities import BEGIN_S, Rings, cleared
from tests.alarms.test_desk import QUIET, notices, said
from tests.alarms.test_desk import desk as stage_of

BRIDGE = Where("310101", "310101002", "n-05", "", None, None)
GARDEN = Where("310101", "310101003", "n-09", "", None, None)
INVENTORY = Inventory(
    {
        Zone("water", "310101", "310101002", "n-05"): 4,
        Zone("water", "310101", "310101003", "n-09"): 600,
        Zone("power", "310101", "310101002", "n-05"): 400,
    },
    {"water": 4, "power": 1},
)
DESKS = [
    desk("city", "city"),
    desk("power", "city", lifelines=["power"], heartbeat=Duration("8 h")),
    desk("street", "street", "310101003", people=[]),
    desk("elsewhere", "street", "310101009"),
]
NAMES = {"n-05": Text(en="Bridge Street", zh="桥街道")}


def plan(inventory: Inventory = INVENTORY) -> DutyPlan:
    shift = Shift(desk="street", people=["Li"], begins="08:00", ends="20:00")
    roster = Roster(DESKS, [shift], CITY)
    return DutyPlan(Desks(DESKS), roster, CITY, areas=NAMES, inventory=inventory)


def stage(duty: DutyPlan | None = None) -> AlarmDesk:
    return stage_of(QUIET, duty or plan())


def beats(told: Iterable[Message]) -> dict[str, Notice]:
    return {n.desk: n for n in notices(list(told)) if n.reason == "heartbeat"}


def blind(ring: Rings, name: str, rule: str, where: Where = BRIDGE, **more: Any) -> Alarm:
    """An alarm that says that a channel, or a link, is not seen."""
    alarm = ring(name, NOON - BEGIN_S, rule=rule)
    return msgspec.structs.replace(alarm, where=where, **more)


def test_each_desk_with_channels_is_told_at_once_and_then_on_the_hour_of_the_city() -> None:
    city = stage()
    first = beats(city.advance(NOON + 60))
    assert set(first) == {"city", "power", "street"}
    assert not city.due(NOON + 3_599)
    assert city.due(NOON + 3_600)
    again = beats(city.advance(NOON + 3_600))
    assert set(again) == {"city", "street"}
    assert again["city"].at == "2026-03-02T13:00:00+08:00"
    assert set(beats(city.advance(NOON + 4 * 3_600))) == {"city", "power", "street"}
    assert first["city"].text["en"] == "Watching 100.0 % of 1,004 channels; no blind area."
    assert (
        first["city"].text["zh"] == "监测在线率 100.0 %（1,004/1,004 个测点）；无失去监测的区域。"
    )


def test_what_is_silent_invalid_or_dark_by_link_is_not_watched_until_it_is_over() -> None:
    ring, city = Rings(), stage()
    pump = blind(ring, "water.p1", "silent")
    meter = blind(ring, "water.p2", "invalid")
    mast = blind(ring, "water.mast", "observability", GARDEN, observed=9.0, expected=20.0)
    limit = ring("water.p3", NOON - BEGIN_S)
    for alarm in (pump, meter, mast, limit):
        city.take(alarm)
    told = beats(city.advance(NOON + 60))
    assert told["city"].counts == {"channels": 1_004, "watched": 991, "blind areas": 1}
    assert told["city"].text["en"] == (
        "Watching 98.7 % of 1,004 channels; 1 blind area: Bridge Street (water)."
    )
    assert "1 个区域失去监测：桥街道（water）" in told["city"].text["zh"]
    assert told["power"].counts["watched"] == 400
    assert told["street"].counts == {"channels": 600, "watched": 589, "blind areas": 0}
    for alarm in (pump, meter, mast):
        city.take(cleared(alarm))
    assert beats(city.advance(NOON + 3_600))["city"].counts["watched"] == 1_004


def test_a_lane_that_stands_hides_its_share_until_somebody_confirms_that_it_is_dealt_with() -> None:
    ring, city = Rings(), stage()
    lane = blind(ring, "water.lane", "hidden")
    lane = msgspec.structs.replace(lane, colour="red", where=Where("", "", "", "", None, None))
    city.take(lane)
    told = beats(city.advance(NOON + 60))
    assert told["street"].counts["watched"] == 450
    assert told["power"].counts["watched"] == 400
    assert "a lane stands: water" in told["city"].text["en"]
    city.obey(said(Acknowledge, lane.id))
    city.obey(said(Confirm, lane.id))
    assert beats(city.advance(NOON + 3_600))["street"].counts["watched"] == 600


def test_an_alarm_that_another_one_stands_for_is_not_counted_twice() -> None:
    ring, city = Rings(), stage()
    one = blind(ring, "water.p1", "silent")
    city.take(one)
    city.take(cleared(one))
    city.take(msgspec.structs.replace(one, id="a-00000000000000ff"))
    assert beats(city.advance(NOON + 60))["city"].counts["watched"] == 1_003


def test_while_alarms_wait_no_heartbeat_is_told_and_then_one_of_now() -> None:
    ring, city = Rings(), stage()
    city.advance(NOON)
    assert not beats(city.take(ring("water.p1", NOON + 5 * 3_600 - BEGIN_S)))
    assert city.due(city.time_s)
    told = city.advance(NOON + 5 * 3_600 + 1)
    assert [n.desk for n in notices(told) if n.reason == "heartbeat"] == [
        *("city", "street", "power")
    ]
    assert not city.due(NOON + 6 * 3_600 - 1)


def test_where_nobody_is_on_duty_the_heartbeat_waits_for_nobody_and_is_on_record() -> None:
    told = beats(stage().advance(NOON + 10 * 3_600))
    withheld = told["street"].withheld
    assert withheld is not None
    assert (withheld.by, withheld.until) == ("off duty", "2026-03-03T08:00:00+08:00")
    assert told["city"].withheld is None


def test_a_city_whose_channels_are_not_known_has_no_heartbeats() -> None:
    city = stage(plan(Inventory()))
    assert not city.due(NOON)
    assert city.advance(NOON) == []


@pytest.mark.parametrize("known", [True, False])
def test_a_desk_that_begins_anew_sees_the_same(known: bool) -> None:
    """Snapshots of earlier releases know nothing of heartbeats: all are told at once."""
    ring, city = Rings(), stage()
    city.advance(NOON)
    for number, rule in enumerate(sorted(BLIND_RULES | BLIND_LINK_RULES | STANDING_RULES)):
        alarm = blind(ring, f"water.p{number}", rule, GARDEN, observed=7.0)
        city.take(msgspec.structs.replace(alarm, colour="red"))
    state = msgspec.json.decode(msgspec.json.encode(city.state()))
    if not known:
        del state["duty"]["heartbeats"]
    anew = stage()
    anew.restore(state)
    assert anew.due(NOON + 60) is not known
    assert beats(anew.advance(NOON + 8 * 3_600)) == beats(city.advance(NOON + 8 * 3_600))


def test_under_another_plan_desks_that_are_gone_are_told_no_more() -> None:
    city = stage()
    city.advance(NOON)
    smaller = replace(plan(), desks=Desks(DESKS[:1]))
    anew = stage(smaller)
    anew.restore(msgspec.json.decode(msgspec.json.encode(city.state())))
    assert set(beats(anew.advance(NOON + 8 * 3_600))) == {"city"}
