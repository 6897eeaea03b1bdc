"""How trouble passes from one asset to another, as data: kinds of edges with their delays."""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from contracts.quantities import NS_PER_S, Duration

Words = Annotated[str, Meta(min_length=1, max_length=200)]
Probability = Annotated[float, Meta(gt=0, le=1)]
NO_TIME: Final = Duration("0 s")


class EdgeKind(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One way in which the trouble of a parent becomes that of a child.

    Parameters
    ----------
    number : int
        Row of the table of dependencies that it comes from.
    en, zh : str
        What happens to the child.
    earliest, latest, usual : Duration
        Delay from the parent's onset to the child's.
    spread : Duration
        Within which distance from the usual delay the weight falls to 37 %; it holds the
        detection jitter of both, so it is rarely below some reporting periods.
    prior : float
        Probability that the child fails when its parent does.
    buffer_least, buffer_most : Duration
        What may postpone the child's failure: tanks, batteries, generators. Used for what fails
        next, not for what explains what.
    parents, children : list of str
        Classes, or whole lifelines, whose alarms are evidence of it; all when empty.
    finding : str
        Which alarms of a child it explains: an `event`, its being `silent`, or `any`.
    suspect : bool
        Whether simultaneous trouble of several children throws suspicion on a parent that has no
        alarm of its own.
    within : Duration
        What counts as simultaneous.
    channels : int
        That many channels are enough for a suspicion; 0 when only assets count.
    share : float
        So are three assets, and this share of all that hang on the parent.
    metres : float or None
        How far apart the two may lie; None where an edge alone says that they are connected.
    same_area : bool
        Whether the two must lie in one area.
    cycles : bool
        Whether edges of such kinds may form a circle.
    evidence : str
        What people should look for.
    source : str
        Where the figures come from.
    """

    number: Annotated[int, Meta(ge=1, le=99)]
    en: Words
    zh: Words
    earliest: Duration
    latest: Duration
    usual: Duration
    spread: Duration
    prior: Probability
    source: Words
    buffer_least: Duration = NO_TIME
    buffer_most: Duration = NO_TIME
    parents: list[Words] = []
    children: list[Words] = []
    finding: Literal["event", "silent", "any"] = "event"
    suspect: bool = False
    within: Duration = Duration("2 min")
    channels: Annotated[int, Meta(ge=0, le=100_000)] = 0
    share: Annotated[float, Meta(ge=0, le=1)] = 0.0
    metres: Annotated[float, Meta(gt=0)] | None = None
    same_area: bool = False
    cycles: bool = False
    evidence: str = ""


class Correlation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Figures by which alarms are put together.

    Parameters
    ----------
    source : str
        Where the figures of windows, jitters and holds come from.
    windows : dict of str to Duration
        By lifeline: how far apart alarms of one asset may begin and still belong together when
        the earlier one is over.
    jitters : dict of str to Duration
        By lifeline: how much the onset of an alarm may be off; two periods and the delay of the
        way are usual.
    holds : dict of str to Duration
        By lifeline: for how long an incident must be better before its colour falls or it ends.
    kinds : dict of str to EdgeKind
    """

    source: Words = "[E] lifelines.md sections 19.2 and 0.3"
    windows: dict[str, Duration] = {}
    jitters: dict[str, Duration] = {}
    holds: dict[str, Duration] = {}
    kinds: dict[str, EdgeKind] = {}


DEFAULT_WINDOW_S: Final = 3_600
DEFAULT_JITTER_S: Final = 120
DEFAULT_HOLD_S: Final = 1_800


def seconds(duration: Duration) -> int:
    """Whole seconds, rounded down.

    >>> seconds(Duration("2 min")), seconds(Duration("500 ms"))
    (120, 0)
    """
    return duration.ns // NS_PER_S


def by_lifeline(figures: dict[str, Duration], lifeline: str, default_s: int) -> int:
    """Seconds that hold for a lifeline.

    >>> by_lifeline({"gas": Duration("1 h")}, "gas", 5), by_lifeline({}, "gas", 5)
    (3600, 5)
    """
    said = figures.get(lifeline)
    return default_s if said is None else seconds(said)
