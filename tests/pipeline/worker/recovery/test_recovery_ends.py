"""How a lane begins and ends, and what commands do to it meanwhile."""

import msgspec

from contracts.journal import Refuse, Tick
from tests.testkit.day import Day
from tests.testkit.world import World, holding


async def test_a_drained_lane_leaves_a_snapshot_of_where_it_stood(world: World) -> None:
    day = Day(world)
    with world.context() as context:
        telemetry = world.telemetry
        async with holding(world, context) as crew:
            day.readings(50)
            await day.caught_up(crew)
            before = len(world.manifests())
            await crew.drain()
    manifest = world.manifests()[-1]
    assert len(world.manifests()) == before + 1
    assert manifest.telemetry == world.streams[0].end == telemetry.committed[0]
    assert crew.runner.status.phase == "stopping"
    files = sorted(path.name for path in (world.state / "water-0").iterdir())
    assert files == sorted(m.snapshot.partition("/")[2] for m in world.manifests()[-2:])


async def test_a_drained_lane_goes_on_without_replaying_anything(world: World) -> None:
    day = Day(world)
    for _ in range(2):
        with world.context() as context:
            async with holding(world, context) as crew:
                await day.pass_by(crew)
                await crew.drain()
    day.judge()
    positions = [manifest.telemetry for manifest in world.manifests()]
    assert positions == sorted(positions)


async def test_a_newborn_lane_begins_where_its_log_begins(world: World) -> None:
    world.streams[0].begin = world.streams[0].end = 1_000
    day = Day(world)
    with world.context() as context:
        async with holding(world, context) as crew:
            await day.pass_by(crew)
            await crew.drain()
    day.judge()
    assert world.manifests()[0].telemetry == 1_000


async def test_a_lane_without_any_reading_begins_with_a_tick(world: World) -> None:
    day = Day(world)
    with world.context() as context:
        async with holding(world, context) as crew:
            await day.ticked(crew)
            world.clock.time_ms += 60_000
            await day.ticked(crew)
            await crew.drain()
    ticks = [entry.change for _, entry in world.journal()]
    assert all(isinstance(tick, Tick) for tick in ticks)
    silent = world.told()["alarm"]
    assert len(silent) == len(day.channels)
    assert silent == world.golden()


async def test_a_shelved_channel_is_held_until_it_is_shown_again(world: World) -> None:
    day = Day(world)
    held = []
    with world.context() as context:
        async with holding(world, context) as crew:
            for kind in (None, "shelve", "unshelve"):
                for channel in day.channels if kind else []:
                    day.command({"kind": kind, "channel": channel} | SECONDS[kind or ""])
                await day.caught_up(crew)
                before = crew.runner.status.accounts.get("held", 0)
                day.readings()
                await day.caught_up(crew)
                held.append(crew.runner.status.accounts["held"] - before)
            await crew.drain()
    assert held[1] > 200
    assert max(held[0], held[2]) < 30  # a few have bad quality
    assert [m for m in world.golden() if m.kind == "alarm"] == world.told()["alarm"]


SECONDS: dict[str, dict[str, object]] = {"shelve": {"seconds": 3_600}, "unshelve": {}}


async def test_a_shelving_ends_by_itself(world: World) -> None:
    day = Day(world)
    with world.context() as context:
        async with holding(world, context) as crew:
            day.readings()
            await day.caught_up(crew)
            for channel in day.channels:
                day.command({"kind": "shelve", "channel": channel, "seconds": 2})
            await day.caught_up(crew)
            held_before = crew.runner.status.accounts["held"]
            day.readings(2_000)  # 30 s
            await day.caught_up(crew)
            held = crew.runner.status.accounts["held"] - held_before
            await crew.drain()
    assert 100 < held < 500


async def test_a_command_that_cannot_be_carried_out_is_a_dead_letter_with_its_offset(
    world: World,
) -> None:
    day = Day(world)
    with world.context() as context:
        async with holding(world, context) as crew:
            day.readings(1)
            await day.caught_up(crew)
            world.commands.put(0, b'{"kind": "expl', b"\xff" * 2_000, b"")
            day.command({"kind": "unshelve", "channel": "water.nobody"})
            await day.caught_up(crew)
            await crew.drain()
    refused = [e.change for _, e in world.journal() if isinstance(e.change, Refuse)]
    assert [change.reason for change in refused] == ["bad_command"] * 3 + ["unknown_channel"]
    letters = [msgspec.json.decode(m.body) for m in world.told()["dead_letter"]]
    commands = [letter for letter in letters if letter["topic"] == "tocsin.commands.water"]
    assert [letter["offset"] for letter in commands] == [0, 1, 2, 3]
    assert [len(letter["payload"]) for letter in commands[:3]] == [14, 1_024, 0]
    assert "expected a channel of lane water-0, got 'water.nobody'" in commands[3]["detail"]
