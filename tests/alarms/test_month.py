"""Ten days of a made city through the whole desk stage, people who acknowledge among it."""

from collections import Counter, deque
from typing import NamedTuple

import msgspec
import pytest

from alarms.desk import AlarmDesk, DeskParts
from alarms.duty.duty import Duty
from alarms.duty.kpi import DAY_S, Period, rates
from alarms.incidents.grouping import Incidents
from alarms.incidents.topology import Edge, Node, Topology
from alarms.lifecycle.alarm_state import AlarmAnswers
from alarms.lifecycle.maintenance import WorkOrders
from alarms.lifecycle.tickets import Tickets
from configuration.configuration import Configuration
from configuration.desk.desk import DeskConfiguration
from contracts.civil_time import CITY
from contracts.desk.commands import Acknowledge
from contracts.desk.notice import Notice
from contracts.ports.lane_log import Message
from lab.generators.alarm_city import EDGES, AlarmCity, AlarmMonth, make
from runtime.installation import CONFIGS
from tests.alarms.duty.city import at
from tests.alarms.duty.test_month import LIFELINES, desks_of, plan_of_desks

pytestmark = pytest.mark.slow

DAYS = 10
BEGINS = at("2026-03-02T00:00")
ACKNOWLEDGED_S = 240


class Ran(NamedTuple):
    """What came of the days."""

    month: AlarmMonth
    notices: list[Notice]
    kinds: Counter[str]


def _desk(month: AlarmMonth) -> AlarmDesk:
    shipped = DeskConfiguration.load(CONFIGS, Configuration.load(CONFIGS, {}))
    assets = month.assets.values()
    nodes = [Node(a.id, a.lifeline, a.asset, a.kind, people=a.people) for a in assets]
    kinds = {a.id: a.kind for a in assets}
    edges = [Edge(a.parent, a.id, EDGES[kinds[a.parent], a.kind]) for a in assets if a.parent]
    topology = Topology(nodes, edges, shipped.topology.correlation)
    return AlarmDesk(
        DeskParts(
            config="made",
            zone=CITY,
            lifelines=frozenset(LIFELINES),
            incidents=Incidents(topology, CITY),
            answers=AlarmAnswers(shipped.answers.alarms, CITY),
            tickets=Tickets(shipped.answers.tickets, CITY),
            orders=WorkOrders(),
            duty=Duty(plan_of_desks(desks_of(month))),
        )
    )


def _acknowledge(number: int, incident: str, at_s: int) -> Acknowledge:
    return Acknowledge(
        id=f"c{number}", at=at_s * 1_000, expires=at_s * 1_000 + 1, by="Li", role="duty",
        target=incident,
    )  # fmt: skip


@pytest.fixture(scope="module")
def ran() -> Ran:
    """Without lifts and gas, whose incidents somebody must close; that is told elsewhere."""
    month = make(AlarmCity(20, days=DAYS, lifts=0, gas_points=0))
    desk, found = _desk(month), Ran(month, [], Counter())
    answers: deque[tuple[int, str]] = deque()

    def note(messages: list[Message], now_s: int) -> None:
        for message in messages:
            found.kinds[message.kind] += 1
            if message.kind == "notice":
                notice = msgspec.json.decode(message.body, type=Notice)
                found.notices.append(notice)
                if notice.reason in {"new", "colour"} and not notice.withheld:
                    answers.append((now_s + ACKNOWLEDGED_S, notice.incident))

    for number, told in enumerate(month.told):
        while answers and answers[0][0] <= told.at_s:
            at_s, incident = answers.popleft()
            note(desk.advance(at_s), at_s)
            command = _acknowledge(number, incident, at_s)
            if desk.judge(command) is None:
                note(desk.obey(command), at_s)
        note(desk.take(told.alarm), told.at_s)
    note(desk.advance(BEGINS + DAYS * DAY_S), BEGINS + DAYS * DAY_S)
    return found


def test_no_desk_is_told_more_than_it_can_bear(ran: Ran) -> None:
    period = Period(BEGINS, BEGINS + DAYS * DAY_S)
    busiest = 0
    for desk in desks_of(ran.month):
        found = rates([n for n in ran.notices if n.desk == desk.id], desk.id, period)
        assert found.mean <= 1, desk.id
        assert found.above < 0.01, desk.id
        busiest = max(busiest, found.notices)
    assert busiest > 50


def test_every_line_and_incident_that_ends_is_told_to_have_ended(ran: Ran) -> None:
    reasons: dict[str, set[str]] = {}
    for notice in ran.notices:
        reasons.setdefault(notice.incident, set()).add(notice.reason)
    ended = [name for name, some in reasons.items() if some & {"over", "merged"}]
    assert len(ended) > 0.8 * len(reasons)
    assert ran.kinds["incident"] > 0
    assert ran.kinds["current"] > 0
