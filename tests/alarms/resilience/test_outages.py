"""Who lacks what when: people once an area, losses by incident, the same online and replayed."""

import math
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alarms.incidents.topology import Edge, Topology
from alarms.resilience.cascade import Cascade, held_back, redundancy, value_at
from alarms.resilience.outages import Outages, Ring, Span, ring_of
from alarms.resilience.process import loss
from alarms.resilience.served import Population, bands, by_incident, losses_of
from contracts.alarm import Alarm
from tests.alarms.incidents.cities import (
    BEGIN_S,
    CORRELATION,
    Rings,
    again,
    cleared,
    node,
    topology,
)

NODES = ("water.a", "water.b", "water.c", "power.x", "power.y")
CITY = topology(
    ("power.x", "feeds", "water.c"),
    water__a={"people": 300, "area": "north"},
    water__b={"people": 500, "area": "north"},
    water__c={"people": 500, "area": "south"},
    power__x={},
    power__y={},
)
POPULATION = Population(CITY)


def told(alarm: Alarm, after_s: int) -> Alarm:
    """A revision that is detected so long after the beginning."""
    moment = Rings()("water.a", after_s).detected
    return msgspec.structs.replace(alarm, detected=moment)


def test_of_an_area_the_most_that_any_asset_serves_counts() -> None:
    assert POPULATION.totals == {"power": 2, "water": 1_000}
    assert POPULATION.units == {"power": "assets", "water": "people"}
    ring, outages = Rings(), Outages()
    alarms = [ring("water.a", 0, colour="orange"), ring("water.b", 100, colour="red")]
    alarms += [told(cleared(alarms[0]), 200), told(cleared(alarms[1]), 300)]
    for alarm in alarms:
        outages.take(ring_of(alarm))
    found = bands(losses_of(outages.spans(CITY)), POPULATION, BEGIN_S, BEGIN_S + 1_000)
    assert list(found) == ["water"]
    assert loss(found["water"].best) == pytest.approx((300 * 100 + 500 * 200) / 1_000)


def test_an_alarm_reaches_back_to_its_onset_and_counts_from_orange_on() -> None:
    ring, outages = Rings(), Outages()
    first = told(ring("water.c", 0, colour="yellow"), 60)
    worse = told(again(first, colour="red"), 120)
    late = told(ring("power.y", 10, colour="orange"), 90)
    for alarm in (first, worse, told(again(worse, colour="yellow"), 400), late):
        outages.take(ring_of(alarm))
    spans = [(one.node, one.begins_s - BEGIN_S, one.ends_s) for one in outages.spans(CITY)]
    assert spans == [("water.c", 120, BEGIN_S + 400), ("power.y", 10, None)]


def test_silence_is_an_interval_and_a_dark_link_blinds_what_it_carries() -> None:
    city = topology(("telecom.cell", "carries", "water.c"), water__c={"people": 5})
    ring, outages = Rings(), Outages()
    dark = ring("telecom.cell", 0, colour="orange", rule="observability")
    for alarm in (dark, told(cleared(dark), 100)):
        outages.take(ring_of(alarm))
    found = bands(losses_of(outages.spans(city)), Population(city), BEGIN_S - 50, BEGIN_S + 150)
    assert {name: (loss(band.worst), loss(band.best)) for name, band in found.items()} == {
        "telecom": (100, 0), "water": (100, 0)
    }  # fmt: skip


REVISIONS = st.lists(
    st.tuples(
        st.integers(0, 7),
        st.integers(1, 300),
        st.sampled_from(["yellow", "orange", "red", "clear"]),
        st.sampled_from(["limit", "silent"]),
    ),
    min_size=1,
    max_size=30,
)


def rings_of(steps: list[tuple[int, int, str, str]]) -> list[Ring]:
    """Revisions of eight alarms over five assets, in order of detection."""
    at_s, revisions, found = 0, dict[int, Ring](), []
    for number, wait_s, colour, rule in steps:
        at_s += wait_s
        state = "cleared" if colour == "clear" else "active"
        held = revisions.get(number)
        name = NODES[number % len(NODES)]
        onset_s = held.onset_s if held else float(at_s - wait_s / 2)
        ring = Ring(
            f"a-{number}", held.revision + 1 if held else 1, name, held.rule if held else rule,
            state, colour, onset_s, float(at_s),
        )  # fmt: skip
        revisions[number] = ring
        found.append(ring)
    return found


def spans_of(rings: list[Ring]) -> list[Span]:
    outages = Outages()
    for ring in rings:
        outages.take(ring)
    return list(outages.spans(CITY))


@given(REVISIONS, st.randoms(use_true_random=False))
def test_online_and_replayed_the_outages_are_the_same(
    steps: list[tuple[int, int, str, str]], chance: Random
) -> None:
    """After each record, whether kept since the first one, or made anew in any order of alarms."""
    rings = rings_of(steps)
    online, some = Outages(), False
    for count, ring in enumerate(rings, 1):
        online.take(ring)
        if chance.random() < 0.3:
            online.take(rings[chance.randrange(count)])  # once more, as a new owner reads it
        order = sorted({one.alarm for one in rings[:count]}, key=lambda _: chance.random())
        replayed = [one for name in order for one in rings[:count] if one.alarm == name]
        assert list(online.spans(CITY)) == spans_of(replayed)
        some = some or bool(spans_of(replayed))
    assert some or all(ring.level == 0 for ring in rings)


@given(REVISIONS, st.integers(1, 3))
def test_by_incident_the_parts_sum_to_the_loss(
    steps: list[tuple[int, int, str, str]], incidents: int
) -> None:
    rings = rings_of(steps)
    spans = spans_of(rings)
    incident_of = {ring.alarm: f"i-{int(ring.alarm[2:]) % incidents}" for ring in rings}
    began_s = {name: float(at) for at, name in enumerate(sorted(set(incident_of.values())))}
    period = (0.0, 5_000.0)
    found = bands(losses_of(spans), POPULATION, *period)
    parts = by_incident(losses_of(spans), POPULATION, incident_of, began_s, period)
    for name, band in found.items():
        whole = loss(band.best) * POPULATION.totals[name]
        assert math.fsum(parts.get(name, {}).values()) == pytest.approx(whole, abs=1e-6)


def test_of_two_incidents_the_first_has_the_people_they_share() -> None:
    ring, outages = Rings(), Outages()
    for alarm in (ring("water.a", 0, colour="orange"), ring("water.b", 0, colour="orange")):
        outages.take(ring_of(alarm))
    of, began_s = {f"a-{n:016x}": f"i-{n}" for n in (1, 2)}, {"i-1": 0.0, "i-2": 5.0}
    losses = list(losses_of(outages.spans(CITY)))
    period = (BEGIN_S, BEGIN_S + 10)
    assert by_incident(losses, POPULATION, of, began_s, period) == {
        "water": {"i-1": 3_000, "i-2": 2_000}
    }
    assert by_incident(losses, POPULATION, of, {"i-1": 5.0, "i-2": 0.0}, period) == {
        "water": {"i-1": 0, "i-2": 5_000}
    }


STEPS = st.lists(st.tuples(st.integers(1, 50), st.sampled_from([0.0, 0.5, 1.0])), max_size=8)


@given(STEPS, st.integers(0, 60))
def test_behind_a_buffer_is_what_has_lasted_for_that_long(
    pairs: list[tuple[int, float]], buffer_s: int
) -> None:
    at_s, steps = 0, []
    for wait_s, lost in pairs:
        at_s += wait_s
        steps.append((float(at_s), lost))
    found = held_back(steps, buffer_s)
    for moment in range(at_s + buffer_s + 2):
        window = [value_at(steps, at) for at in range(moment - buffer_s, moment + 1)]
        assert value_at(found, moment) == min(window)


def test_a_second_feed_carries_what_the_first_loses() -> None:
    nodes = [
        node("power.x"),
        node("power.y"),
        node("water.a", people=10),
        node("water.b", people=30),
    ]
    fed = [Edge(f"power.{one}", "water.a", "feeds", 0.5, "supply") for one in "xy"]
    city = Topology(nodes, [*fed, Edge("power.x", "water.b", "feeds")], CORRELATION)
    one_down = Cascade(city, "earliest").losses({"power.x": [(0, 1.0), (100, 0.0)]})
    assert one_down == {"power.x": [(0, 1.0), (100, 0.0)], "water.b": [(0, 1.0), (100, 0.0)]}
    both = Cascade(city, "latest").losses({"power.x": [(0, 1.0)], "power.y": [(50, 1.0)]})
    assert both["water.a"] == [(80, 1.0)], "30 s behind the second, the sum of both halves"
    assert redundancy(city, Population(city), "water") == (0.25, "power.x")
    assert redundancy(city, Population(city), "power") == (0.5, "power.x")


def test_a_circle_of_dependences_settles() -> None:
    city = topology(("a.x", "shears", "b.y"), ("b.y", "shears", "a.x"))
    found = Cascade(city, "latest").losses({"a.x": [(0, 1.0), (500, 0.0)]})
    assert list(found["b.y"][0]) == [60, 1]
    assert set(found) == {"a.x", "b.y"}
