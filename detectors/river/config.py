"""What an engineer writes of a model of the package river, and what makes no sense in it."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Final, Literal

import msgspec
from msgspec import Meta

from contracts.quantities import Duration, Sigmas
from detectors.base.kind import Fault, Scene
from detectors.base.row_rule import VALUE
from detectors.river.models import ZOO, Outliers, Signal, near, wrong_options

LAGS_MAX: Final = 24
MADE: Final = ("seasonal", "regressed")  # columns that may be features
_NAMED: Final = dict.fromkeys((VALUE, "hour_of_day", "day_of_week", "lag1", *MADE))
LAG_OF: Final = {f"lag{n}": n - 1 for n in range(1, LAGS_MAX + 1)}  # place among recent ones


class River(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rings by the score of a model of river.

    Nothing of a model is stored. It is a function of the readings it has learned, and of these
    the newest `memory` to twice `memory` are kept: beside the model that judges, another one
    begins anew and learns the same; when it has learned `memory` readings it takes the first
    one's place and the older half of the kept readings is dropped. A restore shows both models
    the readings they had seen, in order, and gets the same to the last bit, since chance begins
    with a fixed seed (`options: {seed: 7}`, default 42).

    A reading is judged by what was learned before it, and learned while the rule is calm; a test
    for change (`adwin`, `kswin`, `page_hinkley`) learns each reading first and scores 1 where it
    tells of a change. A model that fails or is cold, and a reading of which a feature is unknown,
    have no score, and nothing is judged.

    Parameters
    ----------
    model : str
        Name in `ZOO`.
    at_most : {"blue", "yellow"}
        Colour that rings.
    options, words : dict
        Options of the model's constructor: numbers, and words.
    features : list of str
        What models of several features see: `value`, `hour_of_day`, `day_of_week`, `lag1` to
        `lag24` (earlier readings of the channel), `seasonal` or `regressed` where the class has
        such a rule, or the class of a companion in the same group. Others see `value`.
    scale : {"none", "standard", "minmax"}
        How features are scaled before the model, by what was learned.
    of : str
        Column that is `value`.
    per : {"channel", "group"}
        Whether all channels of the class in a group share one model; levels stay their own.
    above : float or None
        Score above which it rings; this or `band`.
    band : Sigmas or None
        Distance of the score from its own mean, both exponentially weighted (D. H. D. West,
        Updating mean and variance estimates, CACM 22, 1979) with a weight of one by `memory`.
    side : {"above", "below", "both"}
        Side of the band.
    floor : float
        Smallest deviation of the score that is believed.
    hysteresis : float
        How far the score must come back, with `band` in its deviations.
    memory, warm_up : int
        Readings a model learns anew, and those that it has learned before it judges.
    sync : Duration
        Age, or lead, at which the word of a companion is no longer used.
    utc_offset : Duration
        The city's civil time ahead of UTC.
    on_delay, off_delay, relearn_after : Duration
        As for `unusual`.

    References
    ----------
    J. Montiel et al., River: machine learning for streaming data in Python, JMLR 22, 2021.
    State: 128 bytes, 8 for each lag, 16 for each companion, and for each model
    16 memory (features + 1); 16 kB with 500 readings of the value.
    """

    STATE_FREE: ClassVar[frozenset[str]] = frozenset({"above", "band", "floor", "side"})

    model: str
    at_most: Literal["blue", "yellow"]
    options: dict[str, float] = {}
    words: dict[str, str] = {}
    features: Annotated[list[str], Meta(min_length=1, max_length=16)] = msgspec.field(
        default_factory=lambda: [VALUE]
    )
    scale: Literal["none", "standard", "minmax"] = "minmax"
    of: str = VALUE
    per: Literal["channel", "group"] = "channel"
    above: float | None = None
    band: Sigmas | None = None
    side: Literal["above", "below", "both"] = "above"
    floor: Annotated[float, Meta(gt=0)] = 0.01
    hysteresis: Annotated[float, Meta(ge=0)] = 0.0
    memory: Annotated[int, Meta(ge=10, le=20_000)] = 500
    warm_up: Annotated[int, Meta(ge=2, le=20_000)] = 100
    sync: Duration = Duration("2 periods")
    utc_offset: Duration = Duration("8 h")
    on_delay: Duration = Duration("0 s")
    off_delay: Duration = Duration("0 s")
    relearn_after: Duration = Duration("7 d")


def faults(rule: River, scene: Scene) -> Iterator[Fault]:
    """Models, options and features that nobody has, and bounds that mean nothing."""
    del scene
    yield from _model_faults(rule)
    face = ZOO[rule.model].face if rule.model in ZOO else Outliers
    for i, name in enumerate(rule.features):
        if face is not Outliers and name != VALUE:
            yield (
                ("features", str(i)),
                f"expected {VALUE!r}, got {name!r}; {rule.model} sees no more",
            )
        elif not known_feature(name):
            text = f"expected a feature or the class of a companion, got {name!r}"
            yield ("features", str(i)), f"{text}; {near(name, _NAMED)}"
    if len(set(rule.features)) < len(rule.features):
        yield ("features",), f"expected each feature once, got {', '.join(rule.features)}"
    if rule.warm_up > rule.memory:
        yield ("warm_up",), f"expected at most memory ({rule.memory}), got {rule.warm_up}"
    yield from _bound_faults(rule, face is Signal)


def _model_faults(rule: River) -> Iterator[Fault]:
    if rule.model not in ZOO:
        yield ("model",), f"unknown model {rule.model!r}; {near(rule.model, ZOO)}"
        return
    try:
        for name, text in wrong_options(rule.model, {**rule.options, **rule.words}):
            key = "words" if name in rule.words else "options"
            yield ((key, name) if name else (key,)), text
    except ImportError as error:
        yield ("model",), f"expected the package river, got an error: {error}; install it"


def _bound_faults(rule: River, signal: bool) -> Iterator[Fault]:
    if (rule.above is None) == (rule.band is None):
        yield (), "expected `above` or `band`, one of them; a score needs one bound"
    elif signal and (rule.above is None or not 0 <= rule.above < 1):
        yield ("above",), f"expected `above: 0.5`; {rule.model} scores 0, and 1 at a change"
    elif signal and rule.on_delay.ns:
        yield ("on_delay",), f"expected 0 s, got {rule.on_delay}; a change is told but once"
    elif rule.band is not None and rule.band.count <= rule.hysteresis:
        yield ("band",), f"expected above the hysteresis ({rule.hysteresis:g}), got {rule.band}"


def known_feature(name: str) -> bool:
    """Whether a feature has a name that can be filled."""
    return name in _NAMED or "." in name or name in LAG_OF
