"""The console before 20 pages: 10,000 open alarms, 50 changes a second, an action each second.

A real `tocsin console run` over a history in SQLite, which the benchmark writes as a history and a
desk stage would, and a real broker for commands. One page is a real Chromium; the others make the
requests of one, since twenty Chromiums need more cores than the server that is measured. A change
is seen when the page shows it; an action is taken when brokers have it, and told when the
stage's answer is on the page.
"""

import argparse
import asyncio
import shutil
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from benchmarks.city_load.watch import cpu_s, peak
from benchmarks.operations.console_pages import Page, RealPage, pages, real_page
from benchmarks.support.claims import Claim, print_claims, print_table
from benchmarks.support.waiting import until
from broker.topics import TopicPlan, desk_topics, ensure, needed
from contracts.desk.commands import Acknowledge
from contracts.desk.incident import Incident
from contracts.desk.journal import DeskEntry, encode_desk_entry
from contracts.topics import TopicNames
from runtime.installation import CONFIGS
from tests.testkit.console.centre import add_console
from tests.testkit.console.made import MadeHistory, rfc3339
from tests.testkit.desk.alarms import alarm
from tests.testkit.desk.topics import ALARMS, DESK_JOURNAL, NAMES, incident
from tests.testkit.kafka.broker import Cluster, missing
from tests.testkit.kafka.ports import free_ports
from tests.testkit.worker_process import TOCSIN, WorkerProcess

OPEN, PAGES, SECONDS, A_SECOND = 10_000, 20, 60, 50
USER = "wang.fang"
AT_ONCE = 500
BATCHES = 10  # writes of a history in a second
COLOURS = ("orange", "yellow", "yellow", "blue", "blue", "blue")
GOAL_ACTION_MS, GOAL_SEEN_MS = 100.0, 1_000.0
GOAL_CORES, GOAL_MB = 0.5, 300.0
MB = 1e6
LOOKED_AT = "/api/readings/water/water.feed-01.flow?minutes=60"


class City:
    """A history with many open incidents, of which some change all the time.

    Parameters
    ----------
    path : Path
        Of the SQLite file.
    count : int
    """

    def __init__(self, path: Path, count: int) -> None:
        self.made = MadeHistory(path)
        self.count = count
        self._revisions = [1] * count
        self._next = 1
        for first in range(0, count, AT_ONCE):
            some = range(first, min(first + AT_ONCE, count))
            now_s = int(time.time())
            rung = [(ALARMS, "revision", alarm(n, now_s, channel=_channel(n))) for n in some]
            self.made.write(*rung, *(self._told(n, f"Feed {n}") for n in some))

    def _told(self, number: int, title: str) -> tuple[str, str, bytes]:
        colour = COLOURS[number % len(COLOURS)] if number else "red"  # one line is on top
        district = f"3101{number % 16:02d}"
        made = incident(number, self._revisions[number], colour=colour, district=district)
        now, text = rfc3339(int(time.time())), {"en": title, "zh": title}
        situation = msgspec.structs.replace(made.situation, title=text, onset=now, detected=now)
        told: Incident = msgspec.structs.replace(made, at=now, situation=situation)
        return (NAMES.incidents, "incident", msgspec.json.encode(told))

    def change(self, count: int, title: str = "") -> None:
        """Write new revisions of some incidents; with a title, of the one on top as well."""
        numbers = [1 + (self._next + n) % (self.count - 1) for n in range(count - bool(title))]
        self._next = (self._next + len(numbers)) % (self.count - 1)
        for number in numbers + [0] * bool(title):
            self._revisions[number] += 1
        top = [self._told(0, title)] if title else []
        self.made.write(*top, *(self._told(n, f"Feed {n}") for n in numbers))

    def answer(self, command: str, target: str) -> None:
        """What the stage's journal says of a command that it has carried out."""
        given = Acknowledge(target=target, by=USER, role="supervisor", id=command)
        self.made.write((DESK_JOURNAL, "entry", encode_desk_entry(DeskEntry(given, 1))))


def _channel(number: int) -> str:
    return f"water.feed-{number}.flow"


@dataclass
class Seen:
    """What was measured, in seconds; cores and megabytes of the server, and of who reads for it."""

    changes: dict[str, float] = field(default_factory=dict)  # when written, by title
    taken: list[float] = field(default_factory=list)
    acts: dict[str, tuple[float, Page]] = field(default_factory=dict)
    late: int = 0
    cores: float = 0.0
    resident: float = 0.0
    reader: float = 0.0

    def delays(self, seen: dict[str, float]) -> list[float]:
        """How long each change took until a page showed it, or a later one."""
        found = []
        for title, written in self.changes.items():
            later = [at for name, at in seen.items() if _place(name) >= _place(title)]
            found.append(min(later, default=written + SECONDS) - written)
        return found


def _place(title: str) -> int:
    """Number of a change, -1 of what is none."""
    word, _, number = title.partition(" ")
    return int(number) if word == "Change" else -1


@asynccontextmanager
async def server(folder: Path, bootstrap: str) -> AsyncIterator[tuple[str, WorkerProcess]]:
    """A console of the shipped city, by its own program, and its address."""
    pages_port, port = free_ports(2)
    configs = folder / "configs"
    shutil.copytree(CONFIGS, configs)
    settings = configs / "tocsin.yaml"
    settings.write_text(settings.read_text().replace("./state", f"{folder}/state"))
    add_console(configs, pages_port)
    plan, lanes = TopicPlan(replication=1), {"water": 4}
    topics = [*needed(lanes, TopicNames(), plan), *desk_topics(TopicNames(), plan)]
    await ensure(topics, bootstrap)
    places = ["--configs", str(configs), "--bootstrap", bootstrap]
    program = [TOCSIN, "console", "run"]
    process = WorkerProcess(places, port, folder / "log", instance="", program=program)
    process.start()
    try:
        await until(lambda: process.get("/readyz"), "the console")
        yield f"http://127.0.0.1:{pages_port}/", process
    finally:
        process.bury()


async def play(city: City, opened: list[Page], seconds: int) -> Seen:
    """Changes, an action each second, and one change a second that every page shows on top."""
    seen, began_s = Seen(), time.monotonic()
    for step in range(seconds * BATCHES):
        title = f"Change {step // BATCHES}" if step % BATCHES == 0 else ""
        if title:
            seen.changes[title] = time.time()
        await asyncio.to_thread(city.change, A_SECOND // BATCHES, title)
        if step % BATCHES == BATCHES // 2:
            await act(city, opened[step // BATCHES % len(opened)], step, seen)
        left_s = began_s + (step + 1) / BATCHES - time.monotonic()
        seen.late += left_s < 0
        await asyncio.sleep(max(left_s, 0))
    await asyncio.sleep(2)  # for the last change to be seen
    return seen


async def act(city: City, page: Page, step: int, seen: Seen) -> None:
    """Acknowledge an incident on one of the pages; the stage answers at once."""
    target, began_s = f"i-{1 + step % (city.count - 1):016x}", time.time()
    command, taken_s = await page.acknowledge(target)
    seen.taken.append(taken_s)
    seen.acts[command] = began_s, page
    await asyncio.to_thread(city.answer, command, target)


async def measure(folder: Path, options: argparse.Namespace) -> list[Claim]:
    """All of it, once."""
    began_s = time.monotonic()
    city = City(folder / "state" / "history.sqlite", options.open)
    print(f"{options.open:,} open incidents made in {time.monotonic() - began_s:.0f} s", flush=True)
    with Cluster(1) as cluster:
        async with (
            server(folder, cluster.bootstrap) as (address, process),
            pages(address, options.pages - 1, USER) as opened,
            real_page(address, USER) as real,
        ):
            await opened[0].acknowledge(f"i-{1:016x}")  # which makes the producer
            pid, cpu, began_s = process.process.pid, cpu_s(process.process.pid), time.monotonic()
            seen = await play(city, opened, options.seconds)
            seen.cores = (cpu_s(pid) - cpu) / (time.monotonic() - began_s)
            seen.resident = (peak(pid) + sum(map(peak, children(pid)))) / MB
            await opened[0].look(LOOKED_AT)
            seen.reader = sum(map(peak, children(pid))) / MB
            return await report(options, seen, opened, real)


async def report(
    options: argparse.Namespace, seen: Seen, opened: list[Page], real: RealPage
) -> list[Claim]:
    """A table, and what is claimed."""
    by_requests = [delay for page in opened for delay in seen.delays(page.seen)]
    on_screen = seen.delays(await real.seen())
    told = [page.answered.get(one, at + SECONDS) - at for one, (at, page) in seen.acts.items()]
    rows = [
        [name, *(f"{1000 * figure:,.0f}" for figure in (statistics.median(s), p99(s), max(s)))]
        for name, s in (
            ("change seen, by requests", by_requests),
            ("change on the screen, Chromium", on_screen),
            ("action taken", seen.taken),
            ("answer to an action heard", told),
        )
    ]
    print_table(["what, ms", "median", "p99", "worst"], rows)
    print(f"while somebody looks at readings, a process beside the console: {seen.reader:.0f} MB")
    if seen.late:
        print(f"{seen.late} of {options.seconds * BATCHES} writes were late")
    pages_of = f"{options.pages} pages, {options.open:,} open, {A_SECOND} changes/s"
    action, shown = 1000 * p99(seen.taken), 1000 * max(p99(by_requests), p99(on_screen))
    return [
        Claim(f"action taken, p99, {pages_of}", action, GOAL_ACTION_MS, "ms", "at most"),
        Claim(f"change shown, p99, {pages_of}", shown, GOAL_SEEN_MS, "ms", "at most"),
        Claim(f"console, cores, {pages_of}", seen.cores, GOAL_CORES, "cores", "at most"),
        Claim(f"console, resident, {pages_of}", seen.resident, GOAL_MB, "MB", "at most"),
    ]


def children(pid: int) -> list[int]:
    """Processes that a process has started and that still run."""
    found = []
    for thread in Path(f"/proc/{pid}/task").iterdir():
        found += [int(word) for word in (thread / "children").read_text().split()]
    return found


def p99(found: list[float]) -> float:
    """The 99th percentile; of few, the worst."""
    return sorted(found)[min(int(0.99 * len(found)), len(found) - 1)]


def main() -> int:
    """Measure once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--open", type=int, default=OPEN, help="open incidents")
    parser.add_argument("--pages", type=int, default=PAGES, help="one of them in Chromium")
    parser.add_argument("--seconds", type=int, default=SECONDS)
    options = parser.parse_args()
    if (reason := missing()) is not None:
        sys.exit(reason)
    with TemporaryDirectory(prefix="tocsin-console-") as place:
        print_claims(asyncio.run(measure(Path(place), options)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
