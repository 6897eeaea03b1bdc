"""The two ends of a sign-in by a provider: a browser is sent there, and comes back with a code."""

import hashlib
import hmac
import logging
import re
import secrets
import unicodedata
from base64 import urlsafe_b64encode
from collections.abc import Callable, Collection
from typing import Final, NamedTuple

from aiohttp import web

from console.accounts import Account
from console.oidc.claims import account_of
from console.oidc.provider import CODE_METHOD, Provider, with_query
from console.oidc.refused import SignInRefused
from console.oidc.tokens import believed, check_moment, key_name
from console.sessions import Session, Tries
from contracts.settings.console import OidcSettings

audit = logging.getLogger("tocsin.console.audit")

START: Final = "/api/oidc/start"
BACK: Final = "/api/oidc/callback"
COOKIE: Final = "tocsin-sign-in"
COOKIE_PATH: Final = "/api/oidc/"
PENDING_S: Final = 600.0  # for a password and a second factor
PENDING_MAX: Final = 10_000
PENDING_OF_ADDRESS: Final = 100
_HERE: Final = re.compile(r"/(?!api/)[\w.~%/?&=+,:@-]*", re.ASCII)
HERE_CHARACTERS_MAX: Final = 1_000

Admit = Callable[[web.Response, str, Account], Session]


class Pending(NamedTuple):
    """A browser that was sent to the provider; `to` is the page that it wants to see afterwards."""

    browser: bytes
    address: str
    nonce: str
    verifier: str
    to: str
    began_s: float


class OidcSignIn:
    """Sends browsers to the provider and takes them back.

    Parameters
    ----------
    settings : OidcSettings
    provider : Provider
    local : collection of str
        Names of local accounts, which nobody else may bear.
    tries : Tries
    clock : callable
        Monotonic seconds.
    now_ms : callable
        Wall clock.
    """

    def __init__(  # noqa: PLR0913 - what it stands on
        self,
        settings: OidcSettings,
        provider: Provider,
        *,
        local: Collection[str],
        tries: Tries,
        clock: Callable[[], float],
        now_ms: Callable[[], int],
    ) -> None:
        self._settings = settings
        self._provider = provider
        self._local = {_alike(name) for name in local}
        self._tries = tries
        self._clock = clock
        self._now_ms = now_ms
        self._pending: dict[bytes, Pending] = {}

    async def start(self, request: web.Request, origin: str) -> web.Response:
        """Send a browser to the provider, with what only this one can answer.

        Parameters
        ----------
        request : aiohttp.web.Request
        origin : str
            Address of the console as browsers reach it.
        """
        try:
            discovery = await self._provider.discovery()
        except SignInRefused as refused:
            return self._refused(request, refused)
        state, browser = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        pending = self._remember(state, browser, request)
        challenge = hashlib.sha256(pending.verifier.encode()).digest()
        fields = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": origin + BACK,
            "scope": self._settings.scopes,
            "state": state,
            "nonce": pending.nonce,
            "code_challenge": urlsafe_b64encode(challenge).rstrip(b"=").decode(),
            "code_challenge_method": CODE_METHOD,
        }
        response = _sent_to(with_query(discovery.authorization_endpoint, fields))
        # Lax: the provider's answer comes from another site.
        response.set_cookie(
            COOKIE, browser, max_age=int(PENDING_S), path=COOKIE_PATH, httponly=True,
            secure=origin.startswith("https:"), samesite="Lax",
        )  # fmt: skip
        return response

    def _remember(self, state: str, browser: str, request: web.Request) -> Pending:
        """Keep what the answer is held against; who has too many open begins the oldest anew."""
        now_s, address = self._clock(), request.remote or ""
        while self._pending:
            oldest = next(iter(self._pending))
            late = now_s - self._pending[oldest].began_s > PENDING_S
            if not late and len(self._pending) < PENDING_MAX:
                break
            del self._pending[oldest]
        own = [key for key, one in self._pending.items() if one.address == address]
        for key in own[: len(own) + 1 - PENDING_OF_ADDRESS]:
            del self._pending[key]
        nonce, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        to = here(request.query.get("to", ""))
        pending = Pending(_hashed(browser), address, nonce, verifier, to, now_s)
        self._pending[_hashed(state)] = pending
        return pending

    async def back(self, request: web.Request, origin: str, admit: Admit) -> web.Response:
        """Take a browser back, sign in whoever sits before it, and show the page they wanted."""
        address = request.remote or ""
        if self._tries.too_many(None, address):
            return self._refused(request, SignInRefused(code="too_many", why="too many tries"))
        self._tries.failed(None, address)  # before it is known, as passwords
        try:
            pending = self._answered(request)
            user, account = await self._signed_in(request, pending, origin)
            leave_at = await self._provider.leave_at(f"{origin}/")
        except SignInRefused as refused:
            return self._refused(request, refused)
        self._tries.good(None, address)
        response = _sent_to(pending.to)
        admit(response, user, account).leave_at = leave_at
        response.del_cookie(COOKIE, path=COOKIE_PATH)
        audit.info(
            "%s (%s) from %s: signed in by %s", user, account.role, address, self._settings.issuer
        )
        return response

    def _answered(self, request: web.Request) -> Pending:
        """What an answer belongs to: it counts once, and in the browser that was sent alone."""
        key = _hashed(request.query.get("state", ""))
        pending = self._pending.get(key)
        if pending is None or self._clock() - pending.began_s > PENDING_S:
            raise SignInRefused(code="oidc_stale", why="a state that is not known, or no more")
        if not hmac.compare_digest(pending.browser, _hashed(request.cookies.get(COOKIE, ""))):
            raise SignInRefused(code="oidc_stale", why="a state of another browser")
        del self._pending[key]
        return pending

    async def _signed_in(
        self, request: web.Request, pending: Pending, origin: str
    ) -> tuple[str, Account]:
        """Whom the provider has seen."""
        query, settings = request.query, self._settings
        discovery = await self._provider.discovery()
        # RFC 9207: an answer of another provider must not bring its code here.
        issuer = query.get("iss")
        if issuer is None and discovery.authorization_response_iss_parameter_supported:
            raise SignInRefused(code="oidc_refused", why="an answer without its issuer")
        if issuer not in {None, settings.issuer}:
            raise SignInRefused(code="oidc_refused", why=f"an answer of {str(issuer)[:200]!r}")
        if "error" in query or "code" not in query:
            why = f"the provider says {query.get('error', '')[:200]!r}"
            raise SignInRefused(code="oidc_refused", why=why)
        token = await self._provider.id_token(query["code"], pending.verifier, origin + BACK)
        key = await self._provider.key(key_name(token))
        claims = believed(token, key, settings.issuer, settings.client_id)
        check_moment(claims, pending.nonce, self._now_ms() / 1000)
        user, account = account_of(claims, settings)
        if _alike(user) in self._local:
            raise SignInRefused(code="oidc_no_role", why=f"{user!r} is the name of a local account")
        return user, account

    def _refused(self, request: web.Request, refused: SignInRefused) -> web.Response:
        audit.warning("sign-in by %s from %s: %s", self._settings.issuer, request.remote, refused)
        response = _sent_to(f"/?refused={refused.code}")
        response.del_cookie(COOKIE, path=COOKIE_PATH)
        return response


def here(path: str) -> str:
    """A page of this console, whatever somebody has put in its place.

    >>> here("/incident/i-1?x=1"), here("//elsewhere.example"), here("https://elsewhere.example")
    ('/incident/i-1?x=1', '/', '/')
    """
    fits = len(path) <= HERE_CHARACTERS_MAX and not path.startswith("//")
    return path if fits and _HERE.fullmatch(path) else "/"


def _alike(name: str) -> str:
    """A name without what the eye passes over in a list.

    >>> _alike("\uff2ci.Wei") == _alike("li.wei")
    True
    """
    return unicodedata.normalize("NFKC", name).casefold()


def _sent_to(address: str) -> web.Response:
    return web.Response(status=303, headers={"Location": address})


def _hashed(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="replace")).digest()
