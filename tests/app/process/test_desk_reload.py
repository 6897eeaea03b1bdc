"""A running desk stage takes changed desks over, and refuses bad ones."""

import shutil
from argparse import Namespace
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import aiohttp
import pytest

from app.process.desk_worker import DeskWorker, city_desk, desk_reload
from app.process.worker_options import WorkerOptions
from configuration.settings import Settings
from operate.config_reload import ConfigReload, reload_triggers
from operate.settings import settled
from runtime.installation import CONFIGS
from tests.testkit.kafka.ports import free_ports

GOOD, NEW, BAD = (f"acknowledge: {time}" for time in ("1 min", "90 s", "one minute"))
TOKEN = "of-the-desk"


class Stage(NamedTuple):
    """A desk stage, its folder, and what reloads it."""

    folder: Path
    settings: Settings
    worker: DeskWorker
    reload: ConfigReload

    def write(self, former: str, text: str) -> None:
        """Change the clocks of desks."""
        clocks = self.folder / "desks" / "clocks.yaml"
        clocks.write_text(clocks.read_text().replace(former, text))


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    # Judged in a thread: a process takes long to start.
    monkeypatch.setattr(
        "operate.config_reload.ProcessPoolExecutor", lambda count, _: ThreadPoolExecutor(count)
    )
    folder, token = shutil.copytree(CONFIGS, tmp_path / "configs"), tmp_path / "token"
    token.write_text(TOKEN)
    port, desk_port = free_ports(2)
    rules = f"port: {port}, desk_port: {desk_port}, token: '${{file:{token}}}'"
    with (folder / "tocsin.yaml").open("a") as file:
        file.write(f"\nreload: {{{rules}}}\n")
    given = Namespace(
        configs=folder, state=str(tmp_path / "state"), bootstrap=None, port=None, lifeline=None
    )
    configuration, parts_of = settled(given), partial(city_desk, folder)
    worker = DeskWorker(configuration, WorkerOptions(lifeline="desk"), parts_of(configuration))
    reload = desk_reload(given, configuration.settings, worker, parts_of)
    return Stage(folder, configuration.settings, worker, reload)


async def test_desks_are_taken_over_while_the_stage_runs_and_bad_ones_change_nothing(
    stage: Stage,
) -> None:
    worker, reload = stage.worker, stage.reload
    first = worker.parts.config

    stage.write(GOOD, BAD)
    outcome, findings = await reload.ask("test")
    assert outcome == "refused"
    assert "clocks.yaml" in findings[0]
    assert worker.parts.config == first

    desks = stage.folder / "desks" / "desks.yaml"
    whole = desks.read_text()
    desks.write_text(whole.replace('area: "310101003"', 'area: "310101004"'))
    stage.write(BAD, GOOD)
    outcome, (hole,) = await reload.ask("test")
    assert outcome == "refused"
    assert "got none in 310101003; add one" in hole
    assert worker.parts.config == first
    assert reload.status.refused == 2

    desks.write_text(whole)
    stage.write(GOOD, NEW)
    outcome, (second,) = await reload.ask("test")
    assert (outcome, worker.parts.config) == ("reloaded", second)
    assert second != first
    assert worker.parts.desk_of(worker.parts.bundle).config == second
    assert worker._store.bundle(second) == worker.parts.bundle

    stage.write(NEW, GOOD)
    assert await reload.ask("test") == ("reloaded", [first])
    assert (await reload.ask("test"))[0] == "unchanged"
    reloads = worker.process_status().reloads
    assert reloads is not None
    assert (reloads.reloaded, reloads.refused, reloads.unchanged) == (2, 2, 1)


async def test_the_stage_answers_a_post_on_a_port_of_its_own_to_who_has_the_token(
    stage: Stage,
) -> None:
    first, rules = stage.worker.parts.config, stage.settings.reload.of_desk()
    assert rules.port == stage.settings.reload.desk_port != stage.settings.reload.port
    async with (
        reload_triggers(rules, stage.folder, stage.reload.ask),
        aiohttp.ClientSession(f"http://{rules.host}:{rules.port}") as session,
    ):

        async def post(token: str) -> tuple[int, str]:
            headers = {"Authorization": f"Bearer {token}"}
            async with session.post("/reload", headers=headers) as answer:
                return answer.status, (await answer.json())["outcome"]

        stage.write(GOOD, NEW)
        assert await post("guessed") == (401, "denied")
        assert stage.worker.parts.config == first
        # A machine that takes long answers that it is still at it.
        assert await post(TOKEN) in {(200, "reloaded"), (202, "pending")}
        assert (await stage.reload.ask("test"))[0] == "unchanged"  # and is done behind it
        assert stage.worker.parts.config != first

        second = stage.worker.parts.config
        stage.write(NEW, BAD)
        assert await post(TOKEN) in {(422, "refused"), (202, "pending")}
        assert (await stage.reload.ask("test"))[0] == "refused"
        assert stage.worker.parts.config == second
