"""Rules of the product as they are run over NAB: one fixed configuration of each."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from benchmarks.support.thresholds import Ladder, Scene
from contracts.quantities import Duration, Sigmas
from detectors.change.shift import SHIFT, Shift
from detectors.channel.discord import DISCORD, Discord
from detectors.channel.novelty import NOVELTY, Novelty
from detectors.channel.seasonal import SEASONAL, Seasonal
from detectors.fused.unusual import Unusual
from detectors.group.half_space import ISOLATION, Isolation, Span

WARM: Final = 100


def _novelty(window: int) -> Ladder:
    def words(above: float, scene: Scene) -> Novelty:
        return Novelty(window=window, above=above, warm_up=WARM, **_common(scene))

    return Ladder(NOVELTY, words, np.geomspace(0.02, 20.0, 64).tolist())


def _common(scene: Scene) -> dict[str, Any]:
    return {"floor": scene.floor, "at_most": "blue", "off_delay": scene.pause}


def _unusual(band: float, scene: Scene) -> Unusual:
    band_of = Sigmas(f"{band:.4f} sigma")
    return Unusual(model="ewma", smoothing=0.05, band=band_of, warm_up=WARM, **_common(scene))


def _seasonal(band: float, scene: Scene) -> Seasonal:
    words = {"slot": Duration("1 h"), "utc_offset": Duration("0 h"), **_common(scene)}
    return Seasonal(band=Sigmas(f"{band:.4f} sigma"), **words)


def _model(_: float, scene: Scene) -> Seasonal:
    return _seasonal(1e6, scene)


def _shift(of: str) -> Any:
    def words(h: float, scene: Scene) -> Shift:
        h_of = Sigmas(f"{h:.4f} sigma")
        return Shift(charts="cusum", h=h_of, of=of, warm_up=WARM, **_common(scene))

    return words


def _discord(times: float, scene: Scene) -> Discord:
    gap = Duration(f"{3 * scene.period_ns / 1e9:.0f} s")
    words = {"window": 24, "history": 400, "gap": gap, "quantile": 0.99, **_common(scene)}
    return Discord(times=times, warm_up=WARM, **words)


def _isolation(above: float, scene: Scene) -> Isolation:
    wide = max(scene.high - scene.low, scene.floor)
    features = {"value": Span(scene.low, scene.low + wide), "change": Span(-wide, wide)}
    words = {key: word for key, word in _common(scene).items() if key != "floor"}
    return Isolation(features=features, above=above, quantile=0.9, warm_up=WARM, **words)


SIGMAS: Final = np.geomspace(2.0, 200.0, 40).tolist()
OURS: Final = "novelty, window 12"
RULES: Final[Mapping[str, Ladder]] = {
    OURS: _novelty(12),
    "novelty, window 8": _novelty(8),
    "novelty, window 16": _novelty(16),
    "unusual, smoothing 0.05": Ladder(None, _unusual, SIGMAS),
    "seasonal, slots of 1 h": Ladder(SEASONAL, _seasonal, SIGMAS),
    "shift, CUSUM": Ladder(SHIFT, _shift("value"), SIGMAS),
    "shift of seasonal, CUSUM": Ladder(SHIFT, _shift("seasonal"), SIGMAS, (SEASONAL, _model)),
    "discord, window 24 of 400": Ladder(DISCORD, _discord, np.geomspace(1.0, 4.0, 12).tolist()),
    "isolation, value and change": Ladder(
        ISOLATION, _isolation, (1.0 - np.geomspace(0.5, 1e-3, 20)).tolist()
    ),
}
