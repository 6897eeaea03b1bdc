"""How many alarms are open is counted as they come and go, not by looking at all of them."""

import json
from collections import Counter

import pytest

from pipeline.lane.replay import replay
from tests.laws.path import path
from tests.testkit.streams import troubled

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", ["shelving", "swapping", "shadowing"])
def test_the_counts_are_those_of_the_alarms_that_are_open(name: str) -> None:
    way = path(name)
    stream, lane = way.over(troubled()), way.lane()
    pieces = [stream.records.cut(i, i + 1) for i in range(len(stream.records))]
    most: Counter[str] = Counter()
    for _ in replay(lane, pieces, stream.journal):
        book = lane.parts.book
        held = Counter(json.loads(last)["colour"] for *_, last in book.state()["open"])
        assert +Counter(book.colours()) == held
        most |= held
    assert len(most) > 2, f"an idle day: {most}"
    assert max(most.values()) > 1
