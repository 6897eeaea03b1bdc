"""What a city may lay down about answers, and everything that may be wrong in it."""

from pathlib import Path

import pytest

from configuration.desk.answers import Answers, load_answers
from contracts.errors import ConfigError
from contracts.quantities import Duration
from tests.testkit.config_folder import findings_of

GOOD = """alarms:
  latched: [water.pressure/limit]
  suppressed: [{by: water.pump_state/sequence, rules: [water.flow/fall]}]
  repeats: {fleeting_within: 20 s}
tickets:
  auto_close: 1 h
  states:
    登记: {to: [核查], means: first, auto_close: true}
    核查: {to: [反馈, 挂起], within: 15 min, by: [officer]}
    挂起: {to: [反馈], asks: until}
    反馈: {to: [检查], means: feedback}
    检查: {to: [结案, 核查], means: check}
    结案: {means: closed}
"""


def test_without_the_file_what_is_shipped_holds(tmp_path: Path) -> None:
    assert load_answers(tmp_path) == Answers()


def test_a_city_has_states_and_names_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "answers.yaml").write_text(GOOD, encoding="utf-8")
    found = load_answers(tmp_path)
    assert found.alarms.latched == ["water.pressure/limit"]
    assert found.alarms.repeats.chattering_times == 3  # what is left out is as shipped
    assert found.tickets.named("check") == "检查"
    assert found.tickets.states["核查"].within == Duration("15 min")


@pytest.mark.parametrize(
    ("written", "instead", "finding"),
    [
        ("latched:", "locked:", "answers.yaml:2:3: alarms: unknown key 'locked'"),
        ("20 s", "2 periods", "alarms.repeats.fleeting_within: expected a time of at least 1 s"),
        ("1 h", "soon", "tickets.auto_close: expected a time such as"),
        ("15 min", "10 ms", "tickets.states.核查.within: expected a time of at least 1 s"),
        (
            "[water.flow/fall]",
            "[water.pump_state/sequence]",
            "answers.yaml:3:15: alarms.suppressed: expected rules that are not suppressed",
        ),
        ("[water.flow/fall]", "[]", "alarms.suppressed[0].rules"),
        ("means: check", "means: ''", "tickets.states: expected one state that means `check`"),
        ("[反馈, 挂起]", "[反馈, 结案]", "tickets.states.核查.to[1]: expected only the state that"),
        ("[反馈, 挂起]", "[反馈, 无]", "tickets.states.核查.to[1]: expected one of the states"),
        ("asks: until", "asks: money", "tickets.states.挂起.asks: expected one of"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(
    tmp_path: Path, written: str, instead: str, finding: str
) -> None:
    assert GOOD.count(written) == 1
    found = findings_of(tmp_path, {"answers.yaml": GOOD.replace(written, instead)})
    assert any(finding in line for line in found), found
    with pytest.raises(ConfigError):
        load_answers(tmp_path)
