"""Overrides of a class for some of its channels, by tag or by id.

`overrides: {tag:high_rise: {limit.low: {blue: 0.26}}}` in a class file makes a variant of the class
for the channels with that tag: the same file with those values in place of its own. A key with
dots names a place; mappings are merged, everything else is replaced, and a colour that is `none`
is taken away. Where several apply, later ones in the file win.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from configuration.yaml.fill import Page
from configuration.yaml.findings import Path, nearest
from configuration.yaml.located import Located
from contracts.catalogue import Catalogue
from detectors.base.thresholds import COLOURS

KEY: Final = "overrides"
TAG, CHANNEL = "tag:", "channel:"
NONE: Final = "none"


def selectors(page: Page) -> tuple[str, ...]:
    """Selectors of a class file in their order; what is none is noted."""
    data = page.located.data
    written = data.get(KEY) if isinstance(data, dict) else None
    if written is None:
        return ()
    if not isinstance(written, dict):
        page.refuse((KEY,), "a mapping", written, "write `tag:NAME: {limit.low: …}`")
        return ()
    for selector, changes in written.items():
        if not selector.startswith((TAG, CHANNEL)):
            text = f"expected `tag:NAME` or `channel:ID`, got {selector!r}"
            page.find((KEY, selector), f"{text}; write which channels it is for", key=True)
        elif not isinstance(changes, dict) or not changes:
            page.refuse((KEY, selector), "a mapping of places to values", changes)
        elif KEY in changes:
            page.find((KEY, selector, KEY), "expected no override inside an override", key=True)
        else:
            _judge_removals(selector, page)
    return tuple(written)


def _judge_removals(selector: str, page: Page) -> None:
    """A colour that nobody wrote cannot be taken away."""
    data = page.located.data
    given = {target for _, target, _ in _leaves(plain(page.located).data, (), ())}
    for other in data[KEY].values():
        given |= {target for _, target, value in _leaves(other, (), ()) if value != NONE}
    for there, target, value in _leaves(data[KEY][selector], (KEY, selector), ()):
        if _removes(target, value) and target not in given:
            colours = [str(way[-1]) for way in given if way[:-1] == target[:-1]]
            text = f"expected a colour that is there to be taken away, got {target[-1]!r}"
            page.find(there, f"{text}; {nearest(str(target[-1]), colours)}", key=True)


def _removes(target: Path, value: Any) -> bool:
    return value == NONE and target[-1] in COLOURS


def plain(tree: Located) -> Located:
    """The class file without its overrides."""
    if not isinstance(tree.data, dict) or KEY not in tree.data:
        return tree
    data = {key: value for key, value in tree.data.items() if key != KEY}
    return Located(data, tree.values, tree.keys)


def varied(tree: Located, chosen: Sequence[str]) -> Located:
    """The class file with some overrides in force; each value keeps the place it was written at."""
    data = copy.deepcopy(plain(tree).data)
    values, keys = dict(tree.values), dict(tree.keys)
    for selector in chosen:
        source: Path = (KEY, selector)
        for there, target, value in _leaves(tree.data[KEY][selector], source, ()):
            _put(data, target, value)
            values.update(_moved(tree.values, there, target))
            keys.update(_moved(tree.keys, there, target))
            _name_keys(keys, tree, (there, target))
    return Located(data, values, keys)


def _leaves(value: Any, source: Path, target: Path) -> Iterator[tuple[Path, Path, Any]]:
    """Where each replaced value was written, where it goes, and the value."""
    if not isinstance(value, dict) or not value:
        yield source, target, copy.deepcopy(value)
        return
    for key, item in value.items():
        yield from _leaves(item, (*source, key), (*target, *key.split(".")))


def _put(data: Any, target: Path, value: Any) -> None:
    for step in target[:-1]:
        if not isinstance(data.get(step), dict):
            data[step] = {}
        data = data[step]
    if _removes(target, value):
        data.pop(target[-1], None)
    else:
        data[target[-1]] = value


def _name_keys(keys: dict[Path, Any], tree: Located, way: tuple[Path, Path]) -> None:
    """Give keys that only the override has the place where it names them."""
    there, target = way
    for end in range(len(target), 0, -1):
        keys.setdefault(target[:end], tree.keys[there])
        if len(there) > 3 and "." not in str(there[-1]):
            there = there[:-1]


def _moved(found: dict[Path, Any], there: Path, target: Path) -> dict[Path, Any]:
    """Places of a value and all inside it, under the path that it goes to."""
    size = len(there)
    return {(*target, *path[size:]): at for path, at in found.items() if path[:size] == there}


def applicable(named: Sequence[str], channel: str, tags: Sequence[str]) -> tuple[str, ...]:
    """Those selectors that are for a channel, in the order of the file.

    >>> applicable(["tag:old", "channel:a.b.c"], "a.b.c", ["new"])
    ('channel:a.b.c',)
    """
    mine = {CHANNEL + channel, *(TAG + tag for tag in tags)}
    return tuple(selector for selector in named if selector in mine)


def applied(
    catalogue: Catalogue, named_of: Mapping[str, Sequence[str]]
) -> tuple[list[tuple[str, tuple[str, ...]]], NDArray[np.int32]]:
    """Each class with each set of selectors that some channel of it has; and which one by row.

    Parameters
    ----------
    catalogue : Catalogue
    named_of : mapping of str to sequence of str
        Selectors of every class.
    """
    classes, class_of = catalogue.codes("class")
    found: dict[tuple[str, tuple[str, ...]], int] = {}
    found.update({(name, ()): i for i, name in enumerate(classes)})
    which = class_of.astype(np.int32)
    words, words_of = catalogue.codes("tags")
    for i, name in enumerate(classes):
        named = named_of[name]
        if not named:
            continue
        rows = np.flatnonzero(class_of == i)
        for tags in np.unique(words_of[rows]).tolist():
            chosen = applicable(named, "", words[tags].split())
            number = found.setdefault((name, chosen), len(found))
            which[rows[words_of[rows] == tags]] = number
        for selector in named:
            row = catalogue.row_of.get(selector.removeprefix(CHANNEL), -1)
            if selector.startswith(CHANNEL) and row >= 0 and class_of[row] == i:
                chosen = applicable(named, catalogue.ids[row], catalogue.tags(row))
                which[row] = found.setdefault((name, chosen), len(found))
    return list(found), which
