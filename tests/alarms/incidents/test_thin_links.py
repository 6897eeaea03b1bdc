"""A link whose channels lie thinly over many lanes: told one by one, and one incident."""

import itertools

import msgspec
import numpy as np
import pytest

from alarms.incidents.grouping import Incidents
from alarms.incidents.thin_links import MOST, needed
from contracts.alarm import Alarm
from contracts.desk.incident import Change, Situation
from tests.alarms.incidents.cities import BEGIN_S, ZONE, Rings, cleared, topology

LINK, LANES, SHARE = "telecom.cell-9", 8, 6
CITY = topology(("telecom.ring-1", "carries", LINK), ("power.f1", "feeds", LINK))
CHANNELS = {LINK: 100}  # of which 48 fall silent, six in each of eight lanes


def silent(ring: Rings, number: int, at_s: int, **more: str) -> Alarm:
    """A lane tells of one channel, and by which link it speaks."""
    lifeline = more.pop("lifeline", "water")
    channel = f"{lifeline}.tank-{number}"
    alarm = ring(channel, at_s, rule="silent", colour="blue", channel=f"{channel}.level")
    return msgspec.structs.replace(alarm, link=LINK, **more)


def mass(count: int = LANES * SHARE, within_s: int = 120) -> list[Alarm]:
    """What eight lanes tell when the link is lost: each its six, in the order of their onsets."""
    ring = Rings()
    return [silent(ring, number, number * within_s // count) for number in range(count)]


def taken(
    alarms: list[Alarm], channels: dict[str, int] | None = None
) -> tuple[Incidents, list[Change]]:
    incidents = Incidents(CITY, ZONE, CHANNELS if channels is None else channels)
    return incidents, [c for alarm in alarms for c in incidents.take(alarm, BEGIN_S + 400)]


def only(incidents: Incidents, alarms: list[Alarm]) -> Situation:
    (name,) = {incidents.of_alarm(alarm.id) for alarm in alarms}
    return incidents.situation(name or "")


def test_what_lanes_tell_channel_by_channel_is_one_orange_incident_of_the_link() -> None:
    alarms = mass()
    incidents, told = taken(alarms)
    situation = only(incidents, alarms)
    assert situation.root is not None
    assert (situation.root.lifeline, situation.root.asset) == ("telecom", "cell-9")
    assert (situation.colour, situation.raised) == ("orange", ["mass silence"])
    assert situation.counts["all"] == LANES * SHARE
    assert situation.title["en"] == f"cell-9: blind, {LANES * SHARE} channels silent"
    assert {member.why.edge for member in situation.members} == {"link"}
    # Lines of before it was known: the first became the incident, the others went into it, and of
    # channels behind that nobody was told.
    lines = needed(CHANNELS[LINK]) - 1
    assert [c.reason for c in told] == ["new"] * lines + ["merged"] * (lines - 1) + ["new"]
    assert told[-1].incident == told[0].incident == situation.id


@pytest.mark.parametrize("seed", range(5))
def test_the_order_in_which_lanes_tell_does_not_matter(seed: int) -> None:
    alarms = mass()
    shuffled = [alarms[i] for i in np.random.default_rng(seed).permutation(len(alarms))]
    one, other = only(taken(alarms)[0], alarms), only(taken(shuffled)[0], alarms)
    assert (one.colour, one.counts, one.root, one.title) == (
        other.colour, other.counts, other.root, other.title,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("count", "within_s", "carried"),
    [(19, 60, 19), (29, 60, 100), (48, 1_000, 100)],
    ids=["too few", "too small a share", "too slowly"],
)
def test_what_is_no_mass_stays_a_line_each(count: int, within_s: int, carried: int) -> None:
    alarms = mass(count, within_s)
    incidents, _ = taken(alarms, {LINK: carried})
    assert len({incidents.of_alarm(alarm.id) for alarm in alarms}) == count


def test_a_channel_that_falls_silent_again_and_again_is_counted_once() -> None:
    ring = Rings()
    alarms = []
    for at_s in range(0, 120, 3):
        alarms.append(silent(ring, at_s % 4, at_s))
        alarms.append(cleared(alarms[-1]))
    incidents, _ = taken(alarms)
    names = {name for alarm in alarms if (name := incidents.of_alarm(alarm.id)) is not None}
    assert len(names) == 4
    assert not any(incidents.situation(name).raised for name in names)


def test_of_a_link_with_very_many_channels_a_bounded_number_is_enough() -> None:
    alarms = mass(MOST + 50)
    situation = only(taken(alarms, {LINK: 50_000})[0], alarms)
    assert situation.counts["all"] == MOST + 50


def test_a_lane_that_folded_its_share_and_lanes_that_could_not_are_one_incident() -> None:
    ring = Rings()
    dark = ring(LINK, 5, rule="observability", colour="orange", channel=LINK, class_name="")
    thin = [silent(ring, number, 10 * number) for number in range(7)]
    for alarms in itertools.islice(itertools.permutations([dark, *thin]), 0, 40_320, 4_001):
        situation = only(taken(list(alarms))[0], [dark, *thin])
        assert situation.root is not None
        assert situation.root.alarm == dark.id
        assert situation.colour == "orange"


def test_the_feeder_of_a_link_is_behind_it() -> None:
    ring = Rings()
    trip = ring("power.f1", 0, colour="orange")
    alarms = [trip, *(silent(ring, number, 10 + number) for number in range(40))]
    situation = only(taken(alarms)[0], alarms)
    assert situation.root is not None
    assert situation.root.alarm == trip.id


def test_channels_of_two_lifelines_that_go_blind_raise_nothing() -> None:
    ring = Rings()
    alarms = [
        silent(ring, n, n, lifeline="water" if n % 2 else "power", criticality="critical")
        for n in range(40)
    ]
    situation = only(taken(alarms)[0], alarms)
    assert situation.lifelines == ["power", "water"]
    assert (situation.colour, situation.raised) == ("orange", ["mass silence"])


def test_it_is_over_when_its_channels_are_heard_and_told_so_once() -> None:
    alarms = mass()
    incidents, _ = taken(alarms)
    name = only(incidents, alarms).id
    told = [c for a in alarms for c in incidents.take(cleared(a), BEGIN_S + 900)]
    told += incidents.advance(BEGIN_S + 900 + 1_800)
    assert [(c.incident, c.reason) for c in told] == [(name, "over")]


def test_a_restored_stage_goes_on_as_the_other_one() -> None:
    alarms = mass()
    for cut in (5, 29, 31, 40):
        one, _ = taken(alarms[:cut])
        other = Incidents(CITY, ZONE, CHANNELS)
        other.restore(msgspec.json.decode(msgspec.json.encode(one.state())))
        told = [
            [c for alarm in alarms[cut:] for c in stage.take(alarm, BEGIN_S + 500)]
            for stage in (one, other)
        ]
        assert told[0] == told[1]
        assert one.state() == other.state()
