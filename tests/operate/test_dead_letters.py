"""What was refused on a real Kafka: listed by cause, shown in full, sent once more after a fix."""

import json
import time
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from app.cli.parser import parser
from app.process.lifeline_worker import LifelineWorker
from app.process.worker_options import WorkerOptions
from configuration.configuration import Configuration
from contracts.dead_letter import DeadLetter
from contracts.errors import ConfigError
from contracts.topics import TopicNames
from ingest.kafka.dead_letters import Letter
from ingest.partitioner import home_lane
from operate import unknown_channels as unknown
from operate.dead_letters import REPLAY_OF, dead_letters
from operate.unknown_channels import UnknownChannels
from operate.unknown_channels import unknown_channels as tell
from tests.testkit.faults.oracle import read_all
from tests.testkit.in_process import configured, create, taken, until
from tests.testkit.kafka.broker import Cluster

LANES = 2
NEW = "water.tank-900.level"


def body(channel: str, value: float = 5.0) -> bytes:
    return json.dumps(
        {"channel": channel, "time": time.time_ns() // 10**6, "value": value}
    ).encode()


class Town:
    """A worker that has refused something, and its engineer."""

    def __init__(self, folder: Path, app: str, kafka: Cluster) -> None:
        self.configuration = configured(folder, kafka.bootstrap, app, LANES)
        self.topics = TopicNames(app)
        self.bootstrap = kafka.bootstrap
        self._tail = ["--configs", str(folder / "configs"), "--bootstrap", kafka.bootstrap]

    async def send(self, bodies: list[tuple[int, bytes]]) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap)
        await producer.start()
        try:
            for partition, one in bodies:
                topic = self.topics.telemetry("water")
                await producer.send_and_wait(topic, one, key=b"a key", partition=partition)
        finally:
            await producer.stop()

    async def act(self, *words: str) -> int:
        return await dead_letters(parser().parse_args(["dead-letters", *words, *self._tail]))

    async def unknown(self, *words: str) -> int:
        return await tell(parser().parse_args(["unknown-channels", *words, *self._tail]))


@pytest.fixture
async def town(tmp_path: Path, kafka: Cluster) -> Town:
    town = Town(tmp_path, kafka.unique("refused"), kafka)
    await create(town.configuration)
    known = next(iter(town.configuration.catalogues["water"].row_of))
    wrong = 1 - home_lane(known.rsplit(".", 1)[0], LANES)
    array = b"[" + b",".join([body(NEW)] * 70) + b"]"
    refused = [(0, body(NEW)), (0, array), (1, body("stranger")), (wrong, body(known))]
    await town.send([*refused, (0, b'{"channel": "wat')])
    async with LifelineWorker(town.configuration, WorkerOptions("water")) as worker:
        await until(lambda: taken(worker) == 74)
        await until(lambda: sum(lane.dead_letters for lane in worker.lanes()) == 68)
    return town


async def test_what_was_refused_is_listed_shown_and_sent_once_more(
    town: Town, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await town.act("list", "--json") == 0
    listed = {c["reason"]: c for c in map(json.loads, capsys.readouterr().out.splitlines())}
    counts = {reason: cause["count"] for reason, cause in listed.items()}
    assert counts == {"unknown_channel": 72, "misplaced_group": 1, "bad_json": 1}
    assert listed["unknown_channel"]["letters"] == 66
    assert listed["unknown_channel"]["lanes"] == ["water-0", "water-1"]

    place, _, detail = listed["misplaced_group"]["example"].partition(": ")
    lane = int(place.partition("@")[0].removeprefix("water-"))
    assert f"partition {1 - lane} would be right, got {lane}" in detail
    assert await town.act("show", place) == 0
    shown = capsys.readouterr().out
    assert '"cause": "misplaced_group"' in shown
    assert '"first_seen"' in shown
    assert "the original, of" in shown

    letters = await read_all(town.bootstrap, town.topics.dead_letters)
    said = {dict(r.headers)["cause"]: dict(r.headers)["count"] for r in letters}
    assert said[b"bad_json"] == b"1"
    assert b"7" in {dict(r.headers)["count"] for r in letters}  # the last of 64 stands for 6 more

    before = len(await read_all(town.bootstrap, town.topics.telemetry("water")))
    for sent in (3, 0):  # once, and never again
        assert await town.act("replay", "--reason", "unknown_channel") == 0
        assert capsys.readouterr().out.startswith(f"{sent} messages sent once more")
    telemetry = await read_all(town.bootstrap, town.topics.telemetry("water"))
    assert len(telemetry) == before + 3
    again = [r for r in telemetry if REPLAY_OF in dict(r.headers)]
    originals = {(r.partition, r.offset): r for r in telemetry}
    for record in again:
        origin = dict(record.headers)[REPLAY_OF].decode()
        offset = int(origin.rpartition("@")[2])
        assert origin == f"{town.topics.telemetry('water')}[{record.partition}]@{offset}"
        original = originals[record.partition, offset]
        assert (record.value, record.key) == (original.value, original.key)


async def test_unknown_ids_are_rows_that_a_catalogue_can_take(
    town: Town, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert await town.unknown() == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        "id,class,asset,group",
        f"{NEW},water.level,tank-900,water.tank-900",
        "stranger,,,",
    ]
    assert "2 unknown ids in 72 readings" in printed.err
    assert await town.unknown("--json") == 0
    first = json.loads(capsys.readouterr().out.splitlines()[0])
    assert (first["id"], first["readings"]) == (NEW, 71)
    accepted = tmp_path / "configs" / "water" / "catalogue.csv"
    with accepted.open("a") as file:
        file.write(printed.out.splitlines()[1] + "\n")
    Configuration.load(tmp_path / "configs")  # the row is a good one
    assert await town.unknown() == 0
    assert NEW not in capsys.readouterr().out


class Record:
    timestamp = 1_000


def letter(channel: str) -> Letter:
    one = DeadLetter("water-0", "unknown_channel", "", "t", 0, 1, channel=channel, count=2)
    return Letter(one, Record())


def test_ids_without_end_take_bounded_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unknown, "IDS_MAX", 100)
    seen = UnknownChannels(configured(tmp_path, "localhost:9", "app"))
    for i in range(1_000):
        seen.add(letter(f"evil.{i}"))
        seen.add(letter("evil.1"))
    assert len(seen.readings) == 100
    assert seen.readings["water", "evil.1"] == 2_002
    assert seen.others == 1_800
    seen.add(letter("\x1b[2J"))
    assert seen.others == 1_802


@pytest.mark.parametrize("words", [["show"], ["replay"], ["replay", "water-0@1", "--reason", "x"]])
async def test_what_to_act_on_must_be_named(words: list[str]) -> None:
    with pytest.raises(ConfigError, match="expected a PLACE"):
        await dead_letters(parser().parse_args(["dead-letters", *words]))
