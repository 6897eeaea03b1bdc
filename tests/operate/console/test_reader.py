"""The console's process loads no rules: another one describes the city and reads for it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from broker.topics import TopicPlan, ensure, needed
from contracts.errors import ConfigError, RetryableError
from contracts.topics import TopicNames
from operate.console.city import ConfiguredCity
from operate.console.description import DescribedCity, write_channels
from operate.console.reader import Reader
from runtime.installation import CONFIGS
from tests.operate.console.test_readings import AT_MS, CHANNEL, WINDOW, reading, send
from tests.testkit.config_folder import folder_with
from tests.testkit.console.centre import add_console
from tests.testkit.console.made import MadeHistory, shipped_city
from tests.testkit.desk.alarms import alarm
from tests.testkit.desk.topics import ALARMS
from tests.testkit.in_process import configured
from tests.testkit.kafka.broker import Cluster
from tests.testkit.kafka.ports import free_ports

pytestmark = pytest.mark.slow

HEAVY = {"numba", "llvmlite", "scipy", "pyarrow", "pandas"}
STARTED = """
import argparse, asyncio, sys, urllib.request
from pathlib import Path
from app.cli import commands, entry, main
from app.process import console, serving
from operate.console.service import service_of

async def started():
    words = argparse.Namespace(configs=Path(sys.argv[1]), bootstrap=None, port=0)
    service, _ = await service_of(words)
    serving = asyncio.create_task(service.serve())
    while not service.ready():
        assert not serving.done(), serving.result()
        await asyncio.sleep(0.05)
    page = await asyncio.to_thread(urllib.request.urlopen, service.server.address)
    assert page.status == 200
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)

asyncio.run(started())
print(*(name for name in sys.modules if "." not in name))
"""


def test_a_console_that_serves_has_loaded_no_rules_and_no_compiler(tmp_path: Path) -> None:
    folder = folder_of_a_console(tmp_path)
    command = [sys.executable, "-c", STARTED, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert {"aiohttp", "sqlalchemy", "console", "configuration"} <= loaded, "it has served"
    assert loaded & HEAVY == set()


def folder_of_a_console(place: Path) -> Path:
    """The shipped city with people, and a history beside it."""
    (place / "configs").mkdir()
    for path in CONFIGS.iterdir():
        if path.name != "tocsin.yaml":
            (place / "configs" / path.name).symlink_to(path)
    settings = (CONFIGS / "tocsin.yaml").read_text().replace("./state", f"{place}/state")
    (place / "configs" / "tocsin.yaml").write_text(settings)
    add_console(place / "configs")
    (place / "state").mkdir()
    MadeHistory(place / "state" / "history.sqlite").close()
    return place / "configs"


def test_a_described_city_says_what_a_configured_one_says(tmp_path: Path) -> None:
    city: ConfiguredCity = shipped_city()
    write_channels(tmp_path / "channels.sqlite", city.channels())
    described = DescribedCity(city.described(), tmp_path / "channels.sqlite")
    (tmp_path / "channels.sqlite").unlink()  # what is open stays
    for name in ("name", "zone", "heartbeat_ms", "offset_minutes", "outlines"):
        assert getattr(described, name) == getattr(city, name)
    for name in ("lifelines", "districts", "desks", "assets", "feeds"):
        assert list(getattr(described, name)) == list(getattr(city, name))
        assert list(getattr(described, name)), name
    for state in ("registered", "dispatched", "none"):
        assert described.next_states(state) == city.next_states(state)
    rows = list(city.channels())
    assert len(rows) == sum(one.channels for one in city.lifelines)
    for _, facts in rows:
        assert described.channel(facts.lifeline, facts.channel) == facts
        assert described.lifeline_of(facts.channel) == facts.lifeline
    for _, facts in rows[::97]:
        assert facts == city.channel(facts.lifeline, facts.channel)
        assert described.rules(facts.channel) == city.rules(facts.channel) != []
    asked = [(facts.lifeline, facts.channel) for _, facts in rows[::37]]
    found = [described.beside(*one) for one in asked]
    assert found == [city.beside(*one) for one in asked]
    assert any(found), "some asset has several channels"
    assert described.beside("water", "water.none") == []
    assert described.channel("power", rows[0][1].channel) is None
    assert described.lifeline_of("water.none") is None
    assert described.rules("water.none") == []
    described.close()


async def test_a_wrong_configuration_is_refused_with_every_finding(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"water/pressure.yaml": "class: water.pressure\nunit: 3\n"}
    reader = Reader(folder_with(tmp_path, files))
    with pytest.raises(ConfigError) as refused:
        await reader.city()
    assert len(refused.value.findings) > 1
    assert all("pressure.yaml" in finding for finding in refused.value.findings)
    await reader.close()


def runs(reader: Reader) -> bool:
    """Whether its process is there."""
    return reader.pid is not None


async def test_readings_come_from_a_process_that_is_there_when_it_is_needed(
    tmp_path: Path, kafka: Cluster
) -> None:
    app = kafka.unique("reader")
    configuration = configured(tmp_path, kafka.bootstrap, app)
    plan = TopicPlan(replication=1, append_time=False)  # stamps are those that are sent
    await ensure(needed(configuration.partitions, TopicNames(app), plan), kafka.bootstrap)
    await send(configuration, reading(AT_MS - 30_000, 4.0), reading(AT_MS - 29_000, 99.0))
    reader = Reader(tmp_path / "configs", kafka.bootstrap)
    assert await reader.city() is not None
    assert not runs(reader), "nobody has asked for readings"
    span = await reader.around("water", 0, CHANNEL, WINDOW)
    assert (span.times_ms, span.values) == ([AT_MS - 30_000], [4.0])
    assert [one.reason for one in span.refused] == ["out_of_range"]
    first = reader.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert await reader.around("water", 0, CHANNEL, WINDOW) == span
    assert reader.pid not in {None, first}
    with pytest.raises(ConfigError, match=r"expected a channel of water, got .water\.none."):
        await reader.around("water", 0, "water.none", WINDOW)
    await reader.close()
    assert not runs(reader)


async def test_brokers_that_are_away_are_said_as_they_are_without_a_process_between(
    tmp_path: Path,
) -> None:
    configured(tmp_path, "127.0.0.1:9", "reader")
    reader = Reader(tmp_path / "configs", f"127.0.0.1:{free_ports(1)[0]}")
    with pytest.raises(RetryableError):
        await reader.around("water", 0, CHANNEL, WINDOW)
    await reader.close()


async def test_recoveries_come_from_the_history_beside_the_console(tmp_path: Path) -> None:
    folder = folder_of_a_console(tmp_path)
    made = MadeHistory(tmp_path / "state" / "history.sqlite")
    zone = {"asset": "dma-0401", "channel": "water.dma-0401.pressure", "colour": "red"}
    made.write((ALARMS, "revision", alarm(70, int(time.time()) - 600, **zone)))
    made.ring(71)
    made.close()
    reader = Reader(folder)
    found = await reader.since(int(time.time() - 86_400) * 1000)
    assert [one.lifeline for one in found.lifelines] == ["water"]
    assert found.lifelines[0].now[1] < 1
    told = await reader.of_incident(f"i-{71:016x}")
    assert told.title["en"] == "Feed 71"
    with pytest.raises(ConfigError, match="expected an incident of this history"):
        await reader.of_incident("i-none")
    await reader.close()
    assert not runs(reader)
