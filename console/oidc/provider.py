"""What is asked of a provider: its endpoints, its keys, and the token for a code.

OpenID Connect Discovery 1.0, section 4; RFC 6749, section 4.1.3; RFC 7517, section 5.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeVar
from urllib.parse import quote_plus, urlencode, urlsplit

import aiohttp
import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import Key, import_key

from console.oidc.refused import SignInRefused
from contracts.settings.console import OidcSettings

ASK_S: Final = 5.0  # how long a person waits for one answer of the provider
AGAIN_S: Final = 2.0  # behind an answer that did not come, nobody asks for so long
FRESH_S: Final = 3600.0  # how long endpoints and keys are believed
KEYS_AGAIN_S: Final = 30.0  # between looks for a key that is not known
BYTES_MAX: Final = 256 << 10
KEYS_MAX: Final = 64
RSA_CHARACTERS_MIN: Final = 341  # of the modulus of 2,048 bits in base64url
CODE_METHOD: Final = "S256"
T = TypeVar("T")
_SIGNING: Final = frozenset({"RSA", "EC", "OKP"})


class Discovery(msgspec.Struct, frozen=True):
    """What a provider says of itself; names are those of the specification."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    end_session_endpoint: str | None = None
    authorization_response_iss_parameter_supported: bool = False
    token_endpoint_auth_methods_supported: list[str] | None = None
    code_challenge_methods_supported: list[str] | None = None


class _Token(msgspec.Struct, frozen=True):
    id_token: str


class _Keys(msgspec.Struct, frozen=True):
    keys: list[dict[str, Any]]


class Provider:
    """Asks the provider; everything raises `SignInRefused` when that does not answer.

    Parameters
    ----------
    settings : OidcSettings
    secret : str or None
        Of the client.
    clock : callable
        Monotonic seconds.
    """

    def __init__(
        self, settings: OidcSettings, secret: str | None, clock: Callable[[], float]
    ) -> None:
        self._settings = settings
        self._secret = secret
        self._clock = clock
        self._http: aiohttp.ClientSession | None = None
        self._asking = asyncio.Lock()  # whoever comes meanwhile takes what the first one has found
        self._discovery: Discovery | None = None
        self._discovered_s = 0.0
        self._keys: list[Key] = []
        self._keys_s: float | None = None
        self._failed_s: float | None = None

    async def close(self) -> None:
        """Let go of connections."""
        if self._http is not None:
            await self._http.close()

    async def discovery(self) -> Discovery:
        """Endpoints as the provider has them."""
        async with self._asking:
            if self._discovery is None or self._clock() - self._discovered_s > FRESH_S:
                self._discovery = await self._discover()
                self._discovered_s = self._clock()
            return self._discovery

    async def _discover(self) -> Discovery:
        issuer = self._settings.issuer
        address = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        found = await self._answer(Discovery, "GET", address)
        if found.issuer != issuer:
            raise SignInRefused(
                code="oidc_refused", why=f"{address}: issuer {found.issuer[:200]!r}"
            )
        ends = (found.authorization_endpoint, found.token_endpoint, found.jwks_uri)
        for end in (*ends, found.end_session_endpoint or ends[0]):
            if not _as_safe(end, issuer):
                raise SignInRefused(code="oidc_refused", why=f"{address}: endpoint {end[:200]!r}")
        methods = found.code_challenge_methods_supported
        if methods is not None and CODE_METHOD not in methods:
            raise SignInRefused(code="oidc_refused", why=f"{address}: no PKCE by {CODE_METHOD}")
        return found

    async def key(self, name: str | None) -> Key:
        """The key by which a token says that it was signed.

        A name that is not known is looked for anew, but not more often than the keys' time allows:
        whoever makes names up makes no storm of questions.
        """
        address = (await self.discovery()).jwks_uri
        async with self._asking:
            age_s = FRESH_S if self._keys_s is None else self._clock() - self._keys_s
            found = self._known(name)
            if age_s >= FRESH_S or (found is None and age_s >= KEYS_AGAIN_S):
                told = await self._answer(_Keys, "GET", address)
                self._keys = _usable(told.keys)
                self._keys_s = self._clock()
                found = self._known(name)
        if found is None:
            raise SignInRefused(
                code="oidc_refused", why=f"token: key {str(name)[:200]!r} is not known"
            )
        return found

    def _known(self, name: str | None) -> Key | None:
        if name is None:
            return self._keys[0] if len(self._keys) == 1 else None
        return next((key for key in self._keys if key.kid == name), None)

    async def id_token(self, code: str, verifier: str, redirect: str) -> str:
        """Exchange a code; the provider compares the verifier with the challenge of before."""
        discovery = await self.discovery()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect,
            "code_verifier": verifier,
        }
        headers, client = self._client(discovery)
        answer = await self._answer(
            _Token, "POST", discovery.token_endpoint, headers=headers, data=form | client
        )
        return answer.id_token

    def _client(self, discovery: Discovery) -> tuple[dict[str, str], dict[str, str]]:
        """How the console shows that it is the client: header and fields (RFC 6749, 2.3.1)."""
        name = self._settings.client_id
        if self._secret is None:
            return {}, {"client_id": name}
        methods = discovery.token_endpoint_auth_methods_supported or ["client_secret_basic"]
        if "client_secret_basic" not in methods:
            return {}, {"client_id": name, "client_secret": self._secret}
        login = aiohttp.encode_basic_auth(quote_plus(name), quote_plus(self._secret))
        return {"Authorization": login}, {}

    async def leave_at(self, back: str) -> str:
        """Where a browser goes to sign out of the provider, too; nowhere if that has no such."""
        end = (await self.discovery()).end_session_endpoint
        fields = {"client_id": self._settings.client_id, "post_logout_redirect_uri": back}
        return "" if end is None else with_query(end, fields)

    async def _answer(self, kind: type[T], method: str, address: str, **options: Any) -> T:
        if self._failed_s is not None and self._clock() - self._failed_s < AGAIN_S:
            raise SignInRefused(code="oidc_away", why=f"{address}: did not answer a moment ago")
        try:
            async with asyncio.timeout(ASK_S):
                status, body = await self._bytes(method, address, **options)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            self._failed_s = self._clock()
            raise SignInRefused(code="oidc_away", why=f"{address}: {error!r}"[:500]) from error
        self._failed_s = None
        if status != 200:
            away = status >= 500 or status == 429
            why = f"{address}: status {status}: {body[:200]!r}"
            raise SignInRefused(code="oidc_away" if away else "oidc_refused", why=why)
        try:
            return msgspec.json.decode(body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise SignInRefused(code="oidc_refused", why=f"{address}: {error}") from error

    async def _bytes(self, method: str, address: str, **options: Any) -> tuple[int, bytes]:
        """Status and body of an answer of bounded size; nobody is sent elsewhere."""
        if self._http is None:
            self._http = aiohttp.ClientSession(
                auto_decompress=False,
                headers={"Accept": "application/json", "Accept-Encoding": "identity"},
            )
        body = b""
        async with self._http.request(method, address, allow_redirects=False, **options) as answer:
            async for part in answer.content.iter_any():
                body += part
                if len(body) > BYTES_MAX:
                    msg = f"expected at most {BYTES_MAX} bytes, got more"
                    raise ValueError(msg)
            return answer.status, body


def with_query(address: str, fields: dict[str, str]) -> str:
    """An address with fields behind those that it has already.

    >>> with_query("https://id.example/end?tenant=1", {"state": "a b"})
    'https://id.example/end?tenant=1&state=a+b'
    """
    return f"{address}{'&' if '?' in address else '?'}{urlencode(fields)}"


def _as_safe(address: str, issuer: str) -> bool:
    """Whether an endpoint is an address, and in the clear only where its issuer is."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    allowed = {"https", urlsplit(issuer).scheme}
    return parts.scheme in allowed and bool(parts.hostname) and not parts.fragment


def _usable(told: list[dict[str, Any]]) -> list[Key]:
    """Keys that may have signed a token; a set may hold others, which are none of our business."""
    found: list[Key] = []
    for data in told[:KEYS_MAX]:
        short = data.get("kty") == "RSA" and len(str(data.get("n", ""))) < RSA_CHARACTERS_MIN
        if data.get("kty") not in _SIGNING or data.get("use", "sig") != "sig" or short:
            continue
        try:
            found.append(import_key(data))
        except (JoseError, ValueError, TypeError, KeyError):
            continue
    return found
