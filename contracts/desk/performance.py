"""How well desks are served by their alarms, as the desk stage counts it for metrics."""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

# Bounds of the histogram of answers: time to answer over the time that its clock allows.
CLOCK_SHARES: Final = (0.25, 0.5, 1.0, 2.0, 4.0)

Condition = Literal["shelved", "out of service", "chattering", "fleeting", "stale"]
Share = Literal["open", "shelved", "withheld"]


class DeskFigures(NamedTuple):
    """What one desk is told and has standing.

    Parameters
    ----------
    name : str
        Id of the desk.
    told, floods : int
        Notices told, and floods of them (ISA-18.2), since the stage began.
    withheld : mapping of str to int
        Notices that were not told, by reason, since the stage began.
    flooded : bool
        Whether it is in a flood.
    standing : mapping of str to int
        Its open alarms now, by `Condition`; one may be in several.
    """

    name: str
    told: int
    floods: int
    withheld: Mapping[str, int]
    flooded: bool
    standing: Mapping[str, int]


class LevelAnswers(NamedTuple):
    """How soon the desks of one level answer what they are called for.

    Parameters
    ----------
    name : str
        The level.
    calls : int
        Calls whose clock began, since the stage began.
    counts : tuple of int
        Calls that were answered by time over what the clock allowed, one more than `CLOCK_SHARES`.
    shares : float
        Sum of these.
    """

    name: str
    calls: int
    counts: tuple[int, ...]
    shares: float


class LifelineAlarms(NamedTuple):
    """Alarms of one lifeline that ring now.

    Parameters
    ----------
    name : str
        The lifeline.
    counts : mapping of (str, Share) to int
        By colour: all, those that are shelved, and those of whose incident no desk was told.
    """

    name: str
    counts: Mapping[tuple[str, Share], int]


class LifelineFunction(NamedTuple):
    """Which share of those whom a lifeline serves it serves now, as alarms have it.

    Parameters
    ----------
    name : str
        The lifeline.
    worst, best : float
        With what is blind as lost, and as served; 0 to 1.
    """

    name: str
    worst: float
    best: float


class Performance(NamedTuple):
    """Of desks that were told anything, by id, of levels that were called, and of lifelines."""

    desks: tuple[DeskFigures, ...] = ()
    levels: tuple[LevelAnswers, ...] = ()
    lifelines: tuple[LifelineAlarms, ...] = ()
    functions: tuple[LifelineFunction, ...] = ()
