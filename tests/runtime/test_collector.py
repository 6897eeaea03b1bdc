"""The collector is left as it was, and told to come seldom, or to rest, meanwhile."""

import gc

from runtime import collector
from runtime.collector import SELDOM, seldom


def test_collections_are_few_inside_and_as_before_behind() -> None:
    before = gc.get_threshold()
    with seldom():
        assert gc.get_threshold() == SELDOM
    assert gc.get_threshold() == before


def test_the_collector_rests_until_the_last_of_several_blocks_ends_in_any_order() -> None:
    first, second = collector.resting(), collector.resting()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert not gc.isenabled()
    second.__exit__(None, None, None)
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_so() -> None:
    gc.disable()
    try:
        with collector.resting():
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_very_much_that_is_young_is_made_old_at_once_and_little_is_left() -> None:
    with collector.resting():
        gc.collect()
        collector.let_age()
        few = gc.get_count()[0]
        held = [[number] for number in range(2 * SELDOM[0])]
        assert gc.get_count()[0] > SELDOM[0] + few
        collector.let_age()
        assert gc.get_count()[0] < SELDOM[0]
    assert held
