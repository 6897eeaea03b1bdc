"""Answers to GET: the city, incidents, channels, lists."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

import msgspec
from aiohttp import web

from console.accounts import MAY, Account
from console.answers import Refusal, answered
from console.feed import Feed
from console.handover import handover
from console.sessions import SESSION
from console.sharing import Sharing
from contracts.ports.console import (
    City,
    ConsoleHistory,
    DeskFacts,
    DeskLoad,
    IncidentQuery,
    Overview,
    Story,
)

LIMIT: Final = 200
LIMIT_MAX: Final = 1_000
_NAMES: Final = ("name", "title")
BY_CHANNEL: Final = ("shelve", "unshelve")
FLOOD: Final = 10  # notices in 10 minutes (ISA-18.2, EEMUA 191)


class Reading:
    """What a signed-in person may see: all of the city.

    Parameters
    ----------
    history : ConsoleHistory
    city : City
    feed : Feed
    now_ms : callable
        Wall clock.
    """

    def __init__(
        self, history: ConsoleHistory, city: City, feed: Feed, now_ms: Callable[[], int]
    ) -> None:
        self._history = history
        self._city = city
        self._feed = feed
        self._now_ms = now_ms
        self._sharing = Sharing(feed)

    def routes(self) -> dict[str, Callable[[web.Request], Any]]:
        """Handlers by path."""
        return {
            "/api/city": self.city,
            "/api/incidents": self.incidents,
            "/api/incidents/{id}": self.incident,
            "/api/alarms": self.alarms,
            "/api/channels/{lifeline}/{channel}": self.channel,
            "/api/assets": self.assets,
            "/api/shelvings": self.shelvings,
            "/api/withheld": self.withheld,
            "/api/audit": self.audit,
            "/api/orders": self.orders,
            "/api/handover": self.handover,
            "/api/desks": self.desks,
        }

    async def city(self, request: web.Request) -> web.Response:
        """Lifelines by districts, and how desks are loaded."""
        return await self._sharing.answer(request, self._city_body)

    async def _city_body(self, _: web.Request) -> bytes:
        view = await self._overview()
        loads = {load.desk: load for load in view.desks}
        desks = [_desk(desk, loads.get(desk.name)) for desk in self._city.desks]
        shares = {
            desk.lifelines[0]: desk.name
            for desk in self._city.desks
            if len(desk.lifelines) == 1 and not desk.area
        }
        lifelines = []
        for one in self._city.lifelines:
            load = loads.get(shares.get(one.name, ""))
            lifelines.append(
                {
                    "name": one.name,
                    "title": one.title,
                    "channels": one.channels,
                    "watched": load.watched if load else None,
                }
            )
        districts = [
            {"name": name, "title": title, "outline": self._city.outlines.get(name)}
            for name, title in self._city.districts
        ]
        said = {"lifelines": lifelines, "districts": districts, "cells": view.cells}
        return self._dated_body(**said, desks=desks, colours=view.colours, drill=view.drill)

    async def _overview(self) -> Overview:
        """The city now, its desks since midnight."""
        now_ms = self._now_ms()
        view: Overview = await self._feed.ask(
            self._history.overview, now_ms, midnight_ms(now_ms, self._city.offset_minutes)
        )
        return view

    async def desks(self, request: web.Request) -> web.Response:
        """How each desk is loaded, and what its last heartbeat said."""
        return await self._sharing.answer(request, self._desks_body)

    async def _desks_body(self, _: web.Request) -> bytes:
        view = await self._overview()
        loads = {load.desk: load for load in view.desks}
        known = [(facts, loads.get(facts.name)) for facts in self._city.desks]
        known.sort(key=lambda one: _trouble(*one), reverse=True)
        return self._dated_body(rows=[_desk_row(*one) for one in known])

    async def incidents(self, request: web.Request) -> web.Response:
        """Lines of incidents."""
        return await self._sharing.answer(request, self._incidents_body)

    async def _incidents_body(self, request: web.Request) -> bytes:
        asked = request.query
        wanted = IncidentQuery(
            asked.get("desk", ""),
            asked.get("lifeline", ""),
            asked.get("district", ""),
            asked.get("colour", ""),
            asked.get("state", ""),
            only_open=asked.get("open", "1") != "0",
            limit=limit_of(request),
            after=asked.get("after", ""),
        )
        lines, more = await self._feed.ask(self._history.lines, wanted, self._now_ms())
        return self._dated_body(incidents=lines, more=more)

    async def incident(self, request: web.Request) -> web.Response:
        """All about one."""
        name = request.match_info["id"]
        story: Story | None = await self._feed.ask(self._history.story, name, self._now_ms())
        if story is None:
            raise Refusal(code="not_found")
        account: Account = request[SESSION].account
        line = story.line
        may = [
            k for k in sorted(MAY[account.role]) if account.may(k, line.lifelines, line.district)
        ]
        return self._dated(
            line=line,
            incident=story.incident,
            alarms=[{"alarm": alarm, "answer": None} for alarm in story.alarms],
            timeline=story.timeline,
            notices=story.notices,
            next=self._city.next_states(line.ticket_state),
            may=may,
        )

    async def alarms(self, request: web.Request) -> web.Response:
        """Revisions of alarms."""
        asked = request.query
        found = await self._feed.ask(
            self._history.alarms,
            asked.get("channel", ""),
            asked.get("lifeline", ""),
            limit_of(request),
        )
        return answered({"alarms": found})

    async def channel(self, request: web.Request) -> web.Response:
        """A channel, what governs it and what it rang."""
        lifeline, name = request.match_info["lifeline"], request.match_info["channel"]
        facts = self._city.channel(lifeline, name)
        if facts is None:
            raise Refusal(code="not_found")
        alarms = await self._feed.ask(self._history.alarms, name, lifeline, LIMIT)
        shelved = await self._feed.ask(self._history.shelvings, name)
        rules = await self._feed.ask(self._city.rules, name)
        said: dict[str, Any] = msgspec.to_builtins(facts)
        said["class"] = said.pop("class_name")
        said["tags"] = dict.fromkeys(facts.tags, "")
        account: Account = request[SESSION].account
        may = [kind for kind in BY_CHANNEL if account.may(kind, [lifeline], facts.district)]
        return answered(
            {
                **said,
                "may": may,
                "rules": rules,
                "beside": self._city.beside(lifeline, name),
                "alarms": alarms,
                "shelving": _shelving(shelved[0]) if shelved else None,
            }
        )

    async def assets(self, request: web.Request) -> web.Response:
        """Assets and feeds for the map, with the worst that is open there."""
        lifeline, district = (request.query.get(name, "") for name in ("lifeline", "district"))
        marked = await self._feed.ask(self._history.marked)
        assets = []
        for one in self._city.assets:
            if lifeline in {"", one.lifeline} and district in {"", *one.districts}:
                mark = marked.get((one.lifeline, one.asset))
                here = {"id": one.id, "lifeline": one.lifeline, "title": one.title}
                state = {"colour": mark and mark.colour, "incident": mark and mark.incident}
                drill = mark is not None and mark.drill
                assets.append({**here, "lon": one.lon, "lat": one.lat, **state, "drill": drill})
        names = {asset["id"] for asset in assets}
        feeds = [pair for pair in self._city.feeds if names.issuperset(pair)]
        return answered({"assets": assets, "feeds": feeds})

    async def shelvings(self, _: web.Request) -> web.Response:
        """What is shelved."""
        return answered({"rows": await self._feed.ask(self._history.shelvings)})

    async def withheld(self, request: web.Request) -> web.Response:
        """What desks were not told."""
        desk = request.query.get("desk", "")
        rows = await self._feed.ask(self._history.withheld, desk, limit_of(request))
        return answered({"rows": rows})

    async def audit(self, request: web.Request) -> web.Response:
        """Who commanded what."""
        by = request.query.get("by", "")
        rows = await self._feed.ask(self._history.audit, by, limit_of(request))
        return answered({"rows": rows})

    async def orders(self, request: web.Request) -> web.Response:
        """Work orders."""
        return answered({"rows": await self._feed.ask(self._history.orders, limit_of(request))})

    async def handover(self, request: web.Request) -> web.Response:
        """What one shift leaves to the next."""
        wanted = IncidentQuery(desk=request.query.get("desk", ""), limit=LIMIT_MAX)
        lines, _ = await self._feed.ask(self._history.lines, wanted, self._now_ms())
        shelved = await self._feed.ask(self._history.shelvings)
        return answered(handover(lines, len(shelved)))

    def _dated(self, **said: Any) -> web.Response:
        """An answer that says how old it is, and where changes go on."""
        return web.Response(body=self._dated_body(**said), content_type="application/json")

    def _dated_body(self, **said: Any) -> bytes:
        dated = {"as_of_ms": self._feed.as_of_ms, "cursor": self._feed.cursor}
        return msgspec.json.encode(dated | said)


def midnight_ms(now_ms: int, offset_minutes: int) -> int:
    """When the city's day began.

    >>> midnight_ms(1_772_323_200_000, 480) # 2026-03-01T08:00+08:00
    1772294400000
    """
    zone = timezone(timedelta(minutes=offset_minutes))
    here = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(zone)
    return int(here.replace(hour=0, minute=0, second=0, microsecond=0).timestamp() * 1000)


def limit_of(request: web.Request) -> int:
    """How many rows are asked for.

    Raises
    ------
    Refusal
        When it is no number from 1 to `LIMIT_MAX`.
    """
    text = request.query.get("limit", "") or str(LIMIT)
    if not (text.isdecimal() and 1 <= int(text[:9]) <= LIMIT_MAX):
        raise Refusal(code="bad_request")
    return int(text)


def _desk(facts: DeskFacts, load: DeskLoad | None) -> dict[str, object]:
    notices = load.notices_10min if load else 0
    return {
        "name": facts.name,
        "title": facts.title,
        "watched": load.watched if load else None,
        "blind": load.blind if load else 0,
        "on_duty": load.on_duty if load else [],
        "notices_10min": notices,
        "budget": facts.budget,
        "flood": notices > FLOOD,
    }


def _trouble(facts: DeskFacts, load: DeskLoad | None) -> tuple[int, float]:
    """Blind areas, and notices against what the desk can bear."""
    return (0, 0.0) if load is None else (load.blind, load.notices_10min / (facts.budget or 1))


def _desk_row(facts: DeskFacts, load: DeskLoad | None) -> dict[str, object]:
    said = {name: value for name, value in _desk(facts, load).items() if name not in _NAMES}
    heard = {"said": load and load.said, "heard_ms": load and load.heard_ms}
    return {"desk": facts.name, **said, **heard}


def _shelving(row: dict[str, object]) -> dict[str, object]:
    """As the page shows it: with its end as a time of RFC 3339."""
    until_ms = row["until_ms"]
    until = ""
    if isinstance(until_ms, int):
        until = datetime.fromtimestamp(until_ms / 1000, UTC).isoformat(timespec="seconds")
    return {**row, "until": until}
