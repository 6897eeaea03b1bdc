"""POST of a command: who may give it, whether it still fits, and sending it."""

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Final, Literal

import msgspec
from aiohttp import web
from msgspec import Meta

from console.answers import Refusal, answered
from console.feed import Feed
from console.reading import BY_CHANNEL
from console.sessions import SESSION, Session
from contracts.desk.commands import DeskCommand
from contracts.errors import ConfigError, RetryableError
from contracts.journal import CommandBase, Shelve, Unshelve
from contracts.ports.console import City, CommandSender, ConsoleHistory, Ticket

log = logging.getLogger("tocsin.console.audit")

DESK: Final = "desk"
VALID_MS: Final = 60_000  # what was not carried out by then nobody waits for any more
REMEMBERED: Final = 10_000
TARGETS_MAX: Final = 200

Kind = Literal[
    "acknowledge", "assign", "advance", "dispatch", "comment", "shelve", "unshelve", "confirm",
    "reset", "close", "verdict", "report", "maintenance", "drill", "move",
]  # fmt: skip
Words = Annotated[str, Meta(max_length=2048)]
Name = Annotated[str, Meta(max_length=256)]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a page sends; which fields count depends on the kind.

    Parameters
    ----------
    id : str
        Chosen by the page: the same one twice is carried out once.
    target : str
        An incident, an alarm, or a channel.
    targets : list of str
        Several incidents, in place of `target`.
    revision : int or None
        Of the incident, as the person saw it.
    """

    id: Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{8,48}$")]
    kind: Kind
    target: Name = ""
    targets: Annotated[list[Name], Meta(max_length=TARGETS_MAX)] = []
    revision: int | None = None
    reason: Words = ""
    text: Words = ""
    to: Name = ""
    owner: Name = ""
    joint: list[Name] = []
    until: Annotated[int, Meta(ge=0, le=2**53 - 1)] = 0
    once: bool = False
    verdict: str = ""
    asset: Name = ""
    colour: str = ""
    lifeline: Name = ""
    order: Name = ""
    assets: list[Name] = []
    begins: int = 0
    ends: int = 0
    area: Name = ""
    on: bool = False


class Commanding:
    """Judges commands and sends them.

    Parameters
    ----------
    history : ConsoleHistory
    city : City
    sender : CommandSender
    feed : Feed
    now_ms : callable
        Wall clock.
    """

    def __init__(
        self,
        history: ConsoleHistory,
        city: City,
        sender: CommandSender,
        feed: Feed,
        now_ms: Callable[[], int],
    ) -> None:
        self._history = history
        self._city = city
        self._sender = sender
        self._feed = feed
        self._now_ms = now_ms
        self._sent: OrderedDict[tuple[str, str], None] = OrderedDict()

    async def post(self, request: web.Request) -> web.Response:
        """Take a command; 202 once brokers have it, and its effect comes as an event."""
        session: Session = request[SESSION]
        try:
            asked = msgspec.json.decode(await request.read(), type=Asked)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Refusal(code="bad_request", detail=str(error)) from error
        known = (session.user, asked.id)
        if known not in self._sent:
            if self._feed.unwritten:  # nobody would see what becomes of it
                raise Refusal(code="history_away")
            await self._send(asked, session)
            self._sent[known] = None
            while len(self._sent) > REMEMBERED:
                self._sent.popitem(last=False)
        return answered({"id": asked.id, "accepted": True}, 202)

    async def _send(self, asked: Asked, session: Session) -> None:
        orders = [
            await self._judged(asked, one, session) for one in asked.targets or [asked.target]
        ]
        try:
            for number, (lifeline, lane, command) in enumerate(orders):
                id_ = f"{asked.id}.{number}" if number else asked.id
                told = msgspec.structs.replace(command, id=id_)
                await self._sender.send(lifeline, lane, told)
                if lifeline == DESK:
                    self._feed.ordered(id_)
        except RetryableError as error:
            log.warning("%s: %s not sent: %s", session.user, asked.kind, error)
            raise Refusal(code="commands_away") from error
        except ConfigError as error:
            self._refuse(session, asked, str(error))

    async def _judged(
        self, asked: Asked, target: str, session: Session
    ) -> tuple[str, int, CommandBase]:
        """Where a command goes, and as what; refused unless the person may give it."""
        if asked.kind in BY_CHANNEL:
            return self._for_lane(asked, target, session)
        lifelines, district = await self._scope(asked, target)
        if not session.account.may(asked.kind, lifelines, district):
            self._refuse(session, asked, f"{asked.kind} of {target}")
        if asked.revision is not None and target.startswith("i-"):
            await self._unchanged(target, asked.revision)
        try:
            command: Any = msgspec.convert(dict(self._fields(asked, target, session)), DeskCommand)
        except msgspec.ValidationError as error:
            raise Refusal(code="bad_request", detail=str(error)) from error
        return DESK, 0, command

    async def _scope(self, asked: Asked, target: str) -> tuple[list[str], str]:
        """Lifelines and district that a command concerns."""
        if asked.kind == "report" and not target:
            return [asked.lifeline], ""
        if asked.kind == "maintenance":
            return sorted({asset.partition(".")[0] for asset in asked.assets}), asked.area
        if asked.kind == "drill":
            return [], ""
        scope: tuple[list[str], str] | None = await self._feed.ask(self._history.scope, target)
        if scope is None:
            raise Refusal(code="not_found")
        return scope

    async def _unchanged(self, incident: str, revision: int) -> None:
        """Refuse when people have changed the ticket since; more alarms are no conflict."""
        now: Ticket | None = await self._feed.ask(self._history.ticket, incident)
        seen: Ticket | None = await self._feed.ask(self._history.ticket, incident, revision)
        if now is not None and (seen is None or seen[2:] != now[2:] or now.state == "merged"):
            raise Refusal(code="conflict", now=now._asdict())

    def _for_lane(
        self, asked: Asked, channel: str, session: Session
    ) -> tuple[str, int, CommandBase]:
        lifeline = self._city.lifeline_of(channel)
        facts = self._city.channel(lifeline, channel) if lifeline else None
        if lifeline is None or facts is None:
            raise Refusal(code="not_found")
        if not session.account.may(asked.kind, [lifeline], facts.district):
            self._refuse(session, asked, f"{asked.kind} of {channel}")
        now_ms, reason = self._now_ms(), asked.reason or asked.text
        frame: dict[str, Any] = {
            "at": now_ms,
            "expires": now_ms + VALID_MS,
            "role": session.account.role,
        }
        if asked.kind == "unshelve":
            return lifeline, facts.lane, Unshelve(channel, session.user, reason, **frame)
        seconds = (asked.until - now_ms) // 1000
        if seconds < 1 or not reason:
            raise Refusal(code="bad_request", detail="expected a reason, and an end in the future")
        told = Shelve(channel, session.user, reason, seconds, asked.once, **frame)
        return lifeline, facts.lane, told

    def _fields(self, asked: Asked, target: str, session: Session) -> Iterator[tuple[str, object]]:
        """Fields of a command to the desk stage."""
        now_ms = self._now_ms()
        yield from (("by", session.user), ("role", session.account.role))
        yield from (("at", now_ms), ("expires", now_ms + VALID_MS))
        yield "kind", "advance" if asked.kind == "dispatch" else asked.kind
        yield "reason", asked.reason or asked.text
        for name in _FIELDS[asked.kind]:
            yield name, target if name == "target" else getattr(asked, name)
        if asked.kind == "dispatch":
            yield "to", "dispatched"
        if asked.kind == "assign":
            yield "owner", asked.owner or asked.to

    def _refuse(self, session: Session, asked: Asked, why: str) -> None:
        log.warning("%s (%s): refused %s: %s", session.user, session.account.role, asked.kind, why)
        raise Refusal(code="not_allowed")


_FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "acknowledge": ("target",),
    "confirm": ("target",),
    "reset": ("target",),
    "comment": ("target",),
    "assign": ("target", "joint"),
    "advance": ("target", "to", "until"),
    "dispatch": ("target",),
    "close": ("target", "verdict"),
    "verdict": ("target", "verdict"),
    "move": ("target", "to"),
    "report": ("target", "asset", "colour", "lifeline"),
    "maintenance": ("order", "assets", "begins", "ends", "area"),
    "drill": ("on",),
}
