"""The desk stage in memory: its day, its journal's laws, and what stops it."""

import gc
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from contracts.alarm import Alarm
from contracts.desk.answer import CurrentAlarm
from contracts.desk.journal import (
    DeskEntry,
    DeskSwap,
    SetAside,
    Took,
    decode_desk_entry,
    encode_desk_entry,
)
from contracts.desk.notice import Notice
from contracts.ports.desk import SlicedCopy
from contracts.ports.lane_log import Message
from contracts.topics import TopicNames
from pipeline.desk.desk_lane import DeskLane
from pipeline.lane.outbox import TransactionBound
from runtime.collector import SELDOM
from tests.testkit.desk.alarms import alarm, alarm_id
from tests.testkit.desk.day import KINDS, DeskDay
from tests.testkit.desk.plain_desk import ACKNOWLEDGE_S, LATE_POISON, POISON, PlainDesk, incident_of
from tests.testkit.desk.world import LANES, DeskWorld, on_duty, place_of


async def lived(world: DeskWorld) -> DeskDay:
    """A whole day, and a drain behind it."""
    day = DeskDay(world)
    with world.context() as context:
        async with on_duty(world, context) as crew:
            await day.pass_by(crew)
            await crew.drain()
    return day


async def test_a_calm_day_is_told_as_its_journal_says(world: DeskWorld) -> None:
    day = await lived(world)
    day.assert_told_once()
    lane, _ = world.replayed()
    assert world.manifests()[-1].telemetry == lane.position
    assert world.marks()[-1].sequence == lane.outbox.sequence
    assert world.marks()[-1].digest == lane.outbox.digest
    assert world.commands.committed[0] == lane.commands


async def test_a_stage_that_runs_says_how_desks_are_served(world: DeskWorld) -> None:
    with world.context("second") as context:
        async with on_duty(world, context) as crew:
            await crew.until(lambda: bool(crew.runner.status.performance.desks))
            assert crew.runner.status.performance == next(PlainDesk("second").surveying())


class Unhurried(PlainDesk):
    """Its copies with alarms in them are not over before somebody has acknowledged one."""

    begun = 0

    def copying(self) -> SlicedCopy:
        type(self).begun += bool(self._alarms)
        state = self.state()
        return SlicedCopy(lambda _: int(not self._answered()), lambda: state)

    def _answered(self) -> bool:
        return not self._alarms or any(held["by"] for held in self._alarms.values())


async def test_answers_are_carried_out_between_the_slices_of_a_snapshot(world: DeskWorld) -> None:
    world.desk_for, Unhurried.begun = Unhurried, 0
    with world.context() as context:
        async with on_duty(world, context) as crew:
            world.ring(LANES[0], *(alarm(number, colour="blue") for number in range(80)))
            await crew.until(lambda: Unhurried.begun > 0)
            before = len(world.manifests())
            world.command(kind="acknowledge", target=alarm_id(0))
            await crew.until(lambda: len(world.manifests()) > before)
            await crew.drain()
    assert world.marks()[-1].sequence == world.replayed()[0].outbox.sequence


async def test_the_collector_rests_from_slice_to_slice_and_comes_back_whatever_ends_the_copy(
    world: DeskWorld,
) -> None:
    rested: list[bool] = []

    class Watched(Unhurried):
        def copying(self) -> SlicedCopy:
            copy = super().copying()

            def some(most: int) -> int:
                rested.append(not gc.isenabled())
                return copy.slice(most)

            return SlicedCopy(some, copy.state)

    world.desk_for = Watched
    assert gc.isenabled()
    with world.context() as context:
        async with on_duty(world, context) as crew:
            world.ring(LANES[0], *(alarm(number, colour="blue") for number in range(80)))
            so_far = len(rested)
            await crew.until(lambda: len(rested) > so_far + 2)
            await crew.kill()
            assert gc.isenabled()
        async with on_duty(world, context) as crew:
            world.command(kind="acknowledge", target=alarm_id(0))
            await crew.until(lambda: crew.runner.status.commands > 0)
            await crew.drain()
    assert gc.isenabled()
    assert all(rested)


def test_what_a_restoration_makes_is_old_before_a_look_at_the_young_could_walk_it() -> None:
    class Large(PlainDesk):
        def restore(self, state: dict[str, Any]) -> list[Message]:
            self.held = [[number] for number in range(2 * SELDOM[0])]
            return super().restore(state)

    lane = DeskLane(TopicNames(), Large, Large("first"))
    looks: list[int] = []

    def looked(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            looks.append(info["generation"])

    frozen = lane.freeze()
    while frozen.more():
        pass
    snapshot = frozen()
    gc.collect()
    gc.callbacks.append(looked)
    try:
        DeskLane.restored(TopicNames(), Large, snapshot)
    finally:
        gc.callbacks.remove(looked)
    assert looks[0] == 2


async def test_however_a_journal_cuts_what_it_takes_the_same_is_told(world: DeskWorld) -> None:
    await lived(world)
    journal = world.journal()
    single: list[DeskEntry] = []
    for entry in journal:
        if isinstance(entry.change, Took):
            for lane, (first, behind) in sorted(entry.change.slices.items()):
                cuts = [{lane: (n, n + 1)} for n in range(first, behind)]
                single += [DeskEntry(Took(cut, shelvings=True)) for cut in cuts]
        else:
            single.append(entry)
    assert len(single) > 2 * len(journal)
    (whole, golden), (cut, told) = world.replayed(), world.replayed(single)
    assert told == golden
    assert cut.desk.state() == whole.desk.state()
    assert cut.positions == whole.positions


async def test_a_journal_of_before_passes_shelvings_over_as_it_did(world: DeskWorld) -> None:
    await lived(world)
    former = [
        decode_desk_entry(encode_desk_entry(entry).replace(b',"shelvings":true', b""))
        for entry in world.journal()
    ]
    (now, golden), (before, told) = world.replayed(), world.replayed(former)
    shown = [m for m in golden if m.key == b"n-water.feed-1.flow-shelved"]
    assert len(shown) == 2
    assert not [m for m in told if m in shown]
    assert before.desk.state() == now.desk.state()
    assert now.position - before.position == 4


async def test_a_storm_is_told_in_bounded_transactions(world: DeskWorld) -> None:
    world.transaction = TransactionBound(outputs=7)
    day = await lived(world)
    day.assert_told_once()
    sequences = [0, *(mark.sequence for mark in world.marks())]
    steps = [after - before for before, after in pairwise(sequences)]
    assert max(steps) == 7
    assert steps.count(7) > 20


async def test_an_acknowledgement_comes_back_with_its_name(world: DeskWorld) -> None:
    with world.context() as context:
        async with on_duty(world, context) as crew:
            world.ring("water-0", alarm(1))
            await crew.caught_up()
            world.command(kind="acknowledge", target=alarm_id(1))
            await crew.caught_up()
            bodies = [message.body for message in world.told("current")]
            newest = msgspec.json.decode(bodies[-1], type=CurrentAlarm)
            assert newest.answer.acknowledged
            assert newest.answer.by == "li.wei"
            assert crew.runner.status.commands == 1
            world.ring("water-0", alarm(1, revision=2, state="cleared"))
            await crew.caught_up()
            assert world.told("current")[-1] == Message("current", alarm_id(1).encode(), b"")


async def test_a_refusal_is_a_record_too(world: DeskWorld) -> None:
    with world.context() as context:
        async with on_duty(world, context) as crew:
            world.command(kind="comment", target=alarm_id(1))
            world.orders.add([(0, b"no command"), (0, None)])
            await crew.caught_up()
            reasons = [msgspec.json.decode(m.body)["reason"] for m in world.told("dead_letter")]
            assert reasons == ["unknown_command", "bad_command", "bad_command"]
            assert crew.runner.status.refusals == 3


async def test_what_fell_due_while_nobody_was_there_fires_once_and_says_so(
    world: DeskWorld,
) -> None:
    with world.context() as context:
        async with on_duty(world, context) as crew:
            world.ring("water-0", alarm(1, colour="red"), alarm(2, colour="red"))
            await crew.caught_up()
        # Nobody is there; one of them is answered in time all the same.
        world.command(kind="acknowledge", target=incident_of(alarm_id(2)))
        world.clock.time_ms += (ACKNOWLEDGE_S + 600) * 1000
        async with on_duty(world, context) as crew:
            await crew.until(lambda: len(world.told("notice")) == 3)
            await crew.caught_up()
        async with on_duty(world, context) as crew:
            await crew.caught_up()
    told = [msgspec.json.decode(m.body, type=Notice) for m in world.told("notice")]
    escalated = [(notice.incident, notice.late) for notice in told if notice.reason == "escalated"]
    assert escalated == [(incident_of(alarm_id(1)), True)]


async def test_clocks_wait_for_alarms_that_are_there(world: DeskWorld) -> None:
    with world.context() as context:
        async with on_duty(world, context) as crew:
            world.ring("water-0", alarm(1, colour="red"))
            await crew.caught_up()
        at_s = world.clock.time_ms // 1000
        world.ring("water-0", alarm(1, at_s + 5, revision=2, state="cleared", colour="red"))
        world.clock.time_ms += 2 * ACKNOWLEDGE_S * 1000
        async with on_duty(world, context) as crew:
            await crew.caught_up()
            await crew.drain()
    reasons = [msgspec.json.decode(m.body, type=Notice).reason for m in world.told("notice")]
    assert reasons == ["new"]


async def test_another_configuration_takes_over_what_is_open(world: DeskWorld) -> None:
    with world.context() as context:
        async with on_duty(world, context) as crew:
            world.ring("water-0", alarm(1, colour="red"))
            await crew.caught_up()
            await crew.drain()
    with world.context("second") as context:
        async with on_duty(world, context) as crew:
            await crew.caught_up()
            await crew.kill()
        async with on_duty(world, context) as crew:
            await crew.caught_up()
            assert crew.runner.status.open == {"alarms": 1, "incidents": 1}
    assert [e.change for e in world.journal()].count(DeskSwap("second")) == 1
    assert world.told("notice")[-1] == Message("notice", b"n-swap", b"second")


async def test_what_is_no_alarm_is_a_dead_letter_and_the_stage_goes_on(world: DeskWorld) -> None:
    deep = b"[" * 90_000
    other = msgspec.json.encode(msgspec.json.decode(alarm(1)) | {"revision": "two"})
    with world.context() as context:
        async with on_duty(world, context) as crew:
            world.ring("water-1", b"\xff\xfe", other, deep, alarm(2))
            await crew.caught_up()
            assert crew.runner.status.recoveries == 1
    letters = [msgspec.json.decode(message.body) for message in world.told("dead_letter")]
    assert [letter["offset"] for letter in letters] == [0, 1, 2]
    assert {letter["reason"] for letter in letters} == {"bad_alarm"}
    assert {(letter["topic"], letter["partition"]) for letter in letters} == {
        ("tocsin.alarms.water", 1)
    }
    assert [message.key for message in world.told("current")] == [alarm_id(2).encode()]


@pytest.mark.parametrize("outputs", [2_000, 4])
async def test_an_alarm_that_raises_twice_is_passed_over(world: DeskWorld, outputs: int) -> None:
    world.transaction = TransactionBound(outputs=outputs)
    world.desk_for = partial(PlainDesk, touchy=True)
    bodies = [alarm(n, channel=POISON if n == 9 else "water.a.flow") for n in range(20)]
    with world.context() as context:
        async with on_duty(world, context) as crew:
            world.ring("water-0", *bodies)
            await crew.caught_up()
            assert crew.runner.status.set_aside == 1
            assert crew.runner.status.recoveries == 3
    (entry,) = [e.change for e in world.journal() if isinstance(e.change, SetAside)]
    assert (entry.lane, entry.offset) == ("water-0", 9)
    (letter,) = [msgspec.json.decode(message.body) for message in world.told("dead_letter")]
    assert letter["reason"] == "not_judged"
    assert "ZeroDivisionError" in letter["detail"]
    _, golden = world.replayed()
    assert {kind: world.told(kind) for kind in KINDS} == {
        kind: [m for m in golden if m.kind == kind] for kind in KINDS
    }
    assert len(world.told("current")) == 19


@pytest.mark.parametrize(("reason", "recoveries"), [(POISON, 1), (LATE_POISON, 2)])
async def test_a_command_that_raises_is_refused(
    world: DeskWorld, reason: str, recoveries: int
) -> None:
    world.desk_for = partial(PlainDesk, touchy=True)
    with world.context() as context:
        async with on_duty(world, context) as crew:
            world.ring("water-0", alarm(1))
            await crew.caught_up()
            world.command(kind="acknowledge", target=alarm_id(1), reason=reason)
            world.command(kind="acknowledge", target=alarm_id(1))
            await crew.caught_up()
            assert crew.runner.status.recoveries == recoveries
    (letter,) = [msgspec.json.decode(message.body) for message in world.told("dead_letter")]
    assert letter["reason"] == "not_judged"
    assert len(world.told("current")) == 2


async def test_a_slice_that_retention_took_stops_the_stage_and_rings(world: DeskWorld) -> None:
    with world.context() as context:
        async with on_duty(world, context) as crew:
            world.ring("water-0", *(alarm(n) for n in range(30)))
            await crew.caught_up()
            await crew.kill()
        world.broker.forget(place_of("water-0"), 12)
        async with on_duty(world, context) as crew:
            await crew.until(lambda: crew.runner.status.phase == "failed")
            await crew.task
    assert "are lost" in crew.runner.status.trouble
    (stopped,) = world.told("notice")
    assert stopped.key == b"n-desk-0-data_loss"


async def test_a_build_that_tells_something_else_stops_and_rings(world: DeskWorld) -> None:
    class Louder(PlainDesk):
        def take(self, alarm: Alarm) -> list[Message]:
            return [*super().take(alarm), Message("notice", b"n-louder", b"{}")]

    with world.context() as context:
        async with on_duty(world, context) as crew:
            world.ring("water-0", *(alarm(n) for n in range(30)))
            await crew.caught_up()
            await crew.kill()
    world.desk_for = Louder
    with world.context() as context:
        async with on_duty(world, context) as crew:
            await crew.until(lambda: crew.runner.status.phase == "failed")
            await crew.task
    assert [message.key for message in world.told("notice")] == [b"n-desk-0-diverged"]


async def test_a_damaged_snapshot_gives_way_to_the_one_before(world: DeskWorld) -> None:
    day = await lived(world)
    newest = Path(world.state) / world.manifests()[-1].snapshot
    newest.write_bytes(b"damaged")
    with world.context() as context:
        async with on_duty(world, context) as crew:
            day.ring()
            await crew.caught_up()
            assert crew.runner.status.damaged_snapshots == 1
            await crew.drain()
    day.assert_told_once()


async def test_a_running_stage_takes_another_configuration_over_and_a_successor_repeats_it(
    world: DeskWorld,
) -> None:
    with world.context() as context:
        async with on_duty(world, context) as crew:
            world.ring("water-0", alarm(1, colour="red"))
            await crew.caught_up()
            context.deployed.config = "second"
            await crew.until(lambda: DeskSwap("second") in [e.change for e in world.journal()])
            world.ring("water-0", alarm(2, colour="red"))
            await crew.caught_up()
            assert crew.runner.status.recoveries == 1
            await crew.kill()
        async with on_duty(world, context) as crew:
            await crew.caught_up()
            assert crew.runner.status.open == {"alarms": 2, "incidents": 2}
    assert [e.change for e in world.journal()].count(DeskSwap("second")) == 1
