"""A proposed configuration plays along on live lanes of a real Kafka, takes over, and goes."""

import json
import shutil
from pathlib import Path

import pytest

from app.cli.parser import parser
from app.process.lifeline_worker import LifelineWorker
from app.process.worker_options import WorkerOptions
from configuration.configuration import Configuration
from contracts.errors import ConfigError
from contracts.topics import TopicNames
from operate.shadow import shadow
from tests.testkit.faults.oracle import read_all
from tests.testkit.in_process import configured, create, send, taken, until
from tests.testkit.kafka.broker import Cluster

APP = "shadowed"
CHANNEL = "water.tank-000.in"
LOW = [2.5] * 80  # below the proposed limit alone


def proposed(folder: Path) -> Path:
    """The same city with a lower limit that rings at 3.0 instead of 2.0."""
    copy = folder / "proposed"
    shutil.copytree(folder / "configs", copy)
    level = copy / "water" / "level.yaml"
    text = level.read_text().replace("blue: 2.0", "blue: 3.0")
    level.write_text(text.replace("band: 5 sigma", "band: 50 sigma"))
    return copy


class Desk:
    """`tocsin shadow` as typed by an engineer."""

    def __init__(self, folder: Path, bootstrap: str, capsys: pytest.CaptureFixture[str]) -> None:
        self._tail = ["--configs", str(folder / "configs"), "--bootstrap", bootstrap]
        self._capsys = capsys

    async def said(self, *words: str) -> tuple[int, str]:
        self._capsys.readouterr()
        code = await shadow(parser().parse_args(["shadow", *words, *self._tail]))
        return code, self._capsys.readouterr().out

    async def act(self, word: str, folder: Path) -> tuple[int, str]:
        return await self.said(word, str(folder), "--by", "li.wei", "--reason", "rings too late")


async def rung(bootstrap: str, topic: str) -> list[tuple[str, str]]:
    found = await read_all(bootstrap, topic)
    bodies = [json.loads(r.value) for r in found if dict(r.headers)["tocsin"] != b"mark"]
    ours = [body for body in bodies if body["channel"] == CHANNEL and body["revision"] == 1]
    return [(body["rule"]["name"], body["colour"]) for body in ours if "limit" in str(body["rule"])]


@pytest.mark.long
async def test_from_begin_to_rollback(
    tmp_path: Path, kafka: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    city = configured(tmp_path, kafka.bootstrap, APP, lanes=2)
    desk, other = Desk(tmp_path, kafka.bootstrap, capsys), proposed(tmp_path)
    names, home = TopicNames(APP), 0
    await create(city)
    async with LifelineWorker(city, WorkerOptions("water")) as service:
        await until(lambda: [lane.phase for lane in service.lanes()] == ["running"] * 2)
        for number in range(2):  # commands wait for lane time
            await send(city, [5.0] * 10, CHANNEL, number)
        home = await lane_of(service)
        code, text = await desk.act("begin", other)
        assert (code, text.count(": done, from telemetry offset")) == (0, 2), text
        code, text = await desk.act("begin", other)
        assert (code, text.count("expected no shadow")) == (1, 2), text
        await send(city, [*LOW, *[5.0] * 80], CHANNEL, home)
        await until(lambda: sum(lane.shadow_outbox for lane in service.lanes()) >= 2)
        assert await rung(kafka.bootstrap, names.shadow) == [("limit", "blue")]
        assert await rung(kafka.bootstrap, names.alarms("water")) == []
        code, text = await desk.said("status", "--json")
        standing = [json.loads(line) for line in text.splitlines()]
        hashes = (city.hash, Configuration.load(other).hash, "li.wei")
        assert [(s["governs"], s["shadow"], s["by"]) for s in standing] == [hashes] * 2
        code, text = await desk.act("promote", other)
        assert (code, text.count(": done")) == (0, 2), text
        await send(city, LOW, CHANNEL, home)
        await until(lambda: sum(lane.open_alarms.get("blue", 0) for lane in service.lanes()) > 0)
        code, text = await desk.act("rollback", other)
        assert (code, text.count(": done")) == (0, 2), text
        assert await desk.act("rollback", other) != (0, text)
    assert await rung(kafka.bootstrap, names.alarms("water")) == [("limit", "blue")]
    code, text = await desk.said("status")  # of lanes that nobody runs
    assert text.count(f"{city.hash} governs\n") == 2, text


async def lane_of(service: LifelineWorker) -> int:
    """The lane in which the channel's readings are at home."""
    await until(lambda: taken(service) == 20)
    (home,) = [lane for lane in service.lanes() if lane.accounts.get("scored", 0)]
    return int(home.name.rsplit("-", 1)[1])


async def test_what_is_missing_is_named_before_anything_is_sent(tmp_path: Path) -> None:
    words = parser().parse_args(["shadow", "promote", str(tmp_path), "--by", "li.wei"])
    with pytest.raises(ConfigError, match="expected --reason"):
        await shadow(words)
