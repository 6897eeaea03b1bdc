"""Transitions a second into the history: records to rows, in SQLite and in PostgreSQL."""

import argparse
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from benchmarks.support.claims import Claim, print_claims, print_table
from contracts.ports.projection import TopicRecord
from contracts.topics import TopicNames
from sinks.history.postgresql import PostgresStore
from sinks.history.projection import History
from sinks.history.sqlite import SqliteStore
from sinks.history.store import Store
from tests.testkit.desk.alarms import BEGAN_S, alarm
from tests.testkit.desk.topics import incident, notice
from tests.testkit.postgres.server import PostgresServer, missing

NAMES = TopicNames()
ALARMS, POLL = 20_000, 500  # a poll is what the reader of topics takes at once
# Of a hundred transitions of alarms so many are told as incidents and as notices.
INCIDENTS, NOTICES = 10, 25
MEMBERS = 10
GOAL_PER_S = 2_000.0


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


def measure(store: Store, alarms: int) -> float:
    """Transitions of alarms a second, with all that is told of them."""
    history, told = History(store, NAMES), records(alarms)
    history.positions()
    began = time.perf_counter()
    for first in range(0, len(told), POLL):
        poll = told[first : first + POLL]
        history.apply(poll, {(one.topic, one.partition): one.offset + 1 for one in poll})
    seconds = time.perf_counter() - began
    store.close()
    return alarms / seconds


def main() -> int:
    """Measure either database."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--alarms", type=int, default=ALARMS, help="transitions of alarms")
    alarms = options.parse_args().alarms
    rates: dict[str, float] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        rates["SQLite"] = measure(SqliteStore(folder / "history.sqlite"), alarms)
        if (reason := missing()) is None:
            server = stack.enter_context(PostgresServer(durable=True))
            rates["PostgreSQL"] = measure(PostgresStore(server.database()), alarms)
        else:
            print(f"PostgreSQL: {reason}")
    print_table(["database", "transitions/s"], [[n, f"{r:,.0f}"] for n, r in rates.items()])
    claims = [
        Claim(f"transitions of alarms into {name}", rate, GOAL_PER_S, "1/s", "at least")
        for name, rate in rates.items()
    ]
    print_claims(claims)
    return 0


if __name__ == "__main__":
    sys.exit(main())
