"""Shadows on lanes that die: told once each, promoted once, and the first thing to be let go of."""

from dataclasses import replace

import pytest

from contracts.journal import Promote, Refuse, Rollback, Shadow, Shed, Swap
from pipeline.worker.lane_context import LaneContext
from tests.testkit.day import Day
from tests.testkit.planned_faults import Step
from tests.testkit.world import PACE, Crew, Plans, World, holding

pytestmark = pytest.mark.slow

# Those at which a flush, a snapshot or a recovery is cut in two.
CRASHES = [
    (Step.BETWEEN, 3),
    (Step.COMMIT, 4),
    (Step.ANSWER, 3),
    (Step.FILED, 2),
    (Step.PUBLISHED, 2),
]


class ShadowedDay(Day):
    """A day on which another configuration plays along, takes over and is taken back."""

    @property
    def config(self) -> str:
        return self.world.plans.second.configuration.hash

    async def stage(self, kind: str, crew: Crew, config: str = "") -> None:
        """Send a command about the shadow, and wait until it has taken effect."""
        self.command({"kind": kind, "config": config or self.config})
        await self.caught_up(crew)

    async def pass_by(self, crew: Crew) -> None:
        self.readings()
        await self.caught_up(crew)
        await self.stage("shadow", crew)
        await super().pass_by(crew)
        await self.stage("promote", crew)
        self.readings()
        await self.caught_up(crew)
        await self.stage("rollback", crew)
        await self.stage("rollback", crew)  # in vain
        await self.stage("shadow", crew)
        self.readings(60)
        await self.caught_up(crew)

    def judge(self) -> None:
        """Alarms, dead letters and whispers are those of a calm replay of the same journal."""
        golden, told = self.world.golden(self.number), self.world.told(self.number)
        told["shadow"] = self.world.whispered()
        for kind, messages in told.items():
            assert messages == [m for m in golden if m.kind == kind], kind
            assert len(messages) > 5, f"an idle day: {len(messages)} {kind}"
        kinds = [type(entry.change) for _, entry in self.world.journal(self.number)]
        assert [kinds.count(kind) for kind in (Shadow, Promote, Rollback, Shed)] == [2, 1, 1, 0]
        assert Refuse in kinds
        mark = self.world.marks(self.number)[-1]
        assert mark.sequence == len(golden) - len(told["shadow"])
        assert mark.shadow_sequence == len(told["shadow"])


async def live_through(world: World, day: Day) -> int:
    with world.context() as context:
        async with holding(world, context) as crew:
            await day.pass_by(crew)
            await crew.drain()
    return crew.runner.status.recoveries


async def test_a_calm_day_equals_its_replay(world: World) -> None:
    day = ShadowedDay(world)
    assert await live_through(world, day) == 1
    day.judge()


@pytest.mark.parametrize(("step", "on"), CRASHES)
async def test_a_crash_at_any_step_changes_nothing_that_is_told(
    world: World, step: Step, on: int
) -> None:
    world.faults.fail(step, on)
    world.faults.fail(step, 3 * on)
    day = ShadowedDay(world, filing=True)
    assert await live_through(world, day) > 1
    day.judge()
    assert step in world.faults.fallen


async def promoted(world: World, context: LaneContext) -> ShadowedDay:
    """A day that ends after a promotion."""
    day = ShadowedDay(world)
    async with holding(world, context) as crew:
        day.readings()
        await day.caught_up(crew)
        await day.stage("shadow", crew)
        day.readings()
        await day.caught_up(crew)
        await day.stage("promote", crew)
        await crew.drain()
    return day


async def restarted(world: World, context: LaneContext, day: Day) -> None:
    async with holding(world, context) as crew:
        day.readings(50)
        await day.caught_up(crew)
        await crew.drain()


async def test_what_was_promoted_governs_on_until_it_or_something_else_is_deployed(
    world: World,
) -> None:
    plans = world.plans
    with world.context() as context:
        day = await promoted(world, context)
    with world.context() as same:  # still started with what was deployed before
        await restarted(world, same, day)
    assert world.manifests()[-1].config == plans.second.configuration.hash
    with world.context(plans.second) as settling:
        await restarted(world, settling, day)
    assert swaps(world) == [plans.second.configuration.hash]
    with world.context() as back:
        await restarted(world, back, day)
    assert swaps(world)[1:] == [plans.first.configuration.hash]
    golden = [m for m in world.golden() if m.kind == "alarm"]
    assert world.told()["alarm"] == golden


def swaps(world: World) -> list[str]:
    changes = [entry.change for _, entry in world.journal()]
    return [change.config for change in changes if isinstance(change, Swap)]


async def test_a_lane_with_too_much_to_do_lets_go_of_its_shadow_first(world: World) -> None:
    day = ShadowedDay(world)
    with world.context(pace=replace(PACE, shed_s=0.0)) as context:
        async with holding(world, context) as crew:
            day.readings()
            await day.caught_up(crew)
            await day.stage("shadow", crew)
            for _ in range(5):
                day.readings()
            await day.caught_up(crew)
            status = crew.runner.status
            await crew.until(lambda: status.sheds == 1 and status.shadow is None)
            await crew.drain()
    changes = [entry.change for _, entry in world.journal()]
    assert Shed("overload") in changes
    assert status.recoveries == 1
    golden = world.golden()
    assert world.told()["alarm"] == [m for m in golden if m.kind == "alarm"]
    assert world.whispered() == [m for m in golden if m.kind == "shadow"]


async def test_the_shadow_is_measured_against_what_rings(world: World) -> None:
    day = ShadowedDay(world)
    with world.context() as context:
        async with holding(world, context) as crew:
            day.readings()
            await day.caught_up(crew)
            await day.stage("shadow", crew)
            for _ in range(6):
                day.readings()
            await day.caught_up(crew)
            await crew.until(lambda: crew.runner.status.shadow is not None)
            shadow = crew.runner.status.shadow
            await crew.drain()
    assert shadow is not None
    assert shadow.config == day.config
    assert shadow.both > 3
    assert shadow.only_live > 0  # its delay is longer: short breaches ring only live
    assert sum(shadow.leads) == shadow.both
    assert shadow.live_per_day > shadow.shadow_per_day > 0
    assert crew.runner.status.shadow_outbox == len(world.whispered()) > 0


async def test_a_shadow_that_repeats_something_else_is_let_go_of(
    world: World, plans: Plans
) -> None:
    """Another build scores the shadow's bundle otherwise: the lane goes on without it."""
    day = ShadowedDay(world)
    with world.context(pace=replace(PACE, snapshot_readings=1_000_000)) as context:
        async with holding(world, context) as crew:
            day.readings()
            await day.caught_up(crew)
            await day.stage("shadow", crew)
            for _ in range(3):
                day.readings()
                await day.caught_up(crew)
            assert world.whispered()
            await crew.kill()
    second = plans.second.configuration.hash

    def changed(config: str, name: object) -> object:
        pick = plans.changed if config == second else plans.parts_for
        return pick(config, name)  # type: ignore[arg-type]

    with world.context(parts_for=changed) as context:  # type: ignore[arg-type]
        await restarted(world, context, day)
    changes = [entry.change for _, entry in world.journal()]
    assert Shed("diverged") in changes
    assert world.told()["alarm"] == [m for m in world.golden() if m.kind == "alarm"]
