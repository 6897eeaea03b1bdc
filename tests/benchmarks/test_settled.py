"""A rig whose level settles elsewhere; words in whose choice a file's own labels have no part."""

import numpy as np
import pytest

from benchmarks.quality_data.settled import (
    SURE,
    f1,
    far_percent,
    interval,
    nested,
    settled_elsewhere,
)
from benchmarks.quality_data.skab import FLOORS, LEARNED, File, Rows

BEGIN, END, N = 600, 800, 1000


def made(seed: int) -> File:
    """A rig whose third channel moves by 10 while it is ill, and comes back 20 rows sooner."""
    values = np.random.default_rng(seed).normal(0.0, 1.0, (N, len(FLOORS)))
    values[BEGIN : END - 20, 2] += 10.0
    ill = np.zeros(N, np.bool_)
    ill[BEGIN:END] = True
    return File(np.arange(N, dtype=float), values, ill, np.zeros(N, np.bool_))


@pytest.mark.parametrize("share", [0.25, 0.5])
def test_a_part_of_what_moved_stays_from_where_it_comes_back(share: float) -> None:
    file = made(0)
    moved = settled_elsewhere(file, share).values - file.values
    assert not moved[: END - 20].any()
    assert not np.delete(moved, 2, axis=1).any()
    assert np.allclose(moved[END - 20 + SURE :, 2], share * 10.0, atol=0.5 * share)


def ringing(*, ill: bool, calm: bool) -> Rows:
    rows = np.full(N, calm)
    rows[BEGIN:END] = ill
    return rows


def test_a_file_has_no_part_in_the_choice_of_its_own_words() -> None:
    files = [made(seed) for seed in range(3)]

    def good(file: File) -> Rows:
        return ringing(ill=True, calm=False)

    def for_the_first_alone(file: File) -> Rows:
        return ringing(ill=file is files[0], calm=False)

    def loud(file: File) -> Rows:
        return ringing(ill=True, calm=True)

    one = nested([files], {"first": for_the_first_alone, "good": good, "loud": loud})
    assert one.chosen.tolist() == [1, 1, 1]
    none = nested([files], {"loud": loud, "first": for_the_first_alone})
    assert none.chosen.tolist() == [1, 1, 1], "whatever rings on all calm rows is not allowed"
    assert f1(none.judged(0)).tolist() == [1.0, 0.0, 0.0]
    assert not far_percent(none.judged(0)).any()


def test_words_may_be_chosen_on_what_was_recorded_and_judged_on_the_rest() -> None:
    recorded = [made(seed) for seed in range(2)]
    moved = [settled_elsewhere(file, 0.5) for file in recorded]

    def as_recorded(file: File) -> Rows:
        here = any(file is one for one in recorded)
        return ringing(ill=True, calm=not here)

    def half(file: File) -> Rows:
        rows = ringing(ill=True, calm=False)
        rows[BEGIN : BEGIN + 100] = False
        return rows

    rules = {"as recorded": as_recorded, "half": half}
    assert nested([recorded, moved], rules).chosen.tolist() == [1, 1]
    assert nested([recorded, moved], rules, as_recorded=True).chosen.tolist() == [0, 0]


def test_an_interval_holds_the_figure_and_is_a_point_where_all_files_are_alike() -> None:
    alike = np.tile([80, 5, 20, 95], (9, 1))
    low, high = interval(alike, far_percent)
    assert low == high == pytest.approx(5.0)
    mixed = np.array([[100, 0, 0, 100], [50, 10, 50, 90], [0, 0, 100, 100]] * 3)
    low, high = interval(mixed, f1)
    assert low < f1(mixed.sum(axis=0)) < high
    assert LEARNED < BEGIN, "faults are in the judged part"
