"""A running desk stage takes changed desks over, and refuses bad ones."""

import shutil
from argparse import Namespace
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from app.process.desk_worker import DeskWorker, city_desk, desk_reload
from app.process.worker_options import WorkerOptions
from operate.settings import settled
from runtime.installation import CONFIGS


async def test_desks_are_taken_over_while_the_stage_runs_and_bad_ones_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Judged in a thread: a process takes long to start.
    monkeypatch.setattr(
        "operate.config_reload.ProcessPoolExecutor", lambda count, _: ThreadPoolExecutor(count)
    )
    folder = shutil.copytree(CONFIGS, tmp_path / "configs")
    given = Namespace(
        configs=folder, state=str(tmp_path / "state"), bootstrap=None, port=None, lifeline=None
    )
    configuration, parts_of = settled(given), partial(city_desk, folder)
    worker = DeskWorker(configuration, WorkerOptions(lifeline="desk"), parts_of(configuration))
    reload = desk_reload(given, configuration.settings, worker, parts_of)
    first = worker.parts.config
    clocks = folder / "desks" / "clocks.yaml"
    good = clocks.read_text()

    clocks.write_text(good.replace("acknowledge: 1 min", "acknowledge: one minute"))
    outcome, findings = await reload.ask("test")
    assert outcome == "refused"
    assert "clocks.yaml" in findings[0]
    assert worker.parts.config == first

    clocks.write_text(good.replace("acknowledge: 1 min", "acknowledge: 90 s"))
    outcome, (second,) = await reload.ask("test")
    assert (outcome, worker.parts.config) == ("reloaded", second)
    assert second != first
    assert worker.parts.desk_of(worker.parts.bundle).config == second
    assert worker._store.bundle(second) == worker.parts.bundle

    clocks.write_text(good)
    assert await reload.ask("test") == ("reloaded", [first])
    assert (await reload.ask("test"))[0] == "unchanged"
    reloads = worker.process_status().reloads
    assert reloads is not None
    assert (reloads.reloaded, reloads.refused, reloads.unchanged) == (2, 1, 1)
