"""What is allowed in a configuration and yet hardly meant: rules that can never ring somewhere.

Each judgement needs the whole folder: packs, their variants, and the channels of the catalogue.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from configuration.catalogue.read import ChannelTable
from configuration.catalogue.store import by_id
from configuration.checks.duty import judge_duty
from configuration.checks.pack import CLASS
from configuration.desk.duty import DutyFolder
from configuration.pack import RULES, ClassPack
from configuration.rule_kinds import kinds
from configuration.yaml.fill import Page, quantity_text
from configuration.yaml.findings import Findings, Path
from configuration.yaml.overrides import applied, varied
from contracts.catalogue import Catalogue
from detectors.base.thresholds import COLOURS, Steps
from detectors.channel.slope import Fall

GROUPS_TOLD: Final = 3
ONE_IS_ENOUGH: Final = frozenset({"multivariate"})  # kinds that go on with those that are there
COUNTS_ITSELF: Final = frozenset({"balance"})  # whose names stand for all channels, its own too
SPARING: Final = "ignore_while"  # a companion under this key only spares, the rule stands alone

Named = tuple[Path, str]  # place, and the class that is named there


@dataclass(frozen=True, slots=True)
class Folder:
    """A good configuration folder.

    Parameters
    ----------
    packs : sequence of ClassPack
        Classes and the variants that overrides make of them.
    pages : mapping of class to Page
        Their files.
    tables : sequence of ChannelTable
        Catalogue of each lifeline.
    duty : DutyFolder or None
        Desks and rosters.
    """

    packs: Sequence[ClassPack]
    pages: Mapping[str, Page]
    tables: Sequence[ChannelTable]
    duty: DutyFolder | None = None


def warnings(folder: Folder) -> list[str]:
    """Warnings, one line each by file and place."""
    found = Findings()
    _judge_groups(folder.tables, found)
    grouped = _groups(folder)
    classes = _classes(folder.tables)
    good = {pack.class_name: pack for pack in folder.packs if not pack.applied}
    for pack in folder.packs:
        own, mine = folder.pages[pack.class_name], Findings()
        page = Page(own.file, varied(own.located, pack.applied), mine)
        groups = grouped.get(pack.label, [])
        for name in RULES:
            if (rule := pack.rule(name)) is not None:
                _judge_companions(name, rule, (pack, groups, classes), page)
                _judge_witnesses(name, rule, good, page)
                _judge_change(name, rule, pack, page)
                _judge_gate(name, rule, page)
        _judge_words(pack, page)
        if not pack.applied and not any(pack.class_name in there for there in classes.values()):
            text = "expected a channel of it in the catalogue, got none; its rules never ring"
            page.find(("class",), text)
        _take(mine, pack, found)
    if folder.duty is not None:
        judge_duty(folder.duty, folder.tables, found)
    return found.lines()


def _take(mine: Findings, pack: ClassPack, found: Findings) -> None:
    """Take over what one class, or variant of one, gave; said once for all variants."""
    there = {(finding.file, finding.place) for finding in found.found}
    suffix = f" (with {' and '.join(pack.applied)})" if pack.applied else ""
    for finding in mine.found:
        if (finding.file, finding.place) not in there:
            found.add(finding.file, finding.place, finding.path, finding.text + suffix)


def _pairs(ours: NDArray[np.int32], groups: NDArray[np.int32]) -> Iterator[tuple[int, int, int]]:
    """Each pair of numbers that some channel has, and how many do."""
    width = int(groups.max(initial=0)) + 1
    pairs, counts = np.unique(ours.astype(np.int64) * width + groups, return_counts=True)
    for pair, count in zip(pairs.tolist(), counts.tolist(), strict=True):
        yield *divmod(pair, width), count


def _groups(folder: Folder) -> dict[str, list[str]]:
    """Groups with a channel of each class, or variant of one, by label."""
    named = {pack.class_name: pack.selectors for pack in folder.packs if not pack.applied}
    found: dict[str, list[str]] = {}
    for channels in folder.tables:
        catalogue = Catalogue(by_id(channels.table))
        kinds_of, which = applied(catalogue, named)
        groups, group_of = catalogue.codes("group")
        for i, group, _ in _pairs(which, group_of):
            name, chosen = kinds_of[i]
            found.setdefault(" ".join((name, *chosen)), []).append(groups[group])
    return {label: sorted(set(groups)) for label, groups in found.items()}


def _classes(tables: Sequence[ChannelTable]) -> dict[str, dict[str, int]]:
    """Number of channels of each class in every group."""
    found: dict[str, dict[str, int]] = {}
    for channels in tables:
        catalogue = Catalogue(channels.table)
        (groups, group_of), (names, name_of) = map(catalogue.codes, ("group", "class"))
        for group, name, count in _pairs(group_of, name_of):
            there = found.setdefault(groups[group], {})
            there[names[name]] = there.get(names[name], 0) + count
    return found


def _judge_groups(tables: Sequence[ChannelTable], found: Findings) -> None:
    """A group lives in one lane of one lifeline."""
    first: dict[str, int] = {}
    for number, channels in enumerate(tables):
        groups, group_of = Catalogue(channels.table).codes("group")
        alien = [i for i, group in enumerate(groups) if first.setdefault(group, number) != number]
        rows = np.flatnonzero(np.isin(group_of, alien))
        for row in rows[:1].tolist():  # once for each catalogue
            group = groups[group_of[row]]
            other = tables[first[group]].file
            text = f"expected a group of one lifeline, got {group!r} of {other} too"
            advice = "its channels live in lanes of both and never meet, rename one"
            found.add(channels.file, channels.spot(row), "group", f"{text}; {advice}")


def _words(rule: Any) -> dict[str, Any]:
    """A rule as its file says it, without the duty."""
    words: dict[str, Any] = msgspec.to_builtins(rule, enc_hook=quantity_text)
    return {key: value for key, value in words.items() if key != "duty"}


def _named(value: Any, path: Path) -> Iterator[Named]:
    """Classes that a rule names, and where."""
    inside: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        inside = value.items()
        yield from (found for key in value for found in _named(key, (*path, key)))
    elif isinstance(value, list):
        inside = enumerate(value)
    elif isinstance(value, str) and CLASS.fullmatch(value):
        yield path, value
    for step, item in inside:
        yield from _named(item, (*path, step))


def _wanted(name: str, rule: Any) -> tuple[list[Named], int]:
    """Companions of a rule, and how many of them must be there for it to be judged."""
    kind = kinds().get(name)
    if kind is None:
        return [], 0
    if terms := list(kind[1].refers(rule)):
        named: list[Named] = [((name, *path), term.rpartition(".")[0]) for path, term in terms]
        return named, min(getattr(rule, "least", 1), len(named))
    named = [(path, word) for path, word in _named(_words(rule), (name,)) if path[1] != SPARING]
    return named, 1 if name in ONE_IS_ENOUGH else len(named)


def _judge_companions(
    name: str, rule: Any, where: tuple[ClassPack, list[str], dict[str, dict[str, int]]], page: Page
) -> None:
    """A rule is never judged in a group that has not the channels it looks at."""
    pack, groups, classes = where
    named, least = _wanted(name, rule)
    if not named:
        return
    other = pack.class_name if least == 1 and name not in COUNTS_ITSELF else None
    alone, lacking = [], set()
    for group in groups:
        there = classes[group]
        needs = [(path, word, 1 + (word == other)) for path, word in named]
        gone = {(path, word) for path, word, count in needs if there.get(word, 0) < count}
        if len(needs) - len(gone) < least:
            alone.append(group)
            lacking |= gone
    if alone:
        told = ", ".join(alone[:GROUPS_TOLD])
        more = f" and {len(alone) - GROUPS_TOLD} more" if len(alone) > GROUPS_TOLD else ""
        words = ", ".join(sorted({word for _, word in lacking}))
        text = f"expected channels of {words} beside those of the class, got none in {told}{more}"
        page.find(min(lacking)[0], f"{text}; it is never judged there")


def _judge_witnesses(name: str, rule: Any, good: Mapping[str, ClassPack], page: Page) -> None:
    """A rule that waits for a colour which the rules it names never reach."""
    level = getattr(rule, "at_least", None)
    if level is None or name not in kinds():
        return
    terms = [term for _, term in kinds()[name][1].refers(rule)]
    able = [term for term in terms if _worst(good, term) >= COLOURS.index(level)]
    if len(able) < min(getattr(rule, "least", 1), len(terms)):
        text = f"expected a colour that the rules it names can reach, got {level!r}"
        dull = ", ".join(term for term in terms if term not in able)
        page.find((name, "at_least"), f"{text}, above that of {dull}; it never rings, lower it")


def _worst(good: Mapping[str, ClassPack], term: str) -> int:
    """Worst colour of a rule as its words tell, red where they do not."""
    class_name, _, name = term.rpartition(".")
    rule = good[class_name].rule(name) if class_name in good else None
    for word in ("at_most", "colour"):
        if (colour := getattr(rule, word, None)) in COLOURS:
            return COLOURS.index(colour)
    steps = [value for value in _fields(rule) if isinstance(value, Steps)]
    told = [i for some in steps for i, colour in enumerate(COLOURS) if getattr(some, colour)]
    return max(told, default=len(COLOURS) - 1)


def _fields(rule: Any) -> list[Any]:
    return [] if rule is None else list(msgspec.structs.astuple(rule))


def _judge_change(name: str, rule: Any, pack: ClassPack, page: Page) -> None:
    """A change that is faster than the sensor is believed to be."""
    fastest = pack.plausible.fastest
    if fastest is None or not isinstance(rule, Fall):
        return
    most = fastest.per_s * rule.over.ns / 1e9
    for colour in COLOURS:
        step = getattr(rule.by, colour)
        if step is not None and step > most:
            text = f"expected at most what {fastest} make in {rule.over} ({most:g}), got {step:g}"
            advice = f"faster readings are not believed, {colour} never rings, lower it"
            page.find((name, "by", colour), f"{text}; {advice}")


def _judge_words(pack: ClassPack, page: Page) -> None:
    """A class that tells states which nobody gave a word in both languages."""
    rule = pack.rule("sequence")
    nameless = (
        [] if rule is None else [code for code in rule.states if code not in pack.words.states]
    )
    if nameless:
        codes = ", ".join(nameless)
        text = f"expected a word for each state under `words.states`, got none for {codes}"
        page.find(("sequence", "states"), f"{text}; operators read bare codes", key=True)


def _judge_gate(name: str, rule: Any, page: Page) -> None:
    """A gate that opens before a rule rings lets it learn the fault as normal."""
    opens, delay = getattr(rule, "relearn_after", None), getattr(rule, "on_delay", None)
    if name in kinds() and opens is not None and delay is not None and opens.ns <= delay.ns:
        text = f"expected longer than on_delay ({delay}), got {opens}"
        advice = "a fault is learned before it rings, raise it"
        page.find((name, "relearn_after"), f"{text}; {advice}")
