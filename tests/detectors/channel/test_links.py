"""Many channels of one link that fall silent together are one alarm, and the slow twin agrees."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.batch import Batch, Disposition
from contracts.quantities import NS_PER_S, Duration
from contracts.transition import LINK_SLOT, Colour, Transitions
from detectors.channel.invalid import LivenessWatch
from detectors.channel.links import LEAST, WITHIN_S, Links, LinkWatch, mass_silence
from detectors.channel.silence import SilenceWatch, Silent
from tests.detectors.channel.link_twin import LinkTwin, Told

BEGAN_S = 1_000
AFTER_S = 60
# A link of 20 channels, all of which are needed; one of 100, of which 30 are; channels without.
LINK_OF = [0] * 20 + [1] * 100 + [-1] * 3
SMALL, LARGE, ALONE = range(20), range(20, 120), range(120, 123)


def watch(link_of: list[int] | None = None) -> LinkWatch:
    """Of channels that are silent after a minute."""
    of = np.array(LINK_OF if link_of is None else link_of, np.int32)
    classes = np.zeros(len(of), np.int64)
    silence = SilenceWatch([Silent(after=Duration(f"{AFTER_S} s"))], classes)
    names = [f"telecom.cell-{number}" for number in range(int(of.max(initial=-1)) + 1)]
    made = LinkWatch(LivenessWatch(silence, [None], classes), silence, Links(names, of))
    made.begin(BEGAN_S)
    return made


def hear(of: LinkWatch, rows: list[int], at_s: int) -> list[Told]:
    """Let a reading of each row come."""
    n = len(rows)
    batch = Batch(
        np.arange(n, dtype=np.int32),
        np.array(rows, np.int32),
        np.full(n, at_s * NS_PER_S),
        np.ones(n),
        np.zeros(n, np.uint8),
    )
    disposition = np.full(n, Disposition.SCORED, np.uint8)
    found = of.hear(batch, disposition, np.full(n, at_s), (0, n))
    return told(found[np.lexsort((found["row"], found["rule"], found["ordinal"]))])


def told(found: Transitions) -> list[Told]:
    """Level changes as the twin tells them."""
    rows: list[Told] = []
    for change in found:
        at_s, now, was = int(change["time_ns"]) // NS_PER_S, change["now"], change["was"]
        if change["rule"] == LINK_SLOT:
            what = "over" if not now else "counts" if was else "opens"
            rows.append((at_s, what, LINK_OF[int(change["row"])], int(change["observed"])))
        else:
            rows.append((at_s, "silent" if now else "heard", int(change["row"]), 0))
    return rows


def passing(of: LinkWatch, at_s: int) -> list[Told]:
    return told(of.fire(at_s).changes)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 500)), max_size=120),
    st.lists(st.integers(1, 25), min_size=3, max_size=3),
)
@settings(max_examples=200, deadline=None)
def test_counting_by_arrays_finds_what_counting_by_hand_finds(
    falls: list[tuple[int, int]], needed: list[int]
) -> None:
    link = np.array([link for link, _ in falls], np.int32)
    fell_s = np.array([at_s for _, at_s in falls], np.int64)
    links, at_s = mass_silence(link, fell_s, np.array(needed))
    wanted = {}
    for one in range(3):
        mine = sorted(second for other, second in falls if other == one)
        for second in mine:
            within = [s for s in mine if second - WITHIN_S < s <= second]
            if len(within) >= needed[one]:
                wanted[one] = second
                break
    assert dict(zip(links.tolist(), at_s.tolist(), strict=True)) == wanted


STEPS = st.lists(
    st.tuples(
        st.integers(1, 90),  # seconds later
        st.integers(0, len(LINK_OF) - 1),  # first row that is heard
        st.integers(0, len(LINK_OF)),  # how many behind it
    ),
    min_size=1,
    max_size=25,
)


@given(STEPS, st.sampled_from([0, 1, 7]))
@settings(max_examples=150, deadline=None)
def test_the_watch_over_links_does_what_its_slow_twin_does(
    steps: list[tuple[int, int, int]], restored: int
) -> None:
    fast, twin, found = watch(), LinkTwin(LINK_OF, AFTER_S, BEGAN_S), list[Told]()
    at_s = BEGAN_S
    for number, (later_s, first, count) in enumerate([*steps, (400, 0, 0)]):
        rows = list(range(first, min(first + count, len(LINK_OF))))
        at_s += later_s
        bound_s = fast.bound_s(at_s - later_s)
        found += passing(fast, at_s)
        twin.pass_to(at_s)
        assert not [one for one in found if at_s - later_s < one[0] < min(bound_s, at_s)]
        found += hear(fast, rows, at_s)
        for row in rows:
            twin.hear(row)
        if restored and number % restored == 0:
            fast = restored_watch(fast)
    assert sorted(found) == sorted(twin.told)


def restored_watch(of: LinkWatch) -> LinkWatch:
    """Another that goes on from a snapshot."""
    kept = {name: array.copy() for name, array in of.arrays().items()}
    heir = watch()
    heir.restore(kept, np.arange(len(LINK_OF)))
    return heir


def test_a_link_rings_once_when_enough_of_its_channels_fall_silent_and_they_do_not() -> None:
    lane = watch()
    hear(lane, [*SMALL, *LARGE, *ALONE], BEGAN_S + 1)
    dark_s = BEGAN_S + 1 + AFTER_S
    assert passing(lane, dark_s) == [
        *((dark_s, "silent", row, 0) for row in ALONE),
        (dark_s, "opens", 0, 0),
        (dark_s, "opens", 1, 0),
    ]
    assert passing(lane, dark_s + 10_000) == []
    # Who is heard again says nothing, until the link is back: fewer than 15 % are silent.
    assert hear(lane, [*LARGE][:85], dark_s + 10_000) == []
    over_s = dark_s + 10_001
    assert hear(lane, [*LARGE][85:86], over_s) == [(over_s, "over", 1, 86)]
    # The 14 that are still silent ring one by one when the wait is over once more.
    wait_s = over_s + AFTER_S
    hear(lane, [*LARGE][:86], wait_s - 1)
    assert passing(lane, wait_s - 1) == []
    assert passing(lane, wait_s) == [(wait_s, "silent", row, 0) for row in [*LARGE][86:]]
    assert hear(lane, [LARGE[99]], wait_s) == [(wait_s, "heard", LARGE[99], 0)]


def test_fewer_channels_than_enough_ring_one_by_one_when_three_minutes_have_passed() -> None:
    lane = watch()
    hear(lane, [*LARGE][29:], BEGAN_S + 500)
    fell_s = BEGAN_S + AFTER_S
    assert not [one for one in passing(lane, fell_s + WITHIN_S - 1) if one[2] in LARGE]
    found = passing(lane, fell_s + WITHIN_S)
    assert found == [(fell_s + WITHIN_S, "silent", row, 0) for row in [*LARGE][:29]]


def test_channels_that_fall_silent_over_a_longer_time_are_no_mass() -> None:
    lane = watch()
    everything = [*LARGE]
    for number, row in enumerate(everything):  # one each ten seconds: 18 in three minutes
        hear(lane, everything[number:], BEGAN_S + 10 * number)
        found = passing(lane, BEGAN_S + 10 * number)
        assert not [one for one in found if one[1] == "opens" and one[2] == 1], row


def test_what_falls_silent_later_is_counted_once_more_after_three_minutes() -> None:
    lane = watch()
    hear(lane, [*LARGE][40:], BEGAN_S + 100)
    assert (BEGAN_S + AFTER_S, "opens", 1, 60) in passing(lane, BEGAN_S + AFTER_S)
    count_s = BEGAN_S + AFTER_S + WITHIN_S
    assert (count_s, "counts", 1, 0) in passing(lane, count_s)
    assert passing(lane, count_s + 10_000) == []


def test_an_alarm_of_a_link_has_another_onset_each_time() -> None:
    lane, onsets = watch(), set()
    at_s = BEGAN_S
    for _ in range(3):
        at_s += AFTER_S
        found = lane.fire(at_s).changes
        opened = found[(found["rule"] == LINK_SLOT) & (found["was"] == Colour.CLEAR)]
        assert len(opened) == 2
        onsets |= {(int(one["row"]), int(one["onset_ns"])) for one in opened}
        assert (opened["onset_ns"] < opened["time_ns"]).all()
        hear(lane, [*SMALL, *LARGE], at_s)
    assert len(onsets) == 6


def test_who_was_held_back_before_an_outage_is_waited_for_as_long_as_the_outage_again() -> None:
    lane = watch()
    hear(lane, [*LARGE][20:], BEGAN_S + 50)
    assert not [one for one in passing(lane, BEGAN_S + AFTER_S) if one[2] in LARGE]
    lane.outage(BEGAN_S + AFTER_S, 100)
    rings_s = BEGAN_S + AFTER_S + WITHIN_S + 130
    hear(lane, [*LARGE][20:], rings_s - 1)
    assert not [one for one in passing(lane, rings_s - 1) if one[1] == "silent" and one[2] in LARGE]
    assert [one for one in passing(lane, rings_s) if one[2] in LARGE] == [
        (rings_s, "silent", row, 0) for row in [*LARGE][:20]
    ]


def test_snapshots_of_before_know_of_no_link() -> None:
    lane = watch()
    passing(lane, BEGAN_S + AFTER_S)
    kept = {name: array.copy() for name, array in lane.arrays().items()}
    old = {name: array for name, array in kept.items() if name in {"silence", "silence_outages"}}
    heir = watch()
    heir.restore(old, np.arange(len(LINK_OF)))
    # All of them had rung by themselves.
    at_s = BEGAN_S + AFTER_S + 1
    assert hear(heir, [LARGE[0]], at_s) == [(at_s, "heard", LARGE[0], 0)]


@pytest.mark.parametrize("link_of", [[-1] * len(LINK_OF), []])
def test_what_was_folded_rings_by_itself_when_its_link_is_no_more(link_of: list[int]) -> None:
    lane = watch()
    passing(lane, BEGAN_S + AFTER_S)
    kept = {name: array.copy() for name, array in lane.arrays().items()}
    classes = np.zeros(len(LINK_OF), np.int64)
    silence = SilenceWatch([Silent(after=Duration(f"{AFTER_S} s"))], classes)
    links = Links([], np.array(link_of, np.int32))
    heir = LinkWatch(LivenessWatch(silence, [None], classes), silence, links)
    heir.restore(kept, np.arange(len(LINK_OF)))
    found = passing(heir, BEGAN_S + 500)
    assert found == [(BEGAN_S + 500, "silent", row, 0) for row in [*SMALL, *LARGE]]


def test_a_link_of_which_a_catalogue_leaves_few_is_back() -> None:
    lane = watch()
    passing(lane, BEGAN_S + AFTER_S)
    kept = {name: array.copy() for name, array in lane.arrays().items()}
    # Its silent channels are replaced by others, but for two.
    old_row = np.array([*SMALL, 20, 21, *[-1] * 98, *ALONE])
    heir = watch()
    heir.restore(kept, old_row)
    heir.begin(BEGAN_S + 100)
    assert passing(heir, BEGAN_S + 100) == [(BEGAN_S + 100, "over", 1, 98)]


def test_a_lane_without_links_keeps_nothing_of_them() -> None:
    assert watch([-1] * 5).arrays().keys() - watch([]).arrays().keys() <= {
        "silence_fate",
        "silence_due_s",
        "link_ids",
        "links",
    }
    assert "links" not in watch([]).arrays()


def test_a_link_that_carries_too_few_never_rings() -> None:
    lane = watch([0] * (LEAST - 1))
    fell_s = BEGAN_S + AFTER_S
    assert passing(lane, fell_s) == []
    assert len(passing(lane, fell_s + WITHIN_S)) == LEAST - 1
