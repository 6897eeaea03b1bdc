"""A made month of a city through the whole desk, people who answer and close among it."""

from collections import Counter, deque
from typing import Any, Final, NamedTuple

import msgspec

from alarms.desk import AlarmDesk, DeskParts
from alarms.duty.desks import Desk, Desks
from alarms.duty.duty import Duty
from alarms.duty.kpi import DAY_S
from alarms.duty.plan import DutyPlan
from alarms.duty.roster import Roster
from alarms.incidents.grouping import Incidents
from alarms.incidents.topology import Edge, Node, Topology
from alarms.lifecycle.alarm_state import AlarmAnswers
from alarms.lifecycle.maintenance import WorkOrders
from alarms.lifecycle.tickets import Tickets
from alarms.wording import clock
from configuration.configuration import Configuration
from configuration.desk.desk import DeskConfiguration
from contracts.civil_time import CITY
from contracts.desk.answer import CurrentAlarm
from contracts.desk.commands import Acknowledge, Advance, Close, Reset
from contracts.desk.notice import Notice
from contracts.ports.lane_log import Message
from contracts.quantities import NS_PER_S
from lab.generators.alarm_city import EDGES, AlarmCity, AlarmMonth, make
from runtime.installation import CONFIGS
from tests.alarms.duty.city import at, desk

SEED: Final = 20
DAYS: Final = 30
BEGINS: Final = at("2026-03-02T00:00")
LIFELINES: Final = ("elevator", "gas", "power", "telecom", "water")
ACKNOWLEDGED_S: Final = 240
LOOKED_AT_S: Final = 7_200  # after which somebody tries to close an incident, and again
# What two people do until a ticket is closed; what cannot be done yet is tried again.
CLOSING: tuple[tuple[type[Any], str, dict[str, str]], ...] = (
    (Acknowledge, "Li", {}),
    *((Advance, "Li", {"to": to}) for to in ("dispatched", "on site", "fed back")),
    (Advance, "Wang", {"to": "checked"}),
    (Reset, "Wang", {}),
    (Close, "Wang", {"verdict": "true"}),
)


class Ran(NamedTuple):
    """What came of the days.

    `stale` by day: alarms that have been active for longer than one, in the whole city;
    `stale_at_desk`: those of the desk that has most.
    """

    month: AlarmMonth
    notices: list[Notice]
    kinds: Counter[str]
    stale: list[int]
    stale_at_desk: list[int]
    left: int


def desks_of(month: AlarmMonth) -> list[Desk]:
    """Operations centres on all levels, and a desk of each trade in the city and its districts."""
    places = {asset.where for asset in month.assets.values()}
    districts = sorted({where.district for where in places})
    desks = [desk("city", "city")]
    desks += [desk(f"city-{line}", "city", lifelines=[line]) for line in LIFELINES]
    for district in districts:
        desks.append(desk(district, "district", district))
        trades = (desk(f"{district}-{a}", "district", district, lifelines=[a]) for a in LIFELINES)
        desks += trades
    desks += [desk(code, "street", code) for code in sorted({where.street for where in places})]
    blocks = sorted({where.neighbourhood for where in places})
    return [*desks, *(desk(code, "neighbourhood", code) for code in blocks)]


def plan_of_desks(desks: list[Desk]) -> DutyPlan:
    """The shipped clocks and budget, nobody ever off duty."""
    return DutyPlan(Desks(desks), Roster(desks, [], CITY), CITY)


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


class People:
    """Everybody at the desks of a made city, and what they hear.

    Parameters
    ----------
    desk : AlarmDesk
    """

    def __init__(self, desk: AlarmDesk) -> None:
        self.desk = desk
        self.notices: list[Notice] = []
        self.kinds: Counter[str] = Counter()
        self.active: dict[bytes, str] = {}
        self._answers: deque[tuple[int, str]] = deque()
        self._known: set[bytes] = set()
        self._work: deque[tuple[int, str]] = deque()

    def hear(self, messages: list[Message]) -> None:
        for message in messages:
            self.kinds[message.kind] += 1
            if message.kind == "notice":
                self._told(msgspec.json.decode(message.body, type=Notice))
            elif message.kind == "incident" and message.key not in self._known:
                self._known.add(message.key)
                self._work.append((self.desk.time_s + LOOKED_AT_S, message.key.decode()))
            elif message.kind == "current":
                self._current(message)

    def _told(self, notice: Notice) -> None:
        self.notices.append(notice)
        if notice.reason in {"new", "colour", "escalated"} and not notice.withheld:
            self._answers.append((self.desk.time_s + ACKNOWLEDGED_S, notice.incident))

    def _current(self, message: Message) -> None:
        self.active.pop(message.key, None)
        if message.body:
            current = msgspec.json.decode(message.body, type=CurrentAlarm)
            if current.answer.active:
                self.active[message.key] = current.alarm.onset

    def act(self, until_s: int) -> None:
        """Do in time what is to be done up to a moment."""
        while due := [some[0] for some in (self._answers, self._work) if some]:
            at_s, incident = min(due)
            if at_s > until_s:
                break
            self.hear(self.desk.advance(max(at_s, self.desk.time_s)))
            if self._answers and self._answers[0] == (at_s, incident):
                self._answers.popleft()
                self._give(Acknowledge, "Li", incident, {})
            else:
                self._work.popleft()
                self._close(incident)
        self.hear(self.desk.advance(until_s))

    def _close(self, incident: str) -> None:
        done = [self._give(kind, by, incident, more) for kind, by, more in CLOSING]
        if not done[-1]:
            self._work.append((self.desk.time_s + LOOKED_AT_S, incident))

    def _give(self, kind: type[Any], by: str, target: str, more: dict[str, str]) -> bool:
        """Give a command; whether it was carried out, or is about nothing that is left."""
        command = kind(by=by, role="duty", target=target, **more)
        ground = self.desk.judge(command)
        if ground is None:
            self.hear(self.desk.obey(command))
        return ground is None or ground[0] in {"unknown_incident", "no_ticket", "wrong_state"}


def month_at_the_desk() -> Ran:
    """The month, every alarm of it taken and answered."""
    month = make(AlarmCity(SEED, days=DAYS))
    people = People(_desk(month))
    stale, stale_at_desk = list[int](), list[int]()
    told = deque(month.told)
    for day in range(1, DAYS + 1):
        midnight_s = BEGINS + day * DAY_S
        while told and told[0].at_s < midnight_s:
            people.act(told[0].at_s)
            people.hear(people.desk.take(told.popleft().alarm))
        people.act(midnight_s)
        before = clock((midnight_s - DAY_S) * NS_PER_S, CITY)
        stale.append(sum(onset < before for onset in people.active.values()))
        *_, figures = people.desk.surveying()
        assert figures is not None, "the last piece"
        stale_at_desk.append(max(one.standing.get("stale", 0) for one in figures.desks))
    left = people.desk.counts()["incidents"]
    return Ran(month, people.notices, people.kinds, stale, stale_at_desk, left)
