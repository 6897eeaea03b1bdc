"""Pages that ask the same together are answered by one look, and never with what is older."""

import asyncio

import pytest

from tests.console.server.conftest import Centre

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]
LIST = "/api/incidents?open=1&limit=200"


async def told(centre: Centre, cursor: str) -> str:
    """Cursor of the feed, once it has moved."""
    async with asyncio.timeout(30):
        while centre.console.feed.cursor == cursor:  # noqa: ASYNC110 - the feed tells pages alone
            await asyncio.sleep(0.01)
    return centre.console.feed.cursor


async def test_what_is_asked_together_is_asked_of_the_history_once(centre: Centre) -> None:
    person = await centre.person("viewer")
    await told(centre, "")
    first, *others = await asyncio.gather(*(person.get(LIST) for _ in range(5)))
    assert all(one == first for one in others)
    centre.made.ring(9, colour="red")  # which no page has been told of yet, or all of them have
    cursor = await told(centre, first["cursor"])
    now = await person.get(LIST)
    assert now["cursor"] == cursor
    assert len(now["incidents"]) == len(first["incidents"]) + 1


async def test_different_questions_have_different_answers(centre: Centre) -> None:
    person = await centre.person("viewer")
    red, every = await asyncio.gather(person.get(f"{LIST}&colour=red"), person.get(LIST))
    assert (len(red["incidents"]), len(every["incidents"])) == (1, 3)


async def test_a_refusal_is_not_kept(centre: Centre) -> None:
    person = await centre.person("viewer")
    for _ in range(2):
        async with person.browser.get("/api/incidents?limit=x") as answer:
            assert answer.status == 400
            assert (await answer.json())["error"] == "bad_request"
