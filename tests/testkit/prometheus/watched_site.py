"""A small city whose pipeline is watched by a real Prometheus that tells a real Alertmanager."""

import asyncio
import os
import re
import subprocess
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

import yaml

from runtime.installation import HOME
from tests.testkit.faults.drill import Site
from tests.testkit.faults.sensors import Sensors
from tests.testkit.kafka.broker import LIBS, Cluster
from tests.testkit.prometheus.alertmanager import Alertmanager, alertmanager
from tests.testkit.prometheus.compressed import compressed
from tests.testkit.prometheus.server import Prometheus, prometheus
from tests.testkit.worker_process import TOCSIN, WorkerProcess

RULES: Final = HOME / "deploy" / "prometheus" / "tocsin-rules.yml"
ROUTES: Final = HOME / "deploy" / "prometheus" / "alertmanager.yml"
# How fresh alarms are is a matter of the machine, and what breaks uses budgets up.
OBJECTIVE: Final = re.compile("BurnsIn")
SNAPSHOTS: Final = "every: 10 s"  # a lane recovers after each one that a full disk has failed
# What hides records may do so for longer than other tests let it: Kafka's default.
BROKER: Final = {"transaction.max.timeout.ms": "900000"}
WAIT_S: Final = 180.0
CLEAR_S: Final = 900.0  # the longest window of a rule that looks back
LOOK_S: Final = 0.2
_BLOCK: Final = re.compile(r"^ *```sh\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


async def until(
    holds: Callable[[], Awaitable[object]], what: str, within_s: float = WAIT_S
) -> None:
    """Wait for something that other processes do."""
    try:
        async with asyncio.timeout(within_s):
            while not await holds():  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(LOOK_S)
    except TimeoutError:
        raise AssertionError(f"waited in vain for {what}") from None


@dataclass
class WatchedSite:
    """A broker, a worker, the desk stage, sensors, and those who watch.

    Parameters
    ----------
    kafka : Cluster
    site : Site
    worker, desk : WorkerProcess
    sensors : Sensors
    server : Prometheus
    manager : Alertmanager
    rung : dict of str to float
        Alerts that Alertmanager has had to tell since this was emptied: name, and when the first of
        that name began to fire, seconds since 1970 UTC, as Prometheus told Alertmanager.
    """

    kafka: Cluster
    site: Site
    worker: WorkerProcess
    desk: WorkerProcess
    sensors: Sensors
    server: Prometheus
    manager: Alertmanager
    rung: dict[str, float] = field(default_factory=dict)

    async def ringing(self) -> dict[str, float]:
        """Alerts that are active and not inhibited: name, and since when."""
        found: dict[str, float] = {}
        for alert in await self.manager.alerts():
            name = alert["labels"]["alertname"]
            if alert["status"]["state"] == "active" and not OBJECTIVE.search(name):
                began = datetime.fromisoformat(alert["startsAt"]).timestamp()
                found[name] = min(began, found.get(name, began))
        return found

    async def listen(self) -> None:
        """Note what rings until cancelled."""
        while True:
            self.rung = await self.ringing() | self.rung
            await asyncio.sleep(LOOK_S)

    async def ready(self) -> bool:
        """Whether everything runs."""
        return bool(await self.server.query("sum(up) == 2 and sum(tocsin_ready) == 2"))

    async def calm(self) -> bool:
        """Whether everything runs, and nothing rings or is about to."""
        pending = await self.server.query(f'ALERTS{{alertname!~".*{OBJECTIVE.pattern}.*"}}')
        return not pending and not await self.ringing() and await self.ready()

    async def replace_worker(self, failpoint: str = "") -> None:
        """Let the worker go and start it again."""
        assert await self.worker.finish(30) == 0, self.worker.log.read_text()[-4000:]
        self.worker.failpoint = failpoint
        self.worker.start()

    async def first_step(self, alert: str) -> str:
        """What the first commands of an alert's runbook print, typed for this site."""
        script = first_commands(alert)
        for written, here in {
            "http://worker-1:9108": f"http://127.0.0.1:{self.worker.port}",
            "kafka-1:9092": self.site.bootstrap,
        }.items():
            script = script.replace(written, here)
        path = os.pathsep.join((str(self.programs()), str(Path(TOCSIN).parent), os.environ["PATH"]))
        done = await asyncio.to_thread(
            subprocess.run,
            ["sh", "-c", script],
            cwd=self.site.folder,
            env=os.environ | {"PATH": path},
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
        )
        return done.stdout + done.stderr

    def programs(self) -> Path:
        """A folder with the program of Kafka that a runbook uses."""
        program = self.site.folder / "bin" / "kafka-transactions.sh"
        if not program.exists():
            program.parent.mkdir()
            tool = "org.apache.kafka.tools.TransactionsCommand"
            program.write_text(f"#!/bin/sh\nexec java -cp '{LIBS}/*' {tool} \"$@\"\n")
            program.chmod(0o755)
        return program.parent


def first_commands(alert: str) -> str:
    """The first block of commands on an alert's runbook, empty where it has none.

    >>> print(first_commands("TocsinNotReady"), end="")
    curl -s http://worker-1:9108/readyz
    """
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    (page,) = {r["annotations"]["runbook_url"] for r in rules if r.get("alert") == alert}
    found = _BLOCK.search((HOME / page).read_text(encoding="utf-8"))
    return "" if found is None else textwrap.dedent(found[1])


@contextmanager
def processes(site: Site) -> Iterator[tuple[WorkerProcess, WorkerProcess]]:
    """A worker and the desk stage of a site, let go of at the end whatever happened."""
    worker, desk = site.hire(), site.hire()
    desk.arguments = ["--desk", *desk.arguments]
    try:
        worker.start()
        desk.start()
        yield worker, desk
    finally:
        worker.bury()
        desk.bury()


def quick_rules(folder: Path) -> Path:
    """A file of the shipped alerts for which a minute passes in a second."""
    rules = folder / "rules.yml"
    rules.write_text(yaml.safe_dump(compressed(RULES), sort_keys=False))
    return rules


@asynccontextmanager
async def watched_site(
    folder: Path, rules: Sequence[Path], every: str = "1s"
) -> AsyncIterator[WatchedSite]:
    """A site whose sensors send, once its processes are ready.

    Parameters
    ----------
    folder : Path
        For all files.
    rules : sequence of Path
        What Prometheus evaluates.
    every : str, optional
        Time between its scrapes, and between its evaluations.
    """
    routes = yaml.safe_load(ROUTES.read_text(encoding="utf-8"))
    with Cluster(settings=BROKER) as kafka:
        site = Site(kafka.bootstrap, folder)
        settings = site.configs / "tocsin.yaml"
        settings.write_text(settings.read_text().replace("every: 1 s", SNAPSHOTS))
        sensors = Sensors(site)
        with processes(site) as (worker, desk):
            ports = [worker.port, desk.port]
            async with (
                alertmanager(folder, routes) as manager,
                prometheus(
                    folder, ports, rules, manager.url.removeprefix("http://"), every
                ) as server,
            ):
                watched = WatchedSite(kafka, site, worker, desk, sensors, server, manager)
                tasks = [asyncio.create_task(sensors.run()), asyncio.create_task(watched.listen())]
                try:
                    await until(watched.ready, "processes that are ready")
                    yield watched
                finally:
                    for task in tasks:
                        task.cancel()
                    await asyncio.gather(*tasks, return_exceptions=True)
