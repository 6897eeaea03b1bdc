"""What cannot be judged is passed over, said once, and its lane goes on; an outage never is."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from contracts.errors import Damaged, Fenced, RetryableError, Unreadable
from contracts.journal import (
    Disregard,
    Entry,
    Promote,
    Quarantine,
    Refuse,
    Rollback,
    Shadow,
    ShadowCommand,
    Shelve,
    Swap,
    Tick,
    encode_entry,
)
from contracts.lane import LaneName
from contracts.ports.lane_parts import Parts
from pipeline.lane.lane import Lane
from pipeline.lane.replay import replay
from pipeline.snapshot.lane_state import freeze, thaw
from pipeline.snapshot.store import pack, unpack
from pipeline.worker.lane_context import LaneContext
from pipeline.worker.lane_runner import IN_VAIN_MAX
from tests.testkit.day import Day
from tests.testkit.planned_faults import Step
from tests.testkit.world import JOURNAL, Crew, World, holding

pytestmark = pytest.mark.slow

POISON = 7.777
BUG = ZeroDivisionError("a bug in a kernel")


@dataclass
class Bug:
    """A scorer that raises at one value, as often as it is told to, and else does its work."""

    scorer: Any
    errors: list[Exception] = field(default_factory=list)
    always: Exception | None = BUG

    def __getattr__(self, name: str) -> Any:
        return getattr(self.scorer, name)

    def score(self, batch: Any, disposition: Any, span: tuple[int, int], *rest: Any) -> Any:
        if (batch.value[span[0] : span[1]] == POISON).any():
            error = self.errors.pop() if self.errors else self.always
            if error is not None:
                raise error
        return self.scorer.score(batch, disposition, span, *rest)


def bugs(world: World, **how: Any) -> Callable[[str, LaneName], Parts]:
    """A build with a bug."""

    def parts_for(config: str, name: LaneName) -> Parts:
        parts = world.plans.parts_for(config, name)
        return replace(parts, scorer=Bug(parts.scorer, **how))

    return parts_for


def poison(day: Day, count: int = 1) -> None:
    """Add a message with a value that cannot be judged, between others."""
    clock, stream = day.world.clock, day.world.streams[day.number]
    for _ in range(count):
        body = {"channel": day.channels[0], "time": clock.time_ms, "value": POISON}
        stream.add([(clock.time_ms, json.dumps(body).encode())])
        clock.time_ms += 25


def entries(world: World, kind: type, number: int = 0) -> list[Any]:
    return [e.change for _, e in world.journal(number) if isinstance(e.change, kind)]


def letters(world: World, reason: str = "not_judged") -> list[dict[str, Any]]:
    told = [json.loads(message.body) for message in world.told()["dead_letter"]]
    return [letter for letter in told if letter["reason"] == reason]


def judge(world: World) -> None:
    """Told equals a replay of the journal by a build without the bug."""
    golden = world.golden()
    for kind, told in world.told().items():
        assert told == [message for message in golden if message.kind == kind], kind
        assert len(told) > 0


async def poisoned_day(crew: Crew, day: Day, count: int = 1) -> None:
    day.readings()
    poison(day, count)
    day.readings()
    await day.caught_up(crew)


async def live(world: World, day: Day, count: int = 1, **how: Any) -> int:
    """A day with poison in it under a build with a bug; how often the lane was recovered."""
    with world.context(parts_for=bugs(world, **how)) as context:
        async with holding(world, context) as crew:
            await poisoned_day(crew, day, count)
            await crew.drain()
    return crew.runner.status.recoveries


async def test_a_record_that_cannot_be_judged_is_passed_over_and_said_once(world: World) -> None:
    day = Day(world)
    assert await live(world, day) in {3, 4}, "alone in its poll, or among others"
    judge(world)
    (entry,) = entries(world, Quarantine)
    (letter,) = letters(world)
    assert letter["offset"] == entry.offset
    assert "ZeroDivisionError('a bug in a kernel')" in letter["detail"]
    assert json.loads(letter["payload"])["value"] == POISON
    (alarm,) = world.stopped_alarm()
    assert (alarm.rule.name, alarm.colour) == ("data_loss", "orange")
    assert (alarm.evidence[0].first, alarm.evidence[0].last) == (entry.offset, entry.offset)


async def test_the_next_build_repeats_what_was_passed_over(world: World) -> None:
    day = Day(world)
    await live(world, day)
    told = world.told()
    with world.context() as context:
        async with holding(world, context) as crew:
            await day.caught_up(crew)
            await crew.drain()
    assert crew.runner.status.recoveries == 1
    assert world.told() == told


@pytest.mark.parametrize("count", [2, 3])
async def test_each_of_several_is_passed_over(world: World, count: int) -> None:
    day = Day(world)
    await live(world, day, count)
    judge(world)
    assert len(entries(world, Quarantine)) == count == len(letters(world))
    assert len(world.stopped_alarm()) == count


@pytest.mark.parametrize("step", [Step.BEGIN, Step.BETWEEN, Step.COMMIT, Step.ANSWER])
@pytest.mark.parametrize("on", [2, 3, 4, 5])
async def test_a_crash_meanwhile_changes_nothing(world: World, step: Step, on: int) -> None:
    world.faults.fail(step, on)
    day = Day(world)
    await live(world, day)
    judge(world)
    assert len(entries(world, Quarantine)) == 1 == len(letters(world))
    assert len(world.stopped_alarm()) == 1


async def test_other_lanes_are_not_moved(world: World) -> None:
    day, calm = Day(world), Day(world, number=1)
    with world.context(parts_for=bugs(world)) as context:
        async with holding(world, context) as crew, holding(world, context, 1) as others:
            calm.readings()
            await poisoned_day(crew, day)
            await calm.caught_up(others)
            await crew.drain()
            await others.drain()
    assert others.runner.status.recoveries == 1
    assert len(letters(world)) == 1
    assert not entries(world, Quarantine, number=1)


@pytest.mark.parametrize("error", [OSError("disk"), MemoryError(), RetryableError("broker", 0.001)])
async def test_what_the_world_does_sets_nothing_aside(world: World, error: Exception) -> None:
    day, errors = Day(world), [error] * 6
    recoveries = await live(world, day, errors=errors, always=None)
    assert recoveries == 7
    judge(world)
    assert not entries(world, Quarantine)
    assert not letters(world)


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (OSError("disk"), "files"),
        (RetryableError("broker", 0.001), "brokers"),
        (Fenced("another owner"), "fenced"),
        (MemoryError(), "other"),
        (BUG, "input"),
    ],
)
async def test_errors_are_counted_by_whose_doing_they_are(
    world: World, error: Exception, cause: str
) -> None:
    with world.context(parts_for=bugs(world, errors=[error], always=None)) as context:
        async with holding(world, context) as crew:
            await poisoned_day(crew, Day(world))
            await crew.drain()
    assert crew.runner.status.errors == {cause: 1}


async def test_an_error_that_does_not_come_again_sets_nothing_aside(world: World) -> None:
    day, errors = Day(world), [BUG]
    assert await live(world, day, errors=errors, always=None) == 2
    judge(world)
    assert not entries(world, Quarantine)


async def test_a_command_that_raises_is_refused_and_the_lane_goes_on(world: World) -> None:
    def parts_for(config: str, name: LaneName) -> Parts:
        parts = world.plans.parts_for(config, name)
        scorer = Bug(parts.scorer)
        scorer.accept = raising  # type: ignore[attr-defined]
        return replace(parts, scorer=scorer)

    day = Day(world)
    with world.context(parts_for=parts_for) as context:
        async with holding(world, context) as crew:
            day.readings()
            await day.caught_up(crew)
            day.command({"kind": "accept", "channel": day.channels[0]})
            await day.caught_up(crew)
            await crew.drain()
    assert crew.runner.status.recoveries == 2
    (refused,) = entries(world, Refuse)
    assert refused.reason == "not_judged"
    assert len(letters(world)) == 1
    judge(world)


def raising(*_: object) -> None:
    raise BUG


async def test_a_command_whose_judging_raises_is_refused_at_once(world: World) -> None:
    def parts_for(config: str, name: LaneName) -> Parts:
        if config == "0" * 16:
            raise BUG
        return world.plans.parts_for(config, name)

    day = Day(world)
    with world.context(parts_for=parts_for) as context:
        async with holding(world, context) as crew:
            day.readings()
            await day.caught_up(crew)
            day.command({"kind": "shadow", "config": "0" * 16})
            await day.caught_up(crew)
            await crew.drain()
    assert crew.runner.status.recoveries == 1
    (refused,) = entries(world, Refuse)
    assert refused.reason == "not_judged"
    judge(world)


async def test_a_timer_that_raises_is_no_record_and_the_lane_says_that_it_stands(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    class Deaf:
        def __init__(self, silence: Any) -> None:
            self.silence = silence

        def __getattr__(self, name: str) -> Any:
            return getattr(self.silence, name)

        def fire(self, lane_time_s: int) -> Any:
            found = self.silence.fire(lane_time_s)
            return raising() if len(found.changes) else found

    def parts_for(config: str, name: LaneName) -> Parts:
        parts = world.plans.parts_for(config, name)
        return replace(parts, silence=Deaf(parts.silence))

    day = Day(world)
    with world.context(parts_for=parts_for) as context:
        async with holding(world, context) as crew:
            day.readings(20)
            await day.caught_up(crew)
            world.clock.time_ms += 3_600_000
            await crew.until(lambda: crew.runner.status.in_vain > IN_VAIN_MAX)
            day.readings(1)
            await crew.until(lambda: crew.runner.status.in_vain > 2 * IN_VAIN_MAX)
    assert not entries(world, Quarantine), "neither the tick nor the record after it is to blame"
    (said,) = [r for r in caplog.records if "got no further than offset" in r.getMessage()]
    assert "ZeroDivisionError" in said.getMessage()


async def stood(world: World, context: LaneContext) -> str:
    """What a lane says that stops at once."""
    async with holding(world, context) as crew:
        await crew.until(lambda: crew.runner.status.phase == "failed")
    assert crew.runner.status.recoveries == 1
    return crew.runner.status.trouble


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000, b"", b'{"at":-1}'])
async def test_what_is_no_entry_in_the_journal_stops_the_lane_and_rings(
    world: World, body: bytes
) -> None:
    day = Day(world)
    await live(world, day, always=None)
    world.broker.put(JOURNAL.format(0), body)
    with world.context() as context:
        assert "expected the lane's own Entry" in await stood(world, context)
    (alarm,) = world.stopped_alarm()
    assert alarm.rule.name == "diverged"


NOBODYS = "f" * 16


def without(world: World, errors: list[Exception] | None = None) -> Callable[..., Parts]:
    """A state location that holds no bundle of one hash, or does not say so at first."""
    left = [*(errors or [])]

    def parts_for(config: str, name: LaneName) -> Parts:
        if config == NOBODYS:
            raise left.pop() if left else Damaged("expected a file, got none")
        return world.plans.parts_for(config, name)

    return parts_for


FORGED: list[Swap | ShadowCommand] = [
    Swap(NOBODYS),
    Shadow(config=NOBODYS, by="x", reason="y"),
    Promote(config=NOBODYS, by="x", reason="y"),
    Rollback(config=NOBODYS, by="x", reason="y"),
]


@pytest.mark.parametrize("change", FORGED, ids=lambda change: type(change).__name__)
async def test_an_entry_about_a_configuration_that_is_not_there_is_passed_over_and_said_once(
    world: World, change: Any
) -> None:
    day = Day(world)
    await live(world, day, always=None)
    told = world.told()
    end = world.streams[0].end
    forged = world.broker.put(JOURNAL.format(0), encode_entry(Entry(end, change)))
    for lives in (3, 1):
        with world.context(parts_for=without(world)) as context:
            async with holding(world, context) as crew:
                day.readings(20)
                await day.caught_up(crew)
                await crew.drain()
        assert crew.runner.status.recoveries == lives
        assert crew.runner.status.set_aside == lives // 3
    (entry,) = entries(world, Disregard)
    assert entry.entry == forged
    (alarm,) = world.stopped_alarm()
    assert (alarm.rule.name, alarm.colour, alarm.evidence) == ("data_loss", "orange", [])
    assert f"the entry at offset {forged} of its journal" in alarm.say["en"]
    assert all(world.told()[kind][: len(told[kind])] == told[kind] for kind in told)
    judge(world)


async def test_several_such_entries_are_passed_over_between_the_lane_s_own(world: World) -> None:
    day = Day(world)
    with world.context(parts_for=without(world)) as context:
        async with holding(world, context) as crew:
            for seconds in (60, 120):
                day.readings(50)
                await day.caught_up(crew)
                forged = Entry(crew.runner.status.position, FORGED[0])
                world.broker.put(JOURNAL.format(0), encode_entry(forged))
                day.command({"kind": "shelve", "channel": day.channels[0], "seconds": seconds})
                await day.caught_up(crew)
            await crew.kill()
        async with holding(world, context) as crew:
            day.readings(50)
            await day.caught_up(crew)
            await crew.drain()
    assert len(entries(world, Disregard)) == 2 == len(entries(world, Shelve))
    assert len(world.stopped_alarm()) == 1
    judge(world)


async def test_all_entries_that_name_a_bundle_that_is_not_there_are_passed_over_at_once(
    world: World,
) -> None:
    day = Day(world)
    await live(world, day, always=None)
    for change in FORGED * 10:
        forged = Entry(world.streams[0].end, change)
        world.broker.put(JOURNAL.format(0), encode_entry(forged))
    with world.context(parts_for=without(world)) as context:
        async with holding(world, context) as crew:
            day.readings(20)
            await day.caught_up(crew)
            await crew.drain()
    assert crew.runner.status.recoveries == 3
    assert len(entries(world, Disregard)) == 10 * len(FORGED)
    assert len(world.stopped_alarm()) == 1
    judge(world)


async def test_a_disk_that_does_not_answer_disregards_no_entry(world: World) -> None:
    day = Day(world)
    await live(world, day, always=None)
    away: list[Exception] = [OSError("disk"), Unreadable("no answer")] * 2
    swap = Swap(world.plans.second.configuration.hash)

    def parts_for(config: str, name: LaneName) -> Parts:
        if config == swap.config and away:
            raise away.pop()
        return world.plans.parts_for(config, name)

    world.broker.put(JOURNAL.format(0), encode_entry(Entry(world.streams[0].end, swap)))
    with world.context(parts_for=parts_for) as context:
        async with holding(world, context) as crew:
            day.readings(20)
            await day.caught_up(crew)
            await crew.drain()
    assert crew.runner.status.recoveries == 5
    assert not entries(world, Disregard)
    judge(world)


async def test_an_entry_for_a_position_that_has_passed_stops_the_lane_and_rings(
    world: World,
) -> None:
    day = Day(world)
    await live(world, day, always=None)
    world.broker.put(JOURNAL.format(0), encode_entry(Entry(1, Tick(1_700_000_000))))
    with world.context() as context:
        trouble = await stood(world, context)
    assert "expected a journal entry for a position from" in trouble
    assert len(trouble) < 500
    assert len(world.stopped_alarm()) == 1


async def test_an_entry_for_a_position_beyond_the_log_is_waited_for_and_said(world: World) -> None:
    day = Day(world)
    await live(world, day, always=None)
    end = world.streams[0].end
    world.broker.put(JOURNAL.format(0), encode_entry(Entry(end + 1, Tick(1_700_000_000))))
    with world.context() as context:
        async with holding(world, context) as crew:
            await crew.until(lambda: bool(crew.runner.status.trouble))
            assert f"up to offset {end + 1}, of which" in crew.runner.status.trouble
            assert crew.runner.status.phase == "replaying"
            day.readings()
            await day.caught_up(crew)
            assert not crew.runner.status.trouble
            await crew.drain()
    assert crew.runner.status.recoveries == 1


def test_a_snapshot_keeps_what_is_to_be_passed_over(world: World) -> None:
    day, name = Day(world), world.name()
    day.readings(50)
    poison(day)
    day.readings(50)
    records = world.streams[0].records()
    config = world.plans.first.configuration.hash
    place = next(
        i for i in range(len(records)) if str(POISON).encode() in bytes(records.payload(i) or b"")
    )
    offset = int(records.offset[place])

    def lane() -> Lane:
        return Lane(name, bugs(world)(config, name), lambda c: bugs(world)(c, name))

    journal = [(0, Entry(0, Quarantine(offset, "a bug")))]
    whole = list(replay(lane(), [records], journal))
    cut = lane()
    told = list(replay(cut, [records.cut(0, place)], journal))
    cut = thaw(name, unpack(pack(freeze(cut))), cut.parts_for)
    told += replay(cut, [records.cut(place, len(records))], [])
    assert told == whole
    assert not cut.set_aside
