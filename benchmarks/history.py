"""Transitions a second into the history, alone and beside a busy lane, and the ledger's cost."""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import msgspec

from app.process.ledger import RECORDS_PER_POLL
from benchmarks.support.busy_lane import busy_lane
from benchmarks.support.claims import Claim, print_claims, print_table
from contracts.ports.projection import Projection, TopicRecord
from contracts.topics import TopicNames
from runtime.durable_file import write_all_durably
from sinks.history.postgresql import PostgresStore
from sinks.history.projection import History
from sinks.history.sqlite import SqliteStore
from sinks.history.store import Store
from sinks.ledger.entry import encode_entries
from sinks.ledger.files import StoredFiles
from sinks.ledger.ledger import Ledger
from sinks.ledger.merkle import leaf_hashes, perfect_root
from sinks.ledger.tiles import WIDTH
from tests.testkit.desk.alarms import BEGAN_S, alarm
from tests.testkit.desk.topics import incident, notice
from tests.testkit.ledger.store import SIGNER, MemoryFiles
from tests.testkit.postgres.server import PostgresServer, missing

NAMES = TopicNames()
ALARMS, POLL = 20_000, 500  # a poll is what the reader of topics takes at once
# Of a hundred transitions of alarms so many are told as incidents and as notices.
INCIDENTS, NOTICES = 10, 25
MEMBERS = 10
GOAL_PER_S = 2_000.0
LEDGER_MOST = {"SQLite": 10.0, "PostgreSQL": 5.0}  # percent of the history's time


class Cost(NamedTuple):
    """Of some records, in seconds: by the wall clock, and of the processor."""

    wall_s: float
    cpu_s: float


def records(alarms: int) -> list[TopicRecord]:
    """Transitions of alarms, and what a desk tells of them."""
    found: list[TopicRecord] = []

    def add(topic: str, kind: str, body: bytes) -> None:
        offset = len(found)
        found.append(TopicRecord(topic, 0, offset, BEGAN_S * 1000 + offset, b"k", body, kind))

    for n in range(alarms):
        state = "cleared" if n % 2 else "active"
        body = alarm(n // 2, BEGAN_S + n, revision=1 + n % 2, state=state)
        add(NAMES.alarms("water"), "revision", body)
        if n % 100 < INCIDENTS:
            number, revision = divmod(n // 100 * INCIDENTS + n % 100, 5)
            told = incident(number, revision + 1, members=range(n, n + MEMBERS))
            add(NAMES.incidents, "incident", msgspec.json.encode(told))
        if n % 100 < NOTICES:
            add(NAMES.notices, "notice", msgspec.json.encode(notice(n, n // 10)))
    return found


def measure(projection: Projection, told: Sequence[TopicRecord], poll: int = POLL) -> Cost:
    """What it takes when so many records come at once."""
    projection.positions()

    def taken() -> None:
        for first in range(0, len(told), poll):
            some = told[first : first + poll]
            projection.apply(some, {(one.topic, one.partition): one.offset + 1 for one in some})

    cost = timed(taken)
    projection.close()
    return cost


def ledgers(folder: Path, told: Sequence[TopicRecord]) -> dict[str, Cost]:
    """The ledger in small steps, in those of one that has to catch up, and without its files."""
    found = {}
    for poll in (POLL, RECORDS_PER_POLL):
        kept = StoredFiles(str(folder / f"ledger-{poll}"))
        kept.begin()
        found[f"ledger, {poll} at once"] = measure(Ledger(kept, SIGNER), told, poll)
    files = MemoryFiles()
    found["ledger without its files"] = measure(Ledger(files, SIGNER), told, RECORDS_PER_POLL)
    return found | floors(folder, told, files)


def floors(folder: Path, told: Sequence[TopicRecord], files: MemoryFiles) -> dict[str, Cost]:
    """What no ledger that keeps entries can do without: SHA-256 of them, and them on a disk."""
    entries = list(encode_entries(told))
    whole = range(0, len(entries) - WIDTH + 1, WIDTH)

    def hashed() -> None:
        for first in whole:
            perfect_root(leaf_hashes(entries[first : first + WIDTH]))

    def written() -> None:
        write_all_durably((folder / "floor" / name, data) for name, data in files.files.items())

    return {"its hashes alone": timed(hashed), "its files alone": timed(written)}


def timed(act: Callable[[], object]) -> Cost:
    """What one act takes."""
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    act()
    return Cost(time.perf_counter() - wall_s, time.process_time() - cpu_s)


def databases(
    stack: ExitStack, folder: Path, told: Sequence[TopicRecord]
) -> dict[str, tuple[Cost, Cost]]:
    """Either database, alone and beside a lane that judges as fast as it can."""
    stores: dict[str, Callable[[int], Store]] = {
        "SQLite": lambda n: SqliteStore(folder / f"history-{n}.sqlite")
    }
    if (reason := missing()) is None:
        server = stack.enter_context(PostgresServer(durable=True))
        stores["PostgreSQL"] = lambda _: PostgresStore(server.database())
    else:
        print(f"PostgreSQL: {reason}")
    alone = {name: measure(History(make(0), NAMES), told) for name, make in stores.items()}
    with busy_lane() as judged:
        before, began_s = judged(), time.perf_counter()
        beside = {name: measure(History(make(1), NAMES), told) for name, make in stores.items()}
        rate = (judged() - before) / (time.perf_counter() - began_s)
    print(f"the lane beside judged {rate:,.0f} readings/s\n")
    assert rate, "the lane beside was idle"
    return {name: (alone[name], beside[name]) for name in stores}


def main() -> int:
    """Measure either database, and the ledger over the same records."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--alarms", type=int, default=ALARMS, help="transitions of alarms")
    alarms = options.parse_args().alarms
    told, costs, claims = records(alarms), dict[str, Cost](), list[Claim]()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        for name, (alone, beside) in databases(stack, folder, told).items():
            costs |= {name: alone, f"{name} beside a lane": beside}
        for name, cost in costs.items():
            what = f"transitions of alarms into {name}"
            claims.append(Claim(what, alarms / cost.wall_s, GOAL_PER_S, "1/s", "at least"))
        costs |= ledgers(folder, told)
    rows = [
        [name, f"{alarms / one.wall_s:,.0f}", *(f"{1e6 * s / len(told):.1f}" for s in one)]
        for name, one in costs.items()
    ]
    print_table(["what", "transitions/s", "µs a record", "of the processor"], rows)
    ledger = costs[f"ledger, {RECORDS_PER_POLL} at once"]
    for name, goal in LEDGER_MOST.items():
        if name in costs:
            share = 100 * ledger.wall_s / costs[name].wall_s
            claims.append(Claim(f"ledger over {name}, of time", share, goal, "%", "at most"))
    print_claims(claims)
    return 0


if __name__ == "__main__":
    sys.exit(main())
