"""Readings a second of other stream processors doing part of a worker's job, on the same topic.

Each parses JSON, keeps an exponentially weighted mean and variance for each channel and tells a
topic where limits or band are left or met again. Time, order, duplicates, silence, delays and
explanations, which a worker adds, are not asked of them. All take the same topic in turn, each
in an environment of its own under build/peers; `--more` adds those that are large or keep nothing.
"""

import asyncio
import statistics
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from confluent_kafka import Producer

from benchmarks.end_to_end import GROUPS, LANES, LIFELINE, configured, watch_worker
from benchmarks.support.claims import Claim, page_of, print_claims, print_table, write_rows, writes
from benchmarks.support.peers import NotMeasured, Peer, java, python
from benchmarks.support.traffic import BEGIN_S, DIPS, as_json, by_lane
from broker.topics import TopicPlan, ensure, needed
from configuration.configuration import Configuration
from contracts.topics import TopicNames
from tests.testkit.kafka.broker import Cluster, missing

ROUNDS = 3
READINGS = 2_000_000
FEW = 100_000  # of peers that would take a minute for all
WORKER = "Tocsin, whole worker"
DURABLE = "Kafka Streams"
HEAD = ["who", "state", "readings/s", "worker/it"]


def _streams(store: str, changelog: str, guarantee: str, threads: int) -> Peer:
    kept = "changelog" if changelog == "yes" else "no changelog"
    said = {"at_least_once": "", "exactly_once_v2": ", exactly once"}[guarantee]
    some = "1 thread" if threads == 1 else f"{threads} threads"

    def command(bootstrap: str, topic: str, readings: int, folder: Path) -> list[str]:
        words = [bootstrap, topic, str(readings), store, changelog, guarantee, str(threads)]
        return [*java("streams"), *words, str(folder)]

    return Peer(f"{DURABLE}|{store}, {kept}{said}, {some}", command, READINGS)


def _python(title: str, name: str, *, asked: bool) -> Peer:
    def command(bootstrap: str, topic: str, readings: int, folder: Path) -> list[str]:
        place = [] if asked else [str(folder)]
        return [*python(name), bootstrap, topic, str(readings), *place]

    return Peer(title, command, FEW, asked)


def _flink(bootstrap: str, topic: str, readings: int, folder: Path) -> list[str]:
    del folder
    return [*java("flink"), bootstrap, topic, str(readings), "1"]


PEERS = (
    _streams("memory", "no", "at_least_once", 1),
    _streams("memory", "yes", "at_least_once", 1),
    _streams("memory", "yes", "at_least_once", 2),
    _streams("rocksdb", "yes", "at_least_once", 1),
    _streams("memory", "yes", "exactly_once_v2", 1),
    _python("Quix Streams|rocksdb, changelog", "quix", asked=False),
    Peer("Flink|heap, checkpoints in memory, 1 slot", _flink, READINGS, asked=True),
    _python("Bytewax|memory, no recovery", "bytewax", asked=True),
    _python("Pathway|memory, no recovery", "pathway", asked=True),
)


def preload(bootstrap: str, topic: str, channels: list[str]) -> None:
    """Send every channel's readings second by second, keyed by group as producers should."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "compression.type": "lz4",  # as in `end_to_end.py`
            "linger.ms": 20,
            "batch.size": 1 << 18,
            "queue.buffering.max.messages": 4_000_000,
            "queue.buffering.max.kbytes": 1 << 20,
        }
    )
    chance = np.random.default_rng(7)
    owned = by_lane(channels, LANES)
    for second in range(-(-READINGS // len(channels))):
        for lane, ids in owned.items():
            value = chance.normal(5.0, 0.02, len(ids))
            place = np.arange(len(ids))
            value[(place % DIPS == 0) & ((second + place // DIPS) % 97 < 3)] = 1.0
            for i, channel in enumerate(ids):
                body = as_json([channel], BEGIN_S + second, value[i : i + 1])
                key = channel.rsplit(".", 1)[0]
                at_ms = (BEGIN_S + second) * 1000
                producer.produce(topic, body, key=key, partition=lane, timestamp=at_ms)
        producer.poll(0)
    assert producer.flush(60) == 0, "the broker did not take all messages within 60 s"


async def prepared(folder: Path, bootstrap: str, app: str) -> tuple[Configuration, list[str]]:
    """Configuration and topics under a name of their own."""
    configuration, channels = configured(folder, bootstrap, app)
    plan = TopicPlan(replication=1, append_time=False, telemetry_days=36_500)
    await ensure(needed(configuration.partitions, TopicNames(app), plan), bootstrap)
    return configuration, channels


def measure(cluster: Cluster, peers: list[Peer]) -> dict[str, list[float]]:
    """Rates of the worker and of every peer, round by round; a peer that fails once is left out."""
    found: dict[str, list[float]] = {name: [] for name in (WORKER, *(p.name for p in peers))}
    with TemporaryDirectory(prefix="tocsin-rivals-") as name:
        for turn in range(ROUNDS):
            app = f"rivals-{turn}"
            configuration, channels = asyncio.run(prepared(Path(name), cluster.bootstrap, app))
            topic = TopicNames(app).telemetry(LIFELINE)
            cluster.create_topic(f"{topic}-alarms", LANES)
            preload(cluster.bootstrap, topic, channels)
            for place, peer in in_turn(peers, turn):
                if peer is None:
                    rate, _ = asyncio.run(watch_worker(configuration, (READINGS, READINGS)))
                    found[WORKER].append(rate)
                    continue
                try:
                    rate = peer.rate(cluster.bootstrap, topic, Path(name) / f"{app}-{place}")
                except NotMeasured as reason:
                    print(f"{peer.name}: not measured: {reason}")
                    peers.remove(peer)
                    found.pop(peer.name)
                else:
                    found[peer.name].append(rate)
    return found


def in_turn(peers: list[Peer], turn: int) -> list[tuple[int, Peer | None]]:
    """The peers and the worker, None: who reads a topic first finds the broker cold."""
    order = list(enumerate([None, *peers]))
    first = turn * len(order) // ROUNDS
    return order[first:] + order[:first]


def claims(found: dict[str, list[float]]) -> list[Claim]:
    """Goals: ten times the best durable Kafka Streams, forty times Quix with state."""
    durable = [name for name in found if name.startswith(DURABLE) and ", changelog" in name]
    best = max(durable, key=lambda name: statistics.median(found[name]), default=None)
    quix = next((name for name in found if name.startswith("Quix")), None)
    goals = [
        (f"worker over the best durable Kafka Streams ({best})", best, 10.0),
        ("worker over Quix Streams with state", quix, 40.0),
    ]
    return [
        Claim(said.replace("|", ", "), over(found, name), goal, "times", "at least")
        for said, name, goal in goals
        if name is not None
    ]


def over(found: dict[str, list[float]], name: str) -> float:
    """Median over the rounds of the worker's rate over another's."""
    return statistics.median(a / b for a, b in zip(found[WORKER], found[name], strict=True))


def main() -> None:
    """Start a broker, let everybody have a turn, tell."""
    if (lacking := missing()) is not None:
        sys.exit(f"rivals: expected a Kafka to measure with, got none: {lacking}")
    peers = [peer for peer in PEERS if not peer.asked or "--more" in sys.argv[1:]]
    with Cluster() as cluster:
        found = measure(cluster, peers)
    print(f"readings/s, one JSON reading a message, {2 * GROUPS:,} channels, {LANES} partitions;")
    print(f"median of {ROUNDS} rounds, broker on the same two cores\n")
    rows = []
    for name, rates in found.items():
        who, _, state = name.partition("|")
        state = state or "journal, transactions, snapshots"
        row = [f"{statistics.median(rates):,.0f}", f"{over(found, name):.1f}"]
        rows.append([who, state, *row])
    print_table(HEAD, rows)
    if writes():
        joined = [[f"{row[0]}: {row[1]}", *row[2:]] for row in rows]
        write_rows(page_of("performance"), "rivals", ["who", *HEAD[2:]], joined)
    print_claims(claims(found))


if __name__ == "__main__":
    main()
