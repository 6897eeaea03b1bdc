"""How lifelines recovered, as the console shows it.

Times are milliseconds since 1970 UTC; functionality Q is a share. Of two figures the first takes
what was blind as lost, the second as served (alarms/resilience), unless it is said otherwise.
"""

from typing import Final, Protocol

import msgspec

Pair = tuple[float, float]
Moments = tuple[int | None, int | None]
# Phases of an answer in their order; see `alarms.resilience.phases`.
PHASES: Final = ("detected", "acknowledged", "dispatched", "arrived", "contained")


class LifelineRecovery(msgspec.Struct, frozen=True):
    """How a lifeline fared.

    Parameters
    ----------
    lifeline : str
    unit : str
        What is counted: `people`, or `assets` where the topology knows no people.
    of : int
        How many it serves.
    now, lowest : tuple of float
        Q at the end of what is known, and min Q.
    lost_minutes : tuple of float
        Minutes of people (or assets) lost, lowest and highest.
    basic_ms, restored_ms : tuple of int or None
        When Q was 0.8 again for half an hour, and again what it was before; None while it is not.
    before : dict of str to tuple of float or None
        Share of the loss before each phase, lowest and highest; only of incidents.
    curve : list of (int, float, float)
        Points of Q(t): time, with what was blind as lost, as served.
    """

    lifeline: str
    unit: str
    of: int
    now: Pair
    lowest: Pair
    lost_minutes: Pair
    basic_ms: Moments
    restored_ms: Moments
    before: dict[str, Pair | None]
    curve: list[tuple[int, float, float]]


class IncidentLoss(msgspec.Struct, frozen=True):
    """What an incident took of a lifeline; `incident` is empty for alarms of none."""

    incident: str
    title: dict[str, str]
    lifeline: str
    lost_minutes: float


class SecondFeed(msgspec.Struct, frozen=True):
    """What a second feed of an asset would have saved, in minutes of people, lowest and highest."""

    parent: str
    child: str
    saved_minutes: Pair


class Recovery(msgspec.Struct, frozen=True):
    """How lifelines recovered, in a period or from an incident.

    Parameters
    ----------
    begins_ms, ends_ms : int
        What is known ends at the latter.
    lifelines : list of LifelineRecovery
        Those that lost something or went blind.
    unplaced, unlisted : int
        Assets that the topology does not know, and alarms that the incident's record does not
        list: both count nowhere.
    incidents : list of IncidentLoss
        Of a period, the greatest loss first.
    title : dict of str to str
        Of the incident.
    over : bool
        Whether nothing of the incident is lost any more.
    moments_ms : dict of str to int
        Of the incident, by phase, those that have come; `event` is its first onset.
    dependent : tuple of float or None
        Share of the loss from the incident's root that came by dependences, lowest and highest.
    second_feeds : list of SecondFeed
    """

    begins_ms: int
    ends_ms: int
    lifelines: list[LifelineRecovery]
    unplaced: int
    unlisted: int = 0
    incidents: list[IncidentLoss] = []
    title: dict[str, str] = {}
    over: bool = False
    moments_ms: dict[str, int] = {}
    dependent: Pair | None = None
    second_feeds: list[SecondFeed] = []


class Recoveries(Protocol):
    """Works recoveries out of the history, as far as it is known."""

    async def since(self, begins_ms: int) -> Recovery:
        """Of all lifelines from a time on.

        Raises
        ------
        TocsinError
            When they cannot be had now, or nothing is known of so late a time.
        """

    async def of_incident(self, incident: str) -> Recovery:
        """From the first onset of an incident of the history.

        Raises
        ------
        TocsinError
            When it cannot be had now, or nobody knows the incident.
        """
