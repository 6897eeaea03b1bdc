"""A record stamped in the far future does not carry lane time there."""

import json

from contracts.journal import StampLimit
from tests.testkit.day import BEGAN_MS
from tests.testkit.world import World, holding

IN_2200_MS = 7_258_118_400_000
AFTER_S = 3  # until a channel of the small city is silent


def message(channel: str, time_ms: int, stamp_ms: int) -> tuple[int, bytes]:
    body = {"channel": channel, "time": time_ms, "value": 5.0}
    return stamp_ms, json.dumps(body).encode()


def silent(world: World) -> list[tuple[str, int]]:
    """Channels that rang `silent`, with the revision."""
    bodies = [json.loads(m.body) for m in world.told()["alarm"]]
    return [(b["channel"], b["revision"]) for b in bodies if b["rule"]["name"] == "silent"]


async def test_silence_lives_on_behind_a_record_stamped_in_2200(world: World) -> None:
    clock, stream = world.clock, world.streams[0]
    clock.time_ms = BEGAN_MS
    channels = list(world.plans.first.parts(0).catalogue.ids)
    with world.context() as context:
        async with holding(world, context) as crew:

            async def send(*messages: tuple[int, bytes]) -> None:
                stream.add(messages)
                await crew.until(lambda: crew.runner.status.position == stream.end)

            await send(*(message(c, BEGAN_MS, BEGAN_MS) for c in channels))
            await send(message(channels[0], BEGAN_MS + 500, IN_2200_MS))
            clock.time_ms += 1000
            await send(*(message(c, clock.time_ms, clock.time_ms) for c in channels))
            assert crew.runner.status.lane_time_s == clock.time_ms // 1000
            assert silent(world) == []
            scored = crew.runner.status.accounts["scored"]
            assert scored == 2 * len(channels) + 1  # the reading itself was well
            for _ in range(AFTER_S + 1):
                clock.time_ms += 1000
                await send(*(message(c, clock.time_ms, clock.time_ms) for c in channels[1:]))
            await crew.until(lambda: silent(world) == [(channels[0], 1)])
            limits = [e.change for _, e in world.journal() if isinstance(e.change, StampLimit)]
            assert limits == [StampLimit(BEGAN_MS // 1000)]
        told, golden = world.told(), world.golden()
        assert told["alarm"] == [m for m in golden if m.kind == "alarm"]
