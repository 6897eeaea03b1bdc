"""A shadow plays along: it changes nothing that the lane tells, and takes over what it learned."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.journal import Change, Promote, Rollback, Shadow, Swap
from contracts.ports.lane_log import Message
from contracts.ports.lane_parts import Parts
from contracts.records import Records
from contracts.transition import Transitions
from pipeline.lane.lane import Lane
from pipeline.lane.replay import replay
from pipeline.snapshot.lane_state import freeze
from pipeline.worker.shadow_commands import settled, unfit
from tests.laws.journals import journals
from tests.laws.path import numbered, path
from tests.testkit.streams import Stream, days, troubled

pytestmark = pytest.mark.slow

WAY = path("anything")  # the first plan governs; the second has other figures and delays
LIVE, OTHER = (plan.configuration.hash for plan in WAY.plans[:2])
WHY = ("li.wei", "quieter at night")
N = len(troubled())


class Played:
    """A lane's whole life, and what it told of each kind."""

    def __init__(self, stream: Stream, lane: Lane | None = None) -> None:
        self.lane = lane or WAY.lane()
        self.told = list(replay(self.lane, [stream.records], stream.journal))
        self.alarms = self.of("alarm")
        self.shadow_outbox = self.of("shadow")

    def of(self, kind: str) -> list[bytes]:
        return [message.body for message in self.told if message.kind == kind]

    def state(self) -> dict[str, bytes]:
        """What the governing rules remember."""
        arrays = freeze(self.lane).arrays
        return {n: a.tobytes() for n, a in arrays.items() if not n.startswith("shadow/")}


def played(*changes: tuple[int, Change]) -> Played:
    """The troubled day under some changes before records at some places."""
    records = troubled()
    return Played(Stream(records, numbered(records, changes)))


def without(told: Sequence[Message]) -> list[Message]:
    return [message for message in told if message.kind != "shadow"]


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_shadow_never_changes_a_live_byte(data: st.DataObject) -> None:
    records: Records = data.draw(days(10))
    alone = Stream(records, data.draw(journals(WAY, records)))
    config = data.draw(st.sampled_from([plan.configuration.hash for plan in WAY.plans]))
    (begin,) = numbered(records, [(data.draw(st.integers(0, 8)), Shadow(config, *WHY))])
    entries = sorted([begin, *alone.journal], key=lambda numbered: numbered[1].at)
    calm, found = Played(alone), Played(Stream(records, tuple(entries)))
    assert without(found.told) == calm.told
    assert found.state() == calm.state()
    assert found.lane.accounts.counts() == calm.lane.accounts.counts()
    assert found.lane.shadow is not None
    assert not found.lane.shadow.trouble
    assert (found.lane.outbox.sequence, found.lane.outbox.digest) == (
        calm.lane.outbox.sequence,
        calm.lane.outbox.digest,
    )


@pytest.mark.parametrize("place", [1, N // 4, N // 2])
def test_a_shadow_tells_what_a_reload_would_have_told(place: int) -> None:
    shadowed, swapped = played((place, Shadow(OTHER, *WHY))), played((place, Swap(OTHER)))
    assert shadowed.shadow_outbox == swapped.alarms[-len(shadowed.shadow_outbox) :]
    assert len(shadowed.shadow_outbox) > 5
    assert shadowed.alarms == played().alarms != swapped.alarms


@pytest.mark.parametrize("place", [1, N // 4, N // 2])
def test_promoted_at_once_it_is_a_reload_byte_for_byte(place: int) -> None:
    why = (OTHER, *WHY)
    promoted = played((place, Shadow(*why)), (place, Promote(*why)))
    swapped = played((place, Swap(OTHER)))
    assert promoted.alarms == swapped.alarms
    assert promoted.state() == swapped.state()
    assert promoted.lane.parts.book.state() == swapped.lane.parts.book.state()


@pytest.mark.parametrize("place", [N // 4, N // 2, 3 * N // 4])
def test_promoted_later_it_keeps_all_that_it_has_learned_since_it_began(place: int) -> None:
    why = (OTHER, *WHY)
    promoted = played((5, Shadow(*why)), (place, Promote(*why)))
    swapped = played((5, Swap(OTHER)))
    assert promoted.state() == swapped.state()
    assert shown(promoted) == shown(swapped)
    assert promoted.lane.parts.config == OTHER


def shown(found: Played) -> list[tuple[str, str, str, str]]:
    """Open alarms as an operator sees them."""
    held = [json.loads(last) for *_, last in found.lane.parts.book.state()["open"]]
    return [(a["channel"], a["rule"]["name"], a["colour"], a["state"]) for a in held]


def test_the_world_can_follow_every_alarm_over_a_promotion() -> None:
    why = (OTHER, *WHY)
    for place in range(10, N, 12):
        revisions: dict[str, int] = {}
        for body in played((5, Shadow(*why)), (place, Promote(*why))).alarms:
            alarm = json.loads(body)
            assert alarm["revision"] == revisions.get(alarm["id"], 0) + 1, alarm
            revisions[alarm["id"]] = alarm["revision"]


def test_a_promotion_is_taken_back_and_a_deployment_settles_it() -> None:
    why = (OTHER, *WHY)
    promotion = ((5, Shadow(*why)), (N // 2, Promote(*why)))
    promoted, back = played(*promotion), played(*promotion, (N // 2 + 9, Rollback(*why)))
    deployed = played(*promotion, (N // 2 + 9, Swap(OTHER)))
    assert settled(promoted.lane, LIVE)
    assert not settled(promoted.lane, OTHER)
    assert settled(back.lane, LIVE)
    assert back.lane.parts.config == LIVE
    assert settled(deployed.lane, OTHER)
    assert not settled(deployed.lane, LIVE)
    assert deployed.alarms == promoted.alarms
    # And a shadow that is let go of leaves no trace.
    gone = played((5, Shadow(*why)), (N // 2, Rollback(*why)))
    assert (gone.alarms, gone.state()) == (played().alarms, played().state())
    assert gone.lane.shadow is None
    assert gone.shadow_outbox


def test_commands_that_do_not_fit_are_refused_with_a_reason() -> None:
    why = (OTHER, *WHY)
    idle, runs = played().lane, played((5, Shadow(*why))).lane
    promoted = played((5, Shadow(*why)), (9, Promote(*why))).lane
    assert (
        unfit(idle, Shadow(*why)) == unfit(runs, Promote(*why)) == unfit(runs, Rollback(*why)) == ""
    )
    assert unfit(promoted, Rollback(*why)) == ""
    assert "expected no shadow" in unfit(runs, Shadow(*why))
    assert "got none" in unfit(idle, Promote(*why))
    assert "got none" in unfit(promoted, Promote(*why))
    assert f"got {OTHER}" in unfit(runs, Promote(LIVE, *WHY))
    assert "expected a bundle" in unfit(idle, Shadow("0" * 16, *WHY))


class Broken:
    """A scorer of a rule with a bug, which shows after a while."""

    def __init__(self, scorer: Any) -> None:
        self._scorer = scorer
        self._left = 20

    def __getattr__(self, name: str) -> Any:
        return getattr(self._scorer, name)

    def score(self, *arguments: Any) -> Transitions:
        self._left -= 1
        if not self._left:
            raise ZeroDivisionError("a bug")
        notes: Transitions = self._scorer.score(*arguments)
        return notes


def test_a_shadow_that_fails_does_not_stop_the_lane() -> None:
    def dress(parts: Parts) -> Parts:
        broken: Any = Broken(parts.scorer)
        return replace(parts, scorer=broken) if parts.config == OTHER else parts

    records = troubled()
    journal = numbered(records, [(5, Shadow(OTHER, *WHY))])
    pieces = [records.cut(i, i + 1) for i in range(len(records))]
    lane = WAY.lane(dress)
    told = list(replay(lane, pieces, journal))
    assert without(told) == played().told
    assert lane.shadow is not None
    assert "a bug" in lane.shadow.trouble
    assert "it failed" in unfit(lane, Promote(OTHER, *WHY))
