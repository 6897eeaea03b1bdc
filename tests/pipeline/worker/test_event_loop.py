"""What grows with channels runs off the event loop, which turns meanwhile."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from contracts.journal import Refuse, Shadow, Shelve, Swap, Tick, Warm
from contracts.lane import LaneName
from contracts.ports.lane_parts import Parts
from contracts.records import Records
from pipeline.lane.dead_letters import NOT_JUDGED
from pipeline.lane.lane import Lane
from pipeline.snapshot.lane_state import learned
from pipeline.snapshot.store import SnapshotStore
from pipeline.worker import lane_loop
from tests.testkit.day import Day
from tests.testkit.planned_faults import Step
from tests.testkit.world import WAIT_S, Crew, World, holding

MakeParts = Callable[[str, LaneName], Parts]

# Takes the same time however many channels there are.
CHEAP = {"bound_s", "colours", "seconds", "time_by"}


class Watched:
    """A part of a lane that notes what is asked of it on the thread of the event loop."""

    def __init__(self, part: Any, loop: int, on_loop: set[str]) -> None:
        self._part, self._loop, self._on_loop = part, loop, on_loop

    def __getattr__(self, name: str) -> Any:
        if threading.get_ident() == self._loop and name not in CHEAP:
            self._on_loop.add(f"{type(self._part).__name__}.{name}")
        return getattr(self._part, name)


def watched(make: MakeParts, on_loop: set[str]) -> MakeParts:
    """Parts of which every one is watched, and their making too."""
    loop = threading.get_ident()

    def parts_for(config: str, name: LaneName) -> Parts:
        if threading.get_ident() == loop:
            on_loop.add("parts_for")
        parts = make(config, name)
        names = ("admission", "scorer", "silence", "book")
        around: dict[str, Any] = {
            part: Watched(getattr(parts, part), loop, on_loop) for part in names
        }
        return replace(parts, **around)

    return parts_for


async def stage(day: Day, crew: Crew, kind: str, config: str) -> None:
    """Send a command about a shadow, and wait until it has taken effect."""
    day.command({"kind": kind, "config": config})
    await day.caught_up(crew)


def leave_warm(world: World) -> None:
    """Leave what a lane learned where lanes that begin look for it."""
    store, plan, name = SnapshotStore(world.location), world.plans.first, world.name()
    lane = Lane(name, plan.parts(0), lambda config: world.plans.parts_for(config, name))
    store.put_warm(str(name), learned(lane))


async def test_no_part_of_a_lane_is_touched_on_the_event_loop(world: World) -> None:
    plans, on_loop = world.plans, set[str]()
    second = plans.second.configuration.hash
    leave_warm(world)
    day = Day(world)
    parts_for = watched(plans.parts_for, on_loop)
    with world.context(parts_for=parts_for) as context:
        async with holding(world, context) as crew:
            await day.pass_by(crew)
            await stage(day, crew, "shadow", second)
            day.readings()
            world.faults.fail(Step.COMMIT)  # and everything is replayed
            await day.caught_up(crew)
            await stage(day, crew, "promote", second)
            await stage(day, crew, "rollback", second)
            await crew.drain()
            assert crew.runner.status.recoveries > 1
    with world.context(plans.second, parts_for) as context:
        async with holding(world, context) as crew:
            await day.caught_up(crew)
            await crew.drain()
    changes = {type(entry.change) for _, entry in world.journal()}
    assert changes >= {Tick, Shelve, Shadow, Swap, Warm}
    assert on_loop == set()


async def test_what_is_taken_is_judged_in_pieces_so_that_other_lanes_have_turns(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    most_bytes, judged, feeding = 300, list[Records](), Lane.feeding

    def noted(lane: Lane, records: Records) -> Iterator[None]:
        judged.append(records)
        return feeding(lane, records)

    monkeypatch.setattr(lane_loop, "JUDGED_BYTES", most_bytes)
    with monkeypatch.context() as noting, world.context() as context:
        noting.setattr(Lane, "feeding", noted)
        async with holding(world, context) as crew:
            await Day(world).pass_by(crew)
            await crew.drain()
    pieces = [piece for piece in judged if len(piece) > 1]
    assert pieces
    assert max(int(np.maximum(piece.length, 0).sum()) for piece in pieces) <= most_bytes
    told, golden = world.told()["alarm"], world.golden()
    assert told
    assert told == [message for message in golden if message.kind == "alarm"]


class Barrier:
    """Makes parts of one configuration only once it is opened."""

    def __init__(self, make: MakeParts, config: str) -> None:
        self._make, self._config = make, config
        self.reached, self.open = threading.Event(), threading.Event()
        self.error: Exception | None = None

    def parts_for(self, config: str, name: LaneName) -> Parts:
        if config == self._config:
            self.reached.set()
            assert self.open.wait(WAIT_S), "the event loop stands"
            if self.error is not None:
                error, self.error = self.error, None
                raise error
        return self._make(config, name)


@pytest.fixture
def barrier(world: World) -> Iterator[Barrier]:
    plans = world.plans
    barrier = Barrier(plans.parts_for, plans.second.configuration.hash)
    yield barrier
    barrier.open.set()


def equals_its_replay(world: World) -> None:
    """What was told, and what the shadow told, is what a calm replay of the journal tells."""
    golden, told = world.golden(), {**world.told(), "shadow": world.whispered()}
    for kind, messages in told.items():
        assert messages == [m for m in golden if m.kind == kind], kind
        assert len(messages) > 5, f"an idle day: {len(messages)} {kind}"


async def test_the_loop_turns_while_a_shadow_begins(world: World, barrier: Barrier) -> None:
    day = Day(world)
    with world.context(parts_for=barrier.parts_for) as context:
        async with holding(world, context) as crew:
            day.readings()
            await day.caught_up(crew)
            day.command({"kind": "shadow", "config": world.plans.second.configuration.hash})
            await crew.until(barrier.reached.is_set)
            fetched = world.faults.reached[Step.FETCH]
            day.readings()
            await crew.until(lambda: world.faults.reached[Step.FETCH] > fetched)
            assert world.journal() == []  # neither entry nor effect is seen yet
            barrier.open.set()
            await day.caught_up(crew)
            await crew.until(lambda: crew.runner.status.shadow is not None)
            await day.pass_by(crew)
            await crew.drain()
    assert crew.runner.status.recoveries == 1
    equals_its_replay(world)


async def test_the_loop_turns_while_a_lane_changes_its_configuration(
    world: World, barrier: Barrier
) -> None:
    day = Day(world)
    with world.context() as context:
        async with holding(world, context) as crew:
            await day.pass_by(crew)
            await crew.drain()
    with world.context(world.plans.second, barrier.parts_for) as context:
        async with holding(world, context) as crew:
            await crew.until(barrier.reached.is_set)
            assert crew.runner.status.phase == "replaying"
            barrier.open.set()
            day.readings()
            await day.caught_up(crew)
            await crew.drain()
    assert Swap in {type(entry.change) for _, entry in world.journal()}
    assert crew.runner.status.recoveries == 1
    day.judge()


async def test_a_lane_killed_while_an_entry_takes_effect_tells_all_of_it_or_nothing(
    world: World, barrier: Barrier
) -> None:
    day = Day(world)
    with world.context(parts_for=barrier.parts_for) as context:
        async with holding(world, context) as crew:
            day.readings()
            await day.caught_up(crew)
            day.command({"kind": "shadow", "config": world.plans.second.configuration.hash})
            await crew.until(barrier.reached.is_set)
            await crew.kill()  # its thread goes on, on a lane that is nobody's any more
            assert world.journal() == []
        async with holding(world, context) as heir:
            barrier.open.set()
            await day.pass_by(heir)
            await heir.drain()
    assert [type(entry.change) for _, entry in world.journal()].count(Shadow) == 1
    equals_its_replay(world)


async def test_a_command_that_fails_on_its_thread_is_refused_and_the_lane_goes_on(
    world: World, barrier: Barrier
) -> None:
    day = Day(world)
    barrier.error = ZeroDivisionError("a bug")
    with world.context(parts_for=barrier.parts_for) as context:
        async with holding(world, context) as crew:
            day.readings()
            await day.caught_up(crew)
            shadow: dict[str, object] = {
                "kind": "shadow",
                "config": world.plans.second.configuration.hash,
            }
            day.command(shadow)
            day.command(shadow)  # the bug does not come again
            barrier.open.set()
            await day.pass_by(crew)
            await crew.drain()
    assert crew.runner.status.recoveries == 1
    refusals = [e.change for _, e in world.journal() if isinstance(e.change, Refuse)]
    assert [refused.reason for refused in refusals].count(NOT_JUDGED) == 1
    equals_its_replay(world)
