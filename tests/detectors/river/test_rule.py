"""Models of river: a twin that learns everything again each time, the laws, words of nobody."""

import math
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
from river import anomaly, preprocessing, time_series

from contracts.quantities import Duration, Sigmas
from detectors.base.kind import Scene
from detectors.river import models
from detectors.river.config import River, faults
from detectors.river.rule import RIVER
from tests.testkit.kind_case import (
    Case,
    Reading,
    Seen,
    bounded,
    equals_twin,
    keeps_the_laws,
    reborn,
    roster,
    run,
    same,
)
from tests.testkit.kinds.river import TREES, case, case_of

RESIDUAL: dict[str, Any] = {
    "model": "snarimax",
    "options": {"p": 2, "d": 0, "q": 1, "n_std": 3, "warmup_period": 20},
}
BANDS: dict[str, Any] = {"above": None, "band": Sigmas("3 sigma"), "warm_up": 20}


def _pad(options: Mapping[str, Any]) -> Any:
    p, d, q = (int(options[name]) for name in "pdq")
    inner = time_series.SNARIMAX(p, d, q)
    return anomaly.PredictiveAnomalyDetection(
        inner, n_std=options["n_std"], warmup_period=int(options["warmup_period"])
    )


def _whole(options: Mapping[str, float]) -> dict[str, Any]:
    return {name: int(n) if n == int(n) else n for name, n in options.items()}


MAKERS: dict[str, Callable[[Mapping[str, float]], Any]] = {
    "half_space_trees": lambda o: anomaly.HalfSpaceTrees(**_whole(o), seed=42),
    "one_class_svm": lambda o: anomaly.OneClassSVM(nu=o["nu"]),
    "gaussian": lambda o: anomaly.GaussianScorer(grace_period=o["grace_period"]),  # type: ignore[no-untyped-call]
    "absolute_deviation": lambda o: anomaly.StandardAbsoluteDeviation(),
    "snarimax": _pad,
}


class RiverTwin:
    """One channel; nothing is kept but what was learned, and models are made again each time."""

    def __init__(self, rule: River, period_ns: int) -> None:
        del period_ns
        self.rule = rule
        self.learned: list[tuple[dict[str, float], float]] = []
        self.before: list[float] = []
        self.scores = 0
        self.mean = self.variance = 0.0
        self.fresh: tuple[dict[str, float], float] | None = None

    def _features(self, time_ns: int, value: float) -> dict[str, float]:
        local_s = (time_ns + self.rule.utc_offset.ns) / 1e9
        every = {
            "value": value,
            "hour_of_day": local_s % 86400 / 3600,
            "day_of_week": float((local_s // 86400 + 3) % 7),
            **{f"lag{n}": self.before[-n] for n in range(1, len(self.before) + 1)},
        }
        return {name: every.get(name, math.nan) for name in self.rule.features}

    def _score(self, inputs: dict[str, float], value: float) -> float:
        memory, n = self.rule.memory, len(self.learned)
        kept = self.learned[max(n // memory - 1, 0) * memory :]
        if len(kept) < self.rule.warm_up:
            return math.nan
        model = MAKERS[self.rule.model](self.rule.options)
        if self.rule.model in {"gaussian", "absolute_deviation", "snarimax"}:
            for _, y in kept:
                if self.rule.model == "snarimax":
                    model.score_one(None, y)
                model.learn_one(None, y)
            return float(deepcopy(model).score_one(None, value))
        scale: Any = preprocessing.MinMaxScaler()
        for x, _ in kept:
            scale.learn_one(x)
            model.learn_one(scale.transform_one(x))
        return float(model.score_one(scale.transform_one(inputs)))

    def see(self, time_ns: int, value: float) -> Seen | None:
        inputs = self._features(time_ns, value)
        self.before.append(value)
        known = not any(map(math.isnan, inputs.values()))
        self.fresh = (inputs, value) if known else None
        self.score = self._score(inputs, value) if known else math.nan
        if not math.isfinite(self.score):
            self.score = math.nan
            return None
        judged, bound = self.score, self.rule.above
        if self.rule.band is not None:
            if self.scores < self.rule.warm_up:
                return None
            bound = self.rule.band.count
            judged = (judged - self.mean) / max(math.sqrt(self.variance), self.rule.floor)
            judged = {"above": judged, "below": -judged, "both": abs(judged)}[self.rule.side]
        assert bound is not None
        top = ["blue", "yellow"].index(self.rule.at_most) + 1
        breached = top if judged > bound else 0
        held = top if judged > bound - self.rule.hysteresis else breached
        return Seen(self.score, breached, held)

    def learn(self, time_ns: int, value: float) -> None:
        del time_ns, value
        if self.fresh is None:
            return
        self.learned.append(self.fresh)
        if not math.isnan(self.score):
            self.scores += 1
            gain = 1.0 / min(self.scores, self.rule.memory)
            off = self.score - self.mean
            self.mean += gain * off
            self.variance = (1.0 - gain) * (self.variance + gain * off * off)


@pytest.mark.parametrize(
    "words",
    [
        {"features": ["value", "lag1", "hour_of_day"], "above": 0.85, "hysteresis": 0.05},
        {"features": ["day_of_week", "value"], **BANDS, "side": "both"},
        {"model": "one_class_svm", "options": {"nu": 0.2}, **BANDS, "side": "both"},
        {"model": "gaussian", "options": {"grace_period": 20}, "above": 0.999},
        {"model": "absolute_deviation", "options": {}, "above": 6.0},
        {**RESIDUAL, "above": 0.99},
    ],
)
def test_the_adapter_equals_its_twin(words: dict[str, Any]) -> None:
    equals_twin(case_of(**words), RiverTwin)
    restored(case_of(**words))


def restored(laws: Case) -> None:
    """The laws of cuts and restores, at a few places: each restore learns everything again."""
    whole = run(laws)
    cuts = np.random.default_rng(2).integers(0, len(laws.readings), 4).tolist()
    assert len(whole) >= 2
    assert same(whole, run(laws, cuts, cuts))


def test_the_laws_are_kept_with_a_restore_every_few_readings() -> None:
    keeps_the_laws(case_of(model="gaussian", options={"grace_period": 20}, above=0.999))
    bounded(case())


@pytest.mark.parametrize(
    "words",
    [
        {"model": "loda", "options": {"n_bins": 5, "n_random_cuts": 10}, "above": 5.0},
        {"model": "local_outlier_factor", "options": {"n_neighbors": 5}, "above": 3.0},
        {"model": "adwin", "options": {"clock": 4}, "above": 0.5},
        {"model": "kswin", "options": {"window_size": 30, "stat_size": 10}, "above": 0.5},
        {"model": "page_hinkley", "options": {"threshold": 5}, "words": {"mode": "up"}},
        {"per": "group"},
    ],
)
def test_every_other_model_keeps_the_laws(words: dict[str, Any]) -> None:
    restored(case_of(**{"features": ["value"], "relearn_after": Duration("5 min"), **words}))


def test_a_wild_reading_rings_and_the_hump_of_the_day_does_not() -> None:
    told = [n for n in run(case_of()) if n["now"] > n["was"]]
    wild = {step for step in range(220) if step % 53 == 50 or 150 <= step < 156}
    assert {n["ordinal"] // 2 for n in told} <= wild
    assert len(told) == 4


def test_companions_are_features_while_they_are_in_step() -> None:
    chance = np.random.default_rng(5)
    readings = []
    for step in range(200):
        other = float(chance.normal(20, 5))
        if step < 190:
            readings.append(Reading(1, 60.0 * step, other))
        off = 14.0 if step in {150, 195} else float(chance.normal(0, 0.5))
        readings.append(Reading(0, 60.0 * step + 1, 2.0 * other + off))
    near = {"model": "local_outlier_factor", "options": {"n_neighbors": 10}, "above": 4.0}
    rule = River(**{**TREES, **near, "features": ["value", "power.t"]})
    lane = roster({"power.i": 1, "power.t": 1}, group_size=2)
    together = Case(RIVER, {"power.i": rule}, lane, readings)
    alone = Case(RIVER, {"power.i": rule}, roster({"power.i": 1, "power.t": 1}), readings)
    told = {int(n["ordinal"]) // 2 for n in run(together) if n["now"]}
    assert told == {150}, told  # at 195 the companion has been still for longer than `sync`
    assert not len(run(alone))
    restored(together)


def test_a_model_that_fails_never_raises_and_never_rings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models.Outliers, "judge", lambda *_: 1 // 0)
    monkeypatch.setattr(models.Outliers, "learn", lambda *_: 1 // 0)
    assert not len(run(case()))


def test_readings_kept_under_other_words_are_not_shown_to_the_model() -> None:
    old, new = case_of(features=["value", "lag1"]), case_of(features=["value", "hour_of_day"])
    batch, disposition = old.batch()
    detector = old.detector()
    detector.score(batch, disposition, (0, len(batch)), {"value": batch.value})
    assert reborn(old, detector).arrays()["river.models"]["kept"].all()
    assert not reborn(new, detector).arrays()["river.models"]["kept"].any()


@pytest.mark.parametrize(
    ("words", "path", "text"),
    [
        ({"model": "half_space_tree"}, ("model",), "nearest is 'half_space_trees'"),
        ({"options": {"n_tree": 5}}, ("options", "n_tree"), "nearest is 'n_trees'"),
        ({"options": {"n_trees": 5.5}}, ("options",), "got an error: n_trees=5.5"),
        ({"model": "snarimax", "options": {"p": 1, "d": 0}}, ("options",), "the option 'q'"),
        ({"words": {"limits": "all"}}, ("words", "limits"), "unknown option 'limits'"),
        ({"model": "kswin", "options": {"stat_size": 500}}, ("options",), "stat_size must be"),
        ({"features": ["lag99"]}, ("features", "0"), "nearest is 'lag1'"),
        ({"features": ["value", "value"]}, ("features",), "each feature once"),
        ({"model": "gaussian", "options": {}, "features": ["lag1"]}, ("features", "0"), "no more"),
        ({"warm_up": 99}, ("warm_up",), "at most memory (80)"),
        ({"band": Sigmas("5 sigma")}, (), "`above` or `band`"),
        ({"above": None}, (), "`above` or `band`"),
        ({"model": "adwin", "options": {}, "above": 2.0}, ("above",), "`above: 0.5`"),
        ({"above": None, "band": Sigmas("1 sigma"), "hysteresis": 2}, ("band",), "hysteresis (2)"),
    ],
)
def test_words_that_make_no_sense_are_found(
    words: dict[str, Any], path: tuple[str, ...], text: str
) -> None:
    where, said = next(faults(River(**{**TREES, **words}), Scene(0.0, 40.0, Duration("60 s"))))
    assert where == path
    assert text in said


def test_a_city_without_river_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(models, "import_module", gone)
    found = list(faults(River(**TREES), Scene(0.0, 40.0, Duration("60 s"))))
    assert [(path, "install it" in text) for path, text in found] == [(("model",), True)]


def test_the_state_is_as_large_as_the_docstring_says() -> None:
    rule = River(**{**TREES, "memory": 500})
    one = Case(RIVER, {"m": rule}, roster({"m": 1}), [])
    arrays = one.detector().arrays()
    size = sum(arrays[f"river.{name}"].nbytes for name in ("levels", "recent", "models"))
    assert size == 64 + 8 * 24 + 40 + 16 * 500 * 2


def test_sensible_words_pass() -> None:
    assert not list(faults(River(**TREES), Scene(0.0, 40.0, Duration("60 s"))))
