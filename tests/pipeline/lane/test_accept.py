"""What an operator takes for normal is normal: learned rules begin anew, limits stay."""

import json
from pathlib import Path
from typing import Any

from configuration.lane_plan import plan_of
from contracts.journal import Accept, Change, Entry, Shelve
from contracts.ports.lane_parts import Parts
from contracts.records import Records
from pipeline.lane.lane import Lane
from tests.testkit.config_folder import loaded

BEGAN_MS = 1_772_323_200_000


def _no_swap(config: str) -> Parts:
    raise AssertionError(config)


class Pressure:
    """A lane that hears one pressure every minute."""

    def __init__(self, folder: Path) -> None:
        plan = plan_of(loaded(folder, {}), "water")
        number = int(plan.lane_of[0])
        self.lane = Lane(plan.name(number), plan.parts(number), _no_swap)

    def hear(self, *values: float) -> list[tuple[str, str]]:
        """Rule and colour of each revision."""
        rows: list[tuple[int, int, bytes | None]] = []
        for i, value in enumerate(values, self.lane.position):
            time_ms = BEGAN_MS + 60_000 * i
            body = {"channel": "water.a.p", "time": time_ms, "value": value}
            rows.append((i, time_ms, json.dumps(body).encode()))
        self.lane.feed(Records.of(rows, self.lane.position + len(rows)))
        return [(said["rule"]["name"], said["colour"]) for said in self.said()]

    def apply(self, change: Change) -> list[dict[str, Any]]:
        """What a journal entry leads to."""
        self.lane.apply(Entry(self.lane.position, change))
        return self.said()

    def accept(self) -> list[dict[str, Any]]:
        return self.apply(Accept("water.a.p", "li.wei", "new pump"))

    def said(self) -> list[dict[str, Any]]:
        return [json.loads(message.body) for message in self.lane.outbox.take()]


def test_learned_rules_begin_anew_and_their_alarms_are_cleared(tmp_path: Path) -> None:
    pressure = Pressure(tmp_path)
    assert pressure.hear(*[0.30] * 40) == []
    assert pressure.hear(*[0.40] * 3) == [("unusual", "yellow")]
    (cleared,) = pressure.accept()
    assert (cleared["state"], cleared["colour"], cleared["revision"]) == ("cleared", "clear", 2)
    assert cleared["say"]["en"].endswith("taken for normal from now on, by li.wei: new pump.")
    assert pressure.hear(*[0.40] * 40) == []
    assert pressure.hear(*[0.30] * 3) == [("unusual", "yellow")]  # the new normal was learned


def test_trap_t5_work_under_an_order_rings_nothing_and_is_on_record(tmp_path: Path) -> None:
    pressure = Pressure(tmp_path)
    pressure.hear(*[0.30] * 40)
    assert ("limit", "orange") in pressure.hear(*[0.13] * 10)
    order = Shelve("water.a.p", "li.wei", "flushing, work order 7731", 1800)
    held = pressure.apply(order)
    assert {said["state"] for said in held} == {"shelved"}  # what rang stays on record, shelved
    assert pressure.hear(*[0.05] * 20) == []
    assert pressure.lane.accounts.counts()["held"] == 20  # each of them counted, none of them lost
    # The half hour ends by lane time: what is still wrong rings again.
    assert {colour for rule, colour in pressure.hear(*[0.05] * 20) if rule == "limit"} >= {"red"}


def test_a_limit_is_no_matter_of_habit(tmp_path: Path) -> None:
    pressure = Pressure(tmp_path)
    pressure.hear(*[0.30] * 40)
    assert ("limit", "orange") in pressure.hear(*[0.13] * 10)
    assert [said["rule"]["name"] for said in pressure.accept()] == ["unusual"]
    assert pressure.hear(*[0.13] * 60) == []  # the limit rings on, and says nothing new
    assert ("limit", "clear") in pressure.hear(*[0.30] * 60)
