"""What the console asks of a history, of a configuration and of the brokers.

Times are milliseconds since 1970 UTC.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol

import msgspec

from contracts.journal import CommandBase

Text = dict[str, str]  # by language: `en`, `zh`


class IncidentQuery(NamedTuple):
    """Which incidents, and how many; what is empty does not matter.

    Parameters
    ----------
    desk, lifeline, district, colour, state : str
        `desk` was told of it; `state` is that of the ticket.
    only_open : bool
    limit : int
    after : str
        Id of the last incident of the page before.
    """

    desk: str = ""
    lifeline: str = ""
    district: str = ""
    colour: str = ""
    state: str = ""
    only_open: bool = True
    limit: int = 200
    after: str = ""


class Line(msgspec.Struct, frozen=True):
    """An incident as a list shows it; `due_ms` is when `due_for` should have happened."""

    id: str
    revision: int
    colour: str
    state: str
    ticket_state: str
    owner: str
    joint: list[str]
    acknowledged: bool
    acknowledged_by: str
    district: str
    lifelines: list[str]
    title: Text
    people: int
    alarms: int
    life_safety: bool
    drill: bool
    shelved: bool
    onset_ms: int | None
    told_ms: int | None
    due_ms: int | None
    due_for: str
    overdue: bool


class TimelineEntry(msgspec.Struct, frozen=True):
    """Something in the course of an incident; see `sinks.history.queries.Event`."""

    at_ms: int
    kind: str
    id: str
    what: str
    who: str
    detail: str


class Story(msgspec.Struct, frozen=True):
    """All about an incident; records are JSON as their topics have them."""

    line: Line
    incident: msgspec.Raw
    alarms: list[msgspec.Raw]
    timeline: list[TimelineEntry]
    notices: list[msgspec.Raw]


class Ticket(NamedTuple):
    """What people have made of an incident at one of its revisions."""

    revision: int
    state: str
    ticket_state: str
    owner: str
    verdict: str


class Cell(msgspec.Struct, frozen=True):
    """A lifeline in a district: the worst open colour, how many, and how many alarms are usual.

    `unacknowledged` leaves out what is shelved: it neither sounds nor blinks.
    """

    lifeline: str
    district: str
    colour: str | None
    open: int
    unacknowledged: int
    usual_a_day: float | None
    today: int


class DeskLoad(msgspec.Struct, frozen=True):
    """What a desk was told lately, and what its last heartbeat says is watched.

    Parameters
    ----------
    desk : str
    notices_10min : int
    watched : float or None
        Share of its channels.
    blind : int
        Areas of the desk in which nothing is watched.
    said : dict of str to str, optional
        The heartbeat in words, which name the first of these areas.
    heard_ms : int or None
        When the heartbeat was told.
    on_duty : list of str
        Who was on duty then.
    """

    desk: str
    notices_10min: int
    watched: float | None
    blind: int = 0
    said: Text | None = None
    heard_ms: int | None = None
    on_duty: list[str] = []


class Overview(NamedTuple):
    """The city at one moment; `drill` says that all that is told is one."""

    cells: list[Cell]
    desks: list[DeskLoad]
    colours: dict[str, int]
    drill: bool


class Written(msgspec.Struct, frozen=True):
    """A row that was written to the history."""

    kind: str
    id: str
    seq: int


class Answered(msgspec.Struct, frozen=True):
    """What became of a command."""

    command: str
    refused: bool
    reason: str
    detail: str


class News(NamedTuple):
    """What was written behind a cursor.

    Parameters
    ----------
    changes : list of Written
    answers : list of Answered
    cursor : str
    anew : bool
        Whether the history was made anew since.
    writes : int
        Rises whenever the history is written, every few seconds that nothing new has come.
    newest_ms : int
        Stamp of the newest record that it holds, 0 when it is empty.
    stage_ms : int
        Stamp of the last notice, heartbeats too; 0 before the first.
    current_ms : int
        When the history last had all that the topics held, 0 before it has.
    """

    changes: list[Written]
    answers: list[Answered]
    cursor: str
    anew: bool
    writes: int
    newest_ms: int
    stage_ms: int
    current_ms: int = 0


class Marked(NamedTuple):
    """The worst open incident that an asset is part of."""

    incident: str
    colour: str
    drill: bool


Rows = list[dict[str, object]]
BESIDE_MAX: Final = 50  # of the channels of one asset


class ConsoleHistory(Protocol):
    """What was told; all of it blocks, and is called from one thread.

    Everything raises `RetryableError` while the history is away.
    """

    def news(self, cursor: str) -> News:
        """What was written behind a cursor."""

    def overview(self, now_ms: int, midnight_ms: int) -> Overview:
        """The city at a moment of a day that began at midnight."""

    def lines(self, wanted: IncidentQuery, now_ms: int) -> tuple[list[Line], bool]:
        """Incidents, the most urgent first, and whether there are more."""

    def story(self, incident: str, now_ms: int) -> Story | None:
        """All about an incident."""

    def ticket(self, incident: str, revision: int | None = None) -> Ticket | None:
        """What people have made of it, at a revision or now."""

    def scope(self, target: str) -> tuple[list[str], str] | None:
        """Lifelines and district of an incident or an alarm."""

    def alarms(self, channel: str, lifeline: str, limit: int) -> Rows:
        """Revisions of alarms with their records, the newest first."""

    def marked(self) -> dict[tuple[str, str], Marked]:
        """Open incidents by the lifeline and asset of their active members."""

    def shelvings(self, channel: str = "") -> Rows:
        """Shelvings that last."""

    def withheld(self, desk: str, limit: int) -> Rows:
        """Notices that were kept back."""

    def audit(self, by: str, limit: int) -> Rows:
        """Who commanded what."""

    def orders(self, limit: int) -> Rows:
        """Work orders as they were given last, the newest first.

        Each has `order`, `assets` (with commas between), `area`, `begins_ms`, `ends_ms`, `by`,
        `role`, `reason` and `logged_ms`. One that ends where it begins is withdrawn.
        """

    def close(self) -> None:
        """Let go of connections."""


class LifelineFacts(msgspec.Struct, frozen=True):
    """A lifeline of the configuration."""

    name: str
    title: Text
    channels: int


class DeskFacts(msgspec.Struct, frozen=True):
    """A desk of the configuration; `budget` is how many notices it can bear in ten minutes."""

    name: str
    title: Text
    lifelines: list[str]
    area: str
    budget: float


class ChannelFacts(msgspec.Struct, frozen=True):
    """A channel of the catalogue."""

    channel: str
    lifeline: str
    lane: int
    class_name: str
    asset: str
    title: Text
    district: str
    place: str
    unit: str
    lon: float | None
    lat: float | None
    tags: list[str]


class AssetFacts(msgspec.Struct, frozen=True):
    """An asset of the topology, named within its lifeline; `districts` are its channels'."""

    id: str
    lifeline: str
    asset: str
    title: Text
    lon: float | None
    lat: float | None
    districts: frozenset[str] = frozenset()


class City(Protocol):
    """What a configuration says of the city.

    `heartbeat_ms` is how often the desk stage tells that it lives, None if it never does.
    `outlines` has rings of longitude and latitude by district, degrees of WGS84; one inside
    another is a hole.
    """

    name: Text
    zone: str
    heartbeat_ms: int | None
    offset_minutes: int
    lifelines: Sequence[LifelineFacts]
    districts: Sequence[tuple[str, Text]]
    outlines: Mapping[str, list[list[tuple[float, float]]]]
    desks: Sequence[DeskFacts]
    assets: Sequence[AssetFacts]
    feeds: Sequence[tuple[str, str]]

    def channel(self, lifeline: str, channel: str) -> ChannelFacts | None:
        """A channel, None where the catalogue has none of that name."""

    def beside(self, lifeline: str, channel: str) -> list[str]:
        """Other channels of the same asset, some at most."""

    def lifeline_of(self, channel: str) -> str | None:
        """Lifeline of a channel."""

    def rules(self, channel: str) -> list[dict[str, object]]:
        """Values that govern a channel and where each was written; reads files, may block."""

    def next_states(self, state: str) -> list[str]:
        """States that a ticket may go to."""


class SilentLanes(msgspec.Struct, frozen=True):
    """Lanes of a lifeline that no worker watches.

    Parameters
    ----------
    lifeline : str
    silent : int
        Lanes whose worker is gone, or has not shown in time that it could ring.
    lanes : int
        All of the lifeline.
    since_ms : int or None
        When the first of the silent ones was heard last, None where one never was.
    """

    lifeline: str
    silent: int
    lanes: int
    since_ms: int | None


class LaneWatch(Protocol):
    """Whether workers watch their lanes."""

    def silent(self) -> list[SilentLanes] | None:
        """Lifelines with lanes that nobody watches, None while that cannot be known."""


class CommandSender(Protocol):
    """Sends commands to lanes and to the desk stage."""

    async def send(self, lifeline: str, lane: int, command: CommandBase) -> None:
        """Sign in the command's role and send; back when brokers have it.

        Raises
        ------
        RetryableError
            When they do not answer: it may have been sent, and the same id is carried out once.
        ConfigError
            When the console's key does not speak for the role.
        """
