"""Fixtures of lanes in memory."""

from pathlib import Path

import pytest

from pipeline.worker import lane_runner
from tests.testkit.world import Plans, World


@pytest.fixture(scope="session")
def plans(tmp_path_factory: pytest.TempPathFactory) -> Plans:
    """Two configurations of a small city."""
    return Plans.make(tmp_path_factory.mktemp("plans"))


@pytest.fixture
def world(plans: Plans, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A new world whose lanes do not wait before they recover."""
    monkeypatch.setattr(lane_runner, "RETRY_S", 0.001)
    monkeypatch.setattr(lane_runner, "RETRY_S_MAX", 0.01)
    return World(plans, tmp_path / "state")
