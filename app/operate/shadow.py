"""`tocsin shadow`: let a proposed configuration play along, take over, or go."""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from app.process.settings import settled
from broker.access import check_access, client_options
from broker.closing import close_client
from broker.errors import refusal
from broker.partition_reader import LaneReader
from configuration.bundle_store import keep
from configuration.configuration import Configuration
from configuration.lane_plan import plan_of
from contracts.errors import ConfigError
from contracts.journal import Entry, Promote, Refuse, Rollback, Shadow, ShadowCommand, Shed, Swap
from contracts.ports.lane_log import Manifest
from contracts.topics import TopicNames
from pipeline.snapshot.store import SnapshotStore, unpack

ACTS: Final[dict[str, type[ShadowCommand]]] = {
    "begin": Shadow,
    "promote": Promote,
    "rollback": Rollback,
}
WAIT_S: Final = 60.0
LOOK_S: Final = 0.2


class Cast(msgspec.Struct):
    """Who plays in a lane: what governs, and what plays along.

    Parameters
    ----------
    lane : str
    governs : str
        Hash of the bundle that rings.
    shadow, by, reason : str
        Hash of the bundle that plays along, who began it and why; empty when none does.
    replaced : list of str
        Hashes of bundles that promoted ones replaced, first the one that was deployed.
    let_go : str
        Why the lane let go of its last shadow by itself, empty if it did not.
    compared : dict
        Findings of both, only live, only shadow, as the newest snapshot has them.
    """

    lane: str
    governs: str = ""
    shadow: str = ""
    by: str = ""
    reason: str = ""
    replaced: list[str] = msgspec.field(default_factory=list)
    let_go: str = ""
    compared: dict[str, int] = msgspec.field(default_factory=dict)

    def follow(self, entry: Entry) -> None:
        """Let a journal entry take effect here."""
        change = entry.change
        if isinstance(change, Shadow):
            self.shadow, self.by, self.reason = change.config, change.by, change.reason
            self.let_go = ""
        elif isinstance(change, Promote):
            self.replaced = [*self.replaced[:1], self.governs]
            self.governs = change.config
            self._end()
        elif isinstance(change, Rollback):
            if not self.shadow:
                self.governs = self.replaced.pop()
            self._end()
        elif isinstance(change, Shed):
            self._end()
            self.let_go = change.reason
        elif isinstance(change, Swap):
            self.governs, self.replaced = change.config, []

    def _end(self) -> None:
        self.shadow, self.by, self.reason, self.compared = "", "", "", {}

    def line(self) -> str:
        """One line for people."""
        text = f"{self.lane}: {self.governs or 'nothing yet'} governs"
        if self.replaced:
            text += f", promoted over {self.replaced[-1]}"
        if self.shadow:
            text += f"; {self.shadow} plays along, begun by {self.by}: {self.reason}"
        if self.compared:
            text += "; findings up to the newest snapshot: " + ", ".join(
                f"{count} {name.replace('_', ' ')}" for name, count in self.compared.items()
            )
        return text + (f"; let go of its shadow: {self.let_go}" if self.let_go else "")


async def shadow(arguments: argparse.Namespace) -> int:
    """Send a command about shadows to every lane, wait for its effect; or say what runs."""
    if arguments.act == "status":
        configuration = settled(arguments)
        async with _desk(configuration, arguments.lifeline) as desk:
            for cast in await desk.casts():
                line = json.dumps(msgspec.to_builtins(cast)) if arguments.json else ""
                sys.stdout.write((line or cast.line()) + "\n")
        return 0
    command = _command(arguments)
    configuration = settled(arguments)
    async with _desk(configuration, arguments.lifeline) as desk:
        if isinstance(command, Shadow):
            proposed = Configuration.load(arguments.proposed)
            keep(SnapshotStore(configuration.settings.state), proposed)
        answers = await desk.order(command)
    for line in answers:
        sys.stdout.write(line + "\n")
    return 1 if any(": refused" in line or ": no answer" in line for line in answers) else 0


def _command(arguments: argparse.Namespace) -> ShadowCommand:
    wanted = {"PROPOSED": arguments.proposed, "--by": arguments.by, "--reason": arguments.reason}
    missing = [name for name, given in wanted.items() if not given]
    if missing:
        msg = f"shadow {arguments.act}: expected {' and '.join(missing)}; the journal keeps them"
        raise ConfigError(msg)
    config = Configuration.load(arguments.proposed).hash
    return ACTS[arguments.act](config, arguments.by, arguments.reason)


@asynccontextmanager
async def _desk(configuration: Configuration, lifeline: str) -> AsyncIterator["_Desk"]:
    kafka = configuration.settings.kafka
    await check_access(kafka.bootstrap, kafka)
    reader = LaneReader(kafka.bootstrap, security=kafka)
    try:
        yield _Desk(configuration, lifeline, reader)
    except KafkaError as error:
        raise refusal(kafka.bootstrap, "shadows", error) from error
    finally:
        await reader.close()


class _Desk:
    """Journals and commands of a lifeline's lanes, in the hands of an operator."""

    def __init__(self, configuration: Configuration, lifeline: str, reader: LaneReader) -> None:
        self._plan = plan_of(configuration, lifeline)
        self._settings = configuration.settings
        self._topics = TopicNames(self._settings.app)
        self._lifeline = lifeline
        self._reader = reader

    async def casts(self) -> list[Cast]:
        """What each lane's newest snapshot and its journal behind it say."""
        return [await self._cast(number) for number in range(self._plan.partitions)]

    async def _cast(self, number: int) -> Cast:
        topics, lifeline = self._topics, self._lifeline
        found, _ = await self._reader.read(topics.manifests(lifeline), number, None)
        cast, first = Cast(str(self._plan.name(number))), None
        if found:
            manifest = msgspec.json.decode(found[-1].value, type=Manifest)
            store = SnapshotStore(self._settings.state)
            header = unpack(store.read(manifest.snapshot, manifest.checksum)).header
            cast, first = _begun(cast.lane, header), manifest.journal
        for _, entry in await self._journal(number, first):
            cast.follow(entry)
        return cast

    async def _journal(self, number: int, first: int | None) -> list[tuple[int, Entry]]:
        topic = self._topics.journal(self._lifeline)
        found, _ = await self._reader.read(topic, number, first, "journal entries")
        return [(r.offset, msgspec.json.decode(r.value, type=Entry)) for r in found]

    async def order(self, command: ShadowCommand) -> list[str]:
        """Send a command to every lane; what became of it comes back, a line each."""
        numbers = range(self._plan.partitions)
        topic = self._topics.journal(self._lifeline)
        ends = [(await self._reader.read(topic, n, None))[1] for n in numbers]
        behind = await self._send(msgspec.json.encode(command), numbers)
        until = time.monotonic() + WAIT_S
        return [await self._answer(n, ends[n], behind[n], until) for n in numbers]

    async def _send(self, body: bytes, numbers: Sequence[int]) -> list[int]:
        """Next command offset of each lane once it has taken this one."""
        kafka = self._settings.kafka
        producer = AIOKafkaProducer(
            bootstrap_servers=kafka.bootstrap, acks="all", **client_options(kafka)
        )
        topic = self._topics.commands(self._lifeline)
        try:
            await producer.start()
            sent: list[Any] = [
                await producer.send_and_wait(topic, body, partition=number) for number in numbers
            ]
        finally:
            await close_client(producer)
        return [record.offset + 1 for record in sent]

    async def _answer(self, number: int, first: int, behind: int, until: float) -> str:
        """What a lane's journal says of the command, once it says anything."""
        name = self._plan.name(number)
        while True:
            for _, entry in await self._journal(number, first):
                if entry.command == behind and isinstance(entry.change, Refuse):
                    return f"{name}: refused, {entry.change.detail}"
                if entry.command == behind:
                    return f"{name}: done, from telemetry offset {entry.at} on"
            if time.monotonic() > until:
                return f"{name}: no answer within {WAIT_S:g} s; the command stays and takes effect"
            await asyncio.sleep(LOOK_S)


def _begun(lane: str, header: dict[str, Any]) -> Cast:
    """What a snapshot's header says of shadows."""
    cast = Cast(lane, header["config"], replaced=list(header.get("before", ())))
    state = header.get("understudy")
    if state:
        cast.shadow, cast.by = state["lane"]["config"], state["by"]
        cast.reason = state["reason"]
        live, shadow_ = state["tally"]["rings"]
        both = state["tally"]["both"]
        cast.compared = {"both": both, "only_live": live - both, "only_shadow": shadow_ - both}
    return cast
