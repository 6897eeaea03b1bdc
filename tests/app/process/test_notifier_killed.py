"""`tocsin notify` killed between sends: nothing is lost, and what comes twice has the same key."""

import asyncio
import json
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from broker.topics import TopicPlan, ensure, notice_topics
from contracts.desk.notice import Notice
from contracts.topics import TopicNames
from tests.testkit import city
from tests.testkit.desk.notices import Hook, hook, notice
from tests.testkit.in_process import until
from tests.testkit.kafka.broker import Cluster
from tests.testkit.kafka.ports import free_ports
from tests.testkit.worker_process import TOCSIN, WorkerProcess

APP = "killed"
NOTICES = 120
KILLS = 5


def installed(folder: Path, kafka: Cluster, server: Hook) -> WorkerProcess:
    """A small city with one webhook, and the process that tells it."""
    configs = folder / "configs"
    city.configure(configs, 1, 1, folder / "state")
    settings = configs / "tocsin.yaml"
    settings.write_text(settings.read_text().replace("app: tocsin", f"app: {APP}"))
    key = folder / "key"
    key.write_text("whsec_" + "b2xk" * 10)
    (configs / "notices").mkdir()
    (configs / "notices" / "receivers.yaml").write_text(
        f"receivers:\n  - id: hook\n    webhook:\n      url: {server.url}\n"
        f'      secrets: ["${{file:{key}}}"]\n'
    )
    words = ["--configs", str(configs), "--bootstrap", kafka.bootstrap]
    program = [TOCSIN, "--verbose", "notify"]
    (port,) = free_ports(1)
    return WorkerProcess(words, port, folder / "log", instance="", program=program)


async def say(kafka: Cluster, notices: list[Notice]) -> None:
    """Notices as the desk stage leaves them."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all")
    await producer.start()
    try:
        for one in notices:
            body, headers = msgspec.json.encode(one), [("tocsin", b"notice")]
            await producer.send_and_wait(TopicNames(APP).notices, body, headers=headers)
    finally:
        await producer.stop()


async def started(process: WorkerProcess) -> None:
    """Start it, and wait until it knows where it goes on."""
    process.start()
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, process.get, "/readyz") is None:
        assert process.process.poll() is None, process.log.read_text()[-4000:]
        await asyncio.sleep(0.1)


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_nothing_is_lost_and_repeats_have_the_same_key(
    tmp_path: Path, kafka: Cluster
) -> None:
    await ensure(notice_topics(TopicNames(APP), TopicPlan(replication=1)), kafka.bootstrap)
    async with hook() as server:
        process = installed(tmp_path, kafka, server)
        try:
            await started(process)
            await say(kafka, [notice(n, incident=f"i-{n}") for n in range(NOTICES)])
            for kill in range(KILLS):
                await server.until((kill + 1) * NOTICES // (KILLS + 1))
                process.kill()
                await started(process)
            await until(lambda: f"n-{NOTICES - 1}" in server.ids)
            assert await process.finish(20) == 0
        finally:
            process.bury()
    told = server.ids
    assert list(dict.fromkeys(told)) == [f"n-{n}" for n in range(NOTICES)]
    assert len(told) - NOTICES <= KILLS, "one may be on its way to a receiver when it dies"
    bodies: dict[str, object] = {}
    for headers, body in server.requests:
        said = json.loads(body)["data"]
        assert said["id"] == headers["webhook-id"]
        assert bodies.setdefault(headers["webhook-id"], said) == said
    repeated = [first == then for first, then in pairwise(told)]
    assert sum(repeated) == len(told) - NOTICES, "a repeat comes at once, before anything newer"
