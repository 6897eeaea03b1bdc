"""Incidents and notices as the desk stage tells them, for tests of those who read them."""

from typing import Any, Final

import msgspec

from contracts.desk.incident import Incident
from contracts.desk.notice import Notice

FEEDER = "a-0000000000000001"
LIFT = "a-0000000000000002"
LOSS = "i-0000000000000001"


def _member(alarm: str, asset: str, channel: str, why: dict[str, Any]) -> dict[str, Any]:
    return {
        "alarm": alarm,
        "asset": asset,
        "channel": channel,
        "lifeline": channel.partition(".")[0],
        "colour": "red",
        "worst": "red",
        "state": "active",
        "onset": "2026-03-04T14:00:04+08:00",
        "why": why,
    }


_ROOT: Final[dict[str, Any]] = {
    "asset": "feeder-01",
    "lifeline": "power",
    "kind": "feeder",
    "alarm": FEEDER,
    "hypothesis": {"en": "Feeder 01: breaker tripped.", "zh": "01 线：断路器跳闸。"},
    "weight": 1.0,
}


def situation(**changes: Any) -> dict[str, Any]:
    """Two alarms with a feeder as their root, as plain data."""
    members = [
        _member(FEEDER, "feeder-01", "power.feeder-01.switch", {"how": "first"}),
        _member(
            LIFT,
            "lift-06",
            "elevator.lift-06.car_state",
            {"how": "edge", "by": FEEDER, "edge": "power_lift", "delay_s": 50, "weight": 0.77},
        ),
    ]
    where = dict.fromkeys(("district", "street", "neighbourhood", "grid"), "")
    return {
        "id": LOSS,
        "opened": True,
        "state": "active",
        "colour": "red",
        "worst": "red",
        "raised": [],
        "title": {"en": "Feeder 01: 2 alarms in 2 lifelines", "zh": "01 线：2 条告警"},
        "lifelines": ["elevator", "power"],
        "where": {**where, "lon": None, "lat": None},
        "root": _ROOT,
        "alternatives": [],
        "members": members,
        "counts": {"all": 2, "active": 2},
        "impact": {"people": 1200, "in_30_min": 2500, "in_60_min": 2500, "critical": []},
        "next": [],
        "redundancy": [],
        "onset": "2026-03-04T14:00:04+08:00",
        "detected": "2026-03-04T14:00:10+08:00",
        "life_safety": True,
        **changes,
    }


def ticket(**changes: Any) -> dict[str, Any]:
    """A ticket that nobody has, as plain data."""
    fields = {
        "state": "registered",
        "owner": "",
        "joint": [],
        "acknowledged": False,
        "verdict": "",
        "history": [],
    }
    return {**fields, **changes}


def incident(revision: int = 1, **changes: Any) -> Incident:
    """A revision of an incident; `situation` and `ticket` are plain data."""
    clock = {
        "level": "district",
        "desk": "power-310101",
        "acknowledge_by": "2026-03-04T14:01:10+08:00",
        "escalates_to": "city",
    }
    told = changes.get("situation", situation())
    fields = {
        "id": told["id"],
        "revision": revision,
        "reason": "new",
        "at": "2026-03-04T14:00:10+08:00",
        "situation": told,
        "ticket": ticket(),
        "clocks": [clock],
        "drill": False,
        "config": "made",
    }
    return msgspec.convert({**fields, **changes}, Incident)


def notice(number: int = 0, **changes: Any) -> Notice:
    """What a desk was told of the incident; `withheld` is plain data."""
    fields = {
        "id": f"n-{number:016x}",
        "incident": LOSS,
        "alarm": FEEDER,
        "revision": 1,
        "desk": "power-310101",
        "level": "district",
        "to": ["district power duty"],
        "reason": "new",
        "colour": "red",
        "at": "2026-03-04T14:00:10+08:00",
        "text": {"en": "Red: Feeder 01: 2 alarms.", "zh": "【红色】01 线：2 条告警。"},
    }
    return msgspec.convert({**fields, **changes}, Notice)
