"""A real Kafka cluster of one or three nodes on this machine, which a test may hurt."""

import itertools
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._metadata import ClusterMetadata
from confluent_kafka.cimpl import NewTopic

from runtime.installation import HOME
from tests.testkit.kafka.ports import free_ports
from tests.testkit.kafka.properties import Ports, properties

LIBS = HOME / ".kafka" / "libs"
CLASSES = LIBS.with_name("classes.jsa")  # see `archive_classes`
CLUSTER_ID = "VG9jc2luVGVzdENsdXN0ZQ"
START_S_MAX = 60.0
STOP_S_MAX = 60.0


def missing() -> str | None:
    """What keeps a broker from starting here, or None."""
    if shutil.which("java") is None:
        return "Java is not installed; run `make java`"
    if not (LIBS / ".complete").exists():
        return "Kafka's jars are not there; run `make java`"
    return None


class Cluster:
    """A Kafka cluster in KRaft combined mode; its data live in a temporary folder.

    Parameters
    ----------
    nodes : int
        1 (replication 1) or 3 (replication 3, 2 in sync). Nodes are numbered from 0.
    settings : mapping of str to str, optional
        Broker settings that replace the usual ones.
    ports : str
        Host of ports to which a second listener of each node sends clients, and where somebody
        else listens; see `ports`. Empty without one.
    java : sequence of str
        Options of Java for each node.

    Notes
    -----
    All methods block, and may be called from a coroutine when nothing else has to run meanwhile.
    """

    def __init__(
        self,
        nodes: int = 1,
        settings: Mapping[str, str] | None = None,
        ports: str = "",
        java: Sequence[str] = (f"-XX:SharedArchiveFile={CLASSES}",),
    ) -> None:
        if nodes not in {1, 3}:
            raise ValueError(f"expected 1 or 3 nodes, got {nodes!r}")
        found = free_ports((4 if ports else 2) * nodes)
        parts = [found[first : first + nodes] for first in range(0, 4 * nodes, nodes)]
        self._ports = Ports(parts[0], parts[1], parts[2], parts[3], ports)
        self._extra = dict(settings or {})
        self._options = java
        self._folder = Path(tempfile.mkdtemp(prefix="tocsin-kafka-"))
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._paused: set[int] = set()
        self._count = itertools.count(1)
        self.nodes = range(nodes)

    def __enter__(self) -> Self:
        """Format the folders, start all nodes and wait until they answer."""
        try:
            self._format()
            for node in self.nodes:
                self._start(node)
            self.wait_ready()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    @property
    def bootstrap(self) -> str:
        """Addresses of all nodes, as Kafka clients take them."""
        return ",".join(self.address(node) for node in self.nodes)

    def address(self, node: int) -> str:
        """Host and port on which one node serves clients."""
        return f"127.0.0.1:{self._ports.clients[node]}"

    @property
    def pids(self) -> list[int]:
        """Process ids of the nodes that run."""
        return [process.pid for process in self._processes.values()]

    @property
    def ports(self) -> list[tuple[int, int]]:
        """For each node the port that clients of its second listener call, and its own port."""
        return list(zip(self._ports.ports, self._ports.behind, strict=True))

    def log_path(self, node: int) -> Path:
        """File with the log of one node, restarts included."""
        return self._folder / f"node-{node}.log"

    def log(self, node: int) -> str:
        """Text that one node has logged so far."""
        path = self.log_path(node)
        return path.read_text(errors="replace") if path.exists() else ""

    def tail(self, node: int, lines: int = 60) -> str:
        """Last lines of the log of one node."""
        return "\n".join(self.log(node).splitlines()[-lines:])

    def unique(self, prefix: str) -> str:
        """Give a name that no earlier test on this cluster has used."""
        return f"{prefix}-{next(self._count)}"

    def create_topic(
        self, name: str, partitions: int = 1, settings: Mapping[str, str] | None = None
    ) -> str:
        """Create a topic on all nodes, wait until each partition has a leader, return its name."""
        topic = NewTopic(name, partitions, len(self.nodes), config=dict(settings or {}))
        admin = self._admin(self.bootstrap)  # held by name: collected, it would cancel the request
        admin.create_topics([topic])[name].result(START_S_MAX)
        self._until(lambda: self._leads(name, partitions), f"leaders of {name!r}")
        return name

    def leader(self, topic: str, partition: int = 0) -> int | None:
        """Node that leads a partition in the eyes of a running node, None when there is none."""
        for node in self._running():
            metadata = self._metadata(node)
            if metadata is not None and partition in metadata.topics[topic].partitions:
                leader: int = metadata.topics[topic].partitions[partition].leader
                return leader if leader >= 0 else None
        return None

    def kill(self, node: int) -> None:
        """End a node at once, as a power cut would (SIGKILL)."""
        self._end(node, signal.SIGKILL)

    def stop(self, node: int) -> None:
        """Let a node hand over its partitions and end (SIGTERM)."""
        self.resume(node)
        self._end(node, signal.SIGTERM)

    def restart(self, node: int) -> None:
        """Stop a node if it runs, start it on its old data and wait until it answers."""
        if node in self._processes:
            self.stop(node)
        self._start(node)
        self.wait_ready([node])

    def revive(self) -> None:
        """Start every node that does not run and wait until all answer."""
        for node in self.nodes:
            if node not in self._processes:
                self._start(node)
        self.wait_ready()

    def pause(self, node: int) -> None:
        """Freeze a node, connections left open (SIGSTOP)."""
        self._processes[node].send_signal(signal.SIGSTOP)
        self._paused.add(node)

    def resume(self, node: int) -> None:
        """Let a frozen node go on (SIGCONT); `wait_ready` tells when the cluster has it back."""
        if node in self._paused:
            self._processes[node].send_signal(signal.SIGCONT)
            self._paused.discard(node)

    def wait_ready(self, nodes: Iterable[int] | None = None) -> None:
        """Wait until each of these nodes (default: all) lists itself as a serving broker.

        Raises
        ------
        RuntimeError
            When a node has ended, or has not answered within `START_S_MAX`; with its last log.
        """
        for node in self.nodes if nodes is None else nodes:
            self._until(partial(self._serves, node), f"node {node}", node)

    def close(self) -> None:
        """End every node and remove the data; closing twice is harmless."""
        for node in list(self._processes):
            self.kill(node)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _format(self) -> None:
        commands = []
        for node in self.nodes:
            properties = self._folder / f"node-{node}.properties"
            properties.write_text(
                "".join(f"{key}={value}\n" for key, value in self._properties(node).items())
            )
            commands.append(
                self._java(node, "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c")
            )
        codes = [command.wait(START_S_MAX) for command in commands]
        if any(codes):
            logs = "\n".join(self.tail(node) for node in self.nodes)
            raise RuntimeError(f"format: expected exit codes 0, got {codes}\n{logs}")

    def _properties(self, node: int) -> dict[str, str]:
        folder = str(self._folder / f"node-{node}")
        return properties(node, self._ports) | {"log.dirs": folder} | self._extra

    def _start(self, node: int) -> None:
        self._processes[node] = self._java(node, "kafka.Kafka")

    def _java(self, node: int, *words: str) -> subprocess.Popen[bytes]:
        """Run a main class of Kafka on the node's properties; output goes to the node's log."""
        command = ["java", "-Xmx1g" if len(self.nodes) == 1 else "-Xmx512m"]
        # One thread collects and one compiles little: the test's own work needs the cores.
        command += ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", *self._options]
        command += ["-cp", f"{LIBS}/*"]
        command += ["-Dorg.slf4j.simpleLogger.showDateTime=true"]
        command += ["-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS"]
        # Two loggers that print every setting there is at each start.
        for logger in ("org.apache.kafka.common.config", "kafka.server.KafkaConfig"):
            command += [f"-Dorg.slf4j.simpleLogger.log.{logger}=warn"]
        command += [*words, str(self._folder / f"node-{node}.properties")]
        with self.log_path(node).open("ab") as log:
            return subprocess.Popen(
                command, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def _end(self, node: int, number: signal.Signals) -> None:
        process = self._processes.pop(node)
        self._paused.discard(node)
        process.send_signal(number)
        try:
            process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _running(self) -> list[int]:
        return [node for node in self._processes if node not in self._paused]

    def _serves(self, node: int) -> bool:
        """Whether the node's own view of the cluster holds the node, and leaders if all run."""
        metadata = self._metadata(node)
        if metadata is None or node not in metadata.brokers:
            return False
        led = all(
            partition.leader >= 0
            for topic in metadata.topics.values()
            for partition in topic.partitions.values()
        )
        return led or len(self._running()) < len(self.nodes)

    def _leads(self, topic: str, partitions: int) -> bool:
        """Whether every running node knows a leader of every partition of a topic."""
        return all(
            (metadata := self._metadata(node)) is not None
            and topic in metadata.topics
            and len(metadata.topics[topic].partitions) == partitions
            and all(part.leader >= 0 for part in metadata.topics[topic].partitions.values())
            for node in self._running()
        )

    def _metadata(self, node: int) -> ClusterMetadata | None:
        try:
            return self._admin(self.address(node)).list_topics(timeout=2.0)
        except KafkaException:
            return None

    @staticmethod
    def _admin(address: str) -> AdminClient:
        patience = {"log_level": "0", "socket.timeout.ms": "2000"}
        return AdminClient({"bootstrap.servers": address, **patience})

    def _until(self, holds: Callable[[], bool], what: str, node: int = 0) -> None:
        """Poll until a condition holds; fail early when the node it is about has ended."""
        deadline = time.monotonic() + START_S_MAX
        while not holds():
            process = self._processes.get(node)
            code = process.poll() if process else None
            if code is not None or time.monotonic() > deadline:
                state = "still starting" if code is None else f"exit code {code}"
                raise RuntimeError(f"{what}: expected an answer, got {state}\n{self.tail(node)}")
            time.sleep(0.1)
