"""Figures of a sentence: decimals, units and lengths of time as a duty officer writes them."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Final

from contracts.quantities import NS_PER_MS, NS_PER_S

NOTHING: Final = "-"
_SPANS: Final = ((86_400, "d", "天"), (3_600, "h", "小时"), (60, "min", "分钟"), (1, "s", "秒"))
_RAISED: Final = str.maketrans("23", "²³")
_POWER: Final = re.compile(r"(?<=[A-Za-z])[23](?![0-9])")
# Spellings of SI where a class file is ASCII; empty for counts, codes and pure numbers.
_SPELLINGS: Final = {
    "degC": "°C",
    "deg": "°",
    "percent": "%",
    "uS/cm": "µS/cm",
    "l/s": "L/s",
    **dict.fromkeys(("code", "count", "level", "pH", "Plt", "1"), ""),
}
_CLOSE: Final = frozenset({"°"})  # of angle: no space before it
_MORE_DECIMALS: Final = 4


def figure(value: float | None) -> str:
    """A measured value with as many digits as people compare by.

    >>> figure(0.13149), figure(24.27), figure(1234.5), figure(0.0000123), figure(None)
    ('0.131', '24.27', '1234', '0.0000123', '-')
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    if abs(value) >= 1000:
        return f"{value:.0f}"
    text = f"{value:.4g}" if abs(value) >= 10 else f"{value:.3g}"
    return f"{Decimal(text):f}" if "e" in text else text


@lru_cache(maxsize=1024)
def spelled(unit: str) -> str:
    """A unit of a class as it is printed.

    >>> [spelled(unit) for unit in ("m3/h", "m/s2", "degC", "percent", "MPa", "code")]
    ['m³/h', 'm/s²', '°C', '%', 'MPa', '']
    """
    if unit in _SPELLINGS:
        return _SPELLINGS[unit]
    return _POWER.sub(lambda match: match[0].translate(_RAISED), unit)


def amount(number: str, unit: str, language: str) -> str:
    """A number with its unit: a space between, none before `°`, nor before a Chinese `%`.

    >>> amount("0.13", "MPa", "zh"), amount("85", "%", "en"), amount("85", "%", "zh")
    ('0.13 MPa', '85 %', '85%')
    >>> amount("12", "°", "en"), amount("3", "", "en")
    ('12°', '3')
    """
    close = not unit or unit in _CLOSE or (unit == "%" and language == "zh")
    return f"{number}{'' if close else ' '}{unit}"


@lru_cache(maxsize=1024)  # many alarms of one moment tell of the same length
def lasted(ns: int, language: str) -> str:
    """A length of time in its two largest units, in one where the smaller is nothing.

    >>> lasted(300 * 10**9, "en"), lasted(7_200 * 10**9, "zh"), lasted(5 * 10**8, "en")
    ('5 min', '2 小时', '500 ms')
    >>> lasted(750 * 10**9, "en"), lasted(750 * 10**9, "zh"), lasted(93_600 * 10**9, "zh")
    ('12 min 30 s', '12 分 30 秒', '1 天 2 小时')
    """
    chinese = language == "zh"
    if 0 < ns < NS_PER_S:
        return f"{ns // NS_PER_MS} {'毫秒' if chinese else 'ms'}"
    seconds = max(ns, 0) // NS_PER_S
    first = next((i for i, span in enumerate(_SPANS) if seconds >= span[0]), len(_SPANS) - 1)
    parts: list[str] = []
    for size, en, zh in _SPANS[first : first + 2]:
        count, seconds = divmod(seconds, size)
        if count or not parts:
            parts.append(f"{count} {zh if chinese else en}")
    text = " ".join(parts)
    return text.replace("分钟 ", "分 ") if chinese else text


@dataclass(frozen=True, slots=True)
class Style:
    """How the figures of a class are written in one language.

    Parameters
    ----------
    language : str
        `en` or `zh`.
    unit : str
        As it is printed.
    decimals : int or None
        None for as many digits as people compare by.
    states : mapping of float to str
        Words of codes.
    """

    language: str
    unit: str = ""
    decimals: int | None = None
    states: Mapping[float, str] = field(default_factory=dict)

    def apart(self, one: float, other: float) -> "Style":
        """The same with as many decimals more as make two figures look different, where they are.

        >>> Style("en", decimals=2).apart(0.1399, 0.14).decimals
        4
        """
        if self.decimals is None or not math.isfinite(one - other) or one == other:
            return self
        for decimals in range(self.decimals, self.decimals + _MORE_DECIMALS):
            if f"{one:.{decimals}f}" != f"{other:.{decimals}f}":
                return Style(self.language, self.unit, decimals, self.states)
        return self

    def exact(self, value: float) -> "Style":
        """The same with as many decimals more as tell a figure as a class file writes it.

        >>> [Style("en", decimals=n).exact(204.6).decimals for n in (0, 2)]
        [1, 2]
        """
        if self.decimals is None or not math.isfinite(value):
            return self
        for decimals in range(self.decimals, self.decimals + _MORE_DECIMALS):
            if math.isclose(round(value, decimals), value):
                return Style(self.language, self.unit, decimals, self.states)
        return self


class Figure:
    """A figure that a sentence writes as its format says.

    >>> level = Figure(-0.0004, Style("en", "MPa", 3))
    >>> f"{level} and {level:unit} and {Figure(0.25, Style('zh')):percent}"
    '0.000 and 0.000 MPa and 25%'
    >>> f"{Figure(1.0, Style('en', states={1.0: 'closed'}))}, {Figure(90.0, Style('en')):span}"
    'closed, 1 min 30 s'
    """

    __slots__ = ("style", "value")

    def __init__(self, value: float, style: Style) -> None:
        self.value = value
        self.style = style

    def __format__(self, form: str) -> str:
        return FORMS[form](self.value, self.style) if math.isfinite(self.value) else NOTHING


def _bare(value: float, style: Style) -> str:
    if value in style.states:
        return style.states[value]
    if style.decimals is None:
        return figure(value)
    return f"{round(value, style.decimals) + 0.0:.{style.decimals}f}"  # no "-0.00"


def _with_unit(value: float, style: Style) -> str:
    if value in style.states:
        return style.states[value]
    return amount(_bare(value, style), style.unit, style.language)


def _size(value: float, style: Style) -> str:
    return _with_unit(abs(value), style)


def _sum(value: float, style: Style) -> str:
    # The sum of readings in people/min is people, or whatever the period makes of it.
    return _bare(value, style) if "/" in style.unit else _with_unit(value, style)


def _hours(value: float, style: Style) -> str:
    # A rate per hour times hours is what it is a rate of; of anything else an hour stays.
    return amount(_bare(value, style), _times(style.unit, "h"), style.language)


def _minutes(value: float, style: Style) -> str:
    return amount(_bare(value, style), _times(style.unit, "min"), style.language)


def _times(unit: str, time: str) -> str:
    """A unit times one of time.

    >>> _times("mm/h", "h"), _times("°C", "min"), _times("", "min")
    ('mm', '°C·min', 'min')
    """
    if unit.endswith(f"/{time}"):
        return unit.removesuffix(f"/{time}")
    return f"{unit}·{time}" if unit else time


def _percent(value: float, style: Style) -> str:
    return amount(figure(100.0 * value), "%", style.language)


def _plain(value: float, style: Style) -> str:
    del style
    return figure(value)


def _span(value: float, style: Style) -> str:
    return lasted(round(value * NS_PER_S), style.language)


# What may stand behind a figure's name: `{observed:unit}`.
FORMS: Final[Mapping[str, Callable[[float, Style], str]]] = {
    "": _bare,  # a state by its word, a number with the decimals of the class
    "unit": _with_unit,
    "size": _size,  # without its sign
    "sum": _sum,  # of readings, in the unit of one unless that is a rate
    "hours": _hours,  # in the unit times hours
    "minutes": _minutes,
    "percent": _percent,  # of a share
    "plain": _plain,  # a count or a ratio
    "span": _span,  # of seconds
}
