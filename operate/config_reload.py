"""A running worker reads its configuration again, and takes it over without a pause."""

import argparse
import asyncio
import logging
import multiprocessing
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

from broker.access import secret_text
from configuration import bundle_store
from configuration.folder_watch import watch
from configuration.settings import ReloadRules, Settings
from contracts.errors import ConfigError, TocsinError
from contracts.ports.status import ReloadOutcome, ReloadStatus
from contracts.quantities import NS_PER_S
from operate.settings import settled
from pipeline.snapshot.store import SnapshotStore
from runtime import supervision
from sinks.http.admin import AdminServer

log = logging.getLogger("tocsin.reload")

Ask = Callable[[str], Awaitable[tuple[ReloadOutcome, list[str]]]]
Judged = tuple[str, Settings]  # hash of a configuration, and the settings that are not part of it
# What a worker's command line says of its settings.
GIVEN: Final = ("configs", "state", "bootstrap", "port", "lifeline")


class Reloadable(Protocol):
    """What takes a configuration over: a lifeline's worker, or the desk stage."""

    async def prepare(self, recalled: Any, /) -> Any:
        """Build what it would be under a configuration, while it goes on."""

    def deploy(self, prepared: Any, /) -> None:
        """Run that, from the next step on."""


def judged(arguments: argparse.Namespace) -> Judged:
    """Judge a configuration and leave its bundle at the state location; its hash and settings."""
    configuration = settled(arguments)
    bundle_store.keep(SnapshotStore(configuration.settings.state), configuration)
    return configuration.hash, configuration.settings


class ConfigReload:
    """Reads a worker's configuration again whenever it is asked to.

    It is judged by a process of its own, since judging a large catalogue holds the interpreter for
    seconds, and built beside the lanes that run. Only then do lanes take it over, each with a
    journal entry at a position of its own; what they learned is kept by what it means. Anything
    wrong changes nothing.

    Parameters
    ----------
    arguments : argparse.Namespace
        Those that the worker was started with.
    running : (str, Settings)
    services : sequence of Reloadable
    judge : callable
        Leaves the bundle of a configuration at the state location.
    recall : callable, optional
        What services prepare for, from the store, its hash and settings.

    Attributes
    ----------
    status : ReloadStatus
    """

    def __init__(
        self,
        arguments: argparse.Namespace,
        running: Judged,
        services: Sequence[Reloadable],
        judge: Callable[[argparse.Namespace], Judged] = judged,
        recall: Callable[[SnapshotStore, str, Settings], Any] | None = None,
    ) -> None:
        self._arguments = argparse.Namespace(**{name: getattr(arguments, name) for name in GIVEN})
        self._hash, self._settings = running
        self._services = list(services)
        self._judge = judge
        lifelines = arguments.lifeline
        self._recall = recall or partial(bundle_store.recall, lifelines=lifelines)
        self._turn = asyncio.Lock()
        self.status = ReloadStatus()

    async def ask(self, origin: str) -> tuple[ReloadOutcome, list[str]]:
        """Read the configuration again; what came of it, and its findings or its hash.

        Parameters
        ----------
        origin : str
            Who asks, for the log.
        """
        async with self._turn:
            log.info("%s: reading the configuration again", origin)
            supervision.reloading()
            try:
                outcome = await self._reload()
            except (TocsinError, OSError, BrokenProcessPool) as error:
                found = [*error.findings] if isinstance(error, ConfigError) else [str(error)]
                for finding in found:
                    log.error("%s", finding)  # noqa: TRY400 - findings, not where they were met
                log.error("%s: refused, %s stays in force", origin, self._hash[:7])  # noqa: TRY400
                self.status = self.status.after("refused")
                return "refused", found
            finally:
                supervision.tell("READY=1")
            log.info("%s: %s, %s", origin, outcome, self._hash[:7])
            self.status = self.status.after(outcome)
            return outcome, [self._hash]

    async def _reload(self) -> ReloadOutcome:
        name, settings = await self._judged()
        if unlike := _unlike(self._settings, settings):
            msg = (
                f"{unlike}: expected what this worker was started with, got something else; "
                "restart it, or take this change back"
            )
            raise ConfigError(msg)
        if name == self._hash:
            return "unchanged"
        store = SnapshotStore(settings.state)
        recalled = await asyncio.to_thread(self._recall, store, name, settings)
        prepared = [await service.prepare(recalled) for service in self._services]
        for service, ready in zip(self._services, prepared, strict=True):
            service.deploy(ready)
        self._hash = name
        return "reloaded"

    async def _judged(self) -> Judged:
        pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(pool, self._judge, self._arguments)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


@asynccontextmanager
async def reload_triggers(rules: ReloadRules, folder: Path, ask: Ask) -> AsyncIterator[None]:
    """What asks for reloads besides SIGHUP, as configured: changed files, and an address.

    Parameters
    ----------
    rules : ReloadRules
    folder : Path
        Configuration folder.
    ask : callable
        Takes who asks.
    """
    async with AsyncExitStack() as stack:
        if rules.every is not None:
            watching = asyncio.create_task(watch(folder, rules.every.ns / NS_PER_S, ask))
            stack.callback(watching.cancel)
        if rules.port is not None and rules.token is not None:
            token = partial(secret_text, "reload.token", rules.token)
            server = AdminServer(partial(ask, "POST /reload"), token, rules.host, rules.port)
            await server.start()
            stack.push_async_callback(server.stop)
        yield


def _unlike(running: Settings, wanted: Settings) -> str:
    """Names of settings that a running worker cannot take over, with commas between."""
    names = running.__struct_fields__
    return ", ".join(n for n in names if getattr(running, n) != getattr(wanted, n))
