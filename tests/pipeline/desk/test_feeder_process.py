"""A feeder that trips a thousand channels of four lifelines, on a real broker: lanes, then desk."""

import asyncio
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from app.process.desk_worker import city_desk
from broker.partition_reader import LaneReader
from configuration.configuration import Configuration
from contracts.desk.answer import CurrentAlarm
from contracts.desk.incident import Incident
from contracts.desk.journal import Took
from contracts.desk.notice import Notice
from contracts.ports.alarm_source import AlarmRecord
from contracts.ports.lane_log import Message
from contracts.topics import TopicNames
from ingest.partitioner import home_lane
from pipeline.desk.desk_lane import DeskLane
from pipeline.lane.lane import exhaust
from sinks.kafka.desk_log import desk_layout
from sinks.kafka.log_layout import Place
from tests.testkit.city import CLASS, DUTY
from tests.testkit.desk.day import KINDS
from tests.testkit.faults.drill import tocsin
from tests.testkit.kafka.broker import Cluster
from tests.testkit.kafka.ports import free_ports
from tests.testkit.worker_process import WorkerProcess

LANES = 2  # of each lifeline
FEEDER = "power.feeder-07"
BELOW = {"elevator": 500, "water": 300, "telecom": 150, "power": 49}
CALM, LOW, LOWER = 5.0, 1.5, 1.0  # nothing, yellow, orange
KILLS, MANY_KILLS, WAIT_S = 3, 50, 300.0
TOPICS = TopicNames()
KIND = """\
kinds:
  feeds:
    {number: 1, en: it stops, zh: 停运, earliest: 0 s, latest: 2 min, usual: 5 s, spread: 10 min,
     prior: 0.9, suspect: true, source: "[E] made for tests"}
"""


def assets() -> list[str]:
    """The feeder and what hangs on it, as `<lifeline>.<asset>`."""
    below = [f"{name}.unit-{n:03d}" for name, count in BELOW.items() for n in range(count)]
    return [FEEDER, *below]


def configured(folder: Path) -> Configuration:
    """A channel for each of a thousand assets, and the feeder above all others."""
    names = assets()
    for lifeline in BELOW:
        (folder / lifeline).mkdir(parents=True)
        text = CLASS.replace("water.level", f"{lifeline}.level") + "  duty:\n" + DUTY
        (folder / lifeline / "level.yaml").write_text(text)
        own = [name for name in names if name.startswith(f"{lifeline}.")]
        rows = [f"{n}.level,{lifeline}.level,{n.partition('.')[2]},{n}" for n in own]
        table = "\n".join(["id,class,asset,group", *rows])
        (folder / lifeline / "catalogue.csv").write_text(table + "\n")
    (folder / "topology").mkdir()
    nodes = "\n".join(["id,kind", *(f"{name},asset" for name in names)])
    edges = "\n".join(["parent,child,kind", *(f"{FEEDER},{name},feeds" for name in names[1:])])
    for name, content in (("nodes.csv", nodes), ("edges.csv", edges), ("edges.yaml", KIND)):
        (folder / "topology" / name).write_text(content + "\n")
    lifelines = ", ".join(f"{name}: {{partitions: {LANES}}}" for name in BELOW)
    (folder / "tocsin.yaml").write_text(
        f'kafka: {{bootstrap: "localhost:9092"}}\nlifelines: {{{lifelines}}}\n'
        f"state: {folder.parent / 'state'}\nsnapshot: {{every: 1 s}}\nsession_timeout: 6 s\n"
    )
    return Configuration.load(folder)


class Telemetry:
    """All channels send once a second, until it is cancelled; at first all is calm."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap, self.tripped = bootstrap, False

    async def run(self) -> None:
        async with AIOKafkaProducer(bootstrap_servers=self._bootstrap) as producer:
            while True:
                now_ms = time.time_ns() // 10**6
                for name in assets():
                    low = LOWER if name == FEEDER else LOW
                    value = low if self.tripped else CALM
                    body = {"channel": f"{name}.level", "time": now_ms, "value": value}
                    topic = TOPICS.telemetry(name.partition(".")[0])
                    lane = home_lane(name, LANES)
                    await producer.send(topic, json.dumps(body).encode(), partition=lane)
                await producer.flush()
                await asyncio.sleep(1)


class Told:
    """What the topics hold, read committed, and what they held whenever somebody looked.

    Current alarms are compacted after ten minutes, which a soak outlives.
    """

    def __init__(self, reader: LaneReader) -> None:
        self._reader = reader
        self._layout = desk_layout(TOPICS)
        self._held: dict[Place, dict[int, Any]] = {}

    async def _read(self, place: Place) -> list[Any]:
        found, _ = await self._reader.read(place.topic, place.partition, None)
        held = self._held.setdefault(place, {})
        held.update({record.offset: record for record in found})
        return list(held.values())

    async def messages(self, kind: str) -> list[Message]:
        """Outputs of a kind, in order."""
        found = await self._read(self._layout.place_of(kind))
        mine = [one for one in found if dict(one.headers)["tocsin"] == kind.encode()]
        return [Message(kind, one.key, one.value or b"") for one in mine]

    async def bodies(self, kind: str, as_type: type[Any]) -> list[Any]:
        """The same, decoded."""
        told = await self.messages(kind)
        return [msgspec.json.decode(m.body, type=as_type) for m in told if m.body]

    async def replayed(self, lane: DeskLane) -> list[Message]:
        """What a calm stage tells that lives the journal."""
        alarms = {
            f"{name}-{n}": await self._read(Place(TOPICS.alarms(name), n))
            for name in BELOW
            for n in range(LANES)
        }
        told: list[Message] = []
        for record in await self._read(self._layout.journal):
            entry = self._layout.decode(record.value)
            slices = entry.change.slices if isinstance(entry.change, Took) else {}
            records = [
                AlarmRecord(name, one.offset, one.timestamp, one.value)
                for name, (first, behind) in sorted(slices.items())
                for one in alarms[name]
                if first <= one.offset < behind and dict(one.headers)["tocsin"] == b"revision"
            ]
            exhaust(lane.applying(entry, records))
            told += lane.outbox.take()
        return told


async def until(holds: Any, what: str) -> None:
    """Wait for something that happens in other processes."""
    try:
        async with asyncio.timeout(WAIT_S):
            while not await holds():  # noqa: ASYNC110 - topics tell nobody
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise AssertionError(what) from None


@pytest.mark.broker
@pytest.mark.slow
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize(
    "kills",
    [
        pytest.param(KILLS, marks=pytest.mark.long),
        pytest.param(MANY_KILLS, marks=pytest.mark.soak),
    ],
)
async def test_a_thousand_channels_are_one_incident_and_ten_notices_whoever_is_killed(
    tmp_path: Path, kills: int
) -> None:
    with Cluster() as kafka:
        configuration = configured(tmp_path / "configs")
        place = ["--configs", str(tmp_path / "configs"), "--bootstrap", kafka.bootstrap]
        await asyncio.to_thread(tocsin, "topics", *place, "--create", "--replication", "1")
        lanes, stage = (
            WorkerProcess([*place, *more], free_ports(1)[0], tmp_path / f"{name}.log", name)
            for name, more in (("lanes", ["--lifeline", *BELOW]), ("desk", ["--desk"]))
        )
        telemetry, reader = Telemetry(kafka.bootstrap), LaneReader(kafka.bootstrap)
        told = Told(reader)
        sending = asyncio.create_task(telemetry.run())
        try:
            lanes.start()
            stage.start()
            await until(lambda: _scored(lanes, 3 * len(assets())), "calm readings of all channels")
            await until(lambda: asyncio.to_thread(stage.get, "/readyz"), "the desk stage")
            telemetry.tripped = True
            for kill in range(kills):
                least = (kill + 1) * len(assets()) // (kills + 2)
                await until(lambda: _current(told, least), f"alarm {least}")  # noqa: B023
                if kill >= KILLS:  # all may have been told: let each life recover before it ends
                    await until(lambda: asyncio.to_thread(stage.get, "/readyz"), "another life")
                stage.kill()
                stage.start()
            await until(lambda: _current(told, len(assets())), "all alarms")
            await until(lambda: _across(told), "an incident of all lifelines: within a minute")
            sending.cancel()
            await _finish(stage)
            await _judged(told, tmp_path / "configs", configuration)
        finally:
            sending.cancel()
            for process in (lanes, stage):
                process.bury()
            await reader.close()


async def _finish(stage: WorkerProcess) -> None:
    """End the last life once it has begun: all may have been told before, and it hears nothing."""
    await until(lambda: asyncio.to_thread(stage.get, "/readyz"), "the last life")
    assert await stage.finish(60) == 0


async def _scored(lanes: WorkerProcess, least: int) -> bool:
    found = await asyncio.to_thread(lanes.metric, "tocsin_readings_total", "destiny")
    return found.get("scored", 0.0) >= least


async def _current(told: Told, least: int) -> bool:
    return len({m.key for m in await told.messages("current")}) >= least


async def _across(told: Told) -> bool:
    """Whether the one incident was told with all its lifelines: at most once a minute it is."""
    newest = {i.id: i.situation for i in await told.bodies("incident", Incident)}
    standing = [one for one in newest.values() if one.state != "merged"]
    return len(standing) == 1 and standing[0].lifelines == sorted(BELOW)


async def _judged(told: Told, folder: Path, configuration: Configuration) -> None:
    """One incident with its root and children, few notices, and the same again in a replay."""
    notices: list[Notice] = await told.bodies("notice", Notice)
    heard = [n for n in notices if n.withheld is None and n.reason != "heartbeat"]
    by_desk = Counter(notice.desk for notice in heard)
    assert by_desk
    assert max(by_desk.values()) <= 10, [(n.reason, n.text["en"]) for n in heard]
    newest: dict[str, Incident] = {i.id: i for i in await told.bodies("incident", Incident)}
    (incident,) = [i for i in newest.values() if i.situation.state != "merged"]
    assert incident.situation.root is not None
    root = incident.situation.root
    assert f"{root.lifeline}.{root.asset}" == FEEDER
    assert root.alarm
    assert incident.situation.lifelines == sorted(BELOW)
    currents: list[CurrentAlarm] = await told.bodies("current", CurrentAlarm)
    children = {current.alarm.id: current for current in currents}
    assert len(children) == len(assets())
    assert {current.incident for current in children.values()} == {incident.id}
    assert {current.answer.state for current in children.values()} == {"unacknowledged"}
    parts = city_desk(folder, configuration)
    lane = DeskLane(TOPICS, lambda _: parts.desk_of(parts.bundle), parts.desk_of(parts.bundle))
    golden = await told.replayed(lane)
    for kind in KINDS:
        assert await told.messages(kind) == [m for m in golden if m.kind == kind]
