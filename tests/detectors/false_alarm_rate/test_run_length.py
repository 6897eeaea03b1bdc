"""Run lengths: the table of the domain notes, tables of the literature, and a simulation."""

import numpy as np
import pytest

from detectors.false_alarm_rate.run_length import (
    cusum_length,
    cusum_limit,
    ewma_band,
    ewma_length,
    run_length,
)

# Section 0.2 of the domain notes, as printed there.
TABLE = [
    (0.25, 5.0, "142"),
    (0.25, 8.0, "738"),
    (0.25, 10.0, "2070"),
    (0.25, 12.0, "5720"),
    (0.5, 5.0, "938"),
    (0.5, 8.0, "1.9e4"),
    (0.5, 10.0, "1.4e5"),
    (0.5, 12.0, "1.0e6"),
    (1.0, 5.0, "1.1e5"),
    (1.0, 8.0, "4.6e7"),
]


@pytest.mark.parametrize(("k", "h", "printed"), TABLE)
def test_the_cusum_is_that_of_the_domain_notes(k: float, h: float, printed: str) -> None:
    digits = 2 if "e" in printed else 3
    assert float(f"{cusum_length(k, h):.{digits - 1}e}") == float(printed)


def test_the_example_of_the_domain_notes() -> None:
    length = run_length(2.0, 12_000, 300 * 10**9)
    assert round(length, -5) == 1.7e6
    assert round(cusum_limit(0.5, length / 2), 1) == 12.5  # the notes count one side only
    fleet = 12_000 * 288 / cusum_length(0.5, 5.0)
    assert round(fleet, -2) == 3700


# S. V. Crowder, Journal of Quality Technology 21, 1989, as the examples of R's package spc give it.
@pytest.mark.parametrize(
    ("smoothing", "band"), [(0.05, 2.32), (0.1, 2.55), (0.15, 2.65), (0.2, 2.72), (0.25, 2.76)]
)
def test_the_ewma_is_that_of_the_literature(smoothing: float, band: float) -> None:
    assert round(ewma_band(smoothing, 250.0), 2) == band


@pytest.mark.parametrize("length", [200.0, 5e4, 1.7e6, 1e9])
@pytest.mark.parametrize("smoothing", [0.02, 0.1, 0.3])
def test_thresholds_give_the_length_back(length: float, smoothing: float) -> None:
    assert ewma_length(smoothing, ewma_band(smoothing, length)) == pytest.approx(length, rel=1e-3)
    assert cusum_length(0.5, cusum_limit(0.5, length)) == pytest.approx(2 * length, rel=1e-6)


@pytest.mark.parametrize(
    ("k", "h", "share"),
    [(0.25, 6.0, 1.0), (0.5, 4.0, 0.992), (0.75, 3.0, 0.976), (1.0, 2.0, 0.933)],
)
def test_two_sided_runs_are_as_long_as_said(k: float, h: float, share: float) -> None:
    """20 000 runs, seed 7, against shares of the formula from a run a hundred times as long."""
    chance = np.random.default_rng(7)
    up, down, length = np.zeros((3, 20_000))
    alive = np.ones(20_000, np.bool_)
    while alive.any():
        z = chance.normal(size=20_000)
        up, down = np.maximum(0.0, up + z - k), np.maximum(0.0, down - z - k)
        length += alive
        alive &= np.maximum(up, down) <= h
    assert length.mean() == pytest.approx(share * cusum_length(k, h) / 2, rel=0.02)
