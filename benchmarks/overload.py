"""A burst of household meters beside gas alarms on one machine: what a declared order is worth."""

import asyncio
import json
import os
import re
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from benchmarks.support.claims import Claim, print_claims, print_table
from ingest.partitioner import home_lane
from tests.testkit import city
from tests.testkit.faults.drill import tocsin
from tests.testkit.kafka.broker import Cluster, missing
from tests.testkit.kafka.ports import free_ports
from tests.testkit.worker_process import WorkerProcess

LANES = 2
GROUPS = 200
PULSES_PER_S = 100
METERS_PER_S, BURST = 1_000, 30
PHASE_S, WARM_S = 20.0, 3.0
LATE_S = 60.0  # how long the last alarms of a phase may take
NICE = 19


@dataclass
class Town:
    """One application with its own topics, configuration and worker."""

    name: str
    bootstrap: str
    folder: Path
    nice: int
    channels: list[str] = field(init=False)
    worker: WorkerProcess = field(init=False)

    def __post_init__(self) -> None:
        configs = self.folder / self.name
        self.channels = city.configure(configs, GROUPS, LANES, self.folder / f"{self.name}-state")
        settings = configs / "tocsin.yaml"
        text = settings.read_text().replace("app: tocsin", f"app: {self.name}")
        settings.write_text(text.replace("}}\n", f", nice: {self.nice}}}}}\n", 1))
        pack = configs / "water" / "level.yaml"
        pack.write_text(re.sub(r"(on|off)_delay: \d+ ms", r"\1_delay: 0 s", pack.read_text()))
        place = ["--configs", str(configs), "--bootstrap", self.bootstrap]
        if self.name not in _MADE:
            tocsin("topics", *place, "--create", "--replication", "1")
            _MADE.add(self.name)
        log = self.folder / f"{self.name}-{self.nice}.log"
        self.worker = WorkerProcess(place, free_ports(1)[0], log)

    def topic(self, kind: str) -> str:
        """Name of one of its topics."""
        return f"{self.name}.{kind}.water"


_MADE: set[str] = set()


async def ready(worker: WorkerProcess) -> None:
    """Wait for a worker's lanes."""
    while not await asyncio.to_thread(worker.get, "/readyz"):  # noqa: ASYNC110 - a process
        await asyncio.sleep(0.1)


@dataclass
class Pulse:
    """Gas readings that fall below a limit and rise again, and how long their alarms take."""

    town: Town
    sent_at: dict[tuple[int, int], float] = field(default_factory=dict)
    delays_s: list[float] = field(default_factory=list)

    async def send(self, seconds: float) -> None:
        """Readings at a steady rate, each of which changes a level."""
        producer = AIOKafkaProducer(bootstrap_servers=self.town.bootstrap, linger_ms=0)
        await producer.start()
        began, count = time.monotonic(), 0
        try:
            while (now := time.monotonic() - began) < seconds:
                while count < now * PULSES_PER_S:
                    channel = self.town.channels[2 * (count % GROUPS)]
                    low = count // GROUPS % 2 == 0
                    body = {"channel": channel, "time": time.time_ns() // 1_000_000}
                    payload = json.dumps(body | {"value": 0.5 if low else 5.0}).encode()
                    place = home_lane(channel.rsplit(".", 1)[0], LANES)
                    at = time.monotonic()
                    sent = await producer.send(
                        self.town.topic("telemetry"), payload, partition=place
                    )
                    sent.add_done_callback(lambda done, at=at: self._lies(done, at))
                    count += 1
                await asyncio.sleep(0.002)
            await producer.flush()
        finally:
            await producer.stop()

    def _lies(self, done: "asyncio.Future[object]", at: float) -> None:
        place = done.result()
        self.sent_at[place.partition, place.offset] = at  # type: ignore[attr-defined]

    async def hear(self) -> None:
        """Note when each alarm comes, for ever."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.town.bootstrap,
            isolation_level="read_committed",
            auto_offset_reset="latest",
        )
        await consumer.start()
        consumer.assign([TopicPartition(self.town.topic("alarms"), n) for n in range(LANES)])
        try:
            while True:
                for records in (await consumer.getmany(timeout_ms=50)).values():
                    for record in records:
                        if dict(record.headers).get("tocsin") == b"revision":
                            self._heard(json.loads(record.value))
        finally:
            await consumer.stop()

    def _heard(self, alarm: dict[str, object]) -> None:
        if alarm["rule"]["name"] != "limit":  # type: ignore[index]
            return
        proof = alarm["evidence"][0]  # type: ignore[index]
        at = self.sent_at.get((proof["partition"], proof["last"]))
        if at is not None:
            self.delays_s.append(time.monotonic() - at)

    async def phase(self, seconds: float) -> list[float]:
        """Delays of the alarms that readings of this time rang, all of them."""
        before = len(self.delays_s)
        await self.send(seconds)
        deadline = time.monotonic() + LATE_S
        wanted = before + int(seconds * PULSES_PER_S * 0.95)
        while len(self.delays_s) < wanted and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        return sorted(self.delays_s[before:])


def meters(town: Town, per_s: int) -> "subprocess.Popen[bytes]":
    """A process of its own that sends meter readings until it is stopped."""
    words = [sys.executable, __file__, "--meters", town.bootstrap, town.topic("telemetry")]
    return subprocess.Popen([*words, str(per_s), str(GROUPS)])


def pump(bootstrap: str, topic: str, per_s: int, groups: int) -> None:
    """Send readings at a rate, by librdkafka; gives way to everybody."""
    from confluent_kafka import Producer  # noqa: PLC0415 - only the child sends with it

    os.nice(10)
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 20})
    channels = [f"water.tank-{n % groups:03d}.in" for n in range(groups)]
    places = [home_lane(name.rsplit(".", 1)[0], LANES) for name in channels]
    began, count = time.monotonic(), 0
    while True:
        while count < (time.monotonic() - began) * per_s:
            n = count % groups
            body = f'{{"channel":"{channels[n]}","time":{time.time_ns() // 10**6},"value":5.0}}'
            try:
                producer.produce(topic, body, partition=places[n])
            except BufferError:
                producer.poll(0.1)
                continue
            count += 1
        producer.poll(0.002)


async def burst(pulse: Pulse, town: Town) -> tuple[list[float], float]:
    """Gas delays while the meters burst; and how many of their readings a second were scored."""
    town.worker.start()
    await ready(town.worker)
    sender = meters(town, METERS_PER_S * BURST)
    try:
        await asyncio.sleep(WARM_S)
        before = await asyncio.to_thread(town.worker.metric, "tocsin_readings_received_total")
        began = time.monotonic()
        delays = await pulse.phase(PHASE_S)
        after = await asyncio.to_thread(town.worker.metric, "tocsin_readings_received_total")
        rate = (sum(after.values()) - sum(before.values())) / (time.monotonic() - began)
    finally:
        sender.kill()
        sender.wait()
        town.worker.kill()
    return delays, rate


async def measure() -> None:
    """Calm, burst without an order, burst with it, calm again."""
    with TemporaryDirectory(prefix="tocsin-overload-") as folder, Cluster() as kafka:
        gas = Town("gas", kafka.bootstrap, Path(folder), 0)
        pulse = Pulse(gas)
        gas.worker.start()
        await ready(gas.worker)
        hearing = asyncio.create_task(pulse.hear())
        try:
            await pulse.phase(WARM_S)
            calm = await pulse.phase(PHASE_S)
            flat, flat_rate = await burst(pulse, Town("meters", gas.bootstrap, Path(folder), 0))
            order = Town("ordered", gas.bootstrap, Path(folder), NICE)
            ordered, ordered_rate = await burst(pulse, order)
            again = await pulse.phase(PHASE_S)
        finally:
            hearing.cancel()
            await asyncio.gather(hearing, return_exceptions=True)
            gas.worker.kill()
    phases = {
        "calm": (calm, 0.0),
        "burst, all alike": (flat, flat_rate),
        f"burst, meters nice {NICE}": (ordered, ordered_rate),
        "calm again": (again, 0.0),
    }
    told(phases)


def told(phases: dict[str, tuple[list[float], float]]) -> None:
    """Table and claims."""
    rows = [
        [
            name,
            f"{len(delays):,}",
            f"{1000 * statistics.median(delays):.0f}",
            f"{1000 * percentile(delays, 99):.0f}",
            f"{rate:,.0f}",
        ]
        for name, (delays, rate) in phases.items()
    ]
    print_table(["phase", "gas alarms", "p50 ms", "p99 ms", "meter readings/s scored"], rows)
    calm = percentile(sorted(phases["calm"][0] + phases["calm again"][0]), 99)
    ordered = percentile(phases[f"burst, meters nice {NICE}"][0], 99)
    what = f"gas sample to alarm, p99 in a burst of {BURST} times the meters over p99 when calm"
    print_claims([Claim(what, ordered / calm, 1.5, "ratio", "at most")])


def percentile(delays: list[float], share: int) -> float:
    """Nearest rank of sorted values."""
    return delays[max(-(-len(delays) * share // 100) - 1, 0)]


def main() -> None:
    """Measure, or be the meters of a measurement."""
    if sys.argv[1:2] == ["--meters"]:
        pump(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
    elif reason := missing():
        sys.exit(reason)
    else:
        asyncio.run(measure())


if __name__ == "__main__":
    main()
