"""The sentence of a level change in the obvious way: every field made anew, formatted by name."""

from typing import Any

from alarms import sentences as fast
from alarms.figures import Figure, Style, lasted
from alarms.rule_card import threshold_of
from alarms.sentences import FIGURES, LANGUAGES, Told
from contracts.transition import Colour

CHANGING = ("quantity", "unit", "colour", "rule", "title", "hold", "calm", "limit_colour")


class Fields(dict[str, Any]):
    """Fields of a sentence, each made when it is asked for."""

    def __init__(self, told: Told, name: str, language: str) -> None:
        super().__init__(name=name)
        self._told = told
        self._language = language

    def __missing__(self, key: str) -> Any:
        told, language = self._told, self._language
        if key == "lasted":
            return lasted(_lasted_ns(told), language)
        if key in CHANGING:
            return fast._WORDS[key](told, language)
        if key in told.card.lengths:
            return lasted(told.card.lengths[key], language)
        figures = {name: float(told.transition[name]) for name in FIGURES}
        threshold = threshold_of(told.card, Colour(told.transition["now"]), figures["observed"])
        figures["threshold"] = float("nan") if threshold is None else threshold
        if told.approach is not None:
            figures["limit"], figures["ahead"] = told.approach.limit, told.approach.ahead_s
        figures.update(told.finding.figures)
        style = fast._style(told.cards, language)
        style = style.apart(figures["observed"], figures["threshold"])
        return Figure(figures[key], _own(style, key, figures[key]))


def _own(style: Style, key: str, value: float) -> Style:
    return style.exact(value) if key in {"threshold", "limit", "bound"} else style


def _lasted_ns(told: Told) -> int:
    return int(told.transition["time_ns"]) - told.onset_ns - fast._calm_ns(told)


def plain_sentences(told: Told, name: dict[str, str]) -> dict[str, str]:
    """What `alarms.sentences.sentences` gives."""
    return {language: _sentence(told, name[language], language) for language in LANGUAGES}


def _sentence(told: Told, name: str, language: str) -> str:
    fields = Fields(told, name, language)
    if told.transition["now"] > told.transition["was"]:
        fields["finding"] = fast._found(told, language).format_map(fields)
    return fast._whole(told, language).format_map(fields)
