"""A step that tells very much is carried out in turns: bounded ones, which tell the same."""

import json
from collections import Counter

import pytest

from contracts.journal import Entry, Shadow, Tick
from contracts.ports.lane_log import Message
from contracts.records import Records
from pipeline.lane.dead_letters import LETTERS_PER_MINUTE
from pipeline.lane.lane import Lane
from pipeline.snapshot.lane_state import freeze, thaw
from pipeline.snapshot.store import pack, unpack
from tests.laws.path import path
from tests.testkit.streams import troubled
from tests.testkit.world import Plans

WAY = path("anything")
OUTPUTS = 3


def turned(lane: Lane, records: Records) -> list[Message]:
    """What a lane told, in turns of at most three outputs."""
    lane.outputs_a_turn = OUTPUTS
    if lane.shadow is not None:
        lane.shadow.lane.outputs_a_turn = OUTPUTS
    told: list[Message] = []
    turns = 0
    for _ in lane.feeding(records):
        turns += 1
        some = lane.outbox.take()
        assert len(some) <= OUTPUTS
        told += some + lane.shadow_outbox.take()
    assert turns > 10, "an idle day"
    return told + lane.outbox.take() + lane.shadow_outbox.take()


@pytest.mark.parametrize("shadowed", [False, True])
def test_turns_change_neither_what_is_told_nor_what_is_remembered(shadowed: bool) -> None:
    records = troubled()
    lanes = [WAY.lane() for _ in range(2)]
    if shadowed:
        begin = Shadow(WAY.plans[1].configuration.hash, "li.wei", "a try")
        for lane in lanes:
            lane.apply(Entry(0, begin))
    lanes[0].feed(records)
    whole = lanes[0].outbox.take() + lanes[0].shadow_outbox.take()
    cut = turned(lanes[1], records)
    for kind in ("alarm", "dead_letter", "shadow"):
        assert [m for m in cut if m.kind == kind] == [m for m in whole if m.kind == kind]
    first, second = (freeze(lane) for lane in lanes)
    assert first.header == second.header
    assert all(first.arrays[n].tobytes() == a.tobytes() for n, a in second.arrays.items())


def test_a_tick_that_silences_every_channel_takes_turns_too(plans: Plans) -> None:
    name, config = plans.first.name(0), plans.first.configuration.hash
    lane = Lane(name, plans.parts_for(config, name), lambda other: plans.parts_for(other, name))
    lane.outputs_a_turn = 1
    lane.apply(Entry(0, Tick(1_700_000_000)))
    silent = lane.applying(Entry(0, Tick(1_700_000_000 + 3_600)))
    sizes = [len(lane.outbox.take()) for _ in silent]
    assert sizes == [1] * len(lane.parts.catalogue)


def test_a_mark_within_a_step_names_the_position_behind_it() -> None:
    records, lane = troubled(), WAY.lane()
    lane.outputs_a_turn = OUTPUTS
    turns = lane.feeding(records)
    next(turns)
    told = lane.outbox.take()
    mark = lane.mark()
    assert (mark.telemetry, mark.sequence) == (records.next_offset, len(told))
    again = WAY.lane()
    again.outbox.known = mark
    again.feed(records)
    assert not again.outbox.strayed
    rest = [m for _ in turns for m in lane.outbox.take()] + lane.outbox.take()
    assert again.outbox.take() == rest


def rubbish(count: int, first: int = 0, minute: int = 28_000_000) -> Records:
    """Messages of one lane minute that are no readings."""
    return Records.of([(first + i, minute * 60_000 + i, b"{") for i in range(count)])


def letters(lane: Lane) -> list[dict[str, object]]:
    return [json.loads(m.body) for m in lane.outbox.take() if m.kind == "dead_letter"]


def test_dead_letters_of_one_cause_are_sampled_beyond_a_thousand_a_minute_and_all_counted() -> None:
    lane, many = WAY.lane(), 5 * LETTERS_PER_MINUTE
    lane.feed(rubbish(many))
    told = letters(lane)
    assert len(told) == LETTERS_PER_MINUTE + 4
    untold = many - len(told)
    assert sum(int(str(one["detail"]).split("; ")[-1].split()[0]) for one in told[-4:]) == untold
    assert lane.accounts.counts()["undecodable"] == many
    lane.feed(rubbish(10, first=many, minute=28_000_001))
    assert len(letters(lane)) == 10, "another minute begins anew"


def test_which_letters_are_told_depends_neither_on_cuts_nor_on_a_snapshot() -> None:
    records = rubbish(3 * LETTERS_PER_MINUTE + 7)
    whole = WAY.lane()
    whole.feed(records)
    cut = WAY.lane()
    told = []
    for first in range(0, len(records), 411):
        cut.feed(records.cut(first, first + 411))
        told += cut.outbox.take()
        name, config = cut.name, cut.parts_for
        cut = thaw(name, unpack(pack(freeze(cut))), config)
    assert told == whole.outbox.take()


def test_one_cause_does_not_take_the_letters_of_another() -> None:
    lane = WAY.lane()
    lane.feed(rubbish(2 * LETTERS_PER_MINUTE))
    lane.outbox.take()
    unknown = json.dumps({"channel": "nobody", "time": 28_000_000 * 60_000, "value": 1}).encode()
    lane.feed(Records.of([(lane.position, 28_000_000 * 60_000, unknown)]))
    assert Counter(one["reason"] for one in letters(lane)) == {"unknown_channel": 1}


def test_a_snapshot_of_a_release_that_sampled_nothing_is_read() -> None:
    lane = WAY.lane()
    lane.feed(troubled())
    snapshot = freeze(lane)
    del snapshot.header["letters"]
    assert thaw(lane.name, snapshot, lane.parts_for).position == lane.position
