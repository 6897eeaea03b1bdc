"""What holds for any topology and any alarms: order, restore, bounds, and the slow twin."""

from typing import Any

import msgspec
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from alarms.incidents.grouping import NEVER_S, Incidents
from alarms.incidents.topology import Edge, Topology
from contracts.alarm import Alarm
from tests.alarms.incidents.cities import BEGIN_S, CORRELATION, ZONE, Rings, cleared, node
from tests.alarms.incidents.twin import Twin

pytestmark = pytest.mark.slow

NAMES = ["power.f1", "elevator.l1", "water.p1", "elevator.l2", "water.d1", "telecom.t1", "gas.g1"]
FIRM = ["feeds", "presses", "carries", "backs_up"]


@st.composite
def cities(draw: st.DrawFn) -> tuple[Topology, list[Edge]]:
    """Up to seven assets; edges lead down the list, those that shear any way."""
    count = draw(st.integers(2, len(NAMES)))
    places = st.integers(0, count - 1)
    pairs = draw(st.lists(st.tuples(places, places), max_size=10, unique=True))
    edges = []
    for one, other in pairs:
        if one < other:
            kind = draw(st.sampled_from([*FIRM, "shears"]))
            edges.append(Edge(NAMES[one], NAMES[other], kind))
        elif one > other:
            edges.append(Edge(NAMES[one], NAMES[other], "shears"))
    return Topology([node(name) for name in NAMES[:count]], edges, CORRELATION), edges


@st.composite
def alarms_of(draw: st.DrawFn, count_max: int = 9) -> list[Alarm]:
    """Alarms within ten minutes, some of them at once."""
    ring, found = Rings(), []
    for _ in range(draw(st.integers(1, count_max))):
        asset = draw(st.sampled_from(NAMES))
        at_s = draw(st.one_of(st.integers(0, 60), st.integers(0, 600)))
        rule = draw(st.sampled_from(["limit", "limit", "unusual", "silent"]))
        colour = draw(st.sampled_from(["blue", "yellow", "orange", "red"]))
        channel = f"{asset}.{draw(st.sampled_from('ab'))}"
        found.append(ring(asset, at_s, rule=rule, colour=colour, channel=channel))
    return found


def taken(city: Topology, alarms: list[Alarm]) -> Incidents:
    incidents = Incidents(city, ZONE)
    for alarm in alarms:
        incidents.take(alarm, BEGIN_S + 700)
    return incidents


def parts(incidents: Incidents, alarms: list[Alarm]) -> dict[frozenset[str], str]:
    """Root by the alarms of each incident."""
    found = {}
    for name in sorted({incidents.of_alarm(alarm.id) or "" for alarm in alarms}):
        told = incidents.situation(name)
        assert told.root is not None
        found[frozenset(incidents.alarms_of(name))] = f"{told.root.lifeline}.{told.root.asset}"
    return found


@settings(deadline=None, max_examples=100)
@given(cities(), alarms_of())
def test_indexes_find_what_all_pairs_find(
    city: tuple[Topology, list[Edge]], alarms: list[Alarm]
) -> None:
    topology, edges = city
    found = parts(taken(topology, alarms), alarms)
    twin = Twin(topology, edges, alarms)
    event(f"incidents of several: {sum(len(part) > 1 for part in twin.parts)}")
    assert found == {frozenset(part): twin.root(part) for part in twin.parts}


@settings(deadline=None, max_examples=60)
@given(cities(), alarms_of(), st.randoms(use_true_random=False))
def test_the_order_in_which_alarms_come_does_not_matter(
    city: tuple[Topology, list[Edge]], alarms: list[Alarm], chance: Any
) -> None:
    shuffled = list(alarms)
    chance.shuffle(shuffled)
    one, other = taken(city[0], alarms), taken(city[0], shuffled)
    assert parts(one, alarms) == parts(other, alarms)
    for alarm in alarms:
        left = one.situation(one.of_alarm(alarm.id) or "")
        right = other.situation(other.of_alarm(alarm.id) or "")
        assert (left.colour, left.counts, left.impact, left.next, left.title) == (
            right.colour, right.counts, right.impact, right.next, right.title,
        )  # fmt: skip
        assert left.alternatives == right.alternatives


@settings(deadline=None, max_examples=40)
@given(cities(), alarms_of(), st.integers(0, 9), st.data())
def test_a_restored_stage_goes_on_as_the_other_one(
    city: tuple[Topology, list[Edge]], alarms: list[Alarm], at: int, data: st.DataObject
) -> None:
    one = taken(city[0], alarms[:at])
    other = Incidents(city[0], ZONE)
    other.restore(msgspec.json.decode(msgspec.json.encode(one.state())))
    ends = data.draw(st.lists(st.sampled_from(alarms), unique_by=lambda alarm: alarm.id))
    moved = data.draw(st.sampled_from(alarms))
    for stage in (one, other):
        stage.told = []  # type: ignore[attr-defined]
        for alarm in [*alarms[at:], *map(cleared, ends)]:
            stage.told += stage.take(alarm, BEGIN_S + 700)  # type: ignore[attr-defined]
        stage.told += stage.move(moved.id, "", BEGIN_S + 710)  # type: ignore[attr-defined]
        for time_s in (720, 800, 3_000, 90_000, 900_000):
            stage.told += stage.advance(BEGIN_S + time_s)  # type: ignore[attr-defined]
    assert one.told == other.told  # type: ignore[attr-defined]
    assert one.state() == other.state()


@settings(deadline=None, max_examples=40)
@given(cities(), alarms_of())
def test_nothing_is_left_of_what_is_over_and_closed(
    city: tuple[Topology, list[Edge]], alarms: list[Alarm]
) -> None:
    incidents = taken(city[0], alarms)
    empty = Incidents(city[0], ZONE).state()
    names = {incidents.of_alarm(alarm.id) or "" for alarm in alarms}
    opened = sorted(name for name in names if incidents.situation(name).opened)
    for alarm in alarms:
        incidents.take(cleared(alarm), BEGIN_S + 800)
    incidents.advance(BEGIN_S + 10**7)
    assert all(incidents.situation(name).state == "over" for name in opened)
    for name in opened:
        incidents.close(name)
    incidents.advance(BEGIN_S + 10**7 + 1)  # a line is forgotten after its end was told
    assert incidents.soonest_s == NEVER_S
    left = incidents.state()
    assert {**left, "taken": 0, "begun": 0, "merged": {}} == empty
    assert not incidents._index._at
    assert not incidents._index._below
    assert not incidents._index._direct
