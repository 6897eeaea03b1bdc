"""Identity, Accounting, Bounds and Silence: what a lane tells, counts, keeps and notices."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from alarms.book import alarm_id
from contracts.batch import Disposition
from contracts.journal import Entry, Tick
from contracts.ports.lane_log import Message
from contracts.quantities import NS_PER_MS
from pipeline.lane.lane import NOT_BEGUN, STATEFUL, Lane
from pipeline.lane.offset_index import MINUTES
from tests.laws.outcome import Broken, Hooks, Idle, Outcome, busy, run, same
from tests.laws.path import Path
from tests.testkit.streams import Stream, blind

LONG_S: Final = 86_400
CHATTER: Final = 1000


def identity(path: Path, stream: Stream) -> Outcome:
    """Law 4: alarm id = f(rule, channel, onset); revisions count from 1 without a gap."""
    found = run(path, stream)
    busy(path, found)
    same(found, run(path, stream), f"{path.name}, told twice")
    revisions: defaultdict[str, list[int]] = defaultdict(list)
    for message in found.messages:
        if message.kind == "alarm":
            alarm = json.loads(message.body)
            _named(path, message, alarm)
            revisions[alarm["id"]].append(alarm["revision"])
    for name, numbers in revisions.items():
        if numbers != list(range(1, len(numbers) + 1)):
            raise Broken(f"{path.name}: revisions of {name} are {numbers}")
    # A journal of chance may hold a clock by which no reading is of its day: nothing rings then.
    if path.rings and max(map(len, revisions.values())) < 2:
        raise Idle(f"{path.name}: no alarm was revised")
    _elsewhere(path, stream, found)
    return found


def _named(path: Path, message: Message, alarm: dict[str, Any]) -> None:
    onset_ns = round(datetime.fromisoformat(alarm["onset"]).timestamp() * 1000) * NS_PER_MS
    wanted = alarm_id(f"water.level/{alarm['rule']['name']}", alarm["channel"], onset_ns)
    if not alarm["id"] == wanted == message.key.decode():
        raise Broken(f"{path.name}: expected id {wanted}, got {message.key!r} in {alarm}")


def _elsewhere(path: Path, stream: Stream, found: Outcome) -> None:
    """Other offsets make other evidence, never another alarm."""
    moved = run(path, stream.moved(1000))
    if [_essence(a) for a in moved.alarms] != [_essence(a) for a in found.alarms]:
        raise Broken(f"{path.name}: offsets change alarms")


def _essence(alarm: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in alarm.items() if key != "evidence"}


def accounting(path: Path, stream: Stream) -> Outcome:
    """Law 5: received = sum of all dispositions, after every feed; every refusal is told."""
    letters = 0
    feeds = 0

    def after(lane: Lane, told: list[Message]) -> None:
        nonlocal letters, feeds
        feeds += 1
        letters += sum(_is_reading(message) for message in told)
        total = lane.accounts.summary()
        received = total.pop("received")
        if received != sum(total.values()) or not lane.accounts.balanced():
            raise Broken(f"{path.name}: {received} received, but {total}")
        if total["quarantined"] != letters:
            raise Broken(f"{path.name}: {total['quarantined']} quarantined, {letters} told")

    n = len(stream.records)
    found = run(path, stream, range(1, n), Hooks(after=after))
    batch = path.lane().parts.decoder.decode(stream.records)
    sent = len(batch) + len(batch.refused)
    if found.counts["received"] != sent:
        raise Broken(f"{path.name}: {sent} sent, {found.counts['received']} received")
    busy(path, found)
    if not letters or feeds < n:
        raise Idle(f"{path.name}: {letters} quarantined over {feeds} feeds")
    return found


def _is_reading(message: Message) -> bool:
    return message.kind == "dead_letter" and b'"tocsin.commands' not in message.body


def _sizes(lane: Lane) -> dict[str, int]:
    parts = [getattr(lane.parts, name).arrays() for name in STATEFUL]
    return {name: array.nbytes for arrays in parts for name, array in arrays.items()}


def bounds(path: Path, stream: Stream) -> Outcome:
    """Law 6: state per channel is constant, and everything else has a limit."""
    sizes: defaultdict[str, set[tuple[tuple[str, int], ...]]] = defaultdict(set)
    index: list[int] = []

    def after(lane: Lane, told: list[Message]) -> None:
        sizes[lane.parts.config].add(tuple(sorted(_sizes(lane).items())))
        for what, got, most in _kept(lane, len(path.rings)):
            if got > most:
                raise Broken(f"{path.name}: {what} grows to {got}, expected {most} at most")
        index.append(len(lane.index.state()))
        del told

    n = len(stream.records)
    found = run(path, stream, range(50, n, 50), Hooks(after=after))
    for config, seen in sizes.items():
        if len(seen) != 1:
            raise Broken(f"{path.name}: state of {config} takes {seen}")
    busy(path, found)
    minutes = (stream.records.timestamp_ms.max() - stream.records.timestamp_ms[0]) // 60_000
    if minutes <= MINUTES + 10 or max(index) < MINUTES // 2:
        raise Idle(f"{path.name}: {minutes} minutes fill no index")
    if found.counts["scored"] < CHATTER:
        raise Idle(f"{path.name}: {found.counts['scored']} readings are no chatter")
    return found


def _kept(lane: Lane, rules: int) -> Iterator[tuple[str, int, int]]:
    channels = len(lane.parts.catalogue)
    yield "the index", len(lane.index.state()), MINUTES
    yield "the outbox", len(lane.outbox), 0
    yield "the shelf", len(lane.shelving.state()), channels
    yield "the book", len(lane.parts.book.state()["open"]), channels * rules


def silence(path: Path, stream: Stream) -> Outcome:
    """Law 7: who sends nothing, or nothing valid, is rung for; what cannot be scored is told."""
    found = run(path, stream)
    busy(path, found)
    told = Counter(json.loads(m.body)["reason"] for m in found.messages if _is_reading(m))
    for disposition in Disposition:
        if disposition.quarantined and disposition is not Disposition.UNDECODABLE:
            counted = found.counts[disposition.word]
            if told[disposition.word] != counted:
                raise Broken(
                    f"{path.name}: {counted} {disposition.word}, {told[disposition.word]} told"
                )
    unscored = found.counts["received"] - found.counts["scored"]
    if not unscored:
        raise Idle(f"{path.name}: every reading could be scored")
    if "silent" in path.rings:
        _rung_for(path, stream)
    if "invalid" in path.rings:
        _told_invalid(path, stream)
    return found


def _rung_for(path: Path, stream: Stream) -> None:
    """When nothing comes for a day, every channel of the lane is rung for."""
    lane = path.lane()
    last_s = int(stream.records.timestamp_ms.max()) // 1000
    quiet = (len(stream.journal) * 3, _tick(stream, last_s + LONG_S))
    final = Stream(stream.records, (*stream.journal, quiet))
    found = run(path, final)
    state: dict[str, str] = {}
    for alarm in found.alarms:
        if alarm["rule"]["name"] == "silent":
            state[alarm["channel"]] = alarm["state"]
    unheard = [channel for channel in lane.parts.catalogue.ids if state.get(channel) != "active"]
    if unheard:
        raise Broken(f"{path.name}: nobody rang for {unheard}, silent for a day")
    if found.snapshot.header["lane_time_s"] in {NOT_BEGUN, last_s}:
        raise Idle(f"{path.name}: lane time stood still")


def _told_invalid(path: Path, stream: Stream) -> None:
    """When nothing valid comes, every channel is rung for, and none is called silent."""
    channels = path.lane().parts.catalogue.ids
    found = run(path, Stream(blind(stream.records, channels), stream.journal))
    state = {(a["channel"], a["rule"]["name"]): a["state"] for a in found.alarms}
    for channel in channels:
        if state.get((channel, "invalid")) != "active":
            raise Broken(f"{path.name}: nobody rang for {channel}, whose readings are all bad")
        if state.get((channel, "silent")) == "active":
            raise Broken(f"{path.name}: {channel} is called silent, though it sends")


def _tick(stream: Stream, lane_time_s: int) -> Entry:
    last = max([stream.records.next_offset, *(entry.at for _, entry in stream.journal)])
    return Entry(last, Tick(lane_time_s))
