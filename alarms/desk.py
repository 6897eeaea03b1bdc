"""The desk: alarms become incidents and notices, people answer, clocks fire. Deterministic."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import timezone
from functools import partial
from typing import Any, Final

import msgspec

from alarms.copies.records import Remembering, copies_of
from alarms.copies.table import Table
from alarms.deadlines import firing
from alarms.duty.case import Facts
from alarms.duty.coverage import is_blind
from alarms.duty.duty import Duty
from alarms.duty.notices import messages_of
from alarms.incidents.grouping import Incidents
from alarms.lifecycle.alarm_state import NORMAL, AlarmAnswers, Who
from alarms.lifecycle.closed import ClosedIncidents
from alarms.lifecycle.held_back import ByDesign, facts_of
from alarms.lifecycle.judging import CommandChecks
from alarms.lifecycle.maintenance import Order, Passed, WorkOrders
from alarms.lifecycle.tickets import Tickets
from alarms.open_alarms import (
    OpenAlarm,
    OpenAlarms,
    alarm_of_report,
    asset_of,
    ended,
    fault_of,
    seconds_of,
)
from alarms.performance.survey import Lifelines, Standing, surveying
from alarms.resilience.now import Working
from alarms.wording import clock
from contracts.alarm import Alarm, ShelvingRecord
from contracts.commands.concern import Concern
from contracts.commands.recent import RecentCommands
from contracts.desk.answer import Answer
from contracts.desk.commands import (
    Acknowledge,
    Advance,
    Assign,
    Confirm,
    DeskCommand,
    Drill,
    Judge,
    Maintenance,
    Move,
    Report,
    Reset,
)
from contracts.desk.incident import Change, Incident, Reason, Situation
from contracts.desk.notice import Notice
from contracts.desk.performance import Performance
from contracts.ports.desk import Ground, Pieces, SlicedCopy
from contracts.ports.lane_log import Message
from contracts.quantities import NS_PER_S

REVISIONS_MAX: Final = 100_000  # incidents whose revision is remembered; the oldest is let go


@dataclass(frozen=True)
class DeskParts:
    """What one configuration makes of the desk.

    Parameters
    ----------
    config : str
        Its hash.
    zone : timezone
        The city's.
    lifelines : collection of str
    incidents : Incidents
    answers : AlarmAnswers
    tickets : Tickets
    orders : WorkOrders
    duty : Duty
    """

    config: str
    zone: timezone
    lifelines: Collection[str]
    incidents: Incidents
    answers: AlarmAnswers
    tickets: Tickets
    orders: WorkOrders
    duty: Duty


class AlarmDesk:
    """`contracts.ports.desk.Desk` of a city: a function of alarms, commands and ticks in order.

    Parameters
    ----------
    parts : DeskParts
        Newly made ones: the desk keeps its state in them.
    """

    def __init__(self, parts: DeskParts) -> None:
        self.config = parts.config
        self.time_s = -1
        self._zone = parts.zone
        self._incidents = parts.incidents
        self._answers = parts.answers
        self._tickets = parts.tickets
        self._orders = parts.orders
        self._duty = parts.duty
        self._lifelines = parts.lifelines
        self._working = Working(parts.incidents.topology)
        self._checks = CommandChecks(
            parts.answers, parts.tickets, parts.orders, parts.incidents, parts.lifelines
        )
        self._open = OpenAlarms()
        self._by_design = ByDesign(self._open, parts.answers, parts.incidents)
        self._revisions: Table[str, int] = Table()  # of incidents that were told
        self._closed = ClosedIncidents()
        self._drill = False
        self._recent = RecentCommands()

    def counts(self) -> dict[str, int]:
        """Open alarms and incidents, for metrics."""
        return {"alarms": len(self._open), "incidents": len(self._revisions)}

    def surveying(self) -> Iterator[Performance | None]:
        """How well desks are served, in pieces, between which it may take and answer alarms."""
        duty, lifelines = self._duty, Lifelines(self._lifelines, self._working.look())
        return surveying(duty.counts, self._standing(), duty.told, lifelines, self.time_s)

    def _standing(self) -> Iterator[Standing]:
        for name in [name for name, _ in self._open.items()]:
            if (held := self._open.get(name)) is not None:
                yield Standing(held, self._answers.answer(name))

    def take(self, alarm: Alarm) -> list[Message]:
        """What comes of one alarm revision, at once."""
        return _whole(self.taking(alarm))

    def taking(self, alarm: Alarm) -> Pieces:
        """What comes of one alarm revision; desk time reaches its `detected` at least."""
        at_s = seconds_of(alarm.detected)
        if at_s > self.time_s:
            yield from self._passing(at_s)
        muted = self._by_design.mutes(alarm)
        taken = self._answers.take(alarm, at_s)
        changes = self._incidents.take(alarm, self.time_s, muted=muted)
        told = []
        if taken is not None:
            self._duty.heartbeats.coverage.note(alarm)
            if taken.replaced:
                self._duty.heartbeats.coverage.forget(taken.replaced)
                told.append(self._open.drop(taken.replaced))
            told.append(self._current(alarm, taken.answer))
            changes += self._suppressing(asset_of(alarm), fault_of(alarm), told)
        yield told
        yield from self._changing(changes)
        self._note_quiet(self._incidents.of_alarm(alarm.id) or "")

    def shelved(self, record: ShelvingRecord) -> list[Message]:
        """What comes of a channel that is shelved, or shown again: its alarms say who did it."""
        return [
            self._open.record(alarm, self._answers.answer(alarm), drill=self._drill)
            for alarm in self._answers.shelve(record)
        ]

    def _note_quiet(self, incident: str) -> None:
        """Let a ticket on which lives hang know whether it may be closed: it never ends by itself.

        Others end once they have been quiet for as long as their lifelines ask for.
        """
        tickets = self._tickets
        known = incident in tickets and self._incidents.knows(incident)
        if known and tickets.life_safety(incident):
            tickets.over(incident, self.time_s, over=self._incidents.quiet(incident))

    def _current(self, alarm: Alarm, answer: Answer) -> Message:
        """Record of an alarm that was just taken."""
        if answer.state == NORMAL:
            return self._open.drop(alarm.id)
        incident = self._incidents.of_alarm(alarm.id) or ""
        held = self._open.keep(alarm, incident)
        order = self._orders.covering(alarm, self.time_s)
        if order is not None:
            answer = self._cover(alarm.id, held, order)
        if incident[1:] == alarm.id[1:] and not answer.first_in_group:
            answer = self._answers.mark(alarm.id, "first_in_group")
        return self._open.record(alarm.id, answer, drill=self._drill)

    def _suppressing(self, asset: str, fault: str, told: list[Message]) -> list[Change]:
        """Suppress by design what else an asset rings, or let it be heard again."""
        changes: list[Change] = []
        for name, some in self._by_design.changing(asset, fault, self.time_s):
            told.append(self._open.record(name, self._answers.answer(name), drill=self._drill))
            changes += some
        return changes

    def _cover(self, alarm: str, held: OpenAlarm, order: Order) -> Answer:
        held.order, held.until_s = order.name, order.ends_s
        return self._answers.mark(alarm, "out_of_service")

    def concern(self, command: DeskCommand) -> Concern:
        """Lifelines and places that a command is about."""
        return self._checks.concern(command)

    def judge(self, command: DeskCommand) -> Ground:
        """Why a command cannot be carried out now; changes nothing."""
        # One that came without an id has that of its place in the topic: it cannot come again.
        repeated = self._recent.repeated(command) if command.expires else None
        return repeated or self._checks.ground(command, self.time_s)

    def obey(self, command: DeskCommand) -> list[Message]:
        """What comes of a command, at once."""
        return _whole(self.obeying(command))

    def obeying(self, command: DeskCommand) -> Pieces:
        """What comes of a command that `judge` has nothing against."""
        if command.expires:
            self._recent.add(command.id, command.at, command.expires)
        yield from self._carrying_out(command)

    def _carrying_out(self, command: DeskCommand) -> Pieces:
        if isinstance(command, Acknowledge | Confirm | Reset):
            return self._answering(command)
        if isinstance(command, Maintenance):
            return self._servicing(self._orders.take(command, self.time_s))
        if isinstance(command, Report) and not command.target:
            return self.taking(alarm_of_report(command, self.time_s, self._zone, self.config))
        if isinstance(command, Move):
            return self._moving(command)
        if isinstance(command, Drill):
            self._drill = command.on
        incident = self._checks.incident(command)
        in_hand = incident in self._tickets
        return iter([self._handle(incident, command) if in_hand else self._remark(command)])

    def _remark(self, command: DeskCommand) -> list[Message]:
        """Put what somebody says of a line on the record of its alarm: it has no ticket."""
        said = f"verdict: {command.verdict}" if isinstance(command, Judge) else ""
        reason = "; ".join(filter(None, (said, command.reason)))
        who, told = Who(command.by, command.role, reason), []
        for alarm in self._checks.targets(getattr(command, "target", "")):
            answer = self._answers.remark(alarm, who, self.time_s)
            told.append(self._open.record(alarm, answer, drill=self._drill))
        return told

    def _answering(self, command: Acknowledge | Confirm | Reset) -> Pieces:
        """Answer an alarm, or all open ones of an incident."""
        for alarm in self._checks.targets(command.target):
            yield self._answer_one(alarm, command)
        incident = self._checks.incident(command)
        if not isinstance(command, Acknowledge):
            return
        if incident == command.target or incident not in self._tickets:
            self._duty.acknowledged(incident, command.by, self.time_s)
        if incident == command.target and incident in self._tickets:
            self._tickets.apply(incident, command, self.time_s)
            yield self._tell(incident, "ticket")

    def _answer_one(self, alarm: str, command: Acknowledge | Confirm | Reset) -> list[Message]:
        who = Who(command.by, command.role, command.reason)
        before = self._answers.answer(alarm)
        held = self._open.get(alarm)
        if isinstance(command, Acknowledge):
            answer = self._answers.acknowledge(alarm, who, self.time_s)
        elif isinstance(command, Reset):
            answer = self._answers.reset(alarm, who, self.time_s)
        else:
            answer = self._answers.confirm(alarm, who, self.time_s)
            if answer.confirmed:
                self._duty.heartbeats.coverage.resumed(alarm)
        if answer == before or held is None:
            return []
        if answer.state == NORMAL:
            return [self._open.drop(alarm)]
        told = [self._open.record(alarm, answer, drill=self._drill)]
        if isinstance(command, Confirm) and held.reported and answer.active:
            told += self.take(ended(held.alarm(), self.time_s, self._zone))
        return told

    def _moving(self, command: Move) -> Pieces:
        """Put an alarm where a person says."""
        changes = self._incidents.move(command.target, command.to, self.time_s)
        if self._open.get(command.target) is not None:
            yield [self._moved(command.target)]
        yield from self._changing(changes)

    def _handle(self, incident: str, command: DeskCommand) -> list[Message]:
        """Carry out a command about a ticket."""
        self._tickets.apply(incident, command, self.time_s)
        notices: list[Notice] = []
        if isinstance(command, Assign):
            notices = self._duty.assigned(incident, command.owner, command.joint, self.time_s)
        elif isinstance(command, Advance) and self._tickets.hands_back(command.to):
            notices = self._duty.returned(incident, self.time_s)
        told = self._tell(incident, "ticket")
        if self._tickets.is_closed(incident):
            self._close(incident, told)
        return told + messages_of(notices)

    def _close(self, incident: str, told: list[Message]) -> None:
        """Let go of an incident that is answered for good; what still stands stays on record.

        A second time, when something is said of a closed one, there is nothing left to let go of.
        """
        if not self._incidents.knows(incident):
            return
        for message in told:
            self._closed.keep(incident, message.body)
        self._duty.closed(incident)
        self._incidents.close(incident)
        self._revisions.pop(incident, None)

    def due(self, time_s: int) -> bool:
        """Whether advancing to this time would do anything."""
        times = (self._soonest_s(), self._duty.heartbeats.soonest_s)
        return any(soonest_s is not None and soonest_s <= time_s for soonest_s in times)

    def _soonest_s(self) -> int | None:
        parts = (self._incidents, self._tickets, self._orders, self._duty)
        times = [part.soonest_s for part in parts]
        return min((time for time in times if time is not None), default=None)

    def advance(self, time_s: int, *, late: bool = False) -> list[Message]:
        """What comes of moving desk time forward, at once."""
        return _whole(self.advancing(time_s, late=late))

    def advancing(self, time_s: int, *, late: bool = False) -> Pieces:
        """Move desk time forward, firing every clock on the way, in order of deadlines.

        Heartbeats come last, one for each desk: they tell what is watched now.
        """
        yield from self._passing(time_s, late=late)
        yield messages_of(self._duty.heartbeats.advance(self.time_s))

    def _passing(self, time_s: int, *, late: bool = False) -> Pieces:
        """Fire clocks up to a time."""
        while (soonest_s := self._soonest_s()) is not None and soonest_s <= time_s:
            self.time_s = max(self.time_s, time_s if late else soonest_s)
            yield from self._firing(self.time_s, late=late)
        self.time_s = max(self.time_s, time_s)

    def _firing(self, time_s: int, *, late: bool) -> Pieces:
        """Everything that is due at a time: work orders, alarms, tickets, people.

        All of a kind fires before any of it is told, as a record tells what else fired.
        """
        yield from self._servicing(self._orders.advance(time_s))
        changes = yield from firing(self._incidents, self._incidents.advance, time_s)
        yield from self._changing(changes)
        tickets = yield from firing(self._tickets, self._tickets.advance, time_s)
        for incident in dict.fromkeys(tickets):
            told = self._tell(incident, "ticket")
            yield told
            if self._tickets.is_closed(incident):
                self._close(incident, told)
        people = yield from firing(self._duty, partial(self._duty.advance, late=late), time_s)
        for fired in people:
            of_ticket = fired.clock is not None and fired.incident in self._tickets
            told = self._tell(fired.incident, "ticket") if of_ticket else []
            yield told + messages_of(fired.notices)

    def _servicing(self, passed: Passed) -> Pieces:
        """Take alarms of assets out of service, and put them back."""
        for order in passed.ended:
            yield from self._covering(order, on=False)
        for order in passed.begun:
            yield from self._covering(order, on=True)

    def _covering(self, order: Order, *, on: bool) -> Pieces:
        touched: dict[str, Reason] = {}
        for name in self._open.of_assets(order.assets):
            held = self._open.get(name)
            assert held is not None, "it is among the open ones"
            now = self._orders.covering(held.alarm(), self.time_s)
            if now is None:
                held.order, held.until_s = "", 0
                answer = self._answers.mark(name, "out_of_service", on=False)
            else:
                answer = self._cover(name, held, now)
            yield [self._open.record(name, answer, drill=self._drill)]
            touched[held.incident] = "reminder" if on else "new"
        for incident, reason in touched.items():
            if self._incidents.knows(incident):
                yield self._change(Change(incident, reason))

    def _changing(self, changes: Iterable[Change]) -> Pieces:
        """Records and notices of changes, in their order."""
        for change in changes:
            if change.reason == "merged":
                yield from self._merging(change)
            else:
                yield self._change(change)

    def _change(self, change: Change) -> list[Message]:
        situation = self._incidents.situation(change.incident)
        revision = 0
        if situation.opened:
            over = situation.state == "over"
            self._tickets.open(situation.id, self.time_s, life_safety=situation.life_safety)
            if not self._tickets.life_safety(situation.id):
                self._tickets.over(situation.id, self.time_s, over=over)
            revision = self._revise(situation.id)
        facts = self._facts(situation)
        notices = self._duty.changed(situation, change.reason, revision, facts, self.time_s)
        told = [self._record(situation, change.reason)] if situation.opened else []
        return told + messages_of(notices)

    def _merging(self, change: Change) -> Pieces:
        """Let an incident or a line go into another."""
        situation, old = self._incidents.situation(change.incident), change.incident
        into, was_told = situation.merged_into, change.incident in self._revisions
        revision = self._revise(old) if was_told else 0
        facts = self._facts(situation)
        notices = self._duty.changed(situation, "merged", revision, facts, self.time_s)
        if old in self._tickets and not self._tickets.is_closed(old):
            self._tickets.open(into, self.time_s, life_safety=situation.life_safety)
            self._tickets.merge(old, into, self.time_s)
        if was_told:
            yield [self._record(situation, "merged")]
        self._duty.merged(old, into)
        self._revisions.pop(old, None)
        for alarm in self._open.of_incident(old):
            yield [self._moved(alarm)]
        yield messages_of(notices)

    def _moved(self, alarm: str) -> Message:
        """Record of an open alarm that is in another incident now."""
        self._open.move(alarm, self._incidents.of_alarm(alarm) or "")
        return self._open.record(alarm, self._answers.answer(alarm), drill=self._drill)

    def _tell(self, incident: str, reason: Reason) -> list[Message]:
        """Tell an incident anew whose answer changed; nothing of one that is forgotten."""
        if not self._incidents.knows(incident) or incident not in self._revisions:
            return self._tell_closed(incident)
        self._revise(incident)
        return [self._record(self._incidents.situation(incident), reason)]

    def _tell_closed(self, incident: str) -> list[Message]:
        if incident not in self._tickets or not self._tickets.is_closed(incident):
            return []
        ticket, at = self._tickets.ticket(incident), clock(self.time_s * NS_PER_S, self._zone)
        told = self._closed.again(incident, ticket, at, drill=self._drill)
        return [] if told is None else [_incident(told)]

    def _revise(self, incident: str) -> int:
        revision: int = self._revisions.get(incident, 0) + 1
        self._revisions[incident] = revision
        if len(self._revisions) > REVISIONS_MAX:
            del self._revisions[next(iter(self._revisions))]
        return revision

    def _record(self, situation: Situation, reason: Reason) -> Message:
        told = Incident(
            situation.id,
            self._revisions[situation.id],
            reason,
            clock(self.time_s * NS_PER_S, self._zone),
            situation,
            self._tickets.ticket(situation.id),
            self._duty.clocks(situation.id),
            self._drill,
            self.config,
            self._duty.responsibility(situation),
        )
        return _incident(told)

    def _facts(self, situation: Situation) -> Facts:
        """What keeps an incident, or a line, from being told, and what people do first."""
        names = [m.alarm for m in situation.members]
        some = [(held, self._answers.answer(n)) for n in names if (held := self._open.get(n))]
        if not some:
            return Facts(drill=self._drill)
        facts = facts_of(situation, some, self._root(situation), self._zone)
        by = some[0][0].suppressed_by if all(held.suppressed_by for held, _ in some) else ""
        other = self._incidents.of_alarm(by) or ""
        return msgspec.structs.replace(facts, drill=self._drill, inhibited_by=other)

    def _root(self, situation: Situation) -> OpenAlarm | None:
        """The alarm of what lies behind all others: what to do first is said of it."""
        return self._open.get(situation.root.alarm) if situation.root else None

    def state(self) -> dict[str, Any]:
        """Everything that it remembers, as plain data of its own."""
        return {name: part.state() for name, part in self._parts().items()} | self._beside()

    def copying(self) -> SlicedCopy:
        """Begin a copy of what `state` gives now."""
        parts = {name: part.copying() for name, part in self._parts().items()}
        return copies_of(parts, **self._beside())

    def _parts(self) -> dict[str, Remembering]:
        """What may be very much, by its name in the state."""
        return {
            "open": self._open,
            "incidents": self._incidents,
            "answers": self._answers,
            "tickets": self._tickets,
            "duty": self._duty,
            "recent": self._recent,
            "revisions": self._revisions,
            "closed": self._closed,
            "orders": self._orders,
        }

    def _beside(self) -> dict[str, Any]:
        return {"time_s": self.time_s, "drill": self._drill}

    def restore(self, state: dict[str, Any]) -> list[Message]:
        """Take over what another configuration's, or an earlier release's, remembered."""
        self.time_s, self._drill = state["time_s"], state["drill"]
        self._recent = RecentCommands(*state["recent"])
        self._revisions = Table(state["revisions"])
        self._closed.restore(state.get("closed", {}))
        self._open.restore(state["open"])
        self._incidents.restore(state["incidents"])
        self._answers.restore(state["answers"])
        self._tickets.restore(state["tickets"])
        self._orders.restore(state["orders"])
        self._duty.restore(state["duty"])
        self._restore_coverage()
        return _whole(self._suppressing_anew())

    def _suppressing_anew(self) -> Pieces:
        """What other rules suppress, or let be heard."""
        for asset in self._by_design.assets():
            told: list[Message] = []
            changes = self._suppressing(asset, "", told)
            yield told
            yield from self._changing(changes)

    def _restore_coverage(self) -> None:
        """Learn from the open alarms what is blind."""
        coverage = self._duty.heartbeats.coverage
        for name, held in self._open.items():
            if is_blind(held.fault.rpartition("/")[2]):
                coverage.note(held.alarm())
                if self._answers.answer(name).confirmed:
                    coverage.resumed(name)


def _whole(pieces: Pieces) -> list[Message]:
    """All pieces as one."""
    return [message for piece in pieces for message in piece]


def _incident(told: Incident) -> Message:
    return Message("incident", told.id.encode(), msgspec.json.encode(told))
