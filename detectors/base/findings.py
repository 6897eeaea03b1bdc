"""Which finding of its kind a level change is, for the kinds that tell by the figures in it."""

from typing import Any, Final

from contracts.transition import Colour, Finding
from detectors.base.thresholds import Steps

HIGH, LOW = "high", "low"
SIDES: Final = (HIGH, LOW)
THRESHOLD: Final = "threshold"


def only(rule: Any, transition: Any) -> Finding:
    """The finding of a kind that has one."""
    del rule, transition
    return Finding()


def by_expected(rule: Any, transition: Any) -> Finding:
    """Above or below what was expected."""
    del rule
    return Finding(LOW if transition["observed"] < transition["expected"] else HIGH)


def by_score(rule: Any, transition: Any) -> Finding:
    """Above or below, where the score has the sign of its way."""
    del rule
    return Finding(LOW if transition["score"] < 0 else HIGH)


def step_of(steps: Steps | None, transition: Any) -> dict[str, float]:
    """Threshold of the colour that rings, nothing where the rule has none any more."""
    colour = int(transition["now"])
    step = getattr(steps, Colour(colour).word, None) if colour else None
    return {} if step is None else {THRESHOLD: step}


def by_sides(rule: Any, transition: Any) -> Finding:
    """Beyond the threshold `high` or `low` of the colour that rings."""
    high = step_of(rule.high, transition)
    if high and transition["observed"] > high[THRESHOLD]:
        return Finding(HIGH, high)
    low = step_of(rule.low, transition)
    return Finding(LOW, low) if low else Finding(HIGH, high)
