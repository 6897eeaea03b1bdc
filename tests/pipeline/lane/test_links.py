"""A district that goes dark in a lane is one alarm of its link, whatever happens to the lane."""

from collections import Counter, defaultdict
from functools import cache
from itertools import product
from pathlib import Path as Folder
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alarms.book import AlarmBook, Desk
from configuration.lane_plan import Plan, plan_of
from contracts.civil_time import CITY
from contracts.journal import Change, Shelve, Swap
from contracts.ports.lane_parts import OffsetRange
from contracts.records import Records
from contracts.transition import LINK_SLOT, TRANSITION
from pipeline.lane.accounting import hearing_of
from pipeline.lane.lane import Lane
from tests.laws import LAWS
from tests.laws.journals import journals
from tests.laws.outcome import run
from tests.laws.path import HEAD, Path, ticks
from tests.testkit.city import DUTY
from tests.testkit.config_folder import loaded
from tests.testkit.streams import BEGAN_MS, LATENCY_MS, Reading, Sent, Stream, records

pytestmark = pytest.mark.slow

GROUP = "water.tank-0"  # whose lane the paths of the laws run
CELL, SMALL_CELL = "telecom.cell-1", "telecom.cell-2"
MANY = [f"{GROUP}.c{number:02d}" for number in range(40)]
FEW = [f"{GROUP}.d{number}" for number in range(3)]
ALONE = [f"{GROUP}.e{number}" for number in range(2)]
DUTIES = "  duty:\n" + DUTY
SILENT = "silent:\n  after: 3 periods\n" + DUTIES.replace("{observed} {unit}", "{lasted}")
LIMIT = "limit:\n  high: {yellow: 8.0}\n" + DUTIES
LIFELINES = "lifelines: {water: {partitions: 2}}\n"
DARK = 3  # the first record of the night


@cache
def plan(link: str = CELL, *, life_safety: bool = False) -> Plan:
    """Forty channels behind a cell, three behind another, and two that speak for themselves."""
    rows = [
        *((channel, "310101002", link) for channel in MANY),
        *((channel, "310101003", SMALL_CELL) for channel in FEW),
        *((channel, "310101004", "") for channel in ALONE),
    ]
    table = "id,class,asset,group,district,street,link\n" + "".join(
        f"{channel},water.level,{channel.rsplit('.', 1)[1]},{GROUP},310101,{street},{by}\n"
        for channel, street, by in rows
    )
    head = HEAD.replace("unit:", f"life_safety: {str(life_safety).lower()}\nunit:")
    files: dict[str, str | bytes] = {
        "tocsin.yaml": f'kafka: {{bootstrap: "localhost:9092"}}\n{LIFELINES}',
        "water/level.yaml": head + SILENT + LIMIT,
        "water/catalogue.csv": table,
        "water/pressure.yaml": (head + SILENT).replace("water.level", "water.pressure"),
    }
    with TemporaryDirectory() as name:
        return plan_of(loaded(Folder(name), files), "water")


def night() -> Records:
    """All channels fall silent but one; then all come back but one, in two halves, and the last."""
    evening = [(at_s, [*MANY, *FEW, *ALONE]) for at_s in (0, 10, 20)]
    dark = [(at_s, ALONE[:1]) for at_s in range(40, 300, 20)]
    half = [(at_s, [*MANY[:20], *ALONE]) for at_s in (300, 310)]
    rest = [(at_s, [*MANY[:-1], *FEW, *ALONE]) for at_s in (320, 340, 360)]
    morning = [(at_s, [*MANY, *FEW, *ALONE]) for at_s in (370, 390)]
    sent = []
    for at_s, heard in (*evening, *dark, *half, *rest, *morning):
        time_ms, value = BEGAN_MS + 1000 * at_s, 9.0 if at_s == 20 else 5.0
        readings = tuple(Reading(channel, time_ms, value) for channel in heard)
        sent.append(Sent(time_ms + LATENCY_MS, readings))
    return records(sent)


def shelved(path: Path, some: Records) -> list[tuple[int, Change]]:
    """Channels of the cell are shelved before, and while it is dark."""
    why = ("tester", "drill")
    return [
        (1, Shelve(MANY[0], *why, 600)),
        (DARK + 6, Shelve(MANY[1], *why, 60)),
        *ticks(path, some)[-2:],
    ]


def swapped(path: Path, some: Records) -> list[tuple[int, Change]]:
    """The channels get another link while the first is dark, and the first again."""
    first, other = [plan.configuration.hash for plan in path.plans]
    return [(DARK + 4, Swap(other)), (DARK + 7, Swap(first)), *ticks(path, some)[-2:]]


RINGS = frozenset({"silent", "observability"})
PATHS = {
    "plain": Path("links", (plan(),), RINGS),
    "ticks": Path("links and ticks", (plan(),), RINGS, ticks),
    "shelved": Path("links and shelvings", (plan(),), RINGS, shelved),
    "swapped": Path("links and swaps", (plan(), plan("telecom.cell-9")), RINGS, swapped),
}


@pytest.mark.parametrize(
    ("law", "name"), [*product(("Cut", "Restore"), PATHS), ("Clock", "swapped")]
)
def test_the_laws_hold_for_links(law: str, name: str) -> None:
    way = PATHS[name]
    LAWS[law](way, way.over(night()))


@given(st.data())
@settings(
    max_examples=3, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
def test_links_keep_the_law_of_restoring_under_any_journal(data: st.DataObject) -> None:
    way = Path("links", (plan(), plan("telecom.cell-9")), frozenset({"silent"}))
    some = night()
    LAWS["Restore"](way, Stream(some, data.draw(journals(way, some))))


def alarms(path: Path) -> list[dict[str, Any]]:
    return run(path, path.over(night())).alarms


def of_link(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [alarm for alarm in found if alarm["rule"]["name"] == "observability"]


def test_forty_channels_of_one_cell_are_one_alarm_with_counts_and_the_blind_area() -> None:
    rung, over = of_link(alarms(PATHS["plain"]))
    assert (rung["channel"], rung["lifeline"], rung["asset"]) == (CELL, "telecom", "cell-1")
    assert (rung["state"], rung["colour"], rung["revision"]) == ("active", "orange", 1)
    assert (rung["observed"], rung["expected"], rung["unit"]) == (0, 40, "channels")
    assert rung["where"]["street"] == "310101002"
    assert rung["where"]["district"] == "310101"
    assert rung["say"]["en"] == (
        "telecom.cell-1: 40 of its 40 water channels fell silent within 3 min; "
        "blind: street 310101002. Probably the link or its power."
    )
    assert "供水" in rung["say"]["zh"]
    (evidence,) = rung["evidence"]
    assert evidence["last"] > 0
    assert over["id"] == rung["id"]
    assert (over["state"], over["revision"], over["was"]) == ("cleared", 2, "orange")
    assert over["observed"] == 35  # the first reading below 15 % of silent ones


def test_channels_of_the_cell_say_nothing_until_it_is_back_and_then_who_is_still_silent() -> None:
    found = alarms(PATHS["plain"])
    silent = Counter(a["channel"] for a in found if a["rule"]["name"] == "silent")
    # Rung and cleared: who speaks for itself, the three of the other cell, and the last of forty.
    assert silent == dict.fromkeys([ALONE[1], *FEW, MANY[-1]], 2)
    (last,) = [
        alarm
        for alarm in found
        if (alarm["channel"], alarm["rule"]["name"]) == (MANY[-1], "silent")
        and alarm["state"] == "active"
    ]
    (over,) = [a for a in of_link(found) if a["state"] == "cleared"]
    assert last["detected"] > over["detected"]
    assert last["onset"] == over["onset"]  # it has been silent since the night began


def test_channels_behind_the_dark_cell_count_as_blind_and_others_as_silent() -> None:
    lane = Lane(plan().name(0), plan().parts(PATHS["plain"].number), lambda _: plan().parts(0))
    way = night()
    lane.feed(way.cut(0, DARK))
    everyone = len(MANY) + len(FEW) + len(ALONE)
    assert hearing_of(lane.parts) == {"310101": (everyone, 0, 0)}
    lane.feed(way.cut(DARK, DARK + 13))  # until the first half comes back
    silent = len(FEW) + len(ALONE) - 1
    assert hearing_of(lane.parts) == {"310101": (1, silent, len(MANY))}
    lane.feed(way.cut(DARK + 13, len(way)))
    assert hearing_of(lane.parts) == {"310101": (everyone, 0, 0)}


def test_other_alarms_keep_their_last_state_while_the_cell_is_dark() -> None:
    found = alarms(PATHS["plain"])
    limits = defaultdict(list)
    for alarm in found:
        if alarm["rule"]["name"] == "limit" and alarm["channel"] in MANY[:20]:
            limits[alarm["channel"]].append((alarm["state"], alarm["detected"]))
    opened = next(a["detected"] for a in of_link(found))
    assert len(limits) == 20
    for revisions in limits.values():
        (active, began), (cleared, ended) = revisions
        assert (active, cleared) == ("active", "cleared")
        assert began < opened < ended


def test_channels_on_which_lives_depend_ring_one_by_one() -> None:
    path = Path("lives", (plan(life_safety=True),), frozenset({"silent"}))
    found = alarms(path)
    assert not of_link(found)
    assert {a["channel"] for a in found if a["rule"]["name"] == "silent"} >= set(MANY)


def test_an_alarm_of_a_link_ends_when_the_catalogue_names_it_no_more() -> None:
    path = PATHS["swapped"]
    first = next(a for a in alarms(path) if a["channel"] == CELL)
    (ended,) = [a for a in alarms(path) if a["id"] == first["id"] and a["state"] == "cleared"]
    assert ended["say"]["en"] == (
        "telecom.cell-1: cleared (observability): the configuration in force does not ring for it."
    )


def test_the_same_link_in_two_lanes_has_two_alarms() -> None:
    change = np.zeros(1, TRANSITION)[0]
    change["rule"], change["now"], change["observed"], change["expected"] = LINK_SLOT, 3, 10, 40
    catalogue, ids = plan().parts(PATHS["plain"].number).catalogue, set()
    for lane in range(2):
        desk = Desk("water", "tocsin.telemetry.water", lane, "3f2a91c", CITY)
        book = AlarmBook(desk, [], np.empty(0, np.int32), catalogue)
        ids.add(book.emit(change, OffsetRange(0, 1)).key)
        assert [alarm.channel for alarm in book.open_alarms] == [CELL]
    assert len(ids) == 2
