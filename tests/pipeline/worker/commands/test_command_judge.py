"""Who may command a lane, what is refused, and that nothing is carried out twice."""

import base64
import json
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from configuration.commands import CommandRules, Places, RoleRules
from configuration.lane_plan import Plan, plan_of
from contracts.commands.recent import HELD_MAX, SKEW_MS, RecentCommands
from contracts.journal import (
    Accept,
    Change,
    Command,
    Entry,
    Promote,
    Refuse,
    Shelve,
    Swap,
    Tick,
    Unshelve,
    decode_entry,
    encode_entry,
)
from contracts.ports.lane_parts import Parts
from contracts.records import Records
from pipeline.lane.lane import Lane
from pipeline.snapshot.lane_state import freeze, thaw
from pipeline.worker.authority import ANYONE, Authority
from pipeline.worker.command_judge import CommandJudge
from tests.pipeline.worker.keys import key_of, public_text, signed
from tests.testkit.city import DUTY
from tests.testkit.config_folder import loaded

pytestmark = pytest.mark.slow

NOW_MS = 1_772_323_200_000
CLASS = (
    "class: water.{name}\nunit: MPa\nperiod: 60 s\n"
    "plausible: {{range: [0, 10], future: 5 min, back_fill: 1 h}}\n{more}"
    "limit:\n  high: {{yellow: 5.0}}\n  duty:\n" + DUTY.replace("{", "{{").replace("}", "}}")
)
CATALOGUE = (
    "id,class,asset,group,district\nwater.a.p,water.pressure,a,water.a,Pudong\n"
    "water.a.g,water.gas,a,water.a,Pudong\n"
)
P, GAS, TOPIC = "water.a.p", "water.a.g", "tocsin.commands.water"
DUTY_KEY, TUNER_KEY, STRANGER = key_of(1), key_of(2), key_of(3)
RULES = CommandRules(
    keys={"duty": public_text(DUTY_KEY), "tuner": public_text(TUNER_KEY)},
    roles={
        "duty": RoleRules(may=["shelve", "unshelve", "promote"], keys=["duty"]),
        "east": RoleRules(may=["shelve"], keys=["duty"], where=Places(areas=["Pudong"])),
        "west": RoleRules(may=["shelve", "promote"], keys=["duty"], where=Places(areas=["Anting"])),
        "power": RoleRules(may=["shelve"], keys=["duty"], where=Places(lifelines=["power"])),
        "tuner": RoleRules(may=["accept"], keys=["tuner"]),
    },
)


def plan(folder: Path, *, guarded: bool = True) -> Plan:
    files: dict[str, str | bytes] = {
        "water/pressure.yaml": CLASS.format(name="pressure", more=""),
        "water/gas.yaml": CLASS.format(name="gas", more=f"life_safety: {str(guarded).lower()}\n"),
        "water/catalogue.csv": CATALOGUE,
    }
    return plan_of(loaded(folder, files), "water")


class Judged:
    """A lane whose commands are judged and carried out as a worker does it."""

    def __init__(self, *plans: Plan, authority: Authority = ANYONE) -> None:
        self._plans = {plan.configuration.hash: plan for plan in plans}
        self.hashes = list(self._plans)
        number = int(plans[0].lane_of[0])
        self._number = number
        self.lane = Lane(plans[0].name(number), self.parts_for(self.hashes[0]), self.parts_for)
        self.authority = authority
        self.now_ms = NOW_MS
        self.journal: list[Entry] = []
        self.hear(1.0)

    def parts_for(self, config: str) -> Parts:
        return self._plans[config].parts(self._number)

    def hear(self, value: float) -> None:
        at = self.lane.position
        body = {"channel": P, "time": NOW_MS + 60_000 * at, "value": value}
        row = (at, NOW_MS + 60_000 * at, json.dumps(body).encode())
        self.lane.feed(Records.of([row], at + 1))

    def give(self, command: Command | bytes) -> str:
        """`done`, or why it was refused."""
        body = command if isinstance(command, bytes) else msgspec.json.encode(command)
        judge = CommandJudge(self.lane, self.authority, self.now_ms)
        change = judge.judge(body, self.lane.commands)
        self.enter(change, self.lane.commands + 1)
        return change.reason if isinstance(change, Refuse) else "done"

    def enter(self, change: Change, command: int | None = None) -> None:
        entry = decode_entry(encode_entry(Entry(self.lane.position, change, command)))
        self.lane.apply(entry)
        self.journal.append(entry)

    def told(self, kind: str = "shelving") -> list[dict[str, Any]]:
        return [json.loads(m.body) for m in self.lane.outbox.take() if m.kind == kind]


def shelve(channel: str = P, **changes: Any) -> Shelve:
    """A command that is well made, but for what is changed."""
    made = Shelve(
        channel,
        "li.wei",
        "a new gauge",
        600,
        id="c-1",
        at=NOW_MS,
        expires=NOW_MS + 60_000,
        role="duty",
        key="duty",
    )
    return msgspec.structs.replace(made, **changes)


def soon(role: str) -> dict[str, Any]:
    """What a good command says beside what it wants."""
    key = "tuner" if role == "tuner" else "duty"
    return {"id": "c-9", "at": NOW_MS, "expires": NOW_MS + 9, "role": role, "key": key}


def proven(command: Command, topic: str = TOPIC) -> Command:
    return signed(command, DUTY_KEY, topic)


@pytest.fixture
def judged(tmp_path: Path) -> Judged:
    return Judged(plan(tmp_path), authority=RULES.authority())


def _altered() -> bytes:
    return msgspec.json.encode(proven(shelve())).replace(b"600", b"601")


def _escaped() -> bytes:
    """Other bytes of the same command: what is signed is its canonical form."""
    fields = msgspec.to_builtins(proven(shelve()))
    return (
        json.dumps(dict(reversed(fields.items())), indent=1)
        .replace("li.wei", "\\u006ci.wei")
        .encode()
    )


GOOD: dict[str, Command | bytes] = {
    "a shelving": proven(shelve()),
    "one with blanks, escapes and another order of keys": _escaped(),
    "one by a role for the channel's area": proven(shelve(role="east")),
    "one for as long as may be": proven(shelve(seconds=8 * 3600)),
    "one from a clock that is ahead a little": proven(
        shelve(at=NOW_MS + SKEW_MS, expires=NOW_MS + 2 * SKEW_MS)
    ),
    "an acceptance": signed(
        Accept(
            P,
            "zhao.min",
            "new pump",
            id="c-2",
            at=NOW_MS,
            expires=NOW_MS + 1,
            role="tuner",
            key="tuner",
        ),
        TUNER_KEY,
        TOPIC,
    ),
}
BAD: dict[str, tuple[Command | bytes, str]] = {
    "nobody": (proven(shelve(by=" ")), "bad_command"),
    "unsigned": (shelve(), "unsigned_command"),
    "of earlier days": (Shelve(P, "li.wei", "why", 60), "unsigned_command"),
    "without role": (proven(shelve(role="")), "unsigned_command"),
    "half an envelope": (proven(shelve(expires=0)), "bad_command"),
    "forged": (signed(shelve(), STRANGER, TOPIC), "bad_signature"),
    "by an unknown key": (signed(shelve(key="new"), STRANGER, TOPIC), "bad_signature"),
    "by another's key": (signed(shelve(key="tuner"), DUTY_KEY, TOPIC), "bad_signature"),
    "for another lifeline": (proven(shelve(), "tocsin.commands.power"), "bad_signature"),
    "altered": (_altered(), "bad_signature"),
    "no base64": (shelve(signature="?" * 88), "bad_signature"),
    "a short signature": (shelve(signature="c2ln"), "bad_signature"),
    "expired": (proven(shelve(at=NOW_MS - 2, expires=NOW_MS)), "expired_command"),
    "early": (
        proven(shelve(at=NOW_MS + SKEW_MS + 1, expires=NOW_MS + 2 * SKEW_MS)),
        "early_command",
    ),
    "good for too long": (proven(shelve(expires=NOW_MS + 900_001)), "bad_command"),
    "good for no time": (proven(shelve(at=NOW_MS + 9, expires=NOW_MS + 9)), "bad_command"),
    "by an unknown role": (proven(shelve(role="chief")), "not_permitted"),
    "by a role of another key": (
        signed(shelve(role="duty", key="tuner"), TUNER_KEY, TOPIC),
        "not_permitted",
    ),
    "by a role that may not": (
        proven(Accept(P, "x", "y", **soon("duty"))),
        "not_permitted",
    ),
    "by a role for another lifeline": (proven(shelve(role="power")), "not_permitted"),
    "by a role for another area": (proven(shelve(role="west")), "not_permitted"),
    "of whole lanes by a role for an area": (
        proven(
            Promote(
                "0" * 16, "x", "y", id="c", at=NOW_MS, expires=NOW_MS + 1, role="west", key="duty"
            )
        ),
        "not_permitted",
    ),
    "of an unknown shadow": (
        proven(
            Promote(
                "0" * 16, "x", "y", id="c", at=NOW_MS, expires=NOW_MS + 1, role="duty", key="duty"
            )
        ),
        "bad_shadow",
    ),
    "for too long": (proven(shelve(seconds=8 * 3600 + 1)), "shelving_too_long"),
    "of an unknown channel": (proven(shelve("water.a.x")), "unknown_channel"),
    "of a channel that guards life": (proven(shelve(GAS)), "life_safety"),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_command_of_the_right_people_is_carried_out(judged: Judged, name: str) -> None:
    assert judged.give(GOOD[name]) == "done"


@pytest.mark.parametrize("name", BAD)
def test_a_command_of_anyone_else_is_a_record_and_nothing_more(judged: Judged, name: str) -> None:
    command, reason = BAD[name]
    assert judged.give(command) == reason
    assert len(judged.lane.shelving) == 0
    (letter,) = judged.told("dead_letter")
    assert (letter["reason"], letter["topic"]) == (reason, TOPIC)
    assert "expected" in letter["detail"]


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (Shelve(P, "li.wei", "why", 30 * 86_400), "done"),
        (Shelve(P, "", "why", 60), "bad_command"),
        (shelve(GAS), "life_safety"),
        (shelve(at=NOW_MS - 2, expires=NOW_MS), "expired_command"),
        (shelve(at=NOW_MS + SKEW_MS + 1, expires=NOW_MS + 2 * SKEW_MS), "early_command"),
    ],
    ids=["as ever", "nobody", "life safety", "expired", "early"],
)
def test_without_the_section_anyone_may_within_reason(
    tmp_path: Path, command: Command, reason: str
) -> None:
    assert Judged(plan(tmp_path)).give(command) == reason


@pytest.mark.parametrize("authority", [ANYONE, RULES.authority()], ids=["anyone", "signed"])
def test_an_old_shelving_sent_again_does_nothing(tmp_path: Path, authority: Authority) -> None:
    judged = Judged(plan(tmp_path), authority=authority)
    old = msgspec.json.encode(proven(shelve()))
    assert judged.give(old) == "done"
    over = Unshelve(
        P, "li.wei", "done", id="c-9", at=NOW_MS, expires=NOW_MS + 9, role="duty", key="duty"
    )
    assert judged.give(proven(over)) == "done"
    assert judged.give(old) == "duplicate_command"
    judged.now_ms += 3_600_000
    assert judged.give(old) == "duplicate_command"
    assert (
        judged.give(proven(shelve(id="c-8", at=judged.now_ms, expires=judged.now_ms + 9))) == "done"
    )
    assert "c-1" not in judged.lane.recent  # too old to come again, so it need not be held
    judged.now_ms = NOW_MS  # another worker's clock is an hour behind
    assert judged.give(old) == "expired_command"


REWRITTEN: Final[dict[str, Callable[[dict[str, Any]], bytes]]] = {
    "with its fields in another order": lambda said: json.dumps(
        dict(reversed(said.items()))
    ).encode(),
    "with blanks": lambda said: json.dumps(said, indent=3).encode() + b"\n\n",
    "with escapes": lambda said: json.dumps(said).replace("li.wei", "\\u006ci.wei").encode(),
    "with its id twice": lambda said: b'{"id":"c-2",' + json.dumps(said).encode()[1:],
    "with defaults written out": lambda said: json.dumps({**said, "once": False}).encode(),
    "with the signature in other bits": lambda said: json.dumps(
        {**said, "signature": _in_other_bits(said["signature"])}
    ).encode(),
}


def _in_other_bits(text: str) -> str:
    """Base64 of the same bytes: the last sign before the padding has bits that nobody reads."""
    alphabet = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
    other = text[:-3] + alphabet[alphabet.index(text[-3]) ^ 1] + "=="
    assert base64.b64decode(other) == base64.b64decode(text)
    return other


@pytest.mark.parametrize("how", REWRITTEN)
def test_a_signed_command_written_in_another_way_is_the_same_command(
    judged: Judged, how: str
) -> None:
    said = msgspec.to_builtins(proven(shelve()))
    again = REWRITTEN[how](said)
    assert again != msgspec.json.encode(said)
    assert judged.give(msgspec.json.encode(said)) == "done"
    assert judged.give(again) == "duplicate_command"
    assert len(judged.told("shelving")) == 1


def test_ids_outlive_a_restart_and_a_replay_holds_the_same(judged: Judged, tmp_path: Path) -> None:
    old = proven(shelve())
    assert judged.give(old) == "done"
    judged.lane = thaw(judged.lane.name, freeze(judged.lane), judged.parts_for)
    assert judged.give(old) == "duplicate_command"
    again = Judged(plan(tmp_path / "again"))  # a replay needs no keys and no clock
    for entry in judged.journal:
        again.lane.apply(entry)
    assert again.lane.header() == judged.lane.header()
    assert again.lane.recent.state() == [NOW_MS - SKEW_MS, [[NOW_MS + 60_000, "c-1"]]]


def test_every_shelving_is_on_the_alarms_topic(judged: Judged) -> None:
    judged.give(proven(shelve()))
    (began,) = judged.told()
    who = [began[name] for name in ("channel", "state", "by", "role", "reason", "command")]
    assert who == [P, "shelved", "li.wei", "duty", "a new gauge", "c-1"]
    assert (began["since"], began["until"]) == (
        "2026-03-01T08:00:00+08:00",
        "2026-03-01T08:10:00+08:00",
    )
    assert began["ended"] is None
    judged.lane = thaw(judged.lane.name, freeze(judged.lane), judged.parts_for)
    judged.enter(Tick(judged.lane.lane_time_s + 700))
    (ended,) = judged.told()
    assert (ended["state"], ended["by"], ended["ended"]["how"]) == ("shown", "li.wei", "time")
    assert ended["ended"]["at"] == began["until"]


def test_who_ends_a_shelving_is_on_record(judged: Judged) -> None:
    judged.give(proven(shelve()))
    over = Unshelve(
        P, "zhao.min", "done", id="c-9", at=NOW_MS, expires=NOW_MS + 9, role="duty", key="duty"
    )
    judged.give(proven(over))
    ended = judged.told()[-1]["ended"]
    how = [ended[name] for name in ("how", "by", "role", "reason")]
    assert how == ["command", "zhao.min", "duty", "done"]


def test_a_command_without_id_is_known_by_its_offset(tmp_path: Path) -> None:
    judged = Judged(plan(tmp_path))
    judged.give(Unshelve(P, "li.wei", "nothing is shelved yet"))
    judged.give(Shelve(P, "li.wei", "why", 60))
    (record,) = judged.told()
    assert record["command"] == "offset-1"
    assert len(judged.lane.recent) == 0


def test_a_journal_of_earlier_days_tells_what_it_told(judged: Judged) -> None:
    """Its commands have no id: the world was told of no shelving then."""
    body = (
        b'{"at":1,"change":{"kind":"shelve","channel":"water.a.p","by":"","reason":"","seconds":60}'
        b',"command":1}'
    )
    assert encode_entry(decode_entry(body)) == body
    judged.lane.apply(decode_entry(body))
    assert P in judged.lane.shelving
    assert judged.lane.outbox.take() == []


def test_a_class_that_comes_to_guard_life_is_shown_again(tmp_path: Path) -> None:
    judged = Judged(plan(tmp_path / "a", guarded=False), plan(tmp_path / "b"))
    assert judged.give(shelve(GAS)) == "done"
    assert judged.give(shelve(id="c-2")) == "done"
    judged.told()
    judged.enter(Swap(judged.hashes[1]))
    (record,) = judged.told()
    assert (record["channel"], record["ended"]["how"]) == (GAS, "life_safety")
    assert list(judged.lane.shelving) == [P]


def test_too_many_commands_are_refused_until_some_expire(judged: Judged) -> None:
    judged.lane.recent = RecentCommands(0, [(NOW_MS + 5, f"x{n}") for n in range(HELD_MAX)])
    assert judged.give(proven(shelve())) == "too_many_commands"
    judged.now_ms += 2 * SKEW_MS
    later = proven(shelve(at=judged.now_ms, expires=judged.now_ms + 9))
    assert judged.give(later) == "done"
    assert len(judged.lane.recent) == 1


@given(
    st.lists(
        st.tuples(
            st.integers(0, 8),  # which command
            st.integers(-200_000, 400_000),  # a worker's clock, right or wrong
        ),
        max_size=40,
    )
)
def test_whatever_clocks_say_nothing_is_carried_out_twice(
    tmp_path_factory: pytest.TempPathFactory, sent: list[tuple[int, int]]
) -> None:
    commands = [
        shelve(id=f"c-{n}", at=NOW_MS + 30_000 * n, expires=NOW_MS + 30_000 * n + 45_000)
        for n in range(9)
    ]
    judged = _shared(tmp_path_factory)
    judged.lane.recent = RecentCommands()
    done = []
    for number, clock_ms in sent:
        judged.now_ms = NOW_MS + clock_ms
        if judged.give(commands[number]) == "done":
            done.append(number)
    assert len(done) == len(set(done))


_ONE: list[Judged] = []


def _shared(factory: pytest.TempPathFactory) -> Judged:
    if not _ONE:
        _ONE.append(Judged(plan(factory.mktemp("shared"))))
    return _ONE[0]
