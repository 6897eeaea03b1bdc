"""Kinds of rule that learn by themselves, and what stands beside them: the grids of a choice.

They were set before any of the recordings was run, but for four small ones on which they were seen
to work; `discord` lost windows there for the time that it takes.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from benchmarks.quality_data.labelled.corpus import Flags, Reals
from benchmarks.quality_data.labelled.heard import Rule, by_channel, by_score, together
from benchmarks.quality_data.nab import outside
from benchmarks.support.thresholds import Ladder, Scene
from contracts.quantities import Duration, Sigmas
from detectors.base.kind import Kind
from detectors.change.departure import DEPARTURE, Departure
from detectors.change.shift import SHIFT, Shift
from detectors.channel.discord import DISCORD, Discord
from detectors.channel.novelty import NOVELTY, Novelty
from detectors.channel.seasonal import SEASONAL, Seasonal
from detectors.fused.unusual import Unusual

WARM: Final = 100
SAME_HOURS: Final = 10  # days of which the rival knows the same hour


def _words(known: Scene) -> dict[str, Any]:
    return {"floor": known.floor, "at_most": "blue", "off_delay": known.pause}


def _sigmas(count: float) -> Sigmas:
    return Sigmas(f"{count:.4f} sigma")


def _novelty(window: int, above: float, known: Scene) -> Novelty:
    return Novelty(window=window, above=above, warm_up=WARM, **_words(known))


def _unusual(smoothing: float, band: float, known: Scene) -> Unusual:
    more = {"model": "ewma", "warm_up": WARM, **_words(known)}
    return Unusual(band=_sigmas(band), smoothing=smoothing, **more)


def _seasonal(share: float, band: float, known: Scene) -> Seasonal:
    hour, none = Duration("1 h"), Duration("0 h")
    more = _words(known)
    return Seasonal(slot=hour, utc_offset=none, floor_share=share, band=_sigmas(band), **more)


def _shift(of: str, h: float, known: Scene) -> Shift:
    return Shift(charts="cusum", h=_sigmas(h), of=of, warm_up=WARM, **_words(known))


def _departure(smoothing: float, back: float, band: float, known: Scene) -> Departure:
    memory = round(10 / smoothing)
    more = {"memory": memory, "warm_up": memory + 20, **_words(known)}
    return Departure(band=_sigmas(band), smoothing=smoothing, back_share=back, **more)


def _discord(window: int, times: float, known: Scene) -> Discord:
    more = {"history": 400, "quantile": 0.99, "warm_up": WARM, **_words(known)}
    return Discord(times=times, window=window, **more)


def _ladders(
    kind: Kind | None, spread: Sequence[float], variants: Mapping[str, Any], **more: Any
) -> dict[str, Ladder]:
    return {name: Ladder(kind, words, list(spread), **more) for name, words in variants.items()}


def _far(values: Reals, past: Reals) -> Reals:
    """Distance from the median of what was read before, in its median absolute deviations."""
    middle = np.median(past, axis=1)
    mad = 1.4826 * np.median(np.abs(past - middle[:, None]), axis=1)
    least = max(1e-3 * float(np.ptp(values[: max(len(values) // 7, 1)])), 1e-9)
    found: Reals = np.abs(values - middle) / np.maximum(mad, least)
    return found


def _last(time_s: Reals, values: Reals) -> Reals:
    """Beside the last hundred readings."""
    far = np.zeros(len(values))
    if len(values) > WARM:
        far[WARM:] = _far(values[WARM:], sliding_window_view(values, WARM)[:-1])
    return far


def _same_hour(time_s: Reals, values: Reals) -> Reals:
    """Beside the same hour of the last ten days."""
    far, hour = np.zeros(len(values)), (time_s // 3600).astype(np.int64) % 24
    for one in range(24):
        mine = np.flatnonzero(hour == one)
        days = len(set((time_s[mine] // 86_400).tolist()))
        width = max(SAME_HOURS * len(mine) // max(days, 1), SAME_HOURS)
        if len(mine) > width:
            past = sliding_window_view(values[mine], width)[:-1]
            far[mine[width:]] = _far(values[mine[width:]], past)
    return far


def _medians(times: Sequence[float], time_s: Reals, values: Reals) -> Flags:
    """Twice in a row too far from medians."""
    flags = []
    for far in (_last(time_s, values), _same_hour(time_s, values)):
        twice = np.minimum(far, np.concatenate([[0.0], far[:-1]]))
        flags += [twice > one for one in times]
    return np.stack(flags)


def _drawn(shares: Sequence[float], time_s: Reals, values: Reals) -> Flags:
    """Rows drawn without looking at them."""
    draw = np.random.default_rng(len(values)).random(len(values))
    return np.stack([draw < share for share in shares])


SIGMAS: Final = np.geomspace(3.0, 80.0, 8).tolist()
TIMES: Final = np.geomspace(3.0, 60.0, 10).tolist()
SHARES: Final = np.geomspace(1e-4, 1e-2, 5).tolist()
LADDERS: Final[Mapping[str, Mapping[str, Ladder]]] = {
    "novelty": _ladders(
        *(NOVELTY, np.geomspace(0.1, 30.0, 10).tolist()),
        {f"window {n}, above": partial(_novelty, n) for n in (6, 12, 24)},
    ),
    "unusual": _ladders(
        *(None, SIGMAS), {f"smoothing {s}, sigma": partial(_unusual, s) for s in (0.01, 0.05)}
    ),
    "seasonal": _ladders(
        *(SEASONAL, SIGMAS), {f"floor_share {s}, sigma": partial(_seasonal, s) for s in (0.0, 0.1)}
    ),
    "shift": _ladders(
        *(SHIFT, np.geomspace(8.0, 800.0, 8).tolist()), {"h": partial(_shift, "value")}
    ),
    "shift of seasonal": _ladders(
        *(SHIFT, np.geomspace(8.0, 800.0, 8).tolist()),
        {"h": partial(_shift, "seasonal")},
        model=(SEASONAL, lambda _, known: _seasonal(0.0, 1e6, known)),
    ),
    "departure": _ladders(
        *(DEPARTURE, np.geomspace(3.0, 20.0, 6).tolist()),
        {
            f"smoothing {s}, back {b}, sigma": partial(_departure, s, b)
            for s in (0.05, 0.2)
            for b in (0.0, 0.6)
        },
    ),
    "discord": _ladders(
        *(DISCORD, np.geomspace(1.0, 4.0, 4).tolist()), {"window 24, times": partial(_discord, 24)}
    ),
}
KINDS: Final[Mapping[str, Rule]] = {
    **{name: by_channel(ladders) for name, ladders in LADDERS.items()},
    "multivariate": together(np.geomspace(1.0, 100.0, 7).tolist(), train=200),
}
BESIDE: Final[Mapping[str, Rule]] = {
    "20 lines": by_score(
        [f"{what} {t:.3g} MAD" for what in ("last 100,", "same hour,") for t in TIMES],
        partial(_medians, TIMES),
    ),
    "range rule": by_score([""], lambda _, values: outside(values)[None] > 0),
    "chance": by_score([f"{s:.2g} of rows" for s in SHARES], partial(_drawn, SHARES)),
}
