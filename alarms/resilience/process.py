"""Process resilience: from the event over the lowest point to the restoration."""

import math
from typing import Final

import msgspec
import numpy as np

from alarms.resilience.curve import WHOLE, Curve
from alarms.resilience.functional import BASIC, time_to

CONTROL_S: Final = 86_400  # lifelines.md 19.3: T_LC is 24 h for urban events, 72 h for disasters
ALMOST: Final = 1e-12  # what rounding of sums may leave


class Passage(msgspec.Struct, frozen=True):
    """A loss as it passed; times in seconds after the event, functionality as a share.

    Parameters
    ----------
    before, lowest : float
        Q(t_e⁻), and Q(t_d) = min Q: the robustness (Bruneau et al. 2003, 10.1193/1.1623497).
    lowest_after_s : float
        t_d − t_e.
    restored_after_s : float or None
        t_r − t_e: when Q is again what it was; None when it is not within what is known.
    absorption : float
        Q(t_d) / Q(t_e⁻).
    drop_per_h, rapidity_per_h : float or None
        (Q(t_e⁻) − Q(t_d)) / (t_d − t_f) from the first fall t_f on, None of one at once;
        (Q(t_r) − Q(t_d)) / (t_r − t_d), None while it is not restored or nothing fell.
    loss_s : float
        RL = ∫ (1 − Q) dt from the event to the end of what is known: seconds of a whole outage.
    normalised : tuple of float
        R = ∫ Q dt / T_LC over the control time (Cimellaro et al. 2010, Eng. Struct. 32:3639):
        lowest and highest where it reaches beyond what is known.
    centre_s, spread_s : float or None
        Of the recovery, τ from t_d on: c = ∫ τ dQ / ∫ dQ, and the root of ∫ (τ − c)² dQ / ∫ dQ
        (Sharma et al. 2017, 10.1080/23789689.2017.1345257).
    t50_s, t80_s, t95_s : float or None
        When Q is at least that for 30 min; None when not within what is known.
    below_s : float
        For how long Q was below 0.8.
    """

    before: float
    lowest: float
    lowest_after_s: float
    restored_after_s: float | None
    absorption: float
    drop_per_h: float | None
    rapidity_per_h: float | None
    loss_s: float
    normalised: tuple[float, float]
    centre_s: float | None
    spread_s: float | None
    t50_s: float | None
    t80_s: float | None
    t95_s: float | None
    below_s: float


def loss(curve: Curve) -> float:
    """RL = ∫ (1 − Q) dt over the whole curve, in seconds (Bruneau et al. 2003)."""
    p = curve.pieces()
    return math.fsum((p.until - p.since) * (WHOLE - (p.first + p.last) / 2))


def recovery_ratio(curve: Curve, event_s: float, at_s: float) -> float:
    """Я(t) = (Q(t) − Q(t_d)) / (Q(t_e⁻) − Q(t_d)): 0 at the worst, 1 restored, more when better.

    Henry and Ramirez-Marquez 2012, 10.1016/j.ress.2011.09.002. Of what never fell it is 1.
    """
    before, lowest = curve.before(event_s), curve.within(event_s, curve.ends).lowest()[1]
    fell = before - lowest
    return 1.0 if fell <= ALMOST else (curve.at(at_s) - lowest) / fell


def passage(curve: Curve, event_s: float, control_s: float = CONTROL_S) -> Passage:
    """How a loss passed.

    Parameters
    ----------
    curve : Curve
        Q(t) from before the event to the end of what is known.
    event_s : float
        t_e, within the curve.
    control_s : float
        T_LC.
    """
    passed = curve.within(event_s, curve.ends)
    before, (lowest_s, lowest) = curve.before(event_s), passed.lowest()
    fell, fell_s = before - lowest, passed.first_below(before)
    recovery = passed.within(lowest_s, passed.ends)
    restored_s = recovery.lasting_from(before - ALMOST, 0.0) if fell > ALMOST else lowest_s
    centre_s, spread_s = _centre(recovery) if fell > ALMOST else (None, None)
    return Passage(
        before=before,
        lowest=lowest,
        lowest_after_s=lowest_s - event_s,
        restored_after_s=None if restored_s is None else restored_s - event_s,
        absorption=lowest / before if before > 0 else 0.0,
        drop_per_h=None if fell_s is None else _per_h(fell, lowest_s - fell_s),
        rapidity_per_h=None if restored_s is None else _per_h(fell, restored_s - lowest_s),
        loss_s=loss(passed),
        normalised=_normalised(passed, control_s),
        centre_s=centre_s,
        spread_s=spread_s,
        t50_s=time_to(curve, event_s, 0.5),
        t80_s=time_to(curve, event_s, BASIC),
        t95_s=time_to(curve, event_s, 0.95),
        below_s=passed.below(BASIC),
    )


def _per_h(amount: float, took_s: float) -> float | None:
    return amount / took_s * 3_600 if took_s > 0 else None


def _normalised(passed: Curve, control_s: float) -> tuple[float, float]:
    known_s = min(passed.ends - passed.begins, control_s)
    area_s = passed.within(passed.begins, passed.begins + known_s).integral()
    return area_s / control_s, (area_s + control_s - known_s) / control_s


def _centre(recovery: Curve) -> tuple[float | None, float | None]:
    """Centre and spread of the gains of a recovery; exact for straight lines and jumps."""
    since, until = recovery.times[:-1] - recovery.begins, recovery.times[1:] - recovery.begins
    gains = np.diff(recovery.values)
    gained = math.fsum(gains)
    if gained <= ALMOST:
        return None, None
    centre_s = math.fsum(gains * (since + until) / 2) / gained
    since, until = since - centre_s, until - centre_s
    square = math.fsum(gains * (since**2 + since * until + until**2) / 3) / gained
    return centre_s, math.sqrt(max(square, 0.0))
