"""A bug planted against each law is caught by it, and a run that proves nothing is refused."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from alarms.book import AlarmBook
from contracts.batch import Disposition
from detectors.channel.silence import SilenceWatch
from detectors.fused.scorer import ChannelRules
from pipeline.lane.accounting import Accounts
from pipeline.lane.lane import Lane
from tests.laws import LAWS
from tests.laws.outcome import Broken, Idle
from tests.laws.path import path
from tests.testkit.streams import Stream, calm, chatty, troubled

pytestmark = pytest.mark.slow

Planted = Callable[[pytest.MonkeyPatch], None]


def around(patch: pytest.MonkeyPatch, kind: type, name: str, wrap: Callable[..., Any]) -> None:
    """Put `wrap(old, self, …)` in place of a method."""
    old = getattr(kind, name)
    patch.setattr(kind, name, lambda self, *args, **named: wrap(old, self, *args, **named))


def a_gate_that_opens_with_each_batch(patch: pytest.MonkeyPatch) -> None:
    def score(old: Any, self: ChannelRules, *args: Any, **named: Any) -> Any:
        self.rows["learned"] = np.minimum(self.rows["learned"], 20)
        return old(self, *args, **named)

    around(patch, ChannelRules, "score", score)


def a_state_that_is_left_out(patch: pytest.MonkeyPatch) -> None:
    def restore(old: Any, self: SilenceWatch, arrays: Any, old_row: Any) -> None:
        old(self, arrays, old_row)
        self.state["level"] = 0

    around(patch, SilenceWatch, "restore", restore)


def a_look_at_the_clock(patch: pytest.MonkeyPatch) -> None:
    def emit(old: Any, self: AlarmBook, *args: Any, **named: Any) -> Any:
        assert time.time() > 0
        return old(self, *args, **named)

    around(patch, AlarmBook, "emit", emit)


def a_revision_that_is_skipped(patch: pytest.MonkeyPatch) -> None:
    def emit(old: Any, self: AlarmBook, *args: Any, **named: Any) -> Any:
        message = old(self, *args, **named)
        body = message.body.replace(b'"revision":2,', b'"revision":3,')
        return message._replace(body=body)

    around(patch, AlarmBook, "emit", emit)


def a_reading_that_is_not_counted(patch: pytest.MonkeyPatch) -> None:
    def book(old: Any, self: Accounts, disposition: Any, refused: int) -> None:
        old(self, disposition, 0)
        del refused

    around(patch, Accounts, "book", book)


def a_shelf_that_forgets_nothing(patch: pytest.MonkeyPatch) -> None:
    def feeding(old: Any, self: Lane, records: Any) -> Any:
        self.shelving.put(f"nobody-{self.position}", 1 << 40)
        return old(self, records)

    around(patch, Lane, "feeding", feeding)


def a_deadline_that_is_missed(patch: pytest.MonkeyPatch) -> None:
    def fire(old: Any, self: SilenceWatch, lane_time_s: int) -> Any:
        transitions = old(self, lane_time_s)
        return transitions[:-1] if len(transitions) > 1 else transitions

    around(patch, SilenceWatch, "fire", fire)


BUGS: dict[str, Planted] = {
    "Cut": a_gate_that_opens_with_each_batch,
    "Restore": a_state_that_is_left_out,
    "Clock": a_look_at_the_clock,
    "Identity": a_revision_that_is_skipped,
    "Accounting": a_reading_that_is_not_counted,
    "Bounds": a_shelf_that_forgets_nothing,
    "Silence": a_deadline_that_is_missed,
}


@pytest.mark.parametrize("law", LAWS)
def test_a_planted_bug_is_caught(law: str, monkeypatch: pytest.MonkeyPatch) -> None:
    way = path("everything")
    stream = way.over(chatty() if law == "Bounds" else troubled())
    LAWS[law](way, stream)
    BUGS[law](monkeypatch)
    with pytest.raises(Broken):
        LAWS[law](way, stream)


@pytest.mark.parametrize("law", LAWS)
def test_a_day_on_which_nothing_rings_proves_nothing(law: str) -> None:
    with pytest.raises(Idle):
        LAWS[law](path("everything"), Stream(calm()))


def test_every_destiny_came_in_the_troubled_day() -> None:
    way = path("everything")
    found = LAWS["Identity"](way, way.over(troubled()))
    missing = [
        d.word for d in Disposition if not found.counts[d.word] and d is not Disposition.HELD
    ]
    assert missing == []
