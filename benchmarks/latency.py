"""From a sample's time to its alarm, with alarms in transactions and the worker 60 % busy.

One JSON reading a message, sent by a process of its own at a steady rate; the sample's time is the
moment of sending. Another client, which reads only what is committed, notes when the alarm comes.
"""

import asyncio
import json
import multiprocessing
import random
import re
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory

from _claims import RESULTS, Claim, page_of, print_claims, print_table, write_rows, writes
from aiokafka import AIOKafkaConsumer, TopicPartition
from confluent_kafka import Producer

from app.configuration import home_lane
from tests.fire import city
from tests.fire.drill import tocsin
from tests.fire.process import WorkerProcess
from tests.kafka.broker import Cluster, missing
from tests.kafka.ports import free_ports

LANES = 2
GROUPS = 10_000  # of two channels each
SHARE = 0.6  # of the rate that end_to_end.py found
TICK_S = 0.01
DIPS_PER_S = 10  # readings that ring
WARM_S, SECONDS, LATE_S = 10.0, 30.0, 10.0
START_S = 300.0
LEAST = 200  # alarms to judge by
HEAD = ["readings/s", "sent", "alarms", "p50 ms", "p99 ms", "max ms"]
WHOLE = "worker, JSON, one reading a message: at least the goal"


def busy_rate() -> float:
    """The rate to send at, by the last run of the whole worker."""
    place = RESULTS / "end_to_end.json"
    if not place.exists():
        sys.exit(f"latency: expected {place}, got none; run benchmarks/end_to_end.py first")
    told = json.loads(place.read_text())["claims"]
    return SHARE * next(claim["value"] for claim in told if claim["claim"] == WHOLE)


@dataclass
class Pace:
    """What a steady sender sends.

    Parameters
    ----------
    bootstrap, topic : str
    channels : list of str
    rate : float
        Readings a second.
    """

    bootstrap: str
    topic: str
    channels: list[str]
    rate: float
    count: int = 0
    dips: int = 0
    heads: list[tuple[bytes, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for channel in self.channels:
            lane = home_lane(channel.rsplit(".", 1)[0], LANES)
            self.heads.append((f'{{"channel": "{channel}", "time": "'.encode(), lane))

    def run(self, seconds: float, sent: "multiprocessing.sharedctypes.Synchronized[float]") -> None:
        """Send for so long; how many readings a second went out is left in `sent`."""
        chance = random.Random(1)
        producer = Producer(
            {
                "bootstrap.servers": self.bootstrap,
                "linger.ms": 5,
                "batch.size": 1 << 18,
                "queue.buffering.max.messages": 200_000,
            }
        )
        tails = [f'Z", "value": {5 + chance.gauss(0, 0.01):.4f}}}'.encode() for _ in range(997)]
        began = time.perf_counter()
        while (now := time.perf_counter() - began) < seconds:
            self._tick(producer, int(now * self.rate) - self.count, tails, now)
            producer.poll(0)
            time.sleep(max(TICK_S - (time.perf_counter() - began - now), 0))
        producer.flush(30)
        sent.value = self.count / (time.perf_counter() - began)

    def _tick(self, producer: Producer, count: int, tails: list[bytes], now: float) -> None:
        """The readings that are due."""
        rings = int(now * DIPS_PER_S) > self.dips
        self.dips += rings
        moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3].encode()
        for i in range(self.count, self.count + count):
            head, lane = self.heads[i % len(self.heads)]
            tail = tails[i % len(tails)]
            if rings:
                tail, rings = b'Z", "value": 0.5}', False
            body = head + moment + tail
            while True:
                try:
                    producer.produce(self.topic, body, partition=lane)
                    break
                except BufferError:
                    producer.poll(0.01)
        self.count += count


async def ready(worker: WorkerProcess) -> None:
    """Wait for a worker's lanes."""
    async with asyncio.timeout(START_S):
        while not await asyncio.to_thread(worker.get, "/readyz"):  # noqa: ASYNC110 - a process
            await asyncio.sleep(0.2)


async def hear(bootstrap: str, topic: str, delays_ms: list[tuple[float, float]]) -> None:
    """Note when each alarm comes and how old its sample is then, for ever."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, isolation_level="read_committed", auto_offset_reset="latest"
    )
    await consumer.start()
    consumer.assign([TopicPartition(topic, lane) for lane in range(LANES)])
    try:
        while True:
            for records in (await consumer.getmany(timeout_ms=50)).values():
                now = time.time()
                for record in records:
                    if dict(record.headers).get("tocsin") != b"revision":
                        continue
                    alarm = json.loads(record.value)
                    if alarm["rule"]["name"] == "limit" and alarm["revision"] == 1:
                        onset = datetime.fromisoformat(alarm["onset"]).timestamp()
                        delays_ms.append((now, (now - onset) * 1000))
    finally:
        await consumer.stop()


async def measure(bootstrap: str, folder: Path, rate: float) -> tuple[float, list[float]]:
    """Readings a second that were sent, and ms from sample to alarm."""
    configs = folder / "configs"
    channels = city.configure(configs, GROUPS, LANES, folder / "state")
    pack = configs / "water" / "level.yaml"
    pack.write_text(re.sub(r"(on|off)_delay: \d+ ms", r"\1_delay: 0 s", pack.read_text()))
    place = ["--configs", str(configs), "--bootstrap", bootstrap]
    tocsin("topics", *place, "--create", "--replication", "1")
    worker = WorkerProcess(place, free_ports(1)[0], folder / "worker.log")
    delays: list[tuple[float, float]] = []
    hearing = asyncio.create_task(hear(bootstrap, "tocsin.alarms.water", delays))
    many = multiprocessing.get_context("spawn")
    sent = many.Value("d", 0.0)
    pace = Pace(bootstrap, "tocsin.telemetry.water", channels, rate)
    sender = many.Process(target=pace.run, args=(WARM_S + SECONDS, sent))
    worker.start()
    try:
        await ready(worker)
        began = time.time()
        sender.start()
        await asyncio.to_thread(sender.join, WARM_S + SECONDS + START_S)
        await asyncio.sleep(LATE_S)
    finally:
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)
        worker.kill()
    return sent.value, [ms for at, ms in delays if at - began > WARM_S]


def main() -> None:
    """Start a broker, measure, tell."""
    if (lacking := missing()) is not None:
        sys.exit(f"latency: expected a Kafka to measure with, got none: {lacking}")
    rate = busy_rate()
    with TemporaryDirectory(prefix="tocsin-bench-") as folder, Cluster() as cluster:
        sent, delays = asyncio.run(measure(cluster.bootstrap, Path(folder), rate))
    if len(delays) < LEAST:
        sys.exit(f"latency: expected at least {LEAST} alarms to judge by, got {len(delays)}")
    cuts = quantiles(delays, n=100)
    p50, p99, most = cuts[49], cuts[98], max(delays)
    row = [f"{rate:,.0f}", f"{sent:,.0f}", f"{len(delays)}"]
    row += [f"{p50:.0f}", f"{p99:.0f}", f"{most:.0f}"]
    print(f"{SHARE:.0%} of the rate of the whole worker, {2 * GROUPS:,} channels, {LANES} lanes\n")
    print_table(HEAD, [row])
    if writes():
        write_rows(page_of("performance"), "latency", HEAD, [row])
    told = "sample to alarm at 60 % load, alarms in transactions"
    print_claims(
        [
            Claim(f"{told}: median", p50, 30, "ms", "at most"),
            Claim(f"{told}: 99th percentile", p99, 250, "ms", "at most"),
            Claim(
                "readings sent, of the rate that 60 % is", sent / rate, 0.95, "times", "at least"
            ),
        ]
    )


if __name__ == "__main__":
    main()
