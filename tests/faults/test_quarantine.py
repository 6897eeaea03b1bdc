"""A record that makes a kernel raise is passed over on a real broker; other lanes do not notice."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.process.lifeline_worker import LifelineWorker
from app.process.worker_options import WorkerOptions
from contracts.topics import TopicNames
from detectors.lane_scorer import LaneScorer
from ingest.partitioner import home_lane
from tests.testkit.faults.oracle import read_all
from tests.testkit.in_process import configured, create, send, taken, until
from tests.testkit.kafka.broker import Cluster

LANES = 2
POISON = 7.777
BEFORE, AFTER = [5.0] * 20, [5.1] * 20


def channel_of(lane: int) -> str:
    groups = (f"water.tank-{number:03d}" for number in range(4))
    return next(f"{group}.in" for group in groups if home_lane(group, LANES) == lane)


@pytest.fixture
def bug(monkeypatch: pytest.MonkeyPatch) -> None:
    """A build that cannot judge one value."""
    sound = LaneScorer.score

    def score(self: LaneScorer, batch: Any, disposition: Any, span: Any, *rest: Any) -> Any:
        if (batch.value[span[0] : span[1]] == POISON).any():
            raise ZeroDivisionError("a bug in a kernel")
        return sound(self, batch, disposition, span, *rest)

    monkeypatch.setattr(LaneScorer, "score", score)


@pytest.mark.broker
@pytest.mark.usefixtures("bug")
async def test_one_record_costs_its_lane_some_recoveries_and_others_nothing(
    tmp_path: Path, kafka: Cluster
) -> None:
    app = kafka.unique("poison")
    city = configured(tmp_path, kafka.bootstrap, app, lanes=LANES)
    await create(city)
    first, other = (channel_of(lane) for lane in range(LANES))
    async with LifelineWorker(city, WorkerOptions("water")) as worker:
        await until(worker.ready)
        await send(city, [*BEFORE, POISON, *AFTER], first, 0)
        await send(city, BEFORE, other, 1)
        await until(lambda: taken(worker) == len([*BEFORE, POISON, *AFTER, *BEFORE]))
        await until(worker.ready)
        struck, calm = sorted(worker.lanes(), key=lambda lane: lane.name)
    assert (struck.set_aside, calm.recoveries) == (1, 1)
    assert struck.recoveries in {3, 4}
    topics = TopicNames(app)
    letters = [json.loads(r.value) for r in await read_all(kafka.bootstrap, topics.dead_letters)]
    (letter,) = [one for one in letters if one["reason"] == "not_judged"]
    assert (letter["lane"], letter["offset"]) == ("water-0", len(BEFORE))
    told = await read_all(kafka.bootstrap, topics.alarms("water"))
    alarms = [json.loads(r.value) for r in told if dict(r.headers)["tocsin"] == b"revision"]
    (alarm,) = [one for one in alarms if one["channel"] == "tocsin.water-0"]
    assert (alarm["rule"]["name"], alarm["colour"]) == ("data_loss", "orange")
