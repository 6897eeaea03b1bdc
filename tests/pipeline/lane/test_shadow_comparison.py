"""Which rings of both sides are one finding, and by how much one was ahead."""

import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from contracts.ports.lane_log import Message
from contracts.ports.status import LEADS_S
from pipeline.lane.shadow_comparison import LIVE, SHADOW, ShadowComparison

BEGAN_S = 1_700_000_000
HOUR = 3600


def rung(after_s: int, revision: int = 1, channel: str = "water.a.p") -> Message:
    detected = datetime.fromtimestamp(BEGAN_S + after_s, UTC).isoformat()
    rule = {"name": "limit", "at": "level.yaml:3"}
    body = {"revision": revision, "channel": channel, "detected": detected, "rule": rule}
    return Message("alarm", b"a-1", json.dumps(body).encode())


def tallied(live: list[int], shadow: list[int]) -> ShadowComparison:
    tally = ShadowComparison()
    tally.hear(LIVE, [rung(at) for at in live])
    tally.hear(SHADOW, [rung(at) for at in shadow])
    tally.settle(BEGAN_S)
    return tally


def test_rings_within_an_hour_are_one_finding_and_others_stand_alone() -> None:
    numbers = tallied([0, 10 * HOUR], [90, 5 * HOUR]).status("c", BEGAN_S, BEGAN_S + 43_200)
    assert (numbers.both, numbers.only_live, numbers.only_shadow) == (1, 1, 1)
    assert (numbers.live_per_day, numbers.shadow_per_day) == (4.0, 4.0)
    (late,) = [i for i, count in enumerate(numbers.leads) if count]
    assert LEADS_S[late - 1] < -90 <= LEADS_S[late]  # the shadow rang 90 s after the alarm


def test_only_the_first_revision_of_an_alarm_is_a_ring() -> None:
    tally = ShadowComparison()
    tally.hear(LIVE, [rung(0), rung(60, revision=2), Message("dead_letter", b"k", b"{}")])
    assert tally.status("c", BEGAN_S, BEGAN_S + 86_400)[1:6] == (0, 1, 0, 1.0, 0.0)


def test_other_channels_are_other_findings() -> None:
    tally = ShadowComparison()
    tally.hear(LIVE, [rung(0)])
    tally.hear(SHADOW, [rung(0, channel="water.b.p")])
    tally.settle(BEGAN_S)
    assert tally.status("c", BEGAN_S, BEGAN_S + 1).both == 0


def test_what_no_ring_can_belong_to_any_more_is_forgotten() -> None:
    tally = tallied([0], [])
    assert tally.state()["pending"]
    tally.settle(BEGAN_S + 26 * HOUR)
    assert not tally.state()["pending"]
    assert tally.status("c", BEGAN_S, BEGAN_S + 86_400).only_live == 1


rings = st.lists(st.integers(0, 20 * HOUR), max_size=12).map(sorted)


@given(live=rings, shadow=rings, cuts=st.lists(st.integers(0, 20 * HOUR), max_size=6))
def test_the_numbers_do_not_depend_on_when_either_side_is_heard(
    live: list[int], shadow: list[int], cuts: list[int]
) -> None:
    tally, last = ShadowComparison(), -1
    for cut in [*sorted(cuts), 21 * HOUR]:
        tally.hear(SHADOW, [rung(at) for at in shadow if last < at <= cut])
        tally.settle(BEGAN_S + cut)
        tally.hear(LIVE, [rung(at) for at in live if last < at <= cut])
        tally.settle(BEGAN_S + cut)
        tally, last = ShadowComparison(tally.state()), cut
    assert tally.state() == tallied(live, shadow).state()
