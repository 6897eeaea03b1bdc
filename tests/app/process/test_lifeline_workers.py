"""Several lifelines in one process: they answer as one, and one that cannot go on ends all."""

import asyncio
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from app.process.lifeline_workers import LifelineWorkers
from broker.topics import TopicPlan, ensure, needed
from contracts.ports.status import LaneStatus, ProcessStatus, QueueStatus
from contracts.topics import TopicNames
from ingest.kafka.commands import WAITING_MAX
from pipeline.worker.lane_loop import FETCHED_AHEAD
from runtime.queues import CountedLock
from tests.testkit import city
from tests.testkit.kafka.broker import Cluster
from tests.testkit.kafka.ports import free_ports
from tests.testkit.worker_process import WorkerProcess

WAIT_S = 60.0
SHARED = CountedLock("snapshot_copy")


class OneService:
    """A service whose whole state is told to it."""

    def __init__(self, name: str, *, good: bool = True, error: Exception | None = None) -> None:
        self.status = LaneStatus(name)
        self.good = good
        self.error = error
        self.drained = False

    def lanes(self) -> list[LaneStatus]:
        return [self.status]

    def alive(self) -> bool:
        return self.good

    def ready(self) -> bool:
        return self.good

    def process_status(self) -> ProcessStatus:
        return ProcessStatus(1.0 if self.good else 7.0, 1)

    def queues(self) -> list[Callable[[], QueueStatus]]:
        return [lambda: QueueStatus.of("fetched", 3, 2), SHARED.queue]

    async def __aenter__(self) -> "OneService":
        return self

    async def __aexit__(self, *_: object) -> None:
        self.drained = True

    async def over(self) -> None:
        if self.error is not None:
            raise self.error
        await asyncio.Event().wait()


async def test_a_process_says_once_that_its_kafka_client_is_read_the_slow_way(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("aiokafka.__version__", "0.14.1")
    await LifelineWorkers([]).serve()
    assert [r.levelname for r in caplog.records if "aiokafka" in r.getMessage()] == ["WARNING"]


def test_a_house_is_as_well_as_the_worst_of_its_services() -> None:
    workers = LifelineWorkers([OneService("gas-0"), OneService("water-0", good=False)])  # type: ignore[list-item]
    assert [lane.name for lane in workers.lanes()] == ["gas-0", "water-0"]
    assert not workers.alive()
    assert not workers.ready()
    assert workers.process_status() == ProcessStatus(
        7.0, 2, "", (QueueStatus("fetched", 4, 4, 2), QueueStatus("snapshot_copy", 0, 1, 0))
    )
    well = LifelineWorkers([OneService("gas-0"), OneService("water-0")])  # type: ignore[list-item]
    assert well.alive()
    assert well.ready()


async def test_one_service_that_cannot_go_on_ends_all_and_all_are_drained() -> None:
    services = [OneService("gas-0"), OneService("water-0", error=ValueError("lost"))]
    workers = LifelineWorkers(services)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="lost"):
        await workers.serve()
    assert workers.drained


async def test_a_house_that_is_told_to_stop_drains_all() -> None:
    services = [OneService("gas-0"), OneService("water-0")]
    workers = LifelineWorkers(services)  # type: ignore[arg-type]
    serving = asyncio.create_task(workers.serve())
    await asyncio.sleep(0)
    assert not workers.drained
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    assert workers.drained


def two_lifelines(folder: Path) -> None:
    """A city of water, and a copy of it that is called gas."""
    city.configure(folder / "configs", 3, 2, folder / "state")
    water, gas = folder / "configs" / "water", folder / "configs" / "gas"
    gas.mkdir()
    for path in water.iterdir():
        (gas / path.name).write_text(path.read_text().replace("water.", "gas."))
    settings = folder / "configs" / "tocsin.yaml"
    text = settings.read_text().replace("{water:", "{gas: {partitions: 1}, water:")
    settings.write_text(text)


@pytest.mark.long
async def test_one_process_takes_two_lifelines_and_restores_both(
    tmp_path: Path, kafka: Cluster
) -> None:
    two_lifelines(tmp_path)
    settings = tmp_path / "configs" / "tocsin.yaml"
    app = kafka.unique("two")
    settings.write_text(settings.read_text().replace("app: tocsin", f"app: {app}"))
    names = TopicNames(app)
    topics = needed({"gas": 1, "water": 2}, names, TopicPlan(replication=1))
    await ensure(topics, kafka.bootstrap)
    (port,) = free_ports(1)
    words = ["--configs", str(tmp_path / "configs"), "--bootstrap", kafka.bootstrap]
    words += ["--lifeline", "gas", "water"]
    limits = {
        "fetched": 3 * FETCHED_AHEAD,
        "answers": 3,
        "commands": 3 * WAITING_MAX,
        "unpacking": 2,
        "scoring": 2,
        "log_reader": 2,
        "snapshot_copy": 1,
        "snapshot_file": 1,
    }
    worker = WorkerProcess(words, port, tmp_path / "log")
    try:
        for turn in (1, 2):
            worker.start()
            await send(kafka.bootstrap, names, turn)
            await until(worker, partial(has_received, worker, 2 * turn))
            assert set(worker.metric("tocsin_lane_position")) == {"gas-0", "water-0", "water-1"}
            assert worker.metric("tocsin_fetch_path", "path") == {"raw": 1}
            # A lane has room for commands once it looks for them: one without readings may be last.
            await until(worker, lambda: worker.metric("tocsin_queue_limit", "queue") == limits)
            worker.process.send_signal(signal.SIGTERM)
            assert await worker.died(WAIT_S) == 0, worker.log.read_text()[-4000:]
    finally:
        worker.bury()


async def send(bootstrap: str, names: TopicNames, turn: int) -> None:
    """A reading of a channel of each lifeline."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    for lifeline, lane in (("gas", 0), ("water", 1)):
        stamp = 1_800_000_000_000 + turn
        body = f'{{"channel": "{lifeline}.tank-000.in", "time": {stamp}, "value": 5}}'
        await producer.send_and_wait(names.telemetry(lifeline), body.encode(), partition=lane)
    await producer.stop()


def has_received(worker: WorkerProcess, count: int) -> bool:
    """Whether so many readings have been received in all lives of the lanes."""
    return sum(worker.metric("tocsin_readings_received_total").values()) == count


async def until(worker: WorkerProcess, holds: Callable[[], bool]) -> None:
    """Wait until something holds of a worker that lives."""
    async with asyncio.timeout(WAIT_S):
        while not await asyncio.to_thread(holds):
            assert worker.process.poll() is None, worker.log.read_text()[-4000:]
            await asyncio.sleep(0.2)
