"""What the alarm book knows of a rule: its name, its duty, its thresholds."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from alarms.class_words import NO_WORDS, ClassWords
from alarms.rationalisation import Rationalisation
from contracts.alarm import Next
from contracts.quantities import NS_PER_S
from contracts.transition import COLOURS, Colour, Finding

Thresholds = tuple[float | None, float | None, float | None, float | None]
LIMIT: Final = "limit"
VALUE: Final = "value"
NO_THRESHOLDS: Final[Thresholds] = (None, None, None, None)


def one_finding(transition: Any) -> Finding:
    """The finding of a rule that has one."""
    del transition
    return Finding()


def no_rate(transition: Any) -> float:
    """Most rules do not know how fast the value moves."""
    del transition
    return math.nan


@dataclass(frozen=True, slots=True)
class RuleCard:
    """What the book must know of one rule.

    Parameters
    ----------
    name : str
        `limit`, `unusual`, `silent`.
    at : str
        File and line where it was written.
    duty : Rationalisation
        Its rationalisation.
    low, high : Thresholds
        Blue to red, None where there is none.
    on : callable or None
        Card that governs at a time in ns, where kinds of day have thresholds of their own.
    finding : callable
        What a level change that rings tells.
    column : str
        What the rule judges: `value`, or what a model made of it.
    lengths : mapping of str to int
        Lengths of time that the rule has, ns, by key: `on_delay`, `over`.
    rate : callable
        How fast the value moves at a level change, in the unit of the class per second; NaN where
        the rule does not know.
    """

    name: str
    at: str
    duty: Rationalisation
    low: Thresholds = NO_THRESHOLDS
    high: Thresholds = NO_THRESHOLDS
    on: Callable[[int], "RuleCard"] | None = None
    finding: Callable[[Any], Finding] = one_finding
    column: str = "value"
    lengths: Mapping[str, int] = field(default_factory=dict)
    rate: Callable[[Any], float] = no_rate

    @property
    def only_side(self) -> str:
        """The one side on which it has thresholds, empty where it has both or none."""
        low, high = (any(one is not None for one in side) for side in (self.low, self.high))
        return "" if low == high else "low" if low else "high"

    def at_time(self, time_ns: int) -> "RuleCard":
        """The card with the thresholds that govern at a time."""
        return self if self.on is None else self.on(time_ns)


@dataclass(frozen=True, slots=True)
class ClassCards:
    """Rules of one class by slot, the unit of its values, its words, and whether it guards life."""

    unit: str
    cards: dict[int, RuleCard]
    words: ClassWords = NO_WORDS
    life_safety: bool = False

    @property
    def limit(self) -> RuleCard | None:
        """The rule that has the limits of the class, None where it has none."""
        return next((card for card in self.cards.values() if card.name == LIMIT), None)


class Approach(NamedTuple):
    """The limit that a value reaches within the time to respond, if it moves on as it does.

    Parameters
    ----------
    colour : Colour
        Of the limit.
    limit : float
        In the unit of the class.
    ahead_s : float
        Until it is reached, seconds.
    """

    colour: Colour
    limit: float
    ahead_s: float


def approach_of(cards: ClassCards, card: RuleCard, transition: Any) -> Approach | None:
    """What section 0.3 item 3 of the domain notes raises an alarm for.

    The next limit is the nearest one that lies ahead; the time to respond is that of the rule's
    owner. None where the rule does not know how fast the value moves, or that is no danger.
    """
    rate, value = card.rate(transition), float(transition["observed"])
    limits = cards.limit
    if not (transition["now"] and math.isfinite(value * rate) and limits and card.column == VALUE):
        return None
    limits = limits.at_time(transition["time_ns"])
    side, way = (limits.high, 1.0) if rate > 0 else (limits.low, -1.0)
    ahead = [
        (way * (threshold - value), colour, threshold)
        for colour, threshold in enumerate(side, Colour.BLUE)
        if threshold is not None and way * (threshold - value) > 0
    ]
    if not rate or not ahead:
        return None
    distance, colour, limit = min(ahead)
    ahead_s = distance / abs(rate)
    if ahead_s * NS_PER_S > card.duty.owner.within.ns:
        return None
    return Approach(Colour(colour), limit, ahead_s)


def threshold_of(card: RuleCard, colour: int, observed: float) -> float | None:
    """Threshold of a colour on the side where the value lies nearer."""
    if colour == Colour.CLEAR:
        return None
    low, high = card.low[colour - 1], card.high[colour - 1]
    if low is None or high is None:
        return high if low is None else low
    return low if abs(observed - low) <= abs(observed - high) else high


def next_of(card: RuleCard, colour: int, observed: float) -> Next | None:
    """Next worse colour with a threshold, None when there is none."""
    for worse in range(max(colour, 0) + 1, len(COLOURS)):
        threshold = threshold_of(card, worse, observed)
        if threshold is not None:
            below = card.low[worse - 1] == threshold
            word = COLOURS[worse]
            return Next(word, below=threshold) if below else Next(word, above=threshold)
    return None
