"""Somebody signs in by the provider, and works like everybody else."""

import logging
import re

import pytest

from console.oidc.sign_in import COOKIE, PENDING_OF_ADDRESS, PENDING_S
from contracts.desk.commands import Acknowledge
from tests.console.oidc.conftest import Door, fields_of, location
from tests.testkit.console.provider import CLIENT

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]
RED = f"i-{2:016x}"


async def test_who_the_provider_has_seen_works_in_their_role(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tocsin.console.audit")
    person = await door.person()
    assert await door.through(person, f"?to=/incident/{RED}%3Fx=1") == f"/incident/{RED}?x=1"
    assert await door.user(person) == "chen.jie"
    assert f"chen.jie (operator) from 127.0.0.1: signed in by {door.provider.address}" in (
        caplog.text
    )
    given = {"id": "chosen-by-page", "target": RED}
    assert (await person.command(kind="acknowledge", **given))[0] == 202
    ((_, _, command),) = door.centre.made.sent
    assert isinstance(command, Acknowledge)
    assert (command.by, command.role) == ("chen.jie", "operator")
    status, _ = await person.command(kind="close", verdict="true", **given | {"id": "another-one"})
    assert status == 403


async def test_the_request_says_what_the_standard_asks_and_no_two_are_alike(door: Door) -> None:
    person = await door.person()
    asked, again = [fields_of(await door.sent(person)) for _ in range(2)]
    assert asked["client_id"] == CLIENT
    assert asked["redirect_uri"] == f"{door.centre.console.address}api/oidc/callback"
    assert (asked["response_type"], asked["scope"]) == ("code", "openid profile")
    assert asked["code_challenge_method"] == "S256"
    assert re.fullmatch(r"[\w-]{43}", asked["code_challenge"])
    for name in ("state", "nonce", "code_challenge"):
        assert asked[name] != again[name], name


async def test_cookies_are_out_of_reach_and_that_of_the_session_stays_strict(door: Door) -> None:
    person = await door.person()
    async with person.browser.get("/api/oidc/start", allow_redirects=False) as answer:
        going, to = answer.headers["Set-Cookie"], answer.headers["Location"]
        assert answer.headers["Cache-Control"] == "no-store"
    assert COOKIE in going
    for said in ("HttpOnly", "SameSite=Lax", "Path=/api/oidc/"):
        assert said in going, said
    back = await location(person, to)
    async with person.browser.get(back, allow_redirects=False) as answer:
        session, gone = answer.headers.getall("Set-Cookie")
    assert "HttpOnly" in session
    assert "SameSite=Strict" in session
    assert f'{COOKIE}=""' in gone
    assert "Max-Age=0" in gone


async def test_signing_out_leads_out_of_the_provider_too(door: Door) -> None:
    person = await door.person()
    await door.through(person)
    await door.user(person)
    async with person.browser.delete("/api/session", headers={"X-Csrf": person.csrf}) as answer:
        leave_at = (await answer.json())["leave_at"]
    assert leave_at.startswith(f"{door.provider.address}/end?")
    assert fields_of(leave_at) == {
        "client_id": CLIENT,
        "post_logout_redirect_uri": door.centre.console.address,
    }
    assert await door.user(person) == ""


async def test_local_people_sign_in_beside_it_and_a_page_is_told_of_both_ways(door: Door) -> None:
    person = await door.person()
    async with person.browser.get("/api/session") as answer:
        assert (await answer.json())["methods"] == ["password", "oidc"]
    assert await person.sign_in("operator") == 200
    assert await door.user(person) == "operator"


@pytest.mark.parametrize("name", ["admin", "Admin", "\uff21dmin", " admin "])
async def test_nobody_bears_the_name_of_a_local_account(door: Door, name: str) -> None:
    person = await door.person()
    door.provider.claims["preferred_username"] = name
    assert await door.through(person) == "/?refused=oidc_no_role"
    assert await door.user(person) == ""


async def test_who_has_no_role_comes_no_further(door: Door) -> None:
    person = await door.person()
    door.provider.claims["groups"] = ["staff"]
    assert await door.through(person) == "/?refused=oidc_no_role"
    assert await door.user(person) == ""


async def test_of_one_address_begin_so_many_that_the_oldest_starts_anew(door: Door) -> None:
    first, others = await door.person(), await door.person()
    back = await door.way_back(first)
    for _ in range(PENDING_OF_ADDRESS):
        await door.sent(others)
    assert await location(first, back) == "/?refused=oidc_stale"


async def test_a_sign_in_that_took_too_long_begins_anew(door: Door) -> None:
    person = await door.person()
    back = await door.way_back(person)
    door.clock.now_s += PENDING_S + 1
    assert await location(person, back) == "/?refused=oidc_stale"
    assert await door.through(person) == "/"


async def test_only_a_page_that_somebody_looks_at_begins_one(door: Door) -> None:
    person = await door.person()
    async with person.browser.head("/api/oidc/start", allow_redirects=False) as answer:
        assert answer.status == 405
