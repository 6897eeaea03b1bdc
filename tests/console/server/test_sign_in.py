"""Who comes in, for how long, and how often somebody may guess."""

import pytest

from console.accounts import MAY
from console.sessions import IDLE_S, TRIES, WHOLE_S, WINDOW_S, Sessions, Tries
from tests.console.server.conftest import Centre
from tests.testkit.console.made import accounts, quick_passwords

pytestmark = pytest.mark.slow

LI = accounts(quick_passwords())["operator"]


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.mark.asyncio
async def test_nobody_reads_without_a_session_and_a_forged_one_is_none(centre: Centre) -> None:
    stranger = await centre.person()
    for cookies in ({}, {"tocsin-session": "forged"}):
        for path in ("/api/city", "/api/session", "/api/changes"):
            async with stranger.browser.get(path, cookies=cookies) as answer:
                assert answer.status == 401, path
                assert (await answer.json())["error"] == "signed_out"
    status, said = await stranger.command(id="abcdefgh", kind="drill", on=True)
    assert (status, said["error"]) == (401, "signed_out")


@pytest.mark.asyncio
async def test_a_session_says_what_its_role_may_and_ends_when_told(centre: Centre) -> None:
    person = await centre.person("operator")
    async with person.browser.get("/api/session") as answer:
        said = await answer.json()
    assert (said["user"], said["role"]) == ("operator", "operator")
    assert said["may"] == sorted(MAY["operator"])
    headers = {"X-Csrf": person.csrf}
    async with person.browser.delete("/api/session", headers=headers) as answer:
        assert answer.status == 204
    async with person.browser.get("/api/session") as answer:
        assert answer.status == 401


@pytest.mark.asyncio
async def test_a_cookie_is_out_of_reach_of_scripts_and_other_sites(centre: Centre) -> None:
    person = await centre.person()
    body = {"user": "viewer", "password": "tocsin tocsin"}
    async with person.browser.post("/api/session", json=body) as answer:
        cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    elsewhere = {"Origin": "https://elsewhere.example"}
    async with person.browser.post("/api/session", json=body, headers=elsewhere) as answer:
        assert (await answer.json())["error"] == "bad_csrf"


@pytest.mark.asyncio
async def test_guessing_ends_and_even_the_right_password_waits(centre: Centre) -> None:
    person = await centre.person()
    for _ in range(TRIES):
        assert await person.sign_in("operator", "a wrong password") == 401
    assert await person.sign_in("operator") == 429
    assert await person.sign_in("nobody", "a wrong password") == 401
    assert await person.sign_in("viewer") == 200


@pytest.mark.asyncio
async def test_without_a_provider_there_is_no_way_to_one(centre: Centre) -> None:
    person = await centre.person()
    for path in ("/api/oidc/start", "/api/oidc/callback?code=x&state=y"):
        async with person.browser.get(path) as answer:
            assert answer.status == 404, path
    async with person.browser.get("/api/session") as answer:
        assert (await answer.json())["methods"] == ["password"]


def test_sessions_end_idle_or_old() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    token, session = sessions.begin("li", LI)
    clock.now_s += IDLE_S
    assert sessions.find(token) is session
    clock.now_s += IDLE_S + 1
    assert sessions.find(token) is None
    token, _ = sessions.begin("li", LI)
    while clock.now_s < WHOLE_S + 2 * IDLE_S:
        clock.now_s += IDLE_S / 2
        sessions.find(token)
    clock.now_s += IDLE_S / 2
    assert sessions.find(token) is None
    assert len(sessions) == 0


def test_tries_are_forgotten_after_a_while() -> None:
    clock = Clock()
    tries = Tries(clock)
    for _ in range(TRIES):
        tries.failed("li", "10.0.0.7")
    assert tries.too_many("li", "10.0.0.8")
    assert not tries.too_many("wang", "10.0.0.7")
    clock.now_s += WINDOW_S + 1
    assert not tries.too_many("li", "10.0.0.8")


def test_a_password_is_checked_and_a_short_one_refused() -> None:
    passwords = quick_passwords()
    assert passwords.good(LI, "tocsin tocsin")
    assert not passwords.good(LI, "tocsin")
    assert not passwords.good(None, "nobody")
    with pytest.raises(ValueError, match="expected 10 to 256 characters, got 5"):
        passwords.hash("short")
