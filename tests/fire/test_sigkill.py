"""Ten sudden deaths during 100,000 readings change nothing that anybody can see."""

import asyncio
import json
import logging
import os
import random
import subprocess
import time
from pathlib import Path

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from app.configuration import home_lane
from tests.fire import city
from tests.fire.oracle import Witness, read_all, record, witness
from tests.fire.process import TOCSIN, WorkerProcess
from tests.kafka.broker import Cluster
from tests.kafka.ports import free_ports

log = logging.getLogger(__name__)

READINGS = 100_000
DEATHS = 10
LANES = 2
SECONDS = 45
SOAK_STATE = Path("build/soak.json")


def tocsin(*arguments: str) -> str:
    done = subprocess.run([TOCSIN, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


async def send(
    bootstrap: str, telemetry: city.Telemetry, done: asyncio.Event
) -> tuple[int, list[int]]:
    """Send telemetry; how many readings, and the end of each partition."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True, linger_ms=5)
    await producer.start()
    clock = asyncio.get_running_loop().time
    ends = [0] * LANES
    began = clock()
    now_ms = time.time_ns() // 1_000_000
    try:
        while telemetry.readings < READINGS:
            waiting = []
            elapsed = clock() - began
            while telemetry.readings < min(READINGS, elapsed * READINGS / SECONDS):
                due_ms = telemetry.readings * SECONDS * 1000 // READINGS
                sample = telemetry.message(now_ms + due_ms)
                lane = home_lane(sample.group, LANES)
                waiting.append(
                    await producer.send(
                        "tocsin.telemetry.water",
                        sample.payload,
                        key=sample.group.encode(),
                        partition=lane,
                    )
                )
            for sent in await asyncio.gather(*waiting):
                ends[sent.partition] = max(ends[sent.partition], sent.offset + 1)
            await asyncio.sleep(0.01)
    finally:
        done.set()
        await producer.stop()
    return telemetry.readings, ends


async def shelve_now_and_then(
    bootstrap: str, channels: list[str], chance: random.Random, done: asyncio.Event
) -> int:
    count = 0
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    try:
        while not done.is_set():
            channel = chance.choice(channels)
            command: dict[str, object] = {
                "kind": chance.choice(["shelve", "shelve", "unshelve"]),
                "channel": channel if chance.random() < 0.9 else "water.nobody",
                "by": "tester",
                "reason": "drill",
            }
            if command["kind"] == "shelve":
                command["seconds"] = chance.randint(1, 6)
            await producer.send_and_wait(
                "tocsin.commands.water",
                msgspec.json.encode(command),
                partition=home_lane(channel.rsplit(".", 1)[0], LANES),
            )
            count += 1
            await asyncio.sleep(0.5)
    finally:
        await producer.stop()
    return count


async def kill_at_random(worker: WorkerProcess, chance: random.Random, done: asyncio.Event) -> int:
    deaths = 0
    while deaths < DEATHS and not done.is_set():
        await asyncio.sleep(chance.uniform(0.3, 2 * SECONDS / DEATHS - 1.5))
        await asyncio.to_thread(worker.kill)
        deaths += 1
        worker.start()
    return deaths


@pytest.mark.broker
@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_ten_sigkills_during_a_hundred_thousand_readings_leave_the_alarms_of_a_calm_replay(
    tmp_path: Path,
) -> None:
    with Cluster() as kafka:
        await survive(kafka, tmp_path, seed=7)


@pytest.mark.broker
@pytest.mark.soak
@pytest.mark.timeout(0)
async def test_deaths_of_many_seeds_change_nothing_either(tmp_path: Path) -> None:
    """Rounds of ten deaths until SOAK_SECONDS are over; the next soak goes on where this ended."""
    until = time.monotonic() + float(os.environ.get("SOAK_SECONDS", "600"))
    rounds = 0
    while not rounds or time.monotonic() < until:
        with Cluster() as kafka:
            seed = next_seed()
            await survive(kafka, tmp_path / str(seed), seed)
        rounds += 1
        passed(seed)
    log.info("%d rounds of %d deaths in %d readings", rounds, DEATHS, READINGS)


def next_seed() -> int:
    """The seed behind the last one that passed, in this soak or an earlier one."""
    return int(json.loads(SOAK_STATE.read_text())["passed"]) + 1 if SOAK_STATE.exists() else 100


def passed(seed: int) -> None:
    """Note how far the soak has come."""
    SOAK_STATE.parent.mkdir(exist_ok=True)
    SOAK_STATE.write_text(json.dumps({"passed": seed}))


async def survive(kafka: Cluster, tmp_path: Path, seed: int) -> None:
    """Send, kill and judge."""
    configs = tmp_path / "configs"
    channels = city.configure(configs, groups=20, lanes=LANES, state=tmp_path / "state")
    tocsin(
        "topics", "--configs", str(configs), "--create", "--replication", "1", "--bootstrap",
        kafka.bootstrap,
    )  # fmt: skip
    arguments = ["--configs", str(configs), "--bootstrap", kafka.bootstrap]
    worker = WorkerProcess(arguments, free_ports(1)[0], tmp_path / "worker.log")
    async with witness(kafka.bootstrap, "tocsin.alarms.water") as seen:
        worker.start()
        done = asyncio.Event()
        (sent, ends), deaths, _ = await asyncio.gather(
            send(kafka.bootstrap, city.Telemetry(channels, seed), done),
            kill_at_random(worker, random.Random(seed + 1), done),
            shelve_now_and_then(kafka.bootstrap, channels, random.Random(seed + 2), done),
        )
        positions = {f"water-{lane}": end for lane, end in enumerate(ends)}
        await worker.settle(positions, timeout_s=90)
        accounts = await asyncio.to_thread(worker.metric, "tocsin_readings_total", "destiny")
        assert await worker.finish(30) == 0, worker.log.read_text()[-4000:]
    assert deaths == DEATHS
    assert sent >= READINGS
    account = await judge(kafka, configs, tmp_path, seen)
    assert account["received"] == sent
    assert sum(accounts.values()) == sent
    for word in ("scored", "held", "back_filled", "duplicate", "late"):
        assert accounts.get(word, 0) == account[word], word


async def judge(kafka: Cluster, configs: Path, folder: Path, seen: Witness) -> dict[str, int]:
    """Byte-equal to a fault-free replay, once each, in order; the accounts of the replay."""
    telemetry, journal = await record(kafka.bootstrap, "water", folder)
    golden = folder / "golden.jsonl"
    summary = json.loads(
        tocsin(
            "replay", str(telemetry), "--journal", str(journal), "--configs", str(configs),
            "--out", str(golden), "--json",
        )
    )  # fmt: skip
    told = [
        item.value
        for item in await read_all(kafka.bootstrap, "tocsin.alarms.water")
        if dict(item.headers).get("tocsin") == b"revision"
    ]
    assert len(told) > 1000
    assert sorted(told) == sorted(golden.read_bytes().splitlines())
    assert sorted(seen.bodies) == sorted(told)
    seen.assert_each_once_in_order()
    account: dict[str, int] = summary["accounting"]
    assert account["received"] == sum(n for word, n in account.items() if word != "received")
    assert all(account[word] > 0 for word in ("scored", "held", "duplicate", "late", "quarantined"))
    letters = await read_all(kafka.bootstrap, "tocsin.dead-letters")
    told_letters = sorted(item.value for item in letters)
    assert len(told_letters) == summary["dead_letters"]
    log.info("%d revisions, %d dead letters, %s", len(told), len(told_letters), account)
    return account
