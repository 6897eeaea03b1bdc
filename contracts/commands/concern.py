"""What a command is about, for those who may command some things alone."""

from typing import NamedTuple


class Concern(NamedTuple):
    """What a command concerns, for roles that hold for some lifelines or areas alone.

    Parameters
    ----------
    lifelines : frozenset of str
        Any of them will do; empty for all together, which only a role without places may command.
    areas : frozenset of str
        Names of the one place, from its district down to its grid cell; empty likewise.
    """

    lifelines: frozenset[str] = frozenset()
    areas: frozenset[str] = frozenset()
