"""The demo on a terminal: alarms as they ring, and below them a panel that says how it goes."""

import time
from collections import Counter, deque
from collections.abc import Sequence
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.live import Live as Display
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from app.demo.screen import TICKET, Progress
from contracts.alarm import Alarm
from contracts.desk.incident import Incident
from contracts.desk.notice import Notice
from lab.feeds.feed import Feed
from lab.reports.latency import SILENT

INK: Final = {
    "blue": "blue",
    "yellow": "yellow",
    "orange": "dark_orange",
    "red": "red",
    "clear": "green",
}
COLOURS: Final = ("red", "orange", "yellow", "blue")
RATE_S: Final = 2.0  # readings per second are those of the last seconds


class Rate:
    """How fast a count grows, over the last seconds."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def per_second(self, now_s: float, count: int) -> float:
        """Note a count; the growth per second since the oldest one that is not too old."""
        self._seen.append((now_s, count))
        while now_s - self._seen[0][0] > RATE_S:
            self._seen.popleft()
        first_s, first = self._seen[0]
        return (count - first) / (now_s - first_s) if now_s > first_s else 0.0


class Live:
    """The demo's screen on a terminal.

    Parameters
    ----------
    console : Console, optional
        Where to draw; the default draws on standard output and respects NO_COLOR.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._display = Display(
            console=self._console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
        )
        self._rate = Rate()

    def begin(self, feeds: Sequence[Feed]) -> None:
        """What is about to play, and what was put into it."""
        for feed in feeds:
            self._console.print(Text.assemble((f"{feed.lifeline:11}", "bold"), feed.source))
            for name, what in feed.injections():
                self._console.print(injection(name, what))
        self._display.start()

    def ready(self, metrics: str, console: str) -> None:
        """Where the metrics and the console are."""
        if console:
            self._console.print(Text(f"console on {console}"))
        self._console.print(Text(f"metrics on {metrics}", "dim"))

    def ring(self, alarm: Alarm) -> None:
        """One sentence above the panel."""
        self._console.print(sentence(alarm))

    def tell(self, incident: Incident) -> None:
        """One line above the panel, unless only answers or clocks have changed."""
        if incident.reason != TICKET:
            self._console.print(incident_row(incident))

    def look(self, show: Progress) -> None:
        """Draw the panel again."""
        self._display.update(panel(show, self._rate), refresh=True)

    def end(self) -> None:
        """Leave the last panel where it is."""
        self._display.stop()


def injection(name: str, what: str) -> Text:
    """One line on an event that was put into a feed."""
    return Text.assemble(("           injected: ", "dim"), name, (f" ({what})", "dim"))


def sentence(alarm: Alarm) -> Table:
    """One revision: city time, lifeline, colour, sentence, which wraps below itself."""
    return _row(alarm.detected, Text(alarm.lifeline), alarm.colour, alarm.say["en"])


def _row(at: str, what: Text, colour: str, said: str) -> Table:
    row = Table.grid(padding=(0, 2, 0, 0))
    for width in (16, 10, 6):
        row.add_column(width=width, no_wrap=True)
    row.add_column()
    when = Text(at[:16].replace("T", " "), "dim")
    row.add_row(when, what, Text(colour, INK[colour]), Text(said))
    return row


def incident_row(incident: Incident) -> Table:
    """One revision of an incident, as a sentence is drawn."""
    told, root = incident.situation, incident.situation.root
    behind = f" Root: {root.hypothesis['en']}" if root else ""
    said = f"{incident.reason}: {told.title['en']}.{behind}"
    return _row(incident.at, Text("INCIDENT", "bold"), told.colour, said)


def panel(show: Progress, rate: Rate) -> Panel:
    """How the demo goes, as figures and a line for each lifeline."""
    received = sum(account.get("received", 0) for account in show.accounts().values())
    lag = sum(max(0, lane.end - lane.position) for lane in show.lanes())
    p99_ms = show.meter.p99_ms()
    figures = Text.assemble(
        (f"{rate.per_second(time.monotonic(), received):,.0f}", "bold"),
        " readings/s   lag ",
        (f"{lag:,}", "bold"),
        "   sample to alarm p99 ",
        ("-" if p99_ms is None else f"{p99_ms:,.0f} ms", "bold"),
        f"   {received:,} readings, {len(show.listener.told)} revisions",
    )
    parts: list[RenderableType] = [figures, Text(), _lifelines(show)]
    if show.listener.notices:
        parts += [Text(), desk_line(show.listener.incidents, show.listener.notices)]
    return Panel(Group(*parts), title=f"Tocsin: {show.phase}")


def desk_line(incidents: Sequence[Incident], notices: Sequence[Notice]) -> Text:
    """What the desk made of the alarms that it was given."""
    newest = {incident.id: incident.situation for incident in incidents}
    there = [told for told in newest.values() if told.state != "merged"]
    held = sum(told.counts.get("all", 0) for told in there)
    told = sum(notice.withheld is None for notice in notices)
    word = "incident" if len(there) == 1 else "incidents"
    return Text.assemble(
        "desk of the district: ",
        (f"{len(there)} {word}", "bold"),
        f" of {held} alarms, ",
        (f"{told} notices", "bold"),
        f" to {len({notice.desk for notice in notices})} desks, {len(notices) - told} withheld",
    )


def _lifelines(show: Progress) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for word in ("lifeline", "played", "channels alive", "open alarms"):
        table.add_column(word)
    shares, alarms = show.shares(), show.listener.newest.values()
    standing = [alarm for alarm in alarms if alarm.state != "cleared"]
    for feed in show.feeds:
        unclear = feed.rung(standing)
        alive = alive_share(len(feed.channels()), unclear)
        table.add_row(
            feed.lifeline,
            f"{shares[feed.lifeline]:.0%}",
            Text(f"{alive:.0%}", "" if alive == 1 else "red"),
            open_alarms(unclear),
        )
    return table


def alive_share(channels: int, unclear: Sequence[Alarm]) -> float:
    """Share of channels without an open alarm of silence."""
    silent = {alarm.channel for alarm in unclear if alarm.rule.name == SILENT}
    return 1 - len(silent) / channels


def open_alarms(unclear: Sequence[Alarm]) -> Text:
    """How many alarms are open in each colour, the worst first."""
    counts = Counter(alarm.colour for alarm in unclear)
    words = [(f"{counts[c]} {c}  ", INK[c]) for c in COLOURS if counts[c]]
    return Text.assemble(*words) if words else Text("none", "dim")
