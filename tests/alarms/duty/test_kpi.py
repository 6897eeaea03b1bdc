"""KPIs by figures that were computed by hand."""

import msgspec
import pytest

from alarms.duty.kpi import (
    DAY_S,
    WINDOW_S,
    Asked,
    Flood,
    Period,
    Response,
    Span,
    calls,
    chattering,
    fleeting,
    rates,
    responses,
    stale,
)
from alarms.wording import clock
from contracts.civil_time import CITY
from contracts.desk.notice import Notice, Withheld
from contracts.quantities import NS_PER_S
from tests.alarms.duty.city import at

MIDNIGHT = at("2026-03-02T00:00")
HOUR = Period(MIDNIGHT, MIDNIGHT + 3_600)


def _notice(
    second: int, incident: str = "i-1", colour: str = "yellow", by: str = "", desk: str = "city"
) -> Notice:
    return Notice(
        id=f"n-{second}",
        incident=incident,
        alarm="a-1",
        revision=1,
        desk=desk,
        level="city",
        to=["Li"],
        reason="new",
        colour=colour,
        at=clock((MIDNIGHT + second) * NS_PER_S, CITY),
        text={"en": "-", "zh": "-"},
        withheld=Withheld(by) if by else None,  # type: ignore[arg-type]
    )


def test_rates_of_an_hour() -> None:
    """Windows of 12, 4, 0, 0, 0 and 1 notices: 17 in 6 windows, one of them above 10."""
    first = [_notice(second, f"i-{second}") for second in range(12)]
    second = [_notice(WINDOW_S + n, "i-0", "orange") for n in range(4)]
    found = rates([*second, *first, _notice(3_599, "i-0")], "city", HOUR)
    assert found.notices == 17
    assert found.mean == pytest.approx(17 / 6)
    assert found.above == pytest.approx(1 / 6)
    assert found.peak == 12
    assert found.floods == [Flood(MIDNIGHT, MIDNIGHT + WINDOW_S, 12)]
    assert found.upset == 12
    assert found.colours == {"orange": 4, "yellow": 13}
    assert found.foremost == pytest.approx(15 / 17)  # i-0 six times, nine others once
    assert found.indicative


def test_what_was_withheld_is_counted_apart_and_other_desks_and_times_not_at_all() -> None:
    notices = [
        _notice(1),
        _notice(2, by="budget"),
        _notice(3, by="shelved"),
        _notice(4, by="budget"),
        _notice(5, desk="street"),
        _notice(-1),
        _notice(3_600),
    ]
    found = rates(notices, "city", HOUR)
    assert found.notices == 1
    assert found.withheld == {"budget": 2, "shelved": 1}


def test_a_heartbeat_is_no_annunciation() -> None:
    told = [_notice(0), _notice(1)]
    told[1] = msgspec.structs.replace(told[1], reason="heartbeat")
    assert rates(told, "city", HOUR).notices == 1


def test_a_flood_lasts_until_fewer_than_five_and_one_that_goes_on_ends_with_the_period() -> None:
    counts = [0, 11, 5, 4, 10, 12]
    notices = [_notice(w * WINDOW_S + n) for w, count in enumerate(counts) for n in range(count)]
    assert rates(notices, "city", HOUR).floods == [
        Flood(MIDNIGHT + 600, MIDNIGHT + 1_800, 16),
        Flood(MIDNIGHT + 3_000, MIDNIGHT + 3_600, 12),
    ]


def test_an_upset_is_the_worst_window_of_each_day() -> None:
    period = Period(MIDNIGHT, MIDNIGHT + 2 * DAY_S)
    notices = [*(_notice(n) for n in range(6)), _notice(DAY_S), _notice(DAY_S + 1)]
    assert rates(notices, "city", period).upset == 4.0  # of 6 and 2


def test_nothing_told_is_nothing_and_thirty_days_are_no_indication() -> None:
    found = rates([], "city", Period(MIDNIGHT, MIDNIGHT + 30 * DAY_S))
    assert (found.mean, found.above, found.peak, found.foremost) == (0, 0, 0, 0)
    assert not found.indicative


def test_a_period_of_part_of_a_window_is_refused() -> None:
    with pytest.raises(ValueError, match="expected whole windows of 600 s, got 601 s"):
        rates([], "city", Period(0, 601))


def test_a_call_is_answered_by_the_first_acknowledgement_behind_it() -> None:
    by = clock((MIDNIGHT + 300) * NS_PER_S, CITY)
    told = [
        msgspec.structs.replace(_notice(0), acknowledge_by=by),
        msgspec.structs.replace(_notice(100), acknowledge_by=by),
        msgspec.structs.replace(_notice(0, "i-2"), acknowledge_by=by),
        msgspec.structs.replace(_notice(0, by="budget"), acknowledge_by=by),
        _notice(0),
    ]
    answers = {"i-1": [MIDNIGHT + 40, MIDNIGHT + 200]}
    assert calls(told, answers) == [
        Asked("city", "i-1", MIDNIGHT, MIDNIGHT + 300, MIDNIGHT + 40),
        Asked("city", "i-1", MIDNIGHT + 100, MIDNIGHT + 300, MIDNIGHT + 200),
        Asked("city", "i-2", MIDNIGHT, MIDNIGHT + 300, None),
    ]


def test_responses_by_level_against_the_clock() -> None:
    asked = [
        Asked("district", "i-1", 0, 300, 100),
        Asked("district", "i-2", 0, 300, 300),
        Asked("district", "i-3", 0, 300, 800),
        Asked("district", "i-4", 0, 300, None),
        Asked("city", "i-1", 0, 60, None),
    ]
    assert responses(asked) == {
        "city": Response(asked=1, answered=0, in_time=0, median_s=0, worst_s=0),
        "district": Response(asked=4, answered=3, in_time=2, median_s=300, worst_s=800),
    }


def test_chattering_is_three_times_within_a_minute() -> None:
    spans = [Span("a", 0, 5), Span("a", 30, 35), Span("a", 59, 65)]
    assert chattering(spans) == ["a"]
    assert chattering([*spans[:2], Span("a", 60, 65)]) == []
    assert chattering([*spans[:2], Span("b", 59, 65)]) == []


def test_fleeting_is_short_and_alone() -> None:
    assert fleeting([Span("a", 0, 9)]) == ["a"]
    assert fleeting([Span("a", 0, 10)]) == []
    assert fleeting([Span("a", 0, None)]) == []
    assert fleeting([Span("a", 0, 9), Span("a", 69, 200)]) == []
    assert fleeting([Span("a", 0, 9), Span("a", 70, 200)]) == ["a"]


def test_stale_is_active_for_more_than_a_day() -> None:
    spans = [Span("a", 0, None), Span("b", 0, DAY_S + 2), Span("c", 1, None), Span("d", 0, 9)]
    assert stale(spans, DAY_S) == []
    assert stale(spans, DAY_S + 1) == ["a", "b"]
    assert stale(spans, DAY_S + 2) == ["a", "c"]
