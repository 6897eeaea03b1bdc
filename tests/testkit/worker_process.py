"""A real worker process that a test may kill."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from runtime.failpoints import VARIABLE

TOCSIN = str(Path(sys.executable).with_name("tocsin"))


@dataclass
class WorkerProcess:
    """`tocsin run`, or what answers as it does, as a child process.

    Parameters
    ----------
    arguments : list of str
        Behind the program.
    port : int
        Of its health server.
    log : Path
        Where its standard error is added.
    instance : str
        Static member of the group; empty for what is none.
    failpoint : str
        Where it is to be struck at its next start.
    prefix : list of str
        Command that becomes the worker.
    environment : dict of str to str
        Beside that of the test.
    host : str
        Where its health server answers.
    program : list of str
        What is started.
    """

    arguments: list[str]
    port: int
    log: Path
    instance: str = "worker-0"
    failpoint: str = ""
    prefix: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    host: str = "127.0.0.1"
    program: list[str] = field(default_factory=lambda: [TOCSIN, "--verbose", "run"])
    starts: int = 0
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start it, or start it again."""
        member = ["--instance", self.instance] if self.instance else []
        served = [*member, "--port", str(self.port)]
        command = [*self.prefix, *self.program, *self.arguments, *served]
        with self.log.open("ab") as log:
            environment = os.environ | {VARIABLE: self.failpoint} | self.environment
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        self.starts += 1

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The child; it has been started."""
        assert self._process is not None
        return self._process

    def kill(self) -> None:
        """SIGKILL: no goodbye."""
        self.process.kill()
        self.process.wait(10)

    def bury(self) -> None:
        """Leave nothing of it behind, whatever happened."""
        if self._process is not None and self._process.poll() is None:
            self.kill()

    async def died(self, timeout_s: float) -> int:
        """Exit code, once it has ended by itself."""
        return await asyncio.to_thread(self.process.wait, timeout_s)

    def freeze(self) -> None:
        """SIGSTOP."""
        self.process.send_signal(signal.SIGSTOP)

    def stands_still(self) -> bool:
        """Whether it was stopped, by us or by a failpoint of its own."""
        assert self.process.poll() is None, self.log.read_text()[-4000:]
        state = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state == "T"

    def thaw(self) -> None:
        """SIGCONT."""
        self.process.send_signal(signal.SIGCONT)

    async def finish(self, timeout_s: float) -> int:
        """SIGTERM, and its exit code."""
        self.process.terminate()
        return await asyncio.to_thread(self.process.wait, timeout_s)

    def get(self, path: str) -> str | None:
        """Body of an answer, None while nobody answers or it is not 200."""
        try:
            url = f"http://{self.host}:{self.port}{path}"
            with urllib.request.urlopen(url, timeout=2) as answer:
                text: str = answer.read().decode()
                return text
        except (urllib.error.URLError, OSError):
            return None

    def metric(self, name: str, label: str = "lane") -> dict[str, float]:
        """Samples of a metric, summed by one of its labels."""
        total: dict[str, float] = {}
        for family in text_string_to_metric_families(self.get("/metrics") or ""):
            for sample in family.samples:
                if sample.name == name:
                    key = sample.labels.get(label, "")
                    total[key] = total.get(key, 0.0) + sample.value
        return total


async def settle(workers: list[WorkerProcess], positions: dict[str, int], timeout_s: float) -> None:
    """Wait until all workers are ready and every lane stands at its position with one of them."""
    deadline = time.monotonic() + timeout_s
    at: dict[str, float] = {}
    while time.monotonic() < deadline:
        ready, at = True, {}
        for worker in workers:
            assert worker.process.poll() is None, worker.log.read_text()[-4000:]
            at |= await asyncio.to_thread(worker.metric, "tocsin_lane_position")
            ready = bool(await asyncio.to_thread(worker.get, "/readyz")) and ready
        if ready and all(at.get(lane, 0) >= end for lane, end in positions.items()):
            return
        await asyncio.sleep(0.2)
    body = json.dumps({"positions": positions, "seen": at}, default=str)
    logs = "\n".join(worker.log.read_text()[-6000:] for worker in workers)
    raise AssertionError(f"not settled: {body}\n{logs}")
