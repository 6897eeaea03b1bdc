"""Commands: who may give which, what is sent, and what is refused with nothing sent."""

import asyncio
import uuid
from pathlib import Path

import msgspec
import pytest

from console.feed import SILENT_S
from contracts.desk.commands import Acknowledge, Advance, Report
from contracts.errors import RetryableError
from contracts.journal import CommandBase, Shelve
from tests.console.server.conftest import Centre

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]
RED = f"i-{2:016x}"
CHANNEL = "water.feed-01.flow"
FAR_MS = 2**52


def new_id() -> str:
    return str(uuid.uuid4())


async def test_an_acknowledgement_is_sent_once_in_the_name_and_role_of_who_gave_it(
    centre: Centre,
) -> None:
    person, id_ = await centre.person("operator"), new_id()
    for _ in range(2):
        status, said = await person.command(
            id=id_, kind="acknowledge", target=RED, revision=1, reason="seen"
        )
        assert (status, said) == (202, {"id": id_, "accepted": True})
    ((place, lane, command),) = centre.made.sent
    assert (place, lane) == ("desk", 0)
    assert isinstance(command, Acknowledge)
    assert (command.id, command.by, command.role) == (id_, "operator", "operator")
    assert (command.target, command.reason) == (RED, "seen")
    page = await person.get(f"/api/incidents/{RED}")
    assert page["line"]["acknowledged"]
    assert page["line"]["acknowledged_by"] == "operator"
    (act,) = (await person.get("/api/audit?by=operator"))["rows"]
    assert (act["kind"], act["target"], act["refused"]) == ("acknowledge", RED, False)


async def test_several_incidents_take_a_command_each(centre: Centre) -> None:
    person = await centre.person("operator")
    targets = [RED, f"i-{3:016x}"]
    status, _ = await person.command(id=new_id(), kind="dispatch", targets=targets)
    assert status == 202
    sent = [command for _, _, command in centre.made.sent]
    assert [(c.target, c.to) for c in sent if isinstance(c, Advance)] == [
        (target, "dispatched") for target in targets
    ]
    assert len({command.id for command in sent}) == 2


async def test_a_shelving_goes_to_the_lane_of_its_channel(centre: Centre) -> None:
    person = await centre.person("supervisor")
    until = {"until": int(4e12), "reason": "flushing"}
    status, said = await person.command(id=new_id(), kind="shelve", target=CHANNEL, **until)
    assert status == 202, said
    ((lifeline, _, command),) = centre.made.sent
    assert lifeline == "water"
    assert isinstance(command, Shelve)
    assert (command.channel, command.by, command.reason) == (CHANNEL, "supervisor", "flushing")
    for wrong in ({**until, "until": 5}, {**until, "reason": ""}):
        status, said = await person.command(id=new_id(), kind="shelve", target=CHANNEL, **wrong)
        assert (status, said["error"]) == (400, "bad_request")


async def test_a_drill_is_on_the_city_page_until_it_is_ended(centre: Centre) -> None:
    person = await centre.person("admin")
    assert not (await person.get("/api/city"))["drill"]
    for on in (True, False):
        status, _ = await person.command(id=new_id(), kind="drill", on=on, reason="yearly")
        assert status == 202
        async with asyncio.timeout(30):  # an answer is shared until pages are told of the change
            while (await person.get("/api/city"))["drill"] is not on:  # noqa: ASYNC110
                await asyncio.sleep(0.05)


async def test_a_work_order_is_listed_as_it_was_given_last(centre: Centre) -> None:
    person = await centre.person("engineer")
    given = {"order": "w-7731", "assets": ["water.dma-0417", "water.dma-0418"], "begins": 1_000}
    for ends in (5_000, 9_000):
        status, said = await person.command(
            id=new_id(), kind="maintenance", reason="new gauge", ends=ends, **given
        )
        assert status == 202, said
    (row,) = (await person.get("/api/orders"))["rows"]
    assert row.pop("logged_ms") > 0
    assert row == {
        "order": "w-7731", "assets": "water.dma-0417, water.dma-0418", "area": "",
        "begins_ms": 1_000, "ends_ms": 9_000, "by": "engineer", "role": "engineer",
        "reason": "new gauge",
    }  # fmt: skip


async def test_a_finding_needs_no_incident(centre: Centre) -> None:
    person = await centre.person("operator")
    found = {"lifeline": "water", "asset": "dma-0417", "colour": "orange", "reason": "a leak"}
    status, said = await person.command(id=new_id(), kind="report", target="", **found)
    assert status == 202, said
    ((_, _, command),) = centre.made.sent
    assert isinstance(command, Report)
    assert (command.lifeline, command.asset, command.colour, command.reason, command.target) == (
        *found.values(), "",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("role", "fields"),
    [
        ("viewer", {"kind": "acknowledge", "target": RED}),
        ("operator", {"kind": "close", "target": RED, "verdict": "true"}),
        ("operator", {"kind": "shelve", "target": CHANNEL, "until": FAR_MS, "reason": "x"}),
        ("supervisor", {"kind": "drill", "on": True}),
    ],
)
async def test_what_a_role_may_not_do_is_not_sent(
    centre: Centre, role: str, fields: dict[str, object]
) -> None:
    person = await centre.person(role)
    status, said = await person.command(id=new_id(), **fields)
    assert (status, said["error"]) == (403, "not_allowed")
    assert not centre.made.sent


@pytest.mark.parametrize("places", [{"lifelines": ["power"]}, {"districts": ["310104"]}])
async def test_a_role_holds_in_its_places_alone(
    tmp_path: Path, places: dict[str, list[str]]
) -> None:
    centre = Centre(tmp_path, **places)
    await centre.console.start()
    try:
        person = await centre.person("admin")
        status, said = await person.command(id=new_id(), kind="acknowledge", target=RED)
        assert (status, said["error"]) == (403, "not_allowed")
        assert not centre.made.sent
    finally:
        await centre.close()


async def test_a_ticket_that_somebody_changed_is_a_conflict_and_more_alarms_are_none(
    centre: Centre,
) -> None:
    person = await centre.person("supervisor")
    told = centre.made.incidents[RED]
    centre.made.tell(msgspec.structs.replace(told, revision=2, reason="members"))
    seen = {"kind": "assign", "target": RED, "owner": "post 3", "revision": 1}
    assert (await person.command(id=new_id(), **seen))[0] == 202
    sent = len(centre.made.sent)
    status, said = await person.command(id=new_id(), **seen)
    assert (status, said["error"]) == (409, "conflict")
    assert said["now"]["owner"] == "post 3"
    assert len(centre.made.sent) == sent


@pytest.mark.parametrize(
    ("fields", "status", "error"),
    [
        ({"kind": "acknowledge", "target": "i-00000000000000ff"}, 404, "not_found"),
        ({"kind": "unshelve", "target": "water.nothing"}, 404, "not_found"),
        ({"kind": "close", "target": RED, "verdict": "perhaps"}, 400, "bad_request"),
        ({"kind": "burn", "target": RED}, 400, "bad_request"),
        ({"kind": "comment", "target": RED, "text": "x" * 70_000}, 413, "too_large"),
        ({"kind": "acknowledge", "target": RED, "csrf": "guessed"}, 403, "bad_csrf"),
    ],
)
async def test_what_cannot_be_is_refused(
    centre: Centre, fields: dict[str, object], status: int, error: str
) -> None:
    person = await centre.person("admin")
    got, said = await person.command(id=new_id(), **fields)
    assert (got, said["error"]) == (status, error)
    assert not centre.made.sent


async def test_while_nobody_writes_the_history_a_command_is_refused_and_not_sent(
    tmp_path: Path,
) -> None:
    now_s = [0.0]
    centre = Centre(tmp_path, clock=lambda: now_s[0])
    await centre.console.start()
    try:
        person, id_ = await centre.person("operator"), new_id()
        now_s[0] += SILENT_S + 1
        status, said = await person.command(id=id_, kind="acknowledge", target=RED)
        assert (status, said["error"]) == (503, "history_away")
        assert not centre.made.sent
        assert (await person.get("/api/incidents"))["incidents"], "what is there can be read"
        centre.made.tick()
        while centre.console.feed.unwritten:  # noqa: ASYNC110 - it tells pages alone
            await asyncio.sleep(0.01)
        assert (await person.command(id=id_, kind="acknowledge", target=RED))[0] == 202
        assert len(centre.made.sent) == 1
    finally:
        await centre.close()


async def test_a_command_that_could_not_be_sent_says_so_and_may_be_sent_again(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(lifeline: str, lane: int, command: CommandBase) -> None:
        msg = "no broker"
        raise RetryableError(msg, 1.0)

    person, id_ = await centre.person("operator"), new_id()
    with monkeypatch.context() as patched:
        patched.setattr(centre.made, "send", away)
        status, said = await person.command(id=id_, kind="acknowledge", target=RED)
        assert (status, said["error"]) == (503, "commands_away")
    assert (await person.command(id=id_, kind="acknowledge", target=RED))[0] == 202
    assert len(centre.made.sent) == 1
