"""What a level change tells: how long, by how much, and what ended."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alarms.book import AlarmBook
from alarms.class_words import ClassWords
from alarms.rationalisation import Owner, Rationalisation, Respond, Say, Text
from alarms.rule_card import ClassCards, RuleCard
from alarms.sentences import Told, sentences
from configuration.lane_plan import plan_of
from contracts.ports.lane_parts import OffsetRange
from contracts.quantities import NS_PER_S, Duration
from contracts.transition import TRANSITION, Colour, Finding
from tests.testkit.config_folder import PACK, loaded

MINUTE_NS = 60 * NS_PER_S
NAME = {"en": "P-7", "zh": "七号点"}
LOW = (
    "  low: {blue: 0.20, yellow: 0.16, orange: 0.14, red: 0.10}\n  high: {orange: 0.7, red: 0.8}\n"
)


def duty(**words: Any) -> Rationalisation:
    owner = Owner("district", "desk", Duration("5 min"), "city")
    plain = {"cause": "-", "consequence": "-", "respond": Respond("-", ["-"]), "source": "-"}
    return Rationalisation(owner=owner, **{**plain, **words})


def change(was: str, now: str, time_ns: int, observed: float) -> Any:
    one = np.zeros(1, TRANSITION)[0]
    one["was"], one["now"] = Colour[was.upper()], Colour[now.upper()]
    one["time_ns"], one["observed"] = time_ns, observed
    for name in ("expected", "low", "high", "score"):
        one[name] = np.nan
    return one


def told(one: Any, *, unit: str = "MPa", **words: Any) -> dict[str, str]:
    """Sentence of a lower limit of 0.2 with a hold of 5 min and 30 min to clear."""
    lengths = {"on_delay": 5 * MINUTE_NS, "off_delay": 30 * MINUTE_NS}
    card = RuleCard("limit", "-", duty(**words), low=(0.2, None, None, None), lengths=lengths)
    name = ClassWords(quantity=Text("pressure", "压力"), decimals=2)
    return sentences(Told(card, ClassCards(unit, {}, name), one, Finding("low"), 0), NAME)


def test_the_trouble_is_told_by_its_own_length_and_the_hold_apart() -> None:
    said = told(change("clear", "blue", 7 * MINUTE_NS, 0.151))
    assert said == {
        "en": "P-7: pressure 0.15 MPa, below 0.20 MPa; abnormal for 7 min (hold 5 min).",
        "zh": "七号点：压力 0.15 MPa，低于 0.20 MPa；异常已持续 7 分钟（延时 5 分钟）。",
    }


def test_what_cleared_tells_what_ended_and_leaves_the_off_delay_out_of_its_length() -> None:
    said = told(change("blue", "clear", 42 * MINUTE_NS + 30 * NS_PER_S, 0.312))
    assert said == {
        "en": "P-7: cleared (limit.low), lasted 12 min 30 s, then calm for 30 min; "
        "pressure 0.31 MPa now.",
        "zh": "七号点：越下限告警解除，历时 12 分 30 秒，恢复正常已 30 分钟，压力现为 0.31 MPa。",
    }


def test_what_ends_by_a_timer_is_not_called_calm() -> None:
    said = told(change("blue", "clear", 42 * MINUTE_NS, np.nan))
    assert said["en"] == "P-7: cleared (limit.low), lasted 42 min."


def test_a_value_just_beyond_its_threshold_does_not_look_like_it() -> None:
    assert told(change("clear", "blue", 0, 0.1996))["en"].startswith(
        "P-7: pressure 0.1996 MPa, below 0.2000 MPa"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"say": Say("{name}: {finding}. Burst.", "{name}")}, "P-7: pressure 0.15 MPa, below 0.20"),
        ({"say": Say("{name} low, {observed:unit}", "{name}")}, "P-7 low, 0.15 MPa"),
        (
            {"say": Say("{name}", "{name}"), "findings": {"low": Say("{name}!", "{name}")}},
            "P-7!",
        ),
        (
            {"say": Say("{name}.", "{name}"), "findings": {"high": Say("{name}!", "{name}")}},
            "P-7.",
        ),
    ],
)
def test_a_class_file_adds_to_a_finding_or_tells_it_anew(words: dict[str, Any], said: str) -> None:
    assert told(change("clear", "blue", 0, 0.15), **words)["en"].startswith(said)


def test_a_sentence_of_a_class_without_unit_has_no_hole_for_it() -> None:
    said = told(change("clear", "blue", 0, 0.15), unit="code", say=Say("{observed} {unit}.", "-"))
    assert said["en"] == "0.15."


def book(place: Path, pack: str) -> AlarmBook:
    plan = plan_of(loaded(place, {"water/pressure.yaml": pack}), "water")
    (lane,) = (i for i in range(plan.partitions) if len(plan.parts(i).catalogue))
    found = plan.parts(lane).book
    assert isinstance(found, AlarmBook)
    return found


def test_an_alarm_keeps_its_finding_and_says_when_another_configuration_ends_it(
    tmp_path: Path,
) -> None:
    first = book(tmp_path / "now", PACK)
    rung = json.loads(first.emit(change("clear", "orange", 0, 0.72), OffsetRange(0, 0)).body)
    assert rung["rule"]["finding"] == "high"
    without = PACK[: PACK.index("limit:\n")] + PACK[PACK.index("unusual:\n") :]
    later = book(tmp_path / "later", without)
    (message,) = later.restore(first.state(), MINUTE_NS)
    cleared = json.loads(message.body)
    assert (cleared["id"], cleared["state"]) == (rung["id"], "cleared")
    assert cleared["say"]["en"] == (
        "water.a.p: cleared (limit.high): the configuration in force does not ring for it."
    )
    assert cleared["say"]["zh"] == "water.a.p：越上限告警解除，现行配置下不再告警。"


def test_an_alarm_of_a_release_that_told_no_finding_is_still_read_and_ended(
    tmp_path: Path,
) -> None:
    only_low = PACK.replace(LOW, LOW.partition("\n")[0] + "\n")
    first, later = book(tmp_path / "a", only_low), book(tmp_path / "b", only_low)
    first.emit(change("clear", "blue", 0, 0.15), OffsetRange(0, 0))
    state = first.state()
    state["open"][0][3] = state["open"][0][3].replace(',"finding":"low"', "")
    assert '"finding"' not in state["open"][0][3]
    assert later.restore(state, 0) == []
    message = later.emit(change("blue", "clear", 42 * MINUTE_NS, 0.3), OffsetRange(0, 0))
    assert "cleared (limit.low), lasted 12 min" in json.loads(message.body)["say"]["en"]


def test_an_alarm_is_the_same_whether_its_channel_was_looked_up_with_others_or_alone(
    tmp_path: Path,
) -> None:
    alone, together = book(tmp_path / "a", PACK), book(tmp_path / "b", PACK)
    one = change("clear", "orange", 0, 0.72)
    together.foresee(np.array([one["row"]] * 20, np.int32))
    assert together.emit(one, OffsetRange(0, 0)) == alone.emit(one, OffsetRange(0, 0))


def test_an_open_alarm_keeps_the_bytes_that_were_told(tmp_path: Path) -> None:
    held = book(tmp_path, PACK)
    told = held.emit(change("clear", "orange", 0, 0.72), OffsetRange(0, 0))
    (kept,) = held.state()["open"]
    assert kept[3].encode() == told.body
    assert [alarm.id.encode() for alarm in held.open_alarms] == [told.key]
