"""System resilience: lifelines that hang on each other, by inoperability and for a whole city."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.linalg import expm

from alarms.resilience.curve import Curve, Floats, combined
from alarms.resilience.functional import BASIC


def inoperability(dependence: Floats, disturbance: Floats) -> Floats:
    """Static inoperability of coupled lifelines, q = A* q + c*, so q = (I − A*)⁻¹ c*.

    Haimes et al. 2005, 10.1061/(ASCE)1076-0342(2005)11:2(67).

    Parameters
    ----------
    dependence : ndarray, shape (n, n)
        A*: the part of `i` that a whole failure of `j` takes away. Not negative.
    disturbance : ndarray, shape (n,)
        c*: what is lost for reasons of its own.

    Raises
    ------
    ValueError
        When the spectral radius of A* is 1 or more: trouble would feed itself without end.
    """
    _converging(dependence)
    found = np.linalg.solve(np.eye(len(dependence)) - dependence, disturbance)
    return np.asarray(found, np.float64)


def inoperability_after(
    dependence: Floats, disturbance: Floats, speeds: Floats, first: Floats, after_s: float
) -> Floats:
    """Dynamic inoperability after a time under a constant disturbance, q̇ = K (A* q + c* − q).

    Lian and Haimes 2006, 10.1002/sys.20051; in closed form q∞ + exp(−K (I − A*) t) (q(0) − q∞).

    Parameters
    ----------
    dependence, disturbance
        As for `inoperability`.
    speeds : ndarray, shape (n,)
        Diagonal of K, per second: how fast each one recovers (see `speed`).
    first : ndarray, shape (n,)
        q(0).
    after_s : float

    Raises
    ------
    ValueError
        When the spectral radius of A* is 1 or more.
    """
    ends = inoperability(dependence, disturbance)
    decay = expm(-np.diag(speeds) @ (np.eye(len(dependence)) - dependence) * after_s)
    return np.asarray(ends + decay @ (first - ends), np.float64)


def speed(first: float, left: float, took_s: float, own: float = 0.0) -> float:
    """Resilience coefficient k = ln(q(0) / q(T)) / (T (1 − a*_ii)), per second.

    Lian and Haimes 2006, 10.1002/sys.20051.

    >>> round(speed(0.8, 0.01, 3_600) * 3_600, 3)  # 80 % lost, 1 % after an hour: 4.382 per hour
    4.382
    """
    return math.log(first / left) / (took_s * (1 - own))


def _converging(dependence: Floats) -> None:
    radius = float(np.abs(np.linalg.eigvals(dependence)).max())
    if radius >= 1:
        msg = f"dependence: expected a spectral radius below 1, got {radius:.3g}; lower its entries"
        raise ValueError(msg)


def city(curves: Mapping[str, Curve], weights: Mapping[str, float]) -> Curve:
    """Q_city = Σ w_i Q_i, weights brought to a sum of 1 (lifelines.md 19.3; weights are policy).

    Parameters
    ----------
    curves : mapping of str to Curve
        By lifeline, over the same time; at least one.
    weights : mapping of str to float
        Those that are left out count 1.
    """
    names = sorted(curves)
    parts = _weights(names, weights)
    return combined([curves[name] for name in names], "sum", parts)


def _weights(names: Sequence[str], weights: Mapping[str, float]) -> list[float]:
    asked = [weights.get(name, 1.0) for name in names]
    return [one / math.fsum(asked) for one in asked]


def weakest(curves: Mapping[str, Curve], basic: Mapping[str, float]) -> Curve:
    """min_i Q_i / q_b,i: below 1 while any lifeline lacks its basic function (19.3).

    Parameters
    ----------
    curves : mapping of str to Curve
        By lifeline, over the same time; at least one.
    basic : mapping of str to float
        Basic levels; 0.8 for those that are left out.
    """
    names = sorted(curves)
    factors = [1.0 / basic.get(name, BASIC) for name in names]
    return combined([curves[name] for name in names], "min", factors)


def interdependence(coupled: float, uncoupled: float) -> float | None:
    """Share of a loss that came by dependences, 1 − RL(uncoupled) / RL(coupled).

    None when nothing was lost. The definition is the project's [E].
    """
    return 1 - uncoupled / coupled if coupled > 0 else None
