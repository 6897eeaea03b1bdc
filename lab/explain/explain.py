"""`tocsin explain`: which values govern a channel, where each was written, and why it rang."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

import msgspec

from alarms.rationalisation import Rationalisation
from configuration.calendar import FILE, by_day
from configuration.configuration import Configuration
from configuration.loader import Loader
from configuration.pack import RULES, ClassPack
from configuration.yaml.fill import Page
from configuration.yaml.findings import Findings, Path, dotted, nearest
from configuration.yaml.overrides import KEY, applicable, selectors, varied
from contracts.errors import ConfigError
from contracts.quantities import Quantity

SKIPPED = frozenset({"at", "selectors", "applied"})
DUTY = "duty"
DATES = "calendar"
BY_DAY = frozenset({DATES, "utc_offset"})  # of no meaning to a rule that is the same every day


@dataclass(frozen=True, slots=True)
class Value:
    """One value that governs a channel.

    Parameters
    ----------
    path : str
        `limit.low.blue`.
    text : str
        As it stands after lengths in periods were turned into time.
    written : str
        `file:line:column`, or `default`; of a bundle `file:line` of the rule, or nothing.
    override : str
        Selector that put it there, empty where the class itself says it.
    """

    path: str
    text: str
    written: str
    override: str


def pages_of(folder: FilePath) -> dict[str, Page]:
    """Files of a folder's classes, by class."""
    loader = Loader(folder, {}, Findings())
    loader.load()
    return loader.pages


def governing(
    folder: FilePath,
    configuration: Configuration,
    channel: str,
    pages: Mapping[str, Page] | None = None,
) -> tuple[ClassPack, list[Value]]:
    """The pack that governs a channel, and its values in the order of the class file.

    Parameters
    ----------
    folder : Path
    configuration : Configuration
        Of the folder.
    channel : str
    pages : mapping of str to Page, optional
        See `pages_of`, for those who ask of many channels.

    Raises
    ------
    ConfigError
        When the configuration has no such channel.
    """
    catalogue = configuration.catalogue
    row = catalogue.row_of.get(channel)
    if row is None:
        few = len(catalogue) < 10_000
        advice = nearest(channel, list(catalogue.ids)) if few else "see the catalogue"
        msg = f"explain: expected a channel of the catalogue, got {channel!r}; {advice}"
        raise ConfigError(msg)
    name = catalogue.classes()[row]
    page = (pages or pages_of(folder))[name]
    chosen = applicable(selectors(page), channel, catalogue.tags(row))
    pack = configuration.packs[" ".join((name, *chosen))]
    tree = varied(page.located, chosen)
    home = {place: source for source, place in page.located.values.items()}

    def value(path: Path, leaf: Any) -> Value:
        place = tree.values.get(path)
        if place is None:
            written = (folder / FILE).as_posix() if path[-1] == DATES else "default"
            return Value(dotted(path), _shown(leaf), written, "")
        source = home.get(place, ())
        override = str(source[1]) if source[:1] == (KEY,) else ""
        at = f"{FilePath(page.file).as_posix()}:{place[0]}:{place[1]}"
        return Value(dotted(path), _shown(leaf), at, override)

    return pack, [value(path, leaf) for path, leaf in _leaves(pack, ())]


def kept_values(pack: ClassPack) -> list[Value]:
    """Values of a pack from a bundle, which keeps the place of each rule but of no single value."""
    return [
        Value(dotted(path), _shown(leaf), pack.at.get(str(path[0]), ""), "")
        for path, leaf in _leaves(pack, ())
    ]


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Values of a pack by path, a duty and a calendar as one each; unset ones are not there."""
    if isinstance(value, msgspec.Struct) and path[-1:] != (DUTY,):
        names = zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True)
        for field, key in names:
            if (not path and key in SKIPPED) or (key in BY_DAY and not by_day(value)):
                continue
            yield from _leaves(getattr(value, field), (*path, key))
    elif isinstance(value, dict) and path[-1:] != (DATES,):
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    elif value is not None and value != {}:
        yield path, value


def _shown(value: Any) -> str:
    if isinstance(value, Rationalisation):
        return f"{value.respond.procedure}, {value.owner.level}: {value.owner.role}"
    if isinstance(value, dict):
        return f"{len(value)} date{'' if len(value) == 1 else 's'}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_shown(item) for item in value) + "]"
    return str(value) if isinstance(value, Quantity | str | bool) else f"{value:g}"


def lines(pack: ClassPack, values: Sequence[Value]) -> list[str]:
    """What governs, rule by rule, as a table."""
    width = max(len(value.path) for value in values)
    room = max(len(value.text) for value in values)
    rules = ", ".join(rule for rule in RULES if pack.rule(rule) is not None)
    head = f"{pack.label}: {pack.unit}, every {pack.period}, rules {rules or 'none'}"
    return [
        head,
        *(
            f"  {value.path:{width}}  {value.text:{room}}  {value.written}".rstrip()
            + (f"  by {value.override}" if value.override else "")
            for value in values
        ),
    ]


def lines_of_bundle(config: str, pack: ClassPack | None, values: Sequence[Value]) -> list[str]:
    """What governs where the journal has put another configuration in force than the folder's."""
    head = f"configuration {config} governs at this time, not that of the folder"
    if pack is None:
        return [f"{head}; it has no such channel"]
    return [f"{head}; places are those of rules in its own files", *lines(pack, values)]
