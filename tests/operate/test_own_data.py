"""The guide's first quarter of an hour, typed as it stands there: a broker, an export, a sensor."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from runtime.installation import HOME
from tests.testkit.kafka.broker import Cluster
from tests.testkit.kafka.ports import free_ports

GUIDE: Final = HOME / "docs" / "guide" / "own-data.md"
BLOCK: Final = re.compile(r"^```(sh|text)\n(.*?)^```", re.MULTILINE | re.DOTALL)
ENDLESS: Final = ("tocsin run", "python docs/examples/listen.py")
WAIT_S: Final = 240.0  # a kernel may have to be compiled


@dataclass(frozen=True)
class Step:
    """What the guide says to type, and the lines that it shows behind that."""

    typed: str
    shown: tuple[str, ...]


def steps(guide: Path = GUIDE) -> list[Step]:
    """Blocks of commands of the guide, each with the output that is shown for it."""
    found: list[Step] = []
    for kind, text in BLOCK.findall(guide.read_text(encoding="utf-8")):
        if kind == "sh":
            found.append(Step(text, ()))
        else:
            found[-1] = Step(found[-1].typed, tuple(text.splitlines()))
    return found


class Terminal:
    """A folder in which the guide's commands are typed.

    Parameters
    ----------
    folder : Path
    broker : str
    port : int
        That the worker answers on.
    """

    def __init__(self, folder: Path, broker: str, port: int) -> None:
        self._folder = folder
        self._own = {"127.0.0.1:9092": broker, "9108": str(port)}
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self._environment = {**os.environ, "PATH": path, "BROKER": broker, "PYTHONPATH": str(HOME)}

    def begin(self, typed: str) -> subprocess.Popen[str]:
        """Start what is typed, in a process group of its own."""
        for usual, own in self._own.items():
            typed = typed.replace(usual, own)
        return subprocess.Popen(
            ["bash", "-ec", typed],
            cwd=self._folder,
            env=self._environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def run(self, typed: str) -> str:
        """Output of what ends by itself, well."""
        process = self.begin(typed)
        said, _ = process.communicate(timeout=WAIT_S)
        assert process.returncode == 0, (typed, said)
        return said

    @contextmanager
    def running(self, typed: str) -> Iterator[subprocess.Popen[str]]:
        """What runs until it is told to stop, as Ctrl-C tells it."""
        process = self.begin(typed)
        late = threading.Timer(WAIT_S, os.killpg, (process.pid, signal.SIGKILL))
        late.start()
        try:
            yield process
        finally:
            late.cancel()
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
            self._ended(process)

    @staticmethod
    def _ended(process: subprocess.Popen[str]) -> None:
        """Wait for its end; who does not end leaves nothing behind for other tests."""
        try:
            process.communicate(timeout=WAIT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise


@pytest.fixture
def interruptible() -> Iterator[None]:
    """As from a terminal: what a job in the background starts would ignore Ctrl-C."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.long
@pytest.mark.broker
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_first_quarter_of_an_hour_leads_to_the_alarm_of_an_own_sensor(
    tmp_path: Path,
) -> None:
    with Cluster() as kafka:  # one of its own: the guide's topics have the names that others use
        _type_the_guide(kafka, tmp_path)


def _type_the_guide(kafka: Cluster, tmp_path: Path) -> None:
    for room in ("configs", "docs"):
        shutil.copytree(HOME / room, tmp_path / room)
    terminal = Terminal(tmp_path, kafka.bootstrap, free_ports(1)[0])
    assert sum(step.typed.startswith(ENDLESS) for step in steps()) == 2
    before = [step for step in steps() if not step.typed.startswith(ENDLESS)]
    worker, listener = (step for step in steps() if step.typed.startswith(ENDLESS))
    *alone, ready, send = before
    for step in alone:
        said = terminal.run(step.typed).splitlines()
        assert [line for line in step.shown if line not in said] == [], "\n".join(said)
    with terminal.running(worker.typed):
        terminal.run(ready.typed)
        terminal.run(send.typed)
        with terminal.running(listener.typed) as listening:
            assert listening.stdout is not None
            rang: list[str] = []
            while not set(listener.shown) <= set(rang):
                line = listening.stdout.readline()
                assert line, rang
                rang.append(line.rstrip("\n"))
