"""The console as a process runs it."""

import argparse
import asyncio
import ssl
from importlib.metadata import version
from pathlib import Path

from broker.access import secret_text
from configuration.settings import Settings, load_settings
from console.accounts import Passwords
from console.server import ConsoleServer, Oidc, Parts, Place
from contracts.errors import ConfigError
from contracts.ports.console import City
from contracts.ports.status import LaneStatus, ProcessStatus
from contracts.settings.console import ConsoleSettings
from contracts.topics import TopicNames
from operate.console.lanes import LaneCanaries
from operate.console.reader import Reader
from operate.console.sender import KafkaSender
from operate.console.users import load_users
from operate.settings import changed
from runtime.heartbeat import Heartbeat
from sinks.history.console import HistoryReading
from sinks.history.opening import store_of
from sinks.history.versions import check_version


class ConsoleService:
    """Serves until cancelled; itself the `WorkerStatus` that probes and Prometheus ask.

    Parameters
    ----------
    folder : Path
    settings : Settings
    city : City
    reader : Reader

    Attributes
    ----------
    drained : bool
        Whether everything has been let go of.
    """

    def __init__(self, folder: Path, settings: Settings, city: City, reader: Reader) -> None:
        console: ConsoleSettings = settings.console
        self._sender = KafkaSender(settings)
        self._reader = reader
        partitions = {name: one.partitions for name, one in settings.lifelines.items()}
        topic = TopicNames(settings.app).shadow
        self._canaries = LaneCanaries(settings.kafka, topic, partitions)
        store = store_of(settings.history, settings.state)
        check_version(store)
        parts = Parts(
            HistoryReading(store),
            city,
            self._sender,
            load_users(folder / console.users),
            Passwords(),
            version("tocsin"),
            reader,
            recoveries=reader,
            oidc=_oidc(console),
            lanes=self._canaries,
        )
        self.server = ConsoleServer(parts, Place(console.host, console.port, _tls(console)))
        self._status = LaneStatus("console")
        self._heart = Heartbeat()
        self.drained = False

    async def serve(self) -> None:
        """Run until cancelled."""
        beating = [
            asyncio.create_task(self._heart.run(), name="heartbeat"),
            asyncio.create_task(self._canaries.follow(), name="canaries"),
        ]
        try:
            await self.server.start()
            self._status.phase = "running"
            await asyncio.Event().wait()
        finally:
            self._status.phase = "stopping"
            for task in beating:
                task.cancel()
            await asyncio.gather(*beating, return_exceptions=True)
            await self.server.stop()
            await self._sender.close()
            await self._reader.close()
            self.drained = True

    def lanes(self) -> list[LaneStatus]:
        """None: it owns no lanes."""
        return []

    def alive(self) -> bool:
        """Whether the event loop turns."""
        return self._heart.alive()

    def ready(self) -> bool:
        """Whether it listens and the history answers."""
        return self._status.phase == "running" and not self.server.feed.away

    def process_status(self) -> ProcessStatus:
        """How the process is."""
        return ProcessStatus(self._heart.lag_s())


async def service_of(arguments: argparse.Namespace) -> tuple[ConsoleService, Settings]:
    """The console of a command line, and its settings."""
    reader = Reader(arguments.configs, arguments.bootstrap)
    try:
        described = await reader.city()  # judges all of the configuration
        settings = changed(load_settings(arguments.configs), arguments)
        city = _large_city(arguments) if described is None else described
        return ConsoleService(arguments.configs, settings, city, reader), settings
    except BaseException:
        await reader.close()
        raise


def _large_city(arguments: argparse.Namespace) -> City:
    """A city of too many channels to be written down, with its rules beside them."""
    from operate.console.city import ConfiguredCity  # noqa: PLC0415 - loads numba
    from operate.settings import settled  # noqa: PLC0415 - as above

    return ConfiguredCity(arguments.configs, settled(arguments))


def _oidc(console: ConsoleSettings) -> Oidc | None:
    if console.oidc is None:
        return None
    secret = console.oidc.client_secret
    text = None if secret is None else secret_text("console.oidc.client_secret", secret)
    return Oidc(console.oidc, text)


def _tls(console: ConsoleSettings) -> ssl.SSLContext | None:
    if console.certificate_file is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(console.certificate_file, console.key_file)
    except OSError as error:
        file = console.certificate_file
        msg = f"console: expected a certificate and its key in {file}, got {error}; see to both"
        raise ConfigError(msg) from error
    return context
