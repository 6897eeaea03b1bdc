"""Channels of one lane go dark on a real broker: how long until links and incident are told.

As `benchmarks.operations.dark`, by processes: a worker, the desk stage, and a reader of what they
tell. All channels send once and are silent from then on.
"""

import argparse
import asyncio
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import yaml
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition

from benchmarks.operations.dark import KIND, RING
from benchmarks.support.claims import Claim, print_claims, print_table
from contracts.alarm import decode_alarm
from contracts.desk.answer import CurrentAlarm
from contracts.desk.incident import Incident
from runtime.installation import CONFIGS
from tests.testkit import city
from tests.testkit.faults.drill import tocsin
from tests.testkit.kafka.broker import Cluster, missing
from tests.testkit.kafka.ports import free_ports
from tests.testkit.worker_process import WorkerProcess

CHANNELS, A_LINK, LINKS_LEAST = 1_000_000, 1_000, 10
MANY, AFTER_S, AFTER_FEW_S = 50_000, 60, 20  # many take a while to be sent
READINGS_A_MESSAGE = 2_000
READY_S, TOLD_S = 900.0, 900.0
GOAL_S = 60.0


def cell(number: int) -> str:
    """Asset by which a part of the channels speaks."""
    return f"telecom.cell-{number:04d}"


def configure(configs: Path, channels: int, links: int, after_s: int) -> None:
    """A lane of so many channels behind links of one ring."""
    city.configure(configs, 1, 1, configs.parent / "state")
    settings = configs / "tocsin.yaml"
    settings.write_text(settings.read_text().replace("every: 1 s", "every: 60 s"))
    pack = configs / "water" / "level.yaml"
    pack.write_text(pack.read_text().replace("after: 3 periods", f"after: {after_s} s"))
    rows = (
        f"water.tank-{n:07d}.in,water.level,tank-{n:07d},water.tank-{n:07d},{cell(n % links)}"
        for n in range(channels)
    )
    table = "\n".join(["id,class,asset,group,link", *rows])
    (configs / "water" / "catalogue.csv").write_text(table + "\n")
    folder = configs / "topology"
    folder.mkdir()
    shipped = yaml.safe_load((CONFIGS / "topology" / "edges.yaml").read_text())
    kinds = yaml.safe_dump({"kinds": {KIND: shipped["kinds"][KIND]}}, allow_unicode=True)
    (folder / "edges.yaml").write_text(kinds)
    nodes = [f"{RING},ring", *(f"{cell(n)},cell" for n in range(links))]
    edges = [f"{RING},{cell(n)},{KIND}" for n in range(links)]
    (folder / "nodes.csv").write_text("\n".join(["id,kind", *nodes]) + "\n")
    (folder / "edges.csv").write_text("\n".join(["parent,child,kind", *edges]) + "\n")


@dataclass
class Watch:
    """Who reads alarms and incidents read-committed, as an operations centre does."""

    bootstrap: str
    links: int
    dark: set[str] = field(default_factory=set)
    single: int = 0
    newest: dict[str, Incident] = field(default_factory=dict)
    current: dict[bytes, str] = field(default_factory=dict)  # incident of each open alarm
    all_told: asyncio.Event = field(default_factory=asyncio.Event)
    rooted: asyncio.Event = field(default_factory=asyncio.Event)

    async def hear(self) -> None:
        """Note what is told, for ever."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
        )
        await consumer.start()
        topics = ("tocsin.alarms.water", "tocsin.incidents", "tocsin.alarms.current")
        consumer.assign([TopicPartition(topic, 0) for topic in topics])
        try:
            while True:
                for records in (await consumer.getmany(timeout_ms=50)).values():
                    for record in records:
                        self._take(record)
                if len(self.dark) == self.links == len(self.current) and self._one():
                    self.all_told.set()
                    if self.root() == RING:
                        self.rooted.set()
        finally:
            await consumer.stop()

    def _take(self, record: ConsumerRecord[bytes, bytes]) -> None:
        kind = dict(record.headers).get("tocsin")
        if kind == b"revision":
            self._alarm(record.value)
        elif kind == b"current" and record.value:
            told = msgspec.json.decode(record.value, type=CurrentAlarm)
            self.current[record.key] = told.incident
        elif kind == b"incident":
            incident = msgspec.json.decode(record.value, type=Incident)
            self.newest[incident.id] = incident

    def _one(self) -> bool:
        """Whether all alarms are in one incident, of which was told."""
        names = set(self.current.values())
        return len(names) == 1 and names <= self.newest.keys()

    def _alarm(self, body: bytes) -> None:
        alarm = decode_alarm(body)
        if alarm.rule.name == "observability":
            self.dark.add(alarm.channel)
        else:
            self.single += alarm.rule.name == "silent"

    def incident(self) -> Incident:
        """The newest revision of the one that all alarms are in."""
        (name,) = set(self.current.values())
        return self.newest[name]

    def root(self) -> str:
        """Asset that it was told to have behind it."""
        root = self.incident().situation.root
        return "" if root is None else f"{root.lifeline}.{root.asset}"


async def measured(
    configs: Path, bootstrap: str, size: tuple[int, int, int]
) -> tuple[float, float, Watch]:
    """Seconds from the end of the first channel's wait until all is told, and until the root is.

    The stage tells an incident anew once a minute at most.
    """
    channels, links, after_s = size
    configure(configs, channels, links, after_s)
    place = ["--configs", str(configs), "--bootstrap", bootstrap]
    await asyncio.to_thread(tocsin, "topics", *place, "--create", "--replication", "1")
    processes = [
        WorkerProcess([*place, *more], free_ports(1)[0], configs.parent / f"{name}.log", name)
        for name, more in (("lane", []), ("desk", ["--desk"]))
    ]
    watch = Watch(bootstrap, links)
    hearing = asyncio.create_task(watch.hear())
    try:
        for process in processes:
            process.start()
            await ready(process)
        began = time.monotonic()
        await send(bootstrap, channels)
        async with asyncio.timeout(TOLD_S):
            await watch.all_told.wait()
            told_s = time.monotonic() - began - after_s
            await watch.rooted.wait()
        return told_s, time.monotonic() - began - after_s, watch
    finally:
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)
        for process in processes:
            process.bury()


async def ready(process: WorkerProcess) -> None:
    """Wait for a process's lanes."""
    async with asyncio.timeout(READY_S):
        while not await asyncio.to_thread(process.get, "/readyz"):
            assert process.process.poll() is None, process.log.read_text()[-4000:]
            await asyncio.sleep(0.2)


async def send(bootstrap: str, channels: int) -> None:
    """One reading of every channel."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        for first in range(0, channels, READINGS_A_MESSAGE):
            numbers = range(first, min(first + READINGS_A_MESSAGE, channels))
            now_ms = time.time_ns() // 10**6
            rows = [
                {"channel": f"water.tank-{n:07d}.in", "time": now_ms, "value": 5.0} for n in numbers
            ]
            await producer.send("tocsin.telemetry.water", msgspec.json.encode(rows), partition=0)
        await producer.flush()


def main() -> None:
    """Measure, if there is a Kafka."""
    if reason := missing():
        sys.exit(reason)
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--channels", type=int, default=CHANNELS, help="default: %(default)s")
    channels = options.parse_args().channels
    links = max(channels // A_LINK, LINKS_LEAST)
    size = channels, links, AFTER_S if channels > MANY else AFTER_FEW_S
    with TemporaryDirectory(prefix="tocsin-dark-") as folder, Cluster() as kafka:
        work = measured(Path(folder) / "configs", kafka.bootstrap, size)
        told_s, rooted_s, watch = asyncio.run(work)
    assert not watch.single, "a channel rang by itself"
    head = ["channels", "links", "told s", "with its root s", "incident"]
    title = watch.incident().situation.title["en"]
    figures = [f"{told_s:.1f}", f"{rooted_s:.1f}"]
    print_table(head, [[f"{channels:,}", f"{links:,}", *figures, title]])
    what = f"{channels:,} channels of one lane go dark on a real broker: told after their wait"
    print_claims([Claim(what, told_s, GOAL_S, "s", "at most")])


if __name__ == "__main__":
    main()
