"""Functional resilience: what works now, of what is asked for, and since when enough of it does."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from alarms.resilience.curve import WHOLE, Curve, combined

HOLD_S: Final = 1_800  # lifelines.md 19.3: a level is reached when it has stayed for 30 min
BASIC: Final = 0.8  # lifelines.md 19.3: T80, time to basic function


class Sample(NamedTuple):
    """What a lifeline was asked for and gave at a time.

    Parameters
    ----------
    at_s : float
        Seconds since 1970 UTC.
    supply : float or None
        In any unit; None where channels were blind.
    demand : float
        In the same unit; above 0.
    """

    at_s: float
    supply: float | None
    demand: float


class Band(NamedTuple):
    """Q(t) as an interval: with all that is blind lost (`worst`), and with all of it served.

    Where nothing is blind the two are the same. Every figure is taken of both.
    """

    worst: Curve
    best: Curve


def band_of(samples: Iterable[Sample]) -> Band:
    """Q(t) = served demand / demand, straight between samples.

    Between the last sample that was heard and the next one, what is blind may be anything: 0 to 1.

    Raises
    ------
    ValueError
        When a demand is not above 0, or there are fewer than two samples.
    """
    worst: list[tuple[float, float]] = []
    best: list[tuple[float, float]] = []
    blind = False
    for at_s, supply, demand in samples:
        if not demand > 0:
            msg = (
                f"demand: expected more than 0, got {demand} at {at_s:.0f} s; leave such times out"
            )
            raise ValueError(msg)
        if supply is None:
            if not blind and worst:
                worst.append((worst[-1][0], 0.0))
                best.append((best[-1][0], WHOLE))
            worst.append((at_s, 0.0))
            best.append((at_s, WHOLE))
            blind = True
            continue
        served = min(max(supply / demand, 0.0), WHOLE)
        if blind:
            worst.append((at_s, 0.0))
            best.append((at_s, WHOLE))
        worst.append((at_s, served))
        best.append((at_s, served))
        blind = False
    return Band(Curve(worst), Curve(best))


def unserved_share(demand: Curve, supply: Curve) -> float:
    """Loss of resilience as demand sees it, LoR = ∫ (D − C)⁺ dt / ∫ D dt.

    Only what is asked for can be lost: a capacity that falls at night costs nobody anything.
    Didier et al. 2018, 10.1080/23789689.2017.1364560.

    Raises
    ------
    ValueError
        When the two do not cover the same time, or nothing is asked for.
    """
    asked = demand.integral()
    if not asked > 0:
        msg = "demand: expected some in this time, got none; LoR is not defined"
        raise ValueError(msg)
    served = combined([demand, supply], "min", [1.0, 1.0])
    return (asked - served.integral()) / asked


def works(curve: Curve, at_s: float, level: float = BASIC) -> bool:
    """Whether the basic function is there, B = 1[Q ≥ q_b]."""
    return curve.at(at_s) >= level


def time_to(
    curve: Curve, event_s: float, level: float = BASIC, hold_s: float = HOLD_S
) -> float | None:
    """T_b = inf{t ≥ t_f : Q ≥ q_b on [t, t + h]} − t_e in seconds, None beyond what is known.

    t_f is when Q falls below q_b, which may be long after the event, behind a buffer; where it
    never does T_b is 0. lifelines.md 19.3: T80 with `level` 0.8, T50 and T95 likewise.
    """
    passed = curve.within(event_s, max(curve.ends, event_s))
    if (fell_s := passed.first_below(level)) is None:
        return 0.0
    since_s = passed.within(fell_s, passed.ends).lasting_from(level, hold_s)
    return None if since_s is None else since_s - event_s
