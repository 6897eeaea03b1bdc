"""Tickets go the ways of their rules: checked by another, and never closed behind a danger."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alarms.lifecycle import tickets as module
from alarms.lifecycle.ticket_rules import TicketRules, TicketState, faults
from alarms.lifecycle.tickets import CLOCK, HISTORY_MAX, HOLD_S_MAX, Tickets
from contracts.desk.commands import (
    Acknowledge,
    Advance,
    Assign,
    Close,
    Comment,
    DeskCommand,
    Judge,
)
from contracts.quantities import Duration
from tests.alarms.lifecycle.made import START_S, ZONE

ID, OTHER = "i-0000000000000001", "i-0000000000000002"


def move(to: str, by: str = "wang.fang", **more: Any) -> Advance:
    return Advance(target=ID, to=to, by=by, **more)


def close(by: str = "li.wei", **more: Any) -> Close:
    return Close(target=ID, by=by, verdict="true", **more)


class Bench:
    """The ticket of one incident, and people who work on it, a minute a step."""

    def __init__(self, *, life_safety: bool = False, rules: TicketRules | None = None) -> None:
        self.tickets = Tickets(rules or TicketRules(auto_close=None), ZONE)
        self.time_s = START_S
        self.tickets.open(ID, START_S, life_safety=life_safety)

    def give(self, command: DeskCommand) -> str:
        self.time_s += 60
        self.tickets.advance(self.time_s)
        if (ground := self.tickets.ground(ID, command, self.time_s)) is not None:
            assert ground[1].startswith("expected ")
            return ground[0]
        self.tickets.apply(ID, command, self.time_s)
        return "done"

    def over(self, *, over: bool = True) -> None:
        self.tickets.over(ID, self.time_s, over=over)

    def passes(self, minutes: float) -> None:
        self.time_s += round(60 * minutes)
        self.tickets.advance(self.time_s)

    def checked(self) -> None:
        for to in ("verified", "dispatched", "on site", "contained", "fed back"):
            assert self.give(move(to)) == "done"
        assert self.give(move("checked", by="zhao.min")) == "done"

    @property
    def state(self) -> str:
        return self.tickets.ticket(ID).state


def test_it_goes_from_registered_to_closed_with_a_verdict_and_every_step_is_kept() -> None:
    bench = Bench()
    bench.checked()
    assert bench.give(close(role="duty", reason="main repaired", id="c-7")) == "done"
    ticket = bench.tickets.ticket(ID)
    assert (ticket.state, ticket.verdict, ticket.steps) == ("closed", "true", 8)
    assert [step.what for step in ticket.history][-2:] == ["checked", "closed: true"]
    last = ticket.history[-1]
    assert (last.at, last.by, last.role, last.reason, last.command) == (
        "2026-03-01T08:07:00+08:00",
        "li.wei",
        "duty",
        "main repaired",
        "c-7",
    )


@pytest.mark.parametrize("by", ["wang.fang", " Wang.Fang "])
def test_nobody_checks_their_own_work(by: str) -> None:
    bench = Bench()
    for to in ("verified", "fed back"):
        assert bench.give(move(to)) == "done"
    assert bench.give(move("checked", by=by)) == "same_person"
    assert bench.give(move("checked", by="zhao.min")) == "done"


def test_nothing_is_closed_without_a_check() -> None:
    bench = Bench()
    for to in ("verified", "fed back"):
        assert bench.give(close()) == "not_checked"
        assert bench.give(move(to)) == "done"
    assert bench.give(close()) == "not_checked"


def test_who_goes_back_on_site_feeds_back_and_is_checked_again() -> None:
    bench = Bench()
    bench.checked()
    assert bench.give(move("on site", by="zhao.min")) == "done"
    assert bench.give(close()) == "not_checked"
    assert bench.give(move("fed back", by="zhao.min")) == "done"
    assert bench.give(move("checked", by="zhao.min")) == "same_person"
    assert bench.give(move("checked", by="wang.fang")) == "done"


def test_where_lives_hang_on_it_nothing_is_closed_while_anything_is_active() -> None:
    bench = Bench(life_safety=True)
    bench.checked()
    assert bench.give(close()) == "still_active"
    bench.over()
    assert bench.give(close()) == "done"


@pytest.mark.parametrize("life_safety", [False, True])
def test_what_is_over_and_acknowledged_closes_by_itself_unless_lives_hang_on_it(
    life_safety: bool,
) -> None:
    rules = TicketRules(auto_close=Duration("30 min"))
    bench = Bench(life_safety=life_safety, rules=rules)
    bench.over()
    bench.passes(600)
    assert bench.state == "registered"  # nobody has seen it
    assert bench.give(Acknowledge(target=ID, by="li.wei")) == "done"
    bench.passes(29)
    assert bench.state == "registered"
    bench.passes(1)
    assert bench.state == ("registered" if life_safety else "closed")
    if not life_safety:
        ticket = bench.tickets.ticket(ID)
        assert (ticket.verdict, ticket.history[-1].by) == ("unknown", CLOCK)


def test_what_people_work_on_does_not_close_by_itself() -> None:
    bench = Bench(rules=TicketRules(auto_close=Duration("1 min")))
    bench.give(Acknowledge(target=ID, by="li.wei"))
    bench.give(move("dispatched"))
    bench.over()
    bench.passes(600)
    assert bench.state == "dispatched"


def test_a_relapse_stops_it_from_closing_by_itself() -> None:
    bench = Bench(rules=TicketRules(auto_close=Duration("30 min")))
    bench.give(Acknowledge(target=ID, by="li.wei"))
    bench.over()
    bench.passes(20)
    bench.over(over=False)
    bench.passes(60)
    bench.over()
    bench.passes(29)
    assert bench.state == "registered"


def test_whoever_stays_too_long_is_overdue_once() -> None:
    bench = Bench()
    assert bench.tickets.ticket(ID).due == "2026-03-01T08:15:00+08:00"
    assert bench.tickets.soonest_s == START_S + 900
    assert bench.tickets.advance(START_S + 899) == []
    assert bench.tickets.advance(START_S + 9000) == [ID]
    assert bench.tickets.advance(START_S + 99_000) == []
    step = bench.tickets.ticket(ID).history[-1]
    assert (step.what, step.at) == ("overdue", "2026-03-01T08:15:00+08:00")
    assert bench.tickets.soonest_s is None


def test_what_is_parked_goes_on_by_itself_where_it_was() -> None:
    bench = Bench()
    bench.give(move("dispatched"))
    until_s = bench.time_s + 7200
    assert bench.give(move("parked", until=until_s * 1000)) == "done"
    assert bench.tickets.ticket(ID).until == "2026-03-01T10:01:00+08:00"
    bench.passes(119)
    assert bench.state == "dispatched"
    assert bench.tickets.ticket(ID).until == ""
    assert bench.give(move("parked", until=(bench.time_s + 3600) * 1000)) == "done"
    assert bench.give(move("dispatched")) == "done"  # somebody does not want to wait
    bench.passes(59)
    assert [step.what for step in bench.tickets.ticket(ID).history][-1] == "dispatched"


@pytest.mark.parametrize("ahead_s", [-60, 0, HOLD_S_MAX + 120])
def test_until_lies_ahead_and_not_too_far(ahead_s: int) -> None:
    bench = Bench()
    assert bench.give(move("parked", until=(START_S + 60 + ahead_s) * 1000)) == "bad_time"
    assert bench.give(move("parked")) == "bad_time"


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (move("repaired"), "unknown_state"),
        (move("contained"), "wrong_state"),
        (move("closed"), "wrong_state"),
        (move("returned"), "no_reason"),
        (move("returned", reason="  "), "no_reason"),
    ],
)
def test_a_step_that_is_not_the_next_one_is_refused(command: Advance, reason: str) -> None:
    bench = Bench()
    before = bench.tickets.state()
    assert bench.give(command) == reason
    assert bench.tickets.state() == before


def test_a_state_may_be_for_some_roles_alone() -> None:
    states = TicketRules().states
    strict = msgspec.structs.replace(states["verified"], by=["officer"])
    bench = Bench(rules=TicketRules(states={**states, "verified": strict}))
    assert bench.give(move("verified", role="visitor")) == "not_permitted"
    assert bench.give(move("verified", role="officer")) == "done"


def test_a_closed_one_takes_remarks_and_verdicts_alone_and_opens_again() -> None:
    bench = Bench()
    bench.checked()
    bench.give(close())
    for command in (
        Acknowledge(target=ID, by="x"),
        Assign(target=ID, by="x", owner="y"),
        move("verified"),
        close(),
    ):
        assert bench.give(command) == "wrong_state"
    assert bench.give(Comment(target=ID, by="x", reason="seen again")) == "done"
    assert bench.give(Judge(target=ID, by="x", verdict="false")) == "done"
    assert bench.tickets.ticket(ID).verdict == "false"
    bench.tickets.open(ID, bench.time_s, life_safety=False)
    ticket = bench.tickets.ticket(ID)
    assert (ticket.state, ticket.verdict, ticket.acknowledged) == ("registered", "", False)
    assert ticket.history[-1].what == "reopened"


def test_it_has_an_owner_and_others_who_work_on_it() -> None:
    bench = Bench()
    bench.give(Assign(target=ID, by="x", owner="district water", joint=["street post"]))
    ticket = bench.tickets.ticket(ID)
    assert (ticket.owner, ticket.joint) == ("district water", ["street post"])


def test_a_merge_carries_the_history_over_and_closes_the_other() -> None:
    bench = Bench()
    bench.give(Acknowledge(target=ID, by="li.wei"))
    bench.tickets.open(OTHER, bench.time_s + 60, life_safety=True)
    bench.tickets.apply(
        OTHER, Assign(target=OTHER, by="x", owner="power", joint=["a"]), bench.time_s + 120
    )
    bench.tickets.merge(OTHER, ID, bench.time_s + 180)
    kept, gone = bench.tickets.ticket(ID), bench.tickets.ticket(OTHER)
    assert [step.what for step in kept.history] == [
        "registered",
        "acknowledged",
        "registered",
        "assigned to power",
        "merged",
    ]
    assert (kept.owner, kept.joint, kept.steps) == ("power", ["a"], 5)
    assert not kept.acknowledged  # nobody had seen the other one
    assert (gone.state, gone.verdict) == ("closed", "duplicate")
    bench.checked()
    assert bench.give(close()) == "still_active"  # lives hang on what came in


def test_histories_are_bounded_and_counted() -> None:
    bench = Bench()
    for number in range(2 * HISTORY_MAX):
        bench.give(Comment(target=ID, by="x", reason=str(number)))
    ticket = bench.tickets.ticket(ID)
    said = [step.reason for step in ticket.history if step.what == "comment"]
    assert (len(ticket.history), said[-1]) == (HISTORY_MAX, str(2 * HISTORY_MAX - 1))
    assert ticket.steps == 2 * HISTORY_MAX + 2  # registered, and overdue once


def test_closed_tickets_are_forgotten_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CLOSED_MAX", 2)
    tickets = Tickets(TicketRules(auto_close=Duration("1 min")), ZONE)
    names = [f"i-{number:016x}" for number in range(4)]
    for name in names:
        tickets.open(name, START_S, life_safety=False)
        tickets.over(name, START_S, over=True)
        tickets.apply(name, Acknowledge(target=name, by="x"), START_S)
    assert tickets.advance(START_S + 60) == names
    assert [name in tickets for name in names] == [False, False, True, True]


@given(st.lists(st.integers(0, 9), max_size=40), st.integers(0, 40))
def test_a_restored_one_goes_on_as_if_nothing_had_been(steps: list[int], cut: int) -> None:
    states = list(TicketRules().states)
    until = (START_S + 5000) * 1000
    whole, restored = (Bench(rules=TicketRules()), Bench(rules=TicketRules()))
    for number, step in enumerate(steps):
        if number == cut:
            restored.tickets.restore(
                msgspec.json.decode(msgspec.json.encode(whole.tickets.state()))
            )
            restored.time_s = whole.time_s
        command: DeskCommand = move(states[step], by=f"p{number}", until=until, reason="r")
        said = whole.give(command)
        if number >= cut:
            assert restored.give(command) == said
            assert restored.tickets.soonest_s == whole.tickets.soonest_s
    if len(steps) > cut:
        assert restored.tickets.state() == whole.tickets.state()


@pytest.mark.parametrize(
    ("states", "said"),
    [
        ({"closed": TicketState()}, "expected one state that means `closed`, got none"),
        ({"verified": TicketState(to=["nowhere"])}, "expected one of the states, got 'nowhere'"),
        ({"verified": TicketState()}, "expected states to follow"),
        ({"verified": TicketState(to=["closed"])}, "expected only the state that means `check`"),
        ({"verified": TicketState(to=["checked"])}, "expected only the state that means `feedba"),
        ({"verified": TicketState(to=["parked"], means="check")}, "got verified, checked; mark"),
    ],
)
def test_rules_that_would_skip_the_check_or_lead_nowhere_are_named(
    states: dict[str, TicketState], said: str
) -> None:
    rules = TicketRules(states={**TicketRules().states, **states})
    assert any(said in text for _, text in faults(rules))
