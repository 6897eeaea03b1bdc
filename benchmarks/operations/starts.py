"""How long a worker takes to be ready, and what it takes of the machine while nothing comes.

A worker of a thousand channels, in one lane and in eight, on a broker beside it: started, left
alone for some seconds, killed, and started again, as a static member of its group and as one that
is new each time. `--write` renews the table in docs/deployment.md, and the part of
operate/plan/costs.json that is of an idle worker.
"""

import asyncio
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from benchmarks.city_load.watch import cpu_s, memory
from benchmarks.operations.costs import as_text
from benchmarks.support.claims import page_of, print_table, write_rows, writes
from benchmarks.support.waiting import until
from broker.topics import TopicPlan, ensure, needed
from contracts.topics import TopicNames
from operate.plan.costs import COSTS_FILE, read_costs
from tests.testkit import city
from tests.testkit.kafka.broker import Cluster, missing
from tests.testkit.kafka.ports import free_ports
from tests.testkit.worker_process import WorkerProcess

GROUPS = 500
SESSION_S = 6
IDLE_S = 10.0
MIB = float(1 << 20)
HEAD = ["worker", "start to ready s", "kill -9 to ready s", "resident MiB", "idle cores"]


@dataclass(slots=True)
class Start:
    """What was seen of one worker; times in s."""

    lanes: int
    instance: str
    ready: float = 0.0
    again: float = 0.0
    resident: float = 0.0
    cores: float = 0.0

    def row(self) -> list[str]:
        """Cells of the table."""
        member = "with `--instance`" if self.instance else "without"
        lanes = "1 lane" if self.lanes == 1 else f"{self.lanes} lanes"
        figures = [f"{self.ready:.1f}", f"{self.again:.1f}", f"{self.resident / MIB:.0f}"]
        return [f"{lanes}, {member}", *figures, f"{self.cores:.3f}"]


async def measured(bootstrap: str, folder: Path, found: Start) -> None:
    """Start a worker, leave it alone, kill it, and start it again."""
    configs = folder / "configs"
    city.configure(configs, GROUPS, found.lanes, folder / "state")
    settings = configs / "tocsin.yaml"
    app = f"starts-{found.lanes}-{found.instance or 'none'}"
    text = settings.read_text().replace("app: tocsin", f"app: {app}")
    text = text.replace("every: 1 s", "every: 60 s")
    settings.write_text(f"{text}session_timeout: {SESSION_S} s\n")
    topics = needed({"water": found.lanes}, TopicNames(app), TopicPlan(replication=1))
    await ensure(topics, bootstrap)
    place = ["--configs", str(configs), "--bootstrap", bootstrap]
    worker = WorkerProcess(place, free_ports(1)[0], folder / "log", found.instance)
    try:
        worker.start()
        found.ready = await until(lambda: worker.get("/readyz"), "a worker")
        pid = worker.process.pid
        before_s, began = cpu_s(pid), time.monotonic()
        await asyncio.sleep(IDLE_S)
        found.cores = (cpu_s(pid) - before_s) / (time.monotonic() - began)
        found.resident = memory(pid)["Rss"]
        worker.kill()
        worker.start()
        found.again = await until(lambda: worker.get("/readyz"), "a worker again")
    finally:
        worker.bury()


async def all_measured() -> list[Start]:
    """One worker after the other, on one broker."""
    found = [Start(lanes, name) for lanes in (1, 8) for name in ("worker-0", "")]
    with Cluster() as kafka:
        for start in found:
            with TemporaryDirectory(prefix="tocsin-starts-") as folder:
                await measured(kafka.bootstrap, Path(folder), start)
    return found


def write_costs(found: list[Start]) -> None:
    """Put what an idle worker takes beside the costs of readings."""
    one, _, many, _ = found
    each = max(0.0, (many.cores - one.cores) / (many.lanes - one.lanes))
    costs = msgspec.structs.replace(
        read_costs(),
        process_bytes=round(one.resident),
        lane_cores=each,
        process_cores=max(0.0, one.cores - each),
    )
    COSTS_FILE.write_text(as_text(costs) + "\n", encoding="utf-8")


def main() -> None:
    """Start, kill, tell."""
    if (lacking := missing()) is not None:
        sys.exit(f"starts: expected a Kafka to start beside, got none: {lacking}")
    found = asyncio.run(all_measured())
    rows = [start.row() for start in found]
    print_table(HEAD, rows)
    if writes():
        write_rows(page_of("deployment"), "starts", HEAD, rows)
        write_costs(found)


if __name__ == "__main__":
    main()
