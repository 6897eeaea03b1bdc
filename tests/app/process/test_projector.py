"""A projection takes each committed record once, whatever fails and whoever is stopped when."""

import asyncio
import random
from collections.abc import Sequence

import pytest
from prometheus_client import generate_latest

from app.process.projector import Projector
from contracts.errors import FatalError, RetryableError
from contracts.ports.projection import Positions, TopicRecord
from sinks.http.metrics import registry
from sinks.http.projection_metrics import ProjectionCollector

PLACE = ("t", 0)


def record(offset: int) -> TopicRecord:
    return TopicRecord(*PLACE, offset, 1_000 * offset, None, b"%d" % offset, "revision")


class Memory:
    """Keeps records and positions together, or fails and keeps neither."""

    def __init__(self) -> None:
        self.kept: list[int] = []
        self.stands: dict[tuple[str, int], int] = {}
        self.failing: list[Exception] = []
        self.closed = False
        self.unreadable = 0
        self.currents: list[int] = []

    def positions(self) -> Positions:
        return self.stands

    def apply(self, records: Sequence[TopicRecord], behind: Positions) -> None:
        if self.failing:
            raise self.failing.pop()
        self.kept += [one.offset for one in records]
        self.unreadable += sum(one.value == b"3" for one in records)
        self.stands |= behind

    def current(self, time_ms: int) -> None:
        self.currents.append(time_ms)

    def close(self) -> None:
        self.closed = True


class Topic:
    """A topic of some records, read a few at a time; breaks when it is told to."""

    def __init__(self, count: int, chance: random.Random) -> None:
        self.count = count
        self.lost: dict[tuple[str, int], int] = {}
        self.breaks = 0
        self._chance = chance
        self._at = 0
        self.heard = 0

    async def start(self) -> None:
        if self.breaks and self._chance.random() < 0.5:
            self.breaks -= 1
            raise RetryableError("the broker is away", 0.0)

    async def close(self) -> None:
        self._at = self.count  # what is read without a seek would be missed

    async def seek(self, positions: Positions) -> None:
        self._at = positions.get(PLACE, 0)

    async def fetch(self, timeout_s: float) -> tuple[list[TopicRecord], Positions]:
        await asyncio.sleep(0)
        if self.breaks:
            self.breaks -= 1
            raise RetryableError("the broker is away", 0.0)
        if self._at == self.count:
            await asyncio.sleep(timeout_s)
            return [], {}
        first, self._at = self._at, min(self._at + self._chance.randint(1, 5), self.count)
        return [record(offset) for offset in range(first, self._at)], {PLACE: self._at}

    def waiting(self) -> int:
        return self.count - self._at

    def heard_ms(self) -> int:
        return self.heard


@pytest.fixture
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.process.projector.RETRY_FIRST_S", 0.0)


async def _until_kept(memory: Memory, count: int) -> None:
    async with asyncio.timeout(30):
        while len(memory.kept) < count:  # noqa: ASYNC110 - a projection tells nobody
            await asyncio.sleep(0.005)


@pytest.mark.usefixtures("_hasty")
@pytest.mark.parametrize("seed", range(5))
async def test_every_record_is_kept_once_through_failures_and_stops(seed: int) -> None:
    chance, memory = random.Random(seed), Memory()
    topic = Topic(200, chance)
    while len(memory.kept) < topic.count:
        memory.failing = [RetryableError("the disk is full", 0.0)] * chance.randint(0, 2)
        topic.breaks = chance.randint(0, 2)
        projector = Projector("history", memory, topic)
        serving = asyncio.create_task(projector.serve())
        await _until_kept(memory, min(len(memory.kept) + 40, topic.count))
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        assert projector.drained
        assert memory.closed
    assert memory.kept == list(range(topic.count))


async def test_it_says_that_all_was_taken_while_brokers_are_heard_and_nothing_waits() -> None:
    memory, topic = Memory(), Topic(30, random.Random(0))
    topic.heard = 50_000
    projector = Projector("history", memory, topic)
    serving = asyncio.create_task(projector.serve())
    async with asyncio.timeout(30):
        while not memory.currents:  # noqa: ASYNC110 - a projection tells nobody
            await asyncio.sleep(0.005)
    assert memory.kept == list(range(topic.count)), "not before the last one is kept"
    for heard in (50_000, 51_999, 52_000):  # brokers that are away are not heard again
        topic.heard = heard
        topic.count += 1
        await _until_kept(memory, topic.count)
    async with asyncio.timeout(30):
        while len(memory.currents) < 2:  # noqa: ASYNC110 - a projection tells nobody
            await asyncio.sleep(0.005)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    assert memory.currents == [50_000, 52_000]


@pytest.mark.usefixtures("_hasty")
async def test_what_a_person_must_mend_ends_it() -> None:
    memory = Memory()
    memory.failing = [FatalError("the history is of another version")]
    projector = Projector("history", memory, Topic(3, random.Random(0)))
    with pytest.raises(FatalError, match="another version"):
        await projector.serve()
    assert memory.closed


@pytest.mark.usefixtures("_hasty")
async def test_it_is_ready_while_it_follows() -> None:
    memory, topic = Memory(), Topic(8, random.Random(0))
    projector = Projector("history", memory, topic)
    assert not projector.ready()
    serving = asyncio.create_task(projector.serve())
    await _until_kept(memory, 8)
    assert projector.ready()
    (status,) = projector.lanes()
    assert (status.name, status.trouble) == ("history", "")
    page = generate_latest(registry(projector, "", ProjectionCollector)).decode()
    assert 'tocsin_projection_records_total{projection="history"} 8.0' in page
    assert 'tocsin_projection_up{projection="history"} 1.0' in page
    assert 'tocsin_projection_unreadable_records_total{projection="history"} 1.0' in page
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    assert not projector.ready()
