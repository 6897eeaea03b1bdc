"""Links that go dark: those of one parent, and the lanes of one link, are one incident."""

import msgspec

from alarms.incidents.grouping import Incidents
from contracts.alarm import Alarm
from tests.alarms.incidents.cities import BEGIN_S, ZONE, Rings, topology

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
