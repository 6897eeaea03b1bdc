"""`tocsin notify` as a process that a test may kill, over a small city."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec
from aiokafka import AIOKafkaProducer

from contracts.desk.notice import Notice
from contracts.topics import TopicNames
from tests.testkit import city
from tests.testkit.kafka.broker import Cluster
from tests.testkit.kafka.ports import free_ports
from tests.testkit.worker_process import TOCSIN, WorkerProcess

SECRET = "whsec_" + "b2xk" * 10


def installed(folder: Path, kafka: Cluster, app: str, receivers: str) -> WorkerProcess:
    """A small city with some receivers, and the process that tells them.

    Parameters
    ----------
    folder : Path
        Gets `configs`, the receivers' `key`, and the `log`.
    kafka : Cluster
    app : str
        Before its topics' names.
    receivers : str
        As in `receivers.yaml`.
    """
    configs = folder / "configs"
    city.configure(configs, 1, 1, folder / "state")
    settings = configs / "tocsin.yaml"
    settings.write_text(settings.read_text().replace("app: tocsin", f"app: {app}"))
    (folder / "key").write_text(SECRET)
    (configs / "notices").mkdir()
    (configs / "notices" / "receivers.yaml").write_text(receivers)
    words = ["--configs", str(configs), "--bootstrap", kafka.bootstrap]
    program = [TOCSIN, "--verbose", "notify"]
    (port,) = free_ports(1)
    return WorkerProcess(words, port, folder / "log", instance="", program=program)


async def say(kafka: Cluster, app: str, notices: Sequence[Notice]) -> None:
    """Notices as the desk stage leaves them."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all")
    await producer.start()
    try:
        for one in notices:
            body, headers = msgspec.json.encode(one), [("tocsin", b"notice")]
            await producer.send_and_wait(TopicNames(app).notices, body, headers=headers)
    finally:
        await producer.stop()


async def started(process: WorkerProcess) -> None:
    """Start it, and wait until it knows where it goes on."""
    process.start()
    while await asyncio.to_thread(process.get, "/readyz") is None:
        assert process.process.poll() is None, process.log.read_text()[-4000:]
        await asyncio.sleep(0.1)
