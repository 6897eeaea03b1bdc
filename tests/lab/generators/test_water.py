"""Readings of a water network: the same for a seed, and troubled where the labels say so."""

from dataclasses import replace

import numpy as np
import pytest

from lab.generators.made import NS, Made
from lab.generators.water import Water, water
from lab.generators.water_usage import Noise

SMALL = Water(7, calm_spans=1, every_s=900)
QUIET = Noise(0.0, 0.0, 0.0, 3.0, 0.0, 0.0)


@pytest.fixture(scope="module")
def burst() -> Made:
    return water(SMALL)


def residual(made: Made, channel: str) -> tuple[np.ndarray, np.ndarray]:
    """Values against those of three days before, and whether trouble is on."""
    time_ns, value = made.of(channel)
    half = len(value) // 2
    (event,) = made.events
    on = (time_ns >= event.begin_ns) & (time_ns < event.end_ns)
    return value[half:] - value[:half], on[half:]


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
    assert np.unique(np.diff(burst.of("water.101.pressure")[0])).tolist() == [900 * NS]
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
    assert more[first : first + 4] == pytest.approx(800.0, abs=1.0)
    drops = [
        made.of(cells["id"])[1][first] - calm.of(cells["id"])[1][first]
        for cells in made.catalogue
        if cells["class"] == "water.pressure"
    ]
    assert max(drops) <= 0.0
    assert min(drops) < -0.001
