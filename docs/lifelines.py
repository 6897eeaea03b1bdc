"""Write the page of lifelines: what each pack judges, how it is tested, and on what data.

What rules found of made trouble is taken from the tables of docs/quality.md, as they are measured.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import yaml

from configuration.configuration import Configuration
from configuration.lane_plan import class_cards

HOME: Final = Path(__file__).resolve().parents[1]
ABOUT: Final = """\
# Lifelines

The packs that come with Tocsin. A rule test writes readings down and says what rings on them; one
of a trap says that nothing does. Beside their tests the rules of a pack ran on readings that were
recorded, on trouble that [a generator](../backtest.md) of its own makes, or on neither. All of
them ran on [one made city](#one-made-city), which knows little of any lifeline: how often a pack
rings in vain among real sensors, nobody knows where nothing is recorded
([reasons](../decisions/070-packs-without-recorded-data.md)).

| lifeline | what it is | classes | rules | rule tests | of traps | recorded | made |
| --- | --- | ---: | ---: | ---: | ---: | --- | --- |
"""
FOUND: Final = """
## Made trouble, found and missed

Of the packs behind which a generator of their own stands, as [measured](../quality.md); of water
with the pack of `benchmarks/quality_data/packs/l_town`, since the generator runs that network. A
desk-day is a day of one owner of a rule, of water of the one desk that the network has.

| lifeline | made faults | found | missed | false alarms a desk-day |
| --- | ---: | ---: | --- | ---: |
"""
CITY: Final = """
## One made city

All packs on [a city](../decisions/127-one-made-city.md) that is made from one table of usual
values and one of trouble, as [measured](../quality.md#made-city-all-lifelines-under-one-weather);
trouble that travels counts in each lifeline that it reaches. It was frozen before a pack ran on it,
and no pack was changed for it.

| lifeline | made faults | found | missed | false alarms a desk-day | most often |
| --- | ---: | ---: | --- | ---: | --- |
"""
KINDS: Final = """
## Kinds of rules by lifeline

How many classes of a pack have a rule of each [kind](../detectors.md).

"""


class Lifeline(NamedTuple):
    """What no pack says of itself.

    Parameters
    ----------
    about : str
        What it is, as people call it.
    recorded, made : str
        Folder of recorded readings, and the module that makes trouble; empty where there is none.
    word : str
        What the page of quality calls the trouble that is made.
    """

    about: str
    recorded: str = ""
    made: str = ""
    word: str = ""


LIFELINES: Final = {
    "water": Lifeline("water supply", "data/water_flow", "lab/generators/water.py"),
    "drainage": Lifeline("drainage, flooding, tide"),
    "gas": Lifeline("gas"),
    "power": Lifeline(
        "power distribution", "data/power_karnataka", "lab/generators/grid.py", word="grid"
    ),
    "metro": Lifeline(
        "metro passengers", "data/metro_bengaluru", "lab/generators/crowd.py", word="station"
    ),
    "tunnel": Lifeline("metro tunnels, track side, protection zone"),
    "elevator": Lifeline("lifts", made="lab/generators/elevator.py", word="lift"),
    "subsidence": Lifeline("land subsidence", made="lab/generators/creep.py", word="ground"),
    "pit": Lifeline("deep excavation pits", made="lab/generators/excavation.py", word="pit"),
    "building": Lifeline("bridges, houses and what is attached to them"),
    "curtain": Lifeline("glass curtain walls"),
    "hazchem": Lifeline("hazardous chemicals"),
    "fire": Lifeline("electrical fire, charging, fire passages and water"),
    "gallery": Lifeline("utility tunnels and underground space"),
    "telecom": Lifeline("telecommunications"),
    "weather": Lifeline("weather, forest fire, pests"),
    "stores": Lifeline("cold chain, grain, stocks, waste and kitchen-waste oil"),
    "road": Lifeline("roads: water, ice, cavities, traffic, closing and re-opening"),
    "port": Lifeline("ports: berths, cranes, quays, gates"),
    "street": Lifeline("street furniture: lighting, boxes, overhead lines, ways for the disabled"),
}


class Pack(NamedTuple):
    """What was counted in the files of a lifeline.

    Parameters
    ----------
    classes : int
    rules : Counter of str
        Classes that have a rule of the kind.
    tests, traps : int
        Rule tests, and those of them that nothing may ring on.
    """

    classes: int
    rules: Counter[str]
    tests: int
    traps: int


def page() -> str:
    """The page of lifelines.

    Raises
    ------
    KeyError
        Where a pack has no line in `LIFELINES`.
    """
    packs = counted(Configuration.load(HOME / "configs", {}))
    order = sorted(packs, key=[*LIFELINES].index)
    text = ABOUT + "".join(_row(name, LIFELINES[name], packs[name]) for name in order)
    whole = [sum(figures) for figures in zip(*map(_figures, packs.values()), strict=True)]
    text += f"| all | | {' | '.join(map(str, whole))} | | |\n" + FOUND
    text += "".join(_found_row(name, LIFELINES[name]) for name in order) + CITY
    text += "".join(_city_row(name) for name in order) + KINDS
    kinds = sorted({kind for pack in packs.values() for kind in pack.rules})
    text += f"| lifeline | {' | '.join(f'`{kind}`' for kind in kinds)} |\n"
    text += f"| --- |{' ---: |' * len(kinds)}\n"
    for name in order:
        cells = (str(packs[name].rules[kind] or "") for kind in kinds)
        text += f"| {name} | {' | '.join(cells)} |\n"
    return text


def counted(configuration: Configuration) -> dict[str, Pack]:
    """Every lifeline of a configuration; overrides are no classes of their own."""
    found = {}
    for lifeline in configuration.catalogues:
        packs = [p for p in configuration.packs.values() if p.lifeline == lifeline]
        packs = [pack for pack in packs if not pack.applied]
        rules = Counter(card.name for p in packs for card in class_cards(p).cards.values())
        tests = [
            test
            for file in sorted((HOME / "configs" / lifeline).glob("*.test.yaml"))
            for test in yaml.safe_load(file.read_text(encoding="utf-8"))["tests"]
        ]
        traps = sum(not test["expect"] for test in tests)
        found[lifeline] = Pack(len(packs), rules, len(tests), traps)
    return found


class Judged(NamedTuple):
    """What became of made trouble.

    Parameters
    ----------
    seeds, found : int
    missed : dict of str to int
        Trouble that was missed, by what it is.
    per_desk_day : float
        False alarms.
    """

    seeds: int
    found: int
    missed: dict[str, int]
    per_desk_day: float


def judged(lifeline: str, word: str, quality: str) -> Judged:
    """What the page of quality says of one lifeline's made trouble.

    Raises
    ------
    ValueError
        Where the page has no such table any more.
    """
    if lifeline != "water":
        return _judged(word, quality, "generators")
    kinds = {
        row[0]: (int(row[3]), int(row[1])) for row in rows_of(quality, "water") if row[1] != ""
    }
    noise = [(int(row[3]), int(row[1])) for row in rows_of(quality, "water false")]
    false = sum(alarms for alarms, _ in noise) / sum(days for _, days in noise)
    return _told(kinds, false)


def _judged(word: str, quality: str, mark: str) -> Judged:
    """Lines of a table, and of the one of its noise, that begin with a word."""
    rows = [row for row in rows_of(quality, mark) if row[0].startswith(f"{word}: ")]
    kinds = {row[0].removeprefix(f"{word}: "): _of(row[1]) for row in rows}
    (false,) = (float(row[4]) for row in rows_of(quality, f"{mark} noise") if row[0] == word)
    return _told(kinds, false)


def _told(kinds: dict[str, tuple[int, int]], false: float) -> Judged:
    missed = {name: seeds - found for name, (found, seeds) in kinds.items() if found < seeds}
    found, seeds = (sum(pair[i] for pair in kinds.values()) for i in (0, 1))
    return Judged(seeds, found, missed, false)


def rows_of(page: str, mark: str) -> Iterator[list[str]]:
    """Cells of the table between two marks of a page, without its head."""
    found = re.search(f"<!-- {mark}: begin -->(.*?)<!-- {mark}: end -->", page, re.DOTALL)
    if found is None:
        msg = f"docs/quality.md: expected a table between marks {mark!r}, got none; put it back"
        raise ValueError(msg)
    lines = [line for line in found[1].splitlines() if line.startswith("|")]
    for line in lines[2:]:
        yield [cell.strip() for cell in line.strip("|").split("|")]


def _of(cell: str) -> tuple[int, int]:
    """`19 of 20` as numbers."""
    found, _, seeds = cell.partition(" of ")
    return int(found), int(seeds)


def _found_row(name: str, known: Lifeline) -> str:
    if not known.made:
        return ""
    return f"| {' | '.join(_cells(name, judged(name, known.word, _quality())))} |\n"


def _city_row(name: str) -> str:
    (often,) = (row[5] for row in rows_of(_quality(), "city noise") if row[0] == name)
    return f"| {' | '.join([*_cells(name, _judged(name, _quality(), 'city')), often])} |\n"


def _cells(name: str, said: Judged) -> list[str]:
    missed = "; ".join(f"{kind} {count}" for kind, count in said.missed.items()) or "none"
    return [name, str(said.seeds), str(said.found), missed, f"{said.per_desk_day:.3f}"]


def _quality() -> str:
    return (HOME / "docs" / "quality.md").read_text(encoding="utf-8")


def _figures(pack: Pack) -> tuple[int, int, int, int]:
    return pack.classes, pack.rules.total(), pack.tests, pack.traps


def _row(name: str, known: Lifeline, pack: Pack) -> str:
    links = (f"[{path}](../../{path})" if path else "none" for path in (known.recorded, known.made))
    cells = (name, known.about, *map(str, _figures(pack)), *links)
    return f"| {' | '.join(cells)} |\n"
