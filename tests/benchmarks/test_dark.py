"""What the benchmark of a city gone dark looks at holds for few channels too."""

from pathlib import Path

import pytest

from benchmarks.operations import dark


def test_cells_that_go_dark_are_one_incident_of_their_ring_and_nothing_else_is_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dark, "CELLS", 40)
    monkeypatch.setattr(dark, "RINGING", 10)
    monkeypatch.setattr(dark, "CHANNELS", 40 * 25)
    site, found = dark.measure(tmp_path / "configs")
    incident = dark.check(site, found["rung"])
    assert incident.situation.title["en"] == "ring-1: blind, 40 links dark"
    # Not before enough of each had been silent, and by the end of the minute in which all fell.
    assert 0 < found["lane_s"] <= dark.MINUTE_S + 1
