"""Who may command the desk stage, and what is refused before it is asked."""

from typing import Any

import msgspec
import pytest

from alarms.lifecycle.maintenance import WorkOrders
from configuration.commands import CommandRules, Places, RoleRules
from contracts.commands.concern import Concern
from contracts.commands.recent import SKEW_MS, RecentCommands
from contracts.desk.commands import (
    Acknowledge,
    Close,
    DeskCommand,
    Drill,
    Maintenance,
    decode_desk_command,
)
from contracts.journal import COMMAND_BYTES, Refuse, signed_bytes
from pipeline.desk.command_judge import DeskCommandJudge
from pipeline.worker.authority import ANYONE, Authority
from tests.pipeline.worker.keys import key_of, public_text, signed

NOW_MS = 1_772_323_200_000
TOPIC = "tocsin.commands.desk"
DUTY_KEY, STRANGER = key_of(1), key_of(3)
TARGET = "i-0000000000000001"
RULES = CommandRules(
    keys={"duty": public_text(DUTY_KEY)},
    roles={
        "duty": RoleRules(may=["acknowledge", "maintenance", "drill"], keys=["duty"]),
        "power": RoleRules(
            may=["acknowledge", "drill"], keys=["duty"], where=Places(lifelines=["power"])
        ),
        "pudong": RoleRules(
            may=["acknowledge", "maintenance"], keys=["duty"], where=Places(areas=["Pudong"])
        ),
    },
)


class Clock:
    def now_ms(self) -> int:
        return NOW_MS


class Desk:
    """Knows that everything is about water in Pudong, but for drills."""

    def concern(self, command: DeskCommand) -> Concern:
        if isinstance(command, Drill):
            return Concern()
        if isinstance(command, Maintenance):
            return WorkOrders().concern(command)
        return Concern(frozenset({"water"}), frozenset({"Pudong", "Lujiazui"}))


def command(kind: Any = Acknowledge, **changes: Any) -> Any:
    fields: dict[str, Any] = {"target": TARGET} if kind in (Acknowledge, Close) else {}
    sent = {"id": "c-1", "at": NOW_MS, "expires": NOW_MS + 60_000, "role": "duty", "key": "duty"}
    return kind(by="li.wei", **fields | sent | changes)


def proven(*args: Any, topic: str = TOPIC, **changes: Any) -> Any:
    return signed(command(*args, **changes), DUTY_KEY, topic)


def judged(given: DeskCommand | bytes, authority: Authority | None = None) -> str:
    judge = DeskCommandJudge(authority or RULES.authority(), TOPIC, Clock())
    body = given if isinstance(given, bytes) else msgspec.json.encode(given)
    found = judge.judge(body, 7, Desk())
    if isinstance(found, Refuse):
        assert found.detail.startswith("expected ") or found.reason == "bad_command"
        return found.reason
    return "done"


ORDER: dict[str, Any] = {"order": "w-1", "assets": ["water.p1"], "begins": 1, "ends": 2}
GOOD = {
    "by a role for everything": proven(),
    "by a role for the place": proven(role="pudong"),
    "a drill by a role for everything": proven(Drill, on=True),
    "work in its area by a role for it": proven(Maintenance, role="pudong", area="Pudong", **ORDER),
}
BAD: dict[str, tuple[Any, str]] = {
    "unsigned": (command(), "unsigned_command"),
    "forged": (signed(command(), STRANGER, TOPIC), "bad_signature"),
    "for a lifeline": (proven(topic="tocsin.commands.water"), "bad_signature"),
    "altered": (msgspec.json.encode(proven()).replace(b"li.wei", b"li.wex"), "bad_signature"),
    "by a role that may not": (proven(Close, verdict="true"), "not_permitted"),
    "by an unknown role": (proven(role="chief"), "not_permitted"),
    "by a role for another lifeline": (proven(role="power"), "not_permitted"),
    "a drill by a role for a lifeline": (proven(Drill, on=True, role="power"), "not_permitted"),
    "work everywhere by a role for an area": (
        proven(Maintenance, role="pudong", **ORDER),
        "not_permitted",
    ),
    "work in another area than the role's": (
        proven(Maintenance, role="pudong", area="Xuhui", **ORDER),
        "not_permitted",
    ),
    "expired": (proven(at=NOW_MS - 9, expires=NOW_MS), "expired_command"),
    "early": (proven(at=NOW_MS + SKEW_MS + 1, expires=NOW_MS + 2 * SKEW_MS), "early_command"),
    "good for too long": (proven(expires=NOW_MS + 900_001), "bad_command"),
    "no JSON": (b"{", "bad_command"),
    "of a lane": (b'{"kind":"unshelve","channel":"a","by":"b","reason":"c"}', "bad_command"),
    "too long": (b" " * (COMMAND_BYTES + 1), "bad_command"),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_command_of_the_right_people_is_let_through(name: str) -> None:
    assert judged(GOOD[name]) == "done"


@pytest.mark.parametrize("name", BAD)
def test_a_command_of_anyone_else_is_refused(name: str) -> None:
    given, reason = BAD[name]
    assert judged(given) == reason


def test_without_roles_anyone_may_and_what_has_no_id_is_known_by_its_offset() -> None:
    given = Acknowledge(by="li.wei", target=TARGET)
    assert judged(given, ANYONE) == "done"
    found = DeskCommandJudge(ANYONE, TOPIC, Clock()).judge(msgspec.json.encode(given), 7)
    assert found == msgspec.structs.replace(given, id="offset-7")


def test_where_nobody_knows_what_it_concerns_a_role_for_places_may_nothing() -> None:
    judge = DeskCommandJudge(RULES.authority(), TOPIC, Clock())
    found = judge.judge(msgspec.json.encode(proven(role="pudong")), 7)
    assert isinstance(found, Refuse)
    assert found.reason == "not_permitted"


def test_what_is_signed_is_the_canonical_form_with_the_topic() -> None:
    assert signed_bytes(command(at=5, expires=9), TOPIC).decode().split("\n") == [
        "tocsin command 1",
        TOPIC,
        '{"at":5,"by":"li.wei","expires":9,"id":"c-1","key":"duty","kind":"acknowledge",'
        f'"role":"duty","target":"{TARGET}"}}',
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "acknowledge", "target": TARGET, "by": " "},
        {"kind": "acknowledge", "target": TARGET, "by": "x" * 257},
        {"kind": "acknowledge", "target": TARGET, "by": "x", "reason": "水" * 700},
        {"kind": "acknowledge", "target": "water.a.p", "by": "x"},
        {"kind": "acknowledge", "target": TARGET, "by": "x", "id": "c-1"},
        {"kind": "acknowledge", "target": TARGET, "by": "x", "colour": "red"},
        {"kind": "close", "target": TARGET, "by": "x", "verdict": "perhaps"},
        {"kind": "move", "target": "a-0000000000000001", "by": "x", "to": "a-0000000000000002"},
        {"kind": "maintenance", "order": "w", "assets": [], "begins": 0, "ends": 1, "by": "x"},
        {"kind": "assign", "target": TARGET, "by": "x", "owner": ""},
    ],
)
def test_what_is_badly_made_is_no_command(fields: dict[str, Any]) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_desk_command(msgspec.json.encode(fields))


def test_an_order_of_many_assets_fits() -> None:
    made = command(
        Maintenance, order="w-1", assets=[f"water.{n}" for n in range(999)], begins=1, ends=2
    )
    assert decode_desk_command(msgspec.json.encode(made)) == made


def test_what_was_carried_out_is_not_carried_out_again() -> None:
    recent, sent = RecentCommands(), command()
    assert recent.repeated(sent) is None
    recent.add(sent.id, sent.at, sent.expires)
    ground = recent.repeated(sent)
    assert ground is not None
    assert ground[0] == "duplicate_command"
    later = RecentCommands(*recent.state())
    later.add("c-2", sent.expires + SKEW_MS, sent.expires + SKEW_MS + 9)
    ground = later.repeated(sent)  # its id is forgotten, and it is over for good
    assert ground is not None
    assert ground[0] == "expired_command"
    assert later.repeated(Acknowledge(by="x", target=TARGET)) is None
