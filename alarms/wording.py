"""Figures and times as a duty officer reads them, in English and Chinese."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

import numpy as np

from contracts.quantities import NS_PER_S

_COLOURS_ZH = {"clear": "解除", "blue": "蓝色", "yellow": "黄色", "orange": "橙色", "red": "红色"}
ACCEPTED: Final = {
    "en": "{name}: taken for normal from now on, by {by}: {reason}.",
    "zh": "{name}：自现在起视为正常，由{by}确认：{reason}。",
}
_EASED: Final = {
    "en": "{name}: easing after {lasted}, {colour} now; {observed} {unit}.",
    "zh": "{name}：历时{lasted}后缓解，现为{colour}，现值 {observed} {unit}。",
}
_OVER: Final = {
    "en": "{name}: over after {lasted}; now {observed} {unit}.",
    "zh": "{name}：历时{lasted}后恢复，现值 {observed} {unit}。",
}
_SPANS = ((86_400, "d", "天"), (3_600, "h", "小时"), (60, "min", "分钟"), (1, "s", "秒"))


def figure(value: float | None) -> str:
    """A measured value with as many digits as people compare by.

    >>> figure(0.13149), figure(24.27), figure(1234.5), figure(None)
    ('0.131', '24.27', '1234', '-')
    """
    if value is None or not math.isfinite(value):
        return "-"
    if abs(value) >= 1000:
        return f"{value:.0f}"
    return f"{value:.4g}" if abs(value) >= 10 else f"{value:.3g}"


def lasted(ns: int, language: str) -> str:
    """A length of time in its largest fitting unit.

    >>> lasted(300 * 10**9, "en"), lasted(7_200 * 10**9, "zh"), lasted(0, "en")
    ('5 min', '2 小时', '0 s')
    """
    seconds = max(ns, 0) // NS_PER_S
    for size, en, zh in _SPANS:
        if seconds >= 2 * size or size in {seconds, 1}:
            return f"{seconds // size} {zh if language == 'zh' else en}"
    raise AssertionError


def clock(ns: int, zone: timezone) -> str:
    """RFC 3339 time of the city, with as many decimals as it has, at most milliseconds.

    >>> clock(1_772_305_920_250_000_000, timezone(timedelta(hours=8)))
    '2026-03-01T03:12:00.250+08:00'
    >>> clock(1_772_305_920_000_000_000, timezone(timedelta(hours=8)))
    '2026-03-01T03:12:00+08:00'
    """
    seconds, rest = divmod(ns, NS_PER_S)
    moment = datetime.fromtimestamp(seconds, UTC) + timedelta(milliseconds=rest // 1_000_000)
    local = moment.astimezone(zone)
    return local.isoformat(timespec="milliseconds" if rest >= 1_000_000 else "seconds")


def sentence(template: str, language: str, fields: Mapping[str, str]) -> str:
    """Template with its fields filled in; unknown fields were refused at load.

    >>> sentence("{name}: {observed} {unit}", "en", {"name": "P1", "observed": "3", "unit": "MPa"})
    'P1: 3 MPa'
    """
    words = dict(fields)
    if language == "zh":
        words["colour"] = _COLOURS_ZH[fields["colour"]] if "colour" in fields else ""
    return template.format_map(words)


def template_of(transition: np.void, rung: str, language: str) -> str:
    """The rule's own sentence while it gets worse; a lower colour says only that it eased."""
    if transition["now"] > transition["was"]:
        return rung
    return _EASED[language] if transition["now"] else _OVER[language]
