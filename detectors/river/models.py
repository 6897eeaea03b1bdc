"""Models of the package river that a rule may use, behind one face: judge and learn."""

import inspect
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import Any, Final, Protocol

Inputs = dict[str, float]
SEED: Final = 42
SCALES: Final = {"standard": "StandardScaler", "minmax": "MinMaxScaler"}
_PLAIN: Final = ("int", "float", "str", "int | None")  # annotations of options that YAML can say


class Face(Protocol):
    """What the adapter knows of a model."""

    def judge(self, inputs: Inputs, value: float) -> float:
        """Score of a reading; the model stays as it was."""

    def learn(self, inputs: Inputs, value: float) -> None:
        """Take in a reading."""


class Outliers:
    """A model of all features, scaled by what was learned before."""

    def __init__(self, model: Any, scale: Any) -> None:
        self._model, self._scale = model, scale

    def judge(self, inputs: Inputs, value: float) -> float:
        """Score of the features."""
        del value
        scaled = inputs if self._scale is None else self._scale.transform_one(inputs)
        return float(self._model.score_one(scaled))

    def learn(self, inputs: Inputs, value: float) -> None:
        """The scale first, then the model, as river's pipelines do."""
        del value
        if self._scale is not None:
            self._scale.learn_one(inputs)
            inputs = self._scale.transform_one(inputs)
        self._model.learn_one(inputs)


class Single:
    """A model of the value alone."""

    def __init__(self, model: Any, scale: Any) -> None:
        del scale
        self._model = model

    def judge(self, inputs: Inputs, value: float) -> float:
        """Score of the value."""
        del inputs
        return float(self._model.score_one(None, value))

    def learn(self, inputs: Inputs, value: float) -> None:
        """Take in the value."""
        del inputs
        self._model.learn_one(None, value)


class Forecast(Single):
    """`PredictiveAnomalyDetection` over a forecast of the next value.

    River's own moves its threshold with each score; here only what is learned does.
    """

    def judge(self, inputs: Inputs, value: float) -> float:
        """Score of the value; the threshold is put back."""
        before = self._model.dynamic_mae, self._model.dynamic_se_variance
        self._model.dynamic_mae, self._model.dynamic_se_variance = deepcopy(before)
        try:
            return super().judge(inputs, value)
        finally:
            self._model.dynamic_mae, self._model.dynamic_se_variance = before

    def learn(self, inputs: Inputs, value: float) -> None:
        """The threshold first, then the forecast."""
        super().judge(inputs, value)
        super().learn(inputs, value)


class Signal(Single):
    """A test for change: 1 at the reading that it tells of, else 0."""

    def judge(self, inputs: Inputs, value: float) -> float:
        """Whether the reading that was taken in last told of a change."""
        del inputs, value
        return float(self._model.drift_detected)

    def learn(self, inputs: Inputs, value: float) -> None:
        """Take in the value."""
        del inputs
        self._model.update(value)


@dataclass(frozen=True)
class Recipe:
    """Where a model is found and how it is used; a forecaster is put into its detector."""

    module: str
    name: str
    face: type[Outliers] | type[Single]

    def load(self) -> type[Any]:
        """The model's class."""
        found: type[Any] = getattr(import_module(f"river.{self.module}"), self.name)
        return found


ZOO: Final[Mapping[str, Recipe]] = {
    "half_space_trees": Recipe("anomaly", "HalfSpaceTrees", Outliers),
    "one_class_svm": Recipe("anomaly", "OneClassSVM", Outliers),
    "local_outlier_factor": Recipe("anomaly", "LocalOutlierFactor", Outliers),
    "loda": Recipe("anomaly", "LODA", Outliers),
    "gaussian": Recipe("anomaly", "GaussianScorer", Single),
    "absolute_deviation": Recipe("anomaly", "StandardAbsoluteDeviation", Single),
    "snarimax": Recipe("time_series", "SNARIMAX", Forecast),
    "adwin": Recipe("drift", "ADWIN", Signal),
    "kswin": Recipe("drift", "KSWIN", Signal),
    "page_hinkley": Recipe("drift", "PageHinkley", Signal),
}
_DETECTOR: Final = Recipe("anomaly", "PredictiveAnomalyDetection", Forecast)
_FIXED: Final = ("predictive_model", "horizon")


def near(word: str, known: Iterator[str] | Mapping[str, Any]) -> str:
    """Advice that names the known word most like this one, or all of them."""
    names = sorted(known)
    close = get_close_matches(word, names, n=1)
    return f"nearest is {close[0]!r}" if close else f"known are {', '.join(names) or 'none'}"


def options_of(model: str) -> dict[str, inspect.Parameter]:
    """Options of a model that a class file can say: numbers and words."""
    recipe = ZOO[model]
    found = dict(inspect.signature(recipe.load()).parameters)
    if recipe.face is Forecast:
        found |= inspect.signature(_DETECTOR.load()).parameters
    return {
        name: one
        for name, one in found.items()
        if name not in _FIXED
        and (isinstance(one.default, int | float | str) or one.annotation in _PLAIN or _bare(one))
    }


def _bare(option: inspect.Parameter) -> bool:
    """An option of which the signature says nothing but its name."""
    return option.annotation is inspect.Parameter.empty


def wrong_options(model: str, given: Mapping[str, float | str]) -> Iterator[tuple[str, str]]:
    """Options that the model has not, has to have, or refuses: (name, what is wrong)."""
    known = options_of(model)
    good = True
    for name in given:
        if name not in known:
            good = False
            yield name, f"unknown option {name!r} of {model}; {near(name, known)}"
    for name, option in known.items():
        needed = option.default is inspect.Parameter.empty and name not in given
        if needed:
            good = False
            yield "", f"expected the option {name!r} of {model}, got none; add it"
    if good:
        try:
            make(model, given)
        except (TypeError, ValueError) as error:
            yield "", f"expected options that {model} takes, got an error: {error}"


def make(model: str, given: Mapping[str, float | str], scale: str = "none") -> Face:
    """A model that has learned nothing; chance begins with a fixed seed."""
    recipe = ZOO[model]
    known = options_of(model)
    words: dict[str, Any] = {"seed": SEED} if "seed" in known else {}
    words |= {name: _typed(known[name], value) for name, value in given.items()}
    if recipe.face is Forecast:
        mine = inspect.signature(recipe.load()).parameters
        inner = recipe.load()(**{name: word for name, word in words.items() if name in mine})
        outer = {name: word for name, word in words.items() if name not in mine}
        return Forecast(_DETECTOR.load()(inner, horizon=1, **outer), None)
    tool = SCALES.get(scale)
    scaler = getattr(import_module("river.preprocessing"), tool)() if tool else None
    return recipe.face(recipe.load()(**words), scaler)


def _typed(option: inspect.Parameter, value: float | str) -> float | str:
    """A number in the type of its option: whole ones are whole unless the default is not."""
    if isinstance(value, str) or isinstance(option.default, float):
        return value
    if isinstance(option.default, str) or not float(value).is_integer():
        msg = f"{option.name}={value:g}"
        raise ValueError(msg)
    return int(value)
