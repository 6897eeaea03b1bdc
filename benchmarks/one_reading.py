"""Where the nanoseconds of one reading go, from a fetched record batch to the outputs of its lane.

One lane of the end-to-end benchmark's city, in memory: what the client does, the loop, journal and
transactions are not here; `end_to_end.py` has the whole.
"""

import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from aiokafka.record.default_records import DefaultRecordBatchBuilder

from benchmarks.support.claims import Claim, page_of, print_claims, print_table, write_rows, writes
from benchmarks.support.traffic import FORMATS, Format, messages
from configuration.configuration import Configuration
from configuration.lane_plan import Plan
from contracts.ports.lane_parts import Parts
from contracts.records import Records
from contracts.topics import TopicNames
from ingest.kafka.record_batch import Gathered, walk
from ingest.limits import DecodeLimits
from pipeline.lane.lane import Lane
from tests.testkit import city

GROUPS = 10_000
ROUNDS = 5
POLL = 20_000
BATCH_BYTES = 1 << 18
READINGS = 400_000
STAGES = ("unpack", "decode", "admit", "score", "silence", "rest of the lane")
HEAD = ["ns a reading", *(what.name for what in FORMATS)]


class Timed:
    """A part whose one method's time is kept."""

    def __init__(self, part: Any, method: str, stage: str, spent: dict[str, float]) -> None:
        self._part, self._method, self._stage, self._spent = part, method, stage, spent

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._part, name)
        return self._clocked if name == self._method else found

    def _clocked(self, *arguments: Any) -> Any:
        began = time.perf_counter()
        answer = getattr(self._part, self._method)(*arguments)
        self._spent[self._stage] += time.perf_counter() - began
        return answer


def timed(parts: Parts, spent: dict[str, float]) -> Parts:
    """Parts whose stages are clocked."""
    return replace(
        parts,
        decoder=Timed(parts.decoder, "decode", "decode", spent),
        admission=Timed(parts.admission, "admit", "admit", spent),
        scorer=Timed(parts.scorer, "score", "score", spent),
        silence=Timed(parts.silence, "hear", "silence", spent),
    )


def encoded(channels: list[str], what: Format) -> tuple[list[bytes], int]:
    """Record batches as a broker sends them, and the readings in them."""
    batches, readings, offset, at = [], 0, 0, 0
    builder = None
    for _, stamp_ms, count, body in messages(channels, 1, replace(what, readings=READINGS)):
        if builder is None:
            builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, BATCH_BYTES)
        if builder.append(at, stamp_ms, None, body, []) is None:
            batches.append(_numbered(builder, offset - at))
            builder, at = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, BATCH_BYTES), 0
            builder.append(at, stamp_ms, None, body, [])
        at, offset, readings = at + 1, offset + 1, readings + count
    batches.append(_numbered(builder, offset - at))
    return batches, readings


def _numbered(builder: Any, base: int) -> bytes:
    """A finished batch; its first eight bytes, its base offset, lie outside the checksum."""
    return base.to_bytes(8, "big") + bytes(builder.build())[8:]


def unpacked(batches: list[bytes], spent: dict[str, float]) -> list[Records]:
    """Polls of some batches."""
    began = time.perf_counter()
    polls, gathered = [], Gathered(2 * BATCH_BYTES)
    for data in batches:
        for batch in walk(data):
            gathered.add(batch, 0)
        polls.append(gathered.take(0))
    spent["unpack"] += time.perf_counter() - began
    return [
        poll.cut(at, min(at + POLL, len(poll)))
        for poll in polls
        for at in range(0, len(poll), POLL)
    ]


def _never(config: str) -> Parts:
    msg = f"expected no swap in this benchmark, got one to {config}"
    raise AssertionError(msg)


def measure(plan: Plan, channels: list[str], what: Format) -> dict[str, float]:
    """Median ns a reading of each stage."""
    batches, readings = encoded(channels, what)
    rounds: dict[str, list[float]] = defaultdict(list)
    for _ in range(ROUNDS + 1):  # the first one compiles
        spent: dict[str, float] = defaultdict(float)
        polls = unpacked(batches, spent)
        parts = timed(plan.parts(0), spent)
        lane = Lane(plan.name(0), parts, _never)
        began = time.perf_counter()
        for records in polls:
            lane.feed(records)
            lane.outbox.take()
        total = time.perf_counter() - began
        assert lane.accounts.counts()["scored"] == readings, lane.accounts.counts()
        spent["rest of the lane"] = total - sum(spent[stage] for stage in STAGES[1:-1])
        for stage in STAGES:
            rounds[stage].append(spent[stage] * 1e9 / readings)
    return {stage: median(found[1:]) for stage, found in rounds.items()}


def main() -> None:
    """Measure, tell."""
    with TemporaryDirectory(prefix="tocsin-profile-") as folder:
        channels = city.configure(Path(folder) / "configs", GROUPS, 1, Path(folder))
        configuration = Configuration.load(Path(folder) / "configs")
        plan = Plan(configuration, "water", TopicNames(), DecodeLimits())
        found = [measure(plan, channels, what) for what in FORMATS]
    rows = [[stage, *(f"{ns[stage]:.1f}" for ns in found)] for stage in STAGES]
    rows.append(["in all", *(f"{sum(ns.values()):.1f}" for ns in found)])
    print(f"median of {ROUNDS} rounds of {READINGS:,} readings, 20,000 channels, one lane\n")
    print_table(HEAD, rows)
    if writes():
        write_rows(page_of("performance"), "profile", HEAD, rows)
    single = found[0]
    print_claims(
        [
            Claim(
                "JSON, one reading a message: decode and id", single["decode"], 400, "ns", "at most"
            )
        ]
    )


if __name__ == "__main__":
    main()
