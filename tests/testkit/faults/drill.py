"""A small city under fire: telemetry and commands flow, workers are hurt, the world is judged."""

import asyncio
import json
import logging
import random
import subprocess
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from aiokafka import AIOKafkaProducer

from ingest.partitioner import home_lane
from tests.testkit import city
from tests.testkit.faults.oracle import Witness, read_all, record, witness
from tests.testkit.kafka.ports import free_ports
from tests.testkit.worker_process import TOCSIN, WorkerProcess, settle

log = logging.getLogger(__name__)

LANES = 2
GROUPS = 20
SECONDS_MAX = 3_600.0
RETRY_MS = 300
PATIENCE_MS = 900_000  # brokers may be away for minutes: what was sent waits for them
WORDS = ("scored", "held", "back_filled", "duplicate", "late")


def tocsin(*arguments: str) -> str:
    """Standard output of a command that must succeed."""
    done = subprocess.run([TOCSIN, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


@dataclass(frozen=True, slots=True)
class Flow:
    """Telemetry: at least so many readings at a rate, and on until the fire is over."""

    readings: int
    per_second: float
    seed: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the world was told, held against a calm replay; revisions count by (id, revision)."""

    rounds: int
    readings: int
    revisions: int
    dead_letters: int
    lost: int
    doubled: int
    different: int
    account: dict[str, int]

    def assert_equal(self, least: int) -> None:
        """Nothing lost, doubled or different; and it was no idle day."""
        assert (self.lost, self.doubled, self.different) == (0, 0, 0), self
        assert self.revisions > least, self
        assert all(self.account[w] > 0 for w in ("scored", "held", "duplicate", "quarantined"))


@dataclass
class Site:
    """One cluster, one configuration, and the worker processes on them.

    Parameters
    ----------
    bootstrap : str
        Of a broker without the topics of this application.
    folder : Path
    settings : str
        Lines added to `tocsin.yaml`.
    lanes, copies : int
        Of the lifeline, and of each of its topics.
    door : str
        Where workers are told to find the brokers, when it is not `bootstrap`.
    """

    bootstrap: str
    folder: Path
    settings: str = ""
    lanes: int = LANES
    copies: int = 1
    door: str = ""
    channels: list[str] = field(init=False)
    workers: list[WorkerProcess] = field(default_factory=list)
    _hired: int = 0

    def __post_init__(self) -> None:
        self.configs = self.folder / "configs"
        self.channels = city.configure(self.configs, GROUPS, self.lanes, self.folder / "state")
        with (self.configs / "tocsin.yaml").open("a") as file:
            file.write(self.settings)
        place = ["--configs", str(self.configs), "--bootstrap"]
        tocsin("topics", *place, self.bootstrap, "--create", "--replication", str(self.copies))
        self._arguments = [*place, self.door or self.bootstrap]

    def hire(self) -> WorkerProcess:
        """Another worker process, not started."""
        name = f"worker-{self._hired}"
        self._hired += 1
        worker = WorkerProcess(
            self._arguments, free_ports(1)[0], self.folder / f"{name}.log", instance=name
        )
        self.workers.append(worker)
        return worker

    def hire_desk(self) -> WorkerProcess:
        """A process for the desk stage, not started."""
        arguments, log = [*self._arguments, "--desk"], self.folder / "desk.log"
        return WorkerProcess(arguments, free_ports(1)[0], log, instance="desk")

    async def retire(self, worker: WorkerProcess) -> None:
        """Let a worker go for good."""
        assert await worker.finish(30) == 0, worker.log.read_text()[-4000:]
        self.workers.remove(worker)


async def under_fire(site: Site, flow: Flow, fire: Callable[[], Awaitable[int]]) -> Verdict:
    """Let telemetry and commands flow while a fire burns; the verdict when all is told.

    Parameters
    ----------
    site : Site
    flow : Flow
    fire : callable
        Hurts the site's workers, leaves all of them running, and counts its rounds.
    """
    over, done = asyncio.Event(), asyncio.Event()

    async def burn() -> int:
        try:
            return await fire()
        finally:
            over.set()

    chance = random.Random(flow.seed + 2)
    try:
        async with witness(site.bootstrap, "tocsin.alarms.water") as seen:
            async with asyncio.TaskGroup() as group:
                burning = group.create_task(burn())
                sending = group.create_task(send(site, flow, over, done))
                group.create_task(shelve_now_and_then(site, chance, done))
            sent, ends = sending.result()
            positions = {f"water-{lane}": end for lane, end in enumerate(ends)}
            await settle(site.workers, positions, timeout_s=90)
            accounts = await dispositions(site.workers)
            for worker in site.workers:
                assert await worker.finish(30) == 0, worker.log.read_text()[-4000:]
    finally:
        for worker in site.workers:
            worker.bury()
    verdict = await judge(site, seen, burning.result())
    assert (verdict.readings, sum(accounts.values())) == (sent, sent)
    for word in WORDS:
        assert accounts.get(word, 0) == verdict.account[word], word
    return verdict


async def dispositions(workers: list[WorkerProcess]) -> dict[str, float]:
    """Readings by what became of them, over all lanes."""
    total: Counter[str] = Counter()
    for worker in workers:
        total.update(await asyncio.to_thread(worker.metric, "tocsin_readings_total", "destiny"))
    return dict(total)


async def send(
    site: Site, flow: Flow, over: asyncio.Event, done: asyncio.Event
) -> tuple[int, list[int]]:
    """Send telemetry; how many readings, and the end of each partition."""
    telemetry = city.Telemetry(site.channels, flow.seed)
    producer = AIOKafkaProducer(
        bootstrap_servers=site.bootstrap,
        enable_idempotence=True,
        linger_ms=5,
        request_timeout_ms=PATIENCE_MS,
        retry_backoff_ms=RETRY_MS,
    )
    await producer.start()
    clock = asyncio.get_running_loop().time
    ends = [0] * site.lanes
    began, now_ms = clock(), time.time_ns() // 1_000_000
    try:
        while telemetry.readings < flow.readings or not over.is_set():
            assert clock() - began < SECONDS_MAX, "the fire does not end"
            waiting = []
            due = (clock() - began) * flow.per_second
            while telemetry.readings < due:
                due_ms = int(telemetry.readings * 1000 / flow.per_second)
                sample = telemetry.message(now_ms + due_ms)
                place = home_lane(sample.group, site.lanes)
                key = sample.group.encode()
                waiting.append(
                    await producer.send("tocsin.telemetry.water", sample.payload, key, place)
                )
            for sent in await asyncio.gather(*waiting):
                ends[sent.partition] = max(ends[sent.partition], sent.offset + 1)
            await asyncio.sleep(0.01)
    finally:
        done.set()
        await producer.stop()
    return telemetry.readings, ends


async def shelve_now_and_then(site: Site, chance: random.Random, done: asyncio.Event) -> int:
    """Commands at random until all telemetry is sent; how many."""
    count = 0
    producer = AIOKafkaProducer(bootstrap_servers=site.bootstrap, request_timeout_ms=PATIENCE_MS)
    await producer.start()
    try:
        while not done.is_set():
            channel = chance.choice(site.channels)
            command: dict[str, object] = {
                "kind": chance.choice(["shelve", "shelve", "unshelve"]),
                "channel": channel if chance.random() < 0.9 else "water.nobody",
                "by": "tester",
                "reason": "drill",
            }
            if command["kind"] == "shelve":
                command["seconds"] = chance.randint(1, 6)
            place = home_lane(channel.rsplit(".", 1)[0], site.lanes)
            body = msgspec.json.encode(command)
            await producer.send_and_wait("tocsin.commands.water", body, partition=place)
            count += 1
            await asyncio.sleep(0.5)
    finally:
        await producer.stop()
    return count


async def judge(site: Site, seen: Witness, rounds: int) -> Verdict:
    """Hold what was told against a fault-free replay: byte for byte, once each, in order."""
    telemetry, journal = await record(site.bootstrap, "water", site.folder)
    golden = site.folder / "golden.jsonl"
    place = ["--configs", str(site.configs), "--out", str(golden), "--json"]
    summary = json.loads(tocsin("replay", str(telemetry), "--journal", str(journal), *place))
    told = [
        item.value
        for item in await read_all(site.bootstrap, "tocsin.alarms.water")
        if dict(item.headers).get("tocsin") == b"revision"
    ]
    assert sorted(seen.bodies) == sorted(told)
    letters = await read_all(site.bootstrap, "tocsin.dead-letters")
    assert len(letters) == summary["dead_letters"]
    account: dict[str, int] = summary["accounting"]
    assert account["received"] == sum(n for word, n in account.items() if word != "received")
    lost, doubled, different = compared(golden.read_bytes().splitlines(), told)
    if not (lost or doubled or different):
        seen.assert_each_once_in_order()
    figures = (rounds, account["received"], len(told), len(letters), lost, doubled, different)
    verdict = Verdict(*figures, account)
    log.info("%s", verdict)
    return verdict


def compared(golden: list[bytes], told: list[bytes]) -> tuple[int, int, int]:
    """How many revisions were lost, told again, and told otherwise or though nobody waits for them.

    >>> a, b, c = (b'{"id":"x","revision":%d}' % n for n in (1, 2, 3))
    >>> compared([a, b], [a, a, c])
    (1, 1, 1)
    """
    wanted, got = _by_key(golden), _by_key(told)
    lost = len(wanted.keys() - got.keys())
    doubled = sum(len(bodies) - 1 for bodies in got.values())
    different = sum(set(bodies) != set(wanted.get(key, ())) for key, bodies in got.items())
    return lost, doubled, different


def _by_key(bodies: list[bytes]) -> dict[tuple[str, int], list[bytes]]:
    found: dict[tuple[str, int], list[bytes]] = {}
    for body in bodies:
        alarm = json.loads(body)
        found.setdefault((alarm["id"], alarm["revision"]), []).append(body)
    return found
