"""What the processes of a machine take, and how late alarms are, while a city runs on it."""

import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from sinks.kafka.lane_log import HEADER, KIND

TICKS_S = 100.0  # of /proc/PID/stat, on all machines that Linux runs on today
KIB = 1024


def cpu_s(pid: int) -> float:
    """CPU that a process has taken, all its threads, user and system."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / TICKS_S


def memory(pid: int) -> dict[str, int]:
    """Bytes by kind: `Rss`, `Pss`, `Pss_Anon`, `Pss_File`."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {line.split(":")[0]: int(line.split()[1]) * KIB for line in lines}


def peak(pid: int) -> int:
    """Most bytes that were ever resident."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.partition("VmHWM:")[2].split()[0]) * KIB


class _Rung(msgspec.Struct):
    revision: int
    state: str
    onset: str
    rule: dict[str, Any]


@dataclass
class AlarmListener:
    """A read-committed consumer of the alarms of all lifelines, in a thread of its own.

    Parameters
    ----------
    bootstrap : str
    lanes : mapping of str to int
        Partitions by topic.
    """

    bootstrap: str
    lanes: Mapping[str, int]
    heard: list[tuple[float, float, str]] = field(default_factory=list)  # onset, delay in s, rule
    revisions: int = 0
    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen from the beginning."""
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let go of the consumer."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _listen(self) -> None:
        consumer = Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "group.id": "city-ear",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 10,
                "log_level": 0,
            }
        )
        places = [
            TopicPartition(topic, lane, OFFSET_BEGINNING)
            for topic, count in self.lanes.items()
            for lane in range(count)
        ]
        consumer.assign(places)
        while not self._stopping.is_set():
            for message in consumer.consume(500, 0.05):
                headers = dict(message.headers() or ())
                if message.error() is None and headers[KIND] == HEADER["alarm"]:
                    self._note(message.value() or b"", time.time())
        consumer.close()

    def _note(self, body: bytes, now: float) -> None:
        self.revisions += 1
        rung = msgspec.json.decode(body, type=_Rung)
        if rung.revision == 1:
            onset = datetime.fromisoformat(rung.onset).timestamp()
            self.heard.append((onset, now - onset, str(rung.rule["name"])))

    def delays(self, begin: float, end: float) -> list[float]:
        """Time from sample to alarm of what left its limits between two times, sorted.

        Faults are sent to classes whose limits ring with the first reading; other rules wait.
        """
        return sorted(d for at, d, rule in self.heard if begin <= at < end and rule == "limit")

    def rules(self) -> Counter[str]:
        """Alarms by rule."""
        return Counter(rule for _, _, rule in self.heard)


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value below which a share of the ordered ones lie, NaN of none."""
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else float("nan")


@dataclass
class Gauge:
    """CPU and memory of some processes over a time.

    Parameters
    ----------
    pids : mapping of str to int
    """

    pids: Mapping[str, int]
    rss: dict[str, int] = field(default_factory=dict)
    lags: list[float] = field(default_factory=list)
    _cpu: dict[str, float] = field(default_factory=dict)
    _began: float = 0.0

    def begin(self) -> None:
        """Count from here."""
        self._began = time.monotonic()
        self._cpu = {name: cpu_s(pid) for name, pid in self.pids.items()}

    def look(self, lag_s: float) -> None:
        """Note how much is resident now, and the lag."""
        self.lags.append(lag_s)
        for name, pid in self.pids.items():
            self.rss[name] = max(self.rss.get(name, 0), memory(pid)["Rss"])

    def cores(self) -> dict[str, float]:
        """Cores that each process has kept busy since the beginning."""
        elapsed = time.monotonic() - self._began
        return {n: (cpu_s(pid) - self._cpu[n]) / elapsed for n, pid in self.pids.items()}
