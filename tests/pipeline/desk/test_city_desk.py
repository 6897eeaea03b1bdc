"""The city's desk as a stage: a feeder's fall is one incident, whoever dies while it is told."""

import random
from collections import Counter
from contextlib import ExitStack
from typing import Any

import msgspec
import numpy as np
import pytest

from contracts.alarm import Alarm, encode_alarm
from contracts.desk.answer import CurrentAlarm
from contracts.desk.incident import Incident
from contracts.desk.notice import Notice
from tests.alarms.incidents.cities import BEGIN_S
from tests.alarms.incidents.test_feeder import city, trip
from tests.alarms.test_desk import desk
from tests.pipeline.desk.test_desk_deaths import STORM, heirs
from tests.testkit.desk.day import KINDS
from tests.testkit.desk.world import LANES, DeskWorld, on_duty
from tests.testkit.planned_faults import Step

DEATHS = 50
DEADLY = (Step.FETCH, Step.BEGIN, Step.BETWEEN, Step.COMMIT, Step.ANSWER)
LANE_OF = dict.fromkeys(("elevator", "metro", "telecom"), LANES[1]) | {
    "power": LANES[0],
    "water": LANES[2],
}


def told(world: DeskWorld, kind: str, as_type: type[Any]) -> list[Any]:
    return [msgspec.json.decode(m.body, type=as_type) for m in world.told(kind) if m.body]


def ring(world: DeskWorld, alarms: list[Alarm]) -> None:
    for lane in LANES:
        world.ring(lane, *(encode_alarm(a) for a in alarms if LANE_OF[a.lifeline] == lane))


@pytest.mark.long
@pytest.mark.slow
async def test_a_feeder_is_one_incident_after_each_of_fifty_deaths(world: DeskWorld) -> None:
    world.transaction = STORM
    world.desk_for = lambda _: desk(city())
    world.clock.time_ms = 1_000 * (BEGIN_S + 600)
    chance = random.Random(50)
    alarms = [alarm for _, alarm in trip(np.random.default_rng(5))]
    size = -(-len(alarms) // DEATHS)
    with ExitStack() as contexts:
        context = contexts.enter_context(world.context())
        async with on_duty(world, context) as crew, heirs(world, crew, contexts):
            for first in range(0, len(alarms), size):
                world.faults.hang(chance.choice(DEADLY))
                ring(world, alarms[first : first + size])
                await crew.caught_up()
            world.command(kind="acknowledge", target=alarms[0].id)
            await crew.caught_up()
            world.faults.calm()
            await crew.drain()
    assert len(world.faults.fallen) >= DEATHS
    assert world.processes > DEATHS
    _, golden = world.replayed()
    assert {kind: world.told(kind) for kind in KINDS} == {
        kind: [m for m in golden if m.kind == kind] for kind in KINDS
    }
    heard = Counter(n.desk for n in told(world, "notice", Notice) if n.withheld is None)
    assert 0 < sum(heard.values()) <= 10, heard
    newest = {current.alarm.id: current for current in told(world, "current", CurrentAlarm)}
    assert len(newest) == 1_000
    assert newest[alarms[0].id].answer.by == "li.wei"
    gone = {i.id for i in told(world, "incident", Incident) if i.reason == "merged"}
    (name,) = {i.id for i in told(world, "incident", Incident)} - gone
    last = [i for i in told(world, "incident", Incident) if i.id == name][-1]
    assert last.situation.root is not None
    assert (last.situation.root.lifeline, last.situation.root.asset) == ("power", "f0")
