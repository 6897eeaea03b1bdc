"""Kinds of rules a class file may hold: those of Tocsin, and those of installed packages."""

import re
from collections.abc import Callable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from contracts.errors import ConfigError
from contracts.transition import LINK_SLOT, Finding
from detectors.base.findings import SIDES, by_expected, by_sides, only
from detectors.base.kind import Kind, no_rate, no_references
from detectors.channel import invalid, silence
from detectors.fused import parameters
from detectors.registry import KINDS

ENTRY_POINTS: Final = "tocsin.detectors"
# These have doors of their own in a lane.
BUILT_IN: Final = ("limit", "unusual", "silent", "invalid", "frozen")
# Other words that a class file or its struct has.
TAKEN: Final = (
    *("class", "class_name", "unit", "period", "plausible", "overrides"),
    *("at", "selectors", "applied", "lifeline", "label", "rule", "words"),
)
_FUSED: Final = {
    "limit": parameters.LIMIT_SLOT,
    "unusual": parameters.UNUSUAL_SLOT,
    "frozen": parameters.FROZEN_SLOT,
}
_BUILT_IN_FINDING: Final = {"limit": by_sides, "unusual": by_expected}
FIRST_SLOT: Final = 1 + max(silence.SLOT, invalid.SLOT, *_FUSED.values())
SLOTS_MAX: Final = LINK_SLOT  # a level change names its rule in one byte, and links have the last
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")


@cache
def kinds() -> dict[str, tuple[int, Kind]]:
    """Slot and kind by name: models before what judges them, and last those that listen.

    Raises
    ------
    ConfigError
        When an installed package cannot be loaded, or brings something else than a kind, or a
        name that is taken or is none; or when all of them bring too many.
    """
    found: dict[str, tuple[int, Kind]] = {}
    foreign = sorted(entry_points(group=ENTRY_POINTS), key=lambda entry: entry.name)
    for kind in sorted([*KINDS, *map(_loaded, foreign)], key=_listens):
        where = f"entry point group {ENTRY_POINTS}"
        if not isinstance(kind, Kind):
            msg = f"{where}: expected a detectors.base.kind.Kind, got {kind!r}; fix the package"
            raise ConfigError(msg)
        if not _NAME.fullmatch(kind.name):
            msg = f"{where}: expected a name such as 'jump', got {kind.name!r}; rename it"
            raise ConfigError(msg)
        if kind.name in {*found, *BUILT_IN, *TAKEN}:
            msg = f"{where}: expected a name of its own, got {kind.name!r} again; rename it"
            raise ConfigError(msg)
        slot = FIRST_SLOT + len(found)
        if slot == SLOTS_MAX:
            most = SLOTS_MAX - FIRST_SLOT
            msg = f"{where}: expected {most} kinds at most, got {kind.name!r} too; uninstall some"
            raise ConfigError(msg)
        found[kind.name] = (slot, kind)
    return found


def _listens(kind: Any) -> bool:
    """Whether a kind names rules of other classes; what is no kind is judged later."""
    return getattr(kind, "refers", no_references) is not no_references


def slots() -> dict[str, int]:
    """Number in level changes of every rule that readings advance, by name."""
    return {**_FUSED, **{name: slot for name, (slot, _) in kinds().items()}}


def findings_of(name: str) -> tuple[str, ...]:
    """Names of what a rule can find, one without a name where it finds one thing."""
    if name in BUILT_IN:
        return SIDES if name in _BUILT_IN_FINDING else ("",)
    return kinds()[name][1].findings


def finding_of(name: str) -> Callable[[Any, Any], Finding]:
    """Which of them a level change that rings is, from (rule, level change)."""
    return _BUILT_IN_FINDING.get(name, only) if name in BUILT_IN else kinds()[name][1].finding


def rate_of(name: str) -> Callable[[Any, Any], float]:
    """How fast a rule says that the value moves, from (rule, level change)."""
    return no_rate if name in BUILT_IN else kinds()[name][1].rate


def _loaded(entry: EntryPoint) -> Any:
    """What a package offers; whatever goes wrong in it is the configuration's fault, not ours."""
    try:
        return entry.load()
    except Exception as error:
        got = f"{type(error).__name__}: {error}"
        where = f"entry point group {ENTRY_POINTS}: {entry.name} = {entry.value}"
        msg = f"{where}: expected a kind, got {got}; fix the package or uninstall it"
        raise ConfigError(msg) from error
