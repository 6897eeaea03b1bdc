"""Whether what people tell the desk stage can be done now: targets, states, tickets, orders."""

from collections.abc import Container
from dataclasses import dataclass
from typing import Protocol

from alarms.lifecycle.alarm_state import AlarmAnswers
from alarms.lifecycle.maintenance import WorkOrders
from alarms.lifecycle.tickets import Tickets
from contracts.commands.concern import Concern
from contracts.desk.answer import Answer
from contracts.desk.commands import (
    Acknowledge,
    Advance,
    Assign,
    Close,
    Confirm,
    DeskCommand,
    Drill,
    Maintenance,
    Move,
    Report,
    Reset,
)
from contracts.desk.incident import Situation
from contracts.ports.desk import Ground

_OfTicket = Assign | Advance | Close


class KnownIncidents(Protocol):
    """Incidents, and which alarms are in them."""

    def knows(self, incident: str) -> bool:
        """Whether there is one of this id that is not merged into another."""

    def of_alarm(self, alarm: str) -> str | None:
        """The incident, or the line of its own, that an alarm is in; None when it is unknown."""

    def alarms_of(self, incident: str) -> list[str]:
        """Alarms of a known incident, those that are over too."""

    def situation(self, incident: str) -> Situation:
        """What a known incident is."""


@dataclass(frozen=True, slots=True)
class CommandChecks:
    """Holds commands against what the desk stage knows; changes nothing.

    Parameters
    ----------
    answers : AlarmAnswers
    tickets : Tickets
    orders : WorkOrders
    incidents : KnownIncidents
    lifelines : container of str
        Those that are configured.
    """

    answers: AlarmAnswers
    tickets: Tickets
    orders: WorkOrders
    incidents: KnownIncidents
    lifelines: Container[str]

    def ground(self, command: DeskCommand, time_s: int) -> Ground:
        """Why a command cannot be carried out at a desk time, None when it can."""
        if isinstance(command, Drill):
            return None
        if (unknown := self._unknown(command)) is not None:
            return unknown
        if isinstance(command, Maintenance):
            return self.orders.ground(command, time_s)
        if isinstance(command, Acknowledge | Confirm | Reset):
            return self._ground_of_answer(command)
        if isinstance(command, Move):
            return self._ground_of_move(command)
        return self._ground_of_ticket(command, time_s)

    def concern(self, command: DeskCommand) -> Concern:
        """What a command concerns, as far as it is known: roles may have a part in all or in some.

        An incident concerns every lifeline in it: whoever answers for one may answer.
        """
        if isinstance(command, Maintenance):
            return self.orders.concern(command)
        incident = self.incident(command)
        if self.incidents.knows(incident):
            found = self.incidents.situation(incident)
            where = found.where
            areas = {where.district, where.street, where.neighbourhood, where.grid}
            return Concern(frozenset(found.lifelines), frozenset(areas))
        return Concern(
            frozenset({command.lifeline}) if isinstance(command, Report) else frozenset()
        )

    def _unknown(self, command: DeskCommand) -> Ground:
        """Whether something is named and not there."""
        for lifeline in _lifelines(command):
            if lifeline not in self.lifelines:
                text = f"expected a lifeline of the settings, got {lifeline!r}"
                return "unknown_lifeline", f"{text}; name assets as `water.dma-0417`"
        target = getattr(command, "target", "")
        if target.startswith("i-") and not self._has_incident(target):
            text = f"expected an incident that is known, got {target!r}"
            return "unknown_incident", f"{text}; it was merged, or is over for long"
        if target.startswith("a-") and not self._has_alarm(target):
            text = f"expected an alarm that is known, got {target!r}"
            return "unknown_alarm", f"{text}; it is over, or was never told here"
        return None

    def _has_incident(self, incident: str) -> bool:
        return incident in self.tickets or self.incidents.knows(incident)

    def _has_alarm(self, alarm: str) -> bool:
        return self.answers.is_open(alarm) or self.incidents.of_alarm(alarm) is not None

    def targets(self, target: str) -> list[str]:
        """Open alarms that a known target stands for, in the order of their joining."""
        if target.startswith("a-"):
            return [target] if self.answers.is_open(target) else []
        if not self.incidents.knows(target):
            return []
        return [name for name in self.incidents.alarms_of(target) if self.answers.is_open(name)]

    def _ground_of_answer(self, command: Acknowledge | Confirm | Reset) -> Ground:
        """Whether there is nothing for an answer to do, or something comes first."""
        found = [(name, self.answers.answer(name)) for name in self.targets(command.target)]
        if isinstance(command, Acknowledge):
            return self._ground_of_acknowledgement(command, [answer for _, answer in found])
        if isinstance(command, Confirm):
            wanted = "an open alarm that nobody has confirmed"
            todo = [(name, answer) for name, answer in found if not answer.confirmed]
        else:
            wanted = "an alarm that is over and latched"
            todo = [(name, answer) for name, answer in found if answer.latched]
        if not todo:
            text = f"expected {wanted}, got none of {command.target!r}"
            return "wrong_state", f"{text}; nothing is left to do"
        # Of what lives hang on nobody lets go unseen.
        for name, answer in todo:
            first = isinstance(command, Confirm) or self.answers.life_safety(name)
            if first and not answer.acknowledged:
                text = f"expected an acknowledgement before, got {name!r} without"
                return "not_acknowledged", f"{text}; acknowledge it first"
        return None

    def _ground_of_acknowledgement(self, command: Acknowledge, found: list[Answer]) -> Ground:
        if any(not answer.acknowledged for answer in found):
            return None
        target = command.target
        open_ticket = target in self.tickets and not self.tickets.is_closed(target)
        if open_ticket and not self.tickets.ticket(target).acknowledged:
            return None
        text = f"expected something that nobody has acknowledged, got {target!r}"
        return "wrong_state", f"{text}; nothing is left to do"

    def _ground_of_move(self, command: Move) -> Ground:
        """Whether an alarm cannot go where it is to go."""
        if not command.target.startswith("a-"):
            text = f"expected an alarm to move, got {command.target!r}"
            return "wrong_target", f"{text}; name one of its alarms"
        if command.to and not self.incidents.knows(command.to):
            text = f"expected an incident that is known, got {command.to!r}"
            return "unknown_incident", f"{text}; it was merged, or is over for long"
        if command.to in self.tickets and self.tickets.is_closed(command.to):
            text = f"expected an open incident, got {command.to!r}"
            return "wrong_state", f"{text}, which is closed; move it to another"
        here = self.incidents.of_alarm(command.target)
        if here is None:
            text = f"expected an alarm of an incident, got {command.target!r}"
            return "wrong_state", f"{text}, which is over; nothing is left to do"
        if command.to == here or (not command.to and len(self.incidents.alarms_of(here)) == 1):
            text = f"expected another incident than {here!r}, got the one that it is in"
            return "wrong_state", f"{text}; nothing is left to do"
        return None

    def _ground_of_ticket(self, command: DeskCommand, time_s: int) -> Ground:
        """Whether the ticket does not allow it; remarks, verdicts and reports need none."""
        incident = self.incident(command)
        if incident in self.tickets:
            return self.tickets.ground(incident, command, time_s)
        if isinstance(command, _OfTicket):
            text = f"expected an incident with a ticket, got {command.target!r}"
            return "no_ticket", f"{text}, a line of its own; answer its alarm"
        return None

    def incident(self, command: DeskCommand) -> str:
        """Incident that a command is about: its target or the one that its alarm is in, or none."""
        target = getattr(command, "target", "")
        if target.startswith("a-"):
            return self.incidents.of_alarm(target) or ""
        return str(target)


def _lifelines(command: DeskCommand) -> list[str]:
    """Lifelines that a command names, itself or before the names of its assets."""
    if isinstance(command, Maintenance):
        return sorted({asset.partition(".")[0] for asset in command.assets})
    return [command.lifeline] if isinstance(command, Report) else []
