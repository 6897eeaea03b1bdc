"""The alarm budget: exact, kept by what it counts, and nothing is lost by it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from alarms.duty.budget import FOREMOST, Bucket, Budget, HeldBack, Matter
from contracts.quantities import Duration
from tests.alarms.duty.city import NONE, NOON, desk, duty, situation
from tests.alarms.duty.test_duty import kept, new, notices_of, told

EVERY_S = 600
UNTIMED = settings(deadline=None)  # a busy machine is no failure
ALONE = [desk("city", "city")]


def _second_by_second(steps: list[tuple[int, int, bool]], burst: int) -> list[bool]:
    """Slow twin of the bucket: fills by one each second that passes."""
    credit, taken = burst * EVERY_S, []
    for wait_s, reserve, forced in steps:
        for _ in range(wait_s):
            if credit < burst * EVERY_S:
                credit += 1
        fits = credit >= EVERY_S * (1 + reserve)
        if forced:
            credit = credit - EVERY_S if credit >= EVERY_S else 0
        elif fits:
            credit -= EVERY_S
        taken.append(fits or forced)
    return taken


STEPS = st.tuples(st.integers(0, 900), st.integers(0, 1), st.booleans())


@UNTIMED
@given(st.lists(STEPS, max_size=40), st.integers(1, 5))
def test_the_bucket_is_that_of_its_slow_twin(
    steps: list[tuple[int, int, bool]], burst: int
) -> None:
    bucket, time_s, taken = Bucket(burst * EVERY_S, 0), 0, []
    for wait_s, reserve, forced in steps:
        time_s += wait_s
        bucket.refill(time_s, EVERY_S, burst)
        if forced:
            bucket.overdraw(EVERY_S)
        taken.append(forced or bucket.take(EVERY_S, reserve * EVERY_S))
    assert taken == _second_by_second(steps, burst)


def test_time_that_stands_back_fills_nothing() -> None:
    bucket = Bucket(0, 100)
    bucket.refill(50, EVERY_S, 3)
    assert (bucket.credit_s, bucket.at_s) == (0, 100)


def test_the_last_notice_of_the_budget_is_kept_for_what_hurts_people() -> None:
    here = duty(desks=ALONE)
    calm = [told(new(here, number, "yellow")) for number in range(1, 5)]
    assert calm == [["city"], ["city"], ["city"], []]
    assert told(new(here, 5, "yellow", people=40)) == ["city"]
    assert kept(new(here, 6, "yellow", people=40)) == {"city": "budget"}


def test_an_update_can_wait_and_a_new_incident_that_hurts_people_cannot() -> None:
    here = duty(desks=ALONE)
    for number in range(1, 4):
        new(here, number, "yellow", people=40)
    update = here.changed(situation(1, "yellow", people=80), "impact", 2, NONE, NOON)
    assert kept(update) == {"city": "budget"}
    assert told(new(here, 4, "yellow", people=40)) == ["city"]


def test_what_was_kept_back_is_told_in_one_summary_when_the_budget_allows() -> None:
    here = duty(desks=ALONE)
    for number in range(1, 11):
        new(here, number, "yellow", people=number % 2)
    notices = new(here, 11, "yellow", people=1)
    assert notices[0].withheld is not None
    assert notices[0].withheld.until == "2026-03-02T12:10:00+08:00"
    assert notices[0].withheld.detail == "one notice in 10 min, 4 at once"
    fired = notices_of(here.advance(NOON + 600))
    assert [notice.reason for notice in fired] == ["summary"]
    assert fired[0].counts == {"all": 7, "yellow": 7, "new": 7}
    assert fired[0].text["en"] == (
        "7 notices held back while this desk was busy: 7 yellow; 7 new. Foremost: Pump 7 has "
        "stopped; Pump 9 has stopped; Pump 11 has stopped; Pump 4 has stopped; Pump 6 has stopped."
    )
    assert (
        fired[0]
        .text["zh"]
        .startswith("本席位繁忙期间暂缓通知 7 条：黄色 7 条；新发 7 条。主要有：7号泵停运；")
    )


def test_what_is_urgent_is_told_whatever_the_budget_says_and_uses_it_up() -> None:
    here = duty(desks=ALONE)
    for number in range(1, 21):
        assert told(new(here, number, "red")) == ["city"]
        here.acknowledged(f"i-{number:016x}", "Li", NOON)
    assert kept(new(here, 21, "yellow", people=9)) == {"city": "budget"}


def test_a_summary_is_put_off_once_by_what_is_urgent_and_nothing_overtakes_it() -> None:
    here = duty(desks=ALONE)
    for number in range(1, 6):
        new(here, number, "yellow")
    due_s = here.soonest_s
    assert due_s == NOON + 600
    for number in range(10, 13):
        new(here, number, "red", time_s=NOON + 599)
        here.acknowledged(f"i-{number:016x}", "Li", NOON + 599)
    assert notices_of(here.advance(NOON + 600)) == []
    assert kept(new(here, 20, "yellow", people=9, time_s=NOON + 1199)) == {"city": "budget"}
    new(here, 21, "red", time_s=NOON + 1199)
    here.acknowledged(f"i-{21:016x}", "Li", NOON + 1199)
    assert [notice.counts["all"] for notice in notices_of(here.advance(NOON + 1200))] == [3]
    assert kept(new(here, 22, "yellow", people=9, time_s=NOON + 1799)) == {"city": "budget"}


def test_a_budget_of_one_at_once_keeps_nothing_in_reserve() -> None:
    budget = Budget(every=Duration("1 min"), burst=1)
    here = duty(desks=ALONE, budget=budget)
    assert told(new(here, 1, "yellow")) == ["city"]
    assert kept(new(here, 2, "yellow")) == {"city": "budget"}
    assert here.soonest_s == NOON + 60


def test_a_list_names_the_most_consequential_and_each_incident_once() -> None:
    held = HeldBack()
    for number in range(20):
        held.add(Matter([-1, 0, -number], f"i-{number}", "x", "x"), "yellow", "new", FOREMOST)
    held.add(Matter([-1, -1, 0], "i-19", "x", "x"), "yellow", "impact", FOREMOST)
    assert [matter.incident for matter in held.foremost] == ["i-19", "i-18", "i-17", "i-16", "i-15"]
    assert held.counts == {"all": 21, "yellow": 21, "new": 20, "impact": 1}
