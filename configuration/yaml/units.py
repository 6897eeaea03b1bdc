"""Figures of a class file that are written in another unit than the class's: `200 kPa` for 0.2 MPa.

Which fields are figures in the unit of the class is said where they are declared, by `LEVEL` or
`DIFFERENCE` (`contracts/quantities.py`); shares, counts and factors are plain numbers. `pint` knows
the units, and is loaded only when a figure has one that is not the class's own.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from functools import cache
from typing import Any, Final

from msgspec import inspect

from configuration.yaml.fill import BAD, QUANTITY_CHARS_MAX, Page
from configuration.yaml.findings import Path, nearest
from configuration.yaml.shape import shape
from contracts.errors import ConfigError
from contracts.quantities import ABSOLUTE, DIFFERENCE, Rate

_NUMBER: Final = r"[-+]?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,3})?"
FIGURE: Final = re.compile(rf"({_NUMBER}) ?([^0-9\s.+*/^-].*)")
_TIME: Final = r"(?:per|/) ?([0-9]+ )?(s|min|h|d)"
RATE: Final = re.compile(rf"({_NUMBER})(?: ?([^0-9\s.+*/^-].*?))? ?{_TIME}")
_WORD: Final = r"[A-Za-z°℃℉%µμΩ_]+(?:(?:\^|\*\*)?-?[1-9])?"
_UNIT: Final = re.compile(rf"(?:1|{_WORD})(?: ?[ */·] ?{_WORD}){{0,3}}")
_POWER: Final = re.compile(r"(?<=[A-Za-z])\^?(?=-?[1-9])")
_RAISED: Final = str.maketrans("⁻¹²³⁴⁵⁶", "-123456")  # as exports write `m³/h`
_PREFIXES: Final = ("", "µ", "m", "c", "d", "h", "k", "M", "G")
_DIGITS: Final = 12  # what a conversion leaves right; the rest is noise of floating point


class _Refused(Exception):  # noqa: N818 - never leaves this file
    """A figure that cannot be turned into the unit of the class; says what was expected."""


def in_unit(kind: type, page: Page) -> Page:
    """The page with every figure in the unit of the class.

    Parameters
    ----------
    kind : type of msgspec.Struct
        What the page holds.
    page : Page
        Receives findings; in place of a figure with one stands `BAD`.
    """
    tree = page.located
    if not isinstance(tree.data, dict):
        return page
    data = _Turning(page, tree.data.get("unit")).value(shape(kind), tree.data, (), None)
    return replace(page, located=replace(tree, data=data))


class _Turning:
    """One page on its way into the unit of its class."""

    def __init__(self, page: Page, unit: Any) -> None:
        self._page = page
        self._unit = unit

    def value(self, node: inspect.Type, data: Any, path: Path, figure: Any) -> Any:
        """The value with all figures inside it turned; `figure` is their kind, None elsewhere."""
        if isinstance(node, inspect.Metadata):
            mine = node.extra if node.extra in (ABSOLUTE, DIFFERENCE) else figure
            return self.value(node.type, data, path, mine)
        if isinstance(node, inspect.UnionType):
            inner = next(kind for kind in node.types if not isinstance(kind, inspect.NoneType))
            return self.value(inner, data, path, figure)
        if isinstance(data, dict | list):
            return self._inside(node, data, path, figure)
        if isinstance(data, str) and len(data) <= QUANTITY_CHARS_MAX:
            return self._text(node, data, path, figure)
        return data

    def _inside(self, node: inspect.Type, data: Any, path: Path, figure: Any) -> Any:
        if isinstance(node, inspect.StructType) and isinstance(data, dict):
            kinds = {field.encode_name: field.type for field in node.fields}
            return {
                key: self.value(kinds[key], item, (*path, key), figure) if key in kinds else item
                for key, item in data.items()
            }
        if isinstance(node, inspect.DictType) and isinstance(data, dict):
            return {
                key: self.value(node.value_type, item, (*path, key), figure)
                for key, item in data.items()
            }
        if isinstance(node, inspect.ListType) and isinstance(data, list):
            return self._items([node.item_type] * len(data), data, path, figure)
        if isinstance(node, inspect.TupleType) and isinstance(data, list):
            return self._items(node.item_types, data, path, figure)
        return data

    def _items(
        self, kinds: Sequence[inspect.Type], data: list[Any], path: Path, figure: Any
    ) -> list[Any]:
        done = [
            self.value(kind, item, (*path, i), figure)
            for i, (kind, item) in enumerate(zip(kinds, data, strict=False))
        ]
        return [*done, *data[len(done) :]]

    def _text(self, node: inspect.Type, text: str, path: Path, figure: Any) -> Any:
        rate = isinstance(node, inspect.CustomType) and node.cls is Rate
        if not rate and not (isinstance(node, inspect.FloatType) and figure is not None):
            return text
        match = (RATE if rate else FIGURE).fullmatch(text)
        if match is None:
            return text
        if not isinstance(self._unit, str):
            return BAD  # what is wrong with the unit is said at the unit
        try:
            return self._rate(match) if rate else self._figure(match, figure)
        except _Refused as error:
            self._page.find(path, f"{error}")
            return BAD

    def _figure(self, match: re.Match[str], figure: Any) -> float:
        return turned(float(match[1]), match[2], self._unit, difference=figure == DIFFERENCE)

    def _rate(self, match: re.Match[str]) -> str:
        change = turned(float(match[1]), match[2] or self._unit, self._unit, difference=True)
        change /= int(match[3] or 1) or 1
        return f"{Decimal(f'{change:.{_DIGITS}g}'):f} per {match[4]}"


def turned(amount: float, unit: str, into: str, *, difference: bool) -> float:
    """An amount in the unit of a class.

    >>> turned(200.0, "kPa", "MPa", difference=False)
    0.2
    >>> turned(2.0, "m³·h⁻¹", "m3/h", difference=False)
    2.0
    >>> turned(50.0, "degF", "degC", difference=False)
    10.0
    >>> turned(9.0, "degF", "degC", difference=True)
    5.0
    """
    if unit == into:
        return amount
    goal = _known(into)
    if goal is None:
        msg = f"expected a number in {into}, which is no unit that others turn into, got {unit!r}"
        msg += "; leave the unit out"
        raise _Refused(msg)
    mine = _known(unit)
    if mine is None:
        msg = f"unknown unit {unit!r}; {nearest(unit, _like(into))}"
        raise _Refused(msg)
    if mine.dimensionality != goal.dimensionality:
        msg = f"expected a unit that turns into {into}, got {unit!r}; write {into}"
        raise _Refused(msg)
    if difference:
        mine, goal = _without_zero(mine), _without_zero(goal)
    return float(f"{_registry().Quantity(amount, mine).to(goal).magnitude:.{_DIGITS}g}")


@cache
def _registry() -> Any:
    from pint import UnitRegistry  # noqa: PLC0415 - takes most of a second, and is seldom needed

    return UnitRegistry(cache_folder=None)


@cache
def _known(unit: str) -> Any:
    """The unit as `pint` knows it, None when it does not."""
    import pint  # noqa: PLC0415 - as above

    unit = unit.translate(_RAISED)
    if not _UNIT.fullmatch(unit):
        return None
    try:
        return _registry().parse_units(_POWER.sub("**", unit.replace("·", "*")))
    except (pint.PintError, ValueError, TypeError, SyntaxError):
        return None


def _without_zero(unit: Any) -> Any:
    """The unit of differences: degrees from no zero point."""
    name = f"delta_{unit}"
    return _registry().Unit(name) if name in _registry() else unit


def _like(unit: str) -> set[str]:
    """Short names of units that turn into this one."""
    names = {f"{other:~}" for other in _registry().get_compatible_units(_known(unit))}
    plain = {name for name in names if name.isalpha() and len(name) <= 4}
    made = {prefix + name for prefix in _PREFIXES for name in plain}
    goal = _known(unit).dimensionality
    return {unit} | {
        name for name in made if (known := _known(name)) and known.dimensionality == goal
    }


def slope_and_zero(unit: str, into: str) -> tuple[float, float]:
    """How amounts in a unit become amounts in that of a class: amount × slope + zero.

    >>> slope_and_zero("kPa", "MPa")
    (0.001, 0.0)

    Raises
    ------
    ConfigError
        When the two do not belong together.
    """
    try:
        zero = turned(0.0, unit, into, difference=False)
        return turned(1.0, unit, into, difference=True), zero
    except _Refused as error:
        msg = f"unit: {error}"
        raise ConfigError(msg) from error
