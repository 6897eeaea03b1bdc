"""The console of the demo: local, for one person, by the clock of what is played."""

import asyncio
import secrets
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Final

import msgspec

from broker.acl import DESK
from configuration.configuration import Configuration
from console.accounts import LocalAccount, Passwords
from console.commanding import VALID_MS
from console.server import ConsoleServer, Parts, Place, wall_ms
from contracts.journal import CommandBase
from contracts.ports.console import CommandSender
from contracts.topics import TopicNames
from operate.console.city import ConfiguredCity
from operate.console.readings import TelemetryReadings
from operate.console.recovery import HistoryRecoveries
from operate.console.sender import KafkaSender
from sinks.history.console import HistoryReading
from sinks.history.opening import FILE
from sinks.history.projection import History
from sinks.history.sqlite import SqliteStore

USER: Final = "demo"
LOOPBACK: Final = "127.0.0.1"


class PlayedClock:
    """Time of what is played, which goes on by the wall once nothing is.

    Parameters
    ----------
    judged_ms : callable
        How far the desk is, milliseconds since 1970 UTC.
    clock : callable
        Monotonic seconds.
    """

    def __init__(
        self, judged_ms: Callable[[], int], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._judged_ms = judged_ms
        self._clock = clock
        self._last_ms = 0
        self._since_s = clock()

    def now_ms(self) -> int:
        """Milliseconds since 1970 UTC.

        >>> wall, judged = [0.0], [1_000]
        >>> played = PlayedClock(lambda: judged[0], lambda: wall[0])
        >>> _, wall[0] = played.now_ms(), 2.5
        >>> played.now_ms()
        3500
        """
        judged_ms = self._judged_ms()
        if judged_ms != self._last_ms:
            self._last_ms, self._since_s = judged_ms, self._clock()
        return self._last_ms + int(1_000 * (self._clock() - self._since_s))


class WallSender:
    """Dates commands to the desk stage by the wall clock, by which it judges them.

    Parameters
    ----------
    sender : CommandSender
    """

    def __init__(self, sender: CommandSender) -> None:
        self._sender = sender

    async def send(self, lifeline: str, lane: int, command: CommandBase) -> None:
        """See `CommandSender`."""
        if lifeline == DESK:
            at = wall_ms()
            command = msgspec.structs.replace(command, at=at, expires=at + VALID_MS)
        await self._sender.send(lifeline, lane, command)


class DemoConsole:
    """Serves the desk of the demo to one person on this machine, who may do what a supervisor may.

    Parameters
    ----------
    folder : Path
        Configuration that lays down topology, desks and answers.
    configuration : Configuration
        With the brokers, the prefix of the topics, and a folder for the history.
    judged_ms : callable
        See `PlayedClock`.
    embedded : bool
        See `TelemetryReadings`.

    Attributes
    ----------
    history : History
        What must be kept up to date with the topics while it is served.
    password : str
    """

    def __init__(
        self,
        folder: Path,
        configuration: Configuration,
        judged_ms: Callable[[], int],
        *,
        embedded: bool = False,
    ) -> None:
        self._folder = folder
        self._configuration = configuration
        self._embedded = embedded
        self._clock = PlayedClock(judged_ms)
        self._sender = KafkaSender(configuration.settings)
        self._server: ConsoleServer | None = None
        self.password = secrets.token_urlsafe(9)
        self.history = History(self._store(), TopicNames(configuration.settings.app))

    def _store(self) -> SqliteStore:
        return SqliteStore(Path(self._configuration.settings.state) / FILE)

    @property
    def address(self) -> str:
        """To be opened in a browser, once it has started."""
        return "" if self._server is None else self._server.address

    async def start(self) -> None:
        """Listen on a free port of this machine."""
        parts = await asyncio.to_thread(self._parts)
        server = ConsoleServer(parts, Place(LOOPBACK, 0), now_ms=self._clock.now_ms)
        await server.start()
        self._server = server

    def _parts(self) -> Parts:
        passwords, city = Passwords(), ConfiguredCity(self._folder, self._configuration)
        hashed = passwords.hash(self.password)
        return Parts(
            HistoryReading(self._store()),
            city,
            WallSender(self._sender),
            {USER: LocalAccount(name="Demo", hash=hashed, role="supervisor")},
            passwords,
            version("tocsin"),
            TelemetryReadings(self._configuration, embedded=self._embedded),
            recoveries=HistoryRecoveries(self._configuration, city.topology),
        )

    async def close(self) -> None:
        """Let go of the port and of the brokers."""
        if self._server is not None:
            await self._server.stop()
        await self._sender.close()
