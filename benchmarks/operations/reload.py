"""A worker reads its configuration again and again while 100,000 readings a second come.

JSON arrays of 500 readings, at a steady pace, to two lanes of 10,000 channels: at first calm,
then with a changed limit and a SIGHUP as soon as the reload before is in force in both lanes. Every
reading sent has to be scored. Ten readings a second ring, each of another channel, and the longest
time from such a sample to its alarm is what an operator sees of it. What a lane's thread took for
its batches, and for what lay between two of them, is noted in the worker (`noted_worker`): the
longest pause while there are reloads is held against the longest batch of that time. With
`--channels 1000000` the catalogue is larger. `--write` renews the table in docs/reload.md.
"""

import asyncio
import re
import signal
import sys
import time
from argparse import ArgumentParser
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Final

from confluent_kafka import Producer

from benchmarks.latency import TOPIC, AlarmListener
from benchmarks.operations.noted_worker import VARIABLE, notes
from benchmarks.support.claims import (
    Claim,
    page_of,
    print_claims,
    print_table,
    write_rows,
    writes,
)
from benchmarks.support.waiting import until
from ingest.partitioner import home_lane
from tests.testkit import city
from tests.testkit.faults.drill import tocsin
from tests.testkit.kafka.broker import Cluster, missing
from tests.testkit.kafka.ports import free_ports
from tests.testkit.worker_process import WorkerProcess

LANES: Final = 2
CHANNELS: Final = 20_000  # two in a group
RATE: Final = 100_000
ARRAY: Final = 500
EVERY_S: Final = ARRAY / RATE  # between two messages
DIP_EVERY: Final = RATE // ARRAY // 5  # of so many messages one in each lane has one that rings
WARM: Final = RATE // ARRAY  # messages before the first of them
NOW: Final = b"@@"
WORKER: Final = "benchmarks.operations.noted_worker"
CALM, LOW = 5.0, 1.0
WARM_S, CALM_S = 3.0, 10.0
RELOADS: Final = 2
GOAL_MS: Final = 1_000.0  # the objective of a sample's way to its alarm
LIMITS: Final = ("blue: 2.0", "blue: 1.9")  # dips are below both
HEAD: Final = ["", "seconds", "readings sent", "scored", "alarms"]
HEAD.extend(f"{what} ms" for what in ("p50", "p99", "max", "batch", "pause"))


@dataclass
class Steady:
    """Sends readings at a steady pace, in a thread, until it is told to stop.

    Parameters
    ----------
    bootstrap : str
    channels : list of str
    sent : int
        Readings so far.
    late_s : float
        By how much it was behind its pace at most.
    """

    bootstrap: str
    channels: list[str]
    sent: int = 0
    late_s: float = 0.0
    stop: Event = field(default_factory=Event)

    def run(self) -> None:
        """Send."""
        producer = Producer({"bootstrap.servers": self.bootstrap, "linger.ms": 0})
        bodies = [[_array(part) for part in _parts(self.channels, lane)] for lane in range(LANES)]
        began, number = time.monotonic(), 0
        while not self.stop.is_set():
            turn, lane = divmod(number, LANES)
            body = bodies[lane][turn % len(bodies[lane])]
            if number >= WARM and number % DIP_EVERY < LANES:  # another reading of it each time
                body = _dipped(body, number // DIP_EVERY)
            body = body.replace(NOW, b"%d" % (time.time_ns() // 1_000_000))
            producer.produce(TOPIC, body, partition=lane)
            producer.poll(0)
            self.sent += ARRAY
            number += 1
            ahead_s = began + number * EVERY_S - time.monotonic()
            self.late_s = max(self.late_s, -ahead_s)
            time.sleep(max(ahead_s, 0))
        producer.flush()


def _parts(channels: list[str], lane: int) -> list[list[str]]:
    """Channels of a lane, so many as one message holds; what is left over sends nothing."""
    mine = [one for one in channels if home_lane(one.rpartition(".")[0], LANES) == lane]
    return [mine[at : at + ARRAY] for at in range(0, len(mine) - ARRAY + 1, ARRAY)]


def _array(channels: list[str]) -> bytes:
    """A message whose time is still to be written."""
    readings = (f'{{"channel":"{one}","time":@@,"value":{CALM}}}' for one in channels)
    return f"[{','.join(readings)}]".encode()


def _dipped(body: bytes, number: int) -> bytes:
    """The same, of which one reading rings."""
    readings = body.split(b"},")
    at = number % ARRAY
    readings[at] = readings[at].replace(b"%.1f" % CALM, b"%.1f" % LOW)
    return b"},".join(readings)


@dataclass(frozen=True, slots=True)
class Phase:
    """What was seen in one phase; delays, the longest batch and the longest pause in ms."""

    name: str
    seconds: float
    sent: int
    delays: list[float]
    batch: float
    pause: float

    def row(self, scored: str) -> list[str]:
        """Cells of the table."""
        cuts = quantiles(self.delays, n=100, method="inclusive")
        times = [f"{ms:.0f}" for ms in (cuts[49], cuts[98], max(self.delays))]
        counts = [f"{self.seconds:.0f}", f"{self.sent:,}", scored, f"{len(self.delays)}"]
        return [self.name, *counts, *times, f"{self.batch:.0f}", f"{self.pause:.0f}"]


@dataclass
class Trial:
    """A worker, who sends to it, and who hears its alarms."""

    worker: WorkerProcess
    pack: Path
    steady: Steady
    listener: AlarmListener
    notes: Path

    def longest(self, what: str, since_s: float) -> float:
        """Longest batch or pause of a lane since a moment on the monotonic clock, in ms."""
        found = [one for one in notes(self.notes) if one.what == what and one.at_s >= since_s]
        return max((1000 * one.took_s for one in found), default=0.0)

    async def phase(self, name: str, passes: Callable[[], Awaitable[object]]) -> Phase:
        """What is seen while something passes."""
        began, began_s, before = time.time(), time.monotonic(), self.steady.sent
        await passes()
        ended, sent = time.time(), self.steady.sent - before
        print(f"{name}: {ended - began:.0f} s", file=sys.stderr)
        await asyncio.sleep(2 * GOAL_MS / 1000)  # for alarms under way
        longest = self.longest("batch", began_s), self.longest("pause", began_s)
        return Phase(name, ended - began, sent, self.listener.delays_ms(began, ended), *longest)

    async def reloads(self) -> None:
        """Let the worker take a changed configuration over, again and again."""
        for count in range(RELOADS):
            old, new = LIMITS[count % 2], LIMITS[(count + 1) % 2]
            before = self.in_force()
            self.pack.write_text(self.pack.read_text().replace(old, new))
            self.worker.process.send_signal(signal.SIGHUP)
            await until(partial(self.replaced, before), "the reload")

    def replaced(self, before: set[str]) -> bool:
        """Whether both lanes run another configuration than those."""
        return bool(self.in_force() - before)

    def in_force(self) -> set[str]:
        """Hash of the configuration that both lanes run; none while they differ."""
        found = self.worker.metric("tocsin_lane_config_info", "config")
        return {config for config, lanes in found.items() if lanes == LANES}

    def scored(self) -> int:
        """Readings scored so far."""
        return int(self.worker.metric("tocsin_readings_total", "destiny").get("scored", 0))


async def measured(trial: Trial) -> tuple[list[Phase], int, int]:
    """The calm phase and that of reloads; readings sent and scored in all."""
    hearing = asyncio.create_task(trial.listener.listen())
    sending = Thread(target=trial.steady.run)
    trial.worker.start()
    try:
        await until(lambda: trial.worker.get("/readyz"), "a worker that is ready")
        sending.start()
        await asyncio.sleep(WARM_S)
        phases = [await trial.phase("calm", lambda: asyncio.sleep(CALM_S))]
        phases.append(await trial.phase(f"{RELOADS} reloads", trial.reloads))
        trial.steady.stop.set()
        await asyncio.to_thread(sending.join)
        with suppress(SystemExit):  # then some are lost, and the claim says how many
            await until(lambda: trial.scored() >= trial.steady.sent, "the readings")
        return phases, trial.steady.sent, trial.scored()
    finally:
        trial.steady.stop.set()
        hearing.cancel()
        with suppress(asyncio.CancelledError):
            await hearing
        trial.worker.kill()


def prepared(cluster: Cluster, folder: Path, count: int) -> Trial:
    """Topics and a worker that is not started yet."""
    configs = folder / "configs"
    channels = city.configure(configs, count // 2, LANES, folder / "state")
    pack = configs / "water" / "level.yaml"
    pack.write_text(re.sub(r"(on|off)_delay: \d+ ms", r"\1_delay: 0 s", pack.read_text()))
    place = ["--configs", str(configs), "--bootstrap", cluster.bootstrap]
    tocsin("topics", *place, "--create", "--replication", "1")
    log = folder / "notes.txt"
    log.touch()
    worker = WorkerProcess(
        place,
        free_ports(1)[0],
        folder / "worker.log",
        environment={VARIABLE: str(log)},
        program=[sys.executable, "-m", WORKER, "--verbose", "run"],
    )
    listener = AlarmListener(cluster.bootstrap)
    return Trial(worker, pack, Steady(cluster.bootstrap, channels), listener, log)


def main() -> None:
    """Send, reload, tell."""
    options = ArgumentParser(description=__doc__)
    options.add_argument("--channels", type=int, default=CHANNELS)
    options.add_argument("--write", action="store_true")
    count = options.parse_args().channels
    if (lacking := missing()) is not None:
        sys.exit(f"reload: expected a Kafka to measure with, got none: {lacking}")
    with TemporaryDirectory(prefix="tocsin-bench-") as folder, Cluster() as cluster:
        trial = prepared(cluster, Path(folder), count)
        (calm, busy), sent, scored = asyncio.run(measured(trial))
    whole = [calm.row(""), busy.row(""), ["in all", "", f"{sent:,}", f"{scored:,}", *[""] * 6]]
    print_table(HEAD, whole)
    print(f"\nthe sender was behind its pace by at most {trial.steady.late_s * 1000:.0f} ms")
    if writes():
        write_rows(page_of("reload"), "reloads", HEAD, whole)
    told = f"{RELOADS} reloads of {count:,} channels under {RATE:,} readings a second"
    rate = busy.sent / busy.seconds
    print_claims(
        [
            Claim(f"{told}: sent", rate, 0.95 * RATE, "readings/s", "at least"),
            Claim(f"{told}: readings lost", sent - scored, 0, "readings", "at most"),
            Claim(f"{told}: longest to an alarm", max(busy.delays), GOAL_MS, "ms", "at most"),
            Claim(f"{told}: longest pause, and batch", busy.pause, busy.batch, "ms", "at most"),
        ]
    )


if __name__ == "__main__":
    main()
