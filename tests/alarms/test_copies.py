"""A snapshot's copy is of one moment, made in bounded slices, whatever happens between them."""

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from alarms.copies.records import Records
from alarms.desk import AlarmDesk
from contracts.desk.commands import Acknowledge, Assign, Move
from pipeline.desk.desk_lane import RECORDS_A_SLICE
from pipeline.snapshot.plain_state import decoded, encoded
from tests.alarms.incidents.cities import BEGIN_S, Rings, cleared
from tests.alarms.incidents.test_feeder import city, trip
from tests.alarms.test_desk import QUIET, desk, said

pytestmark = pytest.mark.slow

LINES = 5_000


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


@pytest.mark.parametrize("joined", [False, True], ids=["a line each", "one incident"])
def test_however_much_is_open_nobody_waits_for_more_than_a_slice(*, joined: bool) -> None:
    stage, ring = desk(), Rings()
    for number in range(LINES):
        asset = "water.tank" if joined else f"water.tank-{number}"
        stage.take(ring(asset, number // 100, channel=f"water.tank-{number}.level"))
    assert stage.counts()["alarms"] == LINES
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
