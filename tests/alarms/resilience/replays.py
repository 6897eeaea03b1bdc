"""Xining, Zhengzhou and a feeder as alarms made by hand, and how resilient their cities were."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

import msgspec

from alarms.incidents.grouping import Incidents
from alarms.incidents.topology import Edge, Node, Topology
from alarms.resilience.figures import IncidentFigures, incident_figures
from alarms.resilience.outages import Outages, Ring, ring_of
from alarms.wording import clock
from contracts.alarm import Alarm
from contracts.desk.incident import Incident, Step, Ticket
from contracts.quantities import NS_PER_S
from tests.alarms.incidents.acceptance import correlation, time_of
from tests.alarms.incidents.cities import BEGIN_S, ZONE, Rings, node

OPEN = "open"


@dataclass(frozen=True)
class Replay:
    """A disaster with its end.

    Parameters
    ----------
    name, says : str
        What it was, and which of its numbers are known and which are made.
    people : str
        `asset people`, one a line; 0 of a lifeline that counts its assets.
    edges : str
        `parent kind child [buffer in seconds]`, one a line.
    alarms : str
        `onset detected end asset colour [rule]`, one a line; times may say their day: `2/05:36:15`.
    steps : str
        `time step` of the ticket, one a line.
    until : str
        When it is looked at.
    control_s : int
        T_LC.
    """

    name: str
    says: str
    people: str
    edges: str
    alarms: str
    steps: str
    until: str
    control_s: int
    weather: tuple[str, ...] = field(default=())

    @property
    def word(self) -> str:
        """For names of files."""
        return "feeder" if "feeder" in self.name else self.name.split()[0].lower()


XINING = Replay(
    "Xining 2020-01-13",
    "Known [F59]: the road falls in at 17:36, a cable and a water main break within the minute, "
    "2,850 users are without water. Made [E]: how many others the lifelines serve, the gas main, "
    "when each is restored, and the answers. The road is still closed after 72 hours.",
    """road.nanda 0
       road.ring 0
       road.kunlun 0
       road.west 0
       power.cable 3000
       power.others 9000
       water.main 2850
       water.others 8550
       gas.main 1000
       gas.others 7000""",
    """road.nanda collapse_shear power.cable
       road.nanda collapse_shear water.main
       road.nanda collapse_shear gas.main""",
    """17:36:10 17:36:12 21:36:10   power.cable orange
       17:36:15 17:36:45 2/05:36:15 water.main orange
       17:36:20 17:36:50 23:36:20   gas.main orange
       17:36:30 17:37:00 open       road.nanda red""",
    """17:39:10 acknowledged
       17:41:10 dispatched
       17:51:10 on site""",
    "4/17:36:10",
    72 * 3_600,
)
ZHENGZHOU = Replay(
    "Zhengzhou 2021-07-20",
    "Known [F61]: 201.9 mm of rain between 16:00 and 17:00, water enters line 5 about 18:00 with "
    "967 passengers aboard. Made [E]: the yards, the passengers of the other lines, the mobile "
    "site, when it fails and what goes blind with it, and the answers. Line 5 is not back within "
    "72 hours.",
    """drain.yard 0
       drain.tunnel 0
       drain.pass-1 0
       drain.pass-2 0
       metro.line-5 967
       metro.line-4 1033
       metro.others 2000
       telecom.site 20000
       telecom.others 80000""",
    """weather.rain rain_inundation drain.yard
       drain.yard rain_inundation metro.line-5
       drain.yard flood_power telecom.site
       telecom.site telecom_silence metro.line-4""",
    """16:20 16:30 open    weather.rain red
       16:50 16:55 2/04:50 drain.yard orange
       17:20 17:25 open    metro.line-5 orange
       18:10 18:11 20:10   telecom.site orange
       18:11 18:14 20:11   metro.line-4 yellow silent""",
    """17:05 acknowledged
       17:20 dispatched
       18:20 on site""",
    "4/16:50",
    72 * 3_600,
    ("weather.rain",),
)
FEEDER = Replay(
    "A feeder for five hours",
    "All of it is made [E], but for the delays and buffers of the kinds of edges (lifelines.md "
    "19.1): lifts stop at once, a mobile site runs on its battery for an hour, a roof tank bridges "
    "the pumps for four.",
    """power.heron 4000
       power.others 12000
       elevator.plum-1 60
       elevator.plum-2 60
       elevator.plum-3 60
       elevator.others 120
       water.plum-pumps 0
       water.plum-zone 2500
       water.others 7500
       telecom.plum-cell 5000
       telecom.others 15000""",
    """power.heron power_lift elevator.plum-1
       power.heron power_lift elevator.plum-2
       power.heron power_lift elevator.plum-3
       power.heron power_telecom telecom.plum-cell
       power.heron power_pump water.plum-pumps 14400
       water.plum-pumps pump_pressure water.plum-zone""",
    """14:00:00 14:00:08 19:00:00 power.heron orange
       14:00:03 14:00:33 19:00:00 elevator.plum-1 orange
       14:00:03 14:00:33 19:00:00 elevator.plum-2 orange
       14:00:03 14:00:33 19:00:00 elevator.plum-3 orange
       15:00:00 15:01:00 19:00:00 telecom.plum-cell orange
       18:00:05 18:00:35 19:00:00 water.plum-pumps orange
       18:01:00 18:02:00 19:10:00 water.plum-zone orange""",
    """14:02:00 acknowledged
       14:10:00 dispatched
       14:40:00 on site""",
    "2/14:00:00",
    24 * 3_600,
)
REPLAYS = (XINING, ZHENGZHOU, FEEDER)


def at_s(text: str) -> int:
    """Seconds since 1970 of a time of a replay."""
    return BEGIN_S + time_of(text)


def topology_of(replay: Replay) -> Topology:
    """Assets and edges of a replay, with the kinds that are delivered."""
    people = dict(map(str.split, _lines(replay.people)))
    nodes: list[Node] = [node(name, people=int(count)) for name, count in people.items()]
    nodes += [node(name, "weather") for name in replay.weather]
    edges = []
    for parent, kind, child, *buffer in map(str.split, _lines(replay.edges)):
        edges.append(Edge(parent, child, kind, buffer_s=int(buffer[0]) if buffer else None))
    return Topology(nodes, edges, correlation())


def revisions_of(replay: Replay) -> list[Alarm]:
    """What its lanes tell, in order of detection."""
    ring, found = Rings(), []
    for onset, detected, end, asset, colour, *rule in map(str.split, _lines(replay.alarms)):
        said: dict[str, Any] = {"colour": colour, "rule": rule[0] if rule else "limit"}
        if asset.startswith("elevator"):
            said["class_name"] = "elevator.car_state"
        if asset.startswith("water.plum-pumps"):
            said["class_name"] = "water.pump_state"
        alarm = ring(asset, time_of(onset), **said)
        alarm = msgspec.structs.replace(alarm, detected=_told(detected))
        found.append(alarm)
        if end != OPEN:
            over = {"state": "cleared", "colour": "clear", "was": colour, "detected": _told(end)}
            found.append(msgspec.structs.replace(alarm, revision=2, **over))
    return sorted(found, key=lambda one: (one.detected, one.id, one.revision))


def incidents_of(replay: Replay) -> list[Incident]:
    """Incidents that its alarms make but for those of the weather, the first with the ticket."""
    incidents, alarms = Incidents(topology_of(replay), ZONE), revisions_of(replay)
    for alarm in alarms:
        moment_s = int(datetime.fromisoformat(alarm.detected).timestamp())
        incidents.advance(moment_s)
        incidents.take(alarm, moment_s)
    mine = [alarm for alarm in alarms if alarm.lifeline != "weather"]
    names = dict.fromkeys(incidents.of_alarm(alarm.id) or "" for alarm in mine)
    return [_incident(replay, incidents, name, first=not at) for at, name in enumerate(names)]


def _incident(replay: Replay, incidents: Incidents, name: str, *, first: bool) -> Incident:
    lines = [line.split(maxsplit=1) for line in _lines(replay.steps)] if first else []
    steps = [Step(_told(time), what, "li.wei") for time, what in lines]
    ticket = Ticket("on site", "district", [], acknowledged=first, verdict="", history=steps)
    told = incidents.situation(name)
    return Incident(name, 9, "reminder", _told(replay.until), told, ticket, [], False, "c0ffee")


def rings_of(replay: Replay) -> list[Ring]:
    """Its alarms as resilience reads them."""
    return [ring_of(alarm) for alarm in revisions_of(replay)]


@cache
def figures_of(replay: Replay) -> list[IncidentFigures]:
    """Its figures as `tocsin resilience` works them out, by incident."""
    outages = Outages()
    for ring in rings_of(replay):
        outages.take(ring)
    known = topology_of(replay), float(at_s(replay.until)), replay.control_s
    return [incident_figures(one, outages, *known) for one in incidents_of(replay)]


def _told(text: str) -> str:
    return clock(at_s(text) * NS_PER_S, ZONE)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
