"""Whatever a stranger sends to a lane: each is refused once, and the lane and its like go on."""

import gzip
import json
from collections import Counter
from typing import Any, Final

import pytest

from contracts.journal import Refuse
from tests.testkit.day import BEGAN_MS, Day
from tests.testkit.world import World, holding

CHANNEL: Final = "water.tank-000.in"
SHELVE: Final[dict[str, Any]] = {
    "kind": "shelve",
    "channel": CHANNEL,
    "by": "李伟",
    "reason": "冲洗",
    "seconds": 60,
}
TEXT: Final = json.dumps(SHELVE, ensure_ascii=False)
SENT: Final[dict[str, Any]] = {"id": "c-1", "at": BEGAN_MS, "expires": BEGAN_MS + 60_000}
ENCODINGS: Final = ("gbk", "gb2312", "gb18030", "utf-16", "utf-16-le", "utf-32", "utf-8-sig")
INVISIBLE: Final = ("", " ", "\u3000", "\u200b", "\u2060\ufeff", "\u202e", "\0", "\x1b\x08", "\n")
BUNDLES: Final = (
    "0" * 17,
    "0" * 15,
    "\uff10" * 16,
    "\u0660" * 16,
    "0" * 16 + "\n",
    "A" * 16,
    "./" + "0" * 14,
)
JOURNAL_KINDS: Final[list[dict[str, Any]]] = [
    {"kind": "tick", "lane_time_s": 10**12},
    {"kind": "outage", "seconds": 10**12},
    {"kind": "stamp_limit", "now_s": 0},
    {"kind": "quarantine", "offset": 0, "detail": "x"},
    {"kind": "swap", "config": "0" * 16},
    {"kind": "warm", "learned": "0" * 16},
    {"kind": "shed", "reason": "x"},
    {"kind": "refuse", "reason": "x", "detail": "x", "body": "x"},
    {"kind": "acknowledge", "target": "a-" + "0" * 16},
]
NUMBERS: Final = (b"0", b"-1", b"1.5", b"1e400", b"9" * 9_000, b"true", b"null", b'"60"', b"[60]")
FIELDS: Final[list[dict[str, Any]]] = [
    {**SENT, "at": 2**53},
    {**SENT, "at": -1},
    {**SENT, "expires": 2**63},
    {**SENT, "expires": 2**53 - 1},
    {**SENT, "at": BEGAN_MS + 10**9, "expires": BEGAN_MS + 10**9 + 60_000},
    {**SENT, "at": 1, "expires": 60_000},
    {"at": 2**53 - 2, "expires": 2**53 - 1},
    {"id": "c-1"},
    {**SENT, "id": "c\n1"},
    {**SENT, "id": "c" * 65},
    {**SENT, "id": "../c"},
    {"role": "duty officer"},
    {"key": "\0"},
    {"signature": "A" * 89},
    {"channel": "water.nobody"},
    {"channel": ""},
    {"channel": "c" * 1_025},
    {"reason": "r" * 2_049},
    {"by": "b" * 257},
    {"seconds": 30 * 86_400 + 1},
    {"unknown": 1},
    {"kind": ["shelve"]},
    {"kind": "shelve\0"},
]
BYTES: Final = (
    b"",
    b" " * 20_000,
    b"null",
    b"[" * 200_000,
    b'{"kind":' * 9_000,
    b'{"kind":"shelve","reason":' + b"[" * 15_000,
    b"[" + TEXT.encode() + b"]",
    TEXT.encode() * 2,
    TEXT.encode() + b"\0",
    TEXT.encode()[:-1],
    TEXT.encode().replace(b'"reason"', b'"reason\xff"'),
    TEXT.encode().replace("李伟".encode(), b"\\ud800"),
    TEXT.encode().replace("李伟".encode(), b"\xed\xa0\x80"),
    TEXT.encode().replace("李伟".encode(), b"\xc0\xaf"),
    gzip.compress(TEXT.encode()),
    bytes(range(256)),
)


def commands() -> list[bytes]:
    """All that is to be refused, whoever may command."""
    return [
        *BYTES,
        *(TEXT.encode(encoding) for encoding in ENCODINGS),
        *(json.dumps({**SHELVE, "by": by}).encode() for by in INVISIBLE),
        *(json.dumps({**SHELVE, **fields}).encode() for fields in FIELDS),
        *(json.dumps({"by": "x", "reason": "x", **kind}).encode() for kind in JOURNAL_KINDS),
        *(TEXT.encode().replace(b"60", number) for number in NUMBERS),
        *(
            json.dumps({"kind": kind, "config": config, "by": "x", "reason": "x"}).encode()
            for kind in ("shadow", "promote", "rollback")
            for config in BUNDLES
        ),
    ]


def letters(world: World, number: int = 0) -> list[dict[str, Any]]:
    return [json.loads(message.body) for message in world.told(number)["dead_letter"]]


async def test_every_command_of_a_stranger_is_refused_once_and_no_lane_stops(world: World) -> None:
    days, sent = [Day(world, number) for number in range(2)], commands()
    with world.context() as context:
        async with holding(world, context) as crew, holding(world, context, 1) as other:
            for day, of_day in zip(days, (crew, other), strict=True):
                day.readings()
                await day.caught_up(of_day)
            world.commands.put(0, *sent)
            days[0].command({"kind": "shelve", "channel": days[0].channels[0], "seconds": 60})
            for day, of_day in zip(days, (crew, other), strict=True):
                day.readings()
                await day.caught_up(of_day)
            assert crew.runner.status.recoveries == other.runner.status.recoveries == 1
    refused = [e for _, e in world.journal() if isinstance(e.change, Refuse)]
    assert [entry.command for entry in refused] == [at + 1 for at in range(len(sent))]
    topic = world.name().commands
    told = Counter(one["offset"] for one in letters(world) if one["topic"] == topic)
    assert told == Counter(range(len(sent)))
    assert len(world.shelvings()) == 1, "the last command was an honest one"
    for number in range(2):
        golden = world.golden(number)
        for kind, messages in world.told(number).items():
            assert messages == [message for message in golden if message.kind == kind], kind


STAMPS: Final = (-(2**63), 2**63 - 1, -62_135_596_800_000, 253_402_300_799_000, -1, 0, 1, 2**53)


# A lane may begin with a record of long ago, as that of an old export is.
PLACES: Final = [
    *(pytest.param(stamp_ms, False, id=f"{stamp_ms} later") for stamp_ms in STAMPS),
    *(
        pytest.param(stamp_ms, True, id=f"{stamp_ms} first of all")
        for stamp_ms in STAMPS
        if stamp_ms not in {0, 1}
    ),
]


@pytest.mark.parametrize(("stamp_ms", "first"), PLACES)
async def test_no_stamp_of_a_record_moves_a_lane_from_its_clock(
    world: World, stamp_ms: int, first: bool
) -> None:
    stream, clock = world.streams[0], world.clock
    clock.time_ms = BEGAN_MS
    channels = list(world.plans.first.parts(0).catalogue.ids)

    def readings() -> list[tuple[int, bytes]]:
        bodies = [{"channel": c, "time": clock.time_ms, "value": 5.0} for c in channels]
        return [(clock.time_ms, json.dumps(body).encode()) for body in bodies]

    # Of a channel that nobody knows: of others it would be the first news.
    strange = {"channel": "water.nobody", "time": BEGAN_MS, "value": 5.0}
    odd = [(stamp_ms, json.dumps(strange).encode())]
    with world.context() as context:
        async with holding(world, context) as crew:
            for messages in (odd, readings()) if first else (readings(), odd):
                stream.add(messages)
                await crew.until(lambda: crew.runner.status.position == stream.end)
                assert crew.runner.status.taken_ms < clock.time_ms + 1_000, "lag would be hidden"
            clock.time_ms += 1_000
            stream.add(readings())
            await crew.until(lambda: crew.runner.status.position == stream.end)
            assert crew.runner.status.lane_time_s == clock.time_ms // 1000
            assert crew.runner.status.recoveries == 1
            await crew.drain()
    assert [one["reason"] for one in letters(world)] in (["unknown_channel"], ["future"])
    assert world.told()["alarm"] == [], "nobody was silent"
    assert world.golden() == [message for kind in world.told().values() for message in kind]
