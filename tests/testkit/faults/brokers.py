"""Brokers that go and come back."""

import asyncio
import re
from functools import partial
from pathlib import Path

from tests.testkit.faults.drill import Verdict
from tests.testkit.faults.scenario import Cast, Stage, play
from tests.testkit.kafka.broker import Cluster

THREE = Cast(workers=2, nodes=3)
# Whose leader goes: records come, alarms leave, the group's and the transactions' coordinators.
TOPICS = ["tocsin.telemetry.water", "", "tocsin.alarms.water"]
TOPICS += ["__consumer_offsets", "__transaction_state"]
REST_S = 1.0
AWAY_S = 10.0
LONG_S = 600.0
_ELECTED = re.compile(r"Becoming the active controller at epoch (\d+)")


def controller(kafka: Cluster) -> int:
    """The node that was elected controller last."""
    found = [
        (int(epoch), node) for node in kafka.nodes for epoch in _ELECTED.findall(kafka.log(node))
    ]
    assert found, "no node says that it became the controller"
    return max(found)[1]


async def bounce(stage: Stage, rounds: int = 1) -> int:
    """A leader goes and comes back, killed and let go in turn; every fifth is the controller."""
    kafka = stage.kafka
    for number in range(rounds):
        topic = TOPICS[number % len(TOPICS)]
        node = kafka.leader(topic) if topic else controller(kafka)
        assert node is not None, f"{topic} has no leader"
        await asyncio.to_thread(kafka.kill if number % 2 == 0 else kafka.stop, node)
        await asyncio.sleep(stage.chance.uniform(REST_S, 3 * REST_S))
        await asyncio.to_thread(kafka.revive)
        await stage.settled()
    return rounds


async def all_down(stage: Stage, rounds: int = 1, seconds: float = AWAY_S) -> int:
    """All brokers are killed, and come back after some time."""
    for _ in range(rounds):
        for node in stage.kafka.nodes:
            await asyncio.to_thread(stage.kafka.kill, node)
        await asyncio.sleep(seconds)
        await asyncio.to_thread(stage.kafka.revive)
        await stage.settled()
    return rounds


async def bounced(folder: Path, seed: int, rounds: int) -> Verdict:
    """Leaders of three brokers, hard and clean."""
    return await play(folder, seed, THREE, partial(bounce, rounds=rounds))


async def long_away(folder: Path, seed: int, rounds: int) -> Verdict:
    """All three brokers down for ten minutes."""
    return await play(folder, seed, THREE, partial(all_down, rounds=rounds, seconds=LONG_S))


async def all_away(folder: Path, seed: int, rounds: int) -> Verdict:
    """All three brokers down."""
    return await play(folder, seed, THREE, partial(all_down, rounds=rounds))
