"""An operations centre on a real broker: desk stage, history and console as processes."""

import asyncio
import base64
import json
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaProducer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from broker.partition_reader import LaneReader
from broker.topics import TopicPlan, desk_topics, ensure
from configuration.configuration import Configuration
from console.accounts import MAY
from contracts.settings.console import RoleName
from contracts.topics import TopicNames
from runtime.installation import CONFIGS
from tests.testkit.console.made import PASSWORD, quick_passwords
from tests.testkit.desk.alarms import alarm
from tests.testkit.desk.city import DeskCity
from tests.testkit.in_process import create
from tests.testkit.kafka.ports import free_ports
from tests.testkit.worker_process import TOCSIN, WorkerProcess

PEOPLE: Final[dict[str, RoleName]] = {
    "li.wei": "operator",
    "wang.fang": "supervisor",
    "zhao.min": "engineer",
}
# The history before the console, which reads its tables.
PROCESSES: Final = {
    "desk": ["run", "--desk"],
    "history": ["history", "run"],
    "console": ["console", "run"],
}
START_S: Final = 90.0
COMPILE_S: Final = 240.0  # of a worker whose kernels nobody has compiled yet
Ring = tuple[int, str, str, str, str, str]
# What a lost feeder rings: number, lifeline, asset, channel, colour and sentence.
LOSS: Final[tuple[Ring, ...]] = (
    (0, "power", "feeder-0102", "power.feeder-0102.switch", "red", "Feeder Heron 02 has tripped."),
    (1, "water", "house-02", "water.house-02.pump_1", "orange", "Egret Tower: pump 1 has tripped."),
    (2, "metro", "lantern-square-e1", "metro.lantern-square.escalator_1_state", "yellow",
     "Lantern Square: escalator 1 stands."),
)  # fmt: skip


class RealCentre:
    """Processes of a city whose lanes a test plays.

    Parameters
    ----------
    city : DeskCity
    address : str
        Of the console.
    """

    def __init__(self, city: DeskCity, address: str) -> None:
        self.city = city
        self.address = address

    def process(self, name: str) -> WorkerProcess:
        """One of `PROCESSES`, to be hurt."""
        return self.city.processes[list(PROCESSES).index(name)]

    async def again(self, name: str) -> None:
        """Start one of `PROCESSES` again."""
        await self.restarted(self.process(name))

    @asynccontextmanager
    async def worker(self, lifeline: str) -> AsyncIterator[WorkerProcess]:
        """A worker that watches a lifeline, whose lanes are no longer a test's to play."""
        program = [TOCSIN, "--verbose", "run", "--lifeline", lifeline]
        desk = self.process("desk")
        log = desk.log.with_name(f"{lifeline}.log")
        (port,) = free_ports(1)
        process = WorkerProcess(desk.arguments, port, log, instance=lifeline, program=program)
        self.city.processes.append(process)
        try:
            process.start()
            await self.city.until(partial(_ready, process), COMPILE_S)
            yield process
        finally:
            self.city.processes.remove(process)
            process.bury()

    async def restarted(self, process: WorkerProcess) -> None:
        """Start a process that has ended, and wait until it answers."""
        process.start()
        await self.city.until(partial(_ready, process), COMPILE_S)

    async def reads(self, lifeline: str, channel: str, values: Sequence[float]) -> None:
        """Readings of a channel, in order, a millisecond apart."""
        now_ms, topic = int(time.time() * 1000), self.city.topics.telemetry(lifeline)
        producer = self.city.producers[0]
        async with producer.transaction():
            for later, value in enumerate(values):
                body = {"channel": channel, "time": now_ms + later, "value": value}
                await producer.send(topic, json.dumps(body).encode(), partition=0)

    async def ring(self, rings: Sequence[Ring] = LOSS, **changed: Any) -> None:
        """A revision of all that rings; without another word, of what a lost feeder does."""
        now_s = int(time.time())
        producer = self.city.producers[0]
        async with producer.transaction():
            for number, lifeline, asset, channel, colour, said in rings:
                body = alarm(
                    number,
                    now_s,
                    lifeline=lifeline,
                    asset=asset,
                    channel=channel,
                    group=f"{lifeline}.{asset}",
                    **{"colour": colour} | changed,
                    say={"en": said, "zh": said},
                )
                await producer.send(
                    self.city.topics.alarms(lifeline), body, headers=[("tocsin", b"revision")]
                )


def add_console(configs: Path, port: int = 0) -> None:
    """Let a console in: its key, what its roles may do, and people."""
    private = Ed25519PrivateKey.generate()
    key = configs.parent / "console.pem"
    key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    may = {role: sorted(MAY[role] - {"dispatch"}) for role in PEOPLE.values()}
    added = {
        "commands": {
            "keys": {"console": base64.b64encode(public).decode()},
            "roles": {role: {"may": kinds, "keys": ["console"]} for role, kinds in may.items()},
        },
        "console": {"port": port, "key": f"${{file:{key}}}"},
    }
    with (configs / "tocsin.yaml").open("a") as settings:
        settings.writelines(f"{name}: {json.dumps(value)}\n" for name, value in added.items())
    hashed = quick_passwords().hash(PASSWORD)
    users = {name: {"name": name, "role": role, "hash": hashed} for name, role in PEOPLE.items()}
    (configs / "console-users.yaml").write_text(json.dumps({"users": users}))


def _shipped(folder: Path, app: str) -> Path:
    """The shipped city with one lane a lifeline."""
    configs = folder / "configs"
    shutil.copytree(CONFIGS, configs)
    settings = configs / "tocsin.yaml"
    text = settings.read_text().replace("app: tocsin", f"app: {app}")
    text = text.replace("partitions: 4", "partitions: 1").replace("./state", f"{folder}/state")
    settings.write_text(text)
    return configs


@asynccontextmanager
async def real_centre(folder: Path, bootstrap: str, app: str) -> AsyncIterator[RealCentre]:
    """One whose processes answer; all of them are let go of at the end, whatever happened."""
    ports = free_ports(1 + len(PROCESSES))
    configs = _shipped(folder, app)
    add_console(configs, ports[0])
    configuration = _reaching(Configuration.load(configs), bootstrap)
    await create(configuration)
    await ensure(desk_topics(TopicNames(app), TopicPlan(replication=1)), bootstrap)
    places = ["--configs", str(configs), "--bootstrap", bootstrap]
    async with AsyncExitStack() as stack:
        reader = LaneReader(bootstrap)
        stack.push_async_callback(reader.close)
        lane = AIOKafkaProducer(
            bootstrap_servers=bootstrap, transactional_id=f"{app}-played", linger_ms=0
        )
        await lane.start()
        stack.push_async_callback(lane.stop)
        city = DeskCity(folder, configuration, reader, [lane])
        for port, (name, words) in zip(ports[1:], PROCESSES.items(), strict=True):
            log, program = folder / f"{name}.log", [TOCSIN, "--verbose", *words]
            process = WorkerProcess(places, port, log, instance="", program=program)
            stack.callback(process.bury)
            city.processes.append(process)
            process.start()
            await city.until(partial(_ready, process), START_S)
        yield RealCentre(city, f"http://127.0.0.1:{ports[0]}/")


def _reaching(configuration: Configuration, bootstrap: str) -> Configuration:
    kafka = msgspec.structs.replace(configuration.settings.kafka, bootstrap=bootstrap)
    return configuration.with_settings(msgspec.structs.replace(configuration.settings, kafka=kafka))


async def _ready(process: WorkerProcess) -> bool:
    assert process.process.poll() is None, process.log.read_text()[-4000:]
    return await asyncio.to_thread(process.get, "/readyz") is not None
