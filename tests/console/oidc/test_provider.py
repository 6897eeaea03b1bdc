"""A provider that is away, slow, talks without end, or changes its keys."""

import asyncio
from typing import Any

import pytest

from console.oidc import provider as asked
from console.oidc.provider import BYTES_MAX, FRESH_S, KEYS_AGAIN_S
from tests.console.oidc.conftest import Door, location
from tests.testkit.console.provider import new_key

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]
AWAY = "/?refused=oidc_away"
REFUSED = "/?refused=oidc_refused"


async def test_while_it_is_slow_nobody_waits_for_long_and_local_people_sign_in(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asked, "ASK_S", 0.1)
    door.provider.hanging.clear()
    people = [await door.person() for _ in range(3)]
    ends = await asyncio.gather(*(door.sent(person) for person in people))
    assert ends == [AWAY] * 3
    assert len(door.provider.asked) == 1, "who waits meanwhile asks no second time"
    assert await people[0].sign_in("operator") == 200
    door.provider.hanging.set()
    door.clock.now_s += asked.AGAIN_S
    assert await door.through(people[1]) == "/"


async def test_one_that_is_away_between_the_two_ends_is_said_to_be(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asked, "ASK_S", 0.1)
    person = await door.person()
    back = await door.way_back(person)
    door.provider.hanging.clear()
    assert await location(person, back) == AWAY
    assert await door.user(person) == ""


BODIES = {
    "without end": b" " * (BYTES_MAX + 1),
    "no JSON": b"<html>",
    "another kind": b"[1]",
    "not in UTF-8": b'{"issuer": "\xff"}',
    "empty": b"",
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("late", [False, True])
async def test_what_it_should_not_have_said_is_refused(door: Door, body: str, late: bool) -> None:
    person = await door.person()
    if not late:
        door.provider.body = BODIES[body]
        end = await door.sent(person)
    else:
        back = await door.way_back(person)
        door.provider.body = BODIES[body]
        end = await location(person, back)
    assert end == (AWAY if body == "without end" else REFUSED)
    assert await door.user(person) == ""


DISCOVERIES: list[dict[str, Any]] = [
    {"issuer": "https://elsewhere.example"},
    {"authorization_endpoint": "javascript:alert(1)"},
    {"token_endpoint": "file:///etc/passwd"},
    {"jwks_uri": "keys"},
    {"end_session_endpoint": "ftp://elsewhere.example"},
    {"code_challenge_methods_supported": ["plain"]},
    {"token_endpoint": None},
]


@pytest.mark.parametrize("told", DISCOVERIES)
async def test_a_document_that_cannot_be_is_refused(door: Door, told: dict[str, Any]) -> None:
    door.provider.told = told
    person = await door.person()
    assert await door.sent(person) == REFUSED
    door.provider.told = {}
    assert await door.through(person) == "/"


async def test_a_secret_is_not_carried_elsewhere(door: Door) -> None:
    door.provider.told = {"token_endpoint": f"{door.provider.address}/authorize"}
    assert await door.through(await door.person()) == REFUSED


async def test_new_keys_are_found_and_made_up_names_ask_no_more_than_now_and_then(
    door: Door,
) -> None:
    provider = door.provider
    assert await door.through(await door.person()) == "/"
    provider.keys.insert(0, new_key("second"))
    door.clock.now_s += KEYS_AGAIN_S
    assert await door.through(await door.person()) == "/"
    assert provider.asked.count("/keys") == 2
    forger = new_key("made up")
    provider.sign = lambda claims: provider.signed(claims, forger)
    for _ in range(3):
        assert await door.through(await door.person()) == REFUSED
    assert provider.asked.count("/keys") == 2
    door.clock.now_s += KEYS_AGAIN_S
    for _ in range(3):
        assert await door.through(await door.person()) == REFUSED
    assert provider.asked.count("/keys") == 3


async def test_a_key_that_was_withdrawn_counts_no_longer_than_an_hour(door: Door) -> None:
    provider = door.provider
    assert await door.through(await door.person()) == "/"
    stolen = provider.keys[0]
    provider.keys = [new_key("second")]
    provider.sign = lambda claims: provider.signed(claims, stolen)
    door.clock.now_s += FRESH_S
    assert await door.through(await door.person()) == REFUSED


async def test_keys_for_other_ends_do_not_count(door: Door) -> None:
    door.provider.use = "enc"
    assert await door.through(await door.person()) == REFUSED
