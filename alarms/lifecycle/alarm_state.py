"""How far each alarm is answered: states of ISA-18.2, flags of OPC UA part 9."""

from collections.abc import Mapping
from datetime import timezone
from typing import Any, Final, Literal, NamedTuple

import msgspec

from alarms.copies.records import Records, copies_of
from alarms.copies.table import Table
from alarms.lifecycle.repeats import RepeatRules, Repeats, Subject
from alarms.lifecycle.suppression import Suppression, Suppressions
from alarms.wording import clock
from contracts.alarm import Alarm, ShelvingRecord
from contracts.desk.answer import Answer, ShelvedBy
from contracts.ports.desk import SlicedCopy
from contracts.quantities import NS_PER_S
from contracts.transition import Colour

NORMAL: Final = "normal"
UNACKNOWLEDGED: Final = "unacknowledged"
ACKNOWLEDGED: Final = "acknowledged"
RETURNED: Final = "returned unacknowledged"
LATCHED_UNACKNOWLEDGED: Final = "latched unacknowledged"
LATCHED: Final = "latched acknowledged"

# `latch` is the return of an alarm that latches; `withdraw` one that nobody was to hear of.
Event = Literal["raise", "return", "latch", "withdraw", "acknowledge", "reset"]
# State and event to the next state; what is not here changes nothing. `raise` is an activation, a
# worse colour, or being heard again after shelving: each wants an acknowledgement of its own.
# ISA-18.2-2016, figure 3; its states A to F.
TRANSITIONS: Final[Mapping[tuple[str, Event], str]] = {
    (NORMAL, "raise"): UNACKNOWLEDGED,
    (UNACKNOWLEDGED, "acknowledge"): ACKNOWLEDGED,
    (UNACKNOWLEDGED, "return"): RETURNED,
    (UNACKNOWLEDGED, "latch"): LATCHED_UNACKNOWLEDGED,
    (UNACKNOWLEDGED, "withdraw"): NORMAL,
    (ACKNOWLEDGED, "raise"): UNACKNOWLEDGED,
    (ACKNOWLEDGED, "return"): NORMAL,
    (ACKNOWLEDGED, "latch"): LATCHED,
    (ACKNOWLEDGED, "withdraw"): NORMAL,
    (RETURNED, "raise"): UNACKNOWLEDGED,
    (RETURNED, "acknowledge"): NORMAL,
    (LATCHED_UNACKNOWLEDGED, "raise"): UNACKNOWLEDGED,
    (LATCHED_UNACKNOWLEDGED, "acknowledge"): LATCHED,
    (LATCHED_UNACKNOWLEDGED, "reset"): RETURNED,
    (LATCHED, "raise"): UNACKNOWLEDGED,
    (LATCHED, "reset"): NORMAL,
}
_ACTIVE: Final = frozenset({UNACKNOWLEDGED, ACKNOWLEDGED})
_ANSWERED: Final = frozenset({NORMAL, ACKNOWLEDGED, LATCHED})
_LATCHED: Final = frozenset({LATCHED_UNACKNOWLEDGED, LATCHED})
_RANK: Final = {colour.word: int(colour) for colour in Colour}

# What the stage says of an alarm beside its lane; people and lanes say the rest.
Mark = Literal["suppressed", "out_of_service", "first_in_group"]


class AnswerRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What may differ between cities in how alarms are answered.

    Parameters
    ----------
    latched : list of str
        Rules, as `class/rule`, whose alarms stay until a person resets them. Those of classes that
        guard life always do.
    repeats : RepeatRules
    suppressed : list of Suppression
        Rules that tell nothing while another rule of their asset rings.
    """

    latched: list[str] = []
    repeats: RepeatRules = RepeatRules()
    suppressed: list[Suppression] = []


class Who(NamedTuple):
    """A person, the role in which they act, and why."""

    by: str
    role: str = ""
    reason: str = ""


class Taken(NamedTuple):
    """What an alarm revision did.

    Parameters
    ----------
    answer : Answer
    replaced : str
        Id of the alarm of the same rule and channel that this one stands for from here on; empty
        when there was none. It is open no more.
    """

    answer: Answer
    replaced: str = ""


class _Held(msgspec.Struct, array_like=True):
    """An open alarm."""

    id: str
    channel: str
    rule: str
    revision: int
    state: str
    rank: int  # the worst colour since it was last raised from normal
    latches: bool
    life_safety: bool
    raised_s: int
    alarms: int = 0
    confirmed: bool = False
    shelved: bool = False
    suppressed: bool = False
    out_of_service: bool = False
    first_in_group: bool = False
    chattering: bool = False
    fleeting: bool = False
    who: tuple[str, str, str] = ("", "", "")
    at: str = ""

    @property
    def subject(self) -> Subject:
        return self.channel, self.rule

    @property
    def held_back(self) -> bool:
        return self.shelved or self.suppressed or self.out_of_service

    def shown_state(self) -> str:
        """State as ISA-18.2 names it: what holds an alarm back goes before how it is answered."""
        if self.state == NORMAL:
            return NORMAL
        if self.out_of_service:
            return "out of service"
        if self.suppressed:
            return "suppressed"
        return "shelved" if self.shelved else self.state


class AlarmAnswers:
    """Answers to the open alarms of a city.

    An alarm is open until it is normal: over, acknowledged, and not latched. A rule of a channel
    has one open alarm at most: when it rings again before the one before is answered, the new one
    stands for both, so that there are never more than the city has rules on channels.

    Parameters
    ----------
    rules : AnswerRules
    zone : timezone
        The city's.
    """

    def __init__(self, rules: AnswerRules, zone: timezone) -> None:
        self._latched = frozenset(rules.latched)
        self._zone = zone
        self.repeats = Repeats(rules.repeats)
        self.suppressions = Suppressions(rules.suppressed)
        self._open: Records[str, _Held] = Records()
        self._newest: dict[str, dict[str, str]] = {}  # open alarm of a channel by rule
        self._shelvings: Table[str, ShelvedBy] = Table()  # by channel

    def __len__(self) -> int:
        return len(self._open)

    def is_open(self, alarm_id: str) -> bool:
        """Whether an alarm is anything but normal."""
        return alarm_id in self._open

    def answer(self, alarm_id: str) -> Answer:
        """State vector of an open alarm; `KeyError` when it is not."""
        return self._answer(self._open[alarm_id])

    def life_safety(self, alarm_id: str) -> bool:
        """Whether lives hang on an open alarm."""
        return self._open[alarm_id].life_safety

    def take(self, alarm: Alarm, time_s: int) -> Taken | None:
        """Let a revision take effect; None when it was known, or is over without having been.

        Parameters
        ----------
        alarm : Alarm
        time_s : int
            Its own `detected`, seconds: a lane that lags must not seem to chatter.
        """
        subject = (alarm.channel, alarm.rule.name)
        held, replaced = self._open.get(alarm.id), ""
        known = self.repeats.revision(subject, alarm.id) if held is None else held.revision
        if alarm.revision <= known:
            return None
        if alarm.state == "cleared":
            if held is None:
                return None
            self._return(held, time_s)
        else:
            if held is None:
                held, replaced = self._begin(alarm)
            self._raise(held, alarm, time_s)
        held.revision = alarm.revision
        self.repeats.note(subject, alarm.id, alarm.revision)
        return Taken(self._told(held), replaced)

    def shelve(self, record: ShelvingRecord) -> list[str]:
        """Remember who shelved a channel, or that it is shown; open alarms that now say so."""
        if record.state == "shown":
            self._shelvings.pop(record.channel, None)
            return []
        who = (record.by, record.role, record.reason)
        once = record.once is True
        self._shelvings[record.channel] = ShelvedBy(*who, record.since, record.until, once)
        alarms = self._newest.get(record.channel, {}).values()
        return [alarm for alarm in alarms if self._open[alarm].shelved]

    def _begin(self, alarm: Alarm) -> tuple[_Held, str]:
        """A new alarm in the state of the one that it stands for, and that one's id."""
        subject = (alarm.channel, alarm.rule.name)
        of_channel = self._newest.setdefault(alarm.channel, {})
        replaced = of_channel.get(alarm.rule.name, "")
        before = self._open.pop(replaced).state if replaced else NORMAL
        held = _Held(
            alarm.id,
            *subject,
            revision=0,
            state=NORMAL if before in _ACTIVE else before,
            rank=0,
            latches=alarm.life_safety or f"{alarm.class_name}/{alarm.rule.name}" in self._latched,
            life_safety=alarm.life_safety,
            raised_s=0,
        )
        self._open[held.id] = held
        of_channel[held.rule] = held.id
        return held, replaced

    def _raise(self, held: _Held, alarm: Alarm, time_s: int) -> None:
        """Let a condition that stands take effect."""
        shelved = alarm.state == "shelved"
        rank = _RANK[alarm.colour]
        shown = held.shelved and not shelved
        if held.state not in _ACTIVE:
            held.alarms, held.chattering = self.repeats.activated(held.subject, time_s)
            held.raised_s, held.rank, held.fleeting = time_s, rank, False
            self._step(held, "raise")
        elif rank > held.rank or shown:
            self._step(held, "raise")
        held.rank = max(held.rank, rank)
        held.shelved = shelved

    def _return(self, held: _Held, time_s: int) -> None:
        """Let the end of a condition take effect."""
        if held.state == UNACKNOWLEDGED:
            held.fleeting = self.repeats.is_fleeting(held.raised_s, time_s)
        if held.latches:
            self._step(held, "latch")
        else:
            self._step(held, "withdraw" if held.held_back else "return")
        held.shelved = False

    def _step(self, held: _Held, event: Event) -> bool:
        """Move to the next state; whether there is one."""
        following = TRANSITIONS.get((held.state, event))
        if following is None:
            return False
        held.state = following
        held.confirmed = held.confirmed and following in _ANSWERED
        return True

    def acknowledge(self, alarm_id: str, who: Who, time_s: int) -> Answer:
        """Somebody has seen an open alarm; nothing changes when somebody had before."""
        return self._by(alarm_id, "acknowledge", who, time_s)

    def reset(self, alarm_id: str, who: Who, time_s: int) -> Answer:
        """Let go of an alarm that is latched; nothing changes when it is not."""
        return self._by(alarm_id, "reset", who, time_s)

    def confirm(self, alarm_id: str, who: Who, time_s: int) -> Answer:
        """Somebody says that what is acknowledged is dealt with; else nothing changes."""
        held = self._open[alarm_id]
        if held.state in _ANSWERED and not held.confirmed:
            held.confirmed = True
            self._sign(held, who, time_s)
        return self._answer(held)

    def remark(self, alarm_id: str, who: Who, time_s: int) -> Answer:
        """Note what somebody says of an open alarm; its state stays."""
        held = self._open[alarm_id]
        self._sign(held, who, time_s)
        return self._answer(held)

    def mark(self, alarm_id: str, mark: Mark, *, on: bool = True) -> Answer:
        """Say that an open alarm is held back by the stage, or the first of its incident.

        What lives hang on is never held back. What is heard again wants an acknowledgement.
        """
        held = self._open[alarm_id]
        if mark == "first_in_group":
            held.first_in_group = on
        elif not held.life_safety and getattr(held, mark) != on:
            setattr(held, mark, on)
            if not on and held.state in _ACTIVE:
                self._step(held, "raise")
        return self._answer(held)

    def _by(self, alarm_id: str, event: Event, who: Who, time_s: int) -> Answer:
        held = self._open[alarm_id]
        if self._step(held, event):
            self._sign(held, who, time_s)
        return self._told(held)

    def _sign(self, held: _Held, who: Who, time_s: int) -> None:
        held.who = (who.by, who.role, who.reason)
        held.at = clock(time_s * NS_PER_S, self._zone)

    def _told(self, held: _Held) -> Answer:
        """Answer of an alarm, which leaves when it is normal."""
        if held.state == NORMAL:
            del self._open[held.id]
            of_channel = self._newest[held.channel]
            del of_channel[held.rule]
            if not of_channel:
                del self._newest[held.channel]
        return self._answer(held)

    def _answer(self, held: _Held) -> Answer:
        shelving = self._shelvings.get(held.channel) if held.shelved else None
        return _answer(held, shelving)

    def state(self) -> dict[str, Any]:
        """Open alarms, what repeats and what is shelved, as plain data."""
        held = [msgspec.to_builtins(one) for one in self._open.values()]
        shelved = {name: msgspec.to_builtins(one) for name, one in self._shelvings.items()}
        return {"open": held, "repeats": self.repeats.state(), "shelvings": shelved}

    def copying(self) -> SlicedCopy:
        """Begin a copy of what `state` gives now."""
        parts = {
            "open": self._open.copying(lambda copies: list(copies.values())),
            "repeats": self.repeats.copying(),
            "shelvings": self._shelvings.copying(),
        }
        return copies_of(parts)

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave, under the rules of this one."""
        held = [msgspec.convert(one, _Held) for one in state["open"]]
        self._open = Records((one.id, one) for one in held)
        self._newest = {}
        for one in held:
            self._newest.setdefault(one.channel, {})[one.rule] = one.id
        shelvings = state.get("shelvings", {})
        self._shelvings = Table(
            (name, msgspec.convert(one, ShelvedBy)) for name, one in shelvings.items()
        )
        self.repeats.restore(state["repeats"])


def _answer(held: _Held, shelving: ShelvedBy | None) -> Answer:
    by, role, reason = held.who
    return Answer(
        active=held.state in _ACTIVE,
        acknowledged=held.state in _ANSWERED,
        confirmed=held.confirmed,
        latched=held.state in _LATCHED,
        shelved=held.shelved,
        suppressed=held.suppressed,
        out_of_service=held.out_of_service,
        state=held.shown_state(),
        first_in_group=held.first_in_group,
        alarms=held.alarms,
        chattering=held.chattering,
        fleeting=held.fleeting,
        by=by,
        role=role,
        reason=reason,
        at=held.at,
        shelving=shelving,
    )
