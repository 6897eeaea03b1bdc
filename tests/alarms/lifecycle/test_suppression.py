"""What is suppressed by design: while a pump stands still, nobody hears that nothing flows."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alarms.desk import AlarmDesk
from alarms.lifecycle.alarm_state import AnswerRules
from alarms.lifecycle.suppression import Suppression
from contracts.alarm import Alarm
from contracts.desk.answer import CurrentAlarm
from contracts.desk.commands import Acknowledge
from contracts.ports.lane_log import Message
from tests.alarms.incidents.cities import Rings, cleared
from tests.alarms.test_desk import currents, desk, incidents, notices, said

pytestmark = pytest.mark.slow

PUMP = "water.pump-1"
RULES = AnswerRules(suppressed=[Suppression(by="water.state/sequence", rules=["water.flow/fall"])])


def stopped(ring: Rings, at_s: int = 0) -> Alarm:
    return ring(PUMP, at_s, rule="sequence", colour="yellow")


def low(ring: Rings, at_s: int = 60, asset: str = PUMP, **more: Any) -> Alarm:
    """Nothing flows, which is orange wherever it is heard."""
    flow: dict[str, Any] = {"class_name": "water.flow", "channel": f"{asset}.flow"}
    return ring(asset, at_s, rule="fall", colour="orange", **flow, **more)


def newest(told: list[Message], alarm: Alarm) -> CurrentAlarm:
    return [one for one in currents(told) if one.alarm.id == alarm.id][-1]


def heard(told: list[Message]) -> set[tuple[str, str]]:
    return {(n.reason, n.colour) for n in notices(told) if n.withheld is None}


def test_while_one_rule_rings_the_other_is_suppressed_and_raises_nothing() -> None:
    ring, stage = Rings(), desk(rules=RULES)
    stage.take(stopped(ring))
    flow = low(ring)
    told = stage.take(flow)
    answer = newest(told, flow).answer
    assert (answer.state, answer.suppressed, answer.active) == ("suppressed", True, True)
    assert heard(told) == set()
    assert {one.situation.colour for one in incidents(told)} <= {"yellow"}


def test_what_rang_before_is_suppressed_from_then_on() -> None:
    ring, stage = Rings(), desk(rules=RULES)
    flow = low(ring, 0)
    stage.take(flow)
    assert newest(stage.take(stopped(ring, 60)), flow).answer.state == "suppressed"


def test_it_is_heard_once_nothing_suppresses_it_any_more() -> None:
    ring, stage = Rings(), desk(rules=RULES)
    pump, flow = stopped(ring), low(ring)
    stage.take(pump)
    stage.take(flow)
    stage.obey(said(Acknowledge, flow.id))
    told = stage.take(cleared(pump))
    answer = newest(told, flow).answer
    assert (answer.state, answer.suppressed) == ("unacknowledged", False)
    assert any(colour == "orange" for _, colour in heard(told))


def test_what_ends_while_it_is_suppressed_leaves_unheard() -> None:
    ring, stage = Rings(), desk(rules=RULES)
    stage.take(stopped(ring))
    flow = low(ring)
    stage.take(flow)
    told = stage.take(cleared(flow))
    assert [m.body for m in told if m.key == flow.id.encode()][-1] == b""


@pytest.mark.parametrize(
    ("asset", "more"),
    [("water.pump-2", {}), (PUMP, {"life_safety": True})],
    ids=["another asset", "lives hang on it"],
)
def test_what_is_never_suppressed_is_told(asset: str, more: dict[str, Any]) -> None:
    ring, stage = Rings(), desk(rules=RULES)
    stage.take(stopped(ring))
    flow = low(ring, 60, asset, **more)
    told = stage.take(flow)
    assert newest(told, flow).answer.state == "unacknowledged"
    assert any(colour == "orange" for _, colour in heard(told))


def test_other_rules_let_it_be_heard_and_say_so() -> None:
    ring, stage = Rings(), desk(rules=RULES)
    stage.take(stopped(ring))
    flow = low(ring)
    stage.take(flow)
    anew = desk()
    told = anew.restore(msgspec.json.decode(msgspec.json.encode(stage.state())))
    assert newest(told, flow).answer.state == "unacknowledged"
    assert any(colour == "orange" for _, colour in heard(told))
    back = desk(rules=RULES)
    told = back.restore(msgspec.json.decode(msgspec.json.encode(anew.state())))
    assert newest(told, flow).answer.state == "suppressed"


def suppressed(stage: AlarmDesk) -> set[str]:
    state = stage.state()["answers"]["open"]
    return {one[0] for one in state if one[12]}


@given(st.lists(st.integers(0, 7), min_size=1, max_size=40))
def test_at_any_time_exactly_what_the_rules_name_is_suppressed(steps: list[int]) -> None:
    ring, stage = Rings(), desk(rules=RULES)
    latest: dict[bool, Alarm] = {}
    for at_s, step in enumerate(steps):
        of_pump, ends = bool(step & 1), bool(step & 2)
        before = latest.get(of_pump)
        stands = before is not None and before.state == "active"
        if before is not None and stands and ends:
            latest[of_pump] = cleared(before)
        elif not stands:
            latest[of_pump] = (stopped if of_pump else low)(ring, at_s)
        else:
            continue
        stage.take(latest[of_pump])
        if step & 4:
            anew = desk(rules=RULES)
            assert anew.restore(msgspec.json.decode(msgspec.json.encode(stage.state()))) == []
            stage = anew
        both = [one.state == "active" for one in latest.values()]
        flow = latest.get(False)
        expected = {flow.id} if flow is not None and both == [True, True] else set()
        assert suppressed(stage) == expected
