"""A lane whose channels all ring at once: how long until all is told, and what others wait.

`python benchmarks/storm.py [SILENT [LIMITS]]`: how many channels fall silent, and break a limit.
"""

import asyncio
import json
import re
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
STORM, CALM = range(LANES)
SILENT, RINGING, PROBED = 300_000, 100_000, 100
PROBES_PER_S = 20
READINGS_A_MESSAGE = 2_000
READY_S, TOLD_S = 300.0, 900.0
SILENT_S = {"silence": 60, "limits": 3_600}
GOAL_S = {"silence": 60.0, "limits": 20.0}
OTHERS_S = 1.0


@dataclass
class Site:
    """A lane of very many channels, one of few, and the worker of both."""

    storm: str
    bootstrap: str
    folder: Path
    many: int  # channels that ring
    channels: list[list[str]] = field(init=False)
    worker: WorkerProcess = field(init=False)

    def __post_init__(self) -> None:
        configs = self.folder / self.storm
        city.configure(configs, 1, LANES, self.folder / f"{self.storm}-state")
        settings = configs / "tocsin.yaml"
        text = settings.read_text().replace("app: tocsin", f"app: {self.storm}")
        settings.write_text(text.replace("every: 1 s", "every: 60 s"))
        pack = configs / "water" / "level.yaml"
        text = re.sub(r"(on|off)_delay: \d+ ms", r"\1_delay: 0 s", pack.read_text())
        pack.write_text(text.replace("after: 3 periods", f"after: {SILENT_S[self.storm]} s"))
        self.channels = catalogue(configs / "water" / "catalogue.csv", self.many)
        place = ["--configs", str(configs), "--bootstrap", self.bootstrap]
        tocsin("topics", *place, "--create", "--replication", "1")
        log = self.folder / f"{self.storm}.log"
        self.worker = WorkerProcess(place, free_ports(1)[0], log)

    def topic(self, kind: str) -> str:
        """Name of one of its topics."""
        return f"{self.storm}.{kind}.water"

    async def ready(self) -> None:
        """Wait for the worker's lanes."""
        async with asyncio.timeout(READY_S):
            while not await asyncio.to_thread(self.worker.get, "/readyz"):
                assert self.worker.process.poll() is None, self.worker.log.read_text()[-4000:]
                await asyncio.sleep(0.2)


def catalogue(path: Path, many: int) -> list[list[str]]:
    """Write a catalogue with so many channels in one lane and few in the other; ids by lane."""
    wanted, group = {STORM: many, CALM: PROBED}, 0
    channels: list[list[str]] = [[] for _ in wanted]
    rows = ["id,class,asset,group"]
    while any(len(channels[lane]) < most for lane, most in wanted.items()):
        name = f"water.tank-{group:06d}"
        lane = home_lane(name, LANES)
        if len(channels[lane]) < wanted[lane]:
            channels[lane].append(f"{name}.in")
            rows.append(f"{name}.in,water.level,tank-{group:06d},{name}")
        group += 1
    path.write_text("\n".join(rows) + "\n")
    return channels


@dataclass
class Watch:
    """Who reads the alarms of both lanes read-committed, as an operations centre does."""

    site: Site
    sent_at: dict[int, float] = field(default_factory=dict)
    delays_s: list[float] = field(default_factory=list)
    told: int = 0
    all_told: asyncio.Event = field(default_factory=asyncio.Event)

    async def hear(self) -> None:
        """Count and time alarms, for ever."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.site.bootstrap,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
        )
        await consumer.start()
        consumer.assign([TopicPartition(self.site.topic("alarms"), n) for n in range(LANES)])
        try:
            while True:
                for place, records in (await consumer.getmany(timeout_ms=50)).items():
                    bodies = [r.value for r in records if _is_revision(r.headers)]
                    if place.partition == STORM:
                        self._count(sum(b'"state":"active"' in body for body in bodies))
                    else:
                        self._time([json.loads(body) for body in bodies])
        finally:
            await consumer.stop()

    def _count(self, rung: int) -> None:
        self.told += rung
        if self.told >= self.site.many:
            self.all_told.set()

    def _time(self, alarms: list[dict[str, list[dict[str, int]]]]) -> None:
        for alarm in alarms:
            at = self.sent_at.pop(alarm["evidence"][0]["last"], None)
            if at is not None:
                self.delays_s.append(time.monotonic() - at)

    async def probe(self, producer: AIOKafkaProducer) -> None:
        """Let channels of the calm lane ring and clear in turn, for ever."""
        count = 0
        while True:
            channel = self.site.channels[CALM][count % PROBED]
            value = 5.0 if count // PROBED % 2 else 0.5
            at = time.monotonic()
            place = await producer.send_and_wait(
                self.site.topic("telemetry"), message([channel], value), partition=CALM
            )
            self.sent_at[place.offset] = at
            count += 1
            await asyncio.sleep(max(at + 1 / PROBES_PER_S - time.monotonic(), 0.0))


def _is_revision(headers: tuple[tuple[str, bytes], ...]) -> bool:
    return dict(headers).get("tocsin") == b"revision"


def message(channels: list[str], value: float) -> bytes:
    """Readings of now."""
    now_ms = time.time_ns() // 1_000_000
    return json.dumps([{"channel": c, "time": now_ms, "value": value} for c in channels]).encode()


async def send_all(site: Site, producer: AIOKafkaProducer, value: float) -> None:
    """One reading of every channel of the lane that is to ring."""
    many = site.channels[STORM]
    for first in range(0, len(many), READINGS_A_MESSAGE):
        body = message(many[first : first + READINGS_A_MESSAGE], value)
        await producer.send(site.topic("telemetry"), body, partition=STORM)
    await producer.flush()


async def rage(site: Site, watch: Watch, producer: AIOKafkaProducer) -> float:
    """Let all channels ring at once; seconds from when the first could until all are told."""
    began = time.monotonic()
    await send_all(site, producer, 5.0)
    if site.storm == "silence":
        began += SILENT_S[site.storm]
    else:
        began = time.monotonic()
        await send_all(site, producer, 0.5)
    async with asyncio.timeout(TOLD_S):
        await watch.all_told.wait()
    return time.monotonic() - began


async def measured(site: Site) -> tuple[float, list[float]]:
    """Seconds of one storm, and the delays of the other lane's alarms meanwhile."""
    site.worker.start()
    watch = Watch(site)
    tasks: list[asyncio.Task[None]] = []
    async with AIOKafkaProducer(bootstrap_servers=site.bootstrap, linger_ms=0) as producer:
        try:
            await site.ready()
            tasks = [
                asyncio.create_task(watch.hear()),
                asyncio.create_task(watch.probe(producer)),
            ]
            seconds = await rage(site, watch, producer)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            site.worker.bury()
    return seconds, sorted(watch.delays_s)


def p99(delays: list[float]) -> float:
    """Nearest rank of sorted values."""
    return delays[max(-(-len(delays) * 99 // 100) - 1, 0)]


async def measure(many: dict[str, int]) -> None:
    """Both storms, each on a site of its own."""
    rows, claims = [], []
    with TemporaryDirectory(prefix="tocsin-storm-") as folder, Cluster() as kafka:
        for storm, goal_s in GOAL_S.items():
            site = Site(storm, kafka.bootstrap, Path(folder), many[storm])
            seconds, delays = await measured(site)
            rows.append(
                [storm, f"{site.many:,}", f"{seconds:.1f}", f"{len(delays)}", f"{p99(delays):.2f}"]
            )
            what = f"{storm}: until {site.many:,} alarms of one lane are told"
            claims.append(Claim(what, seconds, goal_s, "s", "at most"))
            others = f"{storm}: sample to alarm of another lane meanwhile, p99"
            claims.append(Claim(others, p99(delays), OTHERS_S, "s", "at most"))
    print_table(["storm", "alarms", "told within s", "others' alarms", "others' p99 s"], rows)
    print_claims(claims)


def main() -> None:
    """Measure, if there is a Kafka."""
    if reason := missing():
        sys.exit(reason)
    given = [int(argument) for argument in sys.argv[1:]]
    silent, ringing = [*given, *(SILENT, RINGING)[len(given) :]]
    asyncio.run(measure({"silence": silent, "limits": ringing}))


if __name__ == "__main__":
    main()
