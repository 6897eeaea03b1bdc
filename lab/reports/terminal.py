"""What a stream can show: a terminal that draws, one that does not, a pipe."""

import os
from typing import Final, TextIO

PLAIN_TERMINALS: Final = frozenset({"dumb", "unknown"})


def draws(out: TextIO) -> bool:
    """Whether lines can be written over: a terminal, and none that calls itself dumb."""
    return out.isatty() and os.environ.get("TERM", "dumb") not in PLAIN_TERMINALS


def colours(out: TextIO) -> bool:
    """Whether colour is welcome: on a terminal that draws, unless NO_COLOR says otherwise.

    A NO_COLOR that is set and not empty asks for none, see https://no-color.org.
    """
    return draws(out) and not os.environ.get("NO_COLOR")
