"""A worker one of whose lanes something happens to, while alarms of the other are timed."""

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from ingest.partitioner import home_lane
from tests.testkit import city
from tests.testkit.faults.drill import tocsin
from tests.testkit.kafka.ports import free_ports
from tests.testkit.worker_process import WorkerProcess

LANES: Final = 2
STRUCK, CALM = range(LANES)
PROBED: Final = 100  # channels of the calm lane
PROBES_PER_S: Final = 20
READY_S: Final = 300.0
OTHERS_S: Final = 1.0  # goal of the calm lane's alarms, p99

T = TypeVar("T")


@dataclass
class Site:
    """A lane of as many channels as are wanted, one that is probed, and the worker of both.

    Parameters
    ----------
    app : str
        First part of its topics' names.
    bootstrap : str
    folder : Path
    many : int
        Channels of the lane to which something happens.
    silent_s : int
        After which a channel that does not send is silent.
    """

    app: str
    bootstrap: str
    folder: Path
    many: int
    silent_s: int
    channels: list[list[str]] = field(init=False)
    worker: WorkerProcess = field(init=False)

    def __post_init__(self) -> None:
        configs = self.folder / self.app
        city.configure(configs, 1, LANES, self.folder / f"{self.app}-state")
        settings = configs / "tocsin.yaml"
        text = settings.read_text().replace("app: tocsin", f"app: {self.app}")
        settings.write_text(text.replace("every: 1 s", "every: 60 s"))
        pack = configs / "water" / "level.yaml"
        text = re.sub(r"(on|off)_delay: \d+ ms", r"\1_delay: 0 s", pack.read_text())
        pack.write_text(text.replace("after: 3 periods", f"after: {self.silent_s} s"))
        self.channels = catalogue(configs / "water" / "catalogue.csv", self.many)
        place = ["--configs", str(configs), "--bootstrap", self.bootstrap]
        tocsin("topics", *place, "--create", "--replication", "1")
        log = self.folder / f"{self.app}.log"
        self.worker = WorkerProcess(place, free_ports(1)[0], log)

    def topic(self, kind: str) -> str:
        """Name of one of its topics."""
        return f"{self.app}.{kind}.water"

    async def ready(self) -> None:
        """Wait for the worker's lanes."""
        async with asyncio.timeout(READY_S):
            while not await asyncio.to_thread(self.worker.get, "/readyz"):
                assert self.worker.process.poll() is None, self.worker.log.read_text()[-4000:]
                await asyncio.sleep(0.2)


def catalogue(path: Path, many: int) -> list[list[str]]:
    """Write a catalogue with so many channels in one lane and few in the other; ids by lane."""
    wanted, group = {STRUCK: many, CALM: PROBED}, 0
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
                    if place.partition == STRUCK:
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
    """Readings of now of some channels."""
    now_ms = time.time_ns() // 1_000_000
    return json.dumps([{"channel": c, "time": now_ms, "value": value} for c in channels]).encode()


async def while_probed(site: Site, strike: Callable[[Watch, AIOKafkaProducer], Awaitable[T]]) -> T:
    """Let something happen to a worker whose calm lane is probed meanwhile.

    Parameters
    ----------
    site : Site
        Its worker is started here, and is gone at the end.
    strike : callable
        What happens, from who watches and a producer; begun once the worker is ready.
    """
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
            return await strike(watch, producer)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            site.worker.bury()


def p99(delays: list[float]) -> float:
    """Nearest rank."""
    return sorted(delays)[max(-(-len(delays) * 99 // 100) - 1, 0)]
