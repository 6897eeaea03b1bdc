"""Ways of running a lane: one rule or several, with a journal or without, swapped underway."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path as Folder
from tempfile import TemporaryDirectory
from typing import Final

from configuration.configuration import Configuration
from configuration.lane_plan import Plan, plan_of
from contracts.journal import (
    Accept,
    Change,
    Entry,
    Outage,
    Promote,
    Refuse,
    Rollback,
    Shadow,
    Shed,
    Shelve,
    Swap,
    Tick,
    Unshelve,
)
from contracts.lane import LaneName
from contracts.ports.lane_parts import Parts
from contracts.records import Records
from ingest.partitioner import home_lane
from pipeline.lane.lane import Lane
from tests.testkit.city import DUTY
from tests.testkit.streams import CHANNELS, ELSEWHERE, TROUBLED, WITNESS, Stream

LANES: Final = 2
HEAD: Final = """\
class: water.level
unit: m
period: 10 s
plausible: {range: [0, 10], fastest: 5 per s, future: 30 s, back_fill: 2 min}
"""
SLOW: Final = "  on_delay: 10 s\n  off_delay: 20 s\n"
STEPS: Final = "  over: 40 s\n  least: 3\n  by: {blue: 1.0, red: 3.0}\n  hysteresis: 0.2\n"
LOW: Final = "  low: {blue: 2.0, yellow: 1.6, orange: 1.2, red: 0.8}\n  hysteresis: 0.1\n"
HIGH: Final = "  high: {orange: 8.0, red: 9.0}\n  hysteresis: 0.1\n"
EWMA: Final = (
    "  model: ewma\n  smoothing: 0.1\n  band: 5 sigma\n  floor: 0.05\n  warm_up: 8\n"
    "  at_most: yellow\n  off_delay: 20 s\n  hysteresis: 1 sigma\n  relearn_after: 40 s\n"
    "  sums: {k: 0.5 sigma, h: 8 sigma}\n"
)
RULES: Final[dict[str, dict[str, str]]] = {
    "limit_low": {"limit": LOW + SLOW},
    "limit_by_colour": {
        "limit": LOW
        + "  off_delay: 20 s\n  on_delay: 30 s\n  on_delays: {orange: 10 s, red: 0 s}\n"
    },
    "limit_high": {"limit": HIGH + SLOW},
    "unusual": {"unusual": EWMA},
    "frozen": {
        "frozen": "  after: 1 min\n  resolution: 0.05\n  at_most: blue\n  off_delay: 20 s\n"
    },
    "silent": {"silent": "  after: 3 periods\n  colour: blue\n"},
    "invalid": {"invalid": "  after: 3 periods\n  off_delay: 10 s\n"},
    "fall": {"fall": STEPS},
    "rise": {"rise": STEPS + SLOW},
}
# Kinds that ring on the witness within minutes; others learn for longer, and keep four of the laws
# on streams of their own (tests/detectors).
KINDS: Final[dict[str, dict[str, str]]] = {
    "seasonal": {
        "seasonal": "  slot: 1 h\n  band: 5 sigma\n  floor: 0.05\n  warm_up: 8\n"
        "  at_most: yellow\n  off_delay: 20 s\n  hysteresis: 1 sigma\n  relearn_after: 40 s\n"
    },
    "total": {"total": "  over: 30 s\n  low: {blue: 8, orange: 4}\n  high: {yellow: 24}\n"},
    "rolling_sum": {
        "rolling_sum": "  over: {1 min: {yellow: 40}, 2 min: {blue: 60, orange: 90}}\n"
        "  every: 10 s\n  off_delay: 20 s\n  hysteresis: 2\n"
    },
    "unit_change": {
        "unit_change": "  floor: 1\n  at_most: blue\n  confirm: 3\n  warm_up: 8\n  memory: 50\n"
        "  off_delay: 10 s\n"
    },
    "drift": {"drift": "  page_hinkley: {threshold: 5, slack: 0.1, least: 5}\n  off_delay: 20 s\n"},
    "shift": {
        "shift": "  floor: 0.05\n  at_most: yellow\n  charts: cusum\n  h: 6 sigma\n  warm_up: 10\n"
        "  memory: 100\n  off_delay: 20 s\n"
    },
    "departure": {
        "departure": "  band: 2 sigma\n  floor: 0.05\n  at_most: yellow\n  smoothing: 0.8\n"
        "  memory: 4\n  warm_up: 14\n  settle: 10\n  off_delay: 20 s\n  relearn_after: 40 s\n"
    },
    "novelty": {
        "novelty": "  window: 3\n  floor: 0.05\n  above: 1\n  warm_up: 8\n  at_most: yellow\n"
        "  off_delay: 20 s\n"
    },
    "seasonal_shift": {
        "seasonal": "  slot: 1 h\n  band: 90 sigma\n  floor: 0.05\n  warm_up: 3\n  at_most: blue\n",
        "shift": "  of: seasonal\n  floor: 0.05\n  at_most: blue\n  charts: cusum\n  h: 6 sigma\n"
        "  warm_up: 10\n  memory: 100\n  off_delay: 20 s\n",
    },
}
ALL: Final = {
    "limit": LOW.split("\n", 1)[0] + "\n" + HIGH + SLOW,
    **{name: text for rule in RULES.values() for name, text in rule.items() if name != "limit"},
}
# The same rules with other figures and delays.
OTHER: Final = {
    **ALL,
    "limit": LOW + "  on_delay: 0 s\n  off_delay: 5 s\n",
    "silent": "  after: 2 periods\n  colour: yellow\n",
    "invalid": "  after: 4 periods\n  colour: yellow\n",
}


def rules_without(*names: str) -> dict[str, str]:
    """All rules but some."""
    return {name: text for name, text in ALL.items() if name not in names}


@cache
def plan(rules: tuple[tuple[str, str], ...], channels: tuple[str, ...] = CHANNELS) -> Plan:
    """A configuration of some rules for one class, read from a folder."""
    duty = "  duty:\n" + DUTY
    text = HEAD
    for name, words in rules:
        shown = "silent for {lasted}" if name in {"silent", "invalid"} else "{observed} {unit}"
        text += f"{name}:\n{words}{duty.replace('{observed} {unit}', shown)}"
    table = "id,class,asset,group\n" + "".join(
        f"{channel},water.level,{channel.split('.')[1]},{channel.rsplit('.', 1)[0]}\n"
        for channel in (*channels, ELSEWHERE)
    )
    settings = (
        f'kafka: {{bootstrap: "localhost:9092"}}\nlifelines: {{water: {{partitions: {LANES}}}}}\n'
    )
    with TemporaryDirectory() as name:
        water = Folder(name, "water")
        water.mkdir()
        (water / "level.yaml").write_text(text)
        (water / "catalogue.csv").write_text(table)
        Folder(name, "tocsin.yaml").write_text(settings)
        return plan_of(Configuration.load(Folder(name), {}), "water")


@dataclass(frozen=True)
class Path:
    """One way of running a lane.

    Parameters
    ----------
    name : str
    plans : tuple of Plan
        The first governs from the beginning; swaps lead to the others.
    rings : frozenset of str
        Rules that must have rung and cleared before a law may say that it holds.
    changes : callable
        Journal of this path over some records: (place among the records, change).
    """

    name: str
    plans: tuple[Plan, ...]
    rings: frozenset[str]
    changes: Callable[["Path", Records], list[tuple[int, Change]]] = field(
        default=lambda _path, _records: []
    )

    @property
    def number(self) -> int:
        """The lane that owns the channels."""
        return home_lane(WITNESS.rsplit(".", 1)[0], LANES)

    @property
    def lane_name(self) -> LaneName:
        return self.plans[0].name(self.number)

    def parts_for(self, config: str) -> Parts:
        """Parts of the plan with this hash, as new."""
        plans = {plan.configuration.hash: plan for plan in self.plans}
        return plans[config].parts(self.number)

    def lane(self, dress: Callable[[Parts], Parts] = lambda parts: parts) -> Lane:
        """A newborn lane; `dress` may put something around its parts."""
        first = self.parts_for(self.plans[0].configuration.hash)
        return Lane(self.lane_name, dress(first), lambda config: dress(self.parts_for(config)))

    def over(self, records: Records) -> Stream:
        """Stream of the path over some records."""
        changes = sorted(self.changes(self, records), key=lambda change: change[0])
        return Stream(records, numbered(records, changes))


def numbered(
    records: Records, changes: Sequence[tuple[int, Change]]
) -> tuple[tuple[int, Entry], ...]:
    """Journal of changes before records at some places, in order, with holes between offsets."""
    entries: list[tuple[int, Entry]] = []
    for place, change in changes:
        at_end = place >= len(records)
        at = records.next_offset if at_end else int(records.offset[place])
        command = None if isinstance(change, Tick | Outage | Swap) else 10 + len(entries)
        entries.append((3 * len(entries), Entry(at, change, command)))
    return tuple(entries)


def _stamp_s(records: Records, place: int) -> int:
    return int(records.timestamp_ms[: place + 1].max()) // 1000


def ticks(path: Path, records: Records) -> list[tuple[int, Change]]:
    """Ticks ahead of the records, at once behind one another, and long after the last."""
    del path
    n = len(records)
    ahead = [(place, Tick(_stamp_s(records, place) + 3)) for place in range(0, n, 5)]
    last = _stamp_s(records, n - 1)
    return [
        *ahead,
        (n // 2, Tick(_stamp_s(records, n // 2))),
        (5 * n // 8, Outage(4)),
        (n, Tick(last + 45)),
        (n, Tick(last)),
    ]


def shelvings(path: Path, records: Records) -> list[tuple[int, Change]]:
    """Shelvings that end by time, by hand, with an alarm, twice, in vain, and over a fault."""
    n = len(records)
    why = ("tester", "drill")
    return [
        (n // 8, Shelve(TROUBLED[0], *why, 20)),
        (n // 4, Shelve(TROUBLED[1], *why, 3600)),
        (n // 4, Shelve(TROUBLED[2], *why, 15)),
        (3 * n // 8, Unshelve(TROUBLED[1], *why)),
        (3 * n // 8, Unshelve(TROUBLED[1], *why)),
        (n // 2, Accept(TROUBLED[0], *why)),
        (n // 2, Accept(WITNESS, *why)),
        (5 * n // 8, Refuse("unknown_channel", "expected a channel", "{}")),
        (5 * n // 8, Shelve(WITNESS, *why, 25)),
        (5 * n // 8 + 1, Shelve(WITNESS, *why, 10)),
        (3 * n // 4, Shelve(TROUBLED[1], *why, 40, True)),
        (n, Shelve(TROUBLED[0], *why, 30)),
        *ticks(path, records)[-2:],
    ]


def swaps(path: Path, records: Records) -> list[tuple[int, Change]]:
    """To each other plan in turn for some records, and back to the first."""
    n = len(records)
    first, *others = [plan.configuration.hash for plan in path.plans]
    found: list[tuple[int, Change]] = []
    for number, other in enumerate(others, 1):
        place = number * n // (len(others) + 1)
        found += [(place, Swap(other)), (place + 2 + number % 4, Swap(first))]
    return [*found, *ticks(path, records)[-2:]]


def _frozen(rules: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(rules.items()))


def _plans() -> tuple[Plan, ...]:
    """All rules, each gone in turn, other figures, and other channels."""
    kinds = [ALL, OTHER, *(rules_without(name) for name in sorted(ALL)), rules_without(*ALL)]
    others = (WITNESS, TROUBLED[0], "water.tank-3.aaa", TROUBLED[2])
    return (*(plan(_frozen(rules)) for rules in kinds), plan(_frozen(ALL), others))


def shadows(path: Path, records: Records) -> list[tuple[int, Change]]:
    """Shadows that are promoted, taken back, let go of, and that see shelvings and a swap."""
    n = len(records)
    live, *others = [plan.configuration.hash for plan in path.plans]
    one, other = others[0], others[-1]
    why = ("tester", "drill")
    return [
        (n // 8, Shadow(one, *why)),
        (n // 4, Shelve(TROUBLED[0], *why, 20)),
        (3 * n // 8, Promote(one, *why)),
        (n // 2, Shadow(other, *why)),
        (n // 2 + 3, Accept(WITNESS, *why)),
        (5 * n // 8, Rollback(other, *why)),
        (5 * n // 8 + 1, Rollback(one, *why)),
        (6 * n // 8, Shadow(one, *why)),
        (6 * n // 8 + 1, Swap(live)),
        (7 * n // 8, Shed("overload")),
        (7 * n // 8 + 1, Shadow(other, *why)),
        *ticks(path, records)[-2:],
    ]


NAMES: Final = (*RULES, "everything", "ticking", "shelving", "swapping", "shadowing")


@cache
def path(name: str) -> Path:
    """The path of this name."""
    if name in RULES or name in KINDS:
        rules = {**RULES, **KINDS}[name]
        return Path(name, (plan(_frozen(rules)),), frozenset(rules))
    whole = Path(name, (plan(_frozen(ALL)),), frozenset(ALL))
    if name == "anything":  # may ring or not: the witness itself may be shelved
        return replace(whole, plans=_plans(), rings=frozenset())
    if name == "swapping":
        return replace(whole, plans=_plans(), changes=swaps)
    if name == "shadowing":
        return replace(whole, plans=_plans(), changes=shadows)
    journals = {"ticking": ticks, "shelving": shelvings}
    return replace(whole, changes=journals[name]) if name in journals else whole
