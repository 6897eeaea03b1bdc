"""Tickets of incidents: who has them, how far they are, and when they may be closed."""

from datetime import timezone
from typing import Any, Final

import msgspec

from alarms.copies.records import Records, copies_of
from alarms.deadlines import ALL, Deadlines
from alarms.lifecycle.ticket_rules import TicketRules, TicketState
from alarms.wording import clock
from contracts.desk.commands import Acknowledge, Advance, Assign, Close, DeskCommand, Judge
from contracts.desk.incident import Step, Ticket
from contracts.ports.desk import Ground, SlicedCopy
from contracts.quantities import NS_PER_MS, NS_PER_S, Duration

HISTORY_MAX: Final = 50  # steps kept of a ticket; an incident tells them at each revision
JOINT_MAX: Final = 20
CLOSED_MAX: Final = 2_000  # closed tickets that can still get a remark or a verdict: weeks of them
HOLD_S_MAX: Final = 30 * 86_400  # longest that a ticket is parked or extended
NEVER_S: Final = 2**53 - 1
CLOCK: Final = "clock"  # who does what time does
MS_PER_S: Final = NS_PER_S // NS_PER_MS


class _Handled(msgspec.Struct, array_like=True):
    """A ticket."""

    state: str
    since_s: int
    life_safety: bool
    owner: str = ""
    joint: list[str] = []
    acknowledged: bool = False
    verdict: str = ""
    over_since_s: int = -1  # -1 while its incident is active
    seen_s: int = 0  # when it was acknowledged
    back_to: str = ""  # where a parked or extended one goes on
    until_s: int = 0
    fed_back_by: str = ""
    checked_by: str = ""
    overdue: bool = False
    steps: int = 0
    history: list[Step] = []


class Tickets:
    """The tickets of a city's incidents.

    Parameters
    ----------
    rules : TicketRules
    zone : timezone
        The city's.

    Notes
    -----
    Open tickets are as many as open incidents, which their stage bounds.
    """

    def __init__(self, rules: TicketRules, zone: timezone) -> None:
        self._rules = rules
        self._zone = zone
        self._first, self._check = rules.named("first"), rules.named("check")
        self._closed_state = rules.named("closed")
        self._of: Records[str, _Handled] = Records()
        self._closed: dict[str, None] = {}  # in order of closing
        self._deadlines = Deadlines()

    def __contains__(self, incident: str) -> bool:
        return incident in self._of

    def hands_back(self, state: str) -> bool:
        """Whether a ticket that comes to a state is given back: it says why."""
        return self._rules.states[state].asks == "reason"

    def is_closed(self, incident: str) -> bool:
        """Whether a known ticket is closed."""
        return self._of[incident].state == self._closed_state

    def life_safety(self, incident: str) -> bool:
        """Whether lives hang on a known ticket's incident."""
        return self._of[incident].life_safety

    def open(self, incident: str, time_s: int, *, life_safety: bool) -> None:
        """Register an incident, or one that was closed once more; one that is open goes on.

        Parameters
        ----------
        incident : str
        time_s : int
            Desk time.
        life_safety : bool
            Whether lives hang on it; once they do, they always do.
        """
        held = self._of.get(incident)
        if held is None:
            held = self._of[incident] = _Handled(self._first, time_s, life_safety)
            self._note(held, time_s, self._first)
        elif held.state == self._closed_state:
            del self._closed[incident]
            held.acknowledged, held.verdict, held.over_since_s = False, "", -1
            self._enter(held, self._first, time_s)
            self._note(held, time_s, "reopened")
        held.life_safety = held.life_safety or life_safety
        self._plan(incident)

    def over(self, incident: str, time_s: int, *, over: bool) -> None:
        """Say whether anything of an incident is still active."""
        held = self._of[incident]
        if over != (held.over_since_s >= 0):
            held.over_since_s = time_s if over else -1
            self._plan(incident)

    def merge(self, old: str, into: str, time_s: int) -> None:
        """Carry the history of a ticket over into another's, and close it as a duplicate.

        Nobody has answered for both unless somebody has for each.
        """
        gone, kept = self._of[old], self._of[into]
        kept.history = sorted([*gone.history, *kept.history], key=lambda step: step.at)
        kept.history = kept.history[-HISTORY_MAX:]
        kept.steps += gone.steps
        kept.owner = kept.owner or gone.owner
        kept.joint = _union(kept.joint, gone.joint)
        kept.life_safety = kept.life_safety or gone.life_safety
        kept.acknowledged = kept.acknowledged and gone.acknowledged
        self._note(kept, time_s, "merged", reason=old)
        self._note(gone, time_s, "merged", reason=into)
        self._close(old, "duplicate", time_s)
        self._plan(into)

    def ticket(self, incident: str) -> Ticket:
        """The ticket as an incident tells it; `KeyError` when there is none."""
        held = self._of[incident]
        within = self._rules.states[held.state].within if held.state in self._rules.states else None
        return Ticket(
            state=held.state,
            owner=held.owner,
            joint=list(held.joint),
            acknowledged=held.acknowledged,
            verdict=held.verdict,
            history=list(held.history),
            steps=held.steps,
            due=self._clock(held.since_s + _seconds(within)) if within else "",
            until=self._clock(held.until_s) if held.until_s else "",
        )

    def ground(self, incident: str, command: DeskCommand, time_s: int) -> Ground:
        """Why a command about a known ticket cannot be carried out now, None when it can."""
        held = self._of[incident]
        if isinstance(command, Assign | Advance | Acknowledge) and self.is_closed(incident):
            text = f"expected an open ticket, got {incident}, which is closed"
            return "wrong_state", f"{text}; it opens again when its alarms do"
        if isinstance(command, Advance):
            return self._ground_of_move(held, command, time_s)
        return self._ground_of_close(held, command) if isinstance(command, Close) else None

    def _ground_of_move(self, held: _Handled, command: Advance, time_s: int) -> Ground:
        to = self._rules.states.get(command.to)
        if to is None:
            known = ", ".join(self._rules.states)
            return "unknown_state", f"expected one of {known}, got {command.to!r}; correct it"
        if to.means == "closed":
            return "wrong_state", f"expected `close` with a verdict, got a move to {command.to!r}"
        if command.to not in (may := self._following(held)):
            text = f"expected one of {', '.join(may)} behind {held.state!r}, got {command.to!r}"
            return "wrong_state", f"{text}; take the steps between"
        return _unsaid(to, command, time_s) or self._ground_of_person(held, to, command)

    def _ground_of_person(self, held: _Handled, to: TicketState, command: DeskCommand) -> Ground:
        """Whether somebody else has to do this."""
        if to.by and command.role not in to.by:
            text = f"expected one of the roles {', '.join(to.by)}, got {command.role!r}"
            return "not_permitted", f"{text}; see `tickets` in answers.yaml"
        if to.means == "check" and _same(command.by, held.fed_back_by):
            text = f"expected a check by somebody else than {held.fed_back_by!r}, who fed back"
            return "same_person", f"{text}; let another look"
        return None

    def _ground_of_close(self, held: _Handled, command: Close) -> Ground:
        if held.state == self._closed_state:
            return "wrong_state", "expected an open ticket, got a closed one; nothing is left to do"
        if self._closed_state not in self._following(held) or not held.checked_by:
            text = f"expected a ticket that is {self._check!r}, got one that is {held.state!r}"
            return "not_checked", f"{text}; somebody else than the handler checks it first"
        if held.life_safety and held.over_since_s < 0:
            text = "expected an incident that is over, as lives hang on it, got an active one"
            return "still_active", f"{text}; close it when its alarms have returned"
        return self._ground_of_person(held, self._rules.states[self._closed_state], command)

    def _following(self, held: _Handled) -> list[str]:
        """States that may follow; all of them where the rules no longer know the present one."""
        rule = self._rules.states.get(held.state)
        if rule is None:
            return [name for name in self._rules.states if name != self._closed_state]
        return [*rule.to, held.back_to] if held.back_to else rule.to

    def apply(self, incident: str, command: DeskCommand, time_s: int) -> None:
        """Carry out a command that there is no ground against; those about alarms are noted."""
        held = self._of[incident]
        self._note(held, time_s, _words(command), command=command)
        if isinstance(command, Close):
            self._close(incident, command.verdict, time_s)
        elif isinstance(command, Acknowledge) and not held.acknowledged:
            held.acknowledged, held.seen_s = True, time_s
        elif isinstance(command, Assign):
            held.owner, held.joint = command.owner, list(command.joint)
        elif isinstance(command, Judge):
            held.verdict = command.verdict
        elif isinstance(command, Advance):
            self._move(held, command, time_s)
        self._plan(incident)

    def _move(self, held: _Handled, command: Advance, time_s: int) -> None:
        to, back_to = self._rules.states[command.to], held.back_to or held.state
        self._enter(held, command.to, time_s)
        if to.asks == "until":
            held.back_to, held.until_s = back_to, command.until // MS_PER_S
        elif to.means == "check":
            held.checked_by = command.by
        else:  # whoever works on it again feeds back again
            held.checked_by = ""
            held.fed_back_by = command.by if to.means == "feedback" else ""

    def _enter(self, held: _Handled, state: str, time_s: int) -> None:
        held.state, held.since_s, held.overdue = state, time_s, False
        held.back_to, held.until_s = "", 0

    def _close(self, incident: str, verdict: str, time_s: int) -> None:
        held = self._of[incident]
        held.verdict = verdict
        self._enter(held, self._closed_state, time_s)
        self._deadlines.drop((incident,))
        self._closed[incident] = None
        if len(self._closed) > CLOSED_MAX:
            oldest = next(iter(self._closed))
            del self._closed[oldest], self._of[oldest]

    def _note(
        self,
        held: _Handled,
        time_s: int,
        what: str,
        *,
        reason: str = "",
        command: DeskCommand | None = None,
    ) -> None:
        """Add a step to the history of a ticket."""
        at = self._clock(time_s)
        if command is None:
            step = Step(at, what, CLOCK, reason=reason)
        else:
            step = Step(at, what, command.by, command.role, command.reason, command.id)
        held.history = [*held.history[1 - HISTORY_MAX :], step]
        held.steps += 1

    def _clock(self, time_s: int) -> str:
        return clock(time_s * NS_PER_S, self._zone)

    @property
    def soonest_s(self) -> int | None:
        """Desk time of the next deadline, None when there is none."""
        return self._deadlines.soonest_s

    def advance(self, time_s: int, most: int = ALL) -> list[str]:
        """Let deadlines up to a time fire, in their order; incidents whose tickets changed.

        At most so many fire at once; what else is due waits for the next call.
        """
        changed: dict[str, None] = {}
        while most > 0 and (due := self._deadlines.pop(time_s)) is not None:
            most -= 1
            at_s, (incident,) = due
            self._fire(incident, self._of[incident], at_s)
            self._plan(incident)
            changed[incident] = None
        return list(changed)

    def _fire(self, incident: str, held: _Handled, at_s: int) -> None:
        if self._closes_s(held) <= at_s:
            self._note(held, at_s, self._closed_state, reason="over and acknowledged")
            self._close(incident, held.verdict or "unknown", at_s)
        elif held.back_to:
            self._enter(held, held.back_to, at_s)
            self._note(held, at_s, held.state, reason="its time was up")
        else:
            held.overdue = True
            self._note(held, at_s, "overdue")

    def _plan(self, incident: str) -> None:
        """Set the next deadline of a ticket."""
        next_s = self._next_s(self._of[incident])
        if next_s < NEVER_S:
            self._deadlines.set((incident,), next_s)
        else:
            self._deadlines.drop((incident,))

    def _next_s(self, held: _Handled) -> int:
        if held.state == self._closed_state:
            return NEVER_S
        if held.back_to:
            return min(held.until_s, self._closes_s(held))
        rule = self._rules.states.get(held.state)
        due_s = NEVER_S
        if rule is not None and rule.within is not None and not held.overdue:
            due_s = held.since_s + _seconds(rule.within)
        return min(due_s, self._closes_s(held))

    def _closes_s(self, held: _Handled) -> int:
        """Desk time at which a ticket closes by itself."""
        rule, after = self._rules.states.get(held.state), self._rules.auto_close
        if rule is None or after is None or not rule.auto_close or held.life_safety:
            return NEVER_S
        if held.over_since_s < 0 or not held.acknowledged:
            return NEVER_S
        return max(held.over_since_s, held.seen_s, held.since_s) + _seconds(after)

    def state(self) -> dict[str, Any]:
        """Everything, as plain data."""
        of = {name: msgspec.to_builtins(held) for name, held in self._of.items()}
        return {"tickets": of, "closed": list(self._closed)}

    def copying(self) -> SlicedCopy:
        """Begin a copy of what `state` gives now."""
        return copies_of({"tickets": self._of.copying()}, closed=list(self._closed))

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave, under the rules of this one."""
        self._of = Records()
        for name, held in state["tickets"].items():
            self._of[name] = msgspec.convert(held, _Handled)
        self._closed = dict.fromkeys(state["closed"])
        self._deadlines = Deadlines()
        for incident in self._of:
            self._plan(incident)


def _seconds(length: Duration) -> int:
    return length.ns // NS_PER_S


def _same(one: str, other: str) -> bool:
    """Whether two names are of one person, however they are written."""
    return one.strip().casefold() == other.strip().casefold()


def _union(first: list[str], second: list[str]) -> list[str]:
    return list(dict.fromkeys([*first, *second]))[:JOINT_MAX]


def _unsaid(to: TicketState, command: Advance, time_s: int) -> Ground:
    """Whether a move leaves out what its state asks for."""
    if to.asks == "reason" and not command.reason.strip():
        return "no_reason", f"expected a reason for {command.to!r}, got none; say why"
    if to.asks != "until":
        return None
    ahead_s = command.until // MS_PER_S - time_s
    if not 0 < ahead_s <= HOLD_S_MAX:
        text = f"expected `until` at most {HOLD_S_MAX} s ahead for {command.to!r}"
        return "bad_time", f"{text}, got a time {ahead_s} s ahead; name another"
    return None


def _words(command: DeskCommand) -> str:
    """What a history calls a command: what it did, or its kind where it did nothing here."""
    if isinstance(command, Assign):
        return f"assigned to {command.owner}"
    if isinstance(command, Advance):
        return command.to
    if isinstance(command, Close):
        return f"closed: {command.verdict}"
    if isinstance(command, Judge):
        return f"verdict: {command.verdict}"
    return (
        "acknowledged" if isinstance(command, Acknowledge) else str(command.__struct_config__.tag)
    )
