"""A network that is slow, breaks connections, swallows what is sent, or ends before one broker."""

import asyncio
from functools import partial
from pathlib import Path

from tests.testkit.faults.drill import Verdict
from tests.testkit.faults.scenario import Cast, Stage, play

LATE_S = 0.2
EVERY_S = 0.4
SPELL_S = 3.0
LONG_S = 25.0
RESETS = 5


async def slow(stage: Stage, rounds: int = 1) -> int:
    """Everything is late for a while."""
    for _ in range(rounds):
        for link in stage.links:
            link.delay_s = LATE_S
        await asyncio.sleep(SPELL_S)
        for link in stage.links:
            link.delay_s = 0.0
    return rounds


async def reset(stage: Stage, rounds: int = 1) -> int:
    """Connections are reset, again and again."""
    for _ in range(rounds):
        before = sum(link.resets for link in stage.links)
        for _ in range(RESETS):
            for link in stage.links:
                link.reset()
            await asyncio.sleep(stage.chance.uniform(0.0, 2 * EVERY_S))
        assert sum(link.resets for link in stage.links) > before
    return rounds


async def half_open(stage: Stage, rounds: int = 1, seconds: float = SPELL_S) -> int:
    """What is sent vanishes while connections look well; then those of that time are reset."""
    for _ in range(rounds):
        for link in stage.links:
            link.deaf = True
        await asyncio.sleep(seconds)
        for link in stage.links:
            link.deaf = False
            link.reset()
        await stage.settled()
    return rounds


async def cut_from_one(stage: Stage, rounds: int = 1, seconds: float = SPELL_S) -> int:
    """Workers cannot reach one node, which is well and leads what it leads."""
    for number in range(rounds):
        link = stage.links[number % len(stage.links)]
        link.cut = True
        link.reset()
        await asyncio.sleep(seconds)
        link.cut = False
        await stage.settled()
    return rounds


async def troubled(folder: Path, seed: int, rounds: int) -> Verdict:
    """Late, reset and swallowed by turns."""
    acts = [slow, reset, half_open] * rounds
    return await play(folder, seed, Cast(linked=True), *acts)


async def cut(folder: Path, seed: int, rounds: int) -> Verdict:
    """Workers cut from one of three brokers."""
    cast = Cast(workers=2, nodes=3, linked=True)
    return await play(folder, seed, cast, partial(cut_from_one, rounds=rounds))


async def swallowed(folder: Path, seed: int, rounds: int) -> Verdict:
    """Half-open for longer than a request may take."""
    return await play(
        folder, seed, Cast(linked=True), partial(half_open, rounds=rounds, seconds=25)
    )
