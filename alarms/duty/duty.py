"""Desks at work: incidents change, people answer, clocks fire."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from alarms.copies.records import Records, copies_of
from alarms.copies.table import Table
from alarms.deadlines import ALL, Deadlines
from alarms.duty.annunciator import Annunciator
from alarms.duty.case import TOLD, Case, Facts, case_from, case_of
from alarms.duty.clocks import Clock, ClockRule, seconds
from alarms.duty.desks import Desk
from alarms.duty.heartbeats import Heartbeats
from alarms.duty.notices import Call
from alarms.duty.plan import DutyPlan
from alarms.performance.counts import Counts
from alarms.wording import clock as rfc3339
from contracts.desk.incident import ClockState, Reason, Responsibility, Situation
from contracts.desk.notice import Notice, NoticeReason, Withheld
from contracts.ports.desk import SlicedCopy
from contracts.quantities import NS_PER_S
from contracts.transition import RINGING

# Open incidents and lines that are remembered; beyond it the oldest is let go, its clocks with it.
# The stage is measured with 100,000 open alarms, each of which may be a line of its own.
CASES_MAX: Final = 250_000
OWNERS_MAX: Final = 20  # hand-overs that a hand-back can go back by
# What a change of an incident is to its desks; of more members and ticket states nobody is told.
TOLD_AS: Final[dict[Reason, NoticeReason]] = {
    "new": "new",
    "merged": "merged",
    "split": "split",
    "colour": "colour",
    "root": "root",
    "lifeline": "lifeline",
    "impact": "impact",
    "over": "over",
    "reminder": "reminder",
}
# What became of a notice, after which a desk is told the next one: it knows of the incident, or
# will from a summary or a list.
TOLD_LATER: Final = frozenset({TOLD, "budget", "daily list", "off duty"})
# What stops clocks that run already: a person has acted.
ACTED: Final = frozenset({"maintenance", "shelved"})


class Fired(NamedTuple):
    """What fell due.

    Parameters
    ----------
    incident : str
        Empty for a summary or a daily list.
    clock : ClockState or None
        The clock that fired, None for a summary or a daily list.
    notices : list of Notice
        Empty when another clock has told the same desk the same at the same time.
    """

    incident: str
    clock: ClockState | None
    notices: list[Notice]


class Duty:
    """Who is told what, who must answer by when, who is told when nobody does.

    Deterministic; times are whole seconds since 1970 UTC of the stage's own time, and callers
    `advance` to a time before they tell what happened at it.

    Parameters
    ----------
    plan : DutyPlan

    Attributes
    ----------
    heartbeats : Heartbeats
        Advanced by themselves: they tell of the present, not of when an alarm was detected.
    counts : Counts
        Of what desks are told and how soon they answer; heartbeats do not count.
    """

    def __init__(self, plan: DutyPlan) -> None:
        self._plan = plan
        self.heartbeats = Heartbeats(plan)
        self.counts = Counts()
        self._deadlines = Deadlines()
        self._annunciator = Annunciator(plan, self._deadlines, self.counts)
        self._cases: Records[str, Case] = Records()
        self._faults: Table[tuple[str, str], str] = Table()  # asset and fault to the open incident

    def __len__(self) -> int:
        return len(self._cases)

    @property
    def soonest_s(self) -> int | None:
        """When something falls due next, None when nothing does."""
        return self._deadlines.soonest_s

    def changed(
        self, incident: Situation, reason: Reason, revision: int, facts: Facts, time_s: int
    ) -> list[Notice]:
        """Notices of a change of an incident, or of the line of a single alarm.

        Parameters
        ----------
        incident : Situation
        reason : Reason
        revision : int
            Of the incident, 0 for a line.
        facts : Facts
            What keeps it back; nothing does when it is about life safety.
        time_s : int
        """
        before = self._cases.get(incident.id)
        if incident.state == "merged":
            return self._absorbed(incident, before, time_s)
        case = case_of(incident, revision, facts, before)
        self._keep(case)
        told_as = TOLD_AS.get(reason)
        if told_as is None:
            return []
        held = self._held_back(case, facts)
        begins = not case.over and _begins(case, before, held)
        if held is None or begins or held.by in ACTED:
            case.held = held.by if held else ""
        if begins:
            notices = self._begin(case, told_as, held, time_s)
        else:
            if told_as == "new" and not case.life_safety:  # the line of its first alarm was told
                held = held or Withheld("duplicate", "", case.incident)
            notices = [self._update(case, desk, told_as, held, time_s) for desk in self._had(case)]
        if case.held in ACTED or (case.over and not case.urgent):
            self._stop(case)
        self._settle(case)
        return notices

    def acknowledged(self, incident: str, by: str, time_s: int) -> None:
        """Somebody has seen it: nothing escalates until its colour gets worse."""
        del by  # the ticket has it
        if case := self._cases.get(incident):
            self._answer(case, time_s)
            self._settle(case)

    def assigned(
        self, incident: str, owner: str, joint: Sequence[str], time_s: int
    ) -> list[Notice]:
        """Notices of a hand-over to the owner and to who works on it with them.

        Parameters
        ----------
        incident : str
        owner : str
            A desk, or somebody by name: then the desk that has it is told.
        joint : sequence of str
        time_s : int
        """
        case = self._cases.get(incident)
        if case is None:
            return []
        self._answer(case, time_s)
        case.owners = [*case.owners, owner][-OWNERS_MAX:]
        named = [self._plan.desks.get(name) for name in (owner, *joint)]
        desks = {desk.id: desk for desk in named if desk is not None}
        if not desks and (home := self._home(case)):
            desks[home.id] = home
        notices: list[Notice] = []
        for desk in desks.values():
            notices += self._call(case, desk, Call("handover", informed=True), None, time_s)
        return notices

    def returned(self, incident: str, time_s: int) -> list[Notice]:
        """Notices of a hand-back: to who had it before, else to the level above; clocks run again.

        Parameters
        ----------
        incident : str
        time_s : int
        """
        case = self._cases.get(incident)
        if case is None:
            return []
        by = case.owners.pop() if case.owners else ""
        desk = self._plan.desks.get(case.owners[-1]) if case.owners else None
        if desk is None:
            former = self._plan.desks.get(by) or self._home(case)
            above = former and self._plan.desks.above(former, case.where, case.lifelines)
            desk = above or former
        if desk is None:
            return []
        self._stop(case)
        case.clocks, case.answered = [], False
        return self._call(case, desk, Call("handover"), None, time_s)

    def closed(self, incident: str) -> None:
        """It is answered for good: no clock, no notice any more."""
        if case := self._cases.pop(incident, None):
            self._forget(case)

    def merged(self, old: str, into: str) -> None:
        """An incident is part of another now, whose desks are told from here on."""
        case = self._cases.pop(old, None)
        if case is None:
            return
        self._forget(case)
        if other := self._cases.get(into):
            for desk, became in case.desks.items():
                other.desks.setdefault(desk, became)

    def advance(self, time_s: int, most: int = ALL, *, late: bool = False) -> list[Fired]:
        """What falls due up to a time, in order of deadlines, once.

        Parameters
        ----------
        time_s : int
        most : int
            Deadlines that fire at once; what else is due waits for the next call.
        late : bool
            Behind a restart: clocks fire now instead of when they were due, and say so. Who is
            told by one has their full time to answer.
        """
        fired: list[Fired] = []
        while most > 0 and (due := self._deadlines.pop(time_s)) is not None:
            most -= 1
            due_s, (kind, name, *rest) = due
            at_s = time_s if late else due_s
            if kind == "clock":
                fired += self._fire(name, rest[0], at_s, late)
                continue
            desk = self._plan.desks.get(name)
            tell = self._annunciator.summary if kind == "summary" else self._annunciator.daily
            notices = tell(desk, at_s, late=late) if desk else []
            if notices:
                fired.append(Fired("", None, notices))
        return fired

    def responsibility(self, incident: Situation) -> Responsibility | msgspec.UnsetType:
        """What is laid down for an incident, by its place and what rang first; unset if nothing."""
        laid_down, case = self._plan.responsibilities, self._cases.get(incident.id)
        if not laid_down:
            return msgspec.UNSET
        return laid_down.of(case.fault if case else "", incident.where, incident.lifelines)

    def told(self, incident: str) -> Mapping[str, str]:
        """Desks that an incident was for: `TOLD`, or why it was withheld."""
        case = self._cases.get(incident)
        return case.desks if case else {}

    def clocks(self, incident: str) -> list[ClockState]:
        """Clocks of an incident, running and fired, in the order in which they began."""
        case = self._cases.get(incident)
        return [self._clock_state(clock) for clock in case.clocks] if case else []

    def state(self) -> dict[str, Any]:
        """Everything remembered, as plain data."""
        cases = [msgspec.to_builtins(case) for case in self._cases.values()]
        faults = _listed(self._faults)
        loads = self._annunciator.state()
        return {"cases": cases, "faults": faults, "loads": loads, **self._beside()}

    def _beside(self) -> dict[str, Any]:
        """What is remembered of desks, and is not very much."""
        return {"heartbeats": self.heartbeats.state(), "counts": self.counts.state()}

    def copying(self) -> SlicedCopy:
        """Begin a copy of what `state` gives now."""
        parts = {
            "cases": self._cases.copying(lambda copies: list(copies.values())),
            "faults": self._faults.copying(_listed),
            "loads": self._annunciator.copying(),
        }
        return copies_of(parts, **self._beside())

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what another plan, or an earlier release, remembered."""
        self._deadlines = Deadlines()
        self._annunciator = Annunciator(self._plan, self._deadlines, self.counts)
        self._faults = Table(((asset, fault), name) for asset, fault, name in state["faults"])
        self._cases = Records()
        for plain in state["cases"]:
            case = case_from(plain)
            self._cases[case.incident] = case
            for clock in case.clocks:
                if clock.fired_s < 0:
                    self._deadlines.set(("clock", case.incident, clock.desk), clock.due_s)
        self._annunciator.restore(state["loads"])
        self.heartbeats.restore(state.get("heartbeats", {}))
        self.counts.restore(state.get("counts", {}), {desk.id for desk in self._plan.desks})

    def _keep(self, case: Case) -> None:
        self._cases[case.incident] = case
        if case.fault:
            self._faults.setdefault((case.asset, case.fault), case.incident)
        if len(self._cases) > CASES_MAX:
            self._forget(self._cases.pop(next(iter(self._cases))))

    def _forget(self, case: Case) -> None:
        self._stop(case)
        if self._faults.get((case.asset, case.fault)) == case.incident:
            del self._faults[case.asset, case.fault]

    def _held_back(self, case: Case, facts: Facts) -> Withheld | None:
        """The first reason that keeps all of it back; never when it is about life safety.

        A colour worse than any that was told is told, however often it comes and goes.
        """
        if case.life_safety:
            return None
        other = facts.duplicate_of or self._same_fault(case)
        reasons: list[tuple[object, Withheld]] = [
            (facts.maintenance, Withheld("maintenance", facts.until, facts.maintenance)),
            (facts.shelved, Withheld("shelved", facts.until, facts.shelved)),
        ]
        if case.told_colour < 0 or RINGING.index(case.colour) <= case.told_colour:
            reasons += [
                (other, Withheld("duplicate", "", other)),
                (facts.inhibited_by, Withheld("inhibited", "", facts.inhibited_by)),
                (facts.chattering, Withheld("chattering")),
                (facts.fleeting, Withheld("fleeting")),
            ]
        return next((withheld for holds, withheld in reasons if holds), None)

    def _same_fault(self, case: Case) -> str:
        """An open incident of the same asset and fault that is no less urgent."""
        name = self._faults.get((case.asset, case.fault), "") if case.fault else ""
        other = self._cases.get(name)
        if other is None or name == case.incident or other.held:
            return ""
        worse = RINGING.index(case.colour) > RINGING.index(other.colour)
        return "" if worse else name

    def _rule(self, case: Case) -> ClockRule:
        """The colour's clock; what is about life safety never waits for a daily list."""
        rule = self._plan.clocks[case.colour]
        return self._plan.clocks["yellow"] if rule.daily and case.life_safety else rule

    def _begin(
        self, case: Case, reason: NoticeReason, held: Withheld | None, time_s: int
    ) -> list[Notice]:
        """Tell everybody whom the colour names, and all who were told before; clocks run anew."""
        self._stop(case)
        case.clocks, case.answered = [], False
        calls = self._audience(case, reason)
        for desk in self._had(case):
            calls.setdefault(desk.id, (desk, Call(reason, informed=True)))
        case.desks = {}
        if held is None:
            case.told_colour = max(case.told_colour, RINGING.index(case.colour))
        notices: list[Notice] = []
        for desk, call in calls.values():
            if desk.id not in case.desks:  # else it was called in place of one below it
                notices += self._call(case, desk, call, held, time_s)
        return notices

    def _had(self, case: Case) -> list[Desk]:
        """Desks that were considered before and are still there."""
        return [desk for name in case.desks if (desk := self._plan.desks.get(name)) is not None]

    def _audience(self, case: Case, reason: NoticeReason) -> dict[str, tuple[Desk, Call]]:
        """Desks that a colour names, those that must answer first."""
        rule = self._rule(case)
        calls: dict[str, tuple[Desk, Call]] = {}
        for informed, parties in ((False, rule.told), (True, rule.informed)):
            for party in parties:
                for desk in self._plan.desks.of(party, case.where, case.lifelines):
                    level = self._plan.desks.level(party)
                    missing = level.name if level and party != desk.level else None
                    calls.setdefault(desk.id, (desk, Call(reason, None, missing, informed)))
        return calls

    def _call(
        self, case: Case, desk: Desk, call: Call, held: Withheld | None, time_s: int
    ) -> list[Notice]:
        """Call a desk; where nobody is on duty, the one above it too."""
        if held is None and case.drill and call.informed and call.reason != "handover":
            held = None if case.life_safety else Withheld("drill", "", "only informed")
        absent = self._annunciator.absent(case, desk, time_s)
        above = self._plan.desks.above(desk, case.where, case.lifelines)
        if held is None and not call.informed and not absent:
            self._start(case, desk, above, time_s)
        notices = [self._annunciator.notice(case, desk, call, time_s, held)]
        climbs = held is None and absent and (not call.informed or call.reason == "handover")
        if climbs and above and case.clock_of(above.id) is None:
            climb = Call("nobody on duty", desk, None, call.informed, call.late)
            notices += self._call(case, above, climb, None, time_s)
        return notices

    def _update(
        self, case: Case, desk: Desk, reason: NoticeReason, held: Withheld | None, time_s: int
    ) -> Notice:
        """Tell a desk more of what it knows; what was kept from it stays so, for its reason."""
        became = case.desks[desk.id]
        if held is None and not case.life_safety and became not in TOLD_LATER:
            held = msgspec.convert({"by": became, "detail": "nor was the beginning told"}, Withheld)
        return self._annunciator.notice(case, desk, Call(reason), time_s, held)

    def _absorbed(self, incident: Situation, before: Case | None, time_s: int) -> list[Notice]:
        """Tell desks where an incident went, unless they are told of the one that has it now."""
        if before is None:
            return []
        into = self._cases.get(incident.merged_into)
        known = into.desks if into else {}
        notices = []
        for desk in self._had(before):
            covered = known.get(desk.id) == TOLD and not before.life_safety
            held = Withheld("inhibited", "", incident.merged_into) if covered else None
            notices.append(self._update(before, desk, "merged", held, time_s))
        return notices

    def _start(self, case: Case, desk: Desk, above: Desk | None, time_s: int) -> None:
        rule = self._rule(case)
        if rule.daily or case.clock_of(desk.id):
            return
        due_s = time_s + seconds(rule.escalate)
        answer_s = time_s + seconds(rule.acknowledge)
        to = above.id if above else desk.id
        case.clocks.append(Clock(desk.id, desk.level, answer_s, due_s, to, told_s=time_s))
        self.counts.level(desk.level).calls += 1
        self._deadlines.set(("clock", case.incident, desk.id), due_s)

    def _fire(self, incident: str, desk: str, at_s: int, late: bool) -> list[Fired]:
        case = self._cases[incident]
        clock = case.clock_of(desk)
        assert clock is not None
        told = [self._target(case, other) for other in case.clocks if other.fired_s == at_s]
        clock.fired_s, clock.late = at_s, late
        notices: list[Notice] = []
        target = self._target(case, clock)
        if target is not None and target not in told:
            call = Call("escalated", self._plan.desks.get(desk), late=late)
            notices = self._call(case, target, call, None, at_s)
        self._settle(case)
        return [Fired(incident, self._clock_state(clock), notices)]

    def _target(self, case: Case, clock: Clock) -> Desk | None:
        """Desk that a clock escalates to; under a plan without it, an owner of the next level."""
        above = self._plan.desks.next_level(clock.level)
        owners = self._plan.desks.of(above, case.where, case.lifelines)
        return self._plan.desks.get(clock.to) or (owners[0] if owners else None)

    def _answer(self, case: Case, time_s: int) -> None:
        """Somebody has it: the first answer counts for all who were called, the rest stops."""
        if not case.answered:
            for clock in case.clocks:
                if clock.told_s >= 0:
                    allowed_s = clock.acknowledge_s - clock.told_s
                    self.counts.level(clock.level).answer(time_s - clock.told_s, allowed_s)
        self._stop(case)
        case.answered = True

    def _stop(self, case: Case) -> None:
        """Stop the clocks that run; those that fired stay on record."""
        for clock in case.clocks:
            if clock.fired_s < 0:
                self._deadlines.drop(("clock", case.incident, clock.desk))
        case.clocks = [clock for clock in case.clocks if clock.fired_s >= 0]

    def _settle(self, case: Case) -> None:
        """Forget the line of a single alarm that is over and that no clock waits for.

        Clocks of what is urgent run on when it is over: a person must have looked.
        """
        if case.over and not case.opened and all(clock.fired_s >= 0 for clock in case.clocks):
            self.closed(case.incident)

    def _home(self, case: Case) -> Desk | None:
        """The desk that has it first of all; after a change of the plan, the owner of the place."""
        there: Iterable[Desk | None] = (self._plan.desks.get(name) for name in case.desks)
        own = self._plan.desks.of(self._plan.desks.levels[0].id, case.where, case.lifelines)
        return next((desk for desk in there if desk is not None), own[0] if own else None)

    def _clock_state(self, clock: Clock) -> ClockState:
        zone = self._plan.zone
        return ClockState(
            level=clock.level,
            desk=clock.desk,
            acknowledge_by=rfc3339(clock.acknowledge_s * NS_PER_S, zone),
            escalates_to=clock.to,
            fired=rfc3339(clock.fired_s * NS_PER_S, zone) if clock.fired_s >= 0 else "",
            late=clock.late,
            escalates_at=rfc3339(clock.due_s * NS_PER_S, zone),
        )


def _listed(faults: Mapping[tuple[str, str], str]) -> list[list[str]]:
    return [[*fault, incident] for fault, incident in faults.items()]


def _begins(case: Case, before: Case | None, held: Withheld | None) -> bool:
    """Whether desks are called as if it were new: it is, it got worse, came back, or is let go."""
    if before is None or (before.over and not case.over):
        return True
    released = bool(before.held) and held is None
    return released or RINGING.index(case.colour) > RINGING.index(before.colour)
