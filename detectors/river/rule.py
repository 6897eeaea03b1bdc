"""Models of the package river as rules: one adapter, and no state but readings."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from contracts.batch import Batch, Disposition
from contracts.transition import NEVER, TRANSITION, Colour, Transitions, end_to_end, no_transitions
from detectors.base.companions import Companions
from detectors.base.kind import Columns, Kind, Roster
from detectors.base.level_step import WAITS, figures, may_learn, new_levels, ring, severity, views
from detectors.base.meaning import fingerprints, same_meaning
from detectors.base.row_rule import VALUE, copy_leading, joined
from detectors.river.config import LAG_OF, LAGS_MAX, River, faults
from detectors.river.models import ZOO, Inputs, Signal
from detectors.river.pair import Pair

NAME: Final = "river"
DAY_NS: Final = 86_400_000_000_000
HOUR_NS: Final = 3_600_000_000_000
EPOCH_WEEKDAY: Final = 3  # 1970-01-01 was a Thursday; Monday is 0


class RiverModels:
    """Models of one lane and the levels of the channels that they judge."""

    def __init__(self, slot: int, rules: Mapping[str, River], roster: Roster) -> None:
        self._slot = slot
        self._rows = roster.rows_of(rules)
        self._rules = [rules[roster.labels[roster.class_of[row]]] for row in self._rows]
        self._place = np.full(len(roster.class_of), -1, np.int64)
        self._place[self._rows] = np.arange(len(self._rows))
        wanted = {label: [f for f in rule.features if "." in f] for label, rule in rules.items()}
        self._companions = Companions(NAME, self._rows, wanted, roster)
        self._model_of, self._owners = _sharing(self._rows, self._rules, roster)
        width = max(len(rule.features) for rule in rules.values()) + 1
        kept = 2 * max(rule.memory for rule in rules.values())
        self._dtype = np.dtype(
            [
                ("words", np.int64),  # of what the readings are kept
                ("kept", np.int64),
                ("scores", np.int64),  # that mean and variance are of
                ("mean", np.float64),
                ("variance", np.float64),
                ("readings", np.float64, (kept, width)),  # features, then the value
            ]
        )
        labels = np.searchsorted(sorted(rules), roster.labels)
        self._meaning = fingerprints(rules, roster)[labels[roster.class_of[self._rows]]]
        self.relearning = 0
        self._bounds = [_bounds(rule) for rule in self._rules]
        self._quiet = [float(bounds.min()) - back for bounds, back in self._bounds]
        self._note = np.zeros(1, TRANSITION)
        if len(self._rows):
            self._compile()
        self._begin()

    def _compile(self) -> None:
        """Call what is compiled at its first call: a model may be cold for days before that."""
        levels = views(new_levels(1))
        ring(levels, (0, 0, 0, 0), severity(0.0, *self._bounds[0]), (0, 0), self._note[0])
        figures(self._note[0], 0.0, math.nan, math.nan, 0.0)
        may_learn(levels, 0, 0, 0, 0)

    def _begin(self) -> None:
        """State of models and channels that have seen nothing."""
        self._levels = new_levels(len(self._rows))
        self._recent = np.full((len(self._rows), LAGS_MAX), np.nan)
        self._models = np.zeros(len(self._owners), self._dtype)
        for place, model in enumerate(self._model_of):
            self._models["words"][model] = _words(self._rules[place])
        self._pairs: dict[int, Pair] = {}
        self._settle()

    def _settle(self) -> None:
        """Take what every reading looks at out of arrays: numpy is slow at single figures."""
        self._views = views(self._levels)
        waits = (self._views[1][:, :WAITS] != NEVER).any(axis=1)
        self._busy = (waits | (self._levels["level"] > 0)).tolist()
        self._kept = self._models["kept"].tolist()
        self._readings = list(self._models["readings"])
        self._before = self._recent.tolist()

    def score(
        self,
        batch: Batch,
        disposition: NDArray[np.uint8],
        span: tuple[int, int],
        columns: Columns,
    ) -> Transitions:
        """Judge the readings of a span, in order; level changes by rising ordinal come back."""
        if not len(self._rows):
            return no_transitions()
        rows = batch.row[span[0] : span[1]]
        heard = (disposition[span[0] : span[1]] == Disposition.SCORED) & (rows >= 0)
        heard &= (self._place[rows] >= 0) | (self._companions.cell[rows] >= 0)
        found = []
        places = np.flatnonzero(heard) + span[0]
        rows = batch.row[places]
        looked = (
            places,
            rows,
            batch.time_ns[places],
            self._place[rows],
            self._companions.cell[rows],
        )
        for i, row, time_ns, place, cell in zip(*(one.tolist() for one in looked), strict=True):
            if place >= 0 and self._see((i, row, place, time_ns), columns):
                found.append(self._note.copy())
            if cell >= 0:
                self._companions.said[cell] = batch.value[i]
                self._companions.said_at[cell] = time_ns
        transitions = end_to_end(found)
        transitions["rule"] = self._slot
        return transitions

    def _see(self, reading: tuple[int, int, int, int], columns: Columns) -> bool:
        """Judge and learn one reading; whether its level changed, and then `_note` says how."""
        i, _, place, _ = reading
        rule, model = self._rules[place], int(self._model_of[place])
        value = float(columns[rule.of][i])
        if math.isnan(value):
            return False
        inputs = self._inputs(reading, value, columns)
        before = self._before[place]
        before.insert(0, value)
        before.pop()
        if any(map(math.isnan, inputs.values())):
            return False
        signal = ZOO[rule.model].face is Signal
        if signal:
            self._learn(model, rule, inputs, value)
        score = self._score(model, rule, inputs, value)
        judged = self._judged(model, rule, score)
        changed, learns = False, True
        if self._busy[place] or judged > self._quiet[place]:
            changed, learns = self._ring(reading, rule, value, (score, judged))
        if learns and not signal:
            self._learn(model, rule, inputs, value)
            if rule.band is not None:
                self._learn_score(model, rule, score)
        return changed

    def _ring(
        self,
        reading: tuple[int, int, int, int],
        rule: River,
        value: float,
        scores: tuple[float, float],
    ) -> tuple[bool, bool]:
        """Advance a level that is not calm or will not be; whether it changed, and gate opens."""
        _, _, place, time_ns = reading
        breached, changed = 0, False
        score, judged = scores
        if not math.isnan(judged):
            seen = severity(judged, *self._bounds[place])
            breached = seen[0]
            delays = (rule.on_delay.ns, rule.off_delay.ns)
            changed = ring(self._views, reading, seen, delays, self._note[0])
            if changed:
                figures(self._note[0], value, math.nan, math.nan, score)
        learns = True
        if ZOO[rule.model].face is not Signal:
            learns = may_learn(self._views, place, breached, time_ns, rule.relearn_after.ns)
        mine = self._levels[place]
        waits = (self._views[1][place, :WAITS] != NEVER).any()
        self._busy[place] = bool(waits) or mine["level"] > 0
        return changed, learns

    def _inputs(self, reading: tuple[int, int, int, int], value: float, columns: Columns) -> Inputs:
        """Features of a reading by name, NaN where one is unknown."""
        i, _, place, time_ns = reading
        rule = self._rules[place]
        local_ns = time_ns + rule.utc_offset.ns
        inputs, companion = {}, 0
        for name in rule.features:
            if name == VALUE:
                inputs[name] = value
            elif name == "hour_of_day":
                inputs[name] = local_ns % DAY_NS / HOUR_NS
            elif name == "day_of_week":
                inputs[name] = float((local_ns // DAY_NS + EPOCH_WEEKDAY) % 7)
            elif name in LAG_OF:
                inputs[name] = self._before[place][LAG_OF[name]]
            elif "." in name:
                inputs[name] = self._word(place, companion, time_ns)
                companion += 1
            else:
                inputs[name] = float(columns[name][i]) if name in columns else math.nan
        return inputs

    def _word(self, place: int, companion: int, time_ns: int) -> float:
        """What a companion said last, NaN when that is out of step."""
        cell = int(self._companions.cells_of[place, companion])
        if cell < 0 or math.isnan(self._companions.said[cell]):
            return math.nan
        apart = abs(time_ns - int(self._companions.said_at[cell]))
        return (
            float(self._companions.said[cell]) if apart <= self._rules[place].sync.ns else math.nan
        )

    def _score(self, model: int, rule: River, inputs: Inputs, value: float) -> float:
        """Score of a reading by what was learned so far, NaN while that is too little."""
        if self._kept[model] < rule.warm_up:
            return math.nan
        return self._pair(model, rule).judge(inputs, value)

    def _judged(self, model: int, rule: River, score: float) -> float:
        """What is compared with the bound: the score, or how far it lies from its mean."""
        if rule.band is None:
            return score
        mine = self._models[model]
        if mine["scores"] < rule.warm_up:
            return math.nan
        unit = max(math.sqrt(mine["variance"]), rule.floor)
        distance = (score - float(mine["mean"])) / unit
        return {"above": distance, "below": -distance, "both": abs(distance)}[rule.side]

    def _learn(self, model: int, rule: River, inputs: Inputs, value: float) -> None:
        """Keep a reading and show it to the models."""
        pair = self._pair(model, rule)
        readings, kept = self._readings[model], self._kept[model]
        readings[kept, : len(inputs) + 1] = (*inputs.values(), value)
        self._kept[model] = kept + 1
        if pair.learn(inputs, value, kept + 1):
            half = rule.memory
            readings[:half] = readings[half : 2 * half].copy()
            self._kept[model] = half

    def _learn_score(self, model: int, rule: River, score: float) -> None:
        """Move mean and variance of the score."""
        if math.isnan(score):
            return
        mine = self._models[model]
        mine["scores"] += 1
        gain = 1.0 / min(int(mine["scores"]), rule.memory)
        off = score - float(mine["mean"])
        mine["mean"] += gain * off
        mine["variance"] = (1.0 - gain) * (float(mine["variance"]) + gain * off * off)

    def _pair(self, model: int, rule: River) -> Pair:
        """The models; after a restore they are made of the kept readings."""
        if model not in self._pairs:
            pair = self._pairs[model] = Pair(rule)
            readings = self._readings[model]
            for n in range(self._kept[model]):
                *given, value = readings[n, : len(rule.features) + 1].tolist()
                pair.learn(dict(zip(rule.features, given, strict=True)), value, n + 1)
        return self._pairs[model]

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """State to be put into a snapshot; not a copy."""
        self._models["kept"] = self._kept
        self._recent[...] = np.reshape(self._before, self._recent.shape)
        return {
            f"{NAME}.rows": self._rows,
            f"{NAME}.levels": self._levels,
            f"{NAME}.recent": self._recent,
            f"{NAME}.owners": self._owners,
            f"{NAME}.models": self._models,
            f"{NAME}.meaning": self._meaning,
            **self._companions.arrays(),
        }

    def restore(self, arrays: Mapping[str, NDArray[Any]], old_row: NDArray[np.int64]) -> None:
        """Take over state that means the same from a snapshot; levels stay in any case."""
        self._begin()
        self.relearning = 0
        self._companions.restore(arrays, old_row)
        if f"{NAME}.rows" not in arrays:
            return
        mine, theirs = joined(old_row[self._rows], arrays[f"{NAME}.rows"])
        self._levels[mine] = arrays[f"{NAME}.levels"][theirs]
        kept = same_meaning(NAME, arrays, self._meaning, (mine, theirs))
        self.relearning = int(np.count_nonzero(~kept))
        self._recent[mine[kept]] = arrays[f"{NAME}.recent"][theirs[kept]]
        self._take_models(arrays, old_row, self._rows[mine[~kept]])
        self._settle()

    def _take_models(
        self,
        arrays: Mapping[str, NDArray[Any]],
        old_row: NDArray[np.int64],
        forgotten: NDArray[np.int64],
    ) -> None:
        """Take over kept readings, but of models that a forgotten row owns."""
        models = arrays[f"{NAME}.models"]
        mine, theirs = joined(old_row[self._owners], arrays[f"{NAME}.owners"])
        same = self._models["words"][mine] == models["words"][theirs]
        same &= ~np.isin(self._owners[mine], forgotten)
        if models.dtype == self._dtype:
            self._models[mine[same]] = models[theirs[same]]
        elif f"{NAME}.meaning" in arrays:
            copy_leading(self._models, models, (mine[same], theirs[same]))


def _sharing(
    rows: NDArray[np.int64], rules: Sequence[River], roster: Roster
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Model of each place, and the lane row of the first channel of each model, rising."""
    first: dict[tuple[Any, ...], int] = {}
    owner = np.empty(len(rows), np.int64)
    for place, (row, rule) in enumerate(zip(rows.tolist(), rules, strict=True)):
        shared = rule.per == "group"
        key = (roster.groups[row], int(roster.class_of[row])) if shared else (row,)
        owner[place] = first.setdefault(key, row)
    owners, model_of = np.unique(owner, return_inverse=True)
    return model_of, owners


def _bounds(rule: River) -> tuple[NDArray[np.float64], float]:
    """Bound of each colour, and the way back."""
    bounds = np.full(4, np.inf)
    bounds[: Colour[rule.at_most.upper()]] = rule.above if rule.band is None else rule.band.count
    return bounds, rule.hysteresis


def _words(rule: River) -> int:
    """Number of those words of a rule of which a change makes the kept readings others."""
    return crc32(repr((rule.of, rule.per, rule.memory, rule.utc_offset, *rule.features)).encode())


RIVER: Final = Kind(NAME, River, RiverModels, "D11", faults=faults)
