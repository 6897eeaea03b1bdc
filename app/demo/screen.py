"""What the demo says while it runs, and the plain lines of it for pipes."""

import sys
from collections.abc import Sequence
from typing import Final, Protocol

from app.demo.alarm_listener import AlarmListener
from contracts.alarm import Alarm
from contracts.desk.incident import Incident
from contracts.ports.status import LaneStatus
from lab.feeds.feed import Feed
from lab.reports.latency import LatencyMeter
from lab.reports.terminal import colours

TICKET: Final = "ticket"  # the reason of a revision that is about answers and clocks alone
SHOWN: Final = {"blue": "34", "yellow": "33", "orange": "38;5;208", "red": "31", "clear": "32"}


class Progress(Protocol):
    """How the demo is, for whoever shows it."""

    feeds: Sequence[Feed]
    phase: str
    meter: LatencyMeter
    listener: AlarmListener

    def lanes(self) -> list[LaneStatus]:
        """Every lane of every lifeline."""

    def accounts(self) -> dict[str, dict[str, int]]:
        """Accounts of each lifeline, its lanes together."""

    def shares(self) -> dict[str, float]:
        """How much of each feed is on its way, from 0 to 1."""


class Screen(Protocol):
    """Whoever shows the demo."""

    def begin(self, feeds: Sequence[Feed]) -> None:
        """Say what is about to play."""

    def ready(self, metrics: str, console: str) -> None:
        """Say that the clock starts, and where the metrics are, and the console if there is one."""

    def ring(self, alarm: Alarm) -> None:
        """Show a revision."""

    def tell(self, incident: Incident) -> None:
        """Show a revision of an incident."""

    def look(self, show: Progress) -> None:
        """Show how the demo is; called a few times a second."""

    def end(self) -> None:
        """Let go of the terminal."""


class Plain:
    """Lines as a pipe wants them."""

    def begin(self, feeds: Sequence[Feed]) -> None:
        """One line for each lifeline."""
        self._say("\n".join(f"{feed.lifeline}: {feed.source}" for feed in feeds))

    def ready(self, metrics: str, console: str) -> None:
        """Where the metrics and the console are."""
        if console:
            self._say(f"console on {console}")
        self._say(f"metrics on {metrics}")

    def ring(self, alarm: Alarm) -> None:
        """One line for each revision."""
        self._say(line(alarm))

    def tell(self, incident: Incident) -> None:
        """One line for each revision that says something new of the situation."""
        if incident.reason != TICKET:
            self._say(f"incident   {incident_line(incident)}")

    def look(self, show: Progress) -> None:
        """Nothing: a file does not want to know."""

    def end(self) -> None:
        """Nothing is held."""

    @staticmethod
    def _say(text: str) -> None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def incident_line(incident: Incident) -> str:
    """One revision of an incident as a person reads it in a terminal."""
    told, root = incident.situation, incident.situation.root
    behind = f"; root {root.lifeline}.{root.asset}" if root else ""
    return f"{incident.at[:19]}  {told.colour:6}  {incident.reason}: {told.title['en']}{behind}"


def line(alarm: Alarm) -> str:
    """One revision as a person reads it in a terminal."""
    word = f"{alarm.colour:6}"
    if colours(sys.stdout):
        word = f"\033[{SHOWN[alarm.colour]}m{word}\033[0m"
    return f"{alarm.detected}  {alarm.lifeline:10}  {word}  {alarm.say['en']}"
