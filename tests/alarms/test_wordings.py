"""Sentences that are put together once say the same as those that are made anew each time."""

import math
from typing import Any

import numpy as np
from hypothesis import event, given
from hypothesis import strategies as st

from alarms.blind_links import RULE as OF_LINKS
from alarms.class_words import ClassWords
from alarms.findings import FINDINGS
from alarms.rationalisation import Owner, Rationalisation, Respond, Say, Text
from alarms.rule_card import Approach, ClassCards, RuleCard
from alarms.sentences import WORDINGS_MAX, Told, Wordings, sentences
from contracts.quantities import NS_PER_S, Duration
from contracts.transition import TRANSITION, Colour, Finding
from tests.alarms.plain_sentences import plain_sentences

OWNER = Owner("district", "desk", Duration("5 min"), "city")
LENGTHS = {"over": 3_600 * NS_PER_S, "after": 900 * NS_PER_S}
SAY = Say("100 % of {name}: {finding} {{{colour}}} {unit}", "{name} 100%：{finding}{observed:unit}")
OWN = Say("{rule} {quantity} {observed} {threshold:unit} {lasted}", "{title}{score:plain}{hold}")
SOME = st.sampled_from([0.0, -0.0, 1.0, 0.1399, 0.14, 2.0, 1234.5, -7.25, 1e-6, math.nan, math.inf])
OF_CHANNELS = sorted(FINDINGS.keys() - {OF_LINKS})  # a link has figures of its own
NAMES = st.text(max_size=8)


@st.composite
def cards(draw: st.DrawFn) -> tuple[RuleCard, ClassCards, str]:
    """A rule of some class, and what it can find."""
    rule, _, finding = draw(st.sampled_from(OF_CHANNELS)).partition(".")
    own = draw(st.sampled_from([None, SAY]))
    duty = Rationalisation(
        cause="-",
        consequence="-",
        respond=Respond("-", ["-"]),
        owner=OWNER,
        say=own,
        findings=draw(st.sampled_from([{}, {finding: OWN}])),
        source="-",
    )
    side = st.sampled_from([(None, None, None, None), (2.0, 1.5, None, 0.14), (9.0, 9.5, 9.6, 9.7)])
    lengths = dict(LENGTHS)
    for name in ("on_delay", "off_delay"):
        lengths[name] = draw(st.sampled_from([0, 60])) * NS_PER_S
    column = draw(st.sampled_from(["value", "total", "regressed"]))
    card = RuleCard(rule, "-", duty, draw(side), draw(side), column=column, lengths=lengths)
    words = ClassWords(
        quantity=draw(st.sampled_from([None, Text("level 5%", "水位")])),
        unit=draw(st.sampled_from([None, Text("people/h", "人/时")])),
        decimals=draw(st.sampled_from([None, 0, 2])),
        states=draw(st.sampled_from([{}, {"1": Text("open", "开"), "2": Text("shut", "关")}])),
    )
    unit = draw(st.sampled_from(["MPa", "code", "%"]))
    return card, ClassCards(unit, {}, words), finding


@st.composite
def changes(draw: st.DrawFn, card: RuleCard, of: ClassCards, finding: str) -> Told:
    """A level change of such a rule."""
    one: dict[str, Any] = dict(
        zip(TRANSITION.names or (), np.zeros(1, TRANSITION)[0].item(), strict=True)
    )
    one["was"], one["now"] = draw(st.permutations(range(5)))[:2]
    one["time_ns"] = draw(st.sampled_from([0, 5, 60, 61, 100_000])) * NS_PER_S
    for name in ("observed", "expected", "low", "high", "score"):
        one[name] = draw(SOME)
    figures = {"left": 4e5, "within": 3600.0, "bound": 8.25}
    if draw(st.booleans()):
        figures["threshold"] = draw(SOME)
    ahead = st.builds(Approach, st.sampled_from(list(Colour)[1:]), SOME, st.floats(0, 1e6))
    return Told(card, of, one, Finding(finding, figures), 0, draw(st.none() | ahead))


@given(st.data())
def test_a_sentence_put_together_once_says_what_one_made_anew_says(data: st.DataObject) -> None:
    wordings = Wordings()
    rules = [data.draw(cards()) for _ in range(2)]
    for _ in range(6):
        place = data.draw(st.integers(0, 1))
        told, name = data.draw(changes(*rules[place])), data.draw(NAMES)
        names = {"en": name, "zh": name + "号"}
        said = plain_sentences(told, names)
        event("rings" if told.transition["now"] > told.transition["was"] else "eases")
        assert wordings.sentences((0, place), told, names) == said
        assert sentences(told, names) == said


def test_ways_to_tell_are_kept_within_a_bound() -> None:
    wordings = Wordings()
    duty = Rationalisation(
        cause="-", consequence="-", respond=Respond("-", ["-"]), owner=OWNER, source="-"
    )
    card, change = RuleCard("river", "-", duty), np.zeros(1, TRANSITION)[0]
    change["now"] = 1
    for number in range(WORDINGS_MAX + 10):
        told = Told(card, ClassCards("m", {}), change, Finding(f"f-{number}"), 0)
        wordings.sentences((0, 0), told, {"en": "a", "zh": "b"})
    assert 0 < len(wordings._lines) <= WORDINGS_MAX
