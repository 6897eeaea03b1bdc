"""Fixtures of the desk stage in memory."""

from pathlib import Path

import pytest

from pipeline.worker import lane_runner
from tests.testkit.desk.world import DeskWorld


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DeskWorld:
    """A new world whose stage does not wait before it recovers."""
    monkeypatch.setattr(lane_runner, "RETRY_S", 0.001)
    monkeypatch.setattr(lane_runner, "RETRY_S_MAX", 0.01)
    return DeskWorld(tmp_path / "state")
