"""Whether an ID token can be believed (OpenID Connect Core 1.0, section 3.1.3.7)."""

import hmac
from typing import Annotated, Any, Final

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import Key
from joserfc.jws import JWSRegistry, extract_compact
from msgspec import Meta

from console.oidc.refused import SignInRefused

# Of public keys alone: with a secret of both, a published key would be one that anybody signs with.
ALGORITHMS: Final = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519",
)  # fmt: skip
LEEWAY_S: Final = 60.0  # by which clocks differ
TOKEN_CHARACTERS_MAX: Final = 32 << 10
_JWS: Final = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
Time = Annotated[float, Meta(ge=0, le=1e12)]


class _Claims(msgspec.Struct, frozen=True):
    iss: str
    sub: Annotated[str, Meta(min_length=1, max_length=255)]
    aud: str | list[str]
    exp: Time
    iat: Time
    nonce: str
    nbf: Time = 0
    azp: str | None = None


def key_name(token: str) -> str | None:
    """Name of the key that a token says it was signed by.

    Raises
    ------
    SignInRefused
        When it is no token, or by an algorithm that is not allowed.
    """
    if len(token) > TOKEN_CHARACTERS_MAX:
        raise SignInRefused(code="oidc_refused", why=f"token: {len(token)} characters")
    try:
        header = extract_compact(token.encode(), registry=_JWS).headers()
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise SignInRefused(code="oidc_refused", why=f"token: {error!r}"[:300]) from error
    algorithm, name = header.get("alg"), header.get("kid")
    if algorithm not in ALGORITHMS:
        raise SignInRefused(code="oidc_refused", why=f"token: algorithm {str(algorithm)[:40]!r}")
    return name if isinstance(name, str) else None


def believed(token: str, key: Key, issuer: str, client: str) -> dict[str, Any]:
    """Claims of a token that this issuer has signed for this client.

    Raises
    ------
    SignInRefused
        When the signature, the issuer or the audience is another.
    """
    try:
        claims = jwt.decode(token, key, registry=_JWS).claims
        told = msgspec.convert(claims, _Claims)
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise SignInRefused(code="oidc_refused", why=f"token: {error!r}"[:300]) from error
    audience = [told.aud] if isinstance(told.aud, str) else told.aud
    if told.iss != issuer:
        raise SignInRefused(code="oidc_refused", why=f"token: issuer {told.iss[:200]!r}")
    if client not in audience:
        raise SignInRefused(code="oidc_refused", why=f"token: audience {audience!r}"[:300])
    if told.azp != client and (told.azp is not None or len(audience) > 1):
        raise SignInRefused(code="oidc_refused", why=f"token: authorised party {told.azp!r}"[:300])
    return claims


def check_moment(claims: dict[str, Any], nonce: str, now_s: float) -> None:
    """Refuse a believed token that is not of now, or answers another sign-in."""
    told = msgspec.convert(claims, _Claims)
    if now_s > told.exp + LEEWAY_S:
        raise SignInRefused(
            code="oidc_refused", why=f"token: expired at {told.exp:.0f}, it is {now_s:.0f}"
        )
    if max(told.iat, told.nbf) > now_s + LEEWAY_S:
        raise SignInRefused(code="oidc_refused", why=f"token: from the future, it is {now_s:.0f}")
    if not hmac.compare_digest(told.nonce.encode(), nonce.encode()):
        raise SignInRefused(code="oidc_refused", why="token: another nonce")
