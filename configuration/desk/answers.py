"""How alarms and tickets are answered in this city: `answers.yaml`, which may be left out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from alarms.lifecycle.alarm_state import AnswerRules
from alarms.lifecycle.suppression import both_ways
from alarms.lifecycle.ticket_rules import TicketRules, faults
from configuration.yaml.fill import Page, fill
from configuration.yaml.findings import Findings
from configuration.yaml.findings import Path as Keys
from configuration.yaml.located import located
from configuration.yaml.source import source_of
from contracts.errors import ConfigError
from contracts.quantities import NS_PER_S, Duration

FILE: Final = "answers.yaml"


class Answers(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the file may hold.

    Parameters
    ----------
    alarms : AnswerRules
    tickets : TicketRules
    """

    alarms: AnswerRules = AnswerRules()
    tickets: TicketRules = msgspec.field(default_factory=TicketRules)


def load_answers(folder: Path) -> Answers:
    """Rules of a configuration folder, those that are shipped where it has none.

    Raises
    ------
    ConfigError
        With everything that is wrong.
    """
    findings = Findings()
    found = read_answers(folder, findings)
    if found is None:
        raise ConfigError(*findings.lines())
    return found


def read_answers(folder: Path, findings: Findings) -> Answers | None:
    """Rules of a configuration folder; None when anything is wrong, which is noted."""
    path = folder / FILE
    if not path.exists():
        return Answers()
    source = source_of(path, path.as_posix(), findings)
    tree = None if source is None else located(path.as_posix(), source, findings)
    if tree is None:
        return None
    before, page = len(findings), Page(path.as_posix(), tree, findings)
    answers = fill(Answers, page)
    if answers is None:
        return None
    for place, text in faults(answers.tickets):
        page.find(("tickets", "states", *place), text)
    for rule in both_ways(answers.alarms.suppressed):
        text = f"expected rules that are not suppressed themselves, got {rule!r} on both sides"
        page.find(("alarms", "suppressed"), f"{text}; both would be mute")
    for place, length in _lengths(answers):
        if length.periods or length.ns < NS_PER_S:
            page.refuse(place, "a time of at least 1 s", str(length))
    return answers if len(findings) == before else None


def _lengths(answers: Answers) -> Iterator[tuple[Keys, Duration]]:
    """Every length of time in the file, with its place."""
    repeats, tickets = answers.alarms.repeats, answers.tickets
    yield ("alarms", "repeats", "chattering_within"), repeats.chattering_within
    yield ("alarms", "repeats", "fleeting_within"), repeats.fleeting_within
    if tickets.auto_close is not None:
        yield ("tickets", "auto_close"), tickets.auto_close
    for name, state in tickets.states.items():
        if state.within is not None:
            yield ("tickets", "states", name, "within"), state.within
