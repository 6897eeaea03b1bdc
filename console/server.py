"""The console over HTTP: sign-in, reading, commands, what is new, and the page itself."""

import asyncio
import hmac
import logging
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from aiohttp import web
from msgspec import Meta

from console.accounts import MAY, Account, LocalAccount, Passwords
from console.answers import API, Refusal, answered, guarded, secure
from console.commanding import Commanding
from console.connections import PromptConnections, find_dead_peers
from console.feed import Feed
from console.oidc.provider import Provider
from console.oidc.sign_in import BACK, START, OidcSignIn
from console.reading import Reading
from console.recovery import RecoveryPages
from console.sessions import SESSION, Session, Sessions, Tries
from console.streams import Streams, written
from console.trends import Trends
from contracts.errors import ConfigError
from contracts.ports.console import City, CommandSender, ConsoleHistory, LaneWatch
from contracts.ports.readings import ChannelReadings
from contracts.ports.recovery import Recoveries
from contracts.settings.console import OidcSettings
from runtime.queues import OneThread

log = logging.getLogger("tocsin.console")
audit = logging.getLogger("tocsin.console.audit")

STATIC: Final = Path(__file__).parent / "static"
BODY_BYTES_MAX: Final = 64 << 10
HEADER_BYTES_MAX: Final = 8192
HASHES_AT_ONCE: Final = 2  # each takes 64 MiB for some 50 ms
COOKIE: Final = "tocsin-session"
YEAR: Final = "public, max-age=31536000, immutable"
STOP_S: Final = 1.0
BODY_S: Final = 10.0  # for a body to come
SAFE: Final = frozenset({"GET", "HEAD"})


class SignIn(msgspec.Struct, frozen=True):
    """Body of a sign-in."""

    user: Annotated[str, Meta(max_length=64)]
    password: Annotated[str, Meta(max_length=256)]


class Place(NamedTuple):
    """Where it listens; `tls` beyond loopback."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None


class Oidc(NamedTuple):
    """A provider by which people sign in too, and the secret of its client."""

    settings: OidcSettings
    secret: str | None = None


class Parts(NamedTuple):
    """What a console is made of."""

    history: ConsoleHistory
    city: City
    sender: CommandSender
    accounts: Mapping[str, LocalAccount]
    passwords: Passwords
    version: str
    readings: ChannelReadings
    recoveries: Recoveries
    static: Path = STATIC
    oidc: Oidc | None = None
    lanes: LaneWatch | None = None


def wall_ms() -> int:
    """Milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


class ConsoleServer:
    """Serves the page and its API.

    Parameters
    ----------
    parts : Parts
    place : Place
    clock : callable
        Monotonic seconds, for sessions.
    now_ms : callable
        Wall clock.

    Attributes
    ----------
    port : int
        That is listened on, once it has started.
    feed : Feed
    sessions : Sessions
    streams : Streams
    """

    def __init__(
        self,
        parts: Parts,
        place: Place,
        clock: Callable[[], float] = time.monotonic,
        now_ms: Callable[[], int] = wall_ms,
    ) -> None:
        self._parts = parts
        self._now_ms = now_ms
        self._place = place
        self.port = place.port
        self.sessions, self._tries = Sessions(clock), Tries(clock)
        self.streams = Streams()
        self._thread = OneThread("history")
        self._hashing = ThreadPoolExecutor(HASHES_AT_ONCE, "password")
        self.feed = Feed(
            parts.history, self._thread, now_ms, parts.city.heartbeat_ms, clock, lanes=parts.lanes
        )
        self._reading = Reading(parts.history, parts.city, self.feed, now_ms)
        self._commanding = Commanding(parts.history, parts.city, parts.sender, self.feed, now_ms)
        self._provider: Provider | None = None
        self._oidc: OidcSignIn | None = None
        if parts.oidc is not None:
            settings, secret = parts.oidc
            provider = self._provider = Provider(settings, secret, clock)
            self._oidc = OidcSignIn(
                settings, provider, local=parts.accounts.keys(), tries=self._tries,
                clock=clock, now_ms=now_ms,
            )  # fmt: skip
        self._trends = Trends(parts.readings, parts.city, self.feed, now_ms, clock)
        self._recovery = RecoveryPages(parts.recoveries, parts.history, self.feed, now_ms, clock)
        self._runner: web.AppRunner | None = None
        self._connections: PromptConnections | None = None
        self._listening: asyncio.Server | None = None
        self._following: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen; `ConfigError` when the address cannot be had."""
        runner = self._runner = web.AppRunner(
            self._application(),
            access_log=None,
            shutdown_timeout=STOP_S,
            max_line_size=HEADER_BYTES_MAX,
            max_field_size=HEADER_BYTES_MAX,
        )
        await runner.setup()
        assert runner.server is not None, "it has been set up"
        self._connections = PromptConnections(runner.server)
        host, port, tls = self._place
        try:
            self._listening = await asyncio.get_running_loop().create_server(
                self._connections, host, port, ssl=tls
            )
        except OSError as error:
            await self.stop()
            msg = f"console: expected to listen on {host}:{port}, got {error}; choose another port"
            raise ConfigError(msg) from error
        find_dead_peers(self._listening.sockets)
        self.port = int(self._listening.sockets[0].getsockname()[1])
        self._following = asyncio.create_task(self.feed.follow(), name="feed")
        log.info("serving the console on %s", self.address)

    def _application(self) -> web.Application:
        """Every path with what answers it."""
        app = web.Application(
            client_max_size=BODY_BYTES_MAX, middlewares=[self._prompt, guarded, self._signed_in]
        )
        routes = self._reading.routes() | self._trends.routes() | self._recovery.routes()
        for path, answer in routes.items():
            app.router.add_get(path, answer)
        app.router.add_get("/api/session", self._session)
        app.router.add_post("/api/session", self._sign_in)
        app.router.add_delete("/api/session", self._sign_out)
        if self._oidc is not None:
            app.router.add_get(START, self._sent_to_provider, allow_head=False)
            app.router.add_get(BACK, self._back_from_provider, allow_head=False)
        app.router.add_post("/api/commands", self._commanding.post)
        app.router.add_get("/api/changes", self._changes)
        app.router.add_get("/static/{name}", self._file)
        app.router.add_get("/{path:(?!api/).*}", self._index)
        app.on_response_prepare.append(self._stamped)
        return app

    @property
    def address(self) -> str:
        """To be opened in a browser."""
        scheme = "http" if self._place.tls is None else "https"
        return f"{scheme}://{self._place.host}:{self.port}/"

    @property
    def _origin(self) -> str:
        """The address as browsers reach it, without the slash behind it."""
        oidc = self._parts.oidc
        given = None if oidc is None else oidc.settings.address
        return (given or self.address).rstrip("/")

    @property
    def _methods(self) -> list[str]:
        """How somebody may sign in."""
        return ["password"] if self._oidc is None else ["password", "oidc"]

    async def stop(self) -> None:
        """Listen no more, and let go of the history."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
        if self._listening is not None:
            self._listening.close()
        if self._runner is not None:
            self.feed.release()
            await self._runner.cleanup()
        if self._provider is not None:
            await self._provider.close()
        await self._trends.close()
        await self._recovery.close()
        await self.feed.ask(self._parts.history.close)
        self._thread.shutdown(wait=False)
        self._hashing.shutdown(wait=False)

    @web.middleware
    async def _prompt(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """A connection that asks may stay."""
        assert self._connections is not None, "it listens"
        self._connections.asked(request.protocol)
        return await handler(request)

    @web.middleware
    async def _signed_in(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Find the session; refuse without one, and whatever another page has sent."""
        if not request.path.startswith(API) or request.path in {START, BACK}:
            return await handler(request)
        if request.method not in SAFE and not _same_origin(request):
            raise Refusal(code="bad_csrf")
        session = self.sessions.find(request.cookies.get(COOKIE, ""))
        signing_in = request.path == "/api/session" and request.method == "POST"
        if session is None and not signing_in:
            raise Refusal(code="signed_out", methods=self._methods)
        if request.method not in SAFE and not signing_in and session is not None:
            given = request.headers.get("X-Csrf", "")
            if not _equal(given, session.csrf):
                audit.warning("%s: %s without its token", session.user, request.path)
                raise Refusal(code="bad_csrf")
        if session is not None:
            request[SESSION] = session
        if request.method not in SAFE:
            await _body(request)
        return await handler(request)

    async def _session(self, request: web.Request) -> web.Response:
        return answered(self._said(request[SESSION]))

    async def _sign_in(self, request: web.Request) -> web.Response:
        try:
            given = msgspec.json.decode(await request.read(), type=SignIn)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Refusal(code="bad_request") from error
        address = request.remote or ""
        if self._tries.too_many(given.user, address):
            audit.warning("%r from %s: too many tries", given.user, address)
            raise Refusal(code="too_many")
        account = self._parts.accounts.get(given.user)
        # Counted before it is known: tries that run at once must not all be let through.
        self._tries.failed(given.user, address)
        good = await asyncio.get_running_loop().run_in_executor(
            self._hashing, self._parts.passwords.good, account, given.password
        )
        if account is None or not good:
            audit.warning("%r from %s: wrong name or password", given.user, address)
            raise Refusal(code="wrong")
        self._tries.good(given.user, address)
        token, session = self.sessions.begin(given.user, account)
        audit.info("%s (%s) from %s: signed in", given.user, account.role, address)
        response = answered(self._said(session))
        self._give(response, token)
        return response

    def _give(self, response: web.Response, token: str) -> None:
        """Give a browser the session: no script reads it, and no other site has it sent."""
        tls = self._place.tls is not None
        response.set_cookie(COOKIE, token, httponly=True, samesite="Strict", secure=tls, path="/")

    def _admit(self, response: web.Response, user: str, account: Account) -> Session:
        """Begin a session of somebody whom the provider has seen."""
        token, session = self.sessions.begin(user, account)
        self._give(response, token)
        return session

    async def _sent_to_provider(self, request: web.Request) -> web.Response:
        assert self._oidc is not None, "its path is there"
        return await self._oidc.start(request, self._origin)

    async def _back_from_provider(self, request: web.Request) -> web.Response:
        assert self._oidc is not None, "its path is there"
        return await self._oidc.back(request, self._origin, self._admit)

    async def _sign_out(self, request: web.Request) -> web.Response:
        session = request[SESSION]
        self.sessions.end(request.cookies.get(COOKIE, ""))
        audit.info("%s: signed out", session.user)
        response = web.Response(status=204)
        if session.leave_at:
            # On a shared computer the provider would let the next person in as this one.
            response = answered({"leave_at": session.leave_at})
        response.del_cookie(COOKIE, path="/")
        return response

    def _said(self, session: Session) -> dict[str, Any]:
        account, city = session.account, self._parts.city
        return {
            "user": session.user,
            "name": account.name,
            "role": account.role,
            "lifelines": account.lifelines,
            "districts": account.districts,
            "desks": account.desks,
            "may": sorted(MAY[account.role]),
            "csrf": session.csrf,
            "city": {
                "name": city.name,
                "zone": city.zone,
                "offset_minutes": city.offset_minutes,
            },
            "version": self._parts.version,
            "methods": self._methods,
        }

    async def _changes(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events, from the cursor that the browser kept."""
        response = web.StreamResponse()
        response.content_type = "text/event-stream"
        secure(request, response)
        cookie = request.cookies.get(COOKIE, "")
        with self.streams.one(request[SESSION]), self.feed.page() as queue:
            await response.prepare(request)
            await written(request, response, self.feed.age())
            if cursor := request.headers.get("Last-Event-ID", ""):
                async for missed in self.feed.since(cursor):
                    await written(request, response, missed)
            while (body := await queue.get()) is not None and self.sessions.find(cookie):
                await written(request, response, body)
        return response

    async def _file(self, request: web.Request) -> web.StreamResponse:
        path = self._parts.static / request.match_info["name"]
        if path.parent != self._parts.static or not path.is_file():
            raise Refusal(code="not_found")
        return web.FileResponse(path, headers={"Cache-Control": YEAR})

    async def _stamped(self, _: web.Request, response: web.StreamResponse) -> None:
        """Say by which clock this server counts: pages set theirs by it."""
        response.headers["Date"] = formatdate(self._now_ms() / 1000, usegmt=True)

    async def _index(self, _: web.Request) -> web.StreamResponse:
        path = self._parts.static / "index.html"
        if not path.is_file():
            raise Refusal(code="not_found")
        return web.FileResponse(path, headers={"Cache-Control": "no-cache"})


async def _body(request: web.Request) -> None:
    """Wait for a body, which the request keeps, but not for one that does not end."""
    try:
        async with asyncio.timeout(BODY_S):
            await request.read()
    except TimeoutError as error:
        raise Refusal(code="bad_request") from error


def _same_origin(request: web.Request) -> bool:
    """Whether a browser says that the request comes from this server's own page."""
    origin = request.headers.get("Origin")
    return origin is None or origin.partition("://")[2] == request.host


def _equal(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), expected.encode())
