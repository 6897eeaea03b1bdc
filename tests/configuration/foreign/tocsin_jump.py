"""Jumps: the value is far from the reading before it."""

from typing import Annotated, Any, ClassVar

import msgspec
import numpy as np
from msgspec import Meta
from numba import njit
from numpy.typing import NDArray

from contracts.batch import Disposition
from contracts.quantities import Duration
from detectors.base.kind import Kind
from detectors.base.level_step import Levels, figures, ring
from detectors.base.row_rule import RowRule

SCORED = int(Disposition.SCORED)


class Jump(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rings yellow while the value is further than `by` from the reading before it."""

    STATE_FREE: ClassVar[frozenset[str]] = frozenset({"by"})  # only says when it rings

    by: Annotated[float, Meta(gt=0)]  # in the unit of the class
    on_delay: Duration = Duration("0 s")
    off_delay: Duration = Duration("0 s")


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
        place = place_of[row_of[i]] if disposition[i] == SCORED else -1
        if place < 0:
            continue
        mine, p, value = state[place], params[params_of[place]], value_of[i]
        score = abs(value - mine.before)
        mine.before = value
        colour = 2 if score > p.by else 0  # NaN > by is false: the first reading is calm
        reading = (i, row_of[i], place, time_of[i])
        if ring(levels, reading, (colour, colour), (p.on_ns, p.off_ns), transitions[told]):
            figures(transitions[told], value, np.nan, np.nan, score)
            told += 1
    return span[1], told


class Jumps(RowRule):
    """Jumps of one lane's channels."""

    NAME = "jump"
    STATE = np.dtype([("before", np.float64)])
    PARAMS = np.dtype([("by", np.float64), ("on_ns", np.int64), ("off_ns", np.int64)])
    KERNEL = _kernel

    def put(self, figures: Any, rule: Jump, period_ns: int) -> None:
        """Write the figures of one class's rule into its parameter record."""
        del period_ns
        figures["by"] = rule.by
        figures["on_ns"], figures["off_ns"] = rule.on_delay.ns, rule.off_delay.ns

    def fresh(self, n: int) -> NDArray[np.void]:
        """Channels before their first reading."""
        return np.full(n, np.nan).view(self.STATE)


JUMP = Kind("jump", Jump, Jumps, "D2")
