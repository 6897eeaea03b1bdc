"""Level changes, the only thing that Python receives from a scoring kernel, and what they find."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

NEVER = np.iinfo(np.int64).min
# Slot of what is found of a link; `row` is then the first of its channels.
LINK_SLOT: Final = 255


class Colour(IntEnum):
    """Four warning colours of Chinese emergency plans, worst last; CLEAR is no alarm."""

    CLEAR = 0
    BLUE = 1
    YELLOW = 2
    ORANGE = 3
    RED = 4

    @property
    def word(self) -> str:
        """Name as records and packs write it (`blue`)."""
        return COLOURS[self]


COLOURS: Final = tuple(colour.name.lower() for colour in Colour)  # names, least first
RINGING: Final = COLOURS[1:]  # without clear


# One level change. `ordinal` is the reading's place in its batch and orders changes against
# dead letters; a timer's changes carry the place of the reading they come before.
TRANSITION = np.dtype(
    [
        ("ordinal", np.int64),
        ("row", np.int32),
        ("rule", np.uint8),  # slot: the place of the rule in its class
        ("was", np.uint8),
        ("now", np.uint8),
        ("finding", np.uint8),  # which of its findings, 0 where its kind tells by other figures
        ("time_ns", np.int64),  # event time of the change (lane time for timers)
        ("onset_ns", np.int64),  # where an episode begins: the event time of its beginning
        ("observed", np.float64),
        ("expected", np.float64),  # NaN where the rule has none
        ("low", np.float64),  # band around the expected value, NaN where there is none
        ("high", np.float64),
        ("score", np.float64),
    ],
    align=True,
)

Transitions = NDArray[np.void]


def no_transitions() -> Transitions:
    """Empty array of level changes."""
    return np.empty(0, TRANSITION)


def end_to_end(parts: Sequence[Transitions]) -> Transitions:
    """Level changes of some arrays in one, which is the part itself where only one has any.

    Nearly all parts are empty, and `np.concatenate` promotes record types anew at every call.
    """
    told = [part for part in parts if len(part)]
    if len(told) == 1:
        return told[0]
    return np.concatenate(told) if told else no_transitions()


@dataclass(frozen=True, slots=True)
class Finding:
    """One of the things that a rule can find.

    Parameters
    ----------
    name : str
        `high`, `stuck`, `step`; empty where a kind of rule has one finding.
    figures : mapping of str to float
        Figures of its sentence beside those of the level change, or in place of them: the
        `threshold` that was passed, in the unit of the figure that passed it.
    """

    name: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)
