"""What people and neighbours do wrong is refused with a word; nothing is overwritten or lost."""

import uuid
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager

import msgspec
import pytest
from sqlalchemy import Connection

from console.server import BODY_BYTES_MAX, COOKIE
from contracts.errors import RetryableError
from sinks.history.sqlite import SqliteStore
from tests.console.server.conftest import Centre
from tests.testkit.desk.topics import NAMES, incident

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]
RED = f"i-{2:016x}"
CHANNEL = "water.feed-01.flow"
MANY = 10_000


def new_id() -> str:
    return str(uuid.uuid4())


@pytest.mark.parametrize("path", ["/api/session", "/api/commands"])
@pytest.mark.parametrize("sized", [True, False])
async def test_a_body_that_is_too_large_is_refused(centre: Centre, path: str, sized: bool) -> None:
    person = await centre.person("operator")
    body = b'{"user": "' + b"x" * BODY_BYTES_MAX + b'"}'

    async def parts() -> AsyncIterator[bytes]:
        for begin in range(0, len(body), 4_096):
            yield body[begin : begin + 4_096]

    data = body if sized else parts()
    headers = {"X-Csrf": person.csrf, "Content-Type": "application/json"}
    async with person.browser.post(path, data=data, headers=headers) as answer:
        assert (answer.status, (await answer.json())["error"]) == (413, "too_large")
    assert not centre.made.sent
    assert (await person.get("/api/session"))["user"] == "operator"


@pytest.mark.parametrize("forged", ["", "x", "a" * 43, "é", "../../etc/passwd", "a" * 4_000])
async def test_a_forged_session_reads_and_commands_nothing(centre: Centre, forged: str) -> None:
    real, stranger = await centre.person("admin"), await centre.person()
    cookies = {COOKIE: forged}
    async with stranger.browser.get("/api/incidents", cookies=cookies) as answer:
        assert answer.status == 401
    said = {"id": new_id(), "kind": "acknowledge", "target": RED}
    headers = {"X-Csrf": real.csrf}  # stolen from a page, without its cookie
    async with stranger.browser.post(
        "/api/commands", json=said, headers=headers, cookies=cookies
    ) as answer:
        assert answer.status == 401
    assert not centre.made.sent


async def test_the_token_of_another_session_commands_nothing(centre: Centre) -> None:
    person, other = await centre.person("operator"), await centre.person("admin")
    status, said = await person.command(
        id=new_id(), kind="acknowledge", target=RED, csrf=other.csrf
    )
    assert (status, said["error"]) == (403, "bad_csrf")
    assert not centre.made.sent


@pytest.mark.parametrize("until", [0, 1, 1_700_000_000_000, 2**53])
async def test_a_shelving_that_has_expired_is_refused(centre: Centre, until: int) -> None:
    person = await centre.person("supervisor")
    status, said = await person.command(
        id=new_id(), kind="shelve", target=CHANNEL, reason="flushing", until=until
    )
    assert (status, said["error"]) == (400, "bad_request")
    assert not centre.made.sent


@pytest.mark.parametrize("kind", ["acknowledge", "dispatch", "comment"])
async def test_what_was_closed_meanwhile_is_a_conflict(centre: Centre, kind: str) -> None:
    supervisor, operator = await centre.person("supervisor"), await centre.person("operator")
    seen = (await operator.get(f"/api/incidents/{RED}"))["line"]["revision"]
    closing = {"kind": "close", "target": RED, "verdict": "true", "revision": seen}
    assert (await supervisor.command(id=new_id(), **closing))[0] == 202
    sent = len(centre.made.sent)
    status, said = await operator.command(
        id=new_id(), kind=kind, target=RED, revision=seen, text="on our way"
    )
    assert (status, said["error"]) == (409, "conflict")
    assert said["now"]["ticket_state"] == "closed"
    assert len(centre.made.sent) == sent
    line = (await operator.get(f"/api/incidents/{RED}"))["line"]
    assert (line["ticket_state"], line["acknowledged"]) == ("closed", False)


async def test_while_the_history_is_away_nothing_is_read_or_sent_and_people_stay_signed_in(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: SqliteStore) -> AbstractContextManager[Connection]:
        msg = "the disk is gone"
        raise RetryableError(msg, 1.0)

    person, id_ = await centre.person("operator"), new_id()
    asked = {"id": id_, "kind": "acknowledge", "target": RED}
    with monkeypatch.context() as patched:
        patched.setattr(SqliteStore, "reading", away)
        for path in ("city", "incidents", f"incidents/{RED}", "shelvings", "audit", "handover"):
            async with person.browser.get(f"/api/{path}") as answer:
                assert (answer.status, (await answer.json())["error"]) == (503, "history_away")
        status, said = await person.command(**asked)
        assert (status, said["error"]) == (503, "history_away")
        assert said["message"].keys() == {"en", "zh"}
        assert not centre.made.sent
        assert (await person.get("/api/session"))["user"] == "operator"
    assert (await person.command(**asked))[0] == 202, "the same id, once it is back"
    assert len(centre.made.sent) == 1


async def test_ten_thousand_open_incidents_come_page_by_page_and_each_once(centre: Centre) -> None:
    told = (incident(number, 1) for number in range(100, 100 + MANY))
    records = [(NAMES.incidents, "incident", msgspec.json.encode(one)) for one in told]
    centre.made.write(*records)
    person = await centre.person("viewer")
    found: list[str] = []
    more, after = True, ""
    while more:
        page = await person.get(f"/api/incidents?limit=1000&after={after}")
        found += [line["id"] for line in page["incidents"]]
        more, after = page["more"], found[-1]
    assert len(found) == len(set(found)) == MANY + 3
    assert sum((await person.get("/api/city"))["colours"].values()) == MANY + 3
    for limit in ("1001", "0", "-1", "1e3"):
        async with person.browser.get("/api/incidents", params={"limit": limit}) as answer:
            assert answer.status == 400, limit
