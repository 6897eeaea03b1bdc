"""Alarm revisions made for tests of what people answer."""

from typing import Any

from contracts.alarm import Alarm, OwnedBy, RespondTo, RungBy
from contracts.catalogue import Where
from contracts.civil_time import CITY

ZONE = CITY
START_S = 1_772_323_200
WATER = "water.dma-1.pressure"
GAS = "gas.tunnel-1.methane"


def revision(number: int, state: str = "active", colour: str = "yellow", **changes: Any) -> Alarm:
    """Revision of an alarm; another `id` is another occurrence."""
    fields: dict[str, Any] = {
        "id": "a-0000000000000001",
        "revision": number,
        "state": state,
        "colour": "clear" if state == "cleared" else colour,
        "was": "clear",
        "lifeline": "water",
        "channel": WATER,
        "group": "dma-1",
        "onset": "2026-03-01T08:00:00+08:00",
        "detected": "2026-03-01T08:00:00+08:00",
        "say": {"en": "Low.", "zh": "低。"},
        "observed": 0.1,
        "expected": None,
        "band": None,
        "unit": "MPa",
        "next": None,
        "where": Where("Pudong", "", "", "", None, None),
        "criticality": "",
        "evidence": [],
        "cause": "a burst",
        "consequence": "no water",
        "respond": RespondTo("WS-2", ["look"]),
        "owner": OwnedBy("district", "officer", "2026-03-01T08:15:00+08:00", "city"),
        "rule": RungBy("limit", "water/pressure.yaml:7", "handbook", "0" * 16),
        "asset": "dma-1",
        "class_name": "water.pressure",
    }
    return Alarm(**(fields | changes))
