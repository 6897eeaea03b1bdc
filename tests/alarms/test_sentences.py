"""What operators read is true, complete and in one language: every sentence of every pack."""

import re
from collections.abc import Iterator
from functools import cache

import pytest

from alarms.blind_links import RULE as OBSERVABILITY
from alarms.blind_links import Blind, rings
from alarms.figures import spelled
from alarms.findings import FINDINGS
from alarms.sentences import finding_key
from configuration.configuration import Configuration
from configuration.rule_kinds import BUILT_IN, findings_of, kinds
from docs.sentences import CONFIGS, Line, bare, colours_of, lines, links, usual

pytestmark = pytest.mark.slow

CHINESE = re.compile(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")
# Names of things that Chinese control rooms write in Latin letters.
LATIN_NAMES = re.compile(r"\b(GNSS|DMA|pH|A|P-1)\b")
NUMBER = r"-?\d+(?:\.\d+)?"


@cache
def configuration() -> Configuration:
    return Configuration.load(CONFIGS, {})


@cache
def whole() -> tuple[Line, ...]:
    return (*lines(configuration()), *bare(), *links())


def unit_of(label: str, language: str) -> str:
    """The unit of a class as it is printed, empty where it has none."""
    pack = configuration().packs[label]
    return spelled(pack.unit) if pack.words.unit is None else getattr(pack.words.unit, language)


def texts(language: str) -> Iterator[tuple[Line, str]]:
    for line in whole():
        yield line, line.say[language]


def test_every_rule_of_every_pack_has_a_sentence_when_it_rings_and_when_it_is_over() -> None:
    told = {(line.label, line.key.partition(".")[0], line.colour == "clear") for line in whole()}
    for label, pack in configuration().packs.items():
        for rule in (*BUILT_IN, *kinds()):
            if pack.rule(rule) is not None:
                assert (label, rule, False) in told
                assert (label, rule, True) in told


def test_every_finding_of_every_kind_that_comes_with_tocsin_has_a_sentence() -> None:
    ours = {name for name, (_, kind) in kinds().items() if kind.build.__module__ != "tocsin_jump"}
    wanted = {finding_key(rule, one) for rule in (*BUILT_IN, *ours) for one in findings_of(rule)}
    wanted.add(OBSERVABILITY)
    assert wanted == set(FINDINGS)
    assert {line.key for line in whole()} == wanted


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_sentence_has_a_hole_a_brace_or_a_double_space(language: str) -> None:
    for line, text in texts(language):
        assert not re.search(r"[{}]|\bnan\b|\binf\b|\bNone\b|  |\d[eE][-+]\d", text), (line, text)
        assert not re.search(r"(^|\s)-(\s|[.,;，。；]|$)", text), (line, text)
        assert text.endswith("." if language == "en" else "。"), text
        assert not re.search(r"-0(\.0+)?(?![\d.])", text), text


def test_english_holds_no_chinese_and_chinese_no_english() -> None:
    for line, text in texts("en"):
        assert not CHINESE.search(text), (line, text)
    for line, text in texts("zh"):
        rest = LATIN_NAMES.sub("", text)
        unit = unit_of(line.label, "zh") if line.label else "MPa"
        summed = (f"{unit}·min", f"{unit}·h")  # of a dose, and of an amount
        rate = unit.removesuffix("/h")  # adds up to this
        for one in (*summed, unit, rate, "kV"):  # the name of a busbar tells its voltage
            rest = re.sub(rf"(?<=\d) {re.escape(one)}", "", rest) if one else rest
        assert not re.search(r"[A-Za-z]", rest), (line, text)
        assert not re.search(r"[\u4e00-\u9fff] [\u4e00-\u9fff]", rest), text
        assert not re.search(r"[,;:.!?] |[,;:]", text), (line, text)


def test_figures_have_the_unit_of_their_class_with_the_space_that_belongs_there() -> None:
    seen = 0
    for line in whole():
        pack = configuration().packs.get(line.label)
        rule, _, finding = line.key.partition(".")
        if pack is None or line.colour == "clear" or rule not in {"limit", "fall", "rise"}:
            continue
        duty = pack.rule(rule).duty
        own = duty.findings.get(finding, duty.say)
        for language in ("en", "zh"):
            unit, text = unit_of(line.label, language), line.say[language]
            if not unit or (own is not None and "{finding}" not in own.en):
                continue
            space = "" if unit == "%" and language == "zh" else " "
            shown = re.findall(rf"{NUMBER}{space}{re.escape(unit)}(?![\w/²³])", text)
            assert len(shown) >= 2, (line, text)  # what was measured, and what it passed
            seen += 1
    assert seen > 200


def test_the_page_calls_over_what_no_limit_forbids() -> None:
    seen = 0
    for label, pack in configuration().packs.items():
        for side, way in (("high", 1), ("low", -1)):
            variant = " " in label  # not on the page
            if variant or pack.limit is None or not (colours := colours_of(pack.limit, side)):
                continue
            mildest = getattr(getattr(pack.limit, side), colours[0])
            assert way * usual(pack)[0] <= way * mildest, (label, side)
            seen += 1
    assert seen > 80


def test_a_limit_is_told_as_the_class_file_writes_it() -> None:
    seen = 0
    for line in whole():
        rule, _, side = line.key.partition(".")
        if rule != "limit" or line.colour == "clear":
            continue
        pack = configuration().packs[line.label]
        step = getattr(getattr(pack.limit, side), line.colour)
        if shown := re.search(rf"(?:above|below) ({NUMBER})", line.say["en"]):
            assert float(shown[1]) == pytest.approx(step), line
            seen += 1
    assert seen > 200


def test_shares_of_readings_are_shares_beyond_their_threshold() -> None:
    shares = {"missing": -1, "repeated": 1, "late": 1}
    told = [line for line in whole() if line.key in shares and line.colour != "clear"]
    assert {line.key for line in told} == set(shares)
    for line in told:
        share, threshold = map(float, re.findall(rf"({NUMBER}) %", line.say["en"]))
        assert 0 <= share <= 100
        assert shares[line.key] * (share - threshold) >= 0, line


def test_what_lies_behind_a_value_is_not_said_of_one_on_the_other_side() -> None:
    of_side = {
        "high": re.compile(r"Cooler|Colder|Softer|Less than|Too little|高于.*。(低于|不足)"),
        "low": re.compile(r"Hotter|Warmer|Stiffer|More than|Too much|低于.*。高于"),
    }
    for line in whole():
        side = line.key.partition(".")[2]
        if side in of_side and line.colour != "clear":
            for language in ("en", "zh"):
                assert not of_side[side].search(line.say[language]), line


def test_what_was_there_before_it_was_found_is_told_by_when_it_was_found() -> None:
    late = ("stuck", "frozen", "shift", "departure", "drift", "trend", "novelty", "discord")
    worse = [line for line in whole() if line.key.partition(".")[0] in late]
    assert any("found" in line.say["en"] and line.colour != "clear" for line in worse)
    for line in worse:
        assert "abnormal for" not in line.say["en"], line
        assert "异常已持续" not in line.say["zh"], line


def test_no_unit_is_spelled_as_class_files_spell_it() -> None:
    for language in ("en", "zh"):
        for line, text in texts(language):
            assert not re.search(r"\bdeg[CF]\b|percent|m[23]\b|\bs2\b|\buS\b| °C?\d", text), line


def test_a_class_with_words_for_states_shows_no_code() -> None:
    seen = 0
    for line in whole():
        pack = configuration().packs.get(line.label)
        if pack is None or not pack.words.states or line.key == "sequence.unknown":
            continue
        for language in ("en", "zh"):
            name = line.say[language].partition("：" if language == "zh" else ": ")[2]
            words = {getattr(word, language) for word in pack.words.states.values()}
            bare_code = re.sub(rf"{NUMBER} ?(d|h|min|s|天|小时|分钟|分|秒|次|times)", "", name)
            assert not re.search(r"\d", bare_code), (line, name)
            if line.key.startswith("sequence"):
                assert any(word in name for word in words), (line, name)
                seen += 1
    assert seen > 40


def test_a_step_says_its_height_and_a_creep_its_rate() -> None:
    said = {line.key: line.say["en"] for line in whole() if "trend" in line.key}
    over = re.compile(r"a year")
    assert "jumped by -13.0 mm" in next(
        line.say["en"] for line in whole() if line.key == "trend.step" and line.colour == "yellow"
    )
    for line in whole():
        if line.key == "trend.step":
            assert not over.search(line.say["en"])
        if line.key == "trend.velocity" and line.colour != "clear":
            assert over.search(line.say["en"])
            assert "jumped" not in line.say["en"]
    assert said


@pytest.mark.parametrize(
    ("areas", "en", "zh"),
    [
        (("street", ("1",)), "; blind: street 1. ", "；失去监测范围：街道 1。"),
        (("district", ("1", "2")), "; blind: districts 1, 2. ", "；失去监测范围：区 1、2。"),
        (
            ("district", ("1", "2", "3", "4")),
            "; blind: districts 1, 2, 3 and 1 more. ",
            "；失去监测范围：区 1、2、3 等 4 个。",
        ),
        (("district", ()), "3 min. Probably", "相继中断。可能"),
    ],
)
def test_a_link_names_few_blind_areas_and_counts_many(
    areas: tuple[str, tuple[str, ...]], en: str, zh: str
) -> None:
    told = Blind("telecom.cell-1", "water", 30, 40, 0, areas).say(rings())
    assert en in told["en"]
    assert zh in told["zh"]
