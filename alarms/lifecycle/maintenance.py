"""Work orders: which assets are being worked on, so that what they ring is told to nobody."""

from functools import partial
from typing import Any, Final, NamedTuple

import msgspec

from alarms.copies.records import at_once
from alarms.deadlines import Deadlines
from contracts.alarm import Alarm
from contracts.catalogue import Where
from contracts.commands.concern import Concern
from contracts.desk.commands import Maintenance
from contracts.ports.desk import Ground, SlicedCopy
from contracts.quantities import NS_PER_MS, NS_PER_S

MS_PER_S: Final = NS_PER_S // NS_PER_MS
LENGTH_S_MAX: Final = 30 * 86_400  # longer than any shutdown of a pump; it can be given anew
AHEAD_S_MAX: Final = 400 * 86_400  # a plan for the year
ORDERS_MAX: Final = 10_000  # that are not over
ASSETS_MAX: Final = 100_000  # places in all of them together


class Order(msgspec.Struct, frozen=True, array_like=True):
    """A work order.

    Parameters
    ----------
    name : str
    assets : list of str
        Lifeline and asset, as `water.dma-0417`: the same name may be in two lifelines.
    begins_s, ends_s : int
        Desk time; it holds from the first up to the second.
    by, role, reason, command : str
        Of the command that gave it.
    area : str
        Where it holds, empty for everywhere.
    """

    name: str
    assets: list[str]
    begins_s: int
    ends_s: int
    by: str
    role: str
    reason: str
    command: str
    area: str = ""

    def holds_at(self, where: Where) -> bool:
        """Whether it covers what lies at a place."""
        names = (where.district, where.street, where.neighbourhood, where.grid)
        return not self.area or self.area in names


class Passed(NamedTuple):
    """Orders that began, and that are over: by time, or as they were changed or withdrawn."""

    begun: list[Order]
    ended: list[Order]


class WorkOrders:
    """Those that are not over, by name and by asset."""

    def __init__(self) -> None:
        self._orders: dict[str, Order] = {}
        self._of_asset: dict[str, list[str]] = {}  # names of orders, sorted
        self._begun: dict[str, None] = {}
        self._places = 0
        self._deadlines = Deadlines()  # when each begins, and once it has, ends

    def __len__(self) -> int:
        return len(self._orders)

    def covering(self, alarm: Alarm, time_s: int) -> Order | None:
        """The order under which an alarm is told to nobody; the one that ends last of several.

        None for what lives hang on, whatever is being worked on.
        """
        if alarm.life_safety:
            return None
        asset = f"{alarm.lifeline}.{alarm.asset}"
        orders = [self._orders[name] for name in self._of_asset.get(asset, ())]
        there = [
            order
            for order in orders
            if order.begins_s <= time_s < order.ends_s and order.holds_at(alarm.where)
        ]
        return max(there, key=lambda order: (order.ends_s, order.name), default=None)

    def concern(self, command: Maintenance) -> Concern:
        """What an order concerns, and what the one of its name concerned that it would change.

        Lifelines that are one, and the area of both; nothing where they are several.
        """
        old = self._orders.get(command.order)
        names = {name.partition(".")[0] for name in [*command.assets, *(old.assets if old else ())]}
        areas = {command.area, old.area if old else command.area}
        return Concern(
            frozenset(names if len(names) == 1 else ()),
            frozenset(areas if len(areas) == 1 and command.area else ()),
        )

    def ground(self, command: Maintenance, time_s: int) -> Ground:
        """Why an order cannot be taken, None when it can."""
        known = self._orders.get(command.order)
        begins_s, ends_s = command.begins // MS_PER_S, command.ends // MS_PER_S
        if command.ends <= command.begins:
            if known is not None:
                return None
            text = f"expected an order that ends after it begins, got {command.order!r}"
            return "bad_window", f"{text}, which is none to withdraw; correct `begins` and `ends`"
        if ends_s <= time_s:
            return (
                "bad_window",
                "expected an order that is not over, got one that is; correct `ends`",
            )
        if ends_s - begins_s > LENGTH_S_MAX or begins_s - time_s > AHEAD_S_MAX:
            text = f"expected an order of at most {LENGTH_S_MAX} s, at most {AHEAD_S_MAX} s ahead"
            got = f"got {ends_s - begins_s} s, {begins_s - time_s} s ahead"
            return "bad_window", f"{text}, {got}; give it in parts, or later"
        places = self._places + len(command.assets) - (len(known.assets) if known else 0)
        if len(self._orders) + (known is None) > ORDERS_MAX or places > ASSETS_MAX:
            text = f"expected at most {ORDERS_MAX} orders with {ASSETS_MAX} assets, got more"
            return "too_many_orders", f"{text}; wait until some are over, or withdraw some"
        return None

    def take(self, command: Maintenance, time_s: int) -> Passed:
        """Take an order that there is no ground against: a new one, a change, or a withdrawal."""
        old = self._drop(command.order)
        ended = [old] if old is not None and old.begins_s <= time_s else []
        if command.ends <= command.begins:
            return Passed([], ended)
        order = Order(
            command.order,
            sorted(set(command.assets)),
            command.begins // MS_PER_S,
            command.ends // MS_PER_S,
            command.by,
            command.role,
            command.reason,
            command.id,
            command.area,
        )
        self._add(order)
        passed = self.advance(time_s)
        return Passed(passed.begun, [*ended, *passed.ended])

    def _add(self, order: Order) -> None:
        self._orders[order.name] = order
        self._places += len(order.assets)
        for asset in order.assets:
            self._of_asset[asset] = sorted([*self._of_asset.get(asset, ()), order.name])
        self._plan(order)

    def _plan(self, order: Order) -> None:
        due_s = order.ends_s if order.name in self._begun else order.begins_s
        self._deadlines.set((order.name,), due_s)

    def _drop(self, name: str) -> Order | None:
        order = self._orders.pop(name, None)
        if order is None:
            return None
        self._places -= len(order.assets)
        self._begun.pop(name, None)
        self._deadlines.drop((name,))
        for asset in order.assets:
            self._of_asset[asset].remove(name)
            if not self._of_asset[asset]:
                del self._of_asset[asset]
        return order

    @property
    def soonest_s(self) -> int | None:
        """Desk time at which the next order begins or ends, None when there is none."""
        return self._deadlines.soonest_s

    def advance(self, time_s: int) -> Passed:
        """Let orders begin and end up to a time, in the order of their times."""
        passed = Passed([], [])
        while (due := self._deadlines.pop(time_s)) is not None:
            order = self._orders[due[1][0]]
            if order.name in self._begun:
                self._drop(order.name)
                passed.ended.append(order)
            else:
                self._begun[order.name] = None
                self._plan(order)
                passed.begun.append(order)
        return passed

    def state(self) -> dict[str, Any]:
        """Orders as plain data."""
        return _plain(list(self._orders.values()), list(self._begun))

    def copying(self) -> SlicedCopy:
        """Begin a copy of what `state` gives now; orders never change."""
        return at_once(partial(_plain, list(self._orders.values()), list(self._begun)))

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave, in place of what was known."""
        for name in list(self._orders):
            self._drop(name)
        self._begun = dict.fromkeys(state["begun"])
        for order in state["orders"]:
            self._add(msgspec.convert(order, Order))


def _plain(orders: list[Order], begun: list[str]) -> dict[str, Any]:
    return {"orders": [msgspec.to_builtins(order) for order in orders], "begun": begun}
