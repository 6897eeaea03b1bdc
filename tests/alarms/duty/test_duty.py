"""What desks are told, when, by which clock, and what is kept from them."""

import msgspec
import pytest

from alarms.duty.case import Facts
from alarms.duty.duty import Duty, Fired
from alarms.duty.notices import notice_id
from contracts.desk.notice import Notice
from tests.alarms.duty.city import (
    NIGHT,
    NOBODYS,
    NONE,
    NOON,
    at,
    desk,
    duty,
    situation,
)

MINUTE = 60


def told(notices: list[Notice]) -> list[str]:
    return [notice.desk for notice in notices if notice.withheld is None]


def kept(notices: list[Notice]) -> dict[str, str]:
    return {notice.desk: notice.withheld.by for notice in notices if notice.withheld}


def new(desks: Duty, number: int = 1, colour: str = "orange", **more: object) -> list[Notice]:
    facts = more.pop("facts", NONE)
    time_s = more.pop("time_s", NOON)
    assert isinstance(facts, Facts)
    assert isinstance(time_s, int)
    return desks.changed(situation(number, colour, **more), "new", 1, facts, time_s)


def notices_of(fired: list[Fired]) -> list[Notice]:
    return [notice for each in fired for notice in each.notices]


@pytest.mark.parametrize(
    ("colour", "desks", "clocks"),
    [
        (
            "red",
            ["city-water", "city", "district-water", "district"],
            ["city-water", "city", "district-water", "district"],
        ),
        (
            "orange",
            ["district-water", "district", "city-water", "city"],
            ["district-water", "district"],
        ),
        ("yellow", ["street", "district-water", "district"], ["street", "district-water"]),
    ],
)
def test_a_colour_names_who_is_told_and_who_must_answer(
    colour: str, desks: list[str], clocks: list[str]
) -> None:
    here = duty()
    assert told(new(here, colour=colour)) == desks
    assert [clock.desk for clock in here.clocks("i-0000000000000001")] == clocks


def test_a_clock_says_by_when_and_to_whom() -> None:
    here = duty()
    new(here)
    clock = here.clocks("i-0000000000000001")[1]
    assert (clock.level, clock.desk, clock.escalates_to) == ("district", "district", "city")
    assert clock.acknowledge_by == "2026-03-02T12:05:00+08:00"
    assert clock.escalates_at == "2026-03-02T12:10:00+08:00"
    assert clock.fired == ""
    assert here.soonest_s == NOON + 10 * MINUTE


def test_nobody_answers_and_the_level_above_is_told_once() -> None:
    here = duty()
    new(here)
    assert here.advance(NOON + 10 * MINUTE - 1) == []
    fired = here.advance(NOON + 10 * MINUTE)
    assert [(each.clock.desk, each.clock.fired) for each in fired if each.clock] == [
        ("district", "2026-03-02T12:10:00+08:00"),
        ("district-water", "2026-03-02T12:10:00+08:00"),
    ]
    assert [(notice.desk, notice.reason) for notice in notices_of(fired)] == [
        ("city", "escalated"),
        ("city-water", "escalated"),
    ]
    assert "district has not acknowledged." in notices_of(fired)[0].text["en"]
    assert here.advance(NOON + 19 * MINUTE) == []


def test_who_is_told_by_a_clock_has_one_of_their_own_and_the_highest_is_called_again() -> None:
    here = duty()
    new(here, colour="yellow")
    fired = here.advance(NOON + 60 * MINUTE)
    assert [notice.desk for notice in notices_of(fired)] == ["city-water", "district"]
    assert [clock.desk for clock in here.clocks("i-0000000000000001") if not clock.fired] == [
        "city-water",
        "district",
    ]
    again = here.advance(NOON + 120 * MINUTE)
    assert [notice.desk for notice in notices_of(again)] == ["city-water", "city"]
    last = here.advance(NOON + 180 * MINUTE)
    assert [notice.desk for notice in notices_of(last)] == ["city"]
    assert here.soonest_s is None


def test_two_clocks_that_fire_together_tell_one_desk_once() -> None:
    here = duty()
    new(here, colour="red", lifelines=["power"])
    fired = here.advance(NOON + 2 * MINUTE)
    assert [each.clock.desk for each in fired if each.clock] == ["city", "district"]
    assert [notice.desk for notice in notices_of(fired)] == ["city"]


def test_an_acknowledgement_stops_the_clocks_and_a_worse_colour_starts_them_anew() -> None:
    here = duty()
    new(here)
    here.acknowledged("i-0000000000000001", "Li", NOON + MINUTE)
    assert here.advance(NOON + 60 * MINUTE) == []
    worse = here.changed(situation(1, "red"), "colour", 2, NONE, NOON + 61 * MINUTE)
    assert told(worse) == ["city-water", "city", "district-water", "district"]
    assert here.soonest_s == NOON + 63 * MINUTE


def test_a_better_colour_is_told_to_who_knows_and_starts_nothing() -> None:
    here = duty()
    new(here, colour="red")
    here.acknowledged("i-0000000000000001", "Li", NOON)
    better = here.changed(situation(1, "orange"), "colour", 2, NONE, NOON + 9)
    assert len(told(better)) == 4
    assert here.soonest_s is None


def test_of_members_and_ticket_states_nobody_is_told() -> None:
    here = duty()
    new(here)
    assert here.changed(situation(), "members", 2, NONE, NOON) == []
    assert here.changed(situation(), "ticket", 3, NONE, NOON) == []


def test_an_empty_chair_escalates_at_once_and_says_so() -> None:
    here = duty()
    notices = new(here, colour="yellow", lifelines=["power"], time_s=NIGHT)
    assert kept(notices) == {"street": "off duty"}
    assert notices[0].withheld is not None
    assert notices[0].withheld.until == "2026-03-03T08:00:00+08:00"
    assert [(notice.desk, notice.reason) for notice in notices[1:]] == [
        ("district", "nobody on duty")
    ]
    assert "Nobody is on duty at street" in notices[1].text["en"]
    assert [clock.desk for clock in here.clocks("i-0000000000000001")] == ["district"]


def test_the_highest_desk_is_told_although_nobody_is_there() -> None:
    here = duty(desks=[desk("city", "city", people=[])])
    notices = new(here, colour="yellow")
    assert told(notices) == ["city"]
    assert notices[0].to == []


def test_a_street_without_a_desk_falls_to_its_district_which_is_told_so() -> None:
    here = duty()
    notices = new(here, colour="yellow", lifelines=["power"], where=NOBODYS)
    assert told(notices) == ["district"]
    assert "No street desk answers for it: it is yours." in notices[0].text["en"]


def test_blue_waits_for_the_daily_list_and_calls_nobody() -> None:
    here = duty()
    notices = new(here, 1, "blue", time_s=NIGHT) + new(here, 2, "blue", time_s=NIGHT + 1)
    assert kept(notices) == {"grid": "daily list"}
    assert here.clocks("i-0000000000000001") == []
    assert here.advance(at("2026-03-03T07:59:59")) == []
    lists = notices_of(here.advance(at("2026-03-03T08:00")))
    assert [(notice.desk, notice.reason) for notice in lists] == [("grid", "daily list")]
    assert lists[0].counts == {"all": 2, "blue": 2, "new": 2}
    assert lists[0].text == {
        "en": "Daily list, 2 notices: 2 blue; 2 new. Pump 1 has stopped; Pump 2 has stopped.",
        "zh": "每日清单，共 2 条：蓝色 2 条；新发 2 条。1号泵停运；2号泵停运。",
    }
    assert here.soonest_s is None


def test_a_desk_of_its_own_hour_gets_its_list_then() -> None:
    here = duty(desks=[desk("city", "city", daily="17:30")])
    new(here, 1, "blue")
    assert here.soonest_s == at("2026-03-02T17:30")


@pytest.mark.parametrize(
    ("facts", "by"),
    [
        (Facts(maintenance="WO-7", until="2026-03-02T18:00:00+08:00"), "maintenance"),
        (Facts(shelved="Li"), "shelved"),
        (Facts(duplicate_of="i-1"), "duplicate"),
        (Facts(inhibited_by="i-1"), "inhibited"),
        (Facts(chattering=True), "chattering"),
        (Facts(fleeting=True), "fleeting"),
        (Facts(maintenance="WO-7", shelved="Li", fleeting=True), "maintenance"),
    ],
)
def test_what_keeps_an_incident_back_is_on_record_and_starts_no_clock(
    facts: Facts, by: str
) -> None:
    here = duty()
    notices = new(here, facts=facts)
    assert kept(notices) == dict.fromkeys(["district-water", "district", "city-water", "city"], by)
    assert here.soonest_s is None
    assert kept(here.changed(situation(), "impact", 2, NONE, NOON + 1)) == {}


@pytest.mark.parametrize(
    "facts", [Facts(maintenance="WO-7"), Facts(shelved="Li"), Facts(chattering=True, drill=True)]
)
@pytest.mark.parametrize("colour", ["blue", "yellow", "red"])
def test_life_safety_is_told_whatever_speaks_against_it(facts: Facts, colour: str) -> None:
    here = duty()
    for number in range(1, 30):
        notices = new(here, number, colour, facts=facts, life_safety=True, time_s=NIGHT)
        assert kept(notices) == {}
        assert here.clocks(f"i-{number:016x}")


def test_life_safety_at_an_empty_chair_rings_there_and_above() -> None:
    here = duty()
    notices = new(here, colour="yellow", life_safety=True, lifelines=["power"], time_s=NIGHT)
    assert [(notice.desk, notice.reason, notice.to) for notice in notices] == [
        ("street", "new", []),
        ("district", "nobody on duty", ["phone of district"]),
    ]


def test_what_was_kept_back_is_told_when_that_ends() -> None:
    here = duty()
    new(here, facts=Facts(maintenance="WO-7"))
    notices = here.changed(situation(), "reminder", 2, NONE, NOON + 9)
    assert len(told(notices)) == 4
    assert here.soonest_s == NOON + 9 + 10 * MINUTE


def test_the_end_of_what_was_kept_back_is_kept_back_for_the_same_reason() -> None:
    here = duty()
    new(here, facts=Facts(fleeting=True))
    over = here.changed(situation(state="over"), "over", 2, NONE, NOON + 9)
    assert set(kept(over).values()) == {"fleeting"}


def test_a_repeat_of_the_same_fault_is_a_duplicate_while_the_first_is_open() -> None:
    here = duty()
    new(here, 1, asset="pump-1", facts=Facts(fault="stopped"))
    again = new(here, 2, asset="pump-1", facts=Facts(fault="stopped"))
    assert again[0].withheld is not None
    assert (again[0].withheld.by, again[0].withheld.detail) == ("duplicate", "i-0000000000000001")
    assert told(new(here, 3, "red", asset="pump-1", facts=Facts(fault="stopped")))
    assert told(new(here, 4, asset="pump-1", facts=Facts(fault="leaks")))
    here.closed("i-0000000000000001")
    assert told(new(here, 5, asset="pump-1", facts=Facts(fault="stopped")))


def test_a_line_that_becomes_an_incident_is_not_told_again_unless_it_is_worse() -> None:
    here = duty()
    line = situation(1, "yellow", opened=False)
    assert told(here.changed(line, "new", 0, NONE, NOON))
    notices = here.changed(situation(1, "yellow"), "new", 1, NONE, NOON + 5)
    assert set(kept(notices).values()) == {"duplicate"}
    assert notices[0].withheld is not None
    assert notices[0].withheld.detail == "i-0000000000000001"
    assert here.soonest_s == NOON + 60 * MINUTE
    assert len(told(here.changed(situation(1, "red"), "new", 2, NONE, NOON + 6))) == 5


def test_another_plan_takes_over_what_runs() -> None:
    here = duty()
    new(here, 1, "orange")
    kept_back = 0
    for number in range(2, 9):
        kept_back += len(kept(new(here, number, "yellow", lifelines=["power"])))
        kept_back += len(kept(new(here, number + 10, "blue")))
    other = duty(desks=[desk("city", "city"), desk("new-district", "district", "310101")])
    other.restore(here.state())
    fired = other.advance(NOON + 10 * MINUTE)
    assert [each.clock.desk for each in fired if each.clock] == ["district", "district-water"]
    told_now = [(notice.desk, notice.reason) for notice in notices_of(fired)]
    assert told_now == [("city", "escalated"), ("city", "summary")]  # its water desk is gone
    worse = other.changed(situation(1, "red"), "colour", 2, NONE, NOON + 11 * MINUTE)
    assert told(worse) == ["city", "new-district"]
    later = notices_of(other.advance(NOON + 86_400))
    lists = [*notices_of(fired), *later]
    kept_back += sum(notice.withheld is not None for notice in lists)
    assert sum(notice.counts.get("all", 0) for notice in lists) == kept_back


def test_a_reminder_calls_until_somebody_answers_and_then_waits_for_the_daily_list() -> None:
    here = duty()
    new(here)
    first = here.changed(situation(), "reminder", 2, NONE, NOON + 30 * MINUTE)
    assert len(told(first)) == 4
    here.acknowledged("i-0000000000000001", "Li", NOON + 31 * MINUTE)
    for number in range(3, 20):
        reminder = here.changed(situation(), "reminder", number, NONE, NOON + number * 30 * MINUTE)
        assert set(kept(reminder).values()) == {"daily list"}
    lists = notices_of(here.advance(at("2026-03-03T08:00")))
    assert [notice.counts["reminder"] for notice in lists] == [17, 17, 17, 17]
    assert "17 still open. Pump 1 has stopped." in lists[0].text["en"]


def test_life_safety_is_reminded_of_until_it_is_closed() -> None:
    here = duty()
    new(here, life_safety=True)
    here.acknowledged("i-0000000000000001", "Li", NOON)
    incident = situation(life_safety=True)
    assert len(told(here.changed(incident, "reminder", 2, NONE, NOON + 1_800))) == 4


def test_a_worse_colour_than_any_told_is_told_although_it_chatters() -> None:
    here = duty()
    new(here)
    worse = here.changed(situation(1, "red"), "colour", 2, Facts(chattering=True), NOON)
    assert len(told(worse)) == 4


def test_shelving_what_rings_stops_its_clocks() -> None:
    here = duty()
    new(here)
    here.changed(situation(), "reminder", 2, Facts(shelved="Li"), NOON + 1)
    assert here.soonest_s is None


def test_a_drill_is_marked_and_spares_who_would_only_be_informed() -> None:
    here = duty()
    notices = new(here, facts=Facts(drill=True))
    assert all(notice.drill for notice in notices)
    assert kept(notices) == {"city-water": "drill", "city": "drill"}
    assert notices[0].text["en"].startswith("DRILL. Orange: Pump 1")
    assert notices[0].text["zh"].startswith("【演练】【橙色】")


def test_a_hand_over_is_told_to_the_owner_and_who_works_with_them() -> None:
    here = duty()
    new(here)
    notices = here.assigned("i-0000000000000001", "street", ["grid"], NOON + 5)
    assert [(notice.desk, notice.reason) for notice in notices] == [
        ("street", "handover"),
        ("grid", "handover"),
    ]
    assert here.soonest_s is None
    named = here.assigned("i-0000000000000001", "Zhang San", [], NOON + 6)
    assert told(named) == ["district-water"]


def test_a_hand_over_at_night_reaches_the_level_above() -> None:
    here = duty()
    new(here, time_s=NIGHT)
    notices = here.assigned("i-0000000000000001", "street", [], NIGHT)
    assert kept(notices) == {"street": "off duty"}
    assert told(notices) == ["district"]


def test_a_hand_back_goes_to_who_had_it_before_and_clocks_run_again() -> None:
    here = duty()
    new(here)
    here.assigned("i-0000000000000001", "district", [], NOON)
    here.assigned("i-0000000000000001", "street", [], NOON + 1)
    assert told(here.returned("i-0000000000000001", NOON + 2)) == ["district"]
    assert [clock.desk for clock in here.clocks("i-0000000000000001")] == ["district"]
    assert here.soonest_s == NOON + 2 + 10 * MINUTE
    assert told(here.returned("i-0000000000000001", NOON + 3)) == ["city"]


def test_a_closed_incident_is_silent() -> None:
    here = duty()
    new(here)
    here.closed("i-0000000000000001")
    assert here.soonest_s is None
    assert here.assigned("i-0000000000000001", "city", [], NOON) == []
    assert here.returned("i-0000000000000001", NOON) == []


def test_who_is_told_of_the_larger_incident_need_not_be_told_where_the_smaller_went() -> None:
    here = duty()
    new(here, 1)
    new(here, 2, "yellow", people=9)
    gone = situation(2, "yellow", state="merged", merged_into="i-0000000000000001")
    notices = here.changed(gone, "merged", 2, NONE, NOON + 1)
    assert kept(notices) == {"district-water": "inhibited", "district": "inhibited"}
    assert told(notices) == ["street"]
    here.merged("i-0000000000000002", "i-0000000000000001")
    over = here.changed(situation(1, state="over"), "over", 3, NONE, NOON + 2)
    assert "street" in told(over)


def test_a_merged_incident_that_nobody_knows_of_says_nothing() -> None:
    here = duty()
    gone = situation(2, state="merged", merged_into="i-0000000000000001")
    assert here.changed(gone, "merged", 2, NONE, NOON) == []


def test_clocks_of_what_is_urgent_run_on_when_it_is_over_and_others_stop() -> None:
    here = duty()
    new(here, 1, "orange")
    new(here, 2, "yellow")
    here.changed(situation(1, "orange", state="over"), "over", 2, NONE, NOON + 1)
    here.changed(situation(2, "yellow", state="over"), "over", 2, NONE, NOON + 1)
    fired = here.advance(NOON + 60 * MINUTE)
    assert {each.incident for each in fired} == {"i-0000000000000001", ""}


def test_what_is_over_is_told_with_the_last_colour_that_it_had() -> None:
    here = duty()
    new(here, 1, "orange")
    over = here.changed(situation(1, "clear", state="over"), "over", 2, NONE, NOON + 1)
    assert {notice.colour for notice in over} == {"orange"}
    assert here.soonest_s == NOON + 10 * MINUTE  # of what is urgent somebody must have looked


def test_a_line_that_is_over_is_forgotten_as_soon_as_no_clock_waits() -> None:
    here = duty()
    new(here, 1, "yellow", opened=False)
    here.changed(situation(1, "yellow", opened=False, state="over"), "over", 0, NONE, NOON)
    assert len(here) == 0
    new(here, 2, "red", opened=False)
    here.changed(situation(2, "red", opened=False, state="over"), "over", 0, NONE, NOON)
    assert len(here) == 1
    here.acknowledged("i-0000000000000002", "Li", NOON)
    assert len(here) == 0


def test_a_restart_fires_what_fell_due_once_late_and_from_then_on() -> None:
    here = duty()
    new(here, colour="yellow", lifelines=["power"])
    late = here.advance(NOON + 300 * MINUTE, late=True)
    assert [(each.clock.desk, each.clock.late) for each in late if each.clock] == [("street", True)]
    assert [notice.late for notice in notices_of(late)] == [True]
    assert here.soonest_s == NOON + 360 * MINUTE
    fired = here.advance(NOON + 360 * MINUTE)
    assert [each.clock.late for each in fired if each.clock] == [False]


def test_an_id_is_that_of_incident_revision_desk_and_reason() -> None:
    here = duty()
    notice = new(here)[0]
    assert notice.id == notice_id("i-0000000000000001", 1, "district-water", "new")
    first = here.assigned("i-0000000000000001", "street", [], NOON)
    second = here.assigned("i-0000000000000001", "street", [], NOON)
    assert first[0].id != second[0].id


def test_a_notice_says_what_where_why_what_to_do_and_by_when() -> None:
    here = duty()
    facts = Facts(first={"en": "close valve 12.", "zh": "关闭12号阀门。"})
    notice = new(here, facts=facts)[0]
    assert notice.acknowledge_by == "2026-03-02T12:05:00+08:00"
    assert notice.text == {
        "en": "Orange: Pump 1 has stopped, n-05, 310101002, 310101. First: close valve 12. "
        "Acknowledge by 12:05.",
        "zh": "【橙色】310101 310101002 n-05：1号泵停运。首先：关闭12号阀门。请于 12:05 前确认。",
    }


def test_state_survives_its_journey_through_json() -> None:
    here = duty()
    new(here, 1, "yellow", facts=Facts(fault="stopped"))
    new(here, 2, "blue")
    for number in range(3, 9):
        new(here, number, "yellow")
    state = msgspec.json.decode(msgspec.json.encode(here.state()))
    other = duty()
    other.restore(state)
    assert other.state() == here.state() == state
    end = NOON + 86_400
    assert other.advance(end) == here.advance(end)
