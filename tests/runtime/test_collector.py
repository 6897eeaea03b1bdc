"""The collector is left as it was, and told to come seldom meanwhile."""

import gc

from runtime.collector import SELDOM, seldom


def test_collections_are_few_inside_and_as_before_behind() -> None:
    before = gc.get_threshold()
    with seldom():
        assert gc.get_threshold() == SELDOM
    assert gc.get_threshold() == before
