"""`tocsin dead-letters`: what was refused, by cause, and the original once more after a fix."""

import argparse
import json
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaProducer

from broker.access import client_options
from broker.closing import close_client
from contracts.dead_letter import REPLAYED, DeadLetter, encode_dead_letter
from contracts.errors import ConfigError, FatalError
from ingest.kafka.dead_letters import Letter, LetterBox, letter_box
from operate.settings import settled

REPLAY_OF: Final = "tocsin-replay-of"  # header of a message that was sent once more
REPLAYS_MAX: Final = 10_000  # in one call: they are remembered until all are sent
SHOWN_BYTES: Final = 16 << 10


@dataclass
class Cause:
    """What was refused for one reason."""

    count: int = 0
    letters: int = 0
    first_ms: int = 0
    last_ms: int = 0
    lanes: set[str] = field(default_factory=set)
    example: str = ""

    def add(self, found: Letter) -> None:
        """Count one more; the newest is the example."""
        stamp_ms = found.record.timestamp
        self.first_ms = min(self.first_ms, stamp_ms) if self.letters else stamp_ms
        self.last_ms = max(self.last_ms, stamp_ms)
        self.count += found.letter.count
        self.letters += 1
        self.lanes.add(found.letter.lane)
        self.example = f"{found.place}: {found.letter.detail}"


async def dead_letters(arguments: argparse.Namespace) -> int:
    """List, show or replay."""
    if arguments.act == "show" and not arguments.place:
        msg = "dead-letters show: expected a PLACE as `list` names it (water-3@1841), got none"
        raise ConfigError(msg)
    if arguments.act == "replay" and bool(arguments.place) == bool(arguments.reason):
        msg = "dead-letters replay: expected a PLACE or --reason, one of both; `list` names them"
        raise ConfigError(msg)
    settings = settled(arguments).settings
    async with letter_box(settings.app, settings.kafka) as box:
        if arguments.act == "list":
            return await _list(box, arguments)
        if arguments.act == "show":
            return await _show(box, arguments)
        return await _replay(box, arguments)


async def _list(box: LetterBox, arguments: argparse.Namespace) -> int:
    causes: dict[str, Cause] = {}
    async for found in box.letters(arguments.lifeline):
        if arguments.reason in {None, found.letter.reason}:
            causes.setdefault(found.letter.reason, Cause()).add(found)
    for reason, cause in sorted(causes.items(), key=lambda item: -item[1].count):
        first, last = time_of(cause.first_ms), time_of(cause.last_ms)
        lanes = sorted(cause.lanes)
        if arguments.json:
            said = {"reason": reason, "count": cause.count, "letters": cause.letters}
            said |= {"first": first, "last": last, "lanes": lanes, "example": cause.example}
            _say(json.dumps(said, ensure_ascii=False))
        else:
            _say(f"{reason}: {cause.count:,} in {', '.join(lanes)}, {first} to {last}")
            _say(f"  {cause.example}")
    return 0


async def _show(box: LetterBox, arguments: argparse.Namespace) -> int:
    shown: Letter | None = None
    async for found in box.letters(arguments.lifeline):
        if found.place == arguments.place:
            shown = found
            body = msgspec.to_builtins(found.letter)
            _say(json.dumps({**body, "headers": found.headers}, ensure_ascii=False, indent=2))
    if shown is None:
        sys.stderr.write(f"{arguments.place}: expected a dead letter, got none; see `list`\n")
        return 1
    record = await box.original(shown)
    if record is None:
        _say("the original is not in its log any more")
    else:
        text = (record.value or b"")[:SHOWN_BYTES].decode(errors="replace")
        _say(f"the original, of {len(record.value or b'')} bytes:\n{text}")
    return 0


async def _replay(box: LetterBox, arguments: argparse.Namespace) -> int:
    """Send originals once more, each with a note in one transaction: never twice."""
    producer = AIOKafkaProducer(
        bootstrap_servers=box.kafka.bootstrap,
        transactional_id=f"{box.app}-dead-letters",
        **client_options(box.kafka),
    )
    sent = gone = 0
    try:
        await producer.start()  # whoever replays meanwhile is fenced, so notes are complete
        wanted = await _wanted(box, arguments)
        for found in wanted:
            record = await box.original(found)
            gone += record is None
            if record is not None:
                await _send_again(box, producer, found, record)
                sent += 1
    finally:
        await close_client(producer)
    _say(f"{sent} messages sent once more, {gone} are not in their log any more")
    return 0 if sent or not gone else 1


async def _wanted(box: LetterBox, arguments: argparse.Namespace) -> list[Letter]:
    """One letter of each message that is to be sent and was not yet."""
    wanted: dict[tuple[str, int, int], Letter] = {}
    done: set[tuple[str, int, int]] = set()
    async for found in box.letters(arguments.lifeline):
        if found.letter.reason == REPLAYED:
            done.add(found.origin)
            wanted.pop(found.origin, None)
        elif found.origin not in done and _asked(found, arguments):
            wanted.setdefault(found.origin, found)
        if len(wanted) > REPLAYS_MAX:
            msg = f"dead-letters replay: expected at most {REPLAYS_MAX} messages, got more; "
            raise FatalError(msg + "name --lifeline, or one PLACE after the other")
    return sorted(wanted.values(), key=lambda found: found.origin)


def _asked(found: Letter, arguments: argparse.Namespace) -> bool:
    place: str | None = arguments.place
    if place:
        return found.place == place
    wanted: str = arguments.reason
    return found.letter.reason == wanted


async def _send_again(
    box: LetterBox, producer: AIOKafkaProducer, found: Letter, record: Any
) -> None:
    topic, partition, offset = found.origin
    note = DeadLetter(
        lane=found.letter.lane,
        reason=REPLAYED,
        detail=f"sent once more; it was refused as {found.letter.reason}",
        topic=topic,
        partition=partition,
        offset=offset,
    )
    async with producer.transaction():
        await producer.send(
            topic,
            record.value,
            key=record.key,
            partition=partition,
            headers=[*record.headers, (REPLAY_OF, f"{topic}[{partition}]@{offset}".encode())],
        )
        await producer.send(
            box.topic,
            encode_dead_letter(note),
            key=found.place.encode(),
            partition=found.record.partition,
        )


def time_of(stamp_ms: int) -> str:
    """A record's stamp as people write it, in UTC."""
    return datetime.fromtimestamp(stamp_ms / 1000, UTC).isoformat(timespec="seconds")


def _say(text: str) -> None:
    """Print what may hold a stranger's text: nothing of it moves a terminal's cursor."""
    shown = (c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)
    sys.stdout.write("".join(shown) + "\n")
