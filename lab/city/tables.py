"""What the made city is drawn from: normal values by class, trouble, and where it travels."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

HERE: Final = Path(__file__).parent
NORMALS: Final = HERE / "normals.csv"
TROUBLES: Final = HERE / "troubles.csv"
TRAVELS: Final = HERE / "travels.csv"
ANY: Final = "*"  # class of a travel that takes whatever the asset measures
Span = tuple[float, float]


class Normal(NamedTuple):
    """How a class behaves while all is well; amounts in the unit of the class.

    Parameters
    ----------
    model : str
        `level` (a level with noise), `burst` (a rate times a gamma of shape 8), `count` (Poisson),
        `code` (a state that is left for another and taken again).
    level : str
        A number; of `code` the usual state, the other one, and the other one's share of time.
    spread : float
        Standard deviation of levels among channels.
    day, curve : float, str
        How far the course of a day goes to either side, and which of `lab.city.drivers` it is.
    noise, keep : float
        Standard deviation of an AR(1) process, and the share of a value that is in the next.
    driver, gain : str, float
        What is shared with other channels of the city, and its effect by unit.
    drift : float
        By day.
    least : float or None
        Values stop here; where the sensor's range does for None.
    digits : int
        Decimals that are told.
    total : str
        Class whose channels of the same group add up to this one; empty for none.
    """

    model: str
    level: str
    spread: float
    day: float
    curve: str
    noise: float
    keep: float
    driver: str
    gain: float
    drift: float
    least: float | None
    digits: int
    total: str


class Effect(NamedTuple):
    """What trouble does to one class; spans are drawn evenly within their two ends.

    Parameters
    ----------
    class_name, shape : str
        Shape is one of `lab.city.shapes`.
    size : tuple of float
        In the unit of the class; a factor for `scale`, a state for `set`.
    rise_s, delay_s : tuple of float
        Until all of it is there, and from the beginning of the trouble.
    """

    class_name: str
    shape: str
    size: Span
    rise_s: Span
    delay_s: Span


class Kind(NamedTuple):
    """One kind of trouble.

    Parameters
    ----------
    name : str
    effects : tuple of Effect
        The first is at its root, the others beside it.
    lasts_s : tuple of float
    colour : str
        Worst colour that it deserves.
    passes : frozenset of str
        Kinds of edges by which it travels.
    """

    name: str
    effects: tuple[Effect, ...]
    lasts_s: Span
    colour: str
    passes: frozenset[str]

    @property
    def lifeline(self) -> str:
        """Of its root."""
        return self.effects[0].class_name.partition(".")[0]


def normals() -> dict[str, Normal]:
    """Normal values by class."""
    found = {}
    for row in _rows(NORMALS):
        amounts = [_number(row[key]) for key in ("spread", "day", "noise", "keep", "gain", "drift")]
        spread, day, noise, keep, gain, drift = amounts
        found[row["class"]] = Normal(
            row["model"], row["level"] or "0", spread, day, row["curve"], noise, keep,
            row["driver"], gain, drift, _number(row["least"]) if row["least"] else None,
            int(row["digits"]), row["sum"],
        )  # fmt: skip
    return found


def kinds() -> list[Kind]:
    """Every kind of trouble, in the order of the table; those of a name have one lifeline."""
    heads: dict[tuple[str, str], dict[str, str]] = {}
    effects: dict[tuple[str, str], list[Effect]] = {}
    for row in _rows(TROUBLES):
        key = (row["trouble"], row["class"].partition(".")[0])
        heads.setdefault(key, row)
        effects.setdefault(key, []).append(_effect(row))
    return [
        Kind(
            head["trouble"],
            tuple(effects[key]),
            _span(head["lasts_h"], 3600.0),
            head["colour"],
            frozenset(head["passes"].split()),
        )
        for key, head in heads.items()
    ]


def travels() -> dict[str, list[Effect]]:
    """What trouble does to the child of an edge, by kind of edge."""
    found: dict[str, list[Effect]] = {}
    for row in _rows(TRAVELS):
        found.setdefault(row["edge"], []).append(_effect({**row, "delay_min": ""}))
    return found


def _effect(row: dict[str, str]) -> Effect:
    size = (_number(row["least"]), _number(row["most"]))
    return Effect(
        row["class"],
        row["shape"],
        size,
        _span(row["rise_min"], 60.0),
        _span(row["delay_min"], 60.0),
    )


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def _number(text: str) -> float:
    return float(text or 0)


def _span(text: str, unit: float) -> Span:
    """`5-60` in a unit, or one number for both ends.

    >>> _span("5-60", 60.0)
    (300.0, 3600.0)
    """
    first, _, last = text.partition("-")
    return _number(first) * unit, _number(last or first) * unit
