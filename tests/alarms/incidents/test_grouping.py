"""Which alarms become one incident, what is behind it, and what is told of it when."""

from itertools import permutations
from typing import Any

import msgspec
import pytest

from alarms.incidents.edges import Correlation
from alarms.incidents.grouping import NEVER_S, Incidents
from alarms.incidents.topology import Edge, Topology
from contracts.alarm import Alarm, Approach
from contracts.desk.incident import Change
from tests.alarms.incidents.cities import (
    BEGIN_S,
    CORRELATION,
    ZONE,
    Rings,
    again,
    cleared,
    node,
    topology,
)

FEEDER = topology(
    ("power.f1", "feeds", "elevator.l1"),
    ("power.f1", "feeds", "elevator.l2"),
    ("power.f1", "feeds", "elevator.l3"),
    ("power.f1", "feeds", "water.p1"),
    ("water.p1", "presses", "water.d1"),
    water__p1={"people": 100, "area": "a"},
    water__d1={"people": 5000, "area": "a", "critical": True},
)


def made(city: Topology = FEEDER) -> Incidents:
    return Incidents(city, ZONE)


def played(incidents: Incidents, alarms: list[Alarm], at_s: int = 0) -> list[Change]:
    found = []
    for alarm in alarms:
        found += incidents.advance(BEGIN_S + at_s)
        found += incidents.take(alarm, BEGIN_S + at_s)
    return found


def test_a_lone_yellow_alarm_is_a_line_and_an_orange_one_an_incident() -> None:
    ring, incidents = Rings(), made()
    low, high = ring("power.f1"), ring("water.d9", colour="orange")
    assert played(incidents, [low, high]) == [
        Change("i-0000000000000001", "new"),
        Change("i-0000000000000002", "new"),
    ]
    assert not incidents.situation("i-0000000000000001").opened
    assert incidents.situation("i-0000000000000002").opened
    assert incidents.situation("i-0000000000000001").title["en"] == "power.f1 rings"


def test_a_feeder_and_what_it_feeds_are_one_incident_with_the_feeder_as_root() -> None:
    ring, incidents = Rings(), made()
    alarms = [ring("power.f1", colour="orange"), ring("elevator.l1", 5), ring("water.d1", 90)]
    played(incidents, alarms)
    told = incidents.situation("i-0000000000000001")
    assert incidents.alarms_of(told.id) == [alarm.id for alarm in alarms]
    assert told.root is not None
    assert (told.root.lifeline, told.root.asset) == ("power", "f1")
    assert told.root.alarm == alarms[0].id
    assert told.lifelines == ["elevator", "power", "water"]
    assert told.raised == ["critical users", "linked lifelines"]  # d1 is one
    assert told.colour == "red"
    why = told.members[2].why
    assert (why.how, why.by, why.edge, why.hops, why.delay_s) == (
        "edge", alarms[0].id, "presses", 2, 90,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("asset", "more", "raised"),
    [
        ("power.f1", {"colour": "orange"}, ["critical users"]),  # the hospital has no other feed
        ("power.f2", {"colour": "orange"}, []),  # one of two feeds
        ("power.f3", {"colour": "orange"}, []),
        ("telecom.ring", {"colour": "orange"}, []),  # the hospital goes blind, and loses nothing
        ("power.f1", {"colour": "orange", "rule": "silent"}, []),
        ("power.f3", {"colour": "orange", "criticality": "critical"}, ["critical users"]),
        ("health.ward", {"colour": "orange"}, ["critical users"]),
        ("power.f1", {"colour": "red"}, []),  # there is nothing above
    ],
)
def test_an_incident_of_what_feeds_critical_users_is_one_colour_up(
    asset: str, more: dict[str, Any], raised: list[str]
) -> None:
    city = topology(
        ("power.f1", "feeds", "health.ward"),
        ("power.f3", "feeds", "water.d1"),
        ("telecom.ring", "carries", "health.ward"),
        health__ward={"critical": True},
        health__theatre={"critical": True},
    )
    feeds = [Edge(f"power.{name}", "health.theatre", "feeds", group="a") for name in ("f2", "f4")]
    nodes = [*city.nodes, node("power.f2"), node("power.f4")]
    edges = [edge for one in city.nodes for edge in city.children(one.id)]
    incidents = Incidents(Topology(nodes, [*edges, *feeds], CORRELATION), ZONE)
    played(incidents, [Rings()(asset, **more)])
    told = incidents.situation("i-0000000000000001")
    assert told.raised == raised
    assert told.colour == ("red" if raised or more["colour"] == "red" else "orange")


SOON = Approach("red", "2026-03-02T08:10:00+08:00", above=1.0)


@pytest.mark.parametrize(
    ("colour", "more", "raised", "becomes"),
    [
        ("blue", {}, ["next limit"], "yellow"),
        ("yellow", {}, ["next limit"], "orange"),  # and so an incident, not a line
        ("orange", {"criticality": "critical"}, ["critical users", "next limit"], "red"),
        ("yellow", {"criticality": "critical"}, ["critical users", "next limit"], "orange"),  # once
        ("red", {}, [], "red"),
    ],
)
def test_what_is_about_to_reach_its_next_limit_is_one_colour_up(
    colour: str, more: dict[str, Any], raised: list[str], becomes: str
) -> None:
    ring, incidents = Rings(), made()
    alarm = ring("power.f3", colour=colour, approach=SOON, **more)
    played(incidents, [alarm])
    told = incidents.situation("i-0000000000000001")
    assert (told.raised, told.colour) == (raised, becomes)
    assert bool(told.opened) == (becomes in {"orange", "red"})


def test_a_worse_alarm_is_not_raised_for_what_a_milder_one_is_about_to_reach() -> None:
    ring, incidents = Rings(), made()
    first = ring("power.f1", colour="orange")
    played(incidents, [first, ring("power.f1", 5, colour="blue", approach=SOON)])
    told = incidents.situation("i-0000000000000001")
    assert "next limit" not in told.raised
    alone, slower = Rings(), made()
    alarm = alone("power.f3", colour="yellow", approach=SOON)
    played(slower, [alarm, again(alarm, approach=msgspec.UNSET)])
    assert slower.situation("i-0000000000000001").raised == []


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_any_order_of_the_same_alarms_gives_the_same_incident(order: tuple[int, ...]) -> None:
    ring, incidents = Rings(), made()
    alarms = [
        ring("power.f1"), ring("elevator.l1", 5), ring("water.p1", 3), ring("water.d1", 90),
    ]  # fmt: skip
    played(incidents, [alarms[at] for at in order])
    names = {incidents.of_alarm(alarm.id) for alarm in alarms}
    assert len(names) == 1
    told = incidents.situation(names.pop() or "")
    assert told.root is not None
    assert told.root.asset == "f1"
    assert told.counts["all"] == 4


def test_too_late_too_early_or_unconnected_is_another_incident() -> None:
    ring, incidents = Rings(), made()
    alarms = [ring("power.f1"), ring("elevator.l1", 3600), ring("elevator.l2", -3600),
              ring("elevator.l9", 5), ring("gas.x", 5)]  # fmt: skip
    played(incidents, alarms)
    assert len({incidents.of_alarm(alarm.id) for alarm in alarms}) == 5


def test_three_children_at_once_throw_suspicion_on_a_parent_without_an_alarm() -> None:
    ring, incidents = Rings(), made()
    alarms = [ring(f"elevator.l{at}", at) for at in (1, 2, 3)]
    changes = played(incidents, alarms[:2])
    assert [change.reason for change in changes] == ["new", "new"]
    changes = played(incidents, alarms[2:])
    assert changes == [
        Change("i-0000000000000002", "merged"),
        Change("i-0000000000000001", "new"),
    ]
    told = incidents.situation("i-0000000000000001")
    assert told.root is not None
    assert (told.root.asset, told.root.alarm) == ("f1", "")
    assert told.root.hypothesis["en"] == "f1: suspected, 3 alarms at once below it"
    gone = incidents.situation("i-0000000000000002")
    assert (gone.state, gone.merged_into) == ("merged", told.id)


def test_several_rules_of_one_channel_within_a_minute_are_one_member() -> None:
    ring, incidents = Rings(), made()
    alarms = [ring("power.f1", at, rule=rule) for at, rule in ((50, "limit"), (100, "fall"),
                                                              (0, "unusual"))]  # fmt: skip
    played(incidents, alarms)
    told = incidents.situation(incidents.of_alarm(alarms[0].id) or "")
    assert (told.counts["all"], told.opened) == (1, False)
    assert told.members[0].alarm == alarms[2].id
    assert told.members[0].also == [alarms[0].id, alarms[1].id]


def test_an_asset_the_topology_does_not_know_groups_by_itself() -> None:
    ring, incidents = Rings(), made(Topology((), (), Correlation()))
    alarms = [ring("gas.x"), ring("gas.x", 70, channel="gas.x.flow"), ring("gas.y", 10)]
    played(incidents, alarms)
    assert incidents.of_alarm(alarms[0].id) == incidents.of_alarm(alarms[1].id)
    assert incidents.of_alarm(alarms[2].id) != incidents.of_alarm(alarms[0].id)
    told = incidents.situation("i-0000000000000001")
    assert told.opened
    assert told.members[1].why.how == "same asset"


def test_a_colour_rises_at_once_and_falls_after_the_hold_time() -> None:
    ring, incidents = Rings(), made()
    alarm = ring("power.f1", colour="orange")
    played(incidents, [alarm])
    worse = again(alarm, colour="red")
    assert incidents.take(worse, BEGIN_S + 10) == [Change("i-0000000000000001", "colour")]
    better = again(worse, colour="yellow")
    assert incidents.take(better, BEGIN_S + 100) == []
    assert incidents.situation("i-0000000000000001").colour == "red"
    assert incidents.advance(BEGIN_S + 1899) == [Change("i-0000000000000001", "reminder")]
    assert incidents.advance(BEGIN_S + 1900) == [Change("i-0000000000000001", "colour")]
    told = incidents.situation("i-0000000000000001")
    assert (told.colour, told.worst) == ("yellow", "red")


def test_an_incident_is_over_after_the_hold_time_of_its_lifelines() -> None:
    for lifeline, hold_s in (("crowd", 600), ("structure", 86_400), ("water", 1_800)):
        ring, incidents = Rings(), made()
        alarm = ring(f"{lifeline}.x", colour="orange")
        played(incidents, [alarm, cleared(alarm)])
        incidents.advance(BEGIN_S + hold_s - 1)
        assert incidents.situation("i-0000000000000001").state == "active"
        assert Change("i-0000000000000001", "over") in incidents.advance(BEGIN_S + hold_s)
        told = incidents.situation("i-0000000000000001")
        assert (told.state, told.colour, told.worst) == ("over", "clear", "orange")
        assert told.members[0].state == "returned"
        assert incidents.soonest_s == NEVER_S


def test_life_safety_never_ends_by_itself_and_keeps_its_colour() -> None:
    ring, incidents = Rings(), made()
    alarm = ring("gas.x", colour="red", life_safety=True)
    played(incidents, [alarm, cleared(alarm)])
    changes = incidents.advance(BEGIN_S + 90_000)
    assert {change.reason for change in changes} == {"reminder"}
    told = incidents.situation("i-0000000000000001")
    assert (told.state, told.colour, told.life_safety) == ("active", "red", True)
    incidents.close("i-0000000000000001")
    assert incidents.of_alarm(alarm.id) is None


def test_what_clears_while_its_channel_is_silent_has_not_been_seen_to_clear() -> None:
    ring, incidents = Rings(), made()
    alarm, silence = ring("gas.x", colour="red"), ring("gas.x", 100, rule="silent")
    played(incidents, [alarm, silence, cleared(alarm)])
    told = incidents.situation("i-0000000000000001")
    assert (told.colour, told.members[0].state) == ("red", "silent")
    incidents.take(cleared(silence), BEGIN_S + 200)
    told = incidents.situation("i-0000000000000001")
    assert (told.counts["active"], told.members[0].state) == (0, "returned")


def test_twenty_silent_channels_of_a_link_are_one_incident_with_the_link_behind() -> None:
    edges = [("telecom.cell-1", "carries", f"water.m{at}") for at in range(200)]
    city = topology(*edges, ("power.f1", "backs_up", "telecom.cell-1"))
    ring, incidents = Rings(), made(city)
    alarms = [ring(f"water.m{at}", at, rule="silent", colour="blue") for at in range(100)]
    changes = played(incidents, alarms[:19])
    assert len({incidents.of_alarm(alarm.id) for alarm in alarms[:19]}) == 19
    played(incidents, alarms[19:])
    assert len({incidents.of_alarm(alarm.id) for alarm in alarms}) == 1
    told = incidents.situation("i-0000000000000001")
    assert told.root is not None
    assert (told.root.lifeline, told.root.asset) == ("telecom", "cell-1")
    assert told.title["en"] == "cell-1: blind, 100 channels silent"
    assert told.members[5].why.how == "link"
    assert told.impact.people == 0
    assert len(changes) == 19


def test_a_person_s_move_sticks() -> None:
    ring, incidents = Rings(), made()
    alarms = [ring("power.f1"), ring("elevator.l1", 5), ring("elevator.l2", 6)]
    played(incidents, alarms)
    changes = incidents.move(alarms[1].id, "", BEGIN_S + 10)
    name = incidents.of_alarm(alarms[1].id) or ""
    assert changes == [Change(name, "split"), Change("i-0000000000000001", "split")]
    assert incidents.situation(name).split_from == "i-0000000000000001"
    assert incidents.situation(name).members[0].why.how == "person"
    more = [ring("power.f1", 20, rule="fall"), ring("elevator.l1", 25, channel="elevator.l1.door")]
    played(incidents, more, 30)
    assert incidents.alarms_of(name) == [alarms[1].id]
    incidents.move(alarms[1].id, "i-0000000000000001", BEGIN_S + 40)
    assert incidents.of_alarm(alarms[1].id) == "i-0000000000000001"
    assert incidents.situation(name).merged_into == "i-0000000000000001"
    assert incidents.move("a-unknown", "", BEGIN_S) == []
    assert incidents.move(alarms[1].id, "i-unknown", BEGIN_S) == []


def test_what_a_person_parted_is_not_merged_by_alarms_that_come_later() -> None:
    ring, incidents = Rings(), made()
    alarms = [ring("power.f1"), ring("elevator.l1", 5)]
    played(incidents, alarms)
    incidents.move(alarms[1].id, "", BEGIN_S + 10)
    name = incidents.of_alarm(alarms[1].id)
    late = ring("elevator.l1", 9_000, channel="elevator.l1.door")  # nothing else explains it
    played(incidents, [late, ring("power.f1", 9_001, rule="fall")], 9_001)
    assert incidents.of_alarm(late.id) == name
    assert incidents.of_alarm(alarms[0].id) == "i-0000000000000001"


def test_a_closed_incident_comes_back_only_when_it_gets_worse() -> None:
    ring, incidents = Rings(), made()
    alarm = ring("water.d9", colour="orange")
    played(incidents, [alarm])
    incidents.close("i-0000000000000001")
    same = again(alarm)
    assert played(incidents, [same]) == []
    worse = again(same, colour="red")
    changes = played(incidents, [worse])
    assert [change.reason for change in changes] == ["new"]
    assert changes[0].incident != "i-0000000000000001"


def test_weather_is_named_as_the_cause_of_incidents_that_stay_apart() -> None:
    bursts = [f"water.pipe-{at}" for at in range(62)]
    city = topology(*(("weather.cold", "freezes", pipe) for pipe in bursts),
                    weather__cold={"node_kind": "weather"})  # fmt: skip
    ring, incidents = Rings(), made(city)
    cold = ring("weather.cold", colour="orange")
    alarms = [ring(pipe, 40 * 3600 + 600 * at) for at, pipe in enumerate(bursts)]
    played(incidents, [cold, *alarms], 60 * 3600)
    names = {incidents.of_alarm(alarm.id) for alarm in alarms}
    assert len(names) == 62
    for name in names:
        told = incidents.situation(name or "")
        assert told.root is not None
        assert told.root.alarm == cold.id


def test_redundancy_and_what_fails_next_are_told() -> None:
    nodes = [node("power.f1"), node("power.f2"), node("water.p1", people=900),
             node("telecom.t1", people=70), node("water.d1", people=9000, area="a")]  # fmt: skip
    edges = [
        Edge("power.f1", "water.p1", "feeds", group="supply"),
        Edge("power.f2", "water.p1", "feeds", group="supply"),
        Edge("power.f1", "telecom.t1", "backs_up", buffer_s=7_200),
        Edge("water.p1", "water.d1", "presses"),
    ]
    ring, incidents = Rings(), made(Topology(nodes, edges, CORRELATION))
    played(incidents, [ring("power.f1", colour="orange")])
    told = incidents.situation("i-0000000000000001")
    assert [(thin.asset, thin.left) for thin in told.redundancy] == [("water.p1", ["power.f2"])]
    assert [(loss.asset, loss.people) for loss in told.next] == [("t1", 70)]
    assert told.next[0].earliest == "2026-03-01T05:12:00+08:00"
    played(incidents, [ring("power.f2", 20, colour="orange")])
    told = incidents.situation("i-0000000000000001")
    assert [thin.left for thin in told.redundancy] == [[]]
    assert [loss.asset for loss in told.next] == ["p1", "d1", "t1"]
    assert told.impact.in_30_min == 9_900


def test_of_people_below_a_feed_that_brings_a_part_only_that_part_is_expected_to_lose() -> None:
    nodes = [node("power.f1"), node("water.p1", people=900), node("water.d1", people=100)]
    edges = [
        Edge("power.f1", "water.p1", "feeds", share=0.3),
        Edge("water.p1", "water.d1", "presses", share=0.35),
    ]
    incidents = made(Topology(nodes, edges, CORRELATION))
    played(incidents, [Rings()("power.f1", colour="orange")], at_s=90)
    told = incidents.situation("i-0000000000000001")
    assert [(loss.asset, loss.people) for loss in told.next] == [("p1", 270), ("d1", 11)]
    assert (told.impact.people, told.impact.in_60_min) == (0, 281)


def test_people_are_counted_once_and_their_doubling_is_told_within_a_minute() -> None:
    ring, incidents = Rings(), made()
    played(incidents, [ring("power.f1", colour="orange"), ring("water.p1", 3)])
    assert incidents.situation("i-0000000000000001").impact.people == 100
    assert played(incidents, [ring("water.d1", 40)], 40) == []
    told = incidents.situation("i-0000000000000001")
    assert (told.impact.people, told.impact.critical) == (5_000, ["water.d1"])
    assert incidents.soonest_s == BEGIN_S + 60
    assert incidents.advance(BEGIN_S + 60) == [Change("i-0000000000000001", "impact")]


def test_a_restored_stage_goes_on_as_if_nothing_had_been() -> None:
    ring, one = Rings(), made()
    first = [ring("elevator.l1", 5, colour="orange"), ring("water.d1", 90), ring("water.p1", 30)]
    rest = [ring("power.f1"), cleared(first[0]), ring("elevator.l2", 9)]
    played(one, first)
    other = made()
    other.restore(msgspec.json.decode(msgspec.json.encode(one.state())))
    assert other.state() == one.state()
    assert played(other, rest, 10) == played(one, rest, 10)
    assert other.advance(BEGIN_S + 99_999) == one.advance(BEGIN_S + 99_999)
    assert other.state() == one.state()


def test_deadlines_that_are_put_off_do_not_pile_up() -> None:
    ring, incidents = Rings(), made()
    alarm = ring("water.d9", colour="orange")
    incidents.take(alarm, BEGIN_S)
    for at_s in range(16_000):
        alarm = again(alarm, colour=("yellow", "orange")[at_s % 2])
        incidents.take(alarm, BEGIN_S + at_s // 10)
    assert len(incidents._due) < 11_000
    assert incidents.advance(BEGIN_S + 1_700) == []
    assert incidents.soonest_s == BEGIN_S + 1_800


def test_a_chattering_rule_leaves_a_bounded_memory() -> None:
    ring, incidents = Rings(), made()
    alarms = [ring("water.d9", 120 * at) for at in range(40)]
    for at, alarm in enumerate(alarms):
        played(incidents, [alarm, cleared(alarm)], 120 * at)
    assert len(incidents.alarms_of("i-0000000000000001")) == 9
    assert incidents.of_alarm(alarms[0].id) is None
    told = incidents.situation("i-0000000000000001")
    assert (told.counts["all"], told.counts["returned"]) == (9, 9)
