"""Which share of a loss came before it was detected, acknowledged, and before somebody arrived."""

from datetime import datetime
from typing import Final

import msgspec

from alarms.resilience.curve import Curve
from alarms.resilience.functional import Band
from alarms.resilience.process import loss
from contracts.desk.incident import Incident

# Steps of a ticket as it is shipped; a city that calls its states otherwise has no such moments.
_ACKNOWLEDGED: Final = "acknowledged"
_ASSIGNED: Final = "assigned to "
_OF_STEP: Final = {"dispatched": "dispatched", "on site": "arrived", "contained": "contained"}
PHASES: Final = ("detected", "acknowledged", "dispatched", "arrived", "contained")
Bounds = tuple[float, float]


class Milestones(msgspec.Struct, frozen=True):
    """Moments of an incident, in seconds since 1970 UTC; None for what has not been said.

    Parameters
    ----------
    event_s : float
        Onset of its first alarm, t_e.
    detected_s : float or None
        When its first alarm was detected.
    acknowledged_s, dispatched_s, arrived_s, contained_s : float or None
        First steps of its ticket: somebody has seen it or was assigned; `dispatched`, `on site`,
        `contained`.
    """

    event_s: float
    detected_s: float | None = None
    acknowledged_s: float | None = None
    dispatched_s: float | None = None
    arrived_s: float | None = None
    contained_s: float | None = None


def milestones(incident: Incident) -> Milestones:
    """Moments of an incident by its newest revision, as far as its ticket still tells them."""
    found: dict[str, float] = {}
    for step in incident.ticket.history:
        name = _OF_STEP.get(step.what, "")
        if step.what == _ACKNOWLEDGED or step.what.startswith(_ASSIGNED):
            name = "acknowledged"
        if name:
            at_s = _seconds(step.at)
            found[f"{name}_s"] = min(found.get(f"{name}_s", at_s), at_s)
    situation = incident.situation
    return Milestones(_seconds(situation.onset), _seconds(situation.detected), **found)


def shares_before(band: Band, moments: Milestones) -> dict[str, Bounds | None]:
    """Of the loss since the event the part before each phase, lowest and highest.

    ∫_{t_e}^{t} (1 − Q) dt / ∫_{t_e} (1 − Q) dt: what an earlier detection or answer could have
    saved at most (lifelines.md 19.3, leading indicator; the project's [E]).

    Returns
    -------
    dict of str to tuple of float or None
        By phase; None where there is no such moment, or nothing was lost.
    """
    found: dict[str, Bounds | None] = {}
    for phase in PHASES:
        at_s: float | None = getattr(moments, f"{phase}_s")
        found[phase] = None if at_s is None else _share(band, moments.event_s, at_s)
    return found


def _share(band: Band, event_s: float, at_s: float) -> Bounds | None:
    low, high = (_parts(curve, event_s, at_s) for curve in (band.best, band.worst))
    if high[0] + high[1] <= 0:
        return None
    return _part_of(low[0], high[1]), _part_of(high[0], low[1])


def _parts(curve: Curve, event_s: float, at_s: float) -> Bounds:
    """Loss before and behind a moment."""
    at_s = min(max(at_s, event_s), curve.ends)
    return loss(curve.within(event_s, at_s)), loss(curve.within(at_s, curve.ends))


def _part_of(part: float, rest: float) -> float:
    return part / (part + rest) if part > 0 else 0.0


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
