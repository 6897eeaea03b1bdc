"""A made month of a city through the whole desk, people who answer and close among it."""

from collections import Counter
from datetime import datetime

import pytest

from alarms.duty.kpi import DAY_S, Period, Span, chattering, fleeting, rates
from tests.testkit.desk.month import BEGINS, DAYS, Ran, desks_of, month_at_the_desk

pytestmark = pytest.mark.slow

STALE_BELOW = 5  # at one desk on any day: ISA-18.2
STALE_MAX = 5  # in the whole city


@pytest.fixture(scope="module")
def ran() -> Ran:
    return month_at_the_desk()


def test_no_desk_is_told_more_than_it_can_bear(ran: Ran) -> None:
    period = Period(BEGINS, BEGINS + DAYS * DAY_S)
    busiest = 0
    for desk in desks_of(ran.month):
        found = rates([n for n in ran.notices if n.desk == desk.id], desk.id, period)
        assert found.mean <= 1, desk.id
        assert found.above < 0.01, desk.id
        assert found.floods == [], desk.id
        busiest = max(busiest, found.notices)
    assert busiest > 100


def test_of_what_was_told_nothing_chatters_and_nothing_was_over_at_once(ran: Ran) -> None:
    called = [n for n in ran.notices if n.withheld is None and n.reason in {"new", "over"}]
    spans: dict[str, list[Span]] = {}
    for desk in desks_of(ran.month):
        open_since: dict[str, int] = {}
        for notice in called:
            if notice.desk != desk.id or not notice.alarm:
                continue
            at_s = int(datetime.fromisoformat(notice.at).timestamp())
            if notice.reason == "new":
                open_since.setdefault(notice.alarm, at_s)
            elif notice.alarm in open_since:
                span = Span(notice.alarm, open_since.pop(notice.alarm), at_s)
                spans.setdefault(desk.id, []).append(span)
        spans.setdefault(desk.id, []).extend(Span(a, s, None) for a, s in open_since.items())
    assert sum(map(len, spans.values())) > 500
    assert {desk: found for desk, some in spans.items() if (found := chattering(some))} == {}
    assert {desk: found for desk, some in spans.items() if (found := fleeting(some))} == {}


def test_alarms_that_stand_for_more_than_a_day_are_few_and_no_incident_is_left(ran: Ran) -> None:
    assert max(ran.stale_at_desk) < STALE_BELOW
    assert max(ran.stale) <= STALE_MAX
    assert sum(ran.stale) > 0, "idle: nothing stood for long"
    assert ran.left < 20


def test_every_line_and_incident_that_ends_is_told_to_have_ended(ran: Ran) -> None:
    reasons: dict[str, set[str]] = {}
    for notice in ran.notices:
        reasons.setdefault(notice.incident, set()).add(notice.reason)
    ended = [name for name, some in reasons.items() if some & {"over", "merged"}]
    assert len(ended) > 0.7 * len(reasons)
    assert ran.kinds["incident"] > 0
    assert ran.kinds["current"] > 0


def test_what_is_kept_back_has_a_reason(ran: Ran) -> None:
    kept = Counter(notice.withheld.by for notice in ran.notices if notice.withheld)
    assert sum(kept.values()) > 1_000
    assert kept.keys() <= {
        "budget", "chattering", "fleeting", "daily list", "duplicate", "inhibited",
    }  # fmt: skip
