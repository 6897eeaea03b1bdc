"""What others take for the same: river, PySAD and stumpy over the readings of a kind's case."""

import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

from river import anomaly, drift, linear_model

from tests.testkit.kind_case import Case

Rival = tuple[str, Callable[[float], object] | None]
STUMPY = "stumpy==1.14.1"
PYSAD = "pysad==0.7.0"


def _half_space_trees(case: Case) -> Rival:
    rule = next(iter(case.rules.values()))
    limits = {name: (span.low, span.high) for name, span in rule.features.items()}
    model: Any = anomaly.HalfSpaceTrees(
        n_trees=rule.trees, height=rule.height, window_size=rule.window, limits=limits
    )
    before = 0.0

    def step(value: float) -> None:
        nonlocal before
        features = {"value": value, "change": value - before}
        model.score_one(features)
        model.learn_one(features)
        before = value

    return "river HalfSpaceTrees", step


def _pysad_trees(case: Case) -> Rival:
    if find_spec("pysad") is None:
        return f"pysad HalfSpaceTrees ({PYSAD} is not installed)", None
    import numpy as np  # noqa: PLC0415
    from pysad.models.half_space_trees import HalfSpaceTrees  # noqa: PLC0415

    rule = next(iter(case.rules.values()))
    spans = list(rule.features.values())
    lows, highs = np.array([[span.low, span.high] for span in spans]).T
    model = HalfSpaceTrees(
        lows, highs, window_size=rule.window, num_trees=rule.trees, max_depth=rule.height
    )
    before = 0.0

    def step(value: float) -> None:
        nonlocal before
        model.fit_score_partial(np.array([value, value - before]))
        before = value

    return "pysad HalfSpaceTrees", step


def _page_hinkley(case: Case) -> Rival:
    words = next(iter(case.rules.values())).page_hinkley
    model = drift.PageHinkley(
        min_instances=words.least, delta=words.slack, threshold=words.threshold
    )
    return "river PageHinkley", model.update


def _regression(case: Case) -> Rival:
    model: Any = linear_model.BayesianLinearRegression(
        smoothing=next(iter(case.rules.values())).forget
    )

    def step(value: float) -> None:
        features = {"one": 1.0, "companion": value}
        model.predict_one(features)
        model.learn_one(features, value)

    return "river BayesianLinearRegression", step


def _stumpi(case: Case) -> Rival:
    if find_spec("stumpy") is None:
        return f"stumpy stumpi ({STUMPY} is not installed)", None
    import numpy as np  # noqa: PLC0415
    import stumpy  # noqa: PLC0415

    rule = next(iter(case.rules.values()))
    first = np.array([reading.value for reading in case.readings[: rule.history]], float)
    stream = stumpy.stumpi(first, m=rule.window, egress=True)
    return "stumpy stumpi", stream.update


_RIVALS: dict[str, Sequence[Callable[[Case], Rival]]] = {
    "isolation": (_half_space_trees, _pysad_trees),
    "drift": (_page_hinkley,),
    "regress": (_regression,),
    "discord": (_stumpi,),
}


def rival(name: str, case: Case, ns: float) -> str:
    """Names of who do the same as a kind, their ns a reading, and how many times ours that is."""
    told = []
    for make in _RIVALS.get(name, ()):
        called, step = make(case)
        if step is not None:
            taken = _timed(step, [reading.value for reading in case.readings])
            called = f"{called}: {taken:,.0f} ({taken / ns:,.0f} times)"
        told.append(called)
    return "; ".join(told)


def _timed(step: Callable[[float], object], values: Sequence[float]) -> float:
    """Nanoseconds of one step, after a round to warm up."""
    for value in values[:100]:
        step(value)
    began = time.perf_counter()
    for value in values:
        step(value)
    return (time.perf_counter() - began) / len(values) * 1e9
