"""The desk as one: what comes of alarms, answers and time, whatever is cut, kept or begun anew."""

import itertools
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest

from alarms.desk import AlarmDesk, DeskParts
from alarms.desk_text import whole
from alarms.duty.duty import Duty
from alarms.duty.kpi import Period
from alarms.duty.plan import DutyPlan, default_plan
from alarms.incidents.grouping import Incidents
from alarms.incidents.topology import Topology
from alarms.lane_stopped import StoppedLane, lane_stopped_alarm
from alarms.lifecycle import tickets
from alarms.lifecycle.alarm_state import AlarmAnswers, AnswerRules
from alarms.lifecycle.maintenance import WorkOrders
from alarms.lifecycle.ticket_rules import TicketRules
from alarms.lifecycle.tickets import Tickets
from contracts.alarm import Alarm, ShelvingRecord, decode_alarm
from contracts.desk.answer import CurrentAlarm, ShelvedBy
from contracts.desk.commands import (
    Acknowledge,
    Advance,
    Assign,
    Close,
    Comment,
    Confirm,
    DeskCommand,
    Drill,
    Judge,
    Maintenance,
    Move,
    Report,
)
from contracts.desk.incident import Incident
from contracts.desk.notice import Notice
from contracts.errors import BrokersAway
from contracts.ports.lane_log import Message
from operate.desk.labels import labels_of
from tests.alarms.incidents.cities import BEGIN_S, ZONE, Rings, again, cleared, topology
from tests.alarms.incidents.test_feeder import city, trip

pytestmark = pytest.mark.slow

LIFELINES = ("power", "elevator", "water", "telecom", "metro", "gas")
QUIET = Topology([], [], topology().correlation)


def desk(
    city: Topology = QUIET, plan: DutyPlan | None = None, rules: AnswerRules | None = None
) -> AlarmDesk:
    return AlarmDesk(
        DeskParts(
            config="c0ffee",
            zone=ZONE,
            lifelines=LIFELINES,
            incidents=Incidents(city, ZONE),
            answers=AlarmAnswers(rules or AnswerRules(), ZONE),
            tickets=Tickets(TicketRules(), ZONE),
            orders=WorkOrders(),
            duty=Duty(plan or default_plan(ZONE)),
        )
    )


def decoded(told: list[Message], kind: str, as_type: type[Any]) -> list[Any]:
    return [msgspec.json.decode(m.body, type=as_type) for m in told if m.kind == kind and m.body]


def notices(told: list[Message]) -> list[Notice]:
    return decoded(told, "notice", Notice)


def incidents(told: list[Message]) -> list[Incident]:
    return decoded(told, "incident", Incident)


def currents(told: list[Message]) -> list[CurrentAlarm]:
    return decoded(told, "current", CurrentAlarm)


def said(kind: type[DeskCommand], target: str = "", by: str = "li.wei", **more: Any) -> DeskCommand:
    if target:
        more["target"] = target
    return kind(by=by, role="duty", id=f"c-{next(_COUNT)}", **more)


_COUNT = itertools.count()
Step = Callable[[AlarmDesk], list[Message]]


def test_an_orange_alarm_is_told_acknowledged_worked_on_and_closed() -> None:
    ring, stage = Rings(), desk()
    alarm = ring("power.f7", colour="orange")
    told = stage.take(alarm)
    (incident,), (current,) = incidents(told), currents(told)
    assert incident.reason == "new"
    assert incident.ticket.state == "registered"
    assert not incident.ticket.acknowledged
    assert incident.clocks
    assert (current.incident, current.answer.state) == (incident.id, "unacknowledged")
    assert [n.withheld for n in notices(told)] == [None]
    told = stage.obey(said(Acknowledge, incident.id))
    (current,) = currents(told)
    assert (current.answer.state, current.answer.by) == ("acknowledged", "li.wei")
    assert incidents(told)[0].ticket.acknowledged
    assert not notices(stage.advance(stage.time_s + 3_600 - 1_801))  # nobody is asked again
    for to, by in (("verified", "a"), ("dispatched", "a"), ("on site", "b"), ("fed back", "b")):
        command = said(Advance, incident.id, by, to=to)
        assert stage.judge(command) is None
        assert incidents(stage.obey(command))[0].ticket.state == to
    assert stage.judge(said(Close, incident.id, verdict="true")) is not None
    assert stage.judge(said(Advance, incident.id, "b", to="checked")) is not None
    told = stage.take(again(cleared(alarm), detected=alarm.detected))
    assert [m.body for m in told if m.kind == "current"] == [b""]
    stage.obey(said(Advance, incident.id, "c", to="checked"))
    (closed,) = incidents(stage.obey(said(Close, incident.id, "c", verdict="true")))
    assert (closed.ticket.state, closed.ticket.verdict) == ("closed", "true")
    assert stage.counts() == {"alarms": 0, "incidents": 0}


def test_what_is_said_of_a_closed_incident_is_told_and_makes_another_label() -> None:
    ring, stage = Rings(), desk()
    alarm = ring("power.f7", colour="orange")
    told = stage.take(alarm)
    name = incidents(told)[0].id
    told += stage.obey(said(Acknowledge, name))
    told += stage.take(again(cleared(alarm), detected=alarm.detected))
    told += stage.advance(stage.time_s + 7_200)
    closed = incidents(told)[-1]
    assert (closed.ticket.state, closed.ticket.verdict) == ("closed", "unknown")
    assert stage.counts() == {"alarms": 0, "incidents": 0}
    state = msgspec.json.decode(msgspec.json.encode(stage.state()))
    anew = desk()
    anew.restore(state)
    verdict = said(Judge, name, "chen.yu", verdict="false", reason="a bird")
    assert anew.judge(verdict) is None
    (judged,) = incidents(anew.obey(verdict))
    assert (judged.revision, judged.reason) == (closed.revision + 1, "ticket")
    assert (judged.ticket.state, judged.ticket.verdict) == ("closed", "false")
    assert (judged.ticket.history[-1].by, judged.situation) == ("chen.yu", closed.situation)
    (noted,) = incidents(anew.obey(said(Comment, name, "wang.fang", reason="nest removed")))
    assert (noted.revision, noted.ticket.verdict) == (closed.revision + 2, "false")
    (label,) = labels_of([*incidents(told), judged, noted], Period(0, 1 << 40))
    assert label.verdict == "nuisance"
    assert anew.counts() == {"alarms": 0, "incidents": 0}


def test_closed_incidents_are_remembered_no_longer_than_their_tickets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tickets, "CLOSED_MAX", 1)
    ring, stage, names = Rings(), desk(), []
    for asset in ("power.f7", "power.f8"):
        alarm = ring(asset, colour="orange")
        names.append(incidents(stage.take(alarm))[0].id)
        stage.obey(said(Acknowledge, names[-1]))
        stage.take(again(cleared(alarm), detected=alarm.detected))
        stage.advance(stage.time_s + 7_200)
    first, second = (said(Judge, name, verdict="true") for name in names)
    assert stage.judge(first) is not None
    assert len(incidents(stage.obey(second))) == 1
    assert list(stage.state()["closed"]["told"]) == names[1:]


def test_who_shelved_it_why_and_until_when_is_told_with_the_alarm() -> None:
    ring, stage = Rings(), desk()
    alarm = ring("power.f7")
    stage.take(alarm)
    stage.take(again(alarm, state="shelved"))
    times = ("2026-03-01T08:00:00+08:00", "2026-03-01T09:00:00+08:00")
    record = ShelvingRecord(
        alarm.channel, "power", "shelved", *times, "li.wei", "duty", "tests", "c-1", once=True
    )
    (current,) = currents(stage.shelved(record))
    assert current.answer.state == "shelved"
    assert current.answer.shelving == ShelvedBy("li.wei", "duty", "tests", *times, once=True)
    assert "shelved by li.wei, until it is over" in "\n".join(whole(current))
    state = msgspec.json.decode(msgspec.json.encode(stage.state()))
    anew = desk()
    anew.restore(state)
    shown = again(again(alarm), state="active")
    (current,) = currents(anew.take(shown))
    assert current.answer.shelving is None
    assert anew.shelved(msgspec.structs.replace(record, state="shown")) == []
    (current,) = currents(anew.take(again(shown, state="shelved")))
    assert current.answer.shelving is None
    (current,) = currents(stage.take(again(again(again(alarm)), state="shelved", colour="orange")))
    assert current.answer.shelving is not None


def test_a_notice_that_a_shelving_keeps_back_says_until_when() -> None:
    ring, stage = Rings(), desk()
    alarm = ring("power.f7")
    times = ("2026-03-01T03:00:00+08:00", "2026-03-01T09:00:00+08:00")
    who = ("li.wei", "duty", "tests", "c-1")
    stage.shelved(ShelvingRecord(alarm.channel, "power", "shelved", *times, *who))
    told = notices(stage.take(msgspec.structs.replace(alarm, state="shelved")))
    assert {(n.withheld.by, n.withheld.until) for n in told if n.withheld} == {
        ("shelved", times[1])
    }


def test_what_lives_hang_on_is_closed_by_two_people_once_it_is_quiet_and_never_by_itself() -> None:
    ring, stage = Rings(), desk()
    alarm = ring("gas.p7", colour="red", life_safety=True)
    (incident, *_) = incidents(stage.take(alarm))
    stage.obey(said(Acknowledge, incident.id))
    for to, by in (("dispatched", "a"), ("on site", "a"), ("fed back", "a"), ("checked", "b")):
        stage.obey(said(Advance, incident.id, by, to=to))
    ground = stage.judge(said(Close, incident.id, "b", verdict="true"))
    assert ground is not None
    assert ground[0] == "still_active"
    stage.take(again(cleared(alarm), detected=alarm.detected))
    stage.advance(stage.time_s + 30 * 86_400)
    assert stage.counts()["incidents"] == 1
    assert stage.judge(said(Close, incident.id, "b", verdict="true")) is None
    stage.obey(said(Close, incident.id, "b", verdict="true"))
    assert stage.counts()["incidents"] == 0


def test_who_does_not_answer_is_gone_past_and_once_only() -> None:
    ring, stage = Rings(), desk()
    stage.take(ring("power.f7", colour="red"))
    fired = []
    for _ in range(10):
        fired += [n for n in notices(stage.advance(stage.time_s + 60)) if n.reason == "escalated"]
    assert len(fired) == 1


def test_what_is_under_repair_is_told_to_nobody_and_rings_when_the_order_is_over() -> None:
    ring, stage = Rings(), desk()
    stage.take(ring("power.f0"))
    now_ms = 1000 * stage.time_s
    order = said(
        Maintenance, order="WO-1", assets=["power.f7"], begins=now_ms, ends=now_ms + 3_600_000
    )
    assert stage.judge(order) is None
    stage.obey(order)
    told = stage.take(ring("power.f7", colour="orange"))
    assert {n.withheld and n.withheld.by for n in notices(told)} == {"maintenance"}
    assert currents(told)[0].answer.state == "out of service"
    told = stage.advance(stage.time_s + 3_601)
    assert any(n.withheld is None and n.reason == "new" for n in notices(told))
    assert [c.answer.state for c in currents(told)] == ["unacknowledged"]


@pytest.mark.parametrize("seen", [False, True], ids=["unseen", "acknowledged"])
def test_what_ends_while_it_is_under_repair_leaves_unheard(*, seen: bool) -> None:
    ring, stage = Rings(), desk()
    stage.take(ring("power.f0"))
    now_ms = 1000 * stage.time_s
    window: dict[str, Any] = {"begins": now_ms, "ends": now_ms + 3_600_000}
    stage.obey(said(Maintenance, order="WO-1", assets=["power.f7"], **window))
    alarm = ring("power.f7", colour="orange")
    stage.take(alarm)
    if seen:
        stage.obey(said(Acknowledge, alarm.id))
    told = stage.take(cleared(alarm))
    assert [m.body for m in told if m.key == alarm.id.encode()] == [b""]
    assert stage.counts()["alarms"] == 1
    stage.advance(stage.time_s + 3_601)


def test_what_a_person_found_is_an_alarm_until_a_person_says_it_is_over() -> None:
    stage = desk()
    told = stage.obey(
        said(Report, asset="cover-12", colour="orange", lifeline="water", reason="cover is gone")
    )
    (current,) = currents(told)
    assert "cover is gone" in current.alarm.say["en"]
    assert incidents(told)
    stage.obey(said(Acknowledge, current.alarm.id))
    told = stage.obey(said(Confirm, current.alarm.id))
    assert [m.body for m in told if m.kind == "current"][-1] == b""
    assert stage.counts()["alarms"] == 0


def test_what_a_person_found_out_about_an_incident_is_on_its_record() -> None:
    ring, stage = Rings(), desk()
    told = stage.take(ring("power.f7", colour="orange"))
    (incident,) = incidents(told)
    found = said(
        Report, incident.id, asset="f7", colour="red", lifeline="power", reason="pole is down"
    )
    assert stage.judge(found) is None
    told = stage.obey(found)
    (newest,) = incidents(told)
    step = newest.ticket.history[-1]
    assert (step.what, step.by, step.reason) == ("report", "li.wei", "pole is down")
    assert currents(told) == []


def test_two_rules_that_ring_of_one_channel_at_one_second_are_one_line() -> None:
    ring, stage = Rings(), desk()
    first = notices(stage.take(ring("power.f7", rule="limit")))
    assert len([n for n in first if n.withheld is None]) == 1
    again_told = stage.take(ring("power.f7", rule="seasonal"))
    assert [n for n in notices(again_told) if n.withheld is None] == []
    assert len({one.incident for one in currents(again_told)}) == 1


def test_the_first_alarm_of_an_incident_says_that_it_is() -> None:
    ring, stage = Rings(), desk()
    (first,) = currents(stage.take(ring("power.f7", channel="power.f7.a")))
    (second,) = currents(stage.take(ring("power.f7", 90, channel="power.f7.b")))
    assert first.incident == second.incident
    assert (first.answer.first_in_group, second.answer.first_in_group) == (True, False)


def test_brokers_that_are_away_from_all_lanes_are_one_notice_for_a_desk() -> None:
    stage, heard = desk(), Counter[str]()
    for at_s, lane in enumerate(f"{line}-{n}" for line in ("water", "power") for n in range(8)):
        lifeline, _, number = lane.partition("-")
        place = StoppedLane(lifeline, lane, f"tocsin.telemetry.{lifeline}", int(number), ZONE)
        began_ms = 1_000 * (BEGIN_S + at_s)
        error = BrokersAway(lane, began_ms, began_ms + 90_000)
        for told in notices(
            stage.take(decode_alarm(lane_stopped_alarm(place, error, error.ended_ms).body))
        ):
            heard[told.desk] += told.withheld is None
    assert heard
    assert max(heard.values()) == 1


@pytest.mark.parametrize(
    ("kind", "more", "noted"),
    [
        (Comment, {"reason": "looked at it"}, "looked at it"),
        (Judge, {"verdict": "false", "reason": "sensor wet"}, "verdict: false; sensor wet"),
    ],
)
def test_what_is_said_of_a_single_alarm_is_on_its_record(
    kind: type[DeskCommand], more: dict[str, str], noted: str
) -> None:
    ring, stage = Rings(), desk()
    alarm = ring("power.f7")
    stage.take(alarm)
    command = said(kind, alarm.id, **more)
    assert stage.judge(command) is None
    (current,) = currents(stage.obey(command))
    assert (current.answer.by, current.answer.reason) == ("li.wei", noted)
    assert current.answer.state == "unacknowledged"


def test_a_drill_says_so_on_every_record() -> None:
    ring, stage = Rings(), desk()
    stage.obey(said(Drill, on=True))
    told = stage.take(ring("power.f7", colour="red"))
    marked: list[Any] = [*incidents(told), *notices(told), *currents(told)]
    assert len(marked) >= 3
    assert all(record.drill for record in marked)


def feeder_day() -> list[Step]:
    """The feeder's fall, what people do about it, and its end."""
    steps: list[Step] = []
    chance = np.random.default_rng(5)
    rings = trip(chance)
    moved = rings[500][1].id

    def taking(alarm: Alarm) -> Step:
        return lambda stage: stage.take(alarm)

    def waiting(at_s: int) -> Step:
        return lambda stage: stage.advance(at_s)

    def obeying(command: DeskCommand) -> Step:
        return lambda stage: stage.obey(command) if stage.judge(command) is None else []

    root = rings[0][1].id
    incident = "i" + min((a.onset, a.id) for _, a in rings)[1][1:]
    for place, (second, alarm) in enumerate(rings):
        steps.append(taking(alarm))
        if place % 100 == 50:
            steps.append(waiting(BEGIN_S + second))
        if place == 400:
            steps += [
                obeying(said(Acknowledge, root)),
                obeying(said(Assign, incident, owner="grid dispatch", joint=["li.wei"])),
                obeying(said(Advance, incident, to="dispatched")),
            ]
        if place == 700:
            steps += [obeying(said(Move, moved)), obeying(said(Acknowledge, incident))]
    steps += [taking(cleared(alarm)) for _, alarm in rings]
    steps += [waiting(BEGIN_S + 3_600 * hour) for hour in range(1, 30)]
    return steps


def test_a_feeder_rings_at_most_ten_notices_in_ten_minutes_and_desk() -> None:
    stage, told = desk(city()), []
    for _, alarm in trip(np.random.default_rng(5)):
        told += stage.take(alarm)
    told += stage.advance(BEGIN_S + 600)
    heard = Counter(n.desk for n in notices(told) if n.withheld is None)
    assert sum(heard.values()) <= 10, heard
    gone = {i.id for i in incidents(told) if i.reason == "merged"}
    (name,) = {i.id for i in incidents(told)} - gone
    last = [i for i in incidents(told) if i.id == name][-1]
    assert last.situation.root is not None
    assert last.situation.root.asset == "f0"
    assert last.situation.life_safety is False


@pytest.fixture(scope="module")
def calm() -> tuple[list[Step], list[list[Message]]]:
    steps, stage = feeder_day(), desk(city())
    return steps, [step(stage) for step in steps]


@pytest.mark.parametrize("seed", range(3))
def test_a_desk_that_begins_anew_from_its_state_tells_the_same(
    calm: tuple[list[Step], list[list[Message]]], seed: int
) -> None:
    steps, expected = calm
    chance, stage = np.random.default_rng(seed), desk(city())
    cuts = set(chance.choice(len(steps), 17, replace=False).tolist())
    for place, step in enumerate(steps):
        if place in cuts:
            state = msgspec.json.decode(msgspec.json.encode(stage.state()))
            stage = desk(city())
            assert stage.restore(state) == []
        assert step(stage) == expected[place], place
    assert sum(map(len, expected)) > 2_000, "idle: nothing was told"


def test_every_revision_of_an_incident_is_told_once_and_in_order(
    calm: tuple[list[Step], list[list[Message]]],
) -> None:
    told = [message for some in calm[1] for message in some]
    by_id: dict[str, list[int]] = {}
    for incident in incidents(told):
        by_id.setdefault(incident.id, []).append(incident.revision)
    assert by_id
    for name, revisions in by_id.items():
        assert revisions == list(range(1, len(revisions) + 1)), name
    keys = [notice.id for notice in notices(told)]
    assert len(keys) == len(set(keys))


def test_every_open_alarm_names_the_incident_that_it_is_in(
    calm: tuple[list[Step], list[list[Message]]],
) -> None:
    alarms = len(trip(np.random.default_rng(5)))
    stage, newest = desk(city()), dict[str, CurrentAlarm]()
    for step in calm[0][:alarms]:
        for current in currents(step(stage)):
            newest[current.alarm.id] = current
    gone = {i.id for some in calm[1] for i in incidents(some) if i.reason == "merged"}
    assert gone, "idle: no incident went into another"
    named = Counter(current.incident for current in newest.values())
    assert not gone & named.keys()
    assert max(named.values()) > 0.9 * len(newest)


def test_nothing_stays_open_once_all_is_over_and_answered(
    calm: tuple[list[Step], list[list[Message]]],
) -> None:
    last: dict[bytes, bytes] = {}
    for message in (m for some in calm[1] for m in some if m.kind == "current"):
        last[message.key] = message.body
    stay = [msgspec.json.decode(body, type=CurrentAlarm) for body in last.values() if body]
    assert all(not current.answer.active for current in stay)
