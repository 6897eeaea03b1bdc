"""Laws of clocks and notices, under any order of events and any cutting of time."""

from collections import Counter
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alarms.duty.budget import Budget
from alarms.duty.case import Facts
from alarms.duty.duty import Duty
from contracts.desk.notice import Notice
from contracts.transition import RINGING
from tests.alarms.duty.city import DESKS, HERE, NOBODYS, NOON, desk, plan, situation

pytestmark = pytest.mark.slow

DAY_S = 86_400
UNTIMED = settings(deadline=None)  # a busy machine is no failure
EVERY_S = 600
CITY = [*DESKS, desk("night-street", "street", "310101009", people=[])]
BUDGET = Budget()


class Event(NamedTuple):
    """Something that happens after some time to one of some incidents."""

    wait_s: int
    what: str
    number: int
    colour: str
    people: int
    life_safety: bool
    held: str
    drill: bool
    elsewhere: bool


WHAT = [
    *["new", "new", "new", "colour", "impact", "over", "reminder", "merged"],
    *["acknowledge", "assign", "return", "close"],
]
EVENTS = st.lists(
    st.builds(
        Event,
        st.sampled_from([0, 0, 0, 1, 30, 120, 600, 3_600, 40_000]),
        st.sampled_from(WHAT),
        st.integers(1, 12),
        st.sampled_from(RINGING),
        st.sampled_from([0, 10]),
        st.sampled_from([False, False, True]),
        st.sampled_from(["", "", "", "maintenance", "shelved", "chattering", "fleeting"]),
        st.booleans(),
        st.booleans(),
    ),
    max_size=40,
)
CUTS = st.lists(st.integers(1, 4_000), max_size=12)


def _facts(event: Event) -> Facts:
    words = {name: event.held for name in ("maintenance", "shelved") if name == event.held}
    marks = {name: True for name in ("chattering", "fleeting") if name == event.held}
    return Facts(drill=event.drill, fault=f"fault-{event.number % 3}", **words, **marks)  # type: ignore[arg-type]


def _happen(here: Duty, event: Event, revision: int, time_s: int) -> list[Notice]:
    name = f"i-{event.number:016x}"
    if event.what == "acknowledge":
        here.acknowledged(name, "Li", time_s)
    elif event.what == "assign":
        return here.assigned(name, CITY[event.number % len(CITY)].id, ["grid"], time_s)
    elif event.what == "return":
        return here.returned(name, time_s)
    elif event.what == "close":
        here.closed(name)
    else:
        more: dict[str, Any] = {"state": "over"} if event.what == "over" else {}
        if event.what == "merged":
            more = {"state": "merged", "merged_into": "i-0000000000000001"}
        incident = situation(
            event.number,
            event.colour,
            asset=f"pump-{event.number % 4}",
            people=event.people,
            life_safety=event.life_safety,
            where=NOBODYS if event.elsewhere else HERE,
            **more,
        )
        notices = here.changed(incident, event.what, revision, _facts(event), time_s)  # type: ignore[arg-type]
        if event.what == "merged":
            here.merged(name, "i-0000000000000001")
        return notices
    return []


def _journey(here: Duty) -> Duty:
    other = Duty(plan(CITY, budget=BUDGET))
    other.restore(msgspec.json.decode(msgspec.json.encode(here.state())))
    return other


def _run(events: list[Event], cuts: list[int], *, restarts: bool = False) -> tuple[list[Any], Duty]:
    """Everything that came of events, then of two quiet days; time is cut where `cuts` says."""
    here, time_s = Duty(plan(CITY, budget=BUDGET)), NOON
    came: list[Any] = []

    def advance(to_s: int) -> None:
        nonlocal here
        at_s = time_s
        for cut in cuts:
            at_s += cut
            if at_s < to_s:
                came.extend(here.advance(at_s))
                here = _journey(here) if restarts else here
        came.extend(here.advance(to_s))

    for revision, event in enumerate(events, 1):
        advance(time_s + event.wait_s)
        time_s += event.wait_s
        came.append((event, time_s, _happen(here, event, revision, time_s)))
        here = _journey(here) if restarts else here
    advance(time_s + 2 * DAY_S)
    return came, here


def _notices(came: list[Any]) -> list[Notice]:
    lists = (each.notices if hasattr(each, "notices") else each[2] for each in came)
    return [notice for some in lists for notice in some]


@UNTIMED
@given(EVENTS, CUTS)
def test_cutting_time_and_restarting_change_nothing(events: list[Event], cuts: list[int]) -> None:
    whole, end = _run(events, [])
    cut, other = _run(events, cuts, restarts=True)
    assert cut == whole
    assert other.state() == end.state()


@UNTIMED
@given(EVENTS)
def test_every_clock_fires_once_or_was_stopped(events: list[Event]) -> None:
    came, end = _run(events, [])
    fired = [(each.incident, each.clock) for each in came if getattr(each, "clock", None)]
    keys = Counter((incident, clock.desk, clock.escalates_at) for incident, clock in fired)
    assert all(count == 1 for count in keys.values())
    assert all(clock.fired == clock.escalates_at and not clock.late for _, clock in fired)
    assert end.soonest_s is None
    for number in range(1, 13):
        assert all(clock.fired for clock in end.clocks(f"i-{number:016x}"))


@UNTIMED
@given(EVENTS)
def test_late_clocks_fire_once_and_say_so(events: list[Event]) -> None:
    here = Duty(plan(CITY, budget=BUDGET))
    for revision, event in enumerate(events, 1):
        _happen(here, event, revision, NOON)
    running = sum(not clock.fired for n in range(1, 13) for clock in here.clocks(f"i-{n:016x}"))
    late = here.advance(NOON + 50_000, late=True)
    clocks = [each.clock for each in late if each.clock]
    assert len(clocks) == running
    assert all(clock.late for clock in clocks)
    assert all(notice.late for notice in _notices(list(late)) if notice.reason == "escalated")
    assert [each for each in here.advance(NOON + 50_000) if each.clock] == []


@UNTIMED
@given(EVENTS)
def test_what_was_considered_is_told_or_kept_back_and_nothing_twice(events: list[Event]) -> None:
    came, _ = _run(events, [])
    notices = _notices(came)
    assert len({notice.id for notice in notices}) == len(notices)
    lists = {"budget": "summary", "daily list": "daily list"}
    for by, reason in lists.items():
        kept = Counter(n.desk for n in notices if n.withheld and n.withheld.by == by)
        stood_for: Counter[str] = Counter()
        for notice in notices:
            if notice.reason == reason:
                stood_for[notice.desk] += notice.counts["all"]
        assert stood_for == kept
    own = {desk.id for desk in CITY}
    for _event, _time_s, some in (each for each in came if not hasattr(each, "notices")):
        assert {notice.desk for notice in some} <= own
        assert len({(notice.desk, notice.reason) for notice in some}) == len(some)


@UNTIMED
@given(EVENTS)
def test_life_safety_is_never_kept_back(events: list[Event]) -> None:
    came, _ = _run([event._replace(life_safety=True) for event in events], [])
    assert [notice for notice in _notices(came) if notice.withheld] == []


@UNTIMED
@given(EVENTS)
def test_the_budget_holds_in_every_window(events: list[Event]) -> None:
    came, _ = _run([event._replace(life_safety=False) for event in events], [])
    for here in CITY:
        times = sorted(
            notice.at
            for notice in _notices(came)
            if notice.desk == here.id
            and not notice.withheld
            and (notice.reason == "summary" or notice.colour == "yellow")
            and notice.reason not in {"handover", "daily list"}
        )
        moments = [datetime.fromisoformat(at).timestamp() for at in times]
        for first in range(len(moments)):
            for last in range(first, len(moments)):
                span_s = moments[last] - moments[first]
                assert last - first + 1 <= BUDGET.burst + span_s // EVERY_S


@UNTIMED
@given(EVENTS)
def test_who_a_colour_names_is_considered(events: list[Event]) -> None:
    """Against the plainest reading of the table of clocks."""
    named = {
        "red": {"city", "city-water", "district", "district-water"},
        "orange": {"city", "city-water", "district", "district-water"},
        "yellow": {"district", "district-water"},
        "blue": set(),
    }
    seen: set[int] = set()
    came, _ = _run(events, [])
    for event, _time_s, notices in (each for each in came if not hasattr(each, "notices")):
        if event.what == "new" and event.number not in seen:
            below = "night-street" if event.elsewhere else "street"
            expected = named[event.colour] | ({below} if event.colour == "yellow" else set())
            assert expected <= {notice.desk for notice in notices}
        seen.add(event.number)
