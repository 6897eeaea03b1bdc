"""Made answers of `/api/recovery` for pages: one lifeline is back, one is partly blind."""

from typing import Any, Final

from tests.testkit.console.page_data import SENTENCES, text

PEOPLE: Final = 32_500
FEED: Final = {
    "parent": "power.feeder-12", "child": "water.pump-02", "saved_minutes": [900.0, 1_300.0],
}  # fmt: skip
Points = list[tuple[int, float, float]]


def of_incident(line: dict[str, Any], now_ms: int) -> dict[str, Any]:
    """From an incident that lasts, acknowledged and dispatched."""
    begins_ms = now_ms - 5_400_000
    shares: dict[str, list[float] | None] = {"arrived": None, "contained": None}
    shares |= {"detected": [0.02, 0.02], "acknowledged": [0.09, 0.31], "dispatched": [0.4, 0.55]}
    moments = {"event": begins_ms, "detected": begins_ms + 90_000}
    moments |= {"acknowledged": begins_ms + 400_000, "dispatched": begins_ms + 2_100_000}
    return _told(begins_ms, now_ms, shares) | {
        "title": line["title"],
        "moments_ms": moments,
        "dependent": [0.31, 0.44],
        "second_feeds": [FEED],
    }


def of_period(now_ms: int) -> dict[str, Any]:
    """Over a day in which two incidents began."""
    taken = [
        {"incident": f"i-{at:016x}", "title": text(*SENTENCES[at]), "lifeline": name}
        | {"lost_minutes": 351_000.0 / (1 + at)}
        for at, name in ((0, "power"), (1, "water"))
    ]
    return _told(now_ms - 86_400_000, now_ms, {}) | {"incidents": taken}


def _told(begins_ms: int, now_ms: int, shares: dict[str, Any]) -> dict[str, Any]:
    fell, back = now_ms - 5_400_000, now_ms - 1_500_000
    power = [(begins_ms, 1.0, 1.0), (fell, 1.0, 1.0), (fell, 0.82, 0.82), (back, 0.82, 0.82)]
    power += [(back, 1.0, 1.0), (now_ms, 1.0, 1.0)]
    water = [(begins_ms, 1.0, 1.0), (fell, 1.0, 1.0), (fell, 0.71, 0.94), (now_ms, 0.71, 0.94)]
    return {
        "as_of_ms": now_ms,
        "begins_ms": begins_ms,
        "ends_ms": now_ms,
        "lifelines": [
            _lifeline("power", power, (351_000.0, 351_000.0), back) | {"before": shares},
            _lifeline("water", water, (165_000.0, 801_000.0), None) | {"before": shares},
        ],
        "unplaced": 3,
        "unlisted": 0,
        "incidents": [],
        "title": {},
        "over": False,
        "moments_ms": {},
        "dependent": None,
        "second_feeds": [],
    }


def _lifeline(
    name: str, curve: Points, lost: tuple[float, float], back_ms: int | None
) -> dict[str, Any]:
    return {
        "lifeline": name,
        "unit": "people",
        "of": PEOPLE,
        "now": curve[-1][1:],
        "lowest": min(curve, key=lambda point: point[1])[1:],
        "lost_minutes": lost,
        "basic_ms": [back_ms, back_ms],
        "restored_ms": [back_ms, back_ms],
        "curve": curve,
    }
