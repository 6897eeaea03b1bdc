"""What an operator reads of an alarm, in both languages: a function of what was found."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from alarms.figures import Figure, Style, lasted, spelled
from alarms.findings import COLUMNS, FINDINGS, OTHER, PRESENT, PRESENT_STATE, PRESENT_VALUE
from alarms.rationalisation import Text
from alarms.rule_card import ClassCards, RuleCard, threshold_of
from contracts.transition import Colour, Finding

LANGUAGES: Final = ("en", "zh")
VALUE: Final = "value"
FIGURES: Final = ("observed", "expected", "low", "high", "score")
COLOURS_ZH: Final = {
    "clear": "解除",
    "blue": "蓝色",
    "yellow": "黄色",
    "orange": "橙色",
    "red": "红色",
}
QUANTITY: Final = {"en": "value", "zh": "测值"}
WHOLE: Final = {"en": "{name}: {finding}.", "zh": "{name}：{finding}。"}
# Silence and its like tell of their own time; the hold is named apart from the trouble's length.
_OWN_TIME: Final = frozenset({"silent", "invalid"})
_ABNORMAL: Final = {"en": "; abnormal for {lasted}", "zh": "；异常已持续 {lasted}"}
# What is found late is told by when that was: it had been there before.
_FOUND: Final = {"en": "; found {lasted} ago", "zh": "；距发现已 {lasted}"}
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


@dataclass(frozen=True, slots=True)
class Told:
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
    """

    card: RuleCard
    cards: ClassCards
    transition: Any
    finding: Finding
    onset_ns: int

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


def sentences(told: Told, name: Mapping[str, str]) -> dict[str, str]:
    """Sentence of a level change in both languages; `name` is that of the channel."""
    return {language: _sentence(told, name[language], language) for language in LANGUAGES}


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


def _sentence(told: Told, name: str, language: str) -> str:
    was, now = int(told.transition["was"]), int(told.transition["now"])
    fields = Fields(told, name, language)
    if now > was:
        fields["finding"] = _found(told, language).format_map(fields)
        return _template(told, language).format_map(fields)
    late = told.card.name in _FOUND_LATE
    over, eased = (_CLEARED_LATE, _EASED_LATE) if late else (_CLEARED, _EASED)
    text = (eased if now else over)[language]
    if _calm_ns(told):
        text += _CALM[language]
    text += _present(told, language) + _END[language]
    return text.format_map(fields)


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
    if told.card.name in _OWN_TIME or _since_ns(told) <= 0:
        return text
    held = _HELD[language] if told.card.lengths.get("on_delay") else ""
    since = _FOUND if told.card.name in _FOUND_LATE else _ABNORMAL
    return text + since[language] + held


def _present(told: Told, language: str) -> str:
    """Template of what is there now, with what joins it; none where nothing is known."""
    if not told.known:
        return ""
    states = {float(code) for code in told.cards.words.states}
    if states and told.transition["observed"] not in states:
        return ""
    value = PRESENT_STATE if states else PRESENT_VALUE
    text = PRESENT.get(told.card.name, value)[LANGUAGES.index(language)]
    return text and _JOIN[language] + text


def _title(key: str, language: str) -> str:
    """Name of a finding: in English the one that class files use."""
    return key if language == "en" else FINDINGS.get(key, OTHER).title_zh


def _since_ns(told: Told) -> int:
    return int(told.transition["time_ns"]) - told.onset_ns


def _calm_ns(told: Told) -> int:
    """How long what cleared has been calm already: its off-delay."""
    calm_ns = told.card.lengths.get("off_delay", 0)
    over = told.known and not told.transition["now"]
    return calm_ns if over and _since_ns(told) > calm_ns else 0


class Fields(dict[str, Any]):
    """Fields of a sentence, each made when it is asked for: of some twenty most name two or three.

    Parameters
    ----------
    told : Told
    name : str
        Of the channel.
    language : str
    """

    def __init__(self, told: Told, name: str, language: str) -> None:
        super().__init__(name=name)
        self._told = told
        self._language = language

    def __missing__(self, key: str) -> Any:
        """Make a field, once."""
        self[key] = made = self._made(key)
        return made

    def _made(self, key: str) -> Any:
        told, language = self._told, self._language
        if key in _WORDS:
            return _WORDS[key](told, language)
        if key in told.card.lengths:
            return lasted(told.card.lengths[key], language)
        value, style = self._figures[key], self._style
        return Figure(value, style.exact(value) if key == "threshold" else style)

    @cached_property
    def _figures(self) -> Mapping[str, float]:
        told = self._told
        figures = {name: float(told.transition[name]) for name in FIGURES}
        colour = Colour(told.transition["now"])
        threshold = threshold_of(told.card, colour, figures["observed"])
        figures["threshold"] = float("nan") if threshold is None else threshold
        return {**figures, **told.finding.figures}

    @cached_property
    def _style(self) -> Style:
        figures = self._figures
        style = _style(self._told.cards, self._language)
        return style.apart(figures["observed"], figures["threshold"])


def _colour(told: Told, language: str) -> str:
    word = Colour(told.transition["now"]).word
    return COLOURS_ZH[word] if language == "zh" else word


# Fields that are words; the others are figures.
_WORDS: Final[Mapping[str, Callable[[Told, str], str]]] = {
    "quantity": lambda told, language: _quantity(told.card, told.cards.words.quantity, language),
    "unit": lambda told, language: _style(told.cards, language).unit,
    "colour": _colour,
    "rule": lambda told, _: told.card.name,
    "title": lambda told, language: _title(told.key, language),
    "lasted": lambda told, language: lasted(_since_ns(told) - _calm_ns(told), language),
    "hold": lambda told, language: lasted(told.card.lengths.get("on_delay", 0), language),
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
