"""Write the page of lifelines: what each pack judges, how it is tested, and on what data."""

from collections import Counter
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
recorded, on trouble that [a generator](../backtest.md) makes, or on neither: then nobody knows how
often it rings in vain, nor what it misses
([reasons](../decisions/070-packs-without-recorded-data.md)).

| lifeline | what it is | classes | rules | rule tests | of traps | recorded | made |
| --- | --- | ---: | ---: | ---: | ---: | --- | --- |
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
    """

    about: str
    recorded: str = ""
    made: str = ""


LIFELINES: Final = {
    "water": Lifeline("water supply", "data/water_flow", "lab/generators/water.py"),
    "drainage": Lifeline("drainage, flooding, tide"),
    "gas": Lifeline("gas"),
    "power": Lifeline("power distribution", "data/power_karnataka", "lab/generators/grid.py"),
    "metro": Lifeline("metro passengers", "data/metro_bengaluru", "lab/generators/crowd.py"),
    "tunnel": Lifeline("metro tunnels, track side, protection zone"),
    "elevator": Lifeline("lifts", made="lab/generators/elevator.py"),
    "subsidence": Lifeline("land subsidence", made="lab/generators/creep.py"),
    "pit": Lifeline("deep excavation pits", made="lab/generators/excavation.py"),
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
    text += f"| all | | {' | '.join(map(str, whole))} | | |\n" + KINDS
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


def _figures(pack: Pack) -> tuple[int, int, int, int]:
    return pack.classes, pack.rules.total(), pack.tests, pack.traps


def _row(name: str, known: Lifeline, pack: Pack) -> str:
    links = (f"[{path}](../../{path})" if path else "none" for path in known[1:])
    cells = (name, known.about, *map(str, _figures(pack)), *links)
    return f"| {' | '.join(cells)} |\n"
