"""Answers that are not the provider's, not for this console or this browser, or not of now."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from console.oidc.sign_in import BACK
from console.sessions import TRIES_OF_ADDRESS
from tests.console.oidc.conftest import Door, location
from tests.testkit.console.provider import CLIENT, FakeProvider, new_key

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]
REFUSED = "/?refused=oidc_refused"
STALE = "/?refused=oidc_stale"
Claims = dict[str, Any]


async def turned_away(door: Door, to: str = REFUSED) -> bool:
    """Whether a new person is sent away, and is nobody."""
    person = await door.person()
    return await door.through(person) == to and await door.user(person) == ""


async def test_a_state_that_nobody_gave_out_is_refused(door: Door) -> None:
    person = await door.person()
    await door.sent(person)
    for query in ("", "?state=", "?state=guessed&code=x", "?code=x"):
        assert await location(person, f"{BACK}{query}") == STALE
    assert "/token" not in door.provider.asked


async def test_an_answer_counts_in_the_browser_that_was_sent_alone(door: Door) -> None:
    attacker, victim = await door.person(), await door.person()
    back = await door.way_back(attacker)  # with the attacker's own code
    assert await location(victim, back) == STALE
    await door.sent(victim)  # one that has begun itself, too
    assert await location(victim, back) == STALE
    assert await door.user(victim) == ""
    assert "/token" not in door.provider.asked
    assert await location(attacker, back) == "/", "it is not used up by somebody else"


async def test_an_answer_counts_once(door: Door) -> None:
    person = await door.person()
    back = await door.way_back(person)
    assert await location(person, back) == "/"
    assert await location(person, back) == STALE
    assert door.provider.asked.count("/token") == 1


async def test_a_code_of_another_sign_in_fails_by_its_verifier(door: Door) -> None:
    attacker, victim = await door.person(), await door.person()
    stolen = (await door.way_back(victim)).partition("code=")[2].partition("&")[0]
    own = await door.way_back(attacker)
    code = own.partition("code=")[2].partition("&")[0]
    assert await location(attacker, own.replace(code, stolen)) == REFUSED
    assert await door.user(attacker) == ""


async def test_an_answer_of_another_provider_brings_its_code_nowhere(door: Door) -> None:
    door.provider.answer = {"iss": "https://elsewhere.example"}
    assert await turned_away(door)
    person = await door.person()
    back = await door.way_back(person)
    head, _, _ = back.partition("&iss=")
    assert await location(person, head) == REFUSED, "it says that it always names itself"
    assert "/token" not in door.provider.asked


async def test_what_the_provider_itself_refuses_is_refused(door: Door) -> None:
    door.provider.answer = {"error": "access_denied"}
    assert await turned_away(door)
    assert "/token" not in door.provider.asked


NOW_S = int(time.time())
WRONG_CLAIMS: dict[str, Claims] = {
    "nonce of another sign-in": {"nonce": "another"},
    "no nonce": {"nonce": None},
    "audience": {"aud": "another-client"},
    "audience of many without a party": {"aud": [CLIENT, "another-client"]},
    "authorised party": {"azp": "another-client"},
    "no audience": {"aud": None},
    "issuer": {"iss": "https://elsewhere.example"},
    "issuer with a slash": {"iss": "http://localhost/"},
    "expired": {"exp": NOW_S - 3_600},
    "no expiry": {"exp": None},
    "expiry that is no number": {"exp": "tomorrow"},
    "expiry that is not finite": {"exp": float("inf")},
    "from the future": {"iat": NOW_S + 3_600},
    "not yet": {"nbf": NOW_S + 3_600},
    "nobody": {"sub": ""},
    "name without end": {"preferred_username": "x" * 100_000},
}


@pytest.mark.parametrize("wrong", WRONG_CLAIMS)
async def test_a_token_that_says_something_else_is_refused(door: Door, wrong: str) -> None:
    door.provider.claims |= WRONG_CLAIMS[wrong]
    assert await turned_away(door)


async def test_an_audience_of_many_counts_with_its_party(door: Door) -> None:
    door.provider.claims |= {"aud": [CLIENT, "another-client"], "azp": CLIENT}
    assert await door.through(await door.person()) == "/"


def unsigned(_: FakeProvider, claims: Claims) -> str:
    """A token by the algorithm `none`."""
    return f"{part({'alg': 'none', 'kid': 'first'})}.{part(claims)}."


def by_the_public_key(provider: FakeProvider, claims: Claims) -> str:
    """A token whose shared secret is what everybody can read."""
    secret = OctKey.import_key({"kty": "oct", "k": part(provider.keys[0].as_dict(private=False))})
    return jwt.encode({"alg": "HS256", "kid": "first"}, claims, secret)


def by_a_key_that_it_brings(provider: FakeProvider, claims: Claims) -> str:
    """A token that names the key by which it is to be judged."""
    key = new_key("first")
    return provider.signed(claims, key, jwk=key.as_dict(private=False))


def changed(provider: FakeProvider, claims: Claims) -> str:
    """A token whose claims were changed behind its signature."""
    head, _, signature = provider.signed(claims).split(".")
    return f"{head}.{part(claims | {'preferred_username': 'boss'})}.{signature}"


def by_another_kind(_: FakeProvider, claims: Claims) -> str:
    """A token by another algorithm than its key is for."""
    key = RSAKey.generate_key(2048, {"kid": "first"})
    return jwt.encode({"alg": "RS256", "kid": "first"}, claims, key)


def of_an_unknown_key(provider: FakeProvider, claims: Claims) -> str:
    """A token of a key that is not published."""
    return provider.signed(claims, new_key("unknown"))


def critical(provider: FakeProvider, claims: Claims) -> str:
    """A token that nobody may take who does not know what it asks for."""
    head, body, signature = provider.signed(claims).split(".")
    header = json.loads(base64.urlsafe_b64decode(head + "=="))
    return f"{part(header | {'crit': ['exp'], 'exp': 1})}.{body}.{signature}"


def part(data: Claims) -> str:
    """A part of a token."""
    return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()


FORGERIES: list[Callable[[FakeProvider, Claims], str]] = [
    unsigned, by_the_public_key, by_a_key_that_it_brings, changed, by_another_kind,
    of_an_unknown_key, critical, lambda *_: "", lambda *_: "a.b.c", lambda *_: "x" * 40_000,
]  # fmt: skip


@pytest.mark.parametrize("forge", FORGERIES)
async def test_a_forged_token_is_refused(
    door: Door, forge: Callable[[FakeProvider, Claims], str]
) -> None:
    door.provider.sign = lambda claims: forge(door.provider, claims)
    assert await turned_away(door)
    door.provider.sign = None
    assert await door.through(await door.person()) == "/", "the next one is none the worse"


@pytest.mark.parametrize(
    "to",
    [
        "https://elsewhere.example/",
        "//elsewhere.example/",
        "/\\elsewhere.example/",
        "/\t/elsewhere.example/",
        "/\r\nSet-Cookie: a=b",
        "javascript:alert(1)",
        "/api/session",
        "elsewhere",
        "/" + "x" * 2_000,
    ],
)
async def test_nobody_is_sent_elsewhere_afterwards(door: Door, to: str) -> None:
    assert await door.through(await door.person(), f"?to={quote(to, safe='')}") == "/"


async def test_guessing_ends(door: Door) -> None:
    person = await door.person()
    for _ in range(TRIES_OF_ADDRESS):
        assert await location(person, f"{BACK}?state=guessed&code=x") == STALE
    assert await location(person, f"{BACK}?state=guessed&code=x") == "/?refused=too_many"
    assert await person.sign_in("viewer") == 429, "it is one limit for every way in"


async def test_who_signs_in_uses_up_no_tries(door: Door) -> None:
    person = await door.person()
    for _ in range(TRIES_OF_ADDRESS + 1):
        assert await door.through(person) == "/"
