"""Anything in any order: appends, crashes, rebalances, zombies, commands, ticks, damaged files.

The model is the plainest there is: a replay over the telemetry and the committed journal. Whatever
happened on the way, the world was told exactly that, once, in its order.
"""

import asyncio
import gc
import shutil
import tempfile
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from pipeline.worker import lane_runner
from pipeline.worker.lane_runner import LaneRunner
from tests.testkit.day import Day
from tests.testkit.memory_ports import MemoryTelemetry
from tests.testkit.planned_faults import Step
from tests.testkit.soak import rounds_left
from tests.testkit.world import Crew, Plans, World

EXAMPLES, SOAK_EXAMPLES, PER_ROUND, STEPS = 300, 10_000, 500, 12
WAKE_S = 0.002
FEW = 120
STAND_S = 0.05
# A drained or crashed lane passes these while it comes and goes; a blow there is another rule's.
BLOWS = [step for step in Step if step is not Step.MEMBERSHIP]
HANGS = [Step.FENCE, Step.FETCH, Step.BEGIN, Step.BETWEEN, Step.COMMIT, Step.PUBLISH, Step.GROUP]


class Lanes(RuleBasedStateMachine):
    """One lane under workers that come, go, die and stand still."""

    plans: ClassVar[Plans]
    passed: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.open = ExitStack()
        self.folder = Path(tempfile.mkdtemp(prefix="tocsin-machine-"))
        self.world = World(self.plans, self.folder / "state")
        self.day = Day(self.world)
        self.zombies: list[tuple[asyncio.Event, LaneRunner, asyncio.Task[None]]] = []
        self.damaged: set[str] = set()
        self.crew = self.loop.run(self._hired())

    async def _hired(self) -> Crew:
        return Crew(self.world, self.open.enter_context(self.world.context()))

    @rule(messages=st.integers(20, 150))
    def append(self, messages: int) -> None:
        """Telemetry comes; whether the lane takes it now is chance."""
        self.passed["append"] += 1
        self.day.readings(messages)
        self.loop.run(asyncio.sleep(0))

    @rule()
    def fetch(self) -> None:
        """The lane takes and tells all that is there."""
        self.passed["fetch"] += 1
        self.loop.run(self.day.caught_up(self.crew))

    @rule(milliseconds=st.integers(0, 5))
    def pause(self, milliseconds: int) -> None:
        """The lane gets some time, and stops anywhere."""
        self.passed["pause"] += 1
        self.loop.run(asyncio.sleep(milliseconds / 1000))

    @rule(step=st.sampled_from(BLOWS), on=st.integers(1, 3))
    def crash(self, step: Step, on: int) -> None:
        """The next pass through a step fails."""
        self.passed["crash"] += 1
        self.world.faults.fail(step, on)

    @rule()
    def kill(self) -> None:
        """The worker dies without a goodbye, and another one begins."""
        self.passed["kill"] += 1

        async def die() -> None:
            await self.crew.kill()
            self.crew = await self._hired()

        self.loop.run(die())

    @rule()
    def rebalance(self) -> None:
        """The group takes the lane away, which is drained, and gives it to another worker."""
        self.passed["rebalance"] += 1

        async def move() -> None:
            await self.crew.drain()
            self.crew = await self._hired()

        self.loop.run(move())

    @rule(step=st.sampled_from(HANGS))
    def stand_still(self, step: Step) -> None:
        """The worker stands still at a step, is replaced, and wakes up some time later."""
        faults = self.world.faults
        release = faults.hang(step)

        async def replace() -> None:
            former = self.world.telemetry
            self.day.readings(20)
            until = self.loop.get_loop().time() + STAND_S
            while faults.held_by is not release and self.loop.get_loop().time() < until:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            if faults.held_by is not release:
                release.set()  # it does not come by here; if it does later, it walks on
                return
            self.passed["stand still"] += 1
            former.member = False
            self.zombies.append((release, self.crew.runner, self.crew.task))
            self.crew = await self._hired()

        self.loop.run(replace())

    @rule()
    def wake(self) -> None:
        """A zombie goes on where it stood."""
        if self.zombies:
            self.passed["wake"] += 1
            release, _, _ = self.zombies.pop()
            release.set()
            self.loop.run(asyncio.sleep(WAKE_S))

    @rule(place=st.integers(0, 3), kind=st.sampled_from(["shelve", "unshelve", "accept"]))
    def command(self, place: int, kind: str) -> None:
        """An operator wants something."""
        self.passed["command"] += 1
        seconds = {"seconds": 2 + place} if kind == "shelve" else {}
        self.day.command({"kind": kind, "channel": self.day.channels[place], **seconds})

    @rule(second=st.booleans())
    def reload(self, second: bool) -> None:
        """The worker is to run another configuration, or the one it runs."""
        self.passed["reload"] += 1
        plan = self.plans.second if second else self.plans.first
        self.crew.context.deployed.config = plan.configuration.hash

    @rule(seconds=st.integers(1, 20))
    def tick(self, seconds: int) -> None:
        """Time passes without a record."""
        self.passed["tick"] += 1
        self.world.clock.time_ms += 1_000 * seconds

    @rule()
    def damage(self) -> None:
        """A snapshot file goes bad, while another one is whole."""
        files = [self.world.state / manifest.snapshot for manifest in self.world.manifests()]
        whole = [f for f in files if f.exists() and f.name not in self.damaged]
        if len(whole) > 1:
            self.passed["damage"] += 1
            self.damaged.add(whole[-1].name)
            whole[-1].write_bytes(b"TOCSIN, but not whole")

    def teardown(self) -> None:
        try:
            self.loop.run(self._end())
        finally:
            self.open.close()
            self.loop.close()
            shutil.rmtree(self.folder)

    async def _end(self) -> None:
        self.world.faults.calm()
        await self.day.caught_up(self.crew)
        for release, _, _ in self.zombies:
            self.passed["wake"] += 1
            release.set()
        await asyncio.sleep(WAKE_S if self.zombies else 0)
        for _, zombie, _ in self.zombies:
            zombie.stop()
        await asyncio.gather(*(task for _, _, task in self.zombies), return_exceptions=True)
        # One of them may have fenced the owner while it left: another one tells what is left.
        await self.crew.drain()
        self.crew = await self._hired()
        await self.day.caught_up(self.crew)
        await self.crew.drain()
        (lane, golden), told = self.world.replayed(), self.world.told()
        seen = self.crew.runner.status.accounts  # empty before the first reading of all
        assert seen == lane.accounts.counts() or not lane.accounts.received
        for kind, messages in told.items():
            assert messages == [m for m in golden if m.kind == kind], kind
        assert self.world.shelvings() == [m for m in golden if m.kind == "shelving"]
        keys = [m.key + m.body for m in told["alarm"]]
        assert len(keys) == len(set(keys))
        assert self.world.stopped_alarm() == []
        self.passed["alarms"] += len(keys)
        self.passed["blows"] += len(self.world.faults.fallen)


def drive(examples: int) -> Counter[str]:
    """Run the machine; how often each rule did something."""
    Lanes.passed = Counter()
    gc.collect()  # Python 3.11 cannot parse a source while it collects, which Hypothesis lets it do
    run_state_machine_as_test(
        Lanes,
        settings=settings(
            max_examples=examples,
            phases=[Phase.generate],
            database=None,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
    return Lanes.passed


@pytest.fixture
def machine(plans: Plans, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane_runner, "RETRY_S", 0.001)
    monkeypatch.setattr(lane_runner, "RETRY_S_MAX", 0.01)
    monkeypatch.setattr(Lanes, "plans", plans, raising=False)


def assert_busy(passed: Counter[str], share: float) -> None:
    """Every rule did something, often enough to matter."""
    rules = (
        "append",
        "fetch",
        "pause",
        "tick",
        "command",
        "kill",
        "rebalance",
        "wake",
        "blows",
        "reload",
    )
    least = dict.fromkeys(rules, 0.15) | {"damage": 0.02, "alarms": 2.0}
    idle = {name for name, times in least.items() if passed[name] < times * share}
    assert not idle, passed


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("machine")
def test_whatever_happens_the_world_is_told_what_a_replay_tells() -> None:
    assert_busy(drive(EXAMPLES), EXAMPLES)


@pytest.mark.slow
@pytest.mark.usefixtures("machine")
def test_the_machine_finds_a_lane_that_skips_a_record_when_it_recovers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seek = MemoryTelemetry.seek

    async def skip(self: MemoryTelemetry, lane: int, offset: int) -> None:
        await seek(self, lane, offset + 1 if offset else offset)

    monkeypatch.setattr(MemoryTelemetry, "seek", skip)
    with pytest.raises((AssertionError, ExceptionGroup, Flaky)):
        drive(FEW)


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.usefixtures("machine")
def test_ten_thousand_examples_hold_too() -> None:
    for _ in rounds_left("machine", first=1, last=SOAK_EXAMPLES // PER_ROUND):
        assert_busy(drive(PER_ROUND), PER_ROUND)
