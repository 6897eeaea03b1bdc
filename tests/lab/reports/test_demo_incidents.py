"""Incidents on the demo's page, and whether a known one was found."""

from contracts.civil_time import civil
from lab.feeds.feed import Feed, KnownIncident, Reading
from lab.reports.demo_incidents import incidents_chapter, why_joined
from lab.reports.demo_report import Told, summary
from tests.testkit.desk.told import LIFT, incident, notice, situation

LOSS = KnownIncident(
    "a feeder is lost",
    civil("2026-03-04T14:00"),
    "power.feeder-01",
    frozenset({"power.feeder-01", "elevator.lift-06"}),
    "made",
)
WITHHELD = {"by": "inhibited", "detail": "i-0000000000000009"}


def feed(known: KnownIncident = LOSS) -> Feed:
    return Feed("district", "made", [Reading(0, "power.feeder-01.switch", 1.0)], [], (known,))


def found(told: Told) -> list[str | None]:
    return [event["rung_at"] for event in summary([feed()], told, 1.0)["known_events"]]


def test_an_incident_is_found_once_it_holds_its_assets_under_its_root() -> None:
    early = incident(1, situation=situation(members=situation()["members"][:1]))
    whole = incident(2, at="2026-03-04T14:01:10+08:00")
    assert found(Told([], {}, [early, whole])) == ["2026-03-04T14:01:10+08:00"]
    assert found(Told([], {}, [early])) == [None]


def test_an_incident_under_another_root_or_with_a_stranger_in_it_is_not_the_known_one() -> None:
    lift = {**situation()["root"], "asset": "lift-06", "lifeline": "elevator"}
    stranger = {**situation()["members"][0], "asset": "feeder-02"}
    for told in (
        situation(root=lift),
        situation(root=None),
        situation(members=[*situation()["members"], stranger]),
    ):
        assert found(Told([], {}, [incident(situation=told)])) == [None]


def test_the_summary_counts_alarms_incidents_and_notices_by_desk_and_reason() -> None:
    merged = situation(id="i-0000000000000002", state="merged")
    notices = [notice(1), notice(2, desk="city"), notice(3), notice(4, withheld=WITHHELD)]
    told = Told([], {}, [incident(situation=merged), incident(1), incident(2)], notices)
    assert summary([feed()], told, 1.0)["desk"] == {
        "incidents": 1,
        "alarms_in_incidents": 2,
        "notices": 3,
        "notices_by_desk": {"city": 1, "power-310101": 2},
        "withheld": {"inhibited": 1},
    }


def test_the_page_shows_root_members_clocks_and_what_was_withheld() -> None:
    worst = incident(1)
    calm = {"people": 0, "in_30_min": 0, "in_60_min": 0, "critical": []}
    last = incident(2, situation=situation(impact=calm))
    other = notice(3, incident="i-0000000000000007", text={"en": "A <pump>.", "zh": "泵。"})
    notices = [notice(1), notice(2, withheld=WITHHELD), other]
    page = "".join(incidents_chapter([worst, last], notices))
    for words in (
        "2 notices to 1 desks, at most 2 to one; 1 withheld",
        "Feeder 01: 2 alarms in 2 lifelines",
        "power.feeder-01, weight 1.00: Feeder 01: breaker tripped.",
        "revision 2",
        "1,200 people without service at its worst",
        "power lift: 50 s after power.feeder-01.switch, weight 0.77",
        "2026-03-04 14:01",
        "withheld: inhibited i-0000000000000009",
        "2 notices</summary>",
        "A &lt;pump&gt;.",
    ):
        assert words in page, words


def test_a_page_without_incidents_has_no_chapter_of_them() -> None:
    gone = incident(situation=situation(state="merged"))
    assert incidents_chapter([], []) == incidents_chapter([gone], []) == []


def test_why_an_alarm_joined_is_said_in_words() -> None:
    first, second = incident().situation.members
    assert why_joined(first, {}) == "nothing else explains it"
    assert second.alarm == LIFT
    assert why_joined(second, {}) == "power lift: 50 s after a-0000000000000001, weight 0.77"
