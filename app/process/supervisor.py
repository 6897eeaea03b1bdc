"""`tocsin run --workers N`: several worker processes of one group, kept going by one."""

import argparse
import asyncio
import logging
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from app.process.signals import heed_signals
from contracts.errors import ConfigError
from contracts.ports.status import ReloadOutcome
from operate.config_reload import reload_triggers
from operate.settings import settled
from runtime.backoff import Backoff, pause
from runtime.exit_codes import WRONG_USE
from runtime.exit_deadline import EXIT_S
from runtime.supervision import environment_of_child
from sinks.http.fleet_health import FleetMember, FleetServer, fetch

log = logging.getLogger("tocsin.supervisor")

WAIT_S, WAIT_S_MAX = 1.0, 30.0
LONG_LIFE_S: Final = 60.0
LOOK_S: Final = 5.0
LOOKS_MAX: Final = 6  # in vain, one after the other, until a worker that hangs is killed
START_S_MAX: Final = 300.0  # it may compile, judge and load before it listens
KILL_S: Final = EXIT_S + 2.0
_LOOPBACK: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}


async def run_workers(arguments: argparse.Namespace) -> int:
    """Keep workers going until SIGTERM or SIGINT, then let all of them drain."""
    configuration = settled(arguments)  # judged once, before anybody starts
    http = configuration.settings.http
    host = _LOOPBACK.get(http.host, http.host)
    if not http.port:
        msg = "--port: expected a port beside --workers, got 0; the workers take those behind it"
        raise ConfigError(msg)
    ports = range(http.port + 1, http.port + 1 + arguments.workers)
    workers = [
        SupervisedWorker(str(number), command(arguments, number, port), f"http://{host}:{port}")
        for number, port in enumerate(ports)
    ]
    server = FleetServer(lambda: [process.member for process in workers], http.host, http.port)
    await server.start()

    heed_signals(partial(_each, workers, SupervisedWorker.stop), partial(_reload, workers))
    ask = partial(_ask, workers)
    try:
        async with (
            reload_triggers(configuration.settings.reload, arguments.configs, ask),
            asyncio.TaskGroup() as group,
        ):
            for process in workers:
                group.create_task(process.work(), name=f"worker-{process.name}")
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from failed
    finally:
        await server.stop()
    # One that was told to stop while it was being loaded had nothing to drain.
    return int(any(process.code not in {0, -signal.SIGTERM} for process in workers))


def _each(workers: Sequence["SupervisedWorker"], act: "Callable[[SupervisedWorker], None]") -> None:
    for process in workers:
        act(process)


def _reload(workers: Sequence["SupervisedWorker"]) -> None:
    log.info("%d workers are asked to read the configuration again", len(workers))
    _each(workers, SupervisedWorker.reload)


async def _ask(
    workers: Sequence["SupervisedWorker"], origin: str
) -> tuple[ReloadOutcome, list[str]]:
    log.info("%s", origin)
    _reload(workers)
    return "asked", [f"{len(workers)} workers"]


def command(arguments: argparse.Namespace, number: int, port: int) -> list[str]:
    """The command line of one worker."""
    words = [sys.executable, "-m", __package__]
    words += ["--verbose"] if arguments.verbose else []
    words += ["run", "--configs", str(arguments.configs), "--lifeline", *arguments.lifeline]
    for name in ("bootstrap", "state"):
        if given := getattr(arguments, name):
            words += [f"--{name}", given]
    if arguments.instance:
        words += ["--instance", f"{arguments.instance}-{number}"]
    return [*words, "--port", str(port), "--supervised"]


@dataclass
class SupervisedWorker:
    """One worker process, started again whenever it ends by itself.

    Parameters
    ----------
    name : str
    words : sequence of str
        Its command line.
    url : str
        Where it answers.
    """

    name: str
    words: Sequence[str]
    url: str
    restarts: int = 0
    code: int = 0
    _process: asyncio.subprocess.Process | None = None
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def member(self) -> FleetMember:
        """What the server of all is to know of it."""
        return FleetMember(self.name, self.url, self.restarts)

    def stop(self) -> None:
        """Let it drain; asked again, it leaves at once."""
        self._stopping.set()
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()

    def reload(self) -> None:
        """Let it read its configuration again; one that starts reads it anyway."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGHUP)

    async def work(self) -> None:
        """Keep it going until it is to stop.

        Raises
        ------
        ConfigError
            When it says that it was told something wrong: it would say so again.
        """
        backoff = Backoff(WAIT_S, WAIT_S_MAX, LONG_LIFE_S)
        try:
            while not self._stopping.is_set():
                backoff.begin()
                await self._live()
                if self._stopping.is_set():
                    return
                if self.code == WRONG_USE:
                    msg = f"worker {self.name}: refused to start, see above"
                    raise ConfigError(msg)
                wait_s = backoff.delay_s()
                log.error("worker %s: ended with %d, again in %g s", self.name, self.code, wait_s)
                await pause(wait_s, self._stopping)
                self.restarts += 1
        finally:
            await self._bury()

    async def _live(self) -> None:
        """One life, from its start to its end."""
        # In a session of its own: an interrupt from the terminal reaches it through us, once.
        self._process = await asyncio.create_subprocess_exec(
            *self.words, start_new_session=True, env=environment_of_child()
        )
        watching = asyncio.create_task(self._watch(self._process))
        try:
            stopping = asyncio.create_task(self._stopping.wait())
            ended = asyncio.create_task(self._process.wait())
            await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if not ended.done():
                await asyncio.wait({ended}, timeout=KILL_S)
            if not ended.done():
                self._process.kill()
            self.code = await ended
        finally:
            watching.cancel()

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        """Kill a worker that once answered and does not answer any more."""
        until, vain, url = time.monotonic() + START_S_MAX, 0, f"{self.url}/livez"
        while True:
            await asyncio.sleep(LOOK_S)
            status, _ = await fetch(url)
            if status == 200:
                until, vain = 0.0, 0
            elif time.monotonic() > until:
                vain += 1
            if vain >= LOOKS_MAX:
                log.error("worker %s: does not answer, killed", self.name)
                process.kill()
                return

    async def _bury(self) -> None:
        """Leave no process behind, whatever happened."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
