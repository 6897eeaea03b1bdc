"""However much opens, falls due or is answered at once, others get their turn between alarms."""

from collections.abc import Sequence
from typing import Any

import pytest

from alarms.deadlines import FIRED_AT_ONCE
from alarms.desk import AlarmDesk, DeskParts
from alarms.duty.duty import Duty, Fired
from alarms.duty.plan import default_plan
from alarms.incidents.grouping import Incidents
from alarms.incidents.topology import Topology
from alarms.lifecycle.alarm_state import AlarmAnswers, AnswerRules, Taken, Who
from alarms.lifecycle.maintenance import WorkOrders
from alarms.lifecycle.ticket_rules import TicketRules
from alarms.lifecycle.tickets import Tickets
from contracts.alarm import Alarm, encode_alarm
from contracts.desk.answer import Answer
from contracts.desk.commands import Acknowledge
from contracts.desk.incident import Situation
from contracts.desk.journal import DeskEntry, DeskTick, Took
from contracts.ports.alarm_source import AlarmRecord
from contracts.ports.lane_log import Message
from contracts.topics import TopicNames
from pipeline.desk.desk_lane import DeskLane
from tests.alarms.incidents.cities import BEGIN_S, ZONE, Rings, topology
from tests.alarms.test_desk import LIFELINES, QUIET, said

pytestmark = pytest.mark.slow

MANY = 500
WORK_A_TURN = 40  # twenty alarms, each taken and its incident told


class Counted:
    """Counts what is done since somebody asked last: alarms taken, answered, incidents told."""

    def __init__(self) -> None:
        self.done = self.whole = 0

    def add(self, count: int = 1) -> None:
        self.done += count
        self.whole += count


def counted(city: Topology, work: Counted) -> AlarmDesk:
    """A desk whose work is counted."""

    class Told(Incidents):
        def situation(self, incident: str) -> Situation:
            work.add()
            return super().situation(incident)

    class Answered(AlarmAnswers):
        def take(self, alarm: Alarm, time_s: int) -> Taken | None:
            work.add()
            return super().take(alarm, time_s)

        def acknowledge(self, alarm_id: str, who: Who, time_s: int) -> Answer:
            work.add()
            return super().acknowledge(alarm_id, who, time_s)

    class People(Duty):
        def advance(self, *args: Any, **more: Any) -> list[Fired]:
            fired = super().advance(*args, **more)
            assert len(fired) <= FIRED_AT_ONCE
            return fired

    return AlarmDesk(
        DeskParts(
            config="c0ffee",
            zone=ZONE,
            lifelines=LIFELINES,
            incidents=Told(city, ZONE),
            answers=Answered(AnswerRules(), ZONE),
            tickets=Tickets(TicketRules(), ZONE),
            orders=WorkOrders(),
            duty=People(default_plan(ZONE)),
        )
    )


class Stage:
    """A desk stage, and the most that it did in one turn."""

    def __init__(self, city: Topology) -> None:
        self.work = Counted()
        stage = counted(city, self.work)
        self.lane = DeskLane(TopicNames(), lambda _: stage, stage)
        self.most = 0
        self.told: list[Message] = []

    def take(self, alarms: Sequence[Alarm]) -> None:
        """Let alarms come in one poll."""
        records = [AlarmRecord("water-0", n, 0, encode_alarm(a)) for n, a in enumerate(alarms)]
        self.step(DeskEntry(Took({"water-0": (0, len(alarms))})), records)

    def step(self, entry: DeskEntry, records: Sequence[AlarmRecord] = ()) -> None:
        """One step, turn by turn."""
        self.work.done = 0
        for _ in self.lane.applying(entry, records):
            self.most = max(self.most, self.work.done)
            self.work.done = 0
        self.most = max(self.most, self.work.done)
        self.told += self.lane.outbox.take()


def storm(ring: Rings) -> list[Alarm]:
    """Orange alarms of assets that have nothing to do with each other."""
    return [ring(f"water.p{number}", colour="orange") for number in range(MANY)]


def test_alarms_that_open_at_once_are_taken_some_at_a_time() -> None:
    stage = Stage(QUIET)
    stage.take(storm(Rings()))
    assert stage.work.whole >= 2 * MANY
    assert stage.most <= WORK_A_TURN


def test_clocks_that_fall_due_at_once_fire_some_at_a_time() -> None:
    stage = Stage(QUIET)
    stage.take(storm(Rings()))
    stage.most, stage.work.whole = 0, 0
    stage.step(DeskEntry(DeskTick(BEGIN_S + 3_600)))
    assert stage.work.whole >= 3 * MANY
    assert stage.most <= WORK_A_TURN


@pytest.fixture
def feeder() -> tuple[Stage, str]:
    """A feeder with all that it feeds in one incident, and that incident's id."""
    names = [f"water.p{number}" for number in range(MANY)]
    stage = Stage(topology(*(("power.f0", "feeds", name) for name in names)))
    ring = Rings()
    stage.take([ring("power.f0", colour="red"), *(ring(name, 5) for name in names)])
    stage.most = 0
    return stage, "i-0000000000000001"


def test_an_incident_is_answered_some_alarms_at_a_time(feeder: tuple[Stage, str]) -> None:
    stage, incident = feeder
    stage.work.whole = 0
    stage.step(DeskEntry(said(Acknowledge, incident), 1))
    assert stage.work.whole > MANY
    assert stage.most <= WORK_A_TURN


def test_turns_tell_what_is_told_at_once() -> None:
    alarms = storm(Rings())
    stage, whole = Stage(QUIET), counted(QUIET, Counted())
    stage.take(alarms)
    stage.step(DeskEntry(DeskTick(BEGIN_S + 3_600)))
    expected = [message for alarm in alarms for message in whole.take(alarm)]
    assert stage.told == expected + whole.advance(BEGIN_S + 3_600)
    assert stage.lane.desk.state() == whole.state()
