"""A snapshot's copy is of one moment, made in bounded slices, whatever happens between them."""

import tracemalloc
from collections.abc import MutableMapping
from typing import Any, Final

import msgspec
import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from alarms.copies.records import BYTES_A_RECORD, Records
from alarms.copies.table import CHUNK, Table
from alarms.desk import AlarmDesk
from contracts.desk.commands import Acknowledge, Assign, Move
from pipeline.desk.desk_lane import RECORDS_A_SLICE
from pipeline.snapshot.plain_state import decoded, encoded
from tests.alarms.incidents.cities import BEGIN_S, Rings, cleared
from tests.alarms.incidents.test_feeder import city, trip
from tests.alarms.test_desk import QUIET, desk, said

pytestmark = pytest.mark.slow

LINES = 5_000
REFERENCE_BYTES: Final = 8


def plain(state: Any) -> Any:
    """As it comes out of a snapshot."""
    return decoded(encoded(msgspec.msgpack.decode(msgspec.msgpack.encode(state))))


def stirred(stage: AlarmDesk, chance: np.random.Generator, alarms: list[Any]) -> None:
    """Something that changes what is remembered: an answer, a move, a return, a new alarm, time."""
    alarm = alarms[chance.integers(len(alarms))]
    kind = chance.integers(6)
    if kind == 0:
        stage.take(cleared(alarm))
    elif kind == 1:
        ring = Rings(count=int(chance.integers(10**6, 10**9)))
        stage.take(ring(f"elevator.lift-0-{chance.integers(400)}", 500, colour="orange"))
    elif kind == 2:
        stage.advance(stage.time_s + int(chance.integers(1, 4_000)))
    else:
        command = said((Acknowledge, Assign, Move)[kind - 3], alarm.id, **MORE[kind - 3])
        if stage.judge(command) is None:
            stage.obey(command)


MORE: tuple[dict[str, str], ...] = ({}, {"owner": "li.wei"}, {"to": ""})


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32), st.integers(1, 60))
def test_a_copy_is_what_was_remembered_when_it_began(seed: int, a_slice: int) -> None:
    chance = np.random.default_rng(seed)
    stage = desk(city() if seed % 2 else QUIET)
    alarms = [alarm for _, alarm in trip(np.random.default_rng(3))][:: int(chance.integers(4, 9))]
    for alarm in alarms:
        stage.take(alarm)
    for _ in range(20):
        stirred(stage, chance, alarms)
    for _ in range(2):  # the second finds nothing left of the first
        wanted, copying, slices = plain(stage.state()), stage.copying(), 0
        while copying.slice(a_slice):
            slices += 1
            if chance.integers(3) == 0:
                stirred(stage, chance, alarms)
        event(f"changed meanwhile: {wanted != plain(stage.state())}")
        assert decoded(encoded(copying.state())) == wanted
        assert slices > 1


def full(*, joined: bool) -> AlarmDesk:
    """A desk with so many alarms open, each a line of its own or all in one incident."""
    stage, ring = desk(), Rings()
    for number in range(LINES):
        asset = "water.tank" if joined else f"water.tank-{number}"
        stage.take(ring(asset, number // 100, channel=f"water.tank-{number}.level"))
    assert stage.counts()["alarms"] == LINES
    return stage


@pytest.mark.parametrize("joined", [False, True], ids=["a line each", "one incident"])
def test_however_much_is_open_nobody_waits_for_more_than_a_slice(*, joined: bool) -> None:
    stage = full(joined=joined)
    copying, copied, slices = stage.copying(), 0, 0
    while done := copying.slice(RECORDS_A_SLICE):
        assert done <= RECORDS_A_SLICE
        copied += done
        slices += 1
    records = LINES * (4 if joined else 6)  # open, entry, answer, repeats; head and case of each
    assert copied >= records
    assert slices >= records // RECORDS_A_SLICE
    anew = desk()
    anew.restore(decoded(encoded(copying.state())))
    assert plain(anew.state()) == plain(stage.state())
    assert stage.time_s >= BEGIN_S


def test_a_record_that_leaves_and_one_that_takes_its_key_do_not_change_the_copy() -> None:
    records: Records[str, list[int]] = Records()
    records.update(a=[1], b=[2], c=[3])
    copying = records.copying()
    records["a"].append(9)
    del records["b"]
    records["b"] = [7]
    records.pop("c").append(9)
    records["d"] = [8]
    while copying.slice(1):
        pass
    found = {key: msgspec.msgpack.decode(one) for key, one in copying.state().items()}
    assert found == {"a": [1], "b": [2], "c": [3]}
    assert dict(records) == {"a": [1, 9], "b": [7], "d": [8]}


@pytest.mark.parametrize("joined", [False, True], ids=["a line each", "one incident"])
def test_a_copy_begins_without_a_reference_for_each_alarm(*, joined: bool) -> None:
    stage = full(joined=joined)
    tracemalloc.start()
    copying = stage.copying()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < LINES * REFERENCE_BYTES  # the shortest list of all alarms
    assert copying.slice(1) == 1


def thinned(table: MutableMapping[int, int], chance: np.random.Generator, count: int) -> None:
    """Let values come, be replaced, go, and come back behind all others."""
    for key in chance.integers(0, 6 * CHUNK, count).tolist():
        if chance.integers(3):
            table[key] = int(chance.integers(10**9))
        else:
            table.pop(key, None)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32), st.integers(1, 4), st.integers(1, 300))
def test_a_table_is_a_dictionary_of_which_moments_can_be_copied(
    seed: int, a_slice: int, between: int
) -> None:
    chance, table = np.random.default_rng(seed), Table[int, int]()
    for _ in range(4):
        thinned(table, chance, 2_000)
        wanted, copying = list(table.items()), table.copying()
        while copying.slice(a_slice):
            thinned(table, chance, between)
        assert list(copying.state().items()) == wanted


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32))
def test_a_table_has_what_a_dictionary_has_in_its_order(seed: int) -> None:
    table, twin = Table[int, int](), dict[int, int]()
    for into in (table, twin):
        thinned(into, np.random.default_rng(seed), 3_000)
    assert (list(table), list(table.values())) == (list(twin), list(twin.values()))
    assert (list(table.items()), len(table)) == (list(twin.items()), len(twin))
    for key in range(6 * CHUNK):
        assert (key in table, table.get(key, -1)) == (key in twin, twin.get(key, -1))


def test_what_is_left_of_very_many_lies_in_few_chunks_behind_a_copy() -> None:
    table = Table((number, number) for number in range(100 * CHUNK))
    for number in range(100 * CHUNK):
        if number % 50:
            del table[number]
    assert table.chunks == 100
    copying = table.copying()
    while copying.slice(1):
        pass
    assert copying.state() == table.state() == {n: n for n in range(0, 100 * CHUNK, 50)}
    assert table.chunks <= 2 * len(table) / CHUNK + 2
    while len(table):
        del table[next(iter(table))]
    assert table.chunks == 0


def test_a_large_record_counts_as_several() -> None:
    records: Records[int, str] = Records((n, "x" * 10 * BYTES_A_RECORD) for n in range(50))
    copying, slices = records.copying(), 0
    while copying.slice(20):
        slices += 1
    assert slices >= 50 * 10 // 20
