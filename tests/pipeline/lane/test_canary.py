"""A lane's canary rings by the code that judges real readings, and touches nothing of the lane."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from contracts.alarm import decode_alarm
from contracts.journal import Entry, Shadow
from contracts.ports.lane_log import Message
from contracts.topics import TopicNames
from contracts.transition import TRANSITION
from pipeline.lane.canary import KIND, canary_alarms
from pipeline.lane.lane import Lane
from pipeline.snapshot.lane_state import freeze
from sinks.kafka.log_layout import lane_layout
from tests.laws.path import path
from tests.testkit.streams import troubled

WAY = path("anything")
NOW_S = 1_700_000_000


def heard(lane: Lane, now_s: int = NOW_S) -> list[Message]:
    """What a lane tells when its canary is judged."""
    return canary_alarms(lane.name, lane.parts, now_s)


def remembered(lane: Lane) -> tuple[dict[str, Any], dict[str, bytes]]:
    """What a snapshot of a lane holds."""
    state = freeze(lane)
    return dict(state.header), {name: array.tobytes() for name, array in state.arrays.items()}


def test_the_known_anomaly_rings_and_clears_under_its_own_kind() -> None:
    told = heard(WAY.lane())
    assert {message.kind for message in told} == {KIND}
    rang, cleared = (decode_alarm(message.body) for message in told)
    assert (rang.state, rang.colour, rang.channel) == ("active", "blue", "water.canary-0")
    assert (cleared.id, cleared.revision, cleared.state) == (rang.id, 2, "cleared")


def test_it_rings_each_time_the_same_whatever_the_lane_has_seen() -> None:
    fresh, old = WAY.lane(), WAY.lane()
    old.feed(troubled())
    old.outbox.take()
    assert heard(old) == heard(fresh)
    assert heard(old) == heard(fresh)


def test_a_lane_and_its_shadow_count_and_remember_nothing_of_it() -> None:
    lane = WAY.lane()
    lane.apply(Entry(0, Shadow(WAY.plans[1].configuration.hash, "li.wei", "a try")))
    lane.feed(troubled())
    before = remembered(lane)
    assert heard(lane)
    assert remembered(lane) == before


def test_its_messages_go_where_neither_desks_nor_the_history_read() -> None:
    names, name = TopicNames(), WAY.lane().name
    (place,) = {lane_layout(name, names).place(message) for message in heard(WAY.lane())}
    assert place.topic == names.shadow


class Deaf:
    """A scorer that finds nothing, or raises."""

    def __init__(self, *, raises: bool) -> None:
        self._raises = raises

    def score(self, *_: object) -> np.ndarray[Any, Any]:
        if self._raises:
            msg = "a kernel that this CPU does not know"
            raise RuntimeError(msg)
        return np.empty(0, TRANSITION)


@pytest.mark.parametrize("raises", [False, True])
def test_a_blind_detector_does_not_ring_and_stops_no_lane(raises: bool) -> None:
    lane = WAY.lane()
    canary = lane.parts.canary
    assert canary is not None
    blind: Any = Deaf(raises=raises)
    lane.parts = replace(lane.parts, canary=lambda: replace(canary(), scorer=blind))
    assert heard(lane) == []
    lane.feed(troubled())
    assert [m for m in lane.outbox.take() if m.kind == "alarm"]
