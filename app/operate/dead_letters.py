"""`tocsin dead-letters`: what was refused, by cause, and the original once more after a fix."""

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from app.process.settings import settled
from broker.closing import close_client
from broker.errors import refusal
from configuration.configuration import Configuration
from contracts.dead_letter import REPLAYED, DeadLetter, encode_dead_letter
from contracts.errors import ConfigError, FatalError
from contracts.topics import TopicNames

REPLAY_OF: Final = "tocsin-replay-of"  # header of a message that was sent once more
REPLAYS_MAX: Final = 10_000  # in one call: they are remembered until all are sent
SHOWN_BYTES: Final = 16 << 10
WAIT_MS: Final = 500
ANSWER_S: Final = 10.0


class Letter(NamedTuple):
    """A dead letter and its record.

    Parameters
    ----------
    letter : DeadLetter
    record : ConsumerRecord
    """

    letter: DeadLetter
    record: Any

    @property
    def place(self) -> str:
        """What was refused, as commands name it (`water-3@1841`)."""
        return f"{self.letter.lane}@{self.letter.offset}"

    @property
    def origin(self) -> tuple[str, int, int]:
        """Topic, partition and offset of what was refused."""
        return self.letter.topic, self.letter.partition, self.letter.offset

    @property
    def headers(self) -> dict[str, str]:
        """Headers of the record."""
        return {name: value.decode(errors="replace") for name, value in self.record.headers}


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


class LetterBox:
    """The topic of dead letters, read from its beginning to the end of now.

    Parameters
    ----------
    configuration : Configuration
    consumer : AIOKafkaConsumer
        Started, without a group.
    """

    def __init__(self, configuration: Configuration, consumer: AIOKafkaConsumer) -> None:
        self.app = configuration.settings.app
        self.bootstrap = configuration.settings.kafka.bootstrap
        self.topic = TopicNames(self.app).dead_letters
        self._consumer = consumer

    async def letters(self, lifeline: str | None = None) -> AsyncIterator[Letter]:
        """All of a lifeline, partition by partition; what is no dead letter is passed over."""
        consumer = self._consumer
        for number in await self._partitions():
            place = TopicPartition(self.topic, number)
            consumer.assign([place])
            await consumer.seek_to_beginning(place)
            end = (await consumer.end_offsets([place]))[place]
            while await consumer.position(place) < end:
                for record in (await consumer.getmany(place, timeout_ms=WAIT_MS)).get(place, []):
                    found = _letter(record)
                    if found and lifeline in {None, found.letter.lane.rpartition("-")[0]}:
                        yield found

    async def _partitions(self) -> list[int]:
        """Partitions of the topic, which the client looks up once one of them is assigned."""
        first = TopicPartition(self.topic, 0)
        self._consumer.assign([first])
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._consumer.end_offsets([first])
        except (KafkaError, TimeoutError) as error:
            msg = f"{self.topic}: expected the topic of dead letters, got none; "
            raise ConfigError(msg + "see `tocsin topics --bootstrap`") from error
        return sorted(self._consumer.partitions_for_topic(self.topic))

    async def original(self, found: Letter) -> Any | None:
        """The refused record, None when its log holds it no longer."""
        topic, partition, offset = found.origin
        place = TopicPartition(topic, partition)
        consumer = self._consumer
        consumer.assign([place])
        if not (await consumer.beginning_offsets([place]))[place] <= offset:
            return None
        consumer.seek(place, offset)
        try:
            async with asyncio.timeout(ANSWER_S):
                record = await consumer.getone(place)
        except TimeoutError:
            return None
        return record if record.offset == offset else None


def _letter(record: Any) -> Letter | None:
    try:
        return Letter(msgspec.json.decode(record.value or b"", type=DeadLetter), record)
    except msgspec.DecodeError:
        return None


@asynccontextmanager
async def letter_box(configuration: Configuration) -> AsyncIterator[LetterBox]:
    """The dead letters of an installation."""
    bootstrap = configuration.settings.kafka.bootstrap
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="none",
        group_id=None,
    )
    try:
        await consumer.start()
        yield LetterBox(configuration, consumer)
    except KafkaError as error:
        raise refusal(bootstrap, "dead letters", error) from error
    finally:
        await close_client(consumer)


async def dead_letters(arguments: argparse.Namespace) -> int:
    """List, show or replay."""
    if arguments.act == "show" and not arguments.place:
        msg = "dead-letters show: expected a PLACE as `list` names it (water-3@1841), got none"
        raise ConfigError(msg)
    if arguments.act == "replay" and bool(arguments.place) == bool(arguments.reason):
        msg = "dead-letters replay: expected a PLACE or --reason, one of both; `list` names them"
        raise ConfigError(msg)
    async with letter_box(settled(arguments)) as box:
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
        bootstrap_servers=box.bootstrap, transactional_id=f"{box.app}-dead-letters"
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
