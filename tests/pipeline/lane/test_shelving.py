"""A shelved channel does not ring, whoever's reading changes the level of its rules."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from configuration.lane_plan import Plan, plan_of
from contracts.journal import Change, Entry, Promote, Shadow, Shelve, Swap, Tick, Unshelve
from contracts.ports.lane_parts import Parts
from contracts.records import Records
from pipeline.lane.lane import Lane
from pipeline.lane.shelving import NOBODY, Shelving
from pipeline.snapshot.lane_state import freeze, thaw
from tests.testkit.city import DUTY
from tests.testkit.config_folder import loaded

BEGAN_MS = 1_772_323_200_000
MINUTE_S = 60
DUTIES = "  duty:\n" + DUTY
LIMIT = "limit:\n  high: {yellow: 5.0, orange: 8.0}\n" + DUTIES
# The joint rule is told on the pressure, and moved by readings of the flow.
PRESSURE = (
    "class: water.pressure\nunit: MPa\nperiod: 60 s\n"
    "plausible: {range: [0, 10], future: 5 min, back_fill: 1 h}\n"
    "joint:\n  any: [water.flow.limit]\n  colour: orange\n" + DUTIES
)
SILENT = "silent:\n  after: 3 periods\n" + DUTIES.replace("{observed} {unit}", "{lasted}")
FLOW = (
    "class: water.flow\nunit: m3/h\nperiod: 60 s\n"
    "plausible: {range: [0, 10], future: 5 min, back_fill: 1 h}\n" + LIMIT
)
CATALOGUE = (
    "id,class,asset,group\nwater.a.p,water.pressure,a,water.a\nwater.a.q,water.flow,a,water.a\n"
)
P, Q = "water.a.p", "water.a.q"
WHY = ("li.wei", "a new gauge")
HIGH, LOW = 6.0, 1.0


def plan(folder: Path, pressure: str = PRESSURE, catalogue: str = CATALOGUE) -> Plan:
    files: dict[str, str | bytes] = {
        "water/pressure.yaml": pressure,
        "water/flow.yaml": FLOW,
        "water/catalogue.csv": catalogue,
    }
    return plan_of(loaded(folder, files), "water")


class Pair:
    """A lane that hears a pressure and a flow of one group, minute by minute."""

    def __init__(self, *plans: Plan) -> None:
        self._plans = {plan.configuration.hash: plan for plan in plans}
        self.hashes = list(self._plans)
        self._number = int(plans[0].lane_of[0])
        self.name = plans[0].name(self._number)
        self.lane = Lane(self.name, self.parts_for(self.hashes[0]), self.parts_for)
        self.hear(p=LOW, q=LOW)

    def parts_for(self, config: str) -> Parts:
        return self._plans[config].parts(self._number)

    def hear(self, **values: float) -> list[dict[str, Any]]:
        """What readings of the next minute lead to."""
        at, lane = self.lane.position, self.lane
        rows: list[tuple[int, int, bytes | None]] = []
        for i, (name, value) in enumerate(values.items()):
            time_ms = BEGAN_MS + MINUTE_S * 1000 * (at + i)
            body = {"channel": f"water.a.{name}", "time": time_ms, "value": value}
            rows.append((at + i, time_ms, json.dumps(body).encode()))
        lane.feed(Records.of(rows, at + len(rows)))
        return self.said()

    def apply(self, *changes: Change) -> list[dict[str, Any]]:
        """What journal entries lead to."""
        for change in changes:
            self.lane.apply(Entry(self.lane.position, change))
        return self.said()

    def tick(self, minutes: int) -> list[dict[str, Any]]:
        """What a while without readings leads to."""
        return self.apply(Tick(self.lane.lane_time_s + MINUTE_S * minutes))

    def said(self) -> list[dict[str, Any]]:
        return [json.loads(message.body) for message in self.lane.outbox.take()]


def of(said: list[dict[str, Any]], channel: str) -> list[tuple[str, str, str]]:
    """Rule, state and colour of each revision of a channel's alarms."""
    mine = [alarm for alarm in said if alarm["channel"] == channel and "rule" in alarm]
    return [(alarm["rule"]["name"], alarm["state"], alarm["colour"]) for alarm in mine]


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(plan(tmp_path))


def test_a_joint_rule_on_a_shelved_channel_is_on_record_and_does_not_ring(pair: Pair) -> None:
    pair.apply(Shelve(P, *WHY, 3600))
    said = pair.hear(q=HIGH)
    assert of(said, Q) == [("limit", "active", "yellow")]
    assert of(said, P) == [("joint", "shelved", "orange")]


def test_it_rings_once_its_channel_is_shown_again(pair: Pair) -> None:
    pair.apply(Shelve(P, *WHY, 600))
    pair.hear(q=HIGH)
    assert of(pair.tick(8), P) == []
    assert of(pair.tick(5), P) == [("joint", "active", "orange")]
    pair.apply(Shelve(P, *WHY, 600))
    assert of(pair.apply(Unshelve(P, *WHY)), P) == [("joint", "active", "orange")]


def test_what_clears_on_the_shelf_is_cleared_and_never_rang(pair: Pair) -> None:
    pair.apply(Shelve(P, *WHY, 3600))
    assert of(pair.hear(q=HIGH), P) == [("joint", "shelved", "orange")]
    assert of(pair.hear(q=LOW), P) == [("joint", "cleared", "clear")]
    assert of(pair.apply(Unshelve(P, *WHY)), P) == []


def test_a_witness_on_the_shelf_is_not_heard(pair: Pair) -> None:
    pair.apply(Shelve(Q, *WHY, 3600))
    assert pair.hear(q=HIGH) == []
    assert pair.lane.accounts.counts()["held"] == 1


def restored(pair: Pair) -> None:
    pair.lane = thaw(pair.name, freeze(pair.lane), pair.parts_for)


def copied(pair: Pair) -> None:
    pair.lane = pair.lane.copy()


def swapped(pair: Pair) -> None:
    pair.apply(Swap(pair.hashes[1]))


def promoted(pair: Pair) -> None:
    pair.apply(Shadow(pair.hashes[1], *WHY), Promote(pair.hashes[1], *WHY))


def shadowed_and_restored(pair: Pair) -> None:
    pair.apply(Shadow(pair.hashes[1], *WHY))
    restored(pair)
    pair.apply(Promote(pair.hashes[1], *WHY))


@pytest.mark.parametrize(
    "carried",
    [restored, copied, swapped, promoted, shadowed_and_restored],
    ids=lambda c: c.__name__,
)
def test_a_shelving_outlives_whatever_the_lane_does(
    tmp_path: Path, carried: Callable[[Pair], None]
) -> None:
    other = PRESSURE.replace("colour: orange", "colour: red") + LIMIT + SILENT
    pair = Pair(plan(tmp_path / "first", PRESSURE + SILENT), plan(tmp_path / "other", other))
    pair.apply(Shelve(P, *WHY, 3600))
    carried(pair)
    ((rule, state, colour),) = of(pair.hear(q=HIGH), P)
    assert (rule, state) == ("joint", "shelved")
    assert colour in {"orange", "red"}
    assert pair.hear(p=9.0) == []  # held, whatever limit there is now
    assert of(pair.tick(30), P) == []  # and not waited for
    assert pair.lane.accounts.counts()["held"] == 1
    shown = of(pair.tick(30), P)
    assert ("joint", "active", colour) in shown
    assert of(pair.tick(5), P) == [("silent", "active", "blue")]  # it is waited for again


def test_a_shelving_outlives_its_channels_absence(tmp_path: Path) -> None:
    without = CATALOGUE.replace(f"{P},water.pressure,a,water.a\n", "")
    first, gone = plan(tmp_path / "first"), plan(tmp_path / "gone", catalogue=without)
    pair = Pair(first, gone)
    pair.apply(Shelve(P, *WHY, 3600), Swap(pair.hashes[1]), Swap(pair.hashes[0]))
    assert of(pair.hear(q=HIGH), P) == [("joint", "shelved", "orange")]
    assert pair.hear(p=LOW) == []
    assert pair.lane.accounts.counts()["held"] == 1


def test_a_shadow_whispers_of_a_shelved_channel_that_it_is_shelved(tmp_path: Path) -> None:
    other = PRESSURE.replace("colour: orange", "colour: red")
    pair = Pair(plan(tmp_path / "first"), plan(tmp_path / "other", other))
    pair.apply(Shadow(pair.hashes[1], *WHY), Shelve(P, *WHY, 3600))
    pair.hear(q=HIGH)
    told = [json.loads(message.body) for message in pair.lane.shadow_outbox.take()]
    assert of(told, P) == [("joint", "shelved", "red")]


ONCE = Shelve(P, *WHY, 3600, True, id="c-1")


def shelvings(said: list[dict[str, Any]]) -> list[tuple[str, bool, str]]:
    """State, whether it ends with the alarm, and how it ended, of each record of a shelving."""
    told = [one for one in said if "since" in one]
    return [(t["state"], t.get("once", False), (t["ended"] or {}).get("how", "")) for t in told]


def test_a_one_shot_shelving_ends_when_the_alarm_returns_to_normal(tmp_path: Path) -> None:
    pair = Pair(plan(tmp_path, PRESSURE + LIMIT))
    pair.hear(p=HIGH)
    said = pair.apply(ONCE)
    assert of(said, P) == [("limit", "shelved", "yellow")]
    assert shelvings(said) == [("shelved", True, "")]
    assert of(pair.hear(p=9.0), P) == [("limit", "shelved", "orange")]  # scored, and on record
    said = pair.hear(p=LOW)
    assert of(said, P) == [("limit", "cleared", "clear")]
    assert shelvings(said) == [("shown", True, "return")]
    assert len(pair.lane.shelving) == 0
    assert of(pair.hear(p=HIGH), P) == [("limit", "active", "yellow")]


def test_a_one_shot_shelving_lasts_until_no_alarm_of_its_channel_stands(tmp_path: Path) -> None:
    pair = Pair(plan(tmp_path, PRESSURE + LIMIT))
    pair.apply(ONCE)
    pair.hear(p=HIGH, q=HIGH)
    assert shelvings(pair.hear(p=LOW)) == []
    assert shelvings(pair.hear(q=LOW)) == [("shown", True, "return")]


def test_a_one_shot_shelving_ends_by_time_all_the_same(tmp_path: Path) -> None:
    pair = Pair(plan(tmp_path, PRESSURE + LIMIT))
    pair.hear(p=HIGH)
    pair.apply(ONCE)
    said = pair.tick(61)
    assert of(said, P) == [("limit", "active", "yellow")]
    assert shelvings(said) == [("shown", True, "time")]


def test_the_newest_shelving_of_a_channel_says_whether_its_readings_are_held(
    tmp_path: Path,
) -> None:
    pair = Pair(plan(tmp_path, PRESSURE + LIMIT))
    pair.apply(Shelve(P, *WHY, 3600), ONCE)
    assert of(pair.hear(p=HIGH), P) == [("limit", "shelved", "yellow")]
    pair.apply(Shelve(P, *WHY, 3600))
    assert of(pair.hear(p=LOW), P) == []


@pytest.mark.parametrize(
    "carried",
    [restored, copied, swapped, promoted, shadowed_and_restored],
    ids=lambda c: c.__name__,
)
def test_a_one_shot_shelving_outlives_whatever_the_lane_does(
    tmp_path: Path, carried: Callable[[Pair], None]
) -> None:
    other = PRESSURE.replace("colour: orange", "colour: red") + LIMIT
    pair = Pair(plan(tmp_path / "first", PRESSURE + LIMIT), plan(tmp_path / "other", other))
    pair.apply(ONCE)
    carried(pair)
    assert of(pair.hear(p=HIGH), P) == [("limit", "shelved", "yellow")]
    assert shelvings(pair.hear(p=LOW)) == [("shown", True, "return")]


def test_shelvings_by_time_are_kept_as_an_earlier_release_reads_them(pair: Pair) -> None:
    pair.apply(Shelve(P, *WHY, 3600, id="c-1"))
    (kept,) = pair.lane.shelving.orders()
    assert kept[0] == P
    assert len(kept) == 7
    assert not Shelving({P: 1}, [kept]).once(P)


def test_the_next_end_is_that_of_the_shelving_that_ends_first() -> None:
    shelving = Shelving({"b": 30})
    assert shelving.soonest_s == 30
    shelving.put("a", 10)
    assert (shelving.soonest_s, len(shelving)) == (10, 2)
    shelving.put("a", 20)
    assert shelving.soonest_s == 20
    assert not shelving.take("c")
    assert shelving.take("a")
    assert shelving.soonest_s == 30
    assert shelving.ended(30) == ["b"]
    assert (shelving.soonest_s, len(shelving)) == (NOBODY, 0)
