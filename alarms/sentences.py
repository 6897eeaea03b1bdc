"""What an operator reads of an alarm, in both languages: a function of what was found."""

import math
from collections.abc import Callable, Iterator, Mapping
from string import Formatter
from typing import Any, Final, NamedTuple

from alarms.figures import FORMS, NOTHING, Style, lasted, spelled
from alarms.findings import COLUMNS, FINDINGS, OTHER, PRESENT, PRESENT_STATE, PRESENT_VALUE
from alarms.rationalisation import Text
from alarms.rule_card import Approach, ClassCards, RuleCard, threshold_of
from contracts.transition import Colour, Finding

LANGUAGES: Final = ("en", "zh")
VALUE: Final = "value"
_AS_WRITTEN: Final = frozenset({"threshold", "limit", "bound"})  # as the class file has them
FIGURES: Final = ("observed", "expected", "low", "high", "score")
COLOURS_ZH: Final = {
    "clear": "解除",
    "blue": "蓝色",
    "yellow": "黄色",
    "orange": "橙色",
    "red": "红色",
}
WORDINGS_MAX: Final = 4_096
QUANTITY: Final = {"en": "value", "zh": "测值"}
WHOLE: Final = {"en": "{name}: {finding}.", "zh": "{name}：{finding}。"}
# Silence and its like tell of their own time; the hold is named apart from the trouble's length.
_OWN_TIME: Final = frozenset({"silent", "invalid"})
_ABNORMAL: Final = {"en": "; abnormal for {lasted}", "zh": "；异常已持续 {lasted}"}
# What is found late is told by when that was: it had been there before.
_FOUND: Final = {"en": "; found {lasted} ago", "zh": "；距发现已 {lasted}"}
_APPROACH: Final = {
    "en": "; at this rate {limit:unit}, the {limit_colour} limit, in {ahead:span}",
    "zh": "；按此速率 {ahead:span}后达{limit_colour}限值 {limit:unit}",
}
_HELD: Final = {"en": " (hold {hold})", "zh": "（延时 {hold}）"}
_CLEARED: Final = {
    "en": "{name}: cleared ({title}), lasted {lasted}",
    "zh": "{name}：{title}解除，历时 {lasted}",
}
# Rules that find something when it has been there for a while already.
_FOUND_LATE: Final = frozenset(
    {"stuck", "frozen", "shift", "departure", "drift", "trend", "novelty", "discord", "unit_change"}
)
_CLEARED_LATE: Final = {
    "en": "{name}: cleared ({title}), {lasted} after it was found",
    "zh": "{name}：{title}解除，距发现已 {lasted}",
}
_CALM: Final = {"en": ", then calm for {calm}", "zh": "，恢复正常已 {calm}"}
_EASED: Final = {
    "en": "{name}: eased to {colour} after {lasted}",
    "zh": "{name}：降为{colour}，异常已持续 {lasted}",
}
_EASED_LATE: Final = {
    "en": "{name}: eased to {colour}, {lasted} after it was found",
    "zh": "{name}：降为{colour}，距发现已 {lasted}",
}
_ACCEPTED: Final = {
    "en": "{name}: taken for normal from now on, by {by}: {reason}.",
    "zh": "{name}：自现在起视为正常，由{by}确认：{reason}。",
}
_ENDED: Final = {
    "en": "{name}: cleared ({title}): the configuration in force does not ring for it.",
    "zh": "{name}：{title}解除，现行配置下不再告警。",
}
_JOIN: Final = {"en": "; ", "zh": "，"}
_END: Final = {"en": ".", "zh": "。"}


class Told(NamedTuple):
    """What a sentence tells of.

    Parameters
    ----------
    card : RuleCard
    cards : ClassCards
    transition : mapping
        Fields of a `TRANSITION`.
    finding : Finding
        What it found when it rang last.
    onset_ns : int
        Where the alarm begins.
    approach : Approach or None
        The limit that is about to be reached.
    """

    card: RuleCard
    cards: ClassCards
    transition: Any
    finding: Finding
    onset_ns: int
    approach: Approach | None = None

    @property
    def key(self) -> str:
        """`<rule>.<finding>`, or the rule where it has one."""
        return finding_key(self.card.name, self.finding.name)

    @property
    def known(self) -> bool:
        """Whether a reading came with it: what ends by a timer has not been calm for long."""
        return not math.isnan(self.transition["observed"])


def finding_key(rule: str, finding: str) -> str:
    """Name of a finding among those of all rules.

    >>> finding_key("limit", "high"), finding_key("silent", "")
    ('limit.high', 'silent')
    """
    return f"{rule}.{finding}" if finding else rule


class Line(NamedTuple):
    """A sentence in one language as it is written again and again.

    Parameters
    ----------
    pattern : str
        With the words that are always the same; `%s` where something varies.
    parts : tuple of callable
        What varies, from what is told, the name of the channel and the figures.
    """

    pattern: str
    parts: tuple["Part", ...]


Part = Callable[[Told, str, Mapping[str, float]], str]


class Wordings:
    """Sentences of the rules of one lane, each put together once for every way to tell it."""

    def __init__(self) -> None:
        self._lines: dict[tuple[Any, ...], tuple[Line, ...]] = {}

    def sentences(
        self, place: tuple[int, int], told: Told, name: Mapping[str, str]
    ) -> dict[str, str]:
        """What `sentences` gives; `place` tells the class and the rule from all others."""
        way = (place, *_way(told))
        lines = self._lines.get(way)
        if lines is None:
            if len(self._lines) >= WORDINGS_MAX:  # kinds of others may name findings as they like
                self._lines.clear()
            lines = self._lines[way] = _lines(told)
        return _filled_in(lines, told, name)


def sentences(told: Told, name: Mapping[str, str]) -> dict[str, str]:
    """Sentence of a level change in both languages; `name` is that of the channel."""
    return _filled_in(_lines(told), told, name)


def _filled_in(lines: tuple[Line, ...], told: Told, name: Mapping[str, str]) -> dict[str, str]:
    figures = _figures(told)
    return {
        language: line.pattern % tuple([part(told, name[language], figures) for part in line.parts])
        for language, line in zip(LANGUAGES, lines, strict=True)
    }


def accepted(name: Mapping[str, str], by: str, reason: str) -> dict[str, str]:
    """Sentence of an alarm that a person took for normal."""
    return {
        language: text.format(name=name[language], by=by, reason=reason)
        for language, text in _ACCEPTED.items()
    }


def ended(name: Mapping[str, str], key: str) -> dict[str, str]:
    """Sentence of an alarm that another configuration ends, by channel name and finding."""
    return {
        language: text.format(name=name[language], title=_title(key, language))
        for language, text in _ENDED.items()
    }


def _way(told: Told) -> tuple[Any, ...]:
    """All that decides how a level change of one rule is told, but for names and figures."""
    was, now = told.transition["was"], told.transition["now"]
    since, calm = _since_ns(told) > 0, _calm_ns(told) > 0
    ahead = told.approach and told.approach.colour
    return (told.finding.name, now > was, now, since, calm, ahead, _is_present(told))


def _lines(told: Told) -> tuple[Line, ...]:
    return tuple(_line(told, language) for language in LANGUAGES)


def _line(told: Told, language: str) -> Line:
    """The sentence of a language, without what only one alarm can say."""
    pattern, parts = "", []
    for text, field, form in _pieces(told, language):
        pattern += text.replace("%", "%%")
        if field in _WORDS:
            pattern += _WORDS[field](told, language).replace("%", "%%")
        elif field in told.card.lengths:
            pattern += lasted(told.card.lengths[field], language)
        elif field:
            pattern += "%s"
            parts.append(_part(field, form, _style(told.cards, language)))
    return Line(pattern, tuple(parts))


def _pieces(told: Told, language: str) -> Iterator[tuple[str, str, str]]:
    """Texts, each with the field behind it, empty where there is none, and how that is written."""
    for text, field, form, _ in Formatter().parse(_whole(told, language)):
        if field == "finding":
            yield text, "", ""
            for inner, name, how, _ in Formatter().parse(_found(told, language)):
                yield inner, name or "", how or ""
        else:
            yield text, field or "", form or ""


def _whole(told: Told, language: str) -> str:
    """Template of the sentence."""
    was, now = int(told.transition["was"]), int(told.transition["now"])
    if now > was:
        return _template(told, language)
    late = told.card.name in _FOUND_LATE
    over, eased = (_CLEARED_LATE, _EASED_LATE) if late else (_CLEARED, _EASED)
    text = (eased if now else over)[language]
    if _calm_ns(told):
        text += _CALM[language]
    return text + _present(told, language) + _END[language]


def _part(field: str, form: str, style: Style) -> Part:
    """What fills in a field that varies from alarm to alarm."""
    if field == "name":
        return lambda told, name, figures: name
    if field == "lasted":
        language = style.language
        return lambda told, name, figures: lasted(_since_ns(told) - _calm_ns(told), language)
    write = FORMS[form]

    def figure(told: Told, name: str, figures: Mapping[str, float]) -> str:
        del told, name
        value = figures[field]
        if not math.isfinite(value):
            return NOTHING
        apart = style.apart(figures["observed"], figures["threshold"])
        return write(value, apart.exact(value) if field in _AS_WRITTEN else apart)

    return figure


def _figures(told: Told) -> Mapping[str, float]:
    transition = told.transition
    figures = {name: float(transition[name]) for name in FIGURES}
    threshold = threshold_of(told.card, transition["now"], figures["observed"])
    figures["threshold"] = math.nan if threshold is None else threshold
    if told.approach is not None:
        figures["limit"], figures["ahead"] = told.approach.limit, told.approach.ahead_s
    return {**figures, **told.finding.figures} if told.finding.figures else figures


def _template(told: Told, language: str) -> str:
    """What the class file says of the finding, or else of its rule."""
    duty = told.card.duty
    own: Text | None = duty.findings.get(told.finding.name, duty.say)
    if own is None:
        return WHOLE[language]
    text = str(getattr(own, language))
    return text if _style(told.cards, language).unit else text.replace(" {unit}", "")


def _found(told: Told, language: str) -> str:
    """Template of the finding, and of how long it has been there."""
    found = FINDINGS.get(told.key, OTHER)
    text: str = getattr(found, language)
    if told.approach is not None:
        text += _APPROACH[language]
    if told.card.name in _OWN_TIME or _since_ns(told) <= 0:
        return text
    held = _HELD[language] if _hold_ns(told) else ""
    since = _FOUND if told.card.name in _FOUND_LATE else _ABNORMAL
    return text + since[language] + held


def _present(told: Told, language: str) -> str:
    """Template of what is there now, with what joins it; none where nothing is known."""
    if not _is_present(told):
        return ""
    value = PRESENT_STATE if told.cards.words.states else PRESENT_VALUE
    text = PRESENT.get(told.card.name, value)[LANGUAGES.index(language)]
    return text and _JOIN[language] + text


def _is_present(told: Told) -> bool:
    """Whether it is known what is there now."""
    states = told.cards.words.states
    if not states:
        return told.known
    return told.transition["observed"] in {float(code) for code in states}


def _title(key: str, language: str) -> str:
    """Name of a finding: in English the one that class files use."""
    return key if language == "en" else FINDINGS.get(key, OTHER).title_zh


def _since_ns(told: Told) -> int:
    return int(told.transition["time_ns"]) - told.onset_ns


def _hold_ns(told: Told) -> int:
    """On-delay of the colour that is told."""
    lengths, colour = told.card.lengths, Colour(told.transition["now"]).word
    return lengths.get(f"on_delay.{colour}", lengths.get("on_delay", 0))


def _calm_ns(told: Told) -> int:
    """How long what cleared has been calm already: its off-delay."""
    calm_ns = told.card.lengths.get("off_delay", 0)
    over = told.known and not told.transition["now"]
    return calm_ns if over and _since_ns(told) > calm_ns else 0


def _colour(told: Told, language: str) -> str:
    return _colour_word(Colour(told.transition["now"]), language)


def _limit_colour(told: Told, language: str) -> str:
    return "" if told.approach is None else _colour_word(told.approach.colour, language)


def _colour_word(colour: Colour, language: str) -> str:
    return COLOURS_ZH[colour.word] if language == "zh" else colour.word


# Fields that are the same words however often a rule is told in one way.
_WORDS: Final[Mapping[str, Callable[[Told, str], str]]] = {
    "quantity": lambda told, language: _quantity(told.card, told.cards.words.quantity, language),
    "unit": lambda told, language: _style(told.cards, language).unit,
    "colour": _colour,
    "limit_colour": _limit_colour,
    "rule": lambda told, _: told.card.name,
    "title": lambda told, language: _title(told.key, language),
    "hold": lambda told, language: lasted(_hold_ns(told), language),
    "calm": lambda told, language: lasted(_calm_ns(told), language),
}


def _style(cards: ClassCards, language: str) -> Style:
    words = cards.words
    unit = spelled(cards.unit) if words.unit is None else str(getattr(words.unit, language))
    states = {float(code): str(getattr(word, language)) for code, word in words.states.items()}
    return Style(language, unit, words.decimals, states)


def _quantity(card: RuleCard, quantity: Text | None, language: str) -> str:
    """What the rule judges: the quantity of the class, or what a model made of it."""
    word = QUANTITY[language] if quantity is None else str(getattr(quantity, language))
    if card.column == VALUE:
        return word
    column = COLUMNS.get(card.column, ("{quantity}", "{quantity}"))
    return column[LANGUAGES.index(language)].format(quantity=word)
