"""A month of a city's alarms, for judging what its desks are told: alarms, not readings.

Drawn from a seed and the rates below, which were laid down before anything was tuned by it, and
stay. What truly happened is known of every alarm. Places and assets are invented.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

import numpy as np

from contracts.alarm import Alarm, OwnedBy, RespondTo, RungBy
from contracts.catalogue import Where
from contracts.civil_time import CITY

MONTH_D: Final = 30
DAY_S: Final = 86_400
NEIGHBOURHOODS: Final = 5  # of a street

# Happenings of an asset in a month of 30 days, [E] where no source is named.
ENTRAPMENTS: Final = 0.0135  # of a lift: 1.0 to 1.7 of 100 lifts, lifelines.md F43
BY_OUTAGE: Final = 0.135  # of those, which come with a feeder's trip instead, F43
LIFT_FAULTS: Final = 0.08  # of a lift, for the maintenance firm
FEEDER_TRIPS: Final = 0.25  # of a feeder
RECLOSED: Final = 0.6  # of those, closed again within seconds
PUMP_TRIPS: Final = 0.3  # of a pump, by itself
DROPOUTS: Final = 1.0  # of a radio mast
BURSTS: Final = 24 / 240  # of a zone: 24 in the city in a mild winter month, F7
SILENCES: Final = 0.001 * MONTH_D  # of a sensor: 0.1 % in a day
CHATTERING: Final = 0.0003 * MONTH_D  # of a sensor: a loose wire, or a limit on the usual value
GAS: Final = 2 / 300  # of a gas point

Rng = np.random.Generator


@dataclass(frozen=True)
class AlarmCity:
    """A city of that size; 3 districts bring about what one desk of each must bear.

    Parameters
    ----------
    seed : int
    days : int
    begins : str
        First civil day.
    districts, streets : int
        Streets of each district.
    feeders, lifts, pumps, masts, zones, gas_points, sensors : int
    """

    seed: int
    days: int = MONTH_D
    begins: str = "2026-03-02"
    districts: int = 3
    streets: int = 4
    feeders: int = 120
    lifts: int = 3_000
    pumps: int = 240
    masts: int = 90
    zones: int = 240
    gas_points: int = 300
    sensors: int = 6_000


class CityAsset(NamedTuple):
    """An asset; `parent` is what feeds or carries it, empty for none."""

    lifeline: str
    asset: str
    kind: str
    where: Where
    people: int
    parent: str

    @property
    def id(self) -> str:
        """As topologies name it."""
        return f"{self.lifeline}.{self.asset}"


class CityEvent(NamedTuple):
    """What truly happened, in seconds since 1970 UTC."""

    kind: str
    asset: str
    begins_s: int
    ends_s: int


class Told(NamedTuple):
    """An alarm revision, and by its number the event behind it."""

    at_s: int
    event: int
    alarm: Alarm


class AlarmMonth(NamedTuple):
    """What was made; `told` in order of time."""

    assets: dict[str, CityAsset]
    events: list[CityEvent]
    told: list[Told]


class Spell(NamedTuple):
    """A time in which one rule of an asset rings.

    Parameters
    ----------
    asset : CityAsset
    what : str
        What rings: a class of the lifeline.
    colours : sequence of (int, str)
        Colours from which times on, the first at the beginning.
    ends_s : int
    """

    asset: CityAsset
    what: str
    colours: tuple[tuple[int, str], ...]
    ends_s: int


Assets = dict[str, list[CityAsset]]  # by kind
Happening = tuple[CityEvent, list[Spell]]
# Number, lifeline, kind of parent and people served of each kind of asset.
KINDS: Final = {
    "feeder": ("power", "", 4_000),
    "lift": ("elevator", "feeder", 60),
    "pump": ("water", "feeder", 900),
    "mast": ("telecom", "feeder", 0),
    "zone": ("water", "pump", 2_500),
    "gas": ("gas", "", 300),
    "sensor": ("water", "mast", 0),
}


# Kinds of dependencies between kinds of assets, as topologies name them.
EDGES: Final = {
    ("feeder", "pump"): "power_pump",
    ("feeder", "lift"): "power_lift",
    ("feeder", "mast"): "power_telecom",
    ("pump", "zone"): "pump_pressure",
    ("mast", "sensor"): "telecom_silence",
}


def make(city: AlarmCity) -> AlarmMonth:
    """The month of a seed, the same to the last record for the same parameters."""
    assets = _assets(city)
    by_kind: Assets = {kind: [] for kind in KINDS}
    for asset in assets.values():
        by_kind[asset.kind].append(asset)
    begins_s = int(datetime.fromisoformat(city.begins).replace(tzinfo=CITY).timestamp())
    events: list[CityEvent] = []
    spells: list[tuple[Spell, int]] = []
    for number, draw in enumerate(DRAWS):
        # Each kind draws from a stream of its own: more of one leaves the others as they are.
        rng = np.random.default_rng([city.seed, number])
        for event, some in draw(rng, by_kind, Month(begins_s, city.days)):
            spells += [(spell, len(events)) for spell in some]
            events.append(event)
    told = [each for spell, event in _apart(spells) for each in _revisions(spell, event)]
    order = sorted(told, key=lambda each: (each.at_s, each.alarm.id, each.alarm.revision))
    return AlarmMonth(assets, events, order)


def _apart(spells: list[tuple[Spell, int]]) -> Iterator[tuple[Spell, int]]:
    """Spells in order; what a channel would ring while it rings already is left out."""
    ends: dict[tuple[str, str], int] = {}
    for spell, event in sorted(spells, key=lambda each: (each[0].colours[0][0], each[1])):
        key = (spell.asset.id, spell.what)
        if spell.colours[0][0] > ends.get(key, 0):
            ends[key] = spell.ends_s
            yield spell, event


class Month(NamedTuple):
    """When it begins, in seconds since 1970 UTC, and how many days it has."""

    begins_s: int
    days: int


def _assets(city: AlarmCity) -> dict[str, CityAsset]:
    counts = {
        "feeder": city.feeders,
        "lift": city.lifts,
        "pump": city.pumps,
        "mast": city.masts,
        "zone": city.zones,
        "gas": city.gas_points,
        "sensor": city.sensors,
    }
    assets: dict[str, CityAsset] = {}
    for kind, (lifeline, parent, people) in KINDS.items():
        for number in range(counts[kind]):
            above = f"{KINDS[parent][0]}.{parent}-{number % counts[parent]}" if parent else ""
            # What hangs on something lies where that does, else anywhere in turn.
            where = assets[above].where if above else _where(city, number)
            asset = CityAsset(lifeline, f"{kind}-{number}", kind, where, people, above)
            assets[asset.id] = asset
    return assets


def _where(city: AlarmCity, number: int) -> Where:
    streets = city.districts * city.streets
    street = number % streets
    district = f"3101{street % city.districts + 1:02}"
    code = f"{district}{street // city.districts + 1:03}"
    return Where(district, code, f"{code}-{number // streets % NEIGHBOURHOODS + 1}", "", None, None)


def _times(
    rng: Rng, assets: list[CityAsset], rate: float, month: Month
) -> Iterator[tuple[CityAsset, int]]:
    """Assets and moments of a Poisson process of so many happenings an asset and month."""
    if not assets:
        return
    count = int(rng.poisson(rate * len(assets) * month.days / MONTH_D))
    moments = np.sort(rng.integers(0, month.days * DAY_S, count)) + month.begins_s
    chosen = rng.integers(0, len(assets), count)
    for number, moment in zip(chosen.tolist(), moments.tolist(), strict=True):
        yield assets[number], moment


def _lasting(rng: Rng, median_s: float, spread: float, least_s: int) -> int:
    """A lognormal length with its median."""
    return max(round(float(rng.lognormal(np.log(median_s), spread))), least_s)


def _feeder_trips(rng: Rng, assets: Assets, month: Month) -> Iterator[Happening]:
    """Most close again at once; others take pumps within 30 s, lifts within 10 s, masts at once."""
    for feeder, at_s in _times(rng, assets["feeder"], FEEDER_TRIPS, month):
        if rng.random() < RECLOSED:
            ends_s = at_s + int(rng.integers(2, 6))
            spells = [Spell(feeder, "feeder_switch", ((at_s, "orange"),), ends_s)]
            yield CityEvent("feeder reclosed", feeder.id, at_s, ends_s), spells
            continue
        ends_s = at_s + _lasting(rng, 2_700, 0.6, 600)
        seen_s = at_s + int(rng.integers(1, 6))
        spells = [Spell(feeder, "feeder_switch", ((seen_s, "orange"),), ends_s)]
        for kind, share, latest_s in (("pump", 0.9, 30), ("lift", 0.5, 10), ("mast", 0.9, 1)):
            for child in assets[kind]:
                if child.parent == feeder.id and rng.random() < share:
                    from_s = at_s + int(rng.integers(0, latest_s + 1))
                    until_s = ends_s + int(rng.integers(0, 120))
                    spells.append(Spell(child, STATES[kind], ((from_s, "yellow"),), until_s))
        lifts = [lift for lift in assets["lift"] if lift.parent == feeder.id]
        # So many that outages make up their share of all entrapments.
        shut_in = ENTRAPMENTS * BY_OUTAGE / (FEEDER_TRIPS * (1 - RECLOSED))
        for lift in lifts:
            if rng.random() < shut_in:
                spells.append(_entrapment(rng, lift, at_s))
        yield CityEvent("feeder trip", feeder.id, at_s, ends_s), spells


def _entrapment(rng: Rng, lift: CityAsset, at_s: int) -> Spell:
    """Orange after 2 to 3 minutes, red after 30; rescue takes a median of 17 minutes, F43."""
    seen_s = at_s + int(rng.integers(120, 181))
    ends_s = at_s + _lasting(rng, 1_020, 0.5, 300)
    colours = ((seen_s, "orange"), (at_s + 1_800, "red"))
    return Spell(lift, "confined", tuple(c for c in colours if c[0] < ends_s), ends_s)


def _entrapments(rng: Rng, assets: Assets, month: Month) -> Iterator[Happening]:
    """Those that no outage makes, half of them from 8 to 10 and from 18 to 20 h."""
    rate = ENTRAPMENTS * (1 - BY_OUTAGE)
    for lift, moment in _times(rng, assets["lift"], rate, month):
        at_s = moment
        if rng.random() < 0.5:
            day_s = (at_s - month.begins_s) // DAY_S * DAY_S + month.begins_s
            at_s = day_s + int(rng.choice([8, 9, 18, 19])) * 3_600 + int(rng.integers(0, 3_600))
        spell = _entrapment(rng, lift, at_s)
        yield CityEvent("entrapment", lift.id, at_s, spell.ends_s), [spell]


def _bursts(rng: Rng, assets: Assets, month: Month) -> Iterator[Happening]:
    """Flow is yellow, after a quarter of an hour orange; pressure follows it."""
    for zone, at_s in _times(rng, assets["zone"], BURSTS, month):
        ends_s = at_s + _lasting(rng, 6 * 3_600, 0.5, 3_600)
        flow = ((at_s, "yellow"), (at_s + 900, "orange"))
        low_s = at_s + int(rng.integers(10, 600))
        yield (
            CityEvent("burst", zone.id, at_s, ends_s),
            [
                Spell(zone, "flow_dma", flow, ends_s),
                Spell(zone, "pressure", ((low_s, "yellow"),), ends_s - 300),
            ],
        )


def _pump_trips(rng: Rng, assets: Assets, month: Month) -> Iterator[Happening]:
    """Pressure of the zones behind it falls after 10 s to 10 min."""
    for pump, at_s in _times(rng, assets["pump"], PUMP_TRIPS, month):
        ends_s = at_s + _lasting(rng, 3_600, 0.7, 900)
        spells = [Spell(pump, "pump_state", ((at_s, "yellow"),), ends_s)]
        for zone in assets["zone"]:
            if zone.parent == pump.id:
                from_s = at_s + int(rng.integers(10, 600))
                spells.append(Spell(zone, "pressure", ((from_s, "yellow"),), ends_s))
        yield CityEvent("pump trip", pump.id, at_s, ends_s), spells


def _chattering(rng: Rng, assets: Assets, month: Month) -> Iterator[Happening]:
    """Rings every 8 to 30 s for 2 to 6 s, for some half an hour."""
    for sensor, at_s in _times(rng, assets["sensor"], CHATTERING, month):
        ends_s, now_s = at_s + _lasting(rng, 1_800, 0.5, 120), at_s
        spells: list[Spell] = []
        while now_s < ends_s:
            until_s = now_s + int(rng.integers(2, 7))
            spells.append(Spell(sensor, "pressure", ((now_s, "yellow"),), until_s))
            now_s = until_s + int(rng.integers(6, 25))
        yield CityEvent("chattering", sensor.id, at_s, ends_s), spells


def _gas(rng: Rng, assets: Assets, month: Month) -> Iterator[Happening]:
    """Yellow, red from 20 %LEL on: about life safety."""
    for point, at_s in _times(rng, assets["gas"], GAS, month):
        ends_s = at_s + _lasting(rng, 3_600, 0.4, 1_800)
        colours = ((at_s, "yellow"), (at_s + int(rng.integers(60, 900)), "red"))
        yield (
            CityEvent("gas", point.id, at_s, ends_s),
            [Spell(point, "methane", colours, ends_s)],
        )


def _plain(kind: str, rate: float, spell: tuple[str, str, float, float]) -> "Draw":
    """Happenings of one alarm each: what rings, its colour, and its median length and spread."""
    what, colour, median_s, spread = spell

    def draw(rng: Rng, assets: Assets, month: Month) -> Iterator[Happening]:
        for asset, at_s in _times(rng, assets[kind], rate, month):
            ends_s = at_s + _lasting(rng, median_s, spread, 60)
            event = CityEvent(what, asset.id, at_s, ends_s)
            yield event, [Spell(asset, what, ((at_s, colour),), ends_s)]

    return draw


Draw = Callable[[Rng, Assets, Month], Iterator[Happening]]
# In this order for good: a kind's place is part of its seed.
DRAWS: Final[tuple[Draw, ...]] = (
    _feeder_trips,
    _entrapments,
    _bursts,
    _pump_trips,
    _chattering,
    _gas,
    _plain("lift", LIFT_FAULTS, ("door_time", "blue", 6 * 3_600, 0.8)),
    _plain("mast", DROPOUTS, ("observability", "yellow", 480, 1.0)),
    _plain("sensor", SILENCES, ("silent", "blue", 20 * 3_600, 0.8)),
)
# The class of each kind's state, and classes by other rules than `limit`.
STATES: Final = {"pump": "pump_state", "lift": "car_state", "mast": "mast_state"}
RULES: Final = {
    "feeder_switch": "sequence",
    "pump_state": "sequence",
    "car_state": "sequence",
    "mast_state": "sequence",
    "silent": "silent",
    "observability": "observability",
}
LIFE_SAFETY: Final = frozenset({"car_state", "methane"})  # as the shipped classes say
WORDS: Final = {
    "feeder_switch": ("breaker tripped", "断路器跳闸"),
    "pump_state": ("pump stopped", "水泵停运"),
    "car_state": ("lift without power", "电梯失电"),
    "mast_state": ("mains lost, on battery", "市电中断，转电池供电"),
    "confined": ("somebody is shut in", "有人被困"),
    "flow_dma": ("flow too high", "流量越上限"),
    "pressure": ("pressure too low", "压力越下限"),
    "methane": ("methane too high", "甲烷浓度越上限"),
    "door_time": ("door takes too long", "开关门时间过长"),
    "observability": ("its sensors are silent", "所属测点无数据"),
    "silent": ("no data", "无数据"),
}


def _revisions(spell: Spell, event: int) -> Iterator[Told]:
    """An alarm from its first colour to its end, one revision a colour."""
    was = "clear"
    steps = [*spell.colours, (spell.ends_s, "clear")]
    for revision, (at_s, colour) in enumerate(steps, 1):
        yield Told(at_s, event, _alarm(spell, revision, (at_s, colour, was)))
        was = colour


def _alarm(spell: Spell, revision: int, step: tuple[int, str, str]) -> Alarm:
    at_s, colour, was = step
    onset_s, asset = spell.colours[0][0], spell.asset
    channel = f"{asset.id}.{spell.what}"
    digest = hashlib.blake2b(f"{channel} {onset_s}".encode(), digest_size=8).hexdigest()
    en, zh = WORDS[spell.what]
    return Alarm(
        id=f"a-{digest}",
        revision=revision,
        state="cleared" if colour == "clear" else "active",
        colour=colour,
        was=was,
        lifeline=asset.lifeline,
        channel=channel,
        group=asset.id,
        onset=_text(onset_s),
        detected=_text(at_s),
        say={"en": f"{asset.asset}: {en}", "zh": f"{asset.asset}：{zh}"},
        observed=None,
        expected=None,
        band=None,
        unit="",
        next=None,
        where=asset.where,
        criticality="normal",
        evidence=[],
        cause="made",
        consequence="made",
        respond=RespondTo("M-1", ["made"]),
        owner=OwnedBy("district", "made", _text(at_s + 900), "city"),
        rule=RungBy(RULES.get(spell.what, "limit"), "made", "[E] made", ""),
        asset=asset.asset,
        class_name=f"{asset.lifeline}.{spell.what}",
        life_safety=spell.what in LIFE_SAFETY,
    )


def _text(time_s: int) -> str:
    return datetime.fromtimestamp(time_s, CITY).isoformat()
