"""A running worker takes a changed configuration over, refuses a bad one, and loses nothing."""

import asyncio
import json
import signal
import urllib.error
import urllib.request
from argparse import Namespace
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest

from configuration import bundle_store
from configuration.configuration import Configuration
from configuration.folder_watch import files_of, watch
from configuration.settings import Settings
from contracts.errors import ConfigError
from contracts.ports.status import ReloadOutcome
from contracts.topics import TopicNames
from operate.config_reload import ConfigReload, judged
from pipeline.snapshot.store import SnapshotStore
from tests.testkit import city
from tests.testkit.faults.oracle import read_all
from tests.testkit.in_process import WAIT_S, configured, create, send
from tests.testkit.kafka.broker import Cluster
from tests.testkit.kafka.ports import free_ports
from tests.testkit.worker_process import WorkerProcess

TOKEN = "not a secret of anybody's"
CHANNEL = "water.tank-000.in"
BUSY_S = 150.0  # a reload starts a process, and loads all libraries once more


class Lifeline:
    """A service that takes what it is given, or refuses."""

    def __init__(self, refusal: str = "") -> None:
        self.refusal = refusal
        self.deployed: list[str] = []

    async def prepare(self, configuration: Configuration) -> str:
        if self.refusal:
            raise ConfigError(self.refusal)
        return configuration.hash

    def deploy(self, prepared: str) -> None:
        self.deployed.append(prepared)


def _reload(folder: Path, lifelines: list[Lifeline], settings: Settings | None = None) -> Any:
    """A reload of services that are none."""
    running = Configuration.load(folder)
    given = Namespace(configs=folder, state=None, bootstrap=None, port=None, lifeline=["water"])
    reload = ConfigReload(given, (running.hash, running.settings), lifelines)
    if settings is not None:
        reload._settings = settings
    return reload


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration; it is judged in a thread, for a process takes long to start."""
    monkeypatch.setattr("operate.config_reload.ProcessPoolExecutor", _threads)
    city.configure(tmp_path / "configs", 2, 1, tmp_path / "state")
    return tmp_path / "configs"


def _threads(count: int, _: object) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count)


def _edit(folder: Path, old: str, new: str) -> None:
    path = folder / "water" / "level.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


async def test_one_lifeline_that_cannot_take_it_keeps_it_from_all(folder: Path) -> None:
    able, unable = Lifeline(), Lifeline("gas: expected 3 lanes, got 4; keep them")
    reload = _reload(folder, [able, unable])
    _edit(folder, "blue: 2.0", "blue: 2.1")
    outcome, said = await reload.ask("test")
    assert (outcome, said) == ("refused", [unable.refusal])
    assert able.deployed == []
    unable.refusal = ""
    outcome, (in_force,) = await reload.ask("test")
    assert outcome == "reloaded"
    assert able.deployed == unable.deployed == [in_force]
    assert (await reload.ask("test"))[0] == "unchanged"
    assert reload.status == (1, 1, 1, 0, True)


async def test_settings_that_a_running_worker_cannot_take_are_named(folder: Path) -> None:
    running = Configuration.load(folder).settings
    lifeline = Lifeline()
    other = msgspec.structs.replace(running, transaction_outputs=7)
    outcome, (finding,) = await _reload(folder, [lifeline], other).ask("test")
    assert outcome == "refused"
    assert finding.startswith("transaction_outputs: expected what this worker was started with")
    assert lifeline.deployed == []


def test_what_was_judged_lies_where_workers_find_it(folder: Path) -> None:
    given = Namespace(configs=folder, state=None, bootstrap=None, port=None, lifeline=["water"])
    name, settings = judged(given)
    assert name == Configuration.load(folder).hash
    assert bundle_store.recall(SnapshotStore(settings.state), name, settings).hash == name


async def test_a_folder_is_read_once_it_is_not_written_any_more(folder: Path) -> None:
    asked: asyncio.Queue[str] = asyncio.Queue()

    async def ask(origin: str) -> tuple[ReloadOutcome, list[str]]:
        asked.put_nowait(origin)
        return "reloaded", []

    watching = asyncio.create_task(watch(folder, 0.02, ask))
    try:
        await asyncio.sleep(0.1)
        (folder / "water" / ".#level.yaml").symlink_to("somebody@a-machine.4711")  # by an editor
        before = files_of(folder)
        assert before
        _edit(folder, "blue: 2.0", "blue: 2.25")
        assert files_of(folder) != before
        async with asyncio.timeout(WAIT_S):
            assert await asked.get() == f"{folder} changed"
        assert asked.empty()
    finally:
        watching.cancel()


def _post(port: int, token: str) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/reload", method="POST")
    request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=WAIT_S) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as refused:
        return refused.code, json.loads(refused.read())


class Running:
    """A real worker that takes reloads, and what it says of itself."""

    def __init__(self, configuration: Configuration, folder: Path) -> None:
        self.configuration, self.configs = configuration, folder / "configs"
        port, self.admin = free_ports(2)
        token = folder / "token"
        token.write_text(TOKEN)
        settings = self.configs / "tocsin.yaml"
        where = f"port: {self.admin}, token: '${{file:{token}}}'"
        settings.write_text(settings.read_text() + f"reload: {{{where}}}\n")
        words = ["--configs", str(self.configs), "--lifeline", "water"]
        words += ["--bootstrap", configuration.settings.kafka.bootstrap]
        self.process = WorkerProcess(words, port, folder / "log")

    async def until(self, name: str, label: str, wanted: dict[str, float]) -> None:
        """Wait for samples of a metric."""
        found: dict[str, float] = {}
        async with asyncio.timeout(BUSY_S):
            while not wanted.items() <= found.items():
                assert self.process.process.poll() is None, self.process.log.read_text()[-4000:]
                found = await asyncio.to_thread(self.process.metric, name, label)
                await asyncio.sleep(0.05)

    async def reloads(self, outcome: ReloadOutcome, times: int) -> None:
        """Wait until so many reloads came to this."""
        await self.until("tocsin_config_reloads_total", "outcome", {outcome: float(times)})

    async def taken(self, count: int) -> None:
        """Wait until so many records were taken."""
        await self.until("tocsin_lane_position", "lane", {"water-0": float(count)})

    async def config(self) -> str:
        """Hash of what the lane runs, as soon as the process says it."""
        name, found = "tocsin_lane_config_info", dict[str, float]()
        async with asyncio.timeout(BUSY_S):
            while len(found) != 1:
                found = await asyncio.to_thread(self.process.metric, name, "config")
        return next(iter(found))

    async def config_after(self, former: str) -> str:
        """The same, once it is another one."""
        async with asyncio.timeout(BUSY_S):
            while (found := await self.config()) == former:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return found

    async def limits(self) -> list[dict[str, Any]]:
        """Alarms of limits on their topic, once there are any: what was taken is told later."""
        settings = self.configuration.settings
        topic = TopicNames(settings.app).alarms("water")
        found: list[dict[str, Any]] = []
        async with asyncio.timeout(BUSY_S):
            while not found:
                records = await read_all(settings.kafka.bootstrap, topic)
                bodies = [json.loads(one.value) for one in records]
                found = [body for body in bodies if body.get("rule", {}).get("name") == "limit"]
        return found


async def _reloaded(running: Running) -> None:
    """A bad configuration by a signal, a good one by a post, and the first one once more."""
    configuration = running.configuration
    await send(configuration, [5.0] * 5, CHANNEL)
    await running.taken(5)
    before = await running.config()

    _edit(running.configs, "blue: 2.0, yellow", "blue: two, yellow")
    running.process.process.send_signal(signal.SIGHUP)
    await running.reloads("refused", 1)
    log = running.process.log.read_text()
    assert "water/level.yaml:" in log
    assert f"refused, {before[:7]} stays in force" in log

    _edit(running.configs, "blue: two, yellow", "blue: 4.0, yellow")
    denied, _ = await asyncio.to_thread(_post, running.admin, "guessed")
    assert denied == 401
    status, answer = await asyncio.to_thread(_post, running.admin, TOKEN)
    assert (status, answer["outcome"]) in {(200, "reloaded"), (202, "pending")}
    await running.reloads("reloaded", 1)
    after = await running.config_after(before)
    await send(configuration, [3.0] * 60, CHANNEL)
    await running.taken(65)
    assert {alarm["rule"]["config"] for alarm in await running.limits()} == {after[:7]}

    _edit(running.configs, "blue: 4.0, yellow", "blue: 2.0, yellow")
    running.process.process.send_signal(signal.SIGHUP)
    await running.reloads("reloaded", 2)
    assert await running.config_after(after) == before


@pytest.mark.long
@pytest.mark.broker
async def test_a_worker_reloads_by_a_signal_and_by_a_post_and_refuses_a_bad_one(
    kafka: Cluster, tmp_path: Path
) -> None:
    configuration = configured(tmp_path, kafka.bootstrap, "reloaded")
    await create(configuration)
    running = Running(configuration, tmp_path)
    running.process.start()
    try:
        await _reloaded(running)
        assert await running.process.finish(WAIT_S) == 0
    finally:
        running.process.bury()
