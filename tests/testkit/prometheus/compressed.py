"""The shipped alerts in compressed time, so that minutes of trouble pass within seconds."""

import re
from pathlib import Path
from typing import Any, Final

import yaml

FACTOR: Final = 60.0
LEAST_S: Final = 5.0  # some scrapes of once a second; an idle broker answers twice a second
# A process starts and recovers no faster for it: what has to outlast that lasts for longer.
RECOVERY: Final = "60s"
OUTLASTS_A_START: Final = {
    "TocsinNotReady": RECOVERY,
    "TocsinSnapshotOld": "30s",
    "TocsinBrokerAway": "20s",
}
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_RANGE: Final = re.compile(r"(?<=\[)(\d+)([smhd])(?=\])|(?<=offset )(\d+)([smhd])")
_AGE: Final = re.compile(r"(_seconds(?:\[\w+\]\))?\s*[<>]=?\s*)(\d+)")


def compressed(rules: Path, factor: float = FACTOR) -> dict[str, Any]:
    """A file of rules whose durations, windows and limits on seconds are shorter by a factor.

    None becomes shorter than `LEAST_S`, unless it was before. What a rule says otherwise, of
    counts and of shares, stays.

    Parameters
    ----------
    rules : Path
    factor : float
    """
    text: dict[str, Any] = yaml.safe_load(rules.read_text(encoding="utf-8"))
    for group in text["groups"]:
        for rule in group["rules"]:
            rule["expr"] = shorter(rule["expr"], factor)
            if "for" in rule:
                short = _duration(rule["for"][:-1], rule["for"][-1], factor)
                rule["for"] = OUTLASTS_A_START.get(rule["alert"], short)
            if "keep_firing_for" in rule:
                rule["keep_firing_for"] = RECOVERY
    return text


def shorter(expression: str, factor: float) -> str:
    """An expression with shorter windows and limits.

    >>> shorter("delta(a[10m] offset 1h) > 2 and b_seconds > 1800 and c_seconds == 0", 60)
    'delta(a[10s] offset 60s) > 2 and b_seconds > 30 and c_seconds == 0'
    >>> shorter("max_over_time(a_seconds[70m]) > 600", 60)
    'max_over_time(a_seconds[70s]) > 10'
    """

    def window(found: re.Match[str]) -> str:
        number, unit = found.group(1, 2) if found.group(1) else found.group(3, 4)
        return _duration(number, unit, factor)

    def limit(found: re.Match[str]) -> str:
        return found.group(1) + _number(float(found.group(2)), factor)

    return _AGE.sub(limit, _RANGE.sub(window, expression))


def _duration(number: str, unit: str, factor: float) -> str:
    return _number(int(number) * _UNITS[unit], factor) + "s"


def _number(seconds: float, factor: float) -> str:
    return f"{max(seconds / factor, min(seconds, LEAST_S)):g}"
