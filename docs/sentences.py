"""Write the page of sentences: every finding of every pack, in every colour, in both languages.

The figures are made up, so that each finding comes about once; the sentences are those of alarms.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from alarms.blind_links import OVER, RULE, STILL, Blind, rings
from alarms.findings import FINDINGS
from alarms.rationalisation import Owner, Rationalisation, Respond
from alarms.rule_card import ClassCards, RuleCard
from alarms.sentences import Told, finding_key, sentences
from configuration.configuration import Configuration
from configuration.lane_plan import class_cards
from configuration.pack import ClassPack
from configuration.rule_kinds import findings_of, kinds
from contracts.quantities import NS_PER_S, Duration
from contracts.transition import TRANSITION, Colour, Finding
from detectors.base.thresholds import COLOURS, Steps
from detectors.sums.rolling_sum import FOUND, RollingSum, windows_of

CONFIGS: Final = Path(__file__).resolve().parents[1] / "configs"
ONSET_NS: Final = 1_772_305_920 * NS_PER_S
LATER_NS: Final = 750 * NS_PER_S  # how long a worse colour comes behind the first
CALM_NS: Final = 12_600 * NS_PER_S
ABOUT: Final = """\
# Sentences

What operators read: every finding of every class that comes with Tocsin, in every colour in which
it can ring, and how it ends. The figures are made up. Who changes a pack or a kind of rule reads
this page anew: `python docs/reference.py` writes it, and a test compares it with the code.
"""
OTHERS: Final = """
## Kinds that no pack uses

What a class without words of its own would say, in MPa.
"""
LINKS: Final = """
## Links

What a [link](../incidents.md#mass-silence) says whose channels fall silent together.
"""
# Usual value of each class and how far it moves by itself, in the unit of the class.
USUAL: Final[Mapping[str, tuple[float, float]]] = {
    "building.cable_force": (-0.4, 0.3),
    "building.frequency": (100.2, 0.3),
    "building.house_settlement": (-6.1, 0.4),
    "building.house_tilt": (0.6, 0.1),
    "building.joint_travel": (-12, 2),
    "curtain.frequency": (-0.6, 0.5),
    "curtain.tilt": (0.2, 0.1),
    "drainage.flow": (640, 60),
    "drainage.manhole": (0.52, 0.05),
    "drainage.surge": (0.08, 0.04),
    "elevator.acceleration": (0.9, 0.08),
    "elevator.door_cycles": (1.2, 0.3),
    "elevator.door_time": (104, 3),
    "elevator.levelling": (4, 1),
    "elevator.vibration": (0.12, 0.02),
    "elevator.vibration_across": (0.1, 0.02),
    "fire.tank": (99, 1),
    "gallery.cable_joint": (34, 2),
    "gallery.oxygen": (20.9, 0.05),
    "gas.flow": (4_180, 160),
    "metro.density": (1.2, 0.3),
    "metro.gate": (32, 4),
    "metro.headway": (98, 8),
    "metro.station_entries": (2_140, 180),
    "metro.station_exits": (1_890, 160),
    "metro.train_load": (64, 8),
    "pit.deflection": (11.2, 0.4),
    "pit.groundwater": (-0.12, 0.05),
    "pit.settlement": (-6.4, 0.3),
    "pit.strut": (48, 2),
    "port.quay_settlement": (-21.4, 0.4),
    "port.surge": (0.3, 0.1),
    "power.feeder_load": (52, 4),
    "power.feeder_voltage": (10.31, 0.06),
    "power.grid_frequency": (50.004, 0.012),
    "power.grid_load": (8_120, 240),
    "power.lv_voltage": (228, 2),
    "power.pmu_frequency": (50.002, 0.02),
    "power.top_oil": (61.5, 1.2),
    "road.friction": (0.78, 0.02),
    "road.settlement": (-3.2, 0.3),
    "road.speed": (41, 3),
    "road.surface_temperature": (6.4, 0.4),
    "stores.grain_temperature": (13.1, 0.4),
    "stores.supply": (124, 3),
    "stores.temperature": (-19.4, 0.6),
    "street.circuit_current": (101, 2),
    "street.lamps_lit": (99, 1),
    "street.overhead_clearance": (6.2, 0.05),
    "street.pole_tilt": (1.2, 0.3),
    "subsidence.extensometer": (-4.1, 0.4),
    "subsidence.gnss": (-12.3, 1.6),
    "subsidence.groundwater": (-5.21, 0.09),
    "subsidence.insar": (-8.2, 1.5),
    "telecom.availability": (99.6, 0.4),
    "telecom.bus_voltage": (53.5, 0.1),
    "telecom.traffic": (24.6, 3),
    "tunnel.convergence": (15.2, 0.6),
    "tunnel.settlement": (-2.4, 0.3),
    "tunnel.tilt": (0.21, 0.05),
    "water.chlorine": (0.42, 0.04),
    "water.conductivity": (412, 9),
    "water.flow_delivered": (5_930, 40),
    "water.flow_dma": (41.3, 2.2),
    "water.flow_hourly": (98.4, 4.1),
    "water.flow_trunk": (6_010, 60),
    "water.ph": (7.42, 0.06),
    "water.pressure": (0.312, 0.008),
    "water.pressure_trough": (0.281, 0.008),
    "water.tank_level": (2.31, 0.05),
    "water.turbidity": (0.31, 0.05),
    "weather.air": (23.4, 0.5),
    "weather.cold": (6.2, 1.5),
    "weather.pest_trap": (12, 4),
    "weather.pressure": (1_008, 0.8),
    "weather.visibility": (8_400, 200),
}
PLAIN: Final = (1.0, 0.1)


class Line(NamedTuple):
    """One alarm text on the page.

    Parameters
    ----------
    lifeline, label : str
        Whose it is; the label names the overrides of a variant too.
    key : str
        `<rule>.<finding>`.
    colour : str
        `clear` where the alarm is over.
    say : mapping of str to str
        The sentence by language.
    """

    lifeline: str
    label: str
    key: str
    colour: str
    say: Mapping[str, str]


def lines(configuration: Configuration) -> Iterator[Line]:
    """Every sentence of a configuration, class by class, rule by rule."""
    for pack in configuration.packs.values():
        name = _name(configuration, pack)
        cards = class_cards(pack)
        for card in cards.cards.values():
            for finding in findings_of(card.name):
                yield from _of_finding(pack, cards, card, (finding, name))


def _name(configuration: Configuration, pack: ClassPack) -> dict[str, str]:
    """Name of the first channel of a class."""
    catalogue = configuration.catalogues[pack.lifeline]
    names, name_of = catalogue.codes("class")
    return catalogue.channel(int(np.argmax(name_of == names.index(pack.class_name)))).name


def _colours(rule: Any, finding: str) -> list[str]:
    """As `colours_of`, of rolling sums too: theirs are those of all windows."""
    if not isinstance(rule, RollingSum):
        return colours_of(rule, finding)
    given = {colour for steps in rule.over.values() for colour in _given(steps)}
    return [one for one in COLOURS if one in given and FOUND[rule.add] == finding]


def _of_finding(
    pack: ClassPack, cards: ClassCards, card: RuleCard, what: tuple[str, dict[str, str]]
) -> Iterator[Line]:
    finding, name = what
    key, rule = finding_key(card.name, finding), pack.rule(card.name)
    colours = _colours(rule, finding)
    for i, colour in enumerate(colours):
        change = example(rule, (card.name, finding, colour), usual(pack))
        if change is None:
            return
        timed = "after" if card.name in {"silent", "invalid"} else "on_delay"
        wait_ns = card.lengths.get(f"{timed}.{colour}", card.lengths.get(timed, 0))
        change["time_ns"] = ONSET_NS + wait_ns + (LATER_NS if i else 0)
        found = card.finding(change)
        assert found.name == finding, (key, found)
        told = Told(card, cards, change, found, ONSET_NS)
        yield Line(pack.lifeline, pack.label, key, colour, sentences(told, name))
    if colours:
        yield Line(pack.lifeline, pack.label, key, "clear", _over(told, usual(pack), name))


def _over(told: Told, calm: tuple[float, float], name: Mapping[str, str]) -> dict[str, str]:
    """What is told when the alarm is over."""
    change = told.transition.copy()
    change["was"], change["now"] = change["now"], Colour.CLEAR
    change["time_ns"] = ONSET_NS + CALM_NS + told.card.lengths.get("off_delay", 0)
    if told.card.name == "joint":
        change["observed"] = 0.0
    elif told.cards.words.states:
        change["observed"] = float(next(iter(told.cards.words.states)))
    else:
        small = told.card.name in {"balance", "spectrum"} or told.card.column != "value"
        change["observed"] = 0.2 * calm[1] if small else calm[0]
    over = Told(told.card, told.cards, change, Finding(told.finding.name), ONSET_NS)
    return sentences(over, name)


def usual(pack: ClassPack) -> tuple[float, float]:
    """Usual value of a class and how far it moves: beyond no limit of its own."""
    if pack.class_name in USUAL:
        return USUAL[pack.class_name]
    limit = pack.limit
    if limit is None:
        return (0.4, 0.05)
    high = [] if limit.high is None else list(_given(limit.high).values())
    low = [] if limit.low is None else list(_given(limit.low).values())
    if high and low:
        value = (high[0] + low[0]) / 2
    else:
        value = high[0] - 0.6 * abs(high[0]) if high else low[0] + 0.4 * abs(low[0])
    return (value, 0.05 * max(map(abs, high or low)))


def _given(steps: Steps) -> dict[str, float]:
    found = {colour: getattr(steps, colour) for colour in COLOURS}
    return {colour: step for colour, step in found.items() if step is not None}


def colours_of(rule: Any, finding: str) -> list[str]:
    """Colours in which a finding of a rule can ring, the mildest first."""
    if finding in {"high", "low"} and getattr(rule, "high", None) is not getattr(rule, "low", None):
        steps = getattr(rule, finding)
        return [] if steps is None else list(_given(steps))
    if hasattr(rule, "colours"):
        return [getattr(rule.colours, SEQUENCE_COLOURS[finding])]
    named = {"failure": "failure_within", "": "by"}.get(finding, finding)
    for key in (named, "below", "above"):
        if isinstance(steps := getattr(rule, key, None), Steps):
            return list(_given(steps))
    if hasattr(rule, "failure_within"):
        return []
    for key in ("at_most", "colour"):
        if (colour := getattr(rule, key, None)) is not None:
            return [colour]
    by = getattr(rule, "by", None)
    return list(_given(by)) if isinstance(by, Steps) else ["yellow"]


SEQUENCE_COLOURS: Final = {
    **dict.fromkeys(("order", "unknown", "entered"), "forbidden"),
    **dict.fromkeys(("stuck", "overdue"), "too_long"),
    "too_short": "too_short",
    "repeats": "repeats",
}


def example(rule: Any, what: tuple[str, str, str], calm: tuple[float, float]) -> Any | None:
    """A level change of a finding, None where the rule is not written so that it can come."""
    name, finding, colour = what
    change = np.zeros(1, TRANSITION)[0]
    change["now"], change["onset_ns"] = Colour[colour.upper()], ONSET_NS
    value, spread = calm
    away = -6 if finding == "low" else 6
    change["observed"], change["expected"] = value + away * spread, value
    change["low"], change["high"] = value - 4 * spread, value + 4 * spread
    change["score"] = away
    if name == "sequence":
        return change if _sequence(rule, finding, change) else None
    if name in FIGURES:
        for key, figure in FIGURES[name](value, spread, away).items():
            change[key] = figure
    if name in {"limit", "total"}:
        threshold = getattr(getattr(rule, finding), colour)
        change["score"] = change["observed"] = threshold + 0.07 * away * spread
    if name == "rolling_sum":
        _rolling_sum(rule, colour, change)
    if name in _BEYOND:
        _beyond(rule, (name, colour), calm, change)
    if name == "trend":
        _trend(rule, finding, change)
    return change


def _rolling_sum(rule: Any, colour: str, change: Any) -> None:
    """A little more than the shortest window that has the colour may hold."""
    for number, (_, key) in enumerate(windows_of(rule), 1):
        step = getattr(rule.over[key], colour)
        if step is not None:
            change["finding"], change["observed"] = number, 1.04 * step
            return


_BEYOND: Final = frozenset({"missing", "repeated", "late", "balance", "fall", "rise"})


def _beyond(rule: Any, what: tuple[str, str], calm: tuple[float, float], change: Any) -> None:
    """Figures of kinds whose score is held against a threshold: a little beyond it."""
    (name, colour), value = what, calm[0]
    steps = rule.by if hasattr(rule, "by") else rule.below if name == "missing" else rule.above
    step = getattr(steps, colour)
    change["score"] = {"missing": 0.8, "balance": 1.13}.get(name, 1.2) * step
    if name == "balance":
        change["observed"] = 15 * (-6 if change["observed"] < value else 6) * change["score"]
    if name in {"fall", "rise"}:
        change["observed"] = value + (1 if name == "rise" else -1) * change["score"]


def _of_silence(value: float, spread: float, away: float) -> dict[str, float]:
    del value, spread, away
    return {"observed": np.nan}


def _of_standing(value: float, spread: float, away: float) -> dict[str, float]:
    del spread, away
    return {"observed": value, "score": 34}


# Figures of kinds that do not tell a value far from an expected one.
FIGURES: Final[Mapping[str, Callable[[float, float, float], dict[str, float]]]] = {
    "silent": _of_silence,
    "invalid": _of_silence,
    "stuck": _of_standing,
    "frozen": _of_standing,
    "trend": lambda value, spread, away: {"observed": value},
    "joint": lambda value, spread, away: {"observed": 2, "expected": 2},
    "balance": lambda value, spread, away: {"expected": 0},
    "unit_change": lambda value, spread, away: {"observed": 10 * value, "score": 10},
    "spectrum": lambda value, spread, away: {"observed": 3 * spread, "expected": spread / 5},
    "shift": lambda value, spread, away: {"observed": 0.4 * away * spread, "expected": 0},
}


TRIPS: Final = (("closed", "tripped"), ("up", "tripped"), ("running", "tripped"))


def _sequence(rule: Any, finding: str, change: Any) -> bool:
    """Figures of states that are wrong in this way; whether the rule knows such."""
    codes = {word: float(code) for code, word in reversed(rule.states.items())}
    words = list(dict.fromkeys(rule.states.values()))
    number = ("order", "unknown", "stuck", "overdue", "too_short", "repeats")
    change["finding"] = 1 + number.index("order" if finding == "entered" else finding)
    change["score"] = 8.0
    pairs = [(a, b) for a, b in product(words, words) if a != b and f"{a}>{b}" not in rule.allowed]
    bounds = rule.at_least if finding == "too_short" else rule.at_most
    if finding in {"order", "entered"} and pairs and rule.allowed:
        first = [p for p in pairs if p[0] == words[0]] or pairs[-1:]  # from the calmest state
        before, now = next((p for p in pairs if p in TRIPS), first[0])
        change["expected"], change["observed"] = codes[before], codes[now]
        if finding == "entered":
            change["expected"] = np.nan
    elif finding == "unknown":
        change["expected"], change["observed"] = codes[words[0]], 1 + max(codes.values())
    elif finding in {"stuck", "overdue", "too_short"} and bounds:
        word, bound = next(iter(bounds.items()))
        other = next(w for w in words if w != word)
        left, now = (other, word) if finding == "stuck" else (word, other)
        change["expected"], change["observed"] = codes[left], codes[now]
        change["score"] = bound.ns / NS_PER_S * (0.5 if finding == "too_short" else 1.5)
    elif finding == "repeats" and rule.repeats is not None:
        left, now = rule.repeats.of.split(">")
        change["expected"], change["observed"] = codes[left], codes[now]
    else:
        return False
    return True


def _trend(rule: Any, finding: str, change: Any) -> None:
    names = ("velocity", "acceleration", "step", "failure", "velocity_change")
    change["finding"] = 1 + names.index(finding)
    key = "failure_within" if finding == "failure" else finding
    bound = getattr(getattr(rule, key), Colour(int(change["now"])).word)
    way = 1 if rule.way == "up" else -1
    change["score"] = 1.3 * bound * way
    change["expected"] = 0.8 * bound if finding == "failure" else np.nan


def bare() -> Iterator[Line]:
    """Every finding of a class without words, for the kinds that no pack uses."""
    owner = Owner("district", "desk", Duration("5 min"), "city")
    duty = Rationalisation(
        cause="-", consequence="-", respond=Respond("-", ["-"]), owner=owner, source="-"
    )
    for key in FINDINGS:
        name, _, finding = key.partition(".")
        kind = kinds().get(name)
        change = np.zeros(1, TRANSITION)[0]
        change["now"], change["score"] = Colour.YELLOW, -3.5 if finding == "low" else 3.5
        change["observed"] = 0.21 if finding == "low" else 0.43
        change["expected"], change["low"], change["high"] = 0.31, 0.28, 0.34
        if name in {"missing", "repeated", "late"}:
            change["score"] = 0.42 if name == "missing" else 0.58
        lengths = {"over": 3600 * NS_PER_S, "after": 900 * NS_PER_S}
        figures = {"threshold": 0.5, "left": 4e5, "within": 3600.0, "bound": 0.4}
        card = RuleCard(name, "-", duty, lengths=lengths)
        told = Told(card, ClassCards("MPa", {}), change, Finding(finding, figures), 0)
        if kind is not None and finding in kind[1].findings:
            yield Line("", "", key, "yellow", sentences(told, {"en": "P-1", "zh": "P-1"}))


def links() -> Iterator[Line]:
    """What is said of a link: when it rings, when more channels are silent, and when it is back."""
    streets = ("310101002", "310101003", "310101004")
    for colour, template, silent, lasted_ns in (
        ("orange", rings(), 612, 0),
        ("orange", STILL, 1_950, LATER_NS),
        ("clear", OVER, 297, CALM_NS),
    ):
        told = Blind("P-1", "water", silent, 2_000, lasted_ns, ("street", streets))
        yield Line("", "", RULE, colour, told.say(template))


def page() -> str:
    """The page of sentences."""
    text, lifeline, label = ABOUT, "", ""
    used = set()
    for line in lines(Configuration.load(CONFIGS, {})):
        used.add(line.key.partition(".")[0])
        if " " in line.label:  # variants say the same with other thresholds
            continue
        if line.lifeline != lifeline:
            lifeline = line.lifeline
            text += f"\n## {lifeline.capitalize()}\n"
        if line.label != label:
            label = line.label
            text += f"\n### `{label}`\n\n{_HEAD}"
        text += _row(line)
    others = [line for line in bare() if line.key.partition(".")[0] not in used]
    text += LINKS + f"\n{_HEAD}" + "".join(map(_row, links()))
    return text + OTHERS + f"\n{_HEAD}" + "".join(map(_row, others))


_HEAD: Final = "| finding | colour | English | 中文 |\n| --- | --- | --- | --- |\n"


def _row(line: Line) -> str:
    return f"| `{line.key}` | {line.colour} | {line.say['en']} | {line.say['zh']} |\n"
