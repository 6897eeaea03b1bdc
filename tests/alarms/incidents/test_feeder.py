"""One feeder trips a thousand channels of four lifelines: one incident and a few words."""

import numpy as np
import pytest

from alarms.incidents.grouping import Incidents
from alarms.incidents.topology import Edge, Node, Topology
from contracts.alarm import Alarm
from contracts.desk.incident import Change
from tests.alarms.incidents.cities import BEGIN_S, CORRELATION, ZONE, Rings, node

pytestmark = pytest.mark.slow

LIFTS, PUMPS, ZONES, MASTS, STATIONS = 400, 24, 16, 60, 12


def city() -> Topology:
    """A substation with three feeders, each with lifts, pumps and their zones, masts, stations."""
    nodes, edges = [node("power.sub", "substation")], []
    for feeder in range(3):
        name = f"power.f{feeder}"
        nodes.append(node(name, "feeder"))
        edges.append(Edge("power.sub", name, "feeds"))
        for kind, count, people in (
            ("elevator.lift", LIFTS, 40),
            ("water.pump", PUMPS, 0),
            ("telecom.mast", MASTS, 0),
            ("metro.station", STATIONS, 2_000),
        ):
            for at in range(count):
                below = f"{kind}-{feeder}-{at}"
                nodes.append(node(below, people=people, area=below))
                edges.append(Edge(name, below, "feeds"))
        edges_below(feeder, nodes, edges)
    return Topology(nodes, edges, CORRELATION)


def edges_below(feeder: int, nodes: list[Node], edges: list[Edge]) -> None:
    for pump in range(PUMPS):
        for at in range(ZONES):
            zone = f"water.dma-{feeder}-{pump}-{at}"
            nodes.append(node(zone, people=1_500, area=zone))
            edges.append(Edge(f"water.pump-{feeder}-{pump}", zone, "presses"))


def trip(chance: np.random.Generator) -> list[tuple[int, Alarm]]:
    """Alarms of the first feeder's fall by the time at which they are detected."""
    ring, found = Rings(), []

    def rings(asset: str, onset_s: float, wait_s: float, colour: str = "yellow") -> None:
        alarm = ring(asset, int(onset_s), colour=colour)
        found.append((int(onset_s + wait_s), alarm))

    rings("power.f0", 0, 8, "orange")
    for at in range(LIFTS):
        rings(f"elevator.lift-0-{at}", chance.uniform(0, 70), chance.uniform(0, 60),
              str(chance.choice(["blue", "yellow", "orange"])))  # fmt: skip
    for pump in range(PUMPS):
        stop = chance.uniform(0, 30)
        rings(f"water.pump-0-{pump}", stop, chance.uniform(0, 60))
        for at in range(ZONES):
            rings(f"water.dma-0-{pump}-{at}", stop + chance.uniform(10, 300), 60)
    for at in range(MASTS):
        rings(f"telecom.mast-0-{at}", chance.uniform(0, 10), chance.uniform(0, 120))
    for at in range(STATIONS):
        rings(f"metro.station-0-{at}", chance.uniform(0, 5), chance.uniform(0, 20), "red")
    extra = 1_000 - len(found)
    for at in range(extra):
        rings(f"elevator.lift-0-{at}", chance.uniform(80, 120), 30)
    return sorted(found, key=lambda one: (one[0], one[1].id))


def replay(incidents: Incidents, rings: list[tuple[int, Alarm]]) -> list[Change]:
    told: list[Change] = []
    waiting = list(rings)
    for second in range(600):
        told += incidents.advance(BEGIN_S + second)
        while waiting and waiting[0][0] <= second:
            told += incidents.take(waiting.pop(0)[1], BEGIN_S + second)
    assert not waiting
    return told


@pytest.mark.parametrize("seed", range(3))
def test_a_thousand_channels_are_one_incident_told_in_at_most_ten_changes(seed: int) -> None:
    incidents = Incidents(city(), ZONE)
    rings = trip(np.random.default_rng(seed))
    assert len(rings) == 1_000
    told = replay(incidents, rings)
    names = {incidents.of_alarm(alarm.id) for _, alarm in rings}
    assert len(names) == 1
    situation = incidents.situation(names.pop() or "")
    assert situation.root is not None
    assert (situation.root.lifeline, situation.root.asset) == ("power", "f0")
    assert situation.root.alarm
    assert situation.lifelines == ["elevator", "metro", "power", "telecom", "water"]
    assert situation.colour == "red"
    assert situation.counts["active"] >= 880  # two rules of one lift within a minute are one
    assert len(incidents.alarms_of(situation.id)) == 1_000
    assert situation.impact.people > 500_000
    assert len(told) <= 10, [change.reason for change in told]


def test_trouble_elsewhere_in_the_same_minutes_stays_apart() -> None:
    ring = Rings(count=10_000)
    others = [
        (second, ring(f"gas.valve-{second}", second, colour="orange"))
        for second in range(0, 300, 5)
    ]
    incidents = Incidents(city(), ZONE)
    rings = sorted([*trip(np.random.default_rng(7)), *others], key=lambda one: one[0])
    replay(incidents, rings)
    names = {incidents.of_alarm(alarm.id) for _, alarm in others}
    assert len(names) == len(others)
