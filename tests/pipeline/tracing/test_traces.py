"""One span for each micro-batch, and alarms that name the one that they come of."""

from dataclasses import dataclass, field, replace
from itertools import pairwise

from contracts.journal import Entry, Swap
from contracts.lane import LaneName
from contracts.ports.lane_log import Message, OutputMark
from tests.testkit.day import MESSAGES, Day
from tests.testkit.memory_ports import MemoryLog
from tests.testkit.planned_faults import Step
from tests.testkit.world import World, holding


@dataclass
class Span:
    """What became of one."""

    lane: str
    first: int
    records: int
    traceparent: bytes
    ends: list[str] = field(default_factory=list)

    def end(self) -> None:
        self.ends.append("told")

    def fail(self, why: str) -> None:
        self.ends.append(why)


class Spans:
    """`Tracer` that remembers."""

    def __init__(self) -> None:
        self.begun: list[Span] = []

    def micro_batch(self, lane: LaneName, first: int, records: int) -> Span:
        header = b"00-%032x-%016x-01" % (len(self.begun) + 1, 7)
        self.begun.append(Span(str(lane), first, records, header))
        return self.begun[-1]


class HeardLog(MemoryLog):
    """Remembers what it is handed, headers included."""

    handed: list[Message]

    async def flush(
        self, entries: list[Entry], messages: list[Message], mark: OutputMark
    ) -> tuple[int, int]:
        self.handed.extend(messages)
        return await super().flush(entries, messages, mark)


async def test_each_micro_batch_is_a_span_and_its_alarms_name_it(world: World) -> None:
    spans, handed = Spans(), list[Message]()

    def log_for(name: LaneName) -> HeardLog:
        log = HeardLog(name, world.broker, world.faults)
        log.handed = handed
        return log

    with world.context() as plain:
        context = replace(plain, tracer=spans, ports=replace(plain.ports, log_for=log_for))
        async with holding(world, context) as crew:
            day = Day(world)
            for _ in range(3):
                day.readings()
                await day.caught_up(crew)
            await crew.until(lambda: all(span.ends for span in spans.begun))
            begun, told = list(spans.begun), list(handed)
            await crew.kill()  # a successor repeats, which is traced no second time
            crew.hire(context)
            day.readings()
            await day.caught_up(crew)
            await crew.drain()
    assert [span.ends for span in begun] == [["told"]] * len(begun)
    places = [(span.first, span.first + span.records) for span in begun]
    assert sum(end - first for first, end in places) == 3 * MESSAGES
    assert all(one[1] <= after[0] for one, after in pairwise(places))
    alarms = [message for message in told if message.kind == "alarm"]
    assert alarms
    assert {m.traceparent for m in alarms} <= {span.traceparent for span in begun}
    assert all(not m.traceparent for m in told if m.kind != "alarm")
    assert min(span.first for span in spans.begun[len(begun) :]) >= begun[-1].first
    assert world.told()["alarm"] == [m for m in world.golden() if m.kind == "alarm"]


async def test_a_span_whose_lane_ends_before_it_has_told_says_so(world: World) -> None:
    spans = Spans()
    with world.context() as plain:
        context = replace(plain, tracer=spans)
        async with holding(world, context) as crew:
            day = Day(world)
            day.readings()
            await day.caught_up(crew)
            world.faults.fail(Step.COMMIT)
            day.readings()
            await crew.until(lambda: crew.runner.status.recoveries > 1)
            await day.caught_up(crew)
    ended = [span.ends for span in spans.begun if span.ends != ["told"]]
    assert len(ended) == 1
    assert "before it had told" in ended[0][0]


async def test_a_reload_falls_between_two_micro_batches_and_splits_none(world: World) -> None:
    spans, wanted = Spans(), world.plans.second.configuration.hash
    with world.context() as plain:
        context = replace(plain, tracer=spans)
        async with holding(world, context) as crew:
            day = Day(world)
            day.readings()
            await crew.until(lambda: len(spans.begun) > 1)
            context.deployed.config = wanted  # while records wait
            await crew.until(lambda: crew.runner.status.config == wanted)
            day.readings()
            await day.caught_up(crew)
            await crew.drain()
    (at,) = [entry.at for _, entry in world.journal() if isinstance(entry.change, Swap)]
    places = [(span.first, span.first + span.records) for span in spans.begun]
    assert places[0][0] < at < places[-1][1]
    assert not [place for place in places if place[0] < at < place[1]]
    assert sum(end - first for first, end in places) == 2 * MESSAGES
    assert {tuple(span.ends) for span in spans.begun} == {("told",)}
