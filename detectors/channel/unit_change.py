"""A meter that was exchanged or set anew: ten times, a thousandth, the other sign."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec
import numpy as np
from msgspec import Meta
from numba import njit
from numpy.typing import NDArray

from contracts.batch import Disposition
from contracts.quantities import DIFFERENCE, Duration
from contracts.transition import Colour
from detectors.base.kind import Fault, Kind, Scene
from detectors.base.level_step import Levels, figures, may_learn, ring
from detectors.base.row_rule import RowRule

NAME: Final = "unit_change"
RATIOS: Final = (10.0, 0.1, 1000.0, 0.001, -1.0)  # decades, kPa for MPa and back, sign
_SCORED: Final = int(Disposition.SCORED)


class UnitChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rings when values become the usual ones times 10, 1/10, 1000, 1/1000 or -1.

    A running mean `m` of the readings, with gain `1 / min(n, memory)`, is the usual value. A
    reading matches a ratio `c` when `|x - c m| <= tolerance |c m|` and `|m| > floor`; `confirm`
    readings in succession that match the same ratio are breached. What matches is not learned.
    `expected` is `m` and `score` the ratio. That is no event of the city: somebody exchanged the
    meter, or set its unit or direction anew, so the finding goes to maintenance.

    Parameters
    ----------
    floor : float
        Smallest magnitude of the usual value that is judged, in the unit of the class: near zero
        everything is ten times something.
    at_most : {"blue", "yellow"}
        Colour that rings.
    tolerance : float
        How far from the ratio, as a share.
    confirm : int
        Readings in succession that must match.
    warm_up, memory : int
        Readings before one is judged, and after which old ones fade.
    of : str
        Column that is judged.
    on_delay, off_delay : Duration
        As for limits.
    relearn_after : Duration
        Age at which a closed learning gate opens: the mean begins anew with what comes now.

    References
    ----------
    Trap T4 of the domain notes: a step of ratio 10, 1000 or -1 is a configuration event. State:
    32 bytes and 64 of levels.
    """

    STATE_FREE: ClassVar[frozenset[str]] = frozenset({"confirm", "floor", "period", "tolerance"})

    floor: Annotated[float, Meta(gt=0, extra=DIFFERENCE)]
    at_most: Literal["blue", "yellow"]
    tolerance: Annotated[float, Meta(gt=0, le=0.5)] = 0.3
    confirm: Annotated[int, Meta(ge=2, le=1000)] = 5
    warm_up: Annotated[int, Meta(ge=2, le=100_000)] = 100
    memory: Annotated[int, Meta(ge=2, le=1_000_000)] = 1000
    of: str = "value"
    on_delay: Duration = Duration("0 s")
    off_delay: Duration = Duration("0 s")
    relearn_after: Duration = Duration("7 d")


def faults(rule: UnitChange, scene: Scene) -> Iterator[Fault]:
    """Memories shorter than the warm-up, floors that no usual value exceeds."""
    if rule.warm_up > rule.memory:
        yield ("warm_up",), f"expected at most memory ({rule.memory}), got {rule.warm_up}"
    widest = max(abs(scene.low), abs(scene.high))
    if rule.of == "value" and rule.floor >= widest:
        text = f"expected below the largest plausible magnitude ({widest:g})"
        yield ("floor",), f"{text}, got {rule.floor:g}; nothing would be judged"


@njit(cache=True, nogil=True, error_model="numpy")
def _match(mine: Any, p: Any, value: float) -> int:
    """Number of the ratio that a value matches, from 1; 0 when it matches none."""
    if mine.learned < p.warm_up or abs(mine.mean) <= p.floor:
        return 0
    for number in range(len(RATIOS)):
        want = RATIOS[number] * mine.mean
        if abs(value - want) <= p.tolerance * abs(want):
            return number + 1
    return 0


@njit(cache=True, nogil=True, error_model="numpy")
def _learn(mine: Any, p: Any, value: float, settled: bool) -> None:
    """Move the mean towards a value; once a ratio is settled it begins anew with it."""
    if settled:
        mine.learned, mine.matched, mine.times = 0, 0, 0
    elif mine.matched:
        return
    mine.learned += 1
    mine.mean = (
        value
        if mine.learned == 1
        else mine.mean + (value - mine.mean) / min(mine.learned, p.memory)
    )


@njit(cache=True, nogil=True, error_model="numpy")
def _kernel(
    levels: Levels, rows: Any, columns: Any, span: tuple[int, int], transitions: NDArray[np.void]
) -> tuple[int, int]:
    place_of, params_of, state, params = rows
    row_of, time_of, value_of, disposition = columns
    told = 0
    for i in range(span[0], span[1]):
        if told == len(transitions):
            return i, told
        place = place_of[row_of[i]] if disposition[i] == _SCORED else -1
        value, time_ns = value_of[i], time_of[i]
        if place < 0 or np.isnan(value):
            continue
        mine, p = state[place], params[params_of[place]]
        matched = _match(mine, p, value)
        mine.times = mine.times + 1 if matched and matched == mine.matched else min(matched, 1)
        mine.matched = matched
        breached = p.top if mine.times >= p.confirm else 0
        reading = (i, row_of[i], place, time_ns)
        if ring(levels, reading, (breached, breached), (p.on_ns, p.off_ns), transitions[told]):
            ratio = RATIOS[matched - 1] if matched else 1.0
            figures(transitions[told], value, mine.mean, np.nan, ratio)
            told += 1
        if may_learn(levels, place, breached, time_ns, p.relearn_ns):
            _learn(mine, p, value, breached > 0)
    return span[1], told


class UnitChanges(RowRule):
    """Usual values of one lane's channels, and ratios that they match."""

    NAME = NAME
    STATE = np.dtype(
        [
            ("mean", np.float64),
            ("learned", np.int64),
            ("matched", np.int64),
            ("times", np.int64),
        ]
    )
    PARAMS = np.dtype(
        [
            *((name, np.float64) for name in ("floor", "tolerance")),
            *((name, np.int64) for name in ("confirm", "warm_up", "memory", "top")),
            *((name, np.int64) for name in ("on_ns", "off_ns", "relearn_ns")),
        ]
    )
    KERNEL = _kernel

    def put(self, figures: Any, rule: UnitChange, period_ns: int) -> None:
        """Write the figures of one class's rule into its parameter record."""
        del period_ns
        figures["floor"], figures["tolerance"] = rule.floor, rule.tolerance
        figures["confirm"], figures["top"] = rule.confirm, Colour[rule.at_most.upper()]
        figures["warm_up"], figures["memory"] = rule.warm_up, rule.memory
        figures["on_ns"], figures["off_ns"] = rule.on_delay.ns, rule.off_delay.ns
        figures["relearn_ns"] = rule.relearn_after.ns


UNIT_CHANGE: Final = Kind(
    NAME,
    UnitChange,
    UnitChanges,
    "D9",
    fields=frozenset({"observed", "expected", "score"}),
    faults=faults,
)
