"""What cannot be done is refused with its reason, and nothing is changed."""

from typing import Any

import msgspec
import pytest

from alarms.lifecycle.alarm_state import AlarmAnswers, AnswerRules, Who
from alarms.lifecycle.judging import CommandChecks
from alarms.lifecycle.maintenance import WorkOrders
from alarms.lifecycle.ticket_rules import TicketRules
from alarms.lifecycle.tickets import Tickets
from contracts.catalogue import Where
from contracts.commands.concern import Concern
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
    Reset,
)
from contracts.desk.incident import Impact, Situation
from tests.alarms.lifecycle.made import GAS, START_S, WATER, ZONE, revision

LOW, LOST, GUARD, LONE = (f"a-{number:016x}" for number in range(1, 5))
BURST, QUIET, LINE, NOWHERE = (f"i-{number:016x}" for number in range(1, 5))
WHERE = Where("Pudong", "Lujiazui", "", "", None, None)


class Incidents:
    """Two incidents, and the line of a single alarm."""

    def __init__(self) -> None:
        self.alarms = {BURST: [LOW, LOST, GUARD], QUIET: [], LINE: [LONE]}

    def knows(self, incident: str) -> bool:
        return incident in self.alarms

    def of_alarm(self, alarm: str) -> str | None:
        return next((name for name, alarms in self.alarms.items() if alarm in alarms), None)

    def alarms_of(self, incident: str) -> list[str]:
        return self.alarms[incident]

    def situation(self, incident: str) -> Situation:
        fields: dict[str, Any] = dict.fromkeys(Situation.__struct_fields__, "")
        fields |= {"impact": Impact(0, 0, 0, []), "where": WHERE, "members": []}
        return Situation(**fields | {"id": incident, "lifelines": ["power", "water"]})


class Bench:
    def __init__(self) -> None:
        self.answers = AlarmAnswers(AnswerRules(), ZONE)
        for id_, channel in ((LOW, WATER), (LOST, f"{WATER}.2"), (LONE, f"{WATER}.3")):
            self.answers.take(revision(1, id=id_, channel=channel), START_S)
        guard: dict[str, Any] = {"channel": GAS, "life_safety": True}
        self.answers.take(revision(1, id=GUARD, **guard), START_S)
        self.answers.take(revision(2, "cleared", id=GUARD, **guard), START_S)
        self.tickets = Tickets(TicketRules(auto_close=None), ZONE)
        self.tickets.open(BURST, START_S, life_safety=True)
        self.tickets.open(QUIET, START_S, life_safety=False)
        self.orders = WorkOrders()
        self.checks = CommandChecks(
            self.answers, self.tickets, self.orders, Incidents(), {"water", "power"}
        )

    def state(self) -> bytes:
        parts = (self.answers, self.tickets, self.orders)
        return msgspec.json.encode([part.state() for part in parts])

    def says(self, command: DeskCommand) -> str:
        before = self.state()
        ground = self.checks.ground(command, START_S + 60)
        assert self.state() == before
        if ground is None:
            return "fits"
        assert ground[1].startswith("expected ")
        assert "; " in ground[1]
        return ground[0]

    def acknowledge(self, *alarms: str) -> None:
        for alarm in alarms:
            self.answers.acknowledge(alarm, Who("li.wei"), START_S)


def by(kind: Any, target: str = "", **fields: Any) -> Any:
    return kind(by="li.wei", **({"target": target} if target else {}), **fields)


def works(order: str = "w-1", *assets: str, ends_s: int = 900) -> Maintenance:
    begins = START_S * 1000
    ends = (START_S + ends_s) * 1000
    assets = assets or ("water.a",)
    return Maintenance(by="li.wei", order=order, assets=list(assets), begins=begins, ends=ends)


FITTING = {
    "acknowledge an alarm": by(Acknowledge, LOW),
    "acknowledge an incident": by(Acknowledge, BURST),
    "acknowledge an incident whose alarms are over": by(Acknowledge, QUIET),
    "comment on an alarm": by(Comment, LOW),
    "assign an incident by one of its alarms": by(Assign, LOW, owner="water"),
    "advance a ticket": by(Advance, BURST, to="verified"),
    "judge an alarm": by(Judge, LONE, verdict="false"),
    "move an alarm": by(Move, LOW, to=QUIET),
    "move an alarm into one of its own": by(Move, LOW),
    "report": by(Report, asset="a", colour="red", lifeline="water"),
    "report to an incident": by(Report, BURST, asset="a", colour="red", lifeline="water"),
    "maintain": works("w-1", "water.a", "power.b"),
    "drill": by(Drill, on=True),
}
UNFIT = {
    "acknowledge an alarm that never was": (by(Acknowledge, "a-00000000000000ff"), "unknown_alarm"),
    "acknowledge an unknown incident": (by(Acknowledge, NOWHERE), "unknown_incident"),
    "comment on an unknown incident": (by(Comment, NOWHERE), "unknown_incident"),
    "judge an unknown alarm": (by(Judge, "a-00000000000000ff", verdict="true"), "unknown_alarm"),
    "confirm before": (by(Confirm, LOW), "not_acknowledged"),
    "confirm an incident before": (by(Confirm, BURST), "not_acknowledged"),
    "confirm what is over": (by(Confirm, QUIET), "wrong_state"),
    "reset an active alarm": (by(Reset, LOW), "wrong_state"),
    "let go unseen of what lives hang on": (by(Reset, GUARD), "not_acknowledged"),
    "let go unseen in an incident": (by(Reset, BURST), "not_acknowledged"),
    "close without a check": (by(Close, BURST, verdict="true"), "not_checked"),
    "close by an alarm": (by(Close, LOW, verdict="true"), "not_checked"),
    "close a line": (by(Close, LONE, verdict="true"), "no_ticket"),
    "assign a line": (by(Assign, LINE, owner="x"), "no_ticket"),
    "skip a state": (by(Advance, BURST, to="contained"), "wrong_state"),
    "move an incident": (by(Move, BURST, to=QUIET), "wrong_target"),
    "move to where nothing is": (by(Move, LOW, to=NOWHERE), "unknown_incident"),
    "move to where it is": (by(Move, LOW, to=BURST), "wrong_state"),
    "move what is alone out": (by(Move, LONE), "wrong_state"),
    "report on an unknown lifeline": (
        by(Report, asset="a", colour="red", lifeline="gas"),
        "unknown_lifeline",
    ),
    "report to an unknown alarm": (
        by(Report, "a-00000000000000ff", asset="a", colour="red", lifeline="water"),
        "unknown_alarm",
    ),
    "maintain an asset without a lifeline": (works("w-1", "a"), "unknown_lifeline"),
    "maintain a window that ends first": (works(ends_s=-5), "bad_window"),
    "maintain for half a year": (works(ends_s=180 * 86_400), "bad_window"),
}


@pytest.mark.parametrize("name", FITTING)
def test_what_can_be_done_is_let_through(name: str) -> None:
    assert Bench().says(FITTING[name]) == "fits"


@pytest.mark.parametrize("name", UNFIT)
def test_what_cannot_be_done_is_refused(name: str) -> None:
    command, reason = UNFIT[name]
    assert Bench().says(command) == reason


def test_what_is_done_is_not_done_twice() -> None:
    bench = Bench()
    bench.acknowledge(LOW)
    assert bench.says(by(Acknowledge, LOW)) == "wrong_state"
    assert bench.says(by(Confirm, LOW)) == "fits"
    bench.answers.confirm(LOW, Who("li.wei"), START_S)
    assert bench.says(by(Confirm, LOW)) == "wrong_state"
    bench.acknowledge(LOST, GUARD)
    assert bench.says(by(Acknowledge, BURST)) == "fits"  # its ticket says nothing of that yet
    bench.tickets.apply(BURST, by(Acknowledge, BURST), START_S)
    assert bench.says(by(Acknowledge, BURST)) == "wrong_state"
    assert bench.says(by(Reset, BURST)) == "fits"


def test_nothing_goes_into_a_closed_incident() -> None:
    bench = Bench()
    bench.tickets.apply(QUIET, by(Close, QUIET, verdict="false"), START_S)
    assert bench.says(by(Move, LOW, to=QUIET)) == "wrong_state"


def test_an_incident_stands_for_its_open_alarms() -> None:
    bench = Bench()
    assert bench.checks.targets(BURST) == [LOW, LOST, GUARD]
    assert bench.checks.targets(LOW) == [LOW]
    assert bench.checks.targets(QUIET) == bench.checks.targets(NOWHERE) == []


EVERYWHERE = frozenset({"Pudong", "Lujiazui", ""})
BOTH = frozenset({"water", "power"})


@pytest.mark.parametrize(
    ("command", "concern"),
    [
        (by(Acknowledge, BURST), Concern(BOTH, EVERYWHERE)),
        (by(Acknowledge, LOW), Concern(BOTH, EVERYWHERE)),
        (by(Report, asset="a", colour="red", lifeline="water"), Concern(frozenset({"water"}))),
        (works("w-1", "water.a", "water.b"), Concern(frozenset({"water"}))),
        (works("w-1", "water.a", "power.b"), Concern()),
        (by(Drill, on=True), Concern()),
        (by(Acknowledge, NOWHERE), Concern()),
    ],
)
def test_it_is_known_what_a_command_concerns(command: DeskCommand, concern: Concern) -> None:
    assert Bench().checks.concern(command) == concern
