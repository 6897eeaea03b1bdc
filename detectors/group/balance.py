"""What goes in must come out: the residual of an equation between channels of a group."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Final

import msgspec
import numpy as np
from msgspec import Meta
from numba import njit
from numpy.typing import NDArray

from contracts.batch import Batch, Disposition
from contracts.quantities import Duration
from contracts.transition import NEVER
from detectors.base.findings import SIDES, by_expected
from detectors.base.kind import Columns, Fault, Kind, Roster, Scene
from detectors.base.level_step import Levels, figures, ring, severity
from detectors.base.meaning import same_unit, units_of
from detectors.base.row_rule import RowRule, joined
from detectors.base.thresholds import Steps
from detectors.group.equation import STEPS_MAX, parse, work_out

NAME: Final = "balance"
_SCORED: Final = int(Disposition.SCORED)


class Balance(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rings when an equation between channels of a group does not come out as zero.

    The equation is written with names, numbers, `+ - * /` and parentheses; `name.rate` is the
    change of a channel per second, between its last two readings, which must lie no further apart
    than twice `sync`: over a gap it would be the mean of hours, held against flows of now. Each
    name stands for the sum of all channels of a class in the group. Whenever the anchor, the first
    channel of the rule's own class in the group, is read, and every channel was heard within `sync`
    of it, the residual `r` is worked out. What meters and their clocks leave is
    `h = tolerance + share S`, where `S` is the sum of the magnitudes of all names that stand
    without `.rate`. The score is `|r| / h`, `observed` is `r`. Other rules judge `r` under the
    name `balance`.

    Parameters
    ----------
    equation : str
        `inflow - outflow - 3600 * volume.rate`.
    where : dict of str to str
        Class that each name stands for.
    tolerance : float
        What is no imbalance, in the unit of the equation: the meters' own error and the error of
        `sync`.
    share : float
        The same as a share of what is measured: the class of the meters.
    by : Steps
        Score of each colour, in multiples of `h`, 1 or more.
    sync : Duration
        How old, or how much newer, the word of another channel may be.
    on_delay, off_delay : Duration
        As for limits.
    hysteresis : float
        How far below its step the score must come to leave a colour.

    References
    ----------
    Detector class D5 of the domain notes: residual of a stated equation, with meter class and
    synchronisation error as tolerance. State: 32 bytes for each channel named, 64 for each group.
    """

    STATE_FREE: ClassVar[frozenset[str]] = frozenset({"by", "period", "share", "sync", "tolerance"})

    equation: str
    where: dict[str, str]
    tolerance: Annotated[float, Meta(gt=0)]
    by: Steps
    share: Annotated[float, Meta(ge=0, le=1)] = 0.0
    sync: Duration = Duration("1 periods")
    on_delay: Duration = Duration("0 s")
    off_delay: Duration = Duration("0 s")
    hysteresis: Annotated[float, Meta(ge=0)] = 0.0


def faults(rule: Balance, scene: Scene) -> Iterator[Fault]:
    """Equations that are none, names that stand for nothing, steps that always ring."""
    del scene
    try:
        names = {variable.name for variable in parse(rule.equation).variables}
    except ValueError as error:
        yield ("equation",), str(error)
        return
    for name in sorted(names - set(rule.where)):
        yield ("where",), f"expected a class for {name!r} of the equation, got none"
    for name in sorted(set(rule.where) - names):
        yield ("where", name), f"expected a name of the equation, got {name!r}; drop it"
    if not rule.sync.ns:
        yield ("sync",), f"expected more than 0 s, got {rule.sync}; no two are read at once"
    steps = [step for step in msgspec.structs.astuple(rule.by) if step is not None]
    if not steps:
        yield ("by",), "expected a step, got none; add one or drop the rule"
    elif steps[0] < 1 or steps != sorted(set(steps)):
        got = ", ".join(f"{step:g}" for step in steps)
        yield ("by",), f"expected rising steps of 1 or more, in tolerances, got {got}"


@njit(cache=True, nogil=True, error_model="numpy")
def _hear(cells: NDArray[np.void], cell: int, time_ns: int, value: float) -> None:
    """Keep a reading and the one before it."""
    mine = cells[cell]
    mine.before, mine.before_at = mine.said, mine.said_at
    mine.said, mine.said_at = value, time_ns


@njit(cache=True, nogil=True, error_model="numpy")
def _sum(cells: NDArray[np.void], of: Any, rate: int, time_ns: int, sync_ns: int) -> float:
    """Sum of a name's channels, or of their rates; NaN when one of them is not known now."""
    total, heard = 0.0, 0
    for cell in of:
        if cell < 0:
            break
        one = cells[cell]
        if one.said_at == NEVER or abs(time_ns - one.said_at) > sync_ns:
            return np.nan
        if rate and (one.before_at == NEVER or one.said_at - one.before_at > 2 * sync_ns):
            return np.nan
        total += (
            (one.said - one.before) / ((one.said_at - one.before_at) / 1e9) if rate else one.said
        )
        heard += 1
    return total if heard else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def _residual(
    cells: NDArray[np.void], of: Any, p: Any, time_ns: int, room: Any
) -> tuple[float, float]:
    """Residual of one group, and the sum of magnitudes."""
    values, stack = room
    size = 0.0
    for name in range(p.names):
        values[name] = _sum(cells, of[name], p.rates[name], time_ns, p.sync_ns)
        if not p.rates[name]:
            size += abs(values[name])
    return work_out(p.codes[: p.steps], p.operands[: p.steps], values, stack), size


@njit(cache=True, nogil=True, error_model="numpy")
def _kernel(
    levels: Levels, rows: Any, columns: Any, span: tuple[int, int], transitions: NDArray[np.void]
) -> tuple[int, int]:
    place_of, params_of, _, params, cell_of, cells, of_place, made = rows
    row_of, time_of, value_of, disposition = columns
    room = (np.empty(STEPS_MAX), np.empty(STEPS_MAX))
    told = 0
    for i in range(span[0], span[1]):
        if told == len(transitions):
            return i, told
        row = row_of[i]
        if disposition[i] != _SCORED or np.isnan(value_of[i]):
            continue
        if cell_of[row] >= 0:
            _hear(cells, cell_of[row], time_of[i], value_of[i])
        place = place_of[row]
        if place < 0 or of_place[place, 0, 0] < 0:
            continue
        p = params[params_of[place]]
        residual, size = _residual(cells, of_place[place], p, time_of[i], room)
        if not np.isfinite(residual):
            continue
        made[i] = residual
        half = p.tolerance + p.share * size
        seen = severity(abs(residual) / half, p.bounds, p.back)
        reading = (i, row, place, time_of[i])
        if ring(levels, reading, seen, (p.on_ns, p.off_ns), transitions[told]):
            figures(transitions[told], residual, 0.0, half, abs(residual) / half)
            told += 1
    return span[1], told


class Balances(RowRule):
    """Equations of one lane's groups; also the model that makes `balance`."""

    NAME = NAME
    STATE = np.dtype([("spare", np.uint8, (8,))])  # all state is by channel named
    CELL = np.dtype(
        [
            ("said", np.float64),
            ("said_at", np.int64),
            ("before", np.float64),
            ("before_at", np.int64),
        ]
    )
    PARAMS = np.dtype(
        [
            *((name, np.int64) for name in ("steps", "names", "sync_ns", "on_ns", "off_ns")),
            ("codes", np.int64, (STEPS_MAX,)),
            ("operands", np.float64, (STEPS_MAX,)),
            ("rates", np.int64, (STEPS_MAX,)),
            *((name, np.float64) for name in ("tolerance", "share", "back")),
            ("bounds", np.float64, (4,)),
        ]
    )
    KERNEL = _kernel

    def __init__(self, slot: int, rules: Mapping[str, Balance], roster: Roster) -> None:
        super().__init__(slot, rules, roster)
        named = self._named(rules, roster)
        self._companion_rows = np.array(
            sorted({row for of in named.values() for rows in of for row in rows}), np.int64
        )
        self._units = units_of(self._companion_rows, roster)
        self._cell_of = np.full(len(roster.class_of), -1, np.int64)
        self._cell_of[self._companion_rows] = np.arange(len(self._companion_rows))
        names = max((len(of) for of in named.values()), default=1)
        width = max((len(rows) for of in named.values() for rows in of), default=1)
        self._of_place = np.full((len(self.rows), names, width), -1, np.int64)
        for place, of in named.items():
            for name, rows in enumerate(of):
                self._of_place[place, name, : len(rows)] = self._cell_of[rows]
        self._cells = self._silent()

    def _silent(self) -> NDArray[np.void]:
        cells = np.zeros(len(self._companion_rows), self.CELL)
        cells["said_at"] = cells["before_at"] = NEVER
        return cells

    def _named(self, rules: Mapping[str, Balance], roster: Roster) -> dict[int, list[list[int]]]:
        """Lane rows by name of the equation, for the anchor of each group that has them all."""
        members: dict[tuple[str, str], list[int]] = {}
        for row, (group, i) in enumerate(zip(roster.groups, roster.class_of, strict=True)):
            members.setdefault((group, roster.classes[i]), []).append(row)
        found = {}
        for place, row in enumerate(self.rows.tolist()):
            label = roster.class_of[row]
            if members[roster.groups[row], roster.classes[label]][0] != row:
                continue
            rule = rules[roster.labels[label]]
            of = [
                members.get((roster.groups[row], rule.where[variable.name]), [])
                for variable in parse(rule.equation).variables
            ]
            if all(of):
                found[place] = of
        return found

    def put(self, figures: Any, rule: Balance, period_ns: int) -> None:
        """Write the figures of one class's rule into its parameter record."""
        program = parse(rule.equation)
        figures["steps"], figures["names"] = len(program.codes), len(program.variables)
        figures["codes"][: len(program.codes)] = program.codes
        figures["operands"][: len(program.codes)] = program.operands
        figures["rates"][: len(program.variables)] = [v.rate for v in program.variables]
        figures["sync_ns"] = rule.sync.resolve(Duration(f"{period_ns // 1_000_000} ms")).ns
        figures["tolerance"], figures["share"] = rule.tolerance, rule.share
        figures["bounds"], figures["back"] = rule.by.array(np.inf), rule.hysteresis
        figures["on_ns"], figures["off_ns"] = rule.on_delay.ns, rule.off_delay.ns

    def tables(self, batch: Batch, columns: Columns) -> tuple[Any, ...]:
        """Equations and what channels said, and the column that is filled."""
        if NAME not in columns:
            columns[NAME] = np.full(len(batch), np.nan)
        mine = (self._cell_of, self._cells, self._of_place, columns[NAME])
        return (*super().tables(batch, columns), *mine)

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """State to be put into a snapshot; not a copy."""
        return {
            **super().arrays(),
            f"{NAME}.sitting": self._companion_rows,
            f"{NAME}.seats": self._cells,
            f"{NAME}.units": self._units,
        }

    def restore(self, arrays: Mapping[str, NDArray[Any]], old_row: NDArray[np.int64]) -> None:
        """Take over state; channels that are new, or have another unit, have said nothing."""
        super().restore(arrays, old_row)
        self._cells = self._silent()
        if f"{NAME}.sitting" in arrays:
            mine, theirs = joined(old_row[self._companion_rows], arrays[f"{NAME}.sitting"])
            kept = same_unit(NAME, arrays, self._units, (mine, theirs))
            self._cells[mine[kept]] = arrays[f"{NAME}.seats"][theirs[kept]]


BALANCE: Final = Kind(
    NAME,
    Balance,
    Balances,
    "D5",
    fields=frozenset({"observed", "expected", "low", "high", "score"}),
    faults=faults,
    makes=NAME,
    findings=SIDES,
    finding=by_expected,
)
