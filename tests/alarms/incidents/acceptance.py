"""Known disasters as alarms made by hand from their numbers, and what incidents make of them."""

from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from alarms.incidents.edges import Correlation
from alarms.incidents.grouping import Incidents
from alarms.incidents.topology import Edge, Topology
from configuration.configuration import Configuration
from contracts.alarm import Alarm
from contracts.desk.incident import Situation
from runtime.installation import HOME
from tests.alarms.incidents.cities import BEGIN_S, ZONE, Rings, again, cleared, node

DAY_S = 86_400
EVIDENCE = {"elevator": "elevator.car_state", "water": "water.pressure"}


@dataclass(frozen=True)
class Case:
    """A disaster.

    Parameters
    ----------
    name : str
        Of the acceptance table, and what it was.
    edges : str
        `parent kind child`, one a line.
    alarms : str
        `time asset colour`, one a line; a time may say its day: `1/18:34`. The colour of an asset
        that rang before is its alarm's next revision, `clear` its last.
    foreseen : tuple of str, str, int
        Colour that the last incident must have, the time of what it foresees, and by how many
        minutes.
    root : str
        Asset that must be named.
    """

    name: str
    edges: str
    alarms: str
    foreseen: tuple[str, str, int]
    root: str
    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)


CASES = (
    Case(
        "A5 Itaewon 2022-10-29",
        "metro.itaewon metro_crowd crowd.alley",
        # Outflow at every exit from 20:00, one hour of 3.8 times the usual; people cannot move for
        # more than an hour before the densities of 22:15.
        """20:30 metro.itaewon yellow
           20:45 crowd.alley yellow
           21:10 crowd.alley orange
           22:05 crowd.alley red""",
        ("orange", "22:15", 60),
        "metro.itaewon",
    ),
    Case(
        "A6 the Bund 2014-12-31",
        "metro.nanjing-east metro_crowd crowd.bund",
        # Flow builds from 20:00, at 20:30 it nears that of the year before; stalemate from 23:23.
        """20:30 metro.nanjing-east yellow
           20:45 crowd.bund yellow
           22:20 crowd.bund orange
           23:23 crowd.bund red""",
        ("orange", "23:35", 65),
        "metro.nanjing-east",
    ),
    Case(
        "A7 Great Britain 2019-08-09",
        """power.grid frequency_trip metro.trains
           power.grid power_supply power.feeder
           power.feeder power_lift elevator.bank
           power.feeder power_telecom telecom.site""",
        # Lightning at 16:52:33, below 49.5 Hz a second later, 48.8 Hz at 16:53:50: loads are shed.
        """16:52:34 power.grid yellow
           16:53:50 power.grid red
           16:53:51 power.feeder orange
           16:53:52 metro.trains orange
           16:53:55 elevator.bank orange
           16:54:10 telecom.site yellow""",
        ("yellow", "16:53:50", 1),
        "power.grid",
    ),
    Case(
        "A8 Foshan 2018-02-07",
        "tunnel.face inflow_collapse road.lvjing",
        "19:00 tunnel.face orange\n19:10 tunnel.face red\n20:30 road.lvjing yellow",
        ("red", "20:40", 60),
        "tunnel.face",
    ),
    Case(
        "A9 Shiyan 2021-06-13",
        "",
        # The call came about an hour before 06:42; the crew was done 8 min before the blast.
        "05:42 gas.market red\n06:34 gas.market clear",
        ("red", "06:42", 60),
        "gas.market",
    ),
    Case(
        "A10 Tianjin 2015-08-12",
        "hazchem.stack gas_fire fire.yard",
        # Fire at 22:51:46 follows 40 °C; explosions at 23:34:06 and 30 s later.
        """20:10 hazchem.stack yellow
           21:30 hazchem.stack orange
           22:50 hazchem.stack red""",
        ("orange", "22:50", 60),
        "hazchem.stack",
    ),
    Case(
        "A11 Xining 2020-01-13",
        """road.nanda collapse_shear power.cable
           road.nanda collapse_shear water.main
           road.nanda collapse_shear gas.main""",
        """17:36:10 power.cable orange
           17:36:15 water.main orange
           17:36:20 gas.main orange
           17:36:30 road.nanda red""",
        ("red", "17:37:10", 0),
        "road.nanda",
        {"water.main": {"people": 2_850}},
    ),
    Case(
        "A12 Zhengzhou 2021-07-20",
        """weather.rain rain_inundation drain.yard
           drain.yard rain_inundation metro.line-5""",
        # 201.9 mm/h between 16:00 and 17:00; water enters line 5 about 18:00.
        """16:20 weather.rain red
           16:50 drain.yard orange
           17:20 metro.line-5 orange""",
        ("red", "18:00", 30),
        "weather.rain",
    ),
    Case(
        "A13 Shanghai 2016-01",
        "\n".join(f"weather.cold cold_bursts water.pipe-{at}" for at in range(62)),
        "0/06:00 weather.cold orange\n"
        + "\n".join(f"{1 + at // 24}/{at % 24:02}:30 water.pipe-{at} yellow" for at in range(62)),
        ("yellow", "3/13:30", 0),
        "weather.cold",
    ),
)


@dataclass
class Outcome:
    """What became of a case: its incidents, and which colour the last of them had when."""

    situations: list[Situation]
    colours: list[tuple[int, str]]

    def lead_s(self, case: Case) -> int:
        """How long before the event the incident had the colour."""
        return time_of(case.foreseen[1]) - self.since_s(case.foreseen[0])

    def since_s(self, colour: str) -> int:
        """When the incident first had a colour, seconds after the beginning of day 0."""
        return next(at_s for at_s, word in self.colours if word == colour)


@cache
def correlation() -> Correlation:
    """Kinds of edges as they are delivered."""
    return Configuration.load(HOME / "configs", {}).topology.correlation


def time_of(text: str) -> int:
    """Seconds after the beginning of day 0 of `17:36:10` (day 1) or `0/06:00`."""
    day, _, clock = text.rpartition("/")
    hours, minutes, seconds = map(int, (*clock.split(":"), "0")[:3])
    return int(day or 1) * DAY_S + hours * 3_600 + minutes * 60 + seconds


def city_of(case: Case) -> Topology:
    """Assets and edges of a case."""
    edges = [Edge(one, other, kind) for one, kind, other in map(str.split, _lines(case.edges))]
    names = {line.split()[1] for line in _lines(case.alarms)}
    names |= {name for edge in edges for name in (edge.parent, edge.child)}
    kinds = {name: "weather" if name.startswith("weather.") else "asset" for name in names}
    nodes = [node(name, kinds[name], **case.nodes.get(name, {})) for name in sorted(names)]
    return Topology(nodes, edges, correlation())


def alarms_of(case: Case) -> list[tuple[int, Alarm]]:
    """Revisions by time."""
    ring, found = Rings(), []
    last: dict[str, Alarm] = {}
    for line in _lines(case.alarms):
        time, asset, colour = line.split()
        at_s = time_of(time)
        if colour == "clear":
            last[asset] = cleared(last[asset])
        elif asset in last:
            last[asset] = again(last[asset], colour=colour)
        else:
            lifeline = asset.partition(".")[0]
            named = EVIDENCE.get(lifeline, f"{lifeline}.state")
            safety = lifeline in {"gas", "crowd", "hazchem"}
            last[asset] = ring(asset, at_s, colour=colour, class_name=named, life_safety=safety)
        found.append((at_s, last[asset]))
    return found


def play(case: Case) -> Outcome:
    """Take the alarms of a case, and let an hour pass beyond the last."""
    revisions = alarms_of(case)
    incidents = Incidents(city_of(case), ZONE)
    steps: list[tuple[int, dict[str, str]]] = []  # by time: colour of each alarm's incident
    for at_s, alarm in revisions:
        incidents.advance(BEGIN_S + at_s)
        incidents.take(alarm, BEGIN_S + at_s)
        names = {one.id: incidents.of_alarm(one.id) for _, one in revisions}
        colours = {one: incidents.situation(name).colour for one, name in names.items() if name}
        steps.append((at_s, colours))
    incidents.advance(BEGIN_S + revisions[-1][0] + 3_600)
    found = list(dict.fromkeys(incidents.of_alarm(alarm.id) or "" for _, alarm in revisions))
    first = incidents.alarms_of(found[-1])[0]
    seen = [(at_s, colours[first]) for at_s, colours in steps if first in colours]
    return Outcome([incidents.situation(name) for name in found], seen)


def table() -> str:
    """The page of all cases, in Markdown."""
    rows = "".join(_row(case, play(case)) for case in CASES)
    played = "".join(_played(*played) for played in PLAYED)
    return ABOUT + ALL_HEAD + ALL.read_text(encoding="utf-8") + HEAD + rows + PLAYED_HEAD + played


ABOUT = """\
# Acceptance: disasters replayed

The cases of lifelines.md section 20: what is asked, what was measured, and what is missing.
"""

ALL_HEAD = """
## All of them

*Replayed* are alarms made by hand and put together as [below](#incidents); *rules* are the rule
tests [on the same numbers](#rules-on-the-same-numbers); other figures are measured on the page that
is named.

| case | asked | measured | missed, or not measured |
| --- | --- | --- | --- |
"""
ALL = Path(__file__).with_name("acceptance_cases.txt")

HEAD = """
## Incidents

Alarms made by hand from the numbers of lifelines.md section 20, put together by the kinds of edges
that are delivered. They show what grouping makes of alarms: incidents, and the root, colours and
lead time of the last of them. Whether detectors would have rung so is another question. A test
replays them and holds this page.

| case | alarms | incidents | root | colours | foreseen | lead |
| --- | ---: | ---: | --- | --- | --- | ---: |
"""

# Rule tests that play a disaster's numbers to a pack: case, class, and how the test's name begins.
PLAYED = (
    ("A5", "metro.station_exits", "3.8 times the usual"),
    ("A7", "power.pmu_frequency", "a lost import"),
    ("A8", "tunnel.sump", "Foshan 2018"),
    ("A10", "hazchem.temperature", "a stack that heats itself"),
    ("A12", "weather.rain_1h", "the hour of Zhengzhou"),
    ("A13", "weather.cold", "the night of January 2016"),
)
PLAYED_HEAD = """
## Rules on the same numbers

Rule tests that play such a disaster to the rules as they are delivered. Levels between the few that
are known are of the project [E]; times are those of the test.

| case | class | rule test | rings |
| --- | --- | --- | --- |
"""


def _row(case: Case, outcome: Outcome) -> str:
    colour, event, minutes = case.foreseen
    root = outcome.situations[-1].root
    assert root is not None
    shown: list[str] = []
    for _, word in outcome.colours:
        if not shown or shown[-1] != word:
            shown.append(word)
    cells = (
        case.name,
        str(len({alarm.id for _, alarm in alarms_of(case)})),
        str(len(outcome.situations)),
        f"{root.lifeline}.{root.asset}",
        ", ".join(shown),
        f"{colour} {minutes} min before {event.rpartition('/')[2]}",
        str(timedelta(seconds=outcome.lead_s(case))),
    )
    return f"| {' | '.join(cells)} |\n"


def _played(case: str, class_name: str, begins: str) -> str:
    """What a rule test expects."""
    file = f"configs/{class_name.replace('.', '/')}.test.yaml"
    tests = yaml.safe_load((HOME / file).read_text(encoding="utf-8"))["tests"]
    test = next(one for one in tests if one["name"].startswith(begins))
    rings = (f"{one['rule']} {one['colour']} at {one['at']}" for one in test["expect"])
    return f"| {case} | [{class_name}](../{file}) | {test['name']} | {'; '.join(rings)} |\n"


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
