"""The made month keeps the rates that it says, and its alarms are those of lanes."""

import math
from collections import Counter

import pytest

from contracts.alarm import decode_alarm, encode_alarm
from lab.generators.alarm_city import EDGES, AlarmCity, AlarmMonth, make

pytestmark = pytest.mark.slow  # some seconds for a month


@pytest.fixture(scope="module")
def month() -> AlarmMonth:
    return make(AlarmCity(20))


def _spread(count: int) -> float:
    """Four standard deviations of a Poisson count."""
    return 4 * math.sqrt(count)


def test_the_same_seed_gives_the_same_month_and_another_one_another(month: AlarmMonth) -> None:
    assert make(AlarmCity(20)) == month
    assert make(AlarmCity(21)).told != month.told


def test_more_of_one_kind_leaves_the_others_as_they_are(month: AlarmMonth) -> None:
    more = make(AlarmCity(20, gas_points=600))
    kinds = {"entrapment", "burst", "pump trip", "chattering", "silent"}
    assert [e for e in more.events if e.kind in kinds] == [
        e for e in month.events if e.kind in kinds
    ]


def test_kinds_of_trouble_come_at_their_rates(month: AlarmMonth) -> None:
    counts = Counter(event.kind for event in month.events)
    expected = {
        "feeder trip": 120 * 0.25 * 0.4,
        "feeder reclosed": 120 * 0.25 * 0.6,
        "entrapment": 3_000 * 0.0135 * 0.865,
        "burst": 24,
        "pump trip": 240 * 0.3,
        "chattering": 6_000 * 0.009,
        "gas": 2,
        "door_time": 240,
        "observability": 90,
        "silent": 180,
    }
    assert counts.keys() <= expected.keys()
    for kind, rate in expected.items():
        assert abs(counts[kind] - rate) <= _spread(int(rate) + 1), kind


def test_entrapments_are_those_of_a_fleet_of_three_thousand_lifts(month: AlarmMonth) -> None:
    shut_in = {told.alarm.id for told in month.told if told.alarm.class_name == "elevator.confined"}
    assert 30 - _spread(30) <= len(shut_in) <= 50 + _spread(50)


def test_alarms_are_revisions_in_order_of_time_that_end(month: AlarmMonth) -> None:
    assert [told.at_s for told in month.told] == sorted(told.at_s for told in month.told)
    revisions: dict[str, list[int]] = {}
    for told in month.told:
        revisions.setdefault(told.alarm.id, []).append(told.alarm.revision)
        assert decode_alarm(encode_alarm(told.alarm)) == told.alarm
    assert all(some == list(range(1, len(some) + 1)) for some in revisions.values())
    last = {told.alarm.id: told.alarm.state for told in month.told}
    assert set(last.values()) == {"cleared"}


def test_children_ring_with_their_feeder_within_the_delays_of_their_edge(
    month: AlarmMonth,
) -> None:
    trips = {n: event for n, event in enumerate(month.events) if event.kind == "feeder trip"}
    latest = {"pump_state": 30, "car_state": 10, "mast_state": 1, "confined": 180}
    children = 0
    for told in month.told:
        trip = trips.get(told.event)
        if trip is not None and told.alarm.revision == 1:
            asset = month.assets[told.alarm.group]
            if asset.id != trip.asset:
                what = told.alarm.class_name.partition(".")[2]
                assert asset.parent == trip.asset
                assert 0 <= told.at_s - trip.begins_s <= latest[what]
                children += 1
    assert children > 10 * len(trips)


def test_each_parent_is_an_asset_and_the_pair_has_a_kind_of_edge(month: AlarmMonth) -> None:
    for asset in month.assets.values():
        if asset.parent:
            assert (month.assets[asset.parent].kind, asset.kind) in EDGES


def test_a_channel_does_not_ring_while_it_rings(month: AlarmMonth) -> None:
    active: dict[str, str] = {}
    for told in month.told:
        channel, alarm = told.alarm.channel, told.alarm.id
        assert active.setdefault(channel, alarm) == alarm
        if told.alarm.state == "cleared":
            del active[channel]


def test_one_event_lies_behind_all_alarms_of_what_chatters(month: AlarmMonth) -> None:
    rings = Counter(told.event for told in month.told if told.alarm.revision == 1)
    chatter = [n for n, event in enumerate(month.events) if event.kind == "chattering"]
    assert all(rings[n] >= 3 for n in chatter)
    assert max(rings[n] for n in chatter) > 30
