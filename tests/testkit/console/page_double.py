"""A server of the console's HTTP contract over a made city, for tests of its pages.

It keeps no rules of its own: what a test wants to happen, the test makes happen.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from aiohttp import web

from runtime.installation import HOME
from tests.testkit.console import page_data as made
from tests.testkit.console import page_recovery

STATIC: Final = HOME / "console" / "static"
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
EVERYTHING: Final = (
    "acknowledge", "assign", "advance", "dispatch", "comment", "shelve", "unshelve", "close",
    "report", "maintenance", "drill",
)  # fmt: skip
MOST: Final = 1_000
REFUSAL: Final = {"en": "It has changed meanwhile.", "zh": "已发生变化。"}


class ConsoleDouble:
    """What the pages are shown; a test changes it and calls `tell`.

    Parameters
    ----------
    count : int
        Open incidents.
    now_ms : int
        Present time of the made city.
    """

    def __init__(self, count: int, now_ms: int) -> None:
        self.now_ms = now_ms
        self.lines = [made.line(number, now_ms) for number in range(count)]
        self.signed_in = True
        self.conflict = False
        self.refuse = ""
        self.history = "live"
        self.brokers = "live"
        self.members = 6
        self.unwatched: list[dict[str, Any]] | None = None
        self.may = list(EVERYTHING)
        self.districts: list[str] = []
        self.drill = False
        self.shelving: dict[str, Any] | None = None
        self.orders = made.rows(now_ms)["orders"]
        self.commands: list[dict[str, Any]] = []
        self.steps: list[dict[str, Any]] = []
        self.seq = 0
        self._streams: set[asyncio.Queue[bytes | None]] = set()

    def app(self) -> web.Application:
        """Return the server."""

        @web.middleware
        async def signed(request: web.Request, handler: Any) -> web.StreamResponse:
            path = request.path
            if path.startswith("/api/") and path != "/api/session" and not self.signed_in:
                return web.json_response({"error": "signed_out"}, status=401)
            if self.history == "away" and request.match_info.get("what"):
                return web.json_response({"error": "history_away"}, status=503)
            answer: web.StreamResponse = await handler(request)
            return answer

        app = web.Application(middlewares=[_policy, signed])
        app.router.add_route("*", "/api/session", self._session)
        app.router.add_post("/api/commands", self._command)
        app.router.add_get("/api/changes", self._changes)
        app.router.add_get("/api/{what}", self._read)
        app.router.add_get("/api/{what}/{first}", self._read)
        app.router.add_get("/api/{what}/{first}/{second}", self._read)
        app.router.add_static("/static", STATIC)
        app.router.add_get("/{path:.*}", _page)
        return app

    def tell(self, event: str, data: dict[str, Any]) -> None:
        """Send an event to every page."""
        self.seq += 1
        body = f"id: 1.{self.seq}\nevent: {event}\ndata: {json.dumps(data)}\n\n".encode()
        for stream in self._streams:
            stream.put_nowait(body)

    def change(self, line: dict[str, Any]) -> None:
        """Tell every page that an incident has changed."""
        self.tell("change", {"kind": "incident", "id": line["id"], "seq": self.seq})

    def age(self, as_of_ms: int | None = None) -> None:
        """Tell every page how old what it shows may be."""
        data = {"history": self.history, "stage": "live", "cursor": f"1.{self.seq}"}
        at = {"as_of_ms": as_of_ms or self.now_ms}
        self.tell("age", {**at, **data, "unwatched": self.unwatched})

    def hang_up(self) -> None:
        """End every stream of changes."""
        for stream in self._streams:
            stream.put_nowait(None)

    async def _session(self, request: web.Request) -> web.Response:
        if request.method == "DELETE":
            self.signed_in = False
            return web.Response(status=204)
        if request.method == "POST":
            if (await request.json())["password"] != "right":
                return web.json_response({"error": "wrong"}, status=401)
            self.signed_in = True
        if not self.signed_in:
            refusal = {"error": "signed_out", "methods": ["password", "oidc"]}
            return web.json_response(refusal, status=401)
        return web.json_response(
            {
                "user": "li.wei",
                "name": "Li Wei",
                "role": "operator",
                "lifelines": [],
                "districts": self.districts,
                "desks": ["city"],
                "may": self.may,
                "csrf": "token",
                "city": {"name": made.text("Lin Hai", "临海市"), "zone": "Asia/Shanghai"},
                "version": "0.1.0",
                "methods": ["password", "oidc"],
            }
        )

    async def _read(self, request: web.Request) -> web.Response:
        what = request.match_info["what"]
        answers: dict[str, Callable[[web.Request], Any]] = {
            "city": lambda _: made.city(self.lines, self.now_ms) | {"drill": self.drill},
            "incidents": self._incidents,
            "channels": self._channel,
            "readings": self._readings,
            "recovery": self._recovery,
            "assets": lambda _: made.assets(self.lines),
            "handover": lambda _: {"en": "# Handover\n\nNothing open.", "zh": "# 交接班\n\n无。"},
            "orders": lambda _: {"rows": self.orders},
        }
        if what == "readings" and self.brokers == "away":
            return web.json_response({"error": "readings_away"}, status=503)
        if what in answers:
            return web.json_response(answers[what](request))
        return web.json_response({"rows": made.rows(self.now_ms)[what]})

    def _incidents(self, request: web.Request) -> dict[str, Any]:
        first = request.match_info.get("first", "")
        return self._incident(first) if first else self._list(request)

    def _readings(self, request: web.Request) -> dict[str, Any]:
        return made.readings(self.now_ms, int(request.query.get("minutes", "60")))

    def _channel(self, request: web.Request) -> dict[str, Any]:
        name = request.match_info["second"]
        shelving = self.shelving if self.shelving and self.shelving["channel"] == name else None
        may = [kind for kind in ("shelve", "unshelve") if kind in self.may]
        return made.channel(name, self.now_ms) | {"shelving": shelving, "may": may}

    def _recovery(self, request: web.Request) -> dict[str, Any]:
        first = request.match_info.get("first", "")
        if not first:
            return page_recovery.of_period(self.now_ms)
        line = next(line for line in self.lines if line["id"] == first)
        return page_recovery.of_incident(line, self.now_ms)

    def _list(self, request: web.Request) -> dict[str, Any]:
        wanted = request.query
        shown = [
            line
            for line in self.lines
            if wanted.get("colour") in (None, line["colour"])
            and wanted.get("district") in (None, line["district"])
            and wanted.get("lifeline", line["lifelines"][0]) in line["lifelines"]
        ]
        limit = int(wanted.get("limit", "200"))
        if limit > MOST:
            raise web.HTTPBadRequest
        if after := wanted.get("after"):
            at = next(at for at, line in enumerate(shown) if line["id"] == after)
            shown = shown[at + 1 :]
        answer = {"as_of_ms": self.now_ms, "cursor": f"1.{self.seq}", "more": len(shown) > limit}
        return answer | {"incidents": shown[:limit]}

    def _incident(self, wanted: str) -> dict[str, Any]:
        line = next(line for line in self.lines if line["id"] == wanted)
        record = made.incident(line, self.now_ms, self.steps)
        alarms = [
            {"alarm": made.alarm(at, self.now_ms), "answer": None} for at in range(self.members)
        ]
        return {
            "as_of_ms": self.now_ms,
            "line": line,
            "incident": record,
            "alarms": alarms,
            "timeline": made.timeline(wanted, self.now_ms),
            "notices": [],
            "next": ["verified", "dispatched", "returned", "parked"],
            "may": self.may,
        }

    async def _command(self, request: web.Request) -> web.Response:
        command = await request.json()
        self.commands.append(command)
        if request.headers.get("X-Csrf") != "token":
            return web.json_response({"error": "bad_csrf"}, status=403)
        if self.history == "away":
            return web.json_response({"error": "history_away"}, status=503)
        if self.conflict:
            return web.json_response(
                {"error": "conflict", "message": REFUSAL, "now": {}}, status=409
            )
        if not self.refuse:
            self._carry_out(command)
        answer = {"command": command["id"], "refused": bool(self.refuse), "reason": self.refuse}
        self.tell("answer", {**answer, "detail": ""})
        return web.json_response({"id": command["id"], "accepted": True}, status=202)

    def _carry_out(self, command: dict[str, Any]) -> None:
        if command["kind"] in {"shelve", "unshelve"}:
            self._carry_out_shelving(command)
        if not command["target"]:
            self._carry_out_given(command)
        targets = command.get("targets", [command["target"]])
        for line in self.lines:
            if line["id"] not in targets:
                continue
            if command["kind"] == "acknowledge":
                line |= {"acknowledged": True, "acknowledged_by": "li.wei"}
            if command["kind"] == "assign":
                line["owner"] = command["owner"]
            if command["kind"] == "comment":
                step = {"what": "comment", "by": "li.wei", "reason": command["reason"]}
                self.steps.append(step | {"at": made.rfc3339(self.now_ms)})
            line["revision"] += 1
            self.change(line)

    def _carry_out_shelving(self, command: dict[str, Any]) -> None:
        self.shelving = None
        if command["kind"] == "shelve":
            told = {"channel": command["target"], "by": "li.wei", "reason": command["reason"]}
            self.shelving = told | {"until": made.rfc3339(command["until"])}
        self.tell("change", {"kind": "shelving", "id": command["target"], "seq": self.seq})

    def _carry_out_given(self, command: dict[str, Any]) -> None:
        if command["kind"] == "drill":
            self.drill = command["on"]
        if command["kind"] == "maintenance":
            given = made.order(command["order"], command["begins"], command["ends"])
            given |= {"assets": ", ".join(command["assets"]), "reason": command["reason"]}
            rest = [one for one in self.orders if one["order"] != command["order"]]
            self.orders = [given, *rest]
        self.tell("change", {"kind": "command", "id": command["id"], "seq": self.seq})

    async def _changes(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        stream: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._streams.add(stream)
        try:
            await response.write(b"retry: 200\n\n")
            while (body := await stream.get()) is not None:
                await response.write(body)
        except ConnectionError:
            pass
        finally:
            self._streams.discard(stream)
        return response


@web.middleware
async def _policy(request: web.Request, handler: Any) -> web.StreamResponse:
    response: web.StreamResponse = await handler(request)
    if not response.prepared:
        response.headers["Content-Security-Policy"] = POLICY
    return response


async def _page(request: web.Request) -> web.FileResponse:
    return web.FileResponse(STATIC / "index.html")


@asynccontextmanager
async def serving(double: ConsoleDouble) -> AsyncIterator[str]:
    """Serve a double on a free port of this machine, and give its address."""
    runner = web.AppRunner(double.app(), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        double.hang_up()
        await runner.cleanup()
