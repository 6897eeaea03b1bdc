"""From a sample's time to its alarm, with alarms in transactions and the worker 60 % busy.

One JSON reading a message, sent by a process of its own at a steady rate (`support/sender.py`); a
sample's time is the moment of sending. Another client, which reads only what is committed, notes
when the alarm comes. `--rate N`: what counts as the whole worker's rate, in readings a second.
"""

import asyncio
import json
import multiprocessing
import re
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.city_load.watch import Gauge
from benchmarks.support.claims import (
    RESULTS,
    Claim,
    page_of,
    print_claims,
    print_table,
    write_rows,
    writes,
)
from benchmarks.support.sender import Pace, Sent
from tests.testkit import city
from tests.testkit.faults.drill import tocsin
from tests.testkit.kafka.broker import Cluster, missing
from tests.testkit.kafka.ports import free_ports
from tests.testkit.worker_process import WorkerProcess

LANES = 2
GROUPS = 10_000  # of two channels each
SHARES = (0.1, 0.3, 0.6)  # of the rate that end_to_end.py found; the last one is judged
JUDGED = SHARES[-1]
DIPS_PER_S = 10  # readings that ring
WARM_S, SECONDS, LATE_S = 5.0, 25.0, 10.0
START_S = 300.0
LEAST = 200  # alarms to judge by
GROWTH_MS = 250.0  # of the median from the first third of a run to its last: the worker is behind
TOPIC, ALARMS = "tocsin.telemetry.water", "tocsin.alarms.water"
PARTS = ("sender", "broker", "worker")
HEAD = ["load", "readings/s", "dips", "alarms", "p50 ms", "p99 ms", "max ms"]
HEAD += ["flush ms", "flushes/s", *(f"{part} cores" for part in PARTS)]
WHOLE = "JSON, one reading a message"


def whole_rate() -> float:
    """The whole worker's rate: as told, by the last run, or as the page has it."""
    if "--rate" in sys.argv:
        return float(sys.argv[sys.argv.index("--rate") + 1])
    place = RESULTS / "end_to_end.json"
    if place.exists():
        told = json.loads(place.read_text())["claims"]
        name = f"worker, {WHOLE}: at least the goal"
        return float(next(claim["value"] for claim in told if claim["claim"] == name))
    page = page_of("performance")
    found = re.search(rf"^\| {WHOLE} \| ([\d,]+) \|", page.read_text(), re.MULTILINE)
    if found is None:
        sys.exit(f"latency: expected {place} or a row in {page}, got none; run end_to_end.py first")
    return float(found[1].replace(",", ""))


@dataclass
class AlarmListener:
    """When each alarm of a limit came.

    Parameters
    ----------
    bootstrap : str
    """

    bootstrap: str
    heard: list[tuple[float, float]] = field(default_factory=list)  # its sample's time and then, s

    async def listen(self) -> None:
        """Note alarms for ever."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap,
            isolation_level="read_committed",
            auto_offset_reset="latest",
        )
        await consumer.start()
        consumer.assign([TopicPartition(ALARMS, lane) for lane in range(LANES)])
        try:
            while True:
                for records in (await consumer.getmany(timeout_ms=50)).values():
                    now = time.time()
                    for record in records:
                        if dict(record.headers).get("tocsin") == b"revision":
                            self._note(json.loads(record.value), now)
        finally:
            await consumer.stop()

    def _note(self, alarm: dict[str, Any], now: float) -> None:
        if alarm["rule"]["name"] == "limit" and alarm["revision"] == 1:
            self.heard.append((datetime.fromisoformat(alarm["onset"]).timestamp(), now))

    def delays_ms(self, begin: float, end: float) -> list[float]:
        """From sample to alarm, of samples between two times, in their order."""
        return [(now - at) * 1000 for at, now in sorted(self.heard) if begin <= at < end]


@dataclass(frozen=True, slots=True)
class Run:
    """What one load showed.

    Parameters
    ----------
    share, rate : float
        Of the whole worker's rate, and that in readings a second.
    sent : Sent
    delays : list of float
        ms, in the order of the samples.
    cores : dict of str to float
        Busy ones by process.
    flushes, flush_s : float
        Transactions of both lanes, and the time that they took, while it was measured.
    scored : dict of str to float
        Readings by disposition, `LATE_S` after the last one at most.
    wanted : int
        Readings sent by then, which all have to be scored.
    """

    share: float
    rate: float
    sent: Sent
    delays: list[float]
    cores: dict[str, float]
    flushes: float
    flush_s: float
    scored: dict[str, float]
    wanted: int

    def trouble(self) -> str:
        """Why the run cannot be judged, empty when it can."""
        where = f"latency: at {self.share:.0%} load"
        if self.scored != {"scored": self.wanted}:
            text = f"{where}: the worker fell behind or refused some: expected {self.wanted:,}"
            return f"{text} readings scored within {LATE_S:.0f} s of the last, got {self.scored}"
        if len(self.delays) < LEAST:
            return f"{where}: expected at least {LEAST} alarms, got {len(self.delays)}"
        third = len(self.delays) // 3
        first, last = median(self.delays[:third]), median(self.delays[-third:])
        if last - first > GROWTH_MS:
            text = f"{where}: the worker fell behind: expected steady delays, got a median of"
            return f"{text} {first:.0f} ms in the first third, {last:.0f} ms in the last"
        return ""

    def cuts(self) -> tuple[float, float, float]:
        """Median, 99th percentile and most, ms."""
        found = quantiles(self.delays, n=100, method="inclusive")
        return found[49], found[98], max(self.delays)

    def row(self) -> list[str]:
        """A line of the table."""
        counts = [f"{self.sent.rate:,.0f}", f"{self.sent.dips}", f"{len(self.delays)}"]
        times = [f"{ms:.0f}" for ms in (*self.cuts(), self.flush_s / self.flushes * 1000)]
        cores = [f"{self.cores[part]:.2f}" for part in PARTS]
        return [f"{self.share:.0%}", *counts, *times, f"{self.flushes / SECONDS:.0f}", *cores]


@dataclass
class Stage:
    """A broker, a worker and somebody who listens.

    Parameters
    ----------
    cluster : Cluster
    worker : WorkerProcess
    listener : AlarmListener
    channels : list of str
    readings : int
        Sent so far.
    """

    cluster: Cluster
    worker: WorkerProcess
    listener: AlarmListener
    channels: list[str]
    readings: int = 0

    async def ready(self) -> None:
        """Wait for the worker's lanes."""
        async with asyncio.timeout(START_S):
            while not await asyncio.to_thread(self.worker.get, "/readyz"):  # noqa: ASYNC110
                await asyncio.sleep(0.2)

    async def run(self, share: float, rate: float) -> Run:
        """Send at a share of the whole worker's rate, and see every reading scored."""
        pace = Pace(
            self.cluster.bootstrap,
            TOPIC,
            self.channels,
            LANES,
            share * rate,
            DIPS_PER_S,
            WARM_S,
            SECONDS,
        )
        many = multiprocessing.get_context("spawn")
        hear, told = many.Pipe(duplex=False)
        sender = many.Process(target=pace.run, args=(told,))
        sender.start()
        assert sender.pid is not None
        told.close()  # so that a sender that ended early is noticed
        began = await asyncio.to_thread(hear.recv)
        pids = [sender.pid, *self.cluster.pids, self.worker.process.pid]
        gauge = Gauge(dict(zip(PARTS, pids, strict=True)))
        gauge.begin()
        before = await self._flushes()
        sent: Sent = await asyncio.to_thread(hear.recv)
        after, cores = await self._flushes(), gauge.cores()
        sender.join()
        self.readings += sent.readings
        scored = await self._scored()
        delays = self.listener.delays_ms(began, began + SECONDS)
        flushes, flush_s = (b - a for a, b in zip(before, after, strict=True))
        wanted = self.readings
        return Run(share, share * rate, sent, delays, cores, flushes, flush_s, scored, wanted)

    async def _flushes(self) -> tuple[float, float]:
        """Transactions so far, and seconds in them."""
        names = ("tocsin_flushes_total", "tocsin_flush_seconds_total")
        found = [await asyncio.to_thread(self.worker.metric, name) for name in names]
        return sum(found[0].values()), sum(found[1].values())

    async def _scored(self) -> dict[str, float]:
        """Readings by disposition, once all that were sent are there or it takes too long."""
        deadline = time.monotonic() + LATE_S
        found: dict[str, float] = {}
        while sum(found.values()) < self.readings and time.monotonic() < deadline:
            await asyncio.sleep(0.2)
            told = await asyncio.to_thread(
                self.worker.metric, "tocsin_readings_total", label="destiny"
            )
            found = {disposition: count for disposition, count in told.items() if count}
        return found


async def measure(cluster: Cluster, folder: Path, rate: float) -> list[Run]:
    """All loads, one after the other, with the same worker."""
    configs = folder / "configs"
    channels = city.configure(configs, GROUPS, LANES, folder / "state")
    pack = configs / "water" / "level.yaml"
    text = re.sub(r"(on|off)_delay: \d+ ms", r"\1_delay: 0 s", pack.read_text())
    # A sender that makes up for a pause sends a channel's dip and its return within milliseconds.
    pack.write_text(text.replace("fastest: 500 per s", "fastest: 5000 per s"))
    place = ["--configs", str(configs), "--bootstrap", cluster.bootstrap]
    tocsin("topics", *place, "--create", "--replication", "1")
    worker = WorkerProcess(place, free_ports(1)[0], folder / "worker.log")
    setup = Stage(cluster, worker, AlarmListener(cluster.bootstrap), channels)
    hearing = asyncio.create_task(setup.listener.listen())
    worker.start()
    runs = []
    try:
        await setup.ready()
        for share in SHARES:
            runs.append(await setup.run(share, rate))
            if runs[-1].trouble():
                break
    finally:
        hearing.cancel()
        with suppress(asyncio.CancelledError):
            await hearing
        worker.kill()
    return runs


def main() -> None:
    """Start a broker, measure, tell."""
    if (lacking := missing()) is not None:
        sys.exit(f"latency: expected a Kafka to measure with, got none: {lacking}")
    rate = whole_rate()
    with TemporaryDirectory(prefix="tocsin-bench-") as folder, Cluster() as cluster:
        runs = asyncio.run(measure(cluster, Path(folder), rate))
    print(f"load of {rate:,.0f} readings/s, {2 * GROUPS:,} channels, {LANES} lanes\n")
    rows = [run.row() for run in runs if not run.trouble()]
    print_table(HEAD, rows)
    late = ", ".join(f"{run.sent.late_s * 1000:.0f}" for run in runs)
    print(f"\nthe sender was behind its pace by at most {late} ms")
    if writes():
        write_rows(page_of("performance"), "latency", HEAD, rows)
    judged = runs[-1]
    if trouble := judged.trouble():
        sys.exit(trouble)
    p50, p99, _ = judged.cuts()
    told = f"sample to alarm at {JUDGED:.0%} load, alarms in transactions"
    kept = f"readings sent, of the rate that {JUDGED:.0%} is"
    print_claims(
        [
            Claim(f"{told}: median", p50, 30, "ms", "at most"),
            Claim(f"{told}: 99th percentile", p99, 250, "ms", "at most"),
            Claim(kept, judged.sent.rate / judged.rate, 0.95, "times", "at least"),
        ]
    )


if __name__ == "__main__":
    main()
