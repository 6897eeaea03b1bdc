"""Quantities with a unit as packs write them: `5 min`, `3 periods`, `5 sigma`, `0.6 per min`.

They are plain classes, neither dataclasses nor tuples, so that msgspec hands their text to a hook.
"""

import re
from typing import ClassVar, Final

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000
_UNIT_NS = {
    "ms": 1_000_000,
    "s": NS_PER_S,
    "min": 60 * NS_PER_S,
    "h": 3_600 * NS_PER_S,
    "d": 86_400 * NS_PER_S,
}

# `Meta(extra=...)` of plain figures in the unit of the class, which may be written with a unit of
# their own: `200 kPa`. A difference has no zero point: 5 degF of it are 2.8 degC.
ABSOLUTE: Final = {"figure": "level"}
DIFFERENCE: Final = {"figure": "difference"}
_NUMBER = r"([0-9]+(?:\.[0-9]+)?)"


class Quantity:
    """A number with a unit; equal when number and unit are, printed as it was written.

    Parameters
    ----------
    text : str
        What the pack says. `ValueError` tells what was expected.
    """

    EXPECTED: ClassVar[str]
    PATTERN: ClassVar[str]

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        match = re.fullmatch(self.PATTERN, text)
        if match is None:
            msg = f"expected {self.EXPECTED}, got {text!r}"
            raise ValueError(msg)
        self.text = text
        self._read(float(match[1]), match[2])

    def _read(self, amount: float, unit: str) -> None:
        raise NotImplementedError

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(self.text)


class Duration(Quantity):
    """A length of time, or a number of the class's reporting periods.

    >>> Duration("5 min").ns
    300000000000
    >>> Duration("3 periods").resolve(Duration("60 s"))
    Duration('3 min')
    """

    EXPECTED = "a time such as `500 ms`, `30 s`, `5 min`, `2 h`, `1 d` or `3 periods`"
    PATTERN = _NUMBER + r" ?(ms|s|min|h|d|periods?)"

    __slots__ = ("ns", "periods")

    ns: int
    periods: float

    def _read(self, amount: float, unit: str) -> None:
        in_periods = unit.startswith("period")
        self.periods = amount if in_periods else 0.0
        self.ns = 0 if in_periods else round(amount * _UNIT_NS[unit])

    def resolve(self, period: "Duration") -> "Duration":
        """The same length with periods turned into time."""
        if not self.periods:
            return self
        whole_ms = round(self.periods * period.ns / _UNIT_NS["ms"])
        unit = next(u for u in reversed(_UNIT_NS) if whole_ms * _UNIT_NS["ms"] % _UNIT_NS[u] == 0)
        return Duration(f"{whole_ms * _UNIT_NS['ms'] // _UNIT_NS[unit]} {unit}")


class Sigmas(Quantity):
    """A distance in standard deviations.

    >>> Sigmas("4.5 sigma").count
    4.5
    """

    EXPECTED = "standard deviations such as `5 sigma`"
    PATTERN = _NUMBER + r" ?(sigma)"

    __slots__ = ("count",)

    count: float

    def _read(self, amount: float, unit: str) -> None:
        del unit
        self.count = amount


class Rate(Quantity):
    """A change per time, in the unit of the class.

    >>> Rate("0.6 per min").per_s
    0.01
    """

    EXPECTED = "a change per time such as `0.6 per min`"
    PATTERN = _NUMBER + r" per (s|min|h|d)"

    __slots__ = ("per_s",)

    per_s: float

    def _read(self, amount: float, unit: str) -> None:
        self.per_s = amount / (_UNIT_NS[unit] / NS_PER_S)
