"""A city at work: its worker, its generator, and what is measured of both."""

import asyncio
import json
import multiprocessing
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import msgspec
from confluent_kafka import Consumer, TopicPartition

from benchmarks.city_load import city as cities
from benchmarks.city_load import state
from benchmarks.city_load.concentrators import Orders
from benchmarks.city_load.watch import AlarmListener, Gauge, memory, peak
from broker.topics import TopicPlan, ensure, needed
from configuration import bundle_store
from contracts.topics import TopicNames
from tests.testkit.kafka.broker import Cluster
from tests.testkit.kafka.ports import free_ports
from tests.testkit.worker_process import WorkerProcess

FAULTS_PER_S = 5.0
LOOK_S = 5.0
START_S_MAX = 900.0
GIB = 1 << 30
T = TypeVar("T")


@dataclass
class Figures:
    """What was measured; times in s, memory in bytes."""

    channels: int
    lanes: int
    per_s: float = 0.0
    cold: float = 0.0
    cold_peak: int = 0
    snapshots: int = 0
    first: float = 0.0
    ready: float = 0.0
    caught_up: float = 0.0
    rss: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    lag: float = 0.0
    delays: list[float] = field(default_factory=list)
    cores: dict[str, float] = field(default_factory=dict)
    sent: int = 0
    received: int = 0
    scored: int = 0
    others: str = ""
    faults: int = 0
    rang: str = ""
    late: float = 0.0
    taken: int = 0
    hold: float = 0.0


def judged(folder: str) -> tuple[float, int]:
    """Judge the folder from nothing; seconds, and the process's peak in bytes."""
    began = time.perf_counter()
    bundle_store.load(Path(folder))
    took = time.perf_counter() - began
    return took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def written(folder: str, heard_s: int) -> int:
    """Write the state of all lanes; bytes."""
    return asyncio.run(state.write(bundle_store.load(Path(folder)), heard_s))


def alone(work: Callable[..., T], *words: object) -> T:
    """Do something in a process of its own, whose memory goes with it."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *words).result()


class Run:
    """A city on a broker.

    Parameters
    ----------
    folder : Path
    city : list of Class
    kafka : Cluster
    """

    def __init__(self, folder: Path, city: list[cities.Class], kafka: Cluster) -> None:
        self._folder, self._configs, self._kafka = folder, folder / "configs", kafka
        self.city, self._lanes = city, cities.lanes(city)
        self.found = Figures(sum(each.channels for each in city), sum(self._lanes.values()))
        names = TopicNames()
        self._telemetry = {names.telemetry(name): lanes for name, lanes in self._lanes.items()}
        self._alarms = {names.alarms(name): lanes for name, lanes in self._lanes.items()}

    async def measure(self, seconds: float) -> None:
        """Make the city, let it start and run, stop it, hold what it took against what was sent."""
        await self._prepare()
        print("prepared", flush=True)
        generator = self._generator()
        worker = self._worker()
        listener = AlarmListener(self._kafka.bootstrap, self._alarms)
        try:
            assert generator.stdout is not None
            assert await asyncio.to_thread(generator.stdout.readline) == "ready\n"
            generator.send_signal(cities.BEGIN)
            listener.start()
            await self._start(worker)
            await self._watch(worker, generator, listener, seconds)
            await self._account(worker, generator)
            self.found.rang = ", ".join(
                f"{rule} {count:,}" for rule, count in listener.rules().items()
            )
            assert await worker.finish(60) == 0, worker.log.read_text()[-2000:]
        finally:
            listener.stop()
            generator.kill()
            worker.bury()

    async def _prepare(self) -> None:
        """Folder, judgement, topics, snapshots."""
        found, folder = self.found, str(self._configs)
        port = int(self._kafka.bootstrap.rpartition(":")[2])
        cities.write(self._configs, self.city, self._folder / "state", port)
        found.cold, found.cold_peak = await asyncio.to_thread(alone, judged, folder)
        await ensure(
            needed(self._lanes, TopicNames(), TopicPlan(replication=1)), self._kafka.bootstrap
        )
        found.snapshots = await asyncio.to_thread(alone, written, folder, int(time.time()))

    def _generator(self) -> "subprocess.Popen[str]":
        orders = Orders(
            str(self._configs), self._kafka.bootstrap, self.found.channels, FAULTS_PER_S
        )
        script = str(Path(__file__).with_name("concentrators.py"))
        command = [sys.executable, script, msgspec.json.encode(orders).decode()]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def _worker(self) -> WorkerProcess:
        place = ["--configs", str(self._configs), "--lifeline", *self._lanes]
        (port,) = free_ports(1)
        return WorkerProcess(place, port, self._folder / "worker.log")

    async def _until(self, worker: WorkerProcess, holds: Callable[[], bool]) -> float:
        """Wait for something of the worker; seconds since it was started."""
        while not await asyncio.to_thread(holds):
            assert worker.process.poll() is None, worker.log.read_text()[-4000:]
            assert time.monotonic() - self._began < START_S_MAX, worker.log.read_text()[-4000:]
            await asyncio.sleep(0.2)
        return time.monotonic() - self._began

    async def _start(self, worker: WorkerProcess) -> None:
        found, self._began = self.found, time.monotonic()
        worker.start()

        def scores() -> bool:
            return sum(worker.metric("tocsin_readings_total").values()) > 0

        found.first = await self._until(worker, scores)
        found.ready = await self._until(worker, lambda: worker.get("/readyz") is not None)
        found.caught_up = await self._until(worker, lambda: self._behind(worker) <= 1.0)
        found.rss = peak(worker.process.pid)

    def _ends(self) -> int:
        """Messages that the broker holds."""
        consumer = Consumer({"bootstrap.servers": self._kafka.bootstrap, "group.id": "city-ends"})
        ends = [
            consumer.get_watermark_offsets(TopicPartition(topic, lane), 10, cached=False)[1]
            for topic, lanes in self._telemetry.items()
            for lane in range(lanes)
        ]
        consumer.close()
        return sum(ends)

    def _behind(self, worker: WorkerProcess) -> float:
        """How many seconds of messages the lanes have not taken."""
        ends = self._ends()
        taken = sum(worker.metric("tocsin_lane_position").values())
        return max(ends - taken, 0) / cities.messages_per_s(self.city)

    async def _watch(
        self,
        worker: WorkerProcess,
        generator: "subprocess.Popen[str]",
        listener: AlarmListener,
        seconds: float,
    ) -> None:
        """Look at lag, memory and CPU while it runs."""
        (broker,) = self._kafka.pids
        pids = {"worker": worker.process.pid, "broker": broker, "generator": generator.pid}
        gauge, begin, found = Gauge(pids), time.time(), self.found
        before = worker.metric("tocsin_readings_received_total")
        gauge.begin()
        while time.time() - begin < seconds:
            await asyncio.sleep(LOOK_S)
            gauge.look(await asyncio.to_thread(self._behind, worker))
        end = time.time()
        found.cores = gauge.cores()
        after = worker.metric("tocsin_readings_received_total")
        found.per_s = (sum(after.values()) - sum(before.values())) / (end - begin)
        found.rss = max(peak(worker.process.pid), found.rss)
        sizes = memory(worker.process.pid)
        found.kinds = {kind: sizes[kind] for kind in ("Rss", "Pss", "Pss_Anon", "Pss_File")}
        found.lag = max(gauge.lags)
        await asyncio.sleep(2)  # alarms of the last second are on their way
        found.delays = listener.delays(begin, end)

    async def _account(self, worker: WorkerProcess, generator: "subprocess.Popen[str]") -> None:
        """Stop sending, wait for the rest, hold both counts against each other."""
        found = self.found
        generator.terminate()
        text, _ = await asyncio.to_thread(generator.communicate, None, 60)
        told = json.loads(text)
        found.sent, found.faults, found.late = told["sent"], told["faults"], told["late_s"]
        await self._until(worker, lambda: self._behind(worker) == 0)
        await asyncio.sleep(1)
        dispositions = worker.metric("tocsin_readings_total", "destiny")
        found.received = int(sum(worker.metric("tocsin_readings_received_total").values()))
        found.scored = int(dispositions["scored"])
        others = {word: count for word, count in dispositions.items() if count and word != "scored"}
        found.others = ", ".join(f"{word} {count:,.0f}" for word, count in others.items())
        assert found.received == sum(dispositions.values()), dispositions
        found.taken = int(sum(worker.metric("tocsin_snapshots_total").values()))
        found.hold = max(worker.metric("tocsin_snapshot_hold_seconds").values())
