"""Two models of river that take turns, so that what they learned is a function of some readings."""

import math

from detectors.river.config import River
from detectors.river.models import Face, Inputs, make


class Pair:
    """The model that judges, and the one that will take its place."""

    def __init__(self, rule: River) -> None:
        self._rule = rule
        self.now, self._next = self._anew(), self._anew()

    def _anew(self) -> Face:
        return make(self._rule.model, {**self._rule.options, **self._rule.words}, self._rule.scale)

    def judge(self, inputs: Inputs, value: float) -> float:
        """Score of a reading, NaN where the model fails or its score is not finite."""
        try:
            score = self.now.judge(inputs, value)
        except Exception:
            return math.nan
        return score if math.isfinite(score) else math.nan

    def learn(self, inputs: Inputs, value: float, kept: int) -> bool:
        """Learn the `kept`-th kept reading; whether the older half is to be dropped then."""
        _learn(self.now, inputs, value)
        if kept > self._rule.memory:
            _learn(self._next, inputs, value)
        if kept < 2 * self._rule.memory:
            return False
        self.now, self._next = self._next, self._anew()
        return True


def _learn(face: Face, inputs: Inputs, value: float) -> None:
    try:
        face.learn(inputs, value)
    except Exception:  # the half that was learned is learned again by a restore, all alike
        return
