"""A provider of OpenID Connect that a test can make lie, hang and go away."""

import asyncio
import base64
import hashlib
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import ECKey, Key

from contracts.settings.console import OidcSettings, RoleName

CLIENT: Final = "tocsin-desk"
SECRET: Final = "a secret: with signs%"
ROLES: Final[dict[str, RoleName]] = {"desk-operators": "operator", "desk-leads": "supervisor"}


def new_key(name: str) -> Key:
    """A key that signs by ES256."""
    return ECKey.generate_key("P-256", {"kid": name, "use": "sig", "alg": "ES256"})


class FakeProvider:
    """Signs everybody in as one person, without asking for a password.

    Attributes
    ----------
    claims : dict
        What its tokens say besides the usual ones; None leaves one of those out.
    keys : list of Key
        Published; the first one signs.
    use : str
        What its keys are published for.
    sign : callable or None
        Makes the token of claims, instead of signing as usual.
    told : dict
        Changes of its discovery document.
    answer : dict
        Changes of the fields with which a browser is sent back.
    body : bytes or None
        What every endpoint answers, whatever it is asked.
    hanging : asyncio.Event
        Answers wait for it.
    asked : list of str
        Paths, in order.
    """

    def __init__(self) -> None:
        self.address = ""
        self.claims: dict[str, Any] = {
            "preferred_username": "chen.jie",
            "name": "Chen Jie",
            "groups": ["desk-operators", "staff"],
        }
        self.keys = [new_key("first")]
        self.use = "sig"
        self.sign: Callable[[dict[str, Any]], str] | None = None
        self.told: dict[str, Any] = {}
        self.answer: dict[str, str] = {}
        self.body: bytes | None = None
        self.hanging = asyncio.Event()
        self.hanging.set()
        self.asked: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}

    def settings(self, **changed: Any) -> OidcSettings:
        """How a console is told of it."""
        given = {"issuer": self.address, "client_id": CLIENT, "roles": ROLES}
        return OidcSettings(**given | changed)

    def app(self) -> web.Application:
        """Its endpoints."""

        @web.middleware
        async def met(request: web.Request, handler: Any) -> web.StreamResponse:
            self.asked.append(request.path)
            await self.hanging.wait()
            if self.body is not None:
                return web.Response(body=self.body, content_type="application/json")
            answer: web.StreamResponse = await handler(request)
            return answer

        app = web.Application(middlewares=[met])
        app.router.add_get("/.well-known/openid-configuration", self._discovery)
        app.router.add_get("/authorize", self._authorize)
        app.router.add_post("/token", self._token)
        app.router.add_get("/keys", self._published)
        app.router.add_get("/end", self._end)
        return app

    async def _discovery(self, _: web.Request) -> web.Response:
        said: dict[str, Any] = {
            "issuer": self.address,
            "authorization_endpoint": f"{self.address}/authorize",
            "token_endpoint": f"{self.address}/token",
            "jwks_uri": f"{self.address}/keys",
            "end_session_endpoint": f"{self.address}/end",
            "authorization_response_iss_parameter_supported": True,
            "code_challenge_methods_supported": ["S256"],
        }
        return web.json_response(said | self.told)

    async def _authorize(self, request: web.Request) -> web.Response:
        asked = dict(request.query)
        assert (asked["client_id"], asked["response_type"]) == (CLIENT, "code")
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        fields = {"code": code, "state": asked["state"], "iss": self.address} | self.answer
        back = f"{asked['redirect_uri']}?{urlencode(fields)}"
        return web.Response(status=302, headers={"Location": back})

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        asked = self._codes.pop(str(form["code"]), None)
        challenge = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        given = base64.urlsafe_b64encode(challenge).rstrip(b"=").decode()
        good = (
            asked is not None
            and asked["code_challenge"] == given
            and asked["redirect_uri"] == form["redirect_uri"]
            and request.headers.get("Authorization") == _basic()
        )
        if asked is None or not good:
            return web.json_response({"error": "invalid_grant"}, status=400)
        now_s = int(time.time())
        usual = {"iss": self.address, "sub": "7", "aud": CLIENT, "iat": now_s, "exp": now_s + 300}
        claims = usual | {"nonce": asked["nonce"]} | self.claims
        claims = {name: value for name, value in claims.items() if value is not None}
        token = self.sign(claims) if self.sign is not None else self.signed(claims)
        return web.json_response({"id_token": token, "token_type": "Bearer", "access_token": "x"})

    def signed(self, claims: dict[str, Any], key: Key | None = None, **header: Any) -> str:
        """A token by one of its keys, or by another one."""
        by = key or self.keys[0]
        return jwt.encode({"alg": "ES256", "kid": by.kid} | header, claims, by)

    async def _published(self, _: web.Request) -> web.Response:
        keys = [dict(key.as_dict(private=False)) | {"use": self.use} for key in self.keys]
        return web.json_response({"keys": [*keys, {"kty": "of tomorrow", "kid": "other"}]})

    async def _end(self, _: web.Request) -> web.Response:
        return web.Response(text="You have left.")


def _basic() -> str:
    """What a client with this name and secret sends (RFC 6749, 2.3.1)."""
    login = f"{CLIENT}:a+secret%3A+with+signs%25"
    return f"Basic {base64.b64encode(login.encode()).decode()}"


@asynccontextmanager
async def fake_provider() -> AsyncIterator[FakeProvider]:
    """Serve one on a free port; its host is another site than the console's 127.0.0.1."""
    provider = FakeProvider()
    runner = web.AppRunner(provider.app(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    provider.address = f"http://localhost:{runner.addresses[0][1]}"
    try:
        yield provider
    finally:
        provider.hanging.set()
        await runner.cleanup()
