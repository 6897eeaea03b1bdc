"""Rules of other classes that a class file names: all must be there."""

from collections.abc import Iterable, Iterator, Mapping

from configuration.pack import RULES, ClassPack
from configuration.rule_kinds import kinds
from configuration.yaml.fill import Page
from configuration.yaml.findings import Path, nearest


def check_references(
    packs: Iterable[ClassPack], pages: Mapping[str, Page], classes: Iterable[str]
) -> None:
    """Note every `<class>.<rule>` that nothing answers to.

    Parameters
    ----------
    packs : iterable of ClassPack
        Those that are good.
    pages : mapping of class to Page
        Their files.
    classes : iterable of str
        All classes that have a file, good or not: of a broken one no rule is asked for.
    """
    good = {pack.class_name: pack for pack in packs if not pack.applied}
    known = set(classes)
    for name in sorted(good):
        for path, term in _named(good[name]):
            if text := _wrong(term, good, known):
                pages[name].find(path, text)


def _named(pack: ClassPack) -> Iterator[tuple[Path, str]]:
    """Places in a class file, and what is named there."""
    for name, (_, kind) in kinds().items():
        if (rule := pack.rule(name)) is not None:
            for path, term in kind.refers(rule):
                yield (name, *path), term


def _wrong(term: str, good: Mapping[str, ClassPack], known: set[str]) -> str:
    """What is wrong with `<class>.<rule>`, nothing when it is there."""
    class_name, _, rule = term.rpartition(".")
    if class_name not in known:
        return f"expected a class that has a file, got {class_name!r}; {nearest(class_name, known)}"
    pack = good.get(class_name)
    there = [] if pack is None else [word for word in RULES if pack.rule(word) is not None]
    if pack is None or rule in there:
        return ""
    return f"expected a rule of {class_name}, got {rule!r}; {nearest(rule, there)}"
