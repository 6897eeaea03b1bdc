"""A made city for the console's pages: lifelines, districts, incidents, records of one of them."""

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

NOW_MS: Final = 1_772_323_200_000
ZONE: Final = timezone(timedelta(hours=8))
COLOURS: Final = ("red", "orange", "yellow", "blue")
FILE: Final = "water/pressure.yaml"
LIFELINES: Final = (
    ("power", "Power", "电力"),
    ("water", "Water supply", "供水"),
    ("gas", "Gas", "燃气"),
    ("heating", "Heating", "供热"),
    ("sewage", "Sewage", "排水"),
    ("flood", "Flood", "防汛"),
    ("metro", "Metro", "地铁"),
    ("road", "Roads", "道路"),
    ("bridge", "Bridges", "桥梁"),
    ("tunnel", "Tunnels", "隧道"),
    ("elevator", "Lifts", "电梯"),
    ("pit", "Pits", "基坑"),
    ("subsidence", "Subsidence", "地面沉降"),
    ("telecom", "Telecom", "通信"),
    ("fire", "Fire water", "消防供水"),
    ("crowd", "Crowds", "人群"),
    ("air", "Air", "空气"),
)
DISTRICTS: Final = tuple(
    (f"3101{number:02d}", english, chinese)
    for number, english, chinese in [
        (1, "Old Town", "老城区"),
        (4, "West Lake", "西湖区"),
        (5, "Long Gate", "长宁区"),
        (6, "Still Peace", "静安区"),
        (7, "Broad Water", "普陀区"),
        (9, "Rainbow Port", "虹口区"),
        (10, "Poplar Shore", "杨浦区"),
        (12, "Cloud Bank", "闵行区"),
        (13, "Treasure Hill", "宝山区"),
        (14, "Good Harvest", "嘉定区"),
        (15, "East Shore", "浦东新区"),
        (16, "Gold Hill", "金山区"),
        (17, "Pine River", "松江区"),
        (18, "Green Bay", "青浦区"),
        (20, "Wise Sage", "奉贤区"),
        (51, "River Isle", "崇明区"),
    ]
)
DESKS: Final = (
    ("city", "City operations", "市运行中心"),
    ("water-310101", "Old Town water bureau", "老城区水务局"),
)
SENTENCES: Final = (
    ("Feeder F-12 has lost its supply", "12 号馈线失电"),
    ("Pressure of zone 0401 is far below normal", "0401 分区水压远低于正常"),
    ("Gas smells in the pipe gallery of Bridge Street", "桥街道管廊检出燃气"),
    ("Water stands on the underpass of Garden Street", "园街道下穿通道积水"),
)


def text(english: str, chinese: str) -> dict[str, str]:
    """Return both languages as the records have them."""
    return {"en": english, "zh": chinese}


def rfc3339(ms: int) -> str:
    """Return a time of the city as records write it."""
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(ZONE).isoformat()


def line(number: int, now_ms: int) -> dict[str, Any]:
    """Return one incident as a list shows it; the first ones are the most urgent."""
    colour = COLOURS[min(3, number % 10 // 2)] if number > 2 else "red"
    english, chinese = SENTENCES[number % len(SENTENCES)]
    acknowledged = number % 3 == 1
    return {
        "id": f"i-{number:016x}",
        "revision": 3,
        "colour": colour,
        "state": "active",
        "ticket_state": "verified" if acknowledged else "registered",
        "owner": "wang.fang" if acknowledged else "",
        "joint": [],
        "acknowledged": acknowledged,
        "acknowledged_by": "wang.fang" if acknowledged else "",
        "district": DISTRICTS[number % len(DISTRICTS)][0],
        "lifelines": [LIFELINES[number % len(LIFELINES)][0]],
        "title": text(english, chinese),
        "people": 120 * (number % 97),
        "alarms": 1 + number % 7,
        "life_safety": number % 11 == 0,
        "drill": number % 13 == 6,
        "shelved": number % 17 == 8,
        "onset_ms": now_ms - 60_000 * (1 + number),
        "told_ms": now_ms - 50_000 * (1 + number),
        "due_ms": now_ms + 90_000 + 45_000 * number,
        "due_for": "verified" if acknowledged else "acknowledge",
        "overdue": False,
    }


def cell(at: int, open_lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what the matrix shows of one lifeline in one district."""
    lifeline = LIFELINES[at // len(DISTRICTS)][0]
    district = DISTRICTS[at % len(DISTRICTS)][0]
    here = [
        one for one in open_lines if lifeline in one["lifelines"] and one["district"] == district
    ]
    worst = min((one["colour"] for one in here), key=COLOURS.index, default=None)
    return {
        "lifeline": lifeline,
        "district": district,
        "colour": worst,
        "open": len(here),
        "unacknowledged": sum(not one["acknowledged"] for one in here),
        "usual_a_day": None if at % 23 == 5 else 2.0 + at % 5,
        "today": at * 7 % 9 + 3 * len(here),
    }


def city(open_lines: list[dict[str, Any]], now_ms: int) -> dict[str, Any]:
    """Return the answer of `/api/city`."""
    return {
        "as_of_ms": now_ms,
        "cursor": "1.1",
        "lifelines": [
            {"name": name, "title": text(en, zh), "watched": 1 - 0.013 * (at % 4), "channels": 700}
            for at, (name, en, zh) in enumerate(LIFELINES)
        ],
        "districts": [
            {"name": name, "title": text(en, zh), "outline": [outline(at)]}
            for at, (name, en, zh) in enumerate(DISTRICTS)
        ],
        "cells": [cell(at, open_lines) for at in range(len(LIFELINES) * len(DISTRICTS))],
        "desks": [
            {
                "name": name,
                "title": text(en, zh),
                "watched": 0.987,
                "blind": 0,
                "notices_10min": 3,
                "budget": 1,
                "flood": False,
                "on_duty": ["li.wei", "zhao.min"],
            }
            for name, en, zh in DESKS
        ],
        "colours": {c: sum(one["colour"] == c for one in open_lines) for c in COLOURS},
        "drill": False,
    }


def outline(at: int) -> list[list[float]]:
    """Return a district as a hexagon of a grid of four by four."""
    lon, lat = 121.3 + 0.1 * (at % 4), 31.1 + 0.08 * (at // 4)
    return [
        [lon + 0.048 * math.cos(turn * math.pi / 3), lat + 0.042 * math.sin(turn * math.pi / 3)]
        for turn in range(6)
    ]


def assets(open_lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the answer of `/api/assets`: 60 assets, some of which ring, fed one by the next."""
    found = []
    for at in range(60):
        rings = open_lines[at % 12 // 2] if at % 12 == 0 and at // 12 < len(open_lines) else None
        found.append(
            {
                "id": f"power.feeder-{at:02d}",
                "lifeline": "power",
                "title": text(f"Feeder {at}", f"{at} 号馈线"),
                "lon": 121.28 + 0.4 * (at * 37 % 60) / 60,
                "lat": 31.06 + 0.32 * (at * at * 7 % 61) / 60,
                "colour": rings["colour"] if rings else None,
                "incident": rings["id"] if rings else None,
                "drill": bool(rings and rings["drill"]),
            }
        )
    return {
        "assets": found,
        "feeds": [[found[at]["id"], found[at + 1]["id"]] for at in range(0, 58, 3)],
    }


def alarm(number: int, now_ms: int) -> dict[str, Any]:
    """Return the record of an alarm."""
    english, chinese = SENTENCES[number % len(SENTENCES)]
    return {
        "id": f"a-{number:016x}",
        "revision": 2,
        "state": "active",
        "colour": COLOURS[number % 4],
        "lifeline": "power" if number == 0 else "water",
        "channel": f"water.dma-04{number:02d}.pressure",
        "onset": rfc3339(now_ms - 600_000 + 9_000 * number),
        "detected": rfc3339(now_ms - 570_000 + 9_000 * number),
        "say": text(english, chinese),
        "observed": 0.11 + 0.01 * number,
        "expected": 0.32,
        "band": [0.28, 0.36],
        "unit": "MPa",
        "cause": "burst main",
        "respond": {"procedure": "W-07", "first": ["Isolate the main", "Call the pump house"]},
        "rule": {"name": "pressure.limit", "at": "water/pressure.yaml:7", "source": "GB 50282"},
    }


def members(alarms: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return six alarms as members of an incident: the first explains three, the third two."""
    first = {"how": "first"}
    explained = [
        {"how": "edge", "by": alarms[0 if at < 4 else 2]["id"], "edge": "supplies", "hops": 1}
        | {"delay_s": 9 * at, "weight": 0.9 - 0.06 * at}
        for at in range(1, 6)
    ]
    shared = ("lifeline", "channel", "colour", "state", "onset")
    return [
        {name: one[name] for name in shared}
        | {"alarm": one["id"], "asset": f"{one['lifeline']}.dma-04{at:02d}", "why": why}
        for at, (one, why) in enumerate(zip(alarms, [first, *explained], strict=True))
    ]


def cause(asset: str, alarm_id: str, hypothesis: dict[str, str], weight: float) -> dict[str, Any]:
    """Return a candidate for what lies behind an incident."""
    lifeline, _, name = asset.partition(".")
    found = {"asset": asset, "lifeline": lifeline, "kind": name.partition("-")[0]}
    return found | {"alarm": alarm_id, "hypothesis": hypothesis, "weight": weight}


def situation(of: dict[str, Any], now_ms: int) -> dict[str, Any]:
    """Return what the alarms say of one cause."""
    belong = members([alarm(at, now_ms) for at in range(6)])
    tripped = text("Feeder F-12 has tripped", "12 号馈线跳闸")
    stopped = text("Pump 2 has stopped", "2 号泵停机")
    loss = {"asset": "telecom.cell-01", "lifeline": "telecom", "edge": "feeds"}
    loss |= {"earliest": rfc3339(now_ms + 900_000), "latest": rfc3339(now_ms + 2_700_000)}
    return {
        "colour": of["colour"],
        "raised": ["linked lifelines"],
        "root": cause(belong[0]["asset"], belong[0]["alarm"], tripped, 0.72),
        "alternatives": [cause("water.pump-02", "", stopped, 0.18)],
        "members": belong,
        "impact": {
            "people": 8_400,
            "in_30_min": 9_900,
            "in_60_min": 12_600,
            "critical": ["power.hospital-1"],
        },
        "next": [loss | {"probability": 0.64, "people": 3_100}],
        "where": {"district": of["district"], "street": "Bridge Street", "neighbourhood": ""},
    }


def incident(of: dict[str, Any], now_ms: int, history: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the record of an incident with six members."""
    ticket = {"state": of["ticket_state"], "owner": of["owner"], "joint": [], "history": history}
    clocks = [
        {"level": level, "desk": desk, "acknowledge_by": rfc3339(now_ms + 60_000 * minutes)}
        | {"escalates_to": "city"}
        for level, desk, minutes in [("city", "city", 1), ("district", "water-310101", 5)]
    ]
    record = {"id": of["id"], "revision": of["revision"], "situation": situation(of, now_ms)}
    return record | {"ticket": ticket, "clocks": clocks}


def timeline(incident_id: str, now_ms: int) -> list[dict[str, Any]]:
    """Return what has happened to an incident so far."""
    names = ("at_ms", "kind", "id", "what", "who", "detail")
    return [
        dict(zip(names, row, strict=True))
        for row in [
            (now_ms - 600_000, "alarm", "a-0", "active", "", "red"),
            (now_ms - 599_000, "incident", incident_id, "new", "", "red"),
            (now_ms - 598_000, "notice", "n-0", "new", "water-310101", "budget"),
        ]
    ]


def readings(now_ms: int, minutes: int) -> dict[str, Any]:
    """Return the answer of `/api/readings`: they fall below their limits; three were refused."""
    begin_ms = now_ms - 60_000 * minutes
    times = [begin_ms + 250 * minutes * at for at in range(240)]
    values = [
        0.32 + 0.01 * math.sin(at / 17) - (0.2 * min(1.0, (at - 200) / 6) if at > 200 else 0.0)
        for at in range(240)
    ]
    refused = [(150, 0.27, "too_fast"), (170, None, "undecodable"), (171, 0.355, "too_fast")]
    limits = [("yellow", 0.28, 7), ("orange", 0.2, 8), ("red", 0.1, 9)]
    return {
        "begin_ms": begin_ms,
        "end_ms": now_ms,
        "from_ms": times[0],
        "until_ms": times[-1],
        "times_ms": times,
        "values": values,
        "refused": [
            {"time_ms": times[at] + 1_000, "value": value, "reason": reason}
            for at, value, reason in refused
        ],
        "cut": False,
        "looks": 120 if minutes > 10_080 else 0,
        "log_begins_ms": times[0] if minutes > 43_200 else None,
        "unit": "MPa",
        "thresholds": [
            {"side": "low", "colour": colour, "value": value, "file": FILE, "line": line}
            for colour, value, line in limits
        ],
    }


def channel(name: str, now_ms: int) -> dict[str, Any]:
    """Return the answer of `/api/channels`."""
    return {
        "channel": name,
        "lifeline": "water",
        "class": "water.pressure",
        "asset": name.removeprefix("water.").removesuffix(".pressure"),
        "district": "310101",
        "place": "Bridge Street",
        "unit": "MPa",
        "lon": 121.47,
        "lat": 31.23,
        "tags": {"pipe": "DN600"},
        "beside": ["water.dma-0401.flow", "water.dma-0401.noise"],
        "alarms": [
            {"id": f"a-{at:016x}", "revision": 2, "record": alarm(at, now_ms)} for at in range(2)
        ],
        "shelving": None,
        "rules": [
            {
                "name": "pressure.limit",
                "kind": "limit",
                "text": "below 0.28 MPa for 60 s",
                "file": FILE,
                "line": 7,
            }
        ],
    }


def act(at: int, now_ms: int) -> dict[str, Any]:
    """Return one line of the audit; the fifth was refused."""
    refused = at == 4
    return {
        "logged_ms": now_ms - 40_000 * at,
        "lane": "desk",
        "kind": ("acknowledge", "assign", "shelve")[at % 3],
        "target": f"i-{at:016x}",
        "by": ("li.wei", "wang.fang")[at % 2],
        "role": "operator",
        "reason": "",
        "signed_by": "console",
        "refused": refused,
        "refused_for": "not_permitted" if refused else "",
    }


def order(name: str, begins_ms: int, ends_ms: int) -> dict[str, Any]:
    """Return a work order as the list has it."""
    return {
        "order": name,
        "assets": "water.dma-0401, water.dma-0402",
        "area": "",
        "begins_ms": begins_ms,
        "ends_ms": ends_ms,
        "by": "li.wei",
        "role": "operator",
        "reason": "new gauge",
        "logged_ms": begins_ms,
    }


def desk(at: int, now_ms: int) -> dict[str, Any]:
    """Return one line of the list of desks."""
    return {
        "desk": DESKS[at][0],
        "notices_10min": 3,
        "budget": 1,
        "flood": False,
        "watched": 0.987,
        "blind": at % 2,
        "on_duty": ["li.wei", "zhao.min"],
        "said": text("Watching 98.7 % of 1,000 channels.", "监测在线率 98.7 %。"),
        "heard_ms": now_ms - 900_000,
    }


def rows(now_ms: int) -> dict[str, list[dict[str, Any]]]:
    """Return what each of the lists holds."""
    return {
        "shelvings": [
            {
                "channel": "water.dma-0401.pressure",
                "lifeline": "water",
                "since_ms": now_ms - 900_000,
                "until_ms": now_ms + 2_700_000,
                "by": "li.wei",
                "role": "duty-officer",
                "reason": "flushing, order 7731",
            }
        ],
        "withheld": [
            {
                "id": f"n-{at:016x}",
                "incident": f"i-{at:016x}",
                "desk": "water-310101",
                "reason": "new",
                "colour": COLOURS[2 + at % 2],
                "at_ms": now_ms - 70_000 * at,
                "withheld_by": ("budget", "inhibited", "chattering")[at % 3],
                "withheld_detail": "1 in 10 min",
                "drill": False,
            }
            for at in range(8)
        ],
        "audit": [act(at, now_ms) for at in range(12)],
        "desks": [desk(at, now_ms) for at in range(len(DESKS))],
        "orders": [order("w-7731", now_ms - 3_600_000, now_ms + 7_200_000)],
    }
