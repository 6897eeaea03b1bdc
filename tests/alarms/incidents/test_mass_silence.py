"""Links that go dark: those of one parent, and the lanes of one link, are one incident."""

import msgspec

from alarms.incidents.grouping import Incidents
from alarms.lane_stopped import StoppedLane, lane_stopped_alarm
from contracts.alarm import Alarm, decode_alarm
from contracts.errors import BrokersAway
from tests.alarms.incidents.cities import BEGIN_S, ZONE, Rings, cleared, topology

CITY = topology(
    *(("telecom.ring-1", "carries", f"telecom.cell-{number}") for number in range(6)),
    ("power.f1", "feeds", "telecom.cell-9"),
)


def dark(ring: Rings, link: str, at_s: int, **more: str) -> Alarm:
    """The alarm that a lane tells of a link."""
    alarm = ring(link, at_s, rule="observability", colour="orange", channel=link, class_name="")
    return msgspec.structs.replace(alarm, **more)


def played(alarms: list[Alarm]) -> Incidents:
    incidents = Incidents(CITY, ZONE)
    for at_s, alarm in enumerate(alarms):
        incidents.advance(BEGIN_S + at_s)
        incidents.take(alarm, BEGIN_S + at_s)
    return incidents


def test_links_of_one_parent_that_go_dark_together_are_one_incident_with_the_parent() -> None:
    ring = Rings()
    incidents = played([dark(ring, f"telecom.cell-{number}", 20 * number) for number in range(3)])
    told = incidents.situation("i-0000000000000001")
    assert {member.asset for member in told.members} == {"cell-0", "cell-1", "cell-2"}
    assert told.root is not None
    assert (told.root.lifeline, told.root.asset) == ("telecom", "ring-1")
    assert told.title["en"] == "ring-1: blind, 3 links dark"
    assert told.title["zh"] == "ring-1：监测中断，3 条链路中断"


def test_a_link_that_goes_dark_hours_later_is_an_incident_of_its_own() -> None:
    ring = Rings()
    alarms = [dark(ring, f"telecom.cell-{number}", 20 * number) for number in range(3)]
    incidents = played([*alarms, dark(ring, "telecom.cell-4", 20_000)])
    assert len(incidents.situation("i-0000000000000004").members) == 1


def test_the_lanes_of_one_link_are_one_incident() -> None:
    ring = Rings()
    alarms = [dark(ring, "telecom.cell-9", at_s, group=f"water-{at_s}") for at_s in (0, 5, 130)]
    told = played(alarms).situation("i-0000000000000001")
    assert told.counts["all"] == 2  # alarms of one channel within a minute are one member
    assert {member.asset for member in told.members} == {"cell-9"}
    assert told.title["en"] == "cell-9: blind, 1 link dark"


def test_an_outage_that_struck_all_lanes_is_one_incident() -> None:
    incidents, lanes = Incidents(CITY, ZONE), ("water-0", "water-1", "power-0")
    told = set()
    for at_s, lane in enumerate(lanes):
        lifeline, _, number = lane.partition("-")
        place = StoppedLane(lifeline, lane, f"tocsin.telemetry.{lifeline}", int(number), ZONE)
        began_ms = 1000 * (BEGIN_S + at_s)
        error = BrokersAway(lane, began_ms, began_ms + 90_000)
        alarm = decode_alarm(lane_stopped_alarm(place, error, error.ended_ms).body)
        for revision in (alarm, cleared(alarm)):
            incidents.take(revision, BEGIN_S + 90 + at_s)
        told.add(incidents.of_alarm(alarm.id))
    (incident,) = told
    assert incident is not None
    situation = incidents.situation(incident)
    assert situation.counts["all"] == len(lanes)
    assert situation.root is not None
    assert (situation.root.lifeline, situation.root.asset) == ("tocsin", "brokers")
