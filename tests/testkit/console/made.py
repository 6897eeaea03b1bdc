"""A console over a made history."""

import asyncio
import math
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import argon2
import msgspec

from configuration.configuration import Configuration
from console.accounts import LocalAccount, Passwords
from console.server import ConsoleServer, Oidc, Parts, Place
from contracts.civil_time import CITY
from contracts.desk.commands import Acknowledge, Advance, Assign, Close, Drill, Maintenance
from contracts.desk.incident import ClockState, Incident, Step
from contracts.desk.journal import DeskEntry, DeskTick, encode_desk_entry
from contracts.errors import TocsinError
from contracts.journal import CommandBase, Refuse
from contracts.ports.projection import TopicRecord
from contracts.ports.readings import ReadingsSpan, RefusedReading, Window
from contracts.ports.recovery import Recoveries
from contracts.settings.console import RoleName
from operate.console.city import ConfiguredCity
from operate.console.recovery import HistoryRecoveries
from runtime.installation import CONFIGS
from sinks.history.console import HistoryReading
from sinks.history.projection import History
from sinks.history.sqlite import SqliteStore
from tests.testkit.desk.alarms import alarm
from tests.testkit.desk.topics import ALARMS, DESK_JOURNAL, NAMES, incident, notice

PASSWORD = "tocsin tocsin"
COLOURS = ("red", "orange", "yellow", "blue")
ROLES: tuple[RoleName, ...] = ("viewer", "operator", "supervisor", "engineer", "admin")
OPEN = 12
_STEPS = {"acknowledge": "acknowledged", "assign": "assigned", "close": "closed"}
ANYWHERE = Place("127.0.0.1", 0)


def accounts(passwords: Passwords, **fields: Any) -> dict[str, LocalAccount]:
    """One of each role, with one password."""
    hashed = passwords.hash(PASSWORD)
    return {role: LocalAccount(name=role, hash=hashed, role=role, **fields) for role in ROLES}


def quick_passwords() -> Passwords:
    """Hashes that cost nothing."""
    return Passwords(argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


def rfc3339(time_s: int) -> str:
    """A time of the city."""
    return datetime.fromtimestamp(time_s, CITY).isoformat()


class MadeHistory:
    """A history that a test writes, and a `CommandSender` that carries commands out in it.

    Parameters
    ----------
    path : Path
        Of the SQLite file.
    """

    def __init__(self, path: Path) -> None:
        self._history = History(SqliteStore(path), NAMES)
        self._history.positions()
        self._offsets: dict[str, int] = {}
        self.incidents: dict[str, Incident] = {}
        self.sent: list[tuple[str, int, CommandBase]] = []

    def write(self, *records: tuple[str, str, bytes]) -> None:
        """Append records, each a topic, a kind and a body."""
        taken, behind = [], {}
        for topic, kind, body in records:
            offset = self._offsets.get(topic, 0)
            self._offsets[topic] = offset + 1
            behind[topic, 0] = offset + 1
            now_ms = time.time_ns() // 1_000_000
            taken.append(TopicRecord(topic, 0, offset, now_ms, b"k", body, kind))
        self._history.apply(taken, behind)
        self._history.current(time.time_ns() // 1_000_000)

    def ring(self, number: int, **changed: Any) -> None:
        """An alarm with an incident of its own, and its desk told."""
        now_s = int(time.time())
        told = incident(number, 1, **changed)
        clock = ClockState("district", "water-310101", rfc3339(now_s + 300), "city")
        at = rfc3339(now_s)
        situation = msgspec.structs.replace(told.situation, onset=at, detected=at)
        told = msgspec.structs.replace(told, at=at, clocks=[clock], situation=situation)
        colour = changed.get("colour", "orange")
        channel = f"water.feed-{number}.flow"
        body = alarm(number, now_s, channel=channel, asset=f"feed-{number}", colour=colour)
        said = msgspec.structs.replace(notice(number, number, "water-310101"), at=at)
        self.write(
            (ALARMS, "revision", body),
            (NAMES.notices, "notice", msgspec.json.encode(said)),
        )
        self.tell(told)

    def tell(self, told: Incident) -> None:
        """A revision of an incident."""
        self.incidents[told.id] = told
        self.write((NAMES.incidents, "incident", msgspec.json.encode(told)))

    def tick(self) -> None:
        """What the desk stage's journal gets when nothing happens."""
        body = encode_desk_entry(DeskEntry(DeskTick(int(time.time())), None))
        self.write((DESK_JOURNAL, "entry", body))

    async def send(self, lifeline: str, lane: int, command: CommandBase) -> None:
        """See `CommandSender`; in the history before it is back."""
        self.sent.append((lifeline, lane, command))
        change: Any = command
        if lifeline == "desk":
            change = self._carried_out(command)
            self.write((DESK_JOURNAL, "entry", encode_desk_entry(DeskEntry(change, 1))))

    def _carried_out(self, command: Any) -> Any:
        if isinstance(command, Drill | Maintenance) or not command.target:
            return command
        told = self.incidents.get(command.target)
        if told is None:
            body = msgspec.json.encode(command).decode()
            return Refuse("unknown_incident", "expected an incident that is open", body)
        ticket = told.ticket
        changed: dict[str, Any] = {}
        if isinstance(command, Acknowledge):
            changed = {"acknowledged": True}
        elif isinstance(command, Assign):
            changed = {"owner": command.owner, "joint": command.joint}
        elif isinstance(command, Advance):
            changed = {"state": command.to}
        elif isinstance(command, Close):
            changed = {"state": "closed", "verdict": command.verdict}
        step = Step(
            rfc3339(int(time.time())),
            _STEPS.get(command.__struct_config__.tag, "commented"),
            command.by,
        )
        ticket = msgspec.structs.replace(ticket, **changed, history=[*ticket.history, step])
        revision = told.revision + 1
        self.tell(msgspec.structs.replace(told, revision=revision, reason="ticket", ticket=ticket))
        return command

    def close(self) -> None:
        """Let go of the file."""
        self._history.close()


class MadeReadings:
    """A `ChannelReadings` of a wave; a test says what is refused, or that it cannot be read."""

    def __init__(self) -> None:
        self.error: TocsinError | None = None
        self.asked: list[tuple[str, int, str, Window]] = []
        self.refused: list[RefusedReading] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def around(self, lifeline: str, lane: int, channel: str, window: Window) -> ReadingsSpan:
        """See `ChannelReadings`."""
        self.asked.append((lifeline, lane, channel, window))
        await self.may_answer.wait()
        if self.error is not None:
            raise self.error
        times = list(range(window.begin_ms, window.end_ms, 60_000))
        values = [100 + 5 * math.sin(at / 900_000) for at in times]
        refused, span = self.refused, (window.begin_ms, window.end_ms)
        return ReadingsSpan(*span, *span, times, values, refused, cut=False)


@cache
def shipped_configuration() -> Configuration:
    """It takes seconds to read."""
    return Configuration.load(CONFIGS)


@cache
def shipped_city() -> ConfiguredCity:
    """That of the shipped configuration."""
    return ConfiguredCity(CONFIGS, shipped_configuration())


def made_recoveries(folder: Path) -> HistoryRecoveries:
    """Those of the history of a folder, in the shipped city."""
    configuration = shipped_configuration()
    settings = msgspec.structs.replace(configuration.settings, state=str(folder))
    return HistoryRecoveries(configuration.with_settings(settings), configuration.topology)


def made_console(
    folder: Path,
    made: MadeHistory,
    place: Place = ANYWHERE,
    readings: MadeReadings | None = None,
    *,
    recoveries: Recoveries | None = None,
    oidc: Oidc | None = None,
    clock: Callable[[], float] = time.monotonic,
    **given: Any,
) -> ConsoleServer:
    """A console over the history of a folder, with one account of each role."""
    passwords = quick_passwords()
    parts = Parts(
        HistoryReading(SqliteStore(folder / "history.sqlite")),
        shipped_city(),
        made,
        accounts(passwords, **given),
        passwords,
        "made",
        readings or MadeReadings(),
        recoveries or made_recoveries(folder),
        oidc=oidc,
    )
    return ConsoleServer(parts, place, clock)


async def serve(port: int) -> None:
    """Serve one with some open incidents until interrupted."""
    with tempfile.TemporaryDirectory(prefix="tocsin-console-") as place:
        folder = Path(place)
        made = MadeHistory(folder / "history.sqlite")
        for number in range(1, OPEN + 1):
            made.ring(number, colour=COLOURS[number % len(COLOURS)])
        console = made_console(folder, made, Place("127.0.0.1", port))
        await console.start()
        sys.stdout.write(f"{console.address}\n")
        sys.stdout.flush()
        try:
            while True:
                made.tick()
                await asyncio.sleep(1)
        finally:
            await console.stop()
            made.close()
