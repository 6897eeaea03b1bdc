"""A whole lane: no record, command or journal entry makes it raise, and its accounts balance.

An input is lines: `r` and a telemetry record, `c` and a command, `t` and seconds that pass, `j` and
a journal entry of the lane's own.
"""

import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from configuration.configuration import Configuration
from configuration.lane_plan import Plan, plan_of
from contracts.journal import Entry, Refuse, Tick, decode_entry, encode_entry
from contracts.ports.lane_parts import Parts
from contracts.records import Records
from pipeline.lane.lane import NOT_BEGUN, Lane
from pipeline.snapshot.lane_state import freeze, thaw
from pipeline.worker.authority import ANYONE
from pipeline.worker.command_judge import CommandJudge
from tests.testkit import city

BEGAN_MS = 1_772_323_200_000
LINES = 40
PASSES_S = 10_000


def seeds() -> Mapping[str, bytes]:
    """A shelving that ends, an acceptance, a shadow that is promoted, and readings in between."""
    config = _plan().configuration.hash
    one = b'r{"channel":"water.tank-000.in","time":%d,"value":0.5}' % BEGAN_MS
    shelve = (
        b'c{"kind":"shelve","channel":"water.tank-000.in","by":"x","reason":"y","seconds":9,'
        b'"id":"i","at":%d,"expires":%d}' % (BEGAN_MS, BEGAN_MS + 1000)
    )
    accept = b'c{"kind":"accept","channel":"water.tank-000.in","by":"x","reason":"y"}'
    shadow = [
        b'c{"kind":"%s","config":"%s","by":"x","reason":"y"}' % (kind, config.encode())
        for kind in (b"shadow", b"promote", b"rollback")
    ]
    return {
        "shelve": b"\n".join([one, shelve, shelve, b"t20", one]),
        "accept": b"\n".join([one, b"t5", accept, one]),
        "shadow": b"\n".join([one, shadow[0], one, shadow[1], b"t9", shadow[2]]),
    }


@cache
def _plan() -> Plan:
    folder = Path(tempfile.mkdtemp(prefix="tocsin-fuzz-"))
    city.configure(folder, groups=1, lanes=1, state=folder)
    return plan_of(Configuration.load(folder, {}), "water")


def _parts_for(config: str) -> Parts:
    plan = _plan()
    if config != plan.configuration.hash:
        raise LookupError(config)
    return plan.parts(0)


class _Worker:
    """Feeds a lane as a worker does, with a clock that the input winds."""

    def __init__(self) -> None:
        plan = _plan()
        self.lane = Lane(plan.name(0), plan.parts(0), _parts_for)
        self._now_ms = BEGAN_MS

    def take(self, line: bytes) -> None:
        kind, rest = line[:1], line[1:]
        if kind == b"c":
            self._command(rest)
        elif kind == b"t":
            self._pass(min(int(rest), PASSES_S) if rest.isdigit() else 1)
        elif kind == b"j":
            self._entry(rest)
        else:
            at = self.lane.position
            self.lane.feed(Records.of([(at, self._now_ms, rest)], at + 1))

    def _command(self, body: bytes) -> None:
        if self.lane.lane_time_s == NOT_BEGUN:
            return
        offset = self.lane.commands
        change = CommandJudge(self.lane, ANYONE, self._now_ms).judge(body, offset)
        entry = Entry(self.lane.position, change, offset + 1)
        self.lane.apply(decode_entry(encode_entry(entry)))

    def _pass(self, seconds: int) -> None:
        self._now_ms += 1000 * seconds
        self.lane.apply(Entry(self.lane.position, Tick(self._now_ms // 1000)))

    def _entry(self, body: bytes) -> None:
        """An entry of the lane's own, at the place where the lane stands."""
        try:
            change = decode_entry(body).change
        except msgspec.DecodeError:
            return
        if isinstance(change, Tick | Refuse):
            self.lane.apply(Entry(self.lane.position, change))


def check(data: bytes) -> None:
    """Let a lane take an input, restore it from a snapshot, and compare."""
    worker = _Worker()
    for line in data.split(b"\n")[:LINES]:
        worker.take(line)
    lane = worker.lane
    assert lane.accounts.balanced()
    for message in lane.outbox.take():
        _object(message.body)
    again = thaw(lane.name, freeze(lane), _parts_for)
    assert again.header() == lane.header()


def _object(body: bytes) -> dict[str, Any]:
    return msgspec.json.decode(body, type=dict[str, Any])
