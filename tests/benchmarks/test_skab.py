"""SKAB: a band is chosen on each half of the files, where none is quiet enough too."""

import numpy as np
import pytest

from benchmarks.quality_data.skab import FLOORS, LEARNED, Arm, File, Rows, turns, two_fold

N = 1000  # rows of a file, of which its first 400 are learned


def rows(begin: int, end: int) -> Rows:
    found = np.zeros(N, np.bool_)
    found[begin:end] = True
    return found


def files(count: int = 4) -> list[File]:
    """Runs of the rig that are ill from row 700 to 900."""
    calm = np.zeros((N, len(FLOORS)))
    changes = rows(700, 701) | rows(900, 901)
    return [File(np.arange(N, dtype=float), calm, rows(700, 900), changes) for _ in range(count)]


def arm(rings: Rows, count: int = 4) -> Arm:
    judged = rings[LEARNED:]
    return Arm([judged] * count, [turns(judged)] * count)


@pytest.mark.parametrize("loud", [430, 400])
def test_where_every_band_rings_too_often_the_quietest_is_taken(loud: int) -> None:
    bands = {3.5: arm(rows(loud, 900)), 5.5: arm(rows(550, 900))}  # 150 of 400 calm rows: 37 %
    assert all((one == bands[5.5].rings[0]).all() for one in two_fold(files(), bands).rings)


def test_of_the_quiet_ones_that_which_finds_most_is_taken() -> None:
    bands = {3.5: arm(rows(700, 900)), 4.5: arm(rows(800, 900)), 5.5: arm(rows(400, 900))}
    assert all((one == bands[3.5].rings[0]).all() for one in two_fold(files(), bands).rings)
