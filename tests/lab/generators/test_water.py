"""Readings of a water network: the same for a seed, and troubled where the labels say so."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lab.generators.__main__ import main
from lab.generators.made import NS, Made
from lab.generators.water import Water, water
from lab.generators.water_usage import Noise, Usage, measured

SMALL = Water(7, calm_spans=1, every_s=1800)
QUIET = Noise(0.0, 0.0, 0.0, 3.0, 0.0, 0.0)


@pytest.fixture(scope="module")
def burst() -> Made:
    return water(SMALL)


@pytest.mark.slow
def test_a_seed_gives_the_same_readings_bit_for_bit_and_another_gives_others(burst: Made) -> None:
    again, other = water(SMALL), water(replace(SMALL, seed=8))
    assert burst.value.tobytes() == again.value.tobytes()
    assert burst.events == again.events
    assert burst.value.tobytes() != other.value.tobytes()
    assert burst.events[0].drawn != other.events[0].drawn


@pytest.mark.slow
def test_a_span_is_that_of_its_seed_whichever_run_it_is_drawn_in() -> None:
    two = water(replace(SMALL, seed=6, spans=2))
    assert two.events[1].drawn == water(SMALL).events[0].drawn


@pytest.mark.slow
def test_channels_tell_at_every_step_to_their_last_digit(burst: Made) -> None:
    assert len(burst) == len(burst.catalogue) * 2 * SMALL.steps
    assert len({cells["id"] for cells in burst.catalogue}) == len(burst.catalogue) == 16
    assert np.unique(np.diff(burst.of("water.101.pressure")[0])).tolist() == [1800 * NS]
    _, pressure = burst.of("water.101.pressure")
    assert np.abs(pressure * 10_000 - np.round(pressure * 10_000)).max() < 1e-6
    assert 0.1 < pressure.mean() < 0.9


@pytest.mark.slow
def test_during_a_burst_pressure_falls_and_inflow_rises_by_what_runs_out() -> None:
    made = water(replace(SMALL, noise=QUIET, loss_m3h=(800.0, 801.0)))
    calm = water(replace(SMALL, noise=QUIET, loss_m3h=(1e-9, 1e-8)))
    (event,) = made.events
    place = event.drawn["place"]
    time_ns, inflow = made.of("water.area-1.flow_dma")
    on = (time_ns >= event.begin_ns) & (time_ns < event.end_ns)
    more = inflow - calm.of("water.area-1.flow_dma")[1]
    assert np.abs(more[time_ns < event.begin_ns]).max() == 0.0, place
    first = int(np.flatnonzero(on)[0])
    assert more[first : first + 2] == pytest.approx(800.0, abs=1.0)
    drops = [
        made.of(cells["id"])[1][first] - calm.of(cells["id"])[1][first]
        for cells in made.catalogue
        if cells["class"] == "water.pressure"
    ]
    assert max(drops) <= 0.0
    assert min(drops) < -0.001


@pytest.mark.slow
def test_a_pump_that_trips_lifts_nothing_until_it_is_mended() -> None:
    made = water(replace(SMALL, seed=3, kind="trip"))
    (event,) = made.events
    time_ns, pumped = made.of(f"water.{event.drawn['closed']}.flow_pump")
    on = (time_ns >= event.begin_ns) & (time_ns < event.end_ns)
    assert np.abs(pumped[on]).max() == 0.0
    assert pumped[~on].max() > 100.0


@pytest.mark.slow
def test_a_leak_grows_with_the_square_of_time() -> None:
    grows = replace(SMALL, kind="leak", lasts_h=(24.0, 30.0), grows_h=24.0, noise=QUIET)
    leak = water(replace(grows, loss_m3h=(100.0, 101.0)))
    calm = water(replace(grows, loss_m3h=(1e-9, 1e-8)))
    (event,) = leak.events
    time_ns, inflow = leak.of("water.area-1.flow_dma")
    first = int(np.searchsorted(time_ns, event.begin_ns))
    more = (inflow - calm.of("water.area-1.flow_dma")[1])[first:]
    hours = np.array([6, 12, 23])
    assert more[hours * 2] == pytest.approx(event.drawn["loss_m3h"] * (hours / 24) ** 2, abs=0.5)


@pytest.mark.slow
def test_the_command_writes_what_was_asked_for_and_refuses_what_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "water",
        "--seed",
        "7",
        "--out",
        str(tmp_path / "made"),
        "calm_spans=0",
        "every_s=3600",
    ]
    assert main([*words, "sensors=101,205"]) == 0
    assert capsys.readouterr().out.startswith("576 readings of 8 channels in")
    assert (tmp_path / "made" / "labels.yaml").is_file()
    assert main([*words, "kind=leek"]) == 2
    assert main([*words, "knd=leak"]) == 2
    assert "knd=leak: expected one of seed, network," in capsys.readouterr().err


def test_trouble_that_would_outlast_its_span_is_refused() -> None:
    with pytest.raises(ValueError, match="room for trouble until hour 78, got 3; lengthen"):
        water(replace(SMALL, lasts_h=(40.0, 48.0)))


def test_usage_wavers_by_what_was_asked_in_the_sum_of_its_zones() -> None:
    weights = np.array([0.5, 0.3, 0.2])
    rng = np.random.default_rng(1)
    reading = Usage(replace(QUIET, reading=0.04), weights, 20, 300).draw(rng) @ weights
    assert reading.mean() == pytest.approx(1.0, abs=0.002)
    assert reading.std() == pytest.approx(0.04, abs=0.001)
    slow = Usage(replace(QUIET, hours=0.04), weights, 200, 300).draw(rng)
    assert (slow == slow[:, :1]).all()
    assert slow[:, 0].std() == pytest.approx(0.04, abs=0.004)
    faded = np.corrcoef(slow[:-36, 0], slow[36:, 0])[0, 1]
    assert faded == pytest.approx(np.exp(-1.0), abs=0.08)


def test_days_go_on_over_the_end_of_a_span() -> None:
    usage = Usage(replace(QUIET, days=0.02), np.ones(1), 3, 300)
    rng = np.random.default_rng(1)
    first, second = usage.draw(rng), usage.draw(rng)
    assert abs(second[0, 0] - first[-1, 0]) < 0.001
    assert first.std() > 0.005


def test_a_meter_tells_its_last_digit() -> None:
    rng = np.random.default_rng(1)
    assert measured(np.array([1.26, -0.04]), 0.0, 0.1, rng).tolist() == [1.3, 0.0]
