"""A made month, every alarm in the incident that it truly is of: what its desks are told."""

from collections import Counter, deque
from collections.abc import Iterator
from datetime import datetime

import pytest

from alarms.duty.case import Facts
from alarms.duty.desks import Desk
from alarms.duty.duty import Duty
from alarms.duty.kpi import DAY_S, Period, Rates, Span, chattering, rates
from contracts.alarm import Alarm
from contracts.desk.incident import Impact, Member, Situation, Why
from contracts.desk.notice import Notice
from contracts.transition import RINGING
from lab.generators.alarm_city import AlarmCity, AlarmMonth, Told, make
from tests.alarms.duty.city import at
from tests.testkit.desk.month import desks_of, plan_of_desks

pytestmark = pytest.mark.slow

BEGINS = at("2026-03-02T00:00")
PERIOD = Period(BEGINS, BEGINS + 30 * DAY_S)
CHATTER = 3  # activations within a minute
ACKNOWLEDGED_S = 240  # after which people answer, in this month


class Truth:
    """Incidents as they truly are; what chatters rings as a line each time, as lanes tell it."""

    def __init__(self, month: AlarmMonth) -> None:
        self._month = month
        self._active: dict[str, dict[str, str]] = {}
        self._worst: dict[str, str] = {}
        self._first: dict[str, Alarm] = {}
        self._rang: dict[str, deque[int]] = {}

    def take(self, told: Told) -> tuple[Situation, str, Facts] | None:
        """What the change of an alarm is to its incident; None when nobody would be told."""
        event, alarm = self._month.events[told.event], told.alarm
        alone = event.kind == "chattering"
        name = f"i-{alarm.id[2:]}" if alone else f"i-{told.event:016x}"
        active = self._active.setdefault(name, {})
        before = max(active.values(), key=RINGING.index, default="")
        new = name not in self._first
        first = self._first.setdefault(name, alarm)
        if alarm.state == "cleared":
            active.pop(alarm.id, None)
        else:
            active[alarm.id] = alarm.colour
        colour = max(active.values(), key=RINGING.index, default="")
        if not new and colour == before:
            return None
        reason = "new" if new else "over" if not colour else "colour" if before else "new"
        incident = _situation(name, first, colour or before, over=not colour, alone=alone)
        return incident, reason, Facts(chattering=self._chatters(told))

    def _chatters(self, told: Told) -> bool:
        rang = self._rang.setdefault(told.alarm.channel, deque(maxlen=CHATTER))
        if told.alarm.revision == 1:
            rang.append(told.at_s)
        return len(rang) == CHATTER and rang[-1] - rang[0] < 60


def _situation(name: str, first: Alarm, colour: str, *, over: bool, alone: bool) -> Situation:
    member = Member(
        first.id, first.asset, first.channel, first.lifeline, colour, colour, "active",
        first.onset, Why("first"),
    )  # fmt: skip
    return Situation(
        id=name,
        opened=not alone,
        state="over" if over else "active",
        colour=colour,
        worst=colour,
        raised=[],
        title=first.say,
        lifelines=[first.lifeline],
        where=first.where,
        root=None,
        alternatives=[],
        members=[member],
        counts={},
        impact=Impact(0, 0, 0, []),
        next=[],
        redundancy=[],
        onset=first.onset,
        detected=first.detected,
        life_safety=first.life_safety,
    )


def _told(month: AlarmMonth, desks: list[Desk]) -> Iterator[Notice]:
    duty = Duty(plan_of_desks(desks))
    truth = Truth(month)
    answers: deque[tuple[int, str]] = deque()
    for told in [*month.told, None]:
        now_s = told.at_s if told else PERIOD.ends_s
        while answers and answers[0][0] <= now_s:
            answered_s, name = answers.popleft()
            yield from (n for fired in duty.advance(answered_s) for n in fired.notices)
            duty.acknowledged(name, "Li", answered_s)
        yield from (n for fired in duty.advance(now_s) for n in fired.notices)
        change = truth.take(told) if told else None
        if change:
            incident, reason, facts = change
            yield from duty.changed(incident, reason, 1, facts, now_s)  # type: ignore[arg-type]
            answers.append((now_s + ACKNOWLEDGED_S, incident.id))


@pytest.fixture(scope="module")
def month() -> AlarmMonth:
    return make(AlarmCity(20))


@pytest.fixture(scope="module")
def notices(month: AlarmMonth) -> list[Notice]:
    return list(_told(month, desks_of(month)))


@pytest.fixture(scope="module")
def of_desk(month: AlarmMonth, notices: list[Notice]) -> dict[str, Rates]:
    by_desk: dict[str, list[Notice]] = {each.id: [] for each in desks_of(month)}
    for notice in notices:
        by_desk[notice.desk].append(notice)
    return {name: rates(some, name, PERIOD) for name, some in by_desk.items()}


def test_no_desk_is_told_more_than_it_can_bear(of_desk: dict[str, Rates]) -> None:
    for name, found in of_desk.items():
        assert not found.indicative
        assert found.mean <= 1, name
        assert found.above < 0.01, name
        assert found.floods == [], name
    assert max(found.notices for found in of_desk.values()) > 300  # none of it was idle


def test_what_was_kept_back_has_its_reasons_and_stands_in_lists(notices: list[Notice]) -> None:
    kept = Counter(notice.withheld.by for notice in notices if notice.withheld)
    assert kept.keys() == {"budget", "chattering", "daily list"}
    listed = Counter[str]()
    for notice in notices:
        listed[notice.reason] += notice.counts.get("all", 0)
    assert listed["summary"] == kept["budget"]
    assert 0 <= kept["daily list"] - listed["daily list"] < 60  # the last morning's is to come


def test_what_chatters_is_not_told_as_if_it_were_new(notices: list[Notice]) -> None:
    spans = [
        Span(f"{notice.desk} {notice.text['en']}", _second(notice.at), None)
        for notice in notices
        if notice.reason == "new" and not notice.withheld
    ]
    assert len(spans) > 1_000
    assert chattering(spans) == []


def test_a_feeder_with_its_children_is_a_handful_of_notices(
    month: AlarmMonth, notices: list[Notice]
) -> None:
    trips = {
        f"i-{number:016x}": event
        for number, event in enumerate(month.events)
        if event.kind == "feeder trip"
    }
    told = Counter(
        notice.incident
        for notice in notices
        if notice.incident in trips
        and not notice.withheld
        and _second(notice.at) - trips[notice.incident].begins_s <= 600
    )
    alarms = Counter(told.event for told in month.told if told.alarm.revision == 1)
    assert told.keys() == trips.keys()
    assert max(told.values()) <= 10
    assert max(alarms[int(name[2:], 16)] for name in trips) > 10


def test_life_safety_reaches_city_district_and_trade() -> None:
    other = make(AlarmCity(21, lifts=0, sensors=0, gas_points=1_000))
    told = list(_told(other, desks_of(other)))
    red = [notice for notice in told if notice.colour == "red"]
    assert {notice.level for notice in red} == {"street", "district", "city"}
    assert all(notice.withheld is None for notice in red)


def _second(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())
