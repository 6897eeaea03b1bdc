"""Kinds of rules a class file may hold: those of Tocsin, and those of installed packages."""

from functools import cache
from importlib.metadata import entry_points
from typing import Final

from contracts.errors import ConfigError
from detectors import parameters, silence
from detectors.kind import Kind
from detectors.kinds import KINDS

ENTRY_POINTS: Final = "tocsin.detectors"
BUILT_IN: Final = ("limit", "unusual", "silent")  # these three have doors of their own in a lane
FIRST_SLOT: Final = 1 + max(parameters.LIMIT_SLOT, parameters.UNUSUAL_SLOT, silence.SLOT)
SLOTS_MAX: Final = 256


@cache
def kinds() -> dict[str, tuple[int, Kind]]:
    """Slot and kind by name, models first.

    Raises
    ------
    ConfigError
        When an installed package brings something else than a kind, or a name that is taken.
    """
    found: dict[str, tuple[int, Kind]] = {}
    foreign = sorted(entry_points(group=ENTRY_POINTS), key=lambda entry: entry.name)
    for kind in [*KINDS, *(entry.load() for entry in foreign)]:
        where = f"entry point group {ENTRY_POINTS}"
        if not isinstance(kind, Kind):
            msg = f"{where}: expected a detectors.kind.Kind, got {kind!r}; fix the package"
            raise ConfigError(msg)
        if kind.name in found or kind.name in BUILT_IN:
            msg = f"{where}: expected a name of its own, got {kind.name!r} again; rename it"
            raise ConfigError(msg)
        found[kind.name] = (FIRST_SLOT + len(found), kind)
    return found
