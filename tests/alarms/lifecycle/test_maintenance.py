"""Work orders cover assets for their time, and never what lives hang on."""

from typing import Any

import msgspec
import pytest

from alarms.lifecycle import maintenance
from alarms.lifecycle.maintenance import AHEAD_S_MAX, LENGTH_S_MAX, WorkOrders
from contracts.alarm import Alarm
from contracts.catalogue import Where
from contracts.commands.concern import Concern
from contracts.desk.commands import Maintenance
from tests.alarms.lifecycle.made import START_S, revision


def order(name: str = "w-1", begins_s: int = 60, ends_s: int = 120, *assets: str) -> Maintenance:
    return Maintenance(
        by="li.wei",
        reason="new gauge",
        order=name,
        assets=list(assets) or ["water.dma-1"],
        begins=(START_S + begins_s) * 1000,
        ends=(START_S + ends_s) * 1000,
    )


def rings(asset: str = "dma-1", **more: Any) -> Alarm:
    return revision(1, asset=asset, **more)


class Bench:
    def __init__(self) -> None:
        self.orders = WorkOrders()

    def give(self, command: Maintenance, at_s: int = 0) -> str:
        if (ground := self.orders.ground(command, START_S + at_s)) is not None:
            assert ground[1].startswith("expected ")
            return ground[0]
        self.orders.take(command, START_S + at_s)
        return "done"

    def covers(self, at_s: int, alarm: Alarm | None = None) -> str:
        found = self.orders.covering(alarm or rings(), START_S + at_s)
        return "" if found is None else found.name


def test_it_holds_from_its_beginning_up_to_its_end() -> None:
    bench = Bench()
    assert bench.give(order()) == "done"
    assert [bench.covers(at_s) for at_s in (59, 60, 119, 120)] == ["", "w-1", "w-1", ""]
    assert bench.covers(60, rings("dma-2")) == ""
    assert bench.covers(60, rings(lifeline="power")) == ""  # an asset of the same name


def test_an_order_for_an_area_covers_only_what_lies_there() -> None:
    bench = Bench()
    bench.give(msgspec.structs.replace(order(), area="Pudong"))
    elsewhere = Where("Xuhui", "", "", "", None, None)
    assert bench.covers(60) == "w-1"
    assert bench.covers(60, rings(where=elsewhere)) == ""
    restored = WorkOrders()
    restored.restore(msgspec.json.decode(msgspec.json.encode(bench.orders.state())))
    bench.orders = restored
    assert bench.covers(60) == "w-1"
    assert bench.covers(60, rings(where=elsewhere)) == ""


def test_an_order_concerns_what_it_would_change_too() -> None:
    orders = WorkOrders()
    in_area = msgspec.structs.replace(order(), area="Pudong")
    assert orders.concern(in_area) == Concern(frozenset({"water"}), frozenset({"Pudong"}))
    assert orders.concern(order()) == Concern(frozenset({"water"}))
    orders.take(msgspec.structs.replace(in_area, area="Xuhui"), START_S)
    assert orders.concern(in_area) == Concern(frozenset({"water"}))
    power = msgspec.structs.replace(in_area, assets=["power.f1"], area="Xuhui")
    assert orders.concern(power) == Concern(areas=frozenset({"Xuhui"}))


def test_what_lives_hang_on_is_never_covered() -> None:
    bench = Bench()
    bench.give(order())
    assert bench.covers(60, rings(life_safety=True)) == ""


def test_of_several_orders_the_one_that_ends_last_is_told() -> None:
    bench = Bench()
    bench.give(order("w-2", 0, 300))
    bench.give(order("w-1", 60, 120))
    assert bench.covers(60) == "w-2"


def test_time_begins_and_ends_them_in_order() -> None:
    bench = Bench()
    bench.give(order("w-2", 90, 300))
    bench.give(order("w-1", 60, 120))
    assert bench.orders.soonest_s == START_S + 60
    passed = bench.orders.advance(START_S + 200)
    assert [one.name for one in passed.begun] == ["w-1", "w-2"]
    assert [one.name for one in passed.ended] == ["w-1"]
    assert bench.orders.soonest_s == START_S + 300
    assert len(bench.orders) == 1
    bench.orders.advance(START_S + 300)
    assert len(bench.orders) == 0
    assert bench.orders.soonest_s is None


def test_one_that_has_begun_begins_at_once_and_may_be_withdrawn() -> None:
    bench = Bench()
    passed = bench.orders.take(order("w-1", -60, 120), START_S)
    assert [one.name for one in passed.begun] == ["w-1"]
    assert bench.give(order("w-1", 0, 0), 30) == "done"
    assert (bench.covers(60), len(bench.orders), bench.orders.soonest_s) == ("", 0, None)


def test_one_that_is_given_again_is_changed() -> None:
    bench = Bench()
    bench.give(order("w-1", 0, 300, "water.dma-1", "water.dma-2"))
    bench.orders.take(order("w-1", 100, 300, "water.dma-1"), START_S + 10)
    assert (bench.covers(50), bench.covers(150)) == ("", "w-1")
    assert bench.covers(150, rings("dma-2")) == ""


@pytest.mark.parametrize(
    ("command", "at_s"),
    [
        (order("w-1", 120, 60), 0),
        (order("w-1", 60, 60), 0),
        (order(), 120),
        (order("w-1", 60, 61 + LENGTH_S_MAX), 0),
        (order("w-1", AHEAD_S_MAX + 1, AHEAD_S_MAX + 9), 0),
    ],
    ids=["inverted", "empty", "over", "too long", "too far ahead"],
)
def test_a_window_that_cannot_be_meant_is_refused(command: Maintenance, at_s: int) -> None:
    bench = Bench()
    assert bench.give(command, at_s) == "bad_window"
    assert len(bench.orders) == 0


def test_orders_and_their_assets_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance, "ORDERS_MAX", 2)
    monkeypatch.setattr(maintenance, "ASSETS_MAX", 3)
    bench = Bench()
    assert bench.give(order("w-1", 60, 120, "a", "b")) == "done"
    assert bench.give(order("w-2", 60, 120, "a", "b")) == "too_many_orders"
    assert bench.give(order("w-1", 60, 120, "a", "b", "c")) == "done"  # in its own place
    assert bench.give(order("w-1", 60, 120, "a")) == "done"
    assert bench.give(order("w-2", 60, 120, "a")) == "done"
    assert bench.give(order("w-3", 60, 120, "a")) == "too_many_orders"
    bench.orders.advance(START_S + 120)
    assert bench.give(order("w-3", 121, 130, "a"), 120) == "done"


def test_a_restored_one_goes_on() -> None:
    bench, restored = Bench(), WorkOrders()
    bench.give(order("w-1", -60, 120))
    bench.give(order("w-2", 60, 300))
    restored.restore(msgspec.json.decode(msgspec.json.encode(bench.orders.state())))
    assert restored.soonest_s == bench.orders.soonest_s == START_S + 60
    for at_s in (60, 120, 300):
        assert restored.advance(START_S + at_s) == bench.orders.advance(START_S + at_s)
        assert restored.state() == bench.orders.state()
